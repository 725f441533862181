//! Commands that people type because other tools call theirs so, and the one that does it here.
//!
//! Where both do the same and nothing can be lost, the other word is an alias of the command (`args.rs`). These are the
//! others: they would do something else than is expected, or nothing here does it.

use clap::error::{ContextKind, ContextValue, ErrorKind};
use pgcoffer::redact::without_keys;

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
            "copy",
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
        &["schedule", "schedules", "unschedule", "cron", "crontab"],
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
        &["verify-backup", "check-backup", "audit"],
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

/// What an error of the parser says to people, with a hint where the command was another tool's word.
pub(super) fn text(error: &clap::Error) -> String {
    let rendered = error.render().to_string();
    let rendered = without_keys(&rendered);
    let Some(hint) = hint_of(error) else {
        return rendered.trim_end().to_owned();
    };
    let first = rendered.lines().next().unwrap_or_default();
    format!("{first}\nhint: {hint}")
}

fn hint_of(error: &clap::Error) -> Option<&'static str> {
    match (error.kind(), error.get(ContextKind::InvalidSubcommand)) {
        (ErrorKind::InvalidSubcommand, Some(ContextValue::String(word))) => hint(word),
        _ => None,
    }
}

/// What to do instead of that command; none where it is nobody's word.
fn hint(word: &str) -> Option<&'static str> {
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

    use clap::Parser as _;

    use super::*;
    use crate::cli::{args::Cli, parser};

    #[test]
    fn every_command_in_a_hint_can_be_typed() {
        for (words, hint) in SLIPS {
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
            let error = Cli::try_parse_from(["pgcoffer", word]).unwrap_err();
            assert!(hint_of(&error).is_some(), "{word}: {error}");
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
