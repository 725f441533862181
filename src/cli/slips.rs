//! Commands that people type because other tools call theirs so, and the one that does it here.
//!
//! Where both do the same and nothing can be lost, the other word is an alias of the command (`args.rs`). These are the
//! others: they would do something else than is expected, or nothing here does it.

/// Words of other tools, and what to do here: each command in it can be typed as it stands.
const SLIPS: &[(&[&str], &str)] = &[
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
        &["schedules", "unschedule", "cron", "crontab"],
        "the setting PGCOFFER_SCHEDULE says when; `pgcoffer tick` does what is due and can be run as often as one \
         likes, `pgcoffer serve` keeps running and does it by itself, `pgcoffer status` shows what is due next",
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

/// Options of other tools, and what to do here: each command in it can be typed as it stands. An option of this program
/// stands in none of them.
const OPTIONS: &[(&[&str], &str)] = &[
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
        &["type", "full", "incr", "diff", "incremental"],
        "each backup is a full one, and depends on no other",
    ),
    (
        &["time", "at", "target-time", "until", "recovery-target-time"],
        "--before TIME takes the newest good backup before that moment: `pgcoffer restore --before 2026-11-29 --to \
         env:TARGET_URL`; a moment between two backups can't be restored",
    ),
];

/// What to do instead of an option, as it was typed; none where it is nobody's.
pub(super) fn option_hint(typed: &str) -> Option<&'static str> {
    let name = typed.trim_start_matches('-').split('=').next().unwrap_or_default();
    // of one letter, capitals are options of their own
    let name = match name.len() {
        1 => name.to_owned(),
        _ => name.to_ascii_lowercase().replace('_', "-"),
    };
    let found = OPTIONS.iter().find(|(names, _)| names.contains(&name.as_str()));
    found.map(|(_, hint)| *hint)
}

/// What to do instead of that command; none where it is nobody's word.
pub(super) fn hint(word: &str) -> Option<&'static str> {
    let word = word.to_ascii_lowercase().replace('_', "-");
    // the Heroku CLI's topics
    let prefixes = ["pg:backups:", "backups:", "pg:"];
    let bare = prefixes
        .iter()
        .find_map(|prefix| word.strip_prefix(prefix))
        .unwrap_or(&word);
    if bare == "backups" {
        return Some("`pgcoffer list` shows the backups");
    }
    let own = ["backup", "restore", "list", "status", "verify"];
    if bare != word && own.contains(&bare) {
        return Some("commands stand alone here, without a topic before them: `pgcoffer help` lists them");
    }
    let is_it = |one: &&str| *one == word || one.replace('_', "-") == bare;
    let found = SLIPS.iter().find(|(words, _)| words.iter().any(&is_it));
    found.map(|(_, hint)| *hint)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that can't go on has failed")]
mod tests {
    use std::collections::BTreeSet;

    use clap::{Parser as _, error::ErrorKind};

    use super::*;
    use crate::cli::{args::Cli, parser};

    #[test]
    fn every_command_in_a_hint_can_be_typed() {
        for (words, hint) in SLIPS.iter().chain(OPTIONS) {
            let code = hint.split('`').skip(1).step_by(2);
            for line in code.filter(|code| code.starts_with("pgcoffer ")) {
                match Cli::try_parse_from(line.split(' ')) {
                    Ok(_) => {}
                    Err(error) => assert_eq!(error.kind(), ErrorKind::DisplayHelp, "{words:?}: {line}: {error}"),
                }
            }
        }
    }

    #[test]
    fn no_slip_is_a_command_or_stands_twice() {
        let mut seen = BTreeSet::new();
        let command = parser::command();
        for word in SLIPS.iter().flat_map(|(words, _)| *words) {
            assert!(seen.insert(word), "{word} stands twice");
            assert!(command.find_subcommand(word).is_none(), "{word} is a command");
            assert!(Cli::try_parse_from(["pgcoffer", word]).is_err(), "{word}");
            assert!(hint(word).is_some(), "{word}");
        }
        let mut seen = BTreeSet::new();
        for name in OPTIONS.iter().flat_map(|(names, _)| *names) {
            assert!(seen.insert(name), "{name} stands twice");
        }
    }

    #[test]
    fn words_of_the_heroku_cli_are_known_with_their_topic() {
        assert!(hint("pg:backups:capture").unwrap().contains("`pgcoffer backup`"));
        assert!(hint("PG:BACKUPS").unwrap().contains("`pgcoffer list`"));
        assert!(hint("pg:backups:restore").unwrap().contains("`pgcoffer help`"));
        assert_eq!(hint("no-such-thing"), None);
    }
}
