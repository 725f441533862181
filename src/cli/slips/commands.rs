//! The words, by what they stand for here.

/// Commands of this program that the Heroku CLI has below a topic, as in `pg:backups:restore`.
pub(super) const OWN: &[(&str, &str)] = &[
    ("backup", "it stands alone here: `pgcoffer backup`"),
    ("list", "it stands alone here: `pgcoffer list`"),
    ("status", "it stands alone here: `pgcoffer status`"),
    ("verify", "it stands alone here: `pgcoffer verify latest`"),
    ("show", "it stands alone here: `pgcoffer show latest`"),
    (
        "get",
        "`pgcoffer get latest` downloads a backup and opens it: a file that pg_restore reads",
    ),
    ("delete", "`pgcoffer delete ID` deletes one backup, after it has asked"),
    (
        "restore",
        "`pgcoffer restore latest --to env:TARGET_URL` restores into an empty database; `--dry-run` shows what it would \
         do",
    ),
    (
        "schedule",
        "`pgcoffer schedule show` shows when each database is backed up and what is kept, `pgcoffer schedule set \
         --help` how to change it",
    ),
];

/// Words of other tools, and what to do here: each command in it can be typed as it stands.
pub(super) const COMMANDS: &[(&[&str], &str)] = &[
    (
        &[
            "capture",
            "create",
            "make",
            "dump",
            "pg_dump",
            "pgdump",
            "backup-push",
            "snapshot",
            "run-backup",
        ],
        "`pgcoffer backup` takes a backup now; `pgcoffer list` shows those that are there",
    ),
    (
        &[
            "info",
            "describe",
            "inspect",
            "view",
            "details",
            "stats",
            "cat",
            "list-backup",
            "show-backup",
            "pg:info",
        ],
        "`pgcoffer list` shows the backups, `pgcoffer show latest` one of them with its tables, `pgcoffer status` how \
         every database stands",
    ),
    (
        &[
            "download",
            "fetch",
            "backup-fetch",
            "repo-get",
            "url",
            "public-url",
            "extract",
            "export",
            "pull",
        ],
        "`pgcoffer get latest` downloads a backup and opens it: a file that pg_restore reads",
    ),
    (
        &[
            "recover",
            "pg_restore",
            "pgrestore",
            "import",
            "load",
            "rollback",
            "checkout",
        ],
        "`pgcoffer restore latest --to env:TARGET_URL` restores into an empty database; `--dry-run` shows what it would \
         do",
    ),
    (
        &["expire", "purge", "clean", "cleanup", "gc", "compact", "rotate"],
        "`pgcoffer prune --dry-run` shows what has been kept long enough, and `pgcoffer prune` deletes that; `pgcoffer \
         delete ID` deletes one backup",
    ),
    (
        &["remove", "del", "erase", "drop"],
        "`pgcoffer delete ID` deletes one backup, after it has asked; `pgcoffer prune` deletes what has been kept long \
         enough",
    ),
    (
        &["schedules", "cron", "crontab"],
        "`pgcoffer schedule show` shows when each database is backed up and what is kept, `pgcoffer schedule set \
         --help` how to change it; `pgcoffer tick` does what is due and can be run as often as one likes, `pgcoffer \
         serve` keeps running and does it by itself",
    ),
    (
        &["unschedule"],
        "`pgcoffer schedule clear` takes the schedule away that is stored in the bucket; one in PGCOFFER_SCHEDULE ends \
         when that is unset",
    ),
    (
        &[
            "notify",
            "notification",
            "notifications",
            "notice",
            "test-notice",
            "test-notification",
            "alert",
        ],
        "`pgcoffer check --notify` sends a test notice to everybody whom the settings name",
    ),
    (
        &["daemon", "server", "start", "run", "agent", "watch"],
        "`pgcoffer serve` keeps running and does what is due; `pgcoffer tick` does it once",
    ),
    (
        &["stop", "cancel", "abort", "kill"],
        "a run is stopped where it runs, by Ctrl-C or SIGTERM: it leaves nothing behind that looks like a backup",
    ),
    (
        &[
            "unlock",
            "break-lock",
            "repair",
            "rebuild-index",
            "migrate",
            "stanza-create",
            "stanza-upgrade",
            "recover-lock",
        ],
        "there is nothing to unlock, to rebuild or to migrate: a lock ends with its run, and the bucket has no index; \
         `pgcoffer check` finds what is wrong",
    ),
    (
        &["doctor", "test", "validate", "diagnose", "ping", "verify-setup", "lint"],
        "`pgcoffer check` tries everything that a backup, a prune and a restore need; `pgcoffer verify latest` reads a \
         backup back",
    ),
    (
        &["audit-log", "audit-trail", "trail"],
        "`pgcoffer audit` shows who had what done in the dashboard; `pgcoffer list` shows every run, with why one failed",
    ),
    (
        &["verify-backup", "check-backup"],
        "`pgcoffer verify latest` reads a backup back and checks every byte",
    ),
    (
        &[
            "setup",
            "set-up",
            "configure",
            "config",
            "install",
            "login",
            "auth",
            "connect",
            "new",
        ],
        "`pgcoffer init` sets everything up; `pgcoffer --help` lists the settings",
    ),
    (
        &["env", "settings", "environment", "variables", "options"],
        "`pgcoffer --help` lists the settings",
    ),
    (
        &[
            "key",
            "keys",
            "genkey",
            "generate-key",
            "new-key",
            "passwd",
            "password",
            "passphrase",
        ],
        "`pgcoffer keygen` makes a key",
    ),
    (
        &[
            "pin",
            "keep",
            "protect",
            "lock",
            "tag",
            "annotate",
            "backup-mark",
            "legal-hold",
        ],
        "`pgcoffer hold latest --reason TEXT` keeps a backup until it is released",
    ),
    (
        &["unpin", "unkeep", "unprotect", "unhold"],
        "`pgcoffer release latest` lets a held backup go by its retention again",
    ),
    (
        &["log", "logs", "history", "events", "runs"],
        "`pgcoffer list --all` shows every run, also those that failed, and `pgcoffer show ID` why one did",
    ),
    (
        &["decrypt", "unseal", "decompress"],
        "`pgcoffer open FILE` opens an archive that was downloaded, `pgcoffer get latest` downloads one and opens it",
    ),
    (
        &["thaw", "unfreeze", "rehydrate", "retrieve", "defrost"],
        "`pgcoffer get latest --thaw standard` asks for an archive in cold storage, and so do `verify` and `restore`",
    ),
    (
        &["mount", "find", "browse", "search"],
        "`pgcoffer show latest` lists a backup's tables; `pgcoffer restore latest --to env:TARGET_URL --only \
         table:NAME` restores one of them",
    ),
    (
        &["iam", "policies", "permissions"],
        "`pgcoffer policy` prints the smallest policy for the bucket",
    ),
    (
        &["metrics", "monitor", "health", "healthcheck", "alerts"],
        "`pgcoffer status` says how every database stands, and ends with 8 where one needs a look; `pgcoffer serve` \
         answers /metrics",
    ),
    (
        &["update", "upgrade", "self-update"],
        "a new version is installed as this one was; no setting and nothing in the bucket has to be changed for it",
    ),
];
