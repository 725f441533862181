"""Records pgcoffer on a real terminal, for README: `make recording`, which runs this inside the test bed's stage.

Each scene is typed into a shell. Questions are answered by their words, in any order. A menu that no rule knows keeps its
default. Another question that no rule knows gets Enter after a while, with a warning on stderr. What the program prints
is what the pictures show. The timing is made up: a fixed time for a key, a change of the screen, a question, and a
command that has ended.

Writes NAME.cast (asciinema, version 2) into the folder CASTS, and NAME.svg and NAME-still.svg beside this file.
"""

import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from screens import Screens
from svg import animated, still

COLUMNS, ROWS = 88, 24
ROLE = "backup"
HERE = Path(__file__).resolve().parent
# a prompt that a person sees as `$ `, and this program by a mark that terminals ignore
PROMPT = "\x1b]133;A\x07"
# seconds in the recording
KEY, CHANGE, QUESTION, ENDED, READ_LINE = 0.06, 0.12, 1.0, 1.6, 0.22
# seconds in the real run
QUIET, UNKNOWN, LIMIT = 0.4, 20.0, 600.0


@dataclass
class Answer:
    """What is typed when a question's line, or its menu, matches."""

    question: str
    text: str = ""
    # the entry of a menu that is chosen
    choose: str = ""
    hidden: bool = False
    times: int = 1


@dataclass
class Line:
    """One line for the shell, and what is typed blindly afterwards, as `read -rs` wants it."""

    command: str
    secret: str = ""


@dataclass
class Scene:
    name: str
    title: str
    lines: list
    answers: list = field(default_factory=list)


def scenes(target):
    """The two recordings. A rule for a question that this version doesn't ask does no harm."""
    return [
        Scene(
            "init",
            "pgcoffer init",
            [Line("pgcoffer init")],
            [
                Answer(r"(?i)back it up\?", "y"),
                Answer(r"(?i)name in the bucket", "main"),
                Answer(r"(?i)URL of (a|the|another) database", "", hidden=True),
                Answer(r"(?i)s3://bucket/prefix", "s3://testbed/backups"),
                Answer(r"(?i)\bready\?", ""),
                Answer(r"(?i)press enter when it is stored", "", hidden=True, times=3),
                Answer(r"(?i)last (6|six) characters", "KEY-END", times=3),
                Answer(r"(?i)recovery sheet.*write it|write it\?", "y"),
                Answer(r"(?i)which new file.*html", ""),
                Answer(r"(?i)time zone", "Europe/Berlin"),
                Answer(r"(?i)its ping URL", "", hidden=True),
                Answer(r"(?i)where will pgcoffer run", choose=r"(?i)shell"),
                Answer(r"(?i)the settings.*file|settings, into", "pgcoffer.sh"),
                Answer(r"(?i)who(m| gets| should).*(tell|notice|mail|message)", ""),
            ],
        ),
        Scene(
            "restore",
            "a backup, and a restore into a new database",
            [
                Line(". ./pgcoffer.sh"),
                Line("pgcoffer backup"),
                Line("pgcoffer list"),
                Line("createdb shop_again"),
                Line("read -rs TARGET_URL && export TARGET_URL", secret=target),
                Line("pgcoffer restore latest --to env:TARGET_URL"),
                Line("psql shop_again -Atc 'select count(*) from shop.orders'"),
            ],
            [Answer(r"(?i)(type|name of).*(database|shop_again|confirm)|shop_again.*: *$", "shop_again")],
        ),
    ]


class Recording:
    """A shell on a pseudo-terminal, what it showed, and when that is shown in the recording."""

    def __init__(self, folder, environment):
        self.events, self.clock = [], 0.0
        self.screens = Screens(COLUMNS, ROWS)
        self.key = ""
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            os.chdir(folder)
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
            os.execve("/bin/bash", ["bash", "--norc", "--noprofile", "-i"], environment)
        self.output("the shell's prompt")

    # --- the real terminal

    def read(self, seconds):
        """What is printed within so many seconds; empty if nothing is."""
        ready, _, _ = select.select([self.terminal], [], [], seconds)
        if not ready:
            return ""
        try:
            return os.read(self.terminal, 65536).decode(errors="replace")
        except OSError:
            return ""

    def output(self, what, answers=None, silent=False):
        """Shows what is printed, and answers questions, until the shell prompts again."""
        began = heard = time.monotonic()
        before = len(self.screens.text().splitlines())
        while True:
            data = self.read(QUIET)
            if time.monotonic() - began > LIMIT:
                sys.exit(f"{what}: nothing after {LIMIT:.0f} s\n{self.screens.text()}")
            if data:
                heard = time.monotonic()
                # what comes within one blink is one change
                while more := self.read(0.05):
                    data += more
                    if len(data) > 65536:
                        break
                ended = PROMPT in data
                self.show(data.replace(PROMPT, ""), 0 if silent else CHANGE)
                if ended:
                    grown = max(0, len(self.screens.text().splitlines()) - before)
                    self.wait(ENDED + READ_LINE * min(grown, 12) if not silent else 0)
                    return
                continue
            if answers is not None and (answer := self.question(answers, time.monotonic() - heard)):
                self.wait(QUESTION)
                self.answer(answer)
                heard = time.monotonic()

    def question(self, answers, quiet):
        """The rule for the question that waits for an answer, if one does."""
        line, menu = self.screens.cursor_line(), self.screens.menu()
        for answer in answers:
            place = menu if answer.choose else line
            if answer.times and place and re.search(answer.question, place):
                answer.times -= 1
                return answer
        if menu:
            return Answer("")
        if line and quiet > UNKNOWN:
            print(f"no rule for this question, which gets Enter: {line.strip()!r}", file=sys.stderr)
            return Answer("")
        return None

    # --- the person

    def answer(self, answer):
        self.key = self.screens.key() or self.key
        if answer.choose:
            for _ in range(20):
                if re.search(answer.choose, self.screens.chosen()):
                    break
                self.press("\x1b[B")
        text = self.key[-6:].lower() if answer.text == "KEY-END" else answer.text
        self.type(text, answer.hidden)
        os.write(self.terminal, b"\r")

    def type(self, text, hidden=False):
        for character in text:
            os.write(self.terminal, character.encode())
            if not hidden:
                self.echo(KEY)

    def press(self, keys):
        os.write(self.terminal, keys.encode())
        self.echo(CHANGE)

    def echo(self, seconds):
        """What the terminal shows of a key."""
        self.show(self.read(0.3), seconds)

    # --- the recording

    def wait(self, seconds):
        self.clock += seconds

    def show(self, data, seconds):
        if data:
            self.clock += seconds
            self.screens.feed(data)
            self.events.append((round(self.clock, 3), data))

    def run(self, line, answers):
        self.type(line.command)
        self.wait(CHANGE * 3)
        os.write(self.terminal, b"\r")
        if line.secret:
            self.show(self.read(1.0), CHANGE)
            self.wait(QUESTION)
            os.write(self.terminal, line.secret.encode() + b"\r")
        self.output(line.command, answers)

    def end(self):
        os.kill(self.pid, signal.SIGHUP)
        os.waitpid(self.pid, 0)
        os.close(self.terminal)


def environment(home, owner):
    """What a user has: programs, a database, a bucket's credentials; and nothing of pgcoffer."""
    # psql and createdb find the server without variables, which `init` would offer as a second database
    Path(home, ".pg_service.conf").write_text(
        f"[recording]\nhost={owner.hostname}\nport={owner.port}\nuser={owner.username}\ndbname=postgres\n"
    )
    binaries = [os.environ["PGCOFFER_BINARIES"], os.environ["PGCOFFER_PG_BIN"], "/usr/local/bin", "/usr/bin", "/bin"]
    found = {name: value for name, value in os.environ.items() if name.startswith("AWS_")}
    return found | {
        "PATH": ":".join(binaries),
        "HOME": home,
        "TERM": "xterm-256color",
        "LANG": "C.UTF-8",
        "PS1": f"\\[{PROMPT}\\]$ ",
        "DATABASE_URL": owner._replace(netloc=owner.netloc.replace(f"{owner.username}@", f"{ROLE}@")).geturl(),
        "PGSERVICE": "recording",
        "PGCOFFER_S3_PATH_STYLE": "true",
        "PSQLRC": "/dev/null",
    }


def make_role(known, owner):
    """The role that the backups are made with, as the documentation makes it."""
    given = known | {"PGCOFFER_DB_MAIN_URL": owner.geturl()}
    command = f"createuser {ROLE} && pgcoffer check --fix-sql --role {ROLE} | psql --quiet --dbname shop"
    subprocess.run(["bash", "-o", "pipefail", "-c", command], env=given, check=True)


def cast(recording, title):
    """asciinema's file format, version 2."""
    header = {"version": 2, "width": COLUMNS, "height": ROWS, "title": title, "env": {"TERM": "xterm-256color"}}
    lines = [json.dumps(header)] + [json.dumps([at, "o", data]) for at, data in recording.events]
    return "\n".join(lines) + "\n"


def main(casts):
    casts = Path(casts)
    casts.mkdir(parents=True, exist_ok=True)
    owner = urlsplit(os.environ["PGCOFFER_DB_MAIN_URL"])
    with tempfile.TemporaryDirectory() as home:
        known = environment(home, owner)
        make_role(known, owner)
        target = owner._replace(path="/shop_again").geturl()
        for scene in scenes(target):
            recording = Recording(home, known)
            for line in scene.lines:
                recording.run(line, scene.answers)
            recording.end()
            (casts / f"{scene.name}.cast").write_text(cast(recording, scene.title))
            moments = Screens.replay(recording.events, COLUMNS, ROWS)
            length = recording.clock + 3
            for name, picture in [(scene.name, animated), (f"{scene.name}-still", still)]:
                text = picture(moments, length, COLUMNS, ROWS, scene.title)
                (HERE / f"{name}.svg").write_text(text)
                print(f"docs/recording/{name}.svg: {len(text):,} bytes", file=sys.stderr)


if __name__ == "__main__":
    main(*sys.argv[1:])
