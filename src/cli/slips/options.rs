//! The options, by what they stand for here.

/// The same where it depends on the command behind which the option was typed.
pub(super) const OF_COMMANDS: &[(&[&str], &[&str], &str)] = &[
    (
        &["delete"],
        &["f", "assume-yes", "non-interactive", "no-input", "no-confirm"],
        "--yes deletes without asking, and takes a whole id; --force deletes also what is among the last good ones",
    ),
    (
        &["restore"],
        &["yes", "y", "force", "f", "assume-yes", "non-interactive", "no-input"],
        "a restore is confirmed by the name of the database that it goes into: --confirm NAME",
    ),
    (
        &["serve"],
        &["port", "p", "host", "bind", "address", "addr"],
        "--listen takes address and port, as in --listen 127.0.0.1:9187",
    ),
    (
        &["serve"],
        &["d", "daemon", "daemonize", "detach", "background"],
        "it runs in the foreground, and what starts it keeps it running: systemd, Docker, a Procfile",
    ),
    (
        &["tick"],
        &["force", "f", "yes", "y", "now"],
        "it asks nothing, and does what is due; `pgcoffer backup` takes a backup now, whatever is due",
    ),
    (
        &["prune"],
        &["force", "f", "yes", "y"],
        "it asks nothing; where more would go than it can explain, it says which --confirm it wants",
    ),
    (
        &["drill", "verify", "backup", "check", "copy", "get"],
        &["force", "yes", "y", "assume-yes"],
        "it asks nothing, so nothing has to be confirmed",
    ),
];

/// Options of other tools, and what to do here: each command in it can be typed as it stands. An option of this program
/// stands in none of them.
pub(super) const OPTIONS: &[(&[&str], &str)] = &[
    (
        &[
            "keep-last",
            "keep-hourly",
            "keep-daily",
            "keep-weekly",
            "keep-monthly",
            "keep-yearly",
            "keep-within",
            "keep",
            "retention",
            "older-than",
            "expire",
        ],
        "how long backups are kept is in PGCOFFER_SCHEDULE, as in \"daily at 02:30 keep 7d\"; `pgcoffer retain latest \
         30d` changes it for one backup",
    ),
    (
        &["tag", "tags", "label", "name", "comment", "description"],
        "a backup has no tag here: `pgcoffer backup --tier manual` names its tier, `pgcoffer hold latest --reason TEXT` \
         keeps it with a reason",
    ),
    (
        &[
            "target",
            "d",
            "target-db",
            "into",
            "destination",
            "dest",
            "url",
            "dsn",
            "connection-string",
        ],
        "the database to restore into stands behind --to: `pgcoffer restore latest --to env:TARGET_URL`; one to back up \
         is a setting, PGCOFFER_DB_MAIN_URL",
    ),
    (
        &["file", "f", "out", "outfile", "dir", "directory"],
        "`pgcoffer get latest -o FILE` writes a backup into a file, for pg_restore",
    ),
    (
        &[
            "host",
            "h",
            "port",
            "p",
            "username",
            "U",
            "user",
            "dbname",
            "password",
            "no-password",
        ],
        "a database is named by one URL, postgres://USER:PASSWORD@HOST:5432/NAME: one to back up in \
         PGCOFFER_DB_MAIN_URL, one to restore into behind --to",
    ),
    (
        &[
            "repo",
            "repository",
            "stanza",
            "s3-bucket",
            "prefix",
            "storage-url",
            "remote",
        ],
        "the place of the backups is --bucket s3://BUCKET/PREFIX, or PGCOFFER_BUCKET",
    ),
    (
        &[
            "password-file",
            "password-command",
            "key",
            "passphrase",
            "encryption-key",
            "cipher-pass",
        ],
        "the key is a setting: PGCOFFER_KEY, or PGCOFFER_KEY_FILE for a file that holds it",
    ),
    (
        &["app", "a", "remote-app", "wait-interval"],
        "the app is the Heroku CLI's own option: heroku run -a YOUR-APP -- pgcoffer list",
    ),
    (
        &["force", "assume-yes", "non-interactive", "no-input"],
        "what has to be confirmed is confirmed by its own name: --confirm NAME (`--help` says for which commands)",
    ),
    (
        &["no-owner", "no-privileges", "no-acl"],
        "owners and privileges are left out unless --keep-owner and --keep-acl ask for them",
    ),
    (
        &["list", "toc"],
        "`pgcoffer restore latest --contents` lists what is in a backup, `pgcoffer list` the backups",
    ),
    (
        &["create", "if-exists"],
        "the target database must be there and empty: make it first, as by `createdb`; --clean replaces what is in it",
    ),
    (
        &["exclude", "exclude-table", "exclude-schema", "skip", "ignore"],
        "a backup holds the whole database; of a restore, --leave-out table:NAME leaves a table out",
    ),
    (
        &["include", "tables", "t", "path"],
        "a backup holds the whole database; of a restore, --table SCHEMA.TABLE or --schema NAME takes a part",
    ),
    (
        &["compress", "compression-level"],
        "--compression zstd:10 of `backup`, or PGCOFFER_COMPRESSION",
    ),
    (&["debug", "trace"], "-v logs more, and -vv all"),
    (
        &["format", "output", "o"],
        "--json prints the result as JSON; `pgcoffer get latest -o FILE` writes a backup into a file",
    ),
    (
        &["no-color", "no-colour", "monochrome"],
        "--color never uses no colours",
    ),
    (
        &["type", "full", "incr", "diff", "incremental"],
        "each backup is a full one, and depends on no other",
    ),
    (
        &["time", "at", "target-time", "until", "recovery-target-time"],
        "--before TIME takes the newest good backup before that moment: `pgcoffer restore --before 2026-11-29 --to \
         env:TARGET_URL`; a moment between two backups can't be restored",
    ),
];
