//! Of reading backups, restoring them and proving that they restore.

use super::Of;

pub(super) const EXAMPLES: &[Of] = &[
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
];
