//! Of what runs by itself, and of what is looked at every day.

use super::Of;

pub(super) const EXAMPLES: &[Of] = &[
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
        "audit",
        &[
            ("pgcoffer audit", "what was done in the dashboard last"),
            ("pgcoffer audit --limit 0 --json", "all of it, for a program"),
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
        "repository",
        &[(
            "pgcoffer repository",
            "the value of PGCOFFER_REPOSITORY for another machine",
        )],
    ),
];
