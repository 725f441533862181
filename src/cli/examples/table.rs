//! The examples themselves: a line that can be typed, and what it is for.

use super::Example;

/// The examples of each command, by its words.
pub(super) const EXAMPLES: &[(&str, &[Example])] = &[
    (
        "init",
        &[
            ("pgcoffer init", "asks for everything, on a terminal"),
            (
                "pgcoffer init --yes --database main=env:DATABASE_URL --bucket s3://your-bucket/backups --key-stored \
                 --output dotenv --write pgcoffer.env",
                "asks nothing; the new key stands in pgcoffer.env, which is put away at once",
            ),
        ],
    ),
    (
        "keygen",
        &[
            (
                "pgcoffer keygen > pgcoffer.key",
                "a new key, in a file; keep a copy elsewhere",
            ),
            (
                "pgcoffer keygen --words",
                "a passphrase that can be written down by hand",
            ),
            (
                "pgcoffer keygen --catalog",
                "the catalog key of the key that is set, for a monitor",
            ),
        ],
    ),
    (
        "backup",
        &[
            ("pgcoffer backup", "of the only database there is"),
            (
                "pgcoffer backup shop --retain 30d",
                "of the database shop, kept for 30 days",
            ),
        ],
    ),
    (
        "list",
        &[
            ("pgcoffer list", "the newest 30 of all databases"),
            ("pgcoffer list shop --good", "the good ones of the database shop"),
            (
                "pgcoffer list --wide -n 200",
                "more of them, with every column and whole ids",
            ),
            ("pgcoffer list --json | jq -r '.backups[].id'", "for a program"),
        ],
    ),
    (
        "copy",
        &[
            ("pgcoffer copy", "what is missing, to every other place"),
            (
                "pgcoffer copy --to offsite --dry-run",
                "says what would be copied there",
            ),
            ("pgcoffer copy --from offsite", "fills a bucket that was lost"),
        ],
    ),
    (
        "diff",
        &[
            ("pgcoffer diff 20261120T0700", "from that backup to the newest good one"),
            (
                "pgcoffer diff 20261120T0700 --definitions",
                "with the name of each definition that changed",
            ),
            (
                "pgcoffer diff latest:weekly latest --json",
                "since the newest weekly one, for a program",
            ),
        ],
    ),
    (
        "audit",
        &[
            ("pgcoffer audit", "what was done in the dashboard last"),
            ("pgcoffer audit --limit 0 --json", "all of it, for a program"),
        ],
    ),
    (
        "schedule",
        &[("pgcoffer schedule show", "when each database is backed up")],
    ),
    (
        "schedule show",
        &[(
            "pgcoffer schedule show",
            "when each database is backed up, and what is kept over a year",
        )],
    ),
    (
        "schedule preview",
        &[(
            "pgcoffer schedule preview 'daily at 02:30 keep 7d, monthly keep 12mo'",
            "what that would keep; changes nothing",
        )],
    ),
    (
        "schedule set",
        &[
            (
                "pgcoffer schedule set 'daily at 02:30 keep 7d, weekly keep 5w' --timezone Europe/Berlin",
                "for the only database there is, on every machine",
            ),
            (
                "pgcoffer schedule set --database shop --drill 'weekly on sunday at 04:00'",
                "when the backups of the database shop are drilled",
            ),
        ],
    ),
    (
        "schedule clear",
        &[(
            "pgcoffer schedule clear --database shop",
            "what is stored for the database shop counts no more",
        )],
    ),
    (
        "drill",
        &[
            (
                "pgcoffer drill",
                "restores the newest good backup of each database aside, and compares everything",
            ),
            (
                "pgcoffer drill latest --database shop --no-report",
                "of the database shop, without a report in the bucket",
            ),
        ],
    ),
    (
        "certificate",
        &[
            ("pgcoffer certificate show", "the newest one"),
            (
                "pgcoffer certificate verify *.certificate.json --key certificate-key.pem",
                "what others check, without the bucket and without a secret",
            ),
        ],
    ),
    (
        "certificate show",
        &[
            ("pgcoffer certificate show", "the newest one, verified"),
            (
                "pgcoffer certificate show 20261120T0700 --json",
                "that of one backup, for a program",
            ),
        ],
    ),
    (
        "certificate get",
        &[
            ("pgcoffer certificate get", "the newest one, for others to verify"),
            (
                "pgcoffer certificate get --format html -o drill.html",
                "a page to read, print and file",
            ),
            (
                "pgcoffer certificate get --all -o evidence",
                "all of them, as an auditor wants them",
            ),
            (
                "pgcoffer certificate get --names",
                "with the names of tables; for people who may know them",
            ),
        ],
    ),
    (
        "certificate verify",
        &[
            (
                "pgcoffer certificate verify evidence/*.json --key certificate-key.pem",
                "every one of them, and that none is missing in between",
            ),
            (
                "pgcoffer certificate verify main-12.certificate.json --archive main.pgc",
                "and that it is about this sealed archive",
            ),
        ],
    ),
    (
        "certificate key",
        &[
            (
                "pgcoffer certificate key > certificate-key.pem",
                "for whoever is to verify certificates; it is no secret",
            ),
            (
                "pgcoffer certificate key --old",
                "with those that verify what was signed before a change of the key",
            ),
        ],
    ),
    (
        "show",
        &[
            ("pgcoffer show latest", "the newest good backup with its tables"),
            (
                "pgcoffer show latest:monthly --database shop",
                "the newest of its tier, of one database",
            ),
            (
                "pgcoffer show 20261120T0700",
                "by a part of its id: also why a run failed",
            ),
            (
                "pgcoffer show latest --globals",
                "roles, memberships and settings, as SQL for another server",
            ),
        ],
    ),
    (
        "repository",
        &[(
            "pgcoffer repository",
            "the value of PGCOFFER_REPOSITORY for another machine",
        )],
    ),
    (
        "get",
        &[
            ("pgcoffer get latest -o shop.dump", "a file that pg_restore reads"),
            (
                "pgcoffer get latest -o - | pg_restore --list",
                "into a program, without a file",
            ),
            (
                "pgcoffer get latest --sealed",
                "as it stands in the bucket, to be opened elsewhere",
            ),
        ],
    ),
    (
        "open",
        &[(
            "pgcoffer open shop.pgc -o shop.dump",
            "opens what `get --sealed` or another program downloaded",
        )],
    ),
    (
        "verify",
        &[
            ("pgcoffer verify", "reads the newest good backup back"),
            (
                "pgcoffer verify latest --database shop --thaw bulk --wait",
                "out of cold storage, within two days",
            ),
        ],
    ),
    (
        "restore",
        &[
            (
                "pgcoffer restore latest --to env:TARGET_URL",
                "into an empty database, whose URL is in the variable TARGET_URL",
            ),
            (
                "pgcoffer restore latest --to env:TARGET_URL --dry-run",
                "what would be restored, and what not",
            ),
            (
                "pgcoffer restore --before '2026-11-20 14:00' --to env:TARGET_URL",
                "the newest good one from before that time",
            ),
            (
                "pgcoffer restore latest --to env:TARGET_URL --only table:public.orders",
                "one table with what belongs to it, into a database of its own",
            ),
            (
                "pgcoffer restore latest --to env:TARGET_URL --jobs 4",
                "four tables at a time, then four indexes",
            ),
            (
                "pgcoffer restore latest --to env:TARGET_URL --clean --confirm shop",
                "replaces what is there, all or nothing; asks nobody",
            ),
        ],
    ),
    (
        "tick",
        &[
            (
                "pgcoffer tick",
                "what is due now, of all databases: for cron, every ten minutes",
            ),
            ("pgcoffer tick shop --no-prune", "of one database, and deletes nothing"),
        ],
    ),
    (
        "serve",
        &[
            ("pgcoffer serve", "answers on 127.0.0.1:9187"),
            (
                "pgcoffer serve --listen 0.0.0.0:9187 --parallel 2",
                "for others too, two backups at once",
            ),
        ],
    ),
    (
        "dashboard",
        &[(
            "pgcoffer dashboard password",
            "asks for a password, and prints what the setting takes",
        )],
    ),
    (
        "dashboard password",
        &[
            ("pgcoffer dashboard password", "asks twice, and prints the hash"),
            (
                "pgcoffer dashboard password < password.txt",
                "reads it from a file, and prints the hash",
            ),
        ],
    ),
    (
        "dashboard token",
        &[
            (
                "pgcoffer dashboard token --name ci --scope read",
                "for a program that looks",
            ),
            (
                "pgcoffer dashboard token --name deploy --scope act",
                "for one that backs up before a release",
            ),
        ],
    ),
    (
        "dashboard open",
        &[
            ("pgcoffer dashboard open", "a link that opens once, within five minutes"),
            (
                "heroku run -a your-backups -- pgcoffer dashboard open",
                "the same on Heroku",
            ),
        ],
    ),
    (
        "status",
        &[
            ("pgcoffer status", "all databases; ends with 8 where one needs a look"),
            (
                "pgcoffer status --notify",
                "tells of late backups: for a machine beside the one that backs up",
            ),
        ],
    ),
    (
        "prune",
        &[
            (
                "pgcoffer prune --dry-run",
                "what would be deleted, and why each backup stays or goes",
            ),
            ("pgcoffer prune shop", "of one database"),
        ],
    ),
    (
        "delete",
        &[
            (
                "pgcoffer delete 43h5qd --dry-run",
                "what would be deleted, and what is left then",
            ),
            (
                "pgcoffer delete 43h5qd",
                "one backup, by the short id that `list` shows; asks first",
            ),
        ],
    ),
    (
        "retain",
        &[
            (
                "pgcoffer retain 43h5qd 12mo",
                "kept for twelve months from when it was made",
            ),
            (
                "pgcoffer retain latest:monthly forever --by ada",
                "kept until somebody deletes it",
            ),
        ],
    ),
    (
        "hold",
        &[(
            "pgcoffer hold latest --reason 'before the move'",
            "stays whatever its retention says",
        )],
    ),
    (
        "release",
        &[(
            "pgcoffer release 20261120T070000Z-abcdefghij23",
            "goes by its retention again",
        )],
    ),
    (
        "accept",
        &[(
            "pgcoffer accept 20261120T070000Z-abcdefghij23",
            "counts as good: the rows were deleted on purpose",
        )],
    ),
    (
        "lifecycle",
        &[("pgcoffer lifecycle show", "the rules that the bucket has")],
    ),
    (
        "lifecycle show",
        &[("pgcoffer lifecycle show", "every rule, and whose it is")],
    ),
    (
        "lifecycle plan",
        &[
            (
                "pgcoffer lifecycle plan --cold 'monthly to glacier after 30d'",
                "what it would cost, and what would change",
            ),
            (
                "pgcoffer lifecycle plan --expire --keep 'daily 7d, monthly 12mo'",
                "S3 itself deletes",
            ),
        ],
    ),
    (
        "lifecycle apply",
        &[(
            "pgcoffer lifecycle apply --cold 'monthly to glacier after 30d'",
            "puts the rules into the bucket",
        )],
    ),
    (
        "check",
        &[
            ("pgcoffer check", "everything, of all databases"),
            (
                "pgcoffer check shop --fix-sql > role.sql",
                "the SQL for a role that may read everything and write nothing",
            ),
            (
                "pgcoffer check --notify",
                "sends a test to everybody who is told of backups",
            ),
        ],
    ),
    (
        "policy",
        &[
            (
                "pgcoffer policy --place offsite",
                "of another place; of a server the line of its authorized_keys",
            ),
            ("pgcoffer policy > policy.json", "for the agent's credentials"),
            ("pgcoffer policy --mode restore", "for a person who restores"),
        ],
    ),
    (
        "completions",
        &[
            (
                "pgcoffer completions bash > ~/.local/share/bash-completion/completions/pgcoffer",
                "bash, with its package bash-completion",
            ),
            ("source <(pgcoffer completions bash)", "bash without it: into ~/.bashrc"),
            (
                "source <(pgcoffer completions zsh)",
                "zsh: into ~/.zshrc, behind compinit",
            ),
            (
                "pgcoffer completions fish > ~/.config/fish/completions/pgcoffer.fish",
                "fish",
            ),
        ],
    ),
    (
        "man",
        &[
            ("pgcoffer man restore | man -l -", "shows the page of one command"),
            (
                "pgcoffer man --dir ~/.local/share/man/man1",
                "writes all of them where `man` finds them",
            ),
        ],
    ),
    ("version", &[("pgcoffer version", "the same as --version")]),
];
