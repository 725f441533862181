//! Arguments as they are typed.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum, builder::styling};

use pgcoffer::{
    backup::{Retention, Tier},
    operation::Pattern,
};

use super::{
    commands::{CheckArgs, LifecycleCommand, PolicyArgs, ThawArgs},
    help,
    init::InitArgs,
};

const STYLES: styling::Styles = styling::Styles::styled()
    .header(styling::AnsiColor::Green.on_default().bold())
    .usage(styling::AnsiColor::Green.on_default().bold())
    .literal(styling::AnsiColor::Cyan.on_default().bold())
    .placeholder(styling::AnsiColor::Cyan.on_default());

/// Encrypted offsite backups of PostgreSQL into your own S3 bucket
#[derive(Debug, Parser)]
#[command(name = "pgcoffer", version, about, after_help = help::after(), styles = STYLES, max_term_width = 110)]
#[command(arg_required_else_help = true, disable_help_subcommand = true)]
pub(super) struct Cli {
    #[command(flatten)]
    pub(super) global: Global,
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Options of every command")]
pub(super) struct Global {
    /// Print the result as JSON
    #[arg(long, global = true)]
    pub(super) json: bool,
    /// How to write the log on stderr [default: text]
    #[arg(long, global = true, value_name = "FORMAT")]
    pub(super) log_format: Option<LogFormat>,
    /// Log more; twice for all
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(super) verbose: u8,
    /// Log warnings only
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(super) quiet: bool,
    /// Show no progress
    #[arg(long, global = true)]
    pub(super) no_progress: bool,
    /// Settings from this file, over PGCOFFER_CONFIG (default: pgcoffer.toml in this folder, if it is there)
    #[arg(long, global = true, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
    /// The bucket, over PGCOFFER_BUCKET
    #[arg(long, global = true, value_name = "s3://BUCKET/PREFIX")]
    pub(super) bucket: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum LogFormat {
    Text,
    Json,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Set up: find the databases, make a key and see that it is kept, try everything, print the settings
    Init(Box<InitArgs>),
    /// Make a key; keep a copy of it away from this machine
    Keygen {
        /// Read a passphrase from standard input, grade it, and explain how to use it instead of a key
        #[arg(long)]
        passphrase: bool,
        /// Make the id of a new repository instead: PGCOFFER_REPOSITORY, which drop-box mode needs
        #[arg(long, conflicts_with = "passphrase")]
        repository: bool,
        /// Make a passphrase of seven random words instead, for who has to write it down by hand
        #[arg(long, conflicts_with = "passphrase")]
        words: bool,
        /// Print the catalog key of the key that is set instead: all that a monitor or a pruning job needs
        #[arg(long, conflicts_with_all = ["passphrase", "repository", "words"])]
        catalog: bool,
        /// With --catalog: of this database's own key
        #[arg(long, value_name = "NAME", requires = "catalog")]
        database: Option<String>,
    },
    /// Take one backup now
    Backup(BackupArgs),
    /// List the backups: is there one, how old is it, is it good
    List {
        /// Of this database only
        #[arg(long, value_name = "NAME")]
        database: Option<String>,
        /// Show the newest N
        #[arg(short = 'n', long, value_name = "N", default_value_t = 30)]
        limit: usize,
    },
    /// Show one backup with its tables
    Show(Chosen),
    /// Print which repository is here: PGCOFFER_REPOSITORY
    Repository,
    /// Download a backup, check, decrypt and decompress it: what comes out is what pg_restore reads
    Get {
        #[command(flatten)]
        chosen: Chosen,
        /// Where to write it (default: DATABASE-ID.dump; - is standard output)
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
        /// Leave it sealed, as it stands in the bucket
        #[arg(long)]
        sealed: bool,
        #[command(flatten)]
        thaw: ThawArgs,
    },
    /// Check, decrypt and decompress a sealed archive that was downloaded already, without any network
    Open {
        /// The sealed archive
        file: PathBuf,
        /// Where to write it (default: FILE with .dump for .pgc; - is standard output)
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Read every byte back from the bucket, check every MAC, compare with what was dumped
    Verify {
        /// An id, the beginning of one, latest, or latest:TIER
        #[arg(default_value = "latest")]
        id: String,
        /// Of this database
        #[arg(long, value_name = "NAME")]
        database: Option<String>,
        #[command(flatten)]
        thaw: ThawArgs,
    },
    /// Restore a backup into a database
    Restore(RestoreArgs),
    /// Back up what is due by the schedule, then prune; as often as one likes
    Tick(TickArgs),
    /// Keep running: tick by itself, and answer /healthz and /metrics
    Serve(ServeArgs),
    /// How every database stands against its schedule; exit status 8 where something is late or wrong
    Status {
        /// Of this database only
        #[arg(long, value_name = "NAME")]
        database: Option<String>,
        /// Tell of late backups over the channels that are set, once for each missed period: for a monitor beside the
        /// backup
        #[arg(long)]
        notify: bool,
    },
    /// Delete what its retention says, and only what this key made
    Prune {
        /// Show the plan, with a reason for every backup, and delete nothing
        #[arg(long)]
        dry_run: bool,
        /// Of this database only
        #[arg(long, value_name = "NAME")]
        database: Option<String>,
        /// So many good backups may go because newer ones came, although the schedule does not explain it
        #[arg(long, value_name = "COUNT")]
        confirm: Option<usize>,
    },
    /// Keep a backup whatever its retention says, until it is released
    Hold {
        #[command(flatten)]
        chosen: Chosen,
        /// Why
        #[arg(long, value_name = "TEXT")]
        reason: String,
        /// Who (default: the user who runs this)
        #[arg(long, value_name = "NAME")]
        by: Option<String>,
    },
    /// Let a held backup go by its retention again
    Release {
        #[command(flatten)]
        chosen: Chosen,
        /// Who (default: the user who runs this)
        #[arg(long, value_name = "NAME")]
        by: Option<String>,
    },
    /// Take a backup that looks suspicious for a good one
    Accept {
        #[command(flatten)]
        chosen: Chosen,
        /// Who (default: the user who runs this)
        #[arg(long, value_name = "NAME")]
        by: Option<String>,
    },
    /// The bucket's lifecycle rules: move backups to Glacier, abort lost uploads, let S3 itself delete
    #[command(subcommand)]
    Lifecycle(LifecycleCommand),
    /// Try everything that a backup, a prune and a restore need, and say how to cure what fails
    Check(CheckArgs),
    /// Print the smallest IAM policy for the bucket
    Policy(PolicyArgs),
    /// Print completions for a shell
    #[command(hide = true)]
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page
    #[command(hide = true)]
    Man,
}

impl Command {
    /// Whether its result tells people of every failure, so that the log need not.
    pub(super) fn sums_up(&self) -> bool {
        matches!(self, Self::Tick(_))
    }

    /// Whether it does some work that hears of signals itself. What only prints is ended by them at once.
    pub(super) fn hears_signals(&self) -> bool {
        !matches!(self, Self::Keygen { .. } | Self::Completions { .. } | Self::Man)
    }
}

#[derive(Debug, Args)]
pub(super) struct Chosen {
    /// An id, the beginning of one, latest, or latest:TIER
    pub(super) id: String,
    /// Of this database
    #[arg(long, value_name = "NAME")]
    pub(super) database: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct BackupArgs {
    /// The database's label (default: the only one there is)
    #[arg(value_name = "DB")]
    pub(super) label: Option<String>,
    /// The same, as other commands take it
    #[arg(long = "database", value_name = "NAME", conflicts_with = "label")]
    pub(super) database: Option<String>,
    /// The tier under which it stands: manual, hourly, daily, weekly, monthly, yearly
    #[arg(long, default_value_t = Tier::Manual)]
    pub(super) tier: Tier,
    /// How long it is kept: 24h, 7d, 5w, 12mo, 7y, forever, or so many of its tier: 24
    #[arg(long, value_name = "RETENTION", default_value_t = Retention::Forever)]
    pub(super) retain: Retention,
    /// none, zstd, zstd:1 to zstd:19, over PGCOFFER_COMPRESSION
    #[arg(long, value_name = "HOW")]
    pub(super) compression: Option<String>,
    /// Part size of the upload in MiB (default: chosen from the size of the last backup)
    #[arg(long, value_name = "MIB", value_parser = clap::value_parser!(u64).range(5..=1024))]
    pub(super) part_size: Option<u64>,
}

#[derive(Debug, Args)]
pub(super) struct TickArgs {
    /// Of this database only
    #[arg(long, value_name = "NAME")]
    pub(super) database: Option<String>,
    /// How many databases at once; each takes the memory of a backup
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=64))]
    pub(super) parallel: u8,
    /// Leave pruning to somebody else: for credentials that may not delete
    #[arg(long)]
    pub(super) no_prune: bool,
}

#[derive(Debug, Args)]
pub(super) struct ServeArgs {
    /// Where to answer (default: 127.0.0.1:9187; where the platform sets PORT: that port, on all addresses)
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub(super) listen: Option<String>,
    /// How many databases at once; each takes the memory of a backup
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=64))]
    pub(super) parallel: u8,
    /// Leave pruning to somebody else: for credentials that may not delete
    #[arg(long)]
    pub(super) no_prune: bool,
    /// The shortest time between two ticks, in seconds: for trying things out
    #[arg(long, value_name = "SECONDS", default_value_t = 60, hide = true, value_parser = clap::value_parser!(u16).range(1..=1800))]
    pub(super) shortest_wait: u16,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum RolesArg {
    Create,
    Skip,
}

#[derive(Debug, Args)]
pub(super) struct RestoreArgs {
    #[command(flatten)]
    pub(super) chosen: Chosen,
    /// The database to restore into; `env:NAME` takes the URL from that variable, which keeps its password out of the
    /// list of processes
    #[arg(long, value_name = "URL")]
    pub(super) to: String,
    /// The name of that database, instead of typing it when asked
    #[arg(long, value_name = "DBNAME")]
    pub(super) confirm: Option<String>,
    /// Drop what the backup holds from the target first, instead of refusing a target that isn't empty
    #[arg(long)]
    pub(super) clean: bool,
    /// All or nothing, in one transaction; with --clean that is the default
    #[arg(long, conflicts_with_all = ["no_single_transaction", "keep_going"])]
    pub(super) single_transaction: bool,
    /// With --clean, not in one transaction: should it fail, some of what the target held is gone
    #[arg(long, requires = "clean")]
    pub(super) no_single_transaction: bool,
    /// Go on after what can't be restored; name it at the end, and end with status 9
    #[arg(long)]
    pub(super) keep_going: bool,
    /// Leave this out: KIND or KIND:NAME, such as event-trigger, extension:postgis or schema:auth; may be repeated
    #[arg(long, value_name = "KIND[:NAME]")]
    pub(super) leave_out: Vec<Pattern>,
    /// Restore only this, what belongs to it and what that needs; may be repeated
    #[arg(long, value_name = "KIND[:NAME]")]
    pub(super) only: Vec<Pattern>,
    /// Roles that policies, user mappings or owners name and that the target lacks: make them without a login, or leave
    /// out what names them
    #[arg(long, value_name = "HOW")]
    pub(super) roles: Option<RolesArg>,
    /// Show what would be restored and what not, and touch nothing; the exit status is that of the restore: 0, 3 or 9
    #[arg(long)]
    pub(super) preview: bool,
    /// Where the statements of what was not restored are written (default: DATABASE-ID.not-restored.sql)
    #[arg(long, value_name = "FILE")]
    pub(super) statements: Option<PathBuf>,
    /// Keep owners as they were: every role must exist
    #[arg(long)]
    pub(super) keep_owner: bool,
    /// Keep privileges as they were: every role must exist
    #[arg(long)]
    pub(super) keep_acl: bool,
    /// Leave all comments out
    #[arg(long)]
    pub(super) no_comments: bool,
    #[command(flatten)]
    pub(super) thaw: ThawArgs,
}
