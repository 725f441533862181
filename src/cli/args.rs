//! The command line as it is typed: the commands with their arguments, which stand with each command.

use std::{ffi::OsString, path::PathBuf};

use clap::{Parser, Subcommand, builder::styling};

use super::{
    commands::{
        audit::AuditArgs,
        backup::BackupArgs,
        certificate::CertificateCommand,
        check::CheckArgs,
        chosen::{Chosen, Named},
        copy::CopyArgs,
        dashboard::DashboardCommand,
        delete::DeleteArgs,
        diff::DiffArgs,
        drill::DrillArgs,
        get::RowsArgs,
        lifecycle::LifecycleCommand,
        list::ListArgs,
        policy::PolicyArgs,
        prune::PruneArgs,
        restore::RestoreArgs,
        retain::RetainArgs,
        schedule::ScheduleCommand,
        serve::ServeArgs,
        show::ShowArgs,
        status::StatusArgs,
        thaw::ThawArgs,
        tick::TickArgs,
        verify::percent,
    },
    completion::shell::Shell,
    global::Global,
    help,
    init::args::InitArgs,
};

const STYLES: styling::Styles = styling::Styles::styled()
    .header(styling::AnsiColor::Green.on_default().bold())
    .usage(styling::AnsiColor::Green.on_default().bold())
    .literal(styling::AnsiColor::Cyan.on_default().bold())
    .placeholder(styling::AnsiColor::Cyan.on_default());

/// Encrypted offsite backups of PostgreSQL into your own S3 bucket
#[derive(Debug, Parser)]
#[command(name = "pgcoffer", version, about, after_help = help::SHORT, styles = STYLES, max_term_width = 110)]
#[command(arg_required_else_help = true)]
pub(super) struct Cli {
    #[command(flatten)]
    pub(super) global: Global,
    #[command(subcommand)]
    pub(super) command: Command,
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
    #[command(visible_aliases = ["ls", "backups", "snapshots"])]
    List(ListArgs),
    /// Show one backup with its tables, or the roles and settings that it needs
    Show(ShowArgs),
    /// What changed from one backup to another: tables, rows, definitions; no archive is read
    Diff(DiffArgs),
    /// Print which repository is here: PGCOFFER_REPOSITORY
    Repository,
    /// Download a backup, check, decrypt and decompress it: what comes out is what pg_restore reads
    Get {
        #[command(flatten)]
        chosen: Chosen,
        /// Where to write it (default: DATABASE-ID.dump, or SCHEMA.TABLE-ID.copy; - is standard output)
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
        /// Leave it sealed, as it stands in the bucket
        #[arg(long, conflicts_with = "table")]
        sealed: bool,
        #[command(flatten)]
        rows: RowsArgs,
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
        #[command(flatten)]
        chosen: Chosen,
        /// Have PostgreSQL's own pg_restore read all of it as well: a second reader, that needs no database
        #[arg(long, conflicts_with = "sample")]
        deep: bool,
        /// Read only so much of it, drawn at random: 5%. What was not read is said to be unproven
        #[arg(long, value_name = "PERCENT", value_parser = percent)]
        sample: Option<f64>,
        #[command(flatten)]
        thaw: ThawArgs,
    },
    /// Prove that a backup comes back, of each database where none is named: restore it aside, compare everything
    Drill(DrillArgs),
    /// Copy backups to the other places, or from one of them back to the bucket: what is missing there, checked on the way
    Copy(CopyArgs),
    /// Certificates of drills: show, give out, verify with the public key alone
    #[command(subcommand)]
    Certificate(CertificateCommand),
    /// Restore a backup into a database
    Restore(RestoreArgs),
    /// Back up what is due by the schedule, then prune; as often as one likes
    Tick(TickArgs),
    /// Keep running: tick by itself, and answer /healthz, /metrics and the dashboard
    Serve(ServeArgs),
    /// The dashboard of `serve`: the hash of a password, a link that opens it once, a token for its API
    #[command(subcommand)]
    Dashboard(DashboardCommand),
    /// The audit trail: who had what done in the dashboard, from where, and how it ended
    Audit(AuditArgs),
    /// How every database stands against its schedule; exit status 8 where something is late or wrong
    Status(StatusArgs),
    /// When each database is backed up, what that keeps over a year, and a schedule stored in the bucket
    #[command(subcommand)]
    Schedule(ScheduleCommand),
    /// Delete what its retention says, and only what this key made
    Prune(PruneArgs),
    /// Delete one backup, the record of a failed run, or what a run that died has left
    #[command(visible_aliases = ["rm", "forget"])]
    Delete(DeleteArgs),
    /// Change how long one backup is kept: longer or shorter than it was made for
    Retain(RetainArgs),
    /// Keep a backup whatever its retention says, until it is released
    Hold {
        #[command(flatten)]
        chosen: Named,
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
        chosen: Named,
        /// Who (default: the user who runs this)
        #[arg(long, value_name = "NAME")]
        by: Option<String>,
    },
    /// Take a backup that looks suspicious for a good one
    Accept {
        #[command(flatten)]
        chosen: Named,
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
    /// Print what the recovery sheet says beside the settings: versions of servers, the account
    #[command(hide = true)]
    SheetFacts,
    /// Print what stands in the bucket, with a key or without one
    #[command(hide = true)]
    BucketFacts,
    /// Print the script by which a shell completes commands, options, databases and ids
    #[command(visible_alias = "completion")]
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Print a manual page, or write all of them into a folder
    Man {
        /// The command whose page is printed (default: the page of the whole program)
        #[arg(value_name = "COMMAND")]
        command: Vec<String>,
        /// Write the pages of all commands into this folder
        #[arg(long, value_name = "FOLDER", conflicts_with = "command", value_hint = clap::ValueHint::DirPath)]
        dir: Option<PathBuf>,
    },
    /// Print the version
    Version,
    /// What the scripts of `completions` ask
    #[command(hide = true)]
    Complete {
        /// Which of the words is being typed, from 0 on
        index: usize,
        /// The words of the line, the program's own name first
        #[arg(last = true, allow_hyphen_values = true)]
        words: Vec<OsString>,
    },
}

impl Command {
    /// Whether its result tells people of every failure, so that the log need not.
    pub(super) fn sums_up(&self) -> bool {
        matches!(self, Self::Tick(_) | Self::Copy(_))
    }

    /// Whether it backs up, or prepares that.
    pub(super) fn backs_up(&self) -> bool {
        matches!(
            self,
            Self::Backup(_) | Self::Tick(_) | Self::Serve(_) | Self::Init(_) | Self::Check(_)
        )
    }

    /// Whether somebody waits for it, rather than a schedule: what runs by itself is patient with a service that is away.
    pub(super) fn is_watched(&self) -> bool {
        match self {
            Self::Backup(_) | Self::Tick(_) | Self::Serve(_) => false,
            Self::Status(args) => !args.notifies(),
            _ => true,
        }
    }

    /// The place that it reads, where that is not the bucket.
    pub(super) fn place_to_read(&self) -> Option<&str> {
        match self {
            Self::List(args) => args.from.name(),
            Self::Diff(args) => args.from.name(),
            Self::Show(args) => args.chosen.place_to_read(),
            Self::Drill(args) => args.chosen.place_to_read(),
            Self::Restore(args) => args.chosen.place_to_read(),
            Self::Policy(args) => args.place.as_deref(),
            Self::Get { chosen, .. } | Self::Verify { chosen, .. } => chosen.place_to_read(),
            _ => None,
        }
    }

    /// Whether it goes by the schedules of the databases.
    pub(super) fn takes_schedules(&self) -> bool {
        matches!(
            self,
            Self::Tick(_)
                | Self::Serve(_)
                | Self::Status(_)
                | Self::Schedule(_)
                | Self::Check(_)
                | Self::Drill(_)
                | Self::Lifecycle(_)
                | Self::Policy(_)
        )
    }

    /// Whether it does some work that hears of signals itself. What only prints is ended by them at once.
    pub(super) fn hears_signals(&self) -> bool {
        !matches!(
            self,
            Self::Keygen { .. }
                | Self::Dashboard(_)
                | Self::Certificate(CertificateCommand::Verify(_))
                | Self::Completions { .. }
                | Self::Complete { .. }
                | Self::Man { .. }
                | Self::Version
        )
    }
}
