"""What a terminal shows: its screen, its other screen, and the lines on them as runs of one style."""

import re
from dataclasses import dataclass

import pyte

OTHER, BACK = "\x1b[?1049h", "\x1b[?1049l"


@dataclass(frozen=True)
class Style:
    color: str
    bold: bool
    reverse: bool


class Screens:
    """A terminal with two screens, as xterm has them. pyte has one."""

    def __init__(self, columns, rows):
        self.size = (columns, rows)
        self.main = self.screen = pyte.Screen(columns, rows)
        self.stream = pyte.Stream(self.screen)

    def feed(self, data):
        for part in re.split(f"({re.escape(OTHER)}|{re.escape(BACK)})", data):
            if part == OTHER:
                self.use(pyte.Screen(*self.size))
            elif part == BACK:
                self.use(self.main)
            else:
                self.stream.feed(part)

    def use(self, screen):
        self.screen = screen
        self.stream = pyte.Stream(screen)

    @staticmethod
    def replay(events, columns, rows):
        """For each moment of a recording the screen as lines of runs, and where the cursor is, if it is shown."""
        screens, moments = Screens(columns, rows), []
        for at, data in events:
            screens.feed(data)
            moments.append((at, screens.lines(), screens.cursor()))
        return moments

    # --- for pictures

    def lines(self):
        return tuple(self.runs(row) for row in range(self.size[1]))

    def runs(self, row):
        """The runs of a line: (column, text, style), without blanks at its end."""
        runs, line = [], self.screen.buffer[row]
        for column in range(self.size[0]):
            cell = line[column]
            style = Style(cell.fg, cell.bold, cell.reverse)
            if runs and runs[-1][2] == style:
                runs[-1][1] += cell.data
            else:
                runs.append([column, cell.data, style])
        kept = []
        for column, text, style in runs:
            blank = len(text) - len(text.lstrip(" "))
            text = text if style.reverse else text.strip(" ")
            if text:
                kept.append((column + (0 if style.reverse else blank), text, style))
        return tuple(kept)

    def cursor(self):
        cursor = self.screen.cursor
        # behind a full line it waits to go to the next one
        is_shown = not cursor.hidden and cursor.x < self.size[0]
        return (cursor.x, cursor.y) if is_shown else None

    # --- for the person who answers

    def text(self):
        return "\n".join(line.rstrip() for line in self.screen.display).rstrip()

    def cursor_line(self):
        """The line on which the cursor waits, with the lines that it continues."""
        rows = self.screen.display[: self.screen.cursor.y + 1]
        line = rows[-1].rstrip()
        if not line:
            return ""
        for row in reversed(rows[:-1]):
            if len(row.rstrip()) < self.size[0] - 12 or not row.strip():
                break
            line = f"{row.rstrip()} {line}"
        return line

    def menu(self):
        """The question and the entries of a menu at the end of the screen, if there is one."""
        lines = self.text().splitlines()
        at = next((at for at in reversed(range(len(lines))) if lines[at].startswith(">")), None)
        if at is None:
            return ""
        first = at
        while first > 0 and lines[first - 1].startswith("  "):
            first -= 1
        entries = lines[at + 1 :]
        return "\n".join(lines[max(0, first - 2) :]) if all(line.startswith("  ") for line in entries) else ""

    def chosen(self):
        lines = [line for line in self.text().splitlines() if line.startswith(">")]
        return lines[-1] if lines else ""

    def key(self):
        """The key that the screen shows."""
        found = re.search(r"PGCOFFER-KEY-1[0-9A-Z\s-]+", self.text())
        key = re.sub(r"\s", "", found[0])[:72] if found else ""
        return key if len(key) == 72 else ""
