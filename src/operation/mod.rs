//! The operations of the agent: one verb in each file, which reads as a story in named steps.

mod announcement;
mod archive;
mod backup;
mod baseline;
mod block_filter;
mod check;
mod clock;
mod contents;
mod copy;
mod database_now;
mod delete;
mod drill;
mod drill_health;
mod figures;
mod forecast;
mod get;
mod get_table;
mod health;
mod interrupt;
mod lifecycle;
mod mark;
mod other_file;
mod part;
mod partitions;
mod problem;
mod prune;
mod quoted_name;
mod read_back;
mod restore;
mod retain;
mod same_text;
mod sample;
mod shown_rows;
mod spans;
mod status;
mod table_name;
mod table_rows;
mod thaw;
mod tick;
mod verify;

use clock::CLOCKS_APART_MAX;

pub use crate::pipeline::{Progress, RateLimit, RestoreStep, StepKind};
pub(crate) use backup::unknowable;
pub use backup::{BackupInterval, BackupRequest, BackupTaken, Occasion, backup, recent_backup};
pub use baseline::{Baseline, Failing, Suspicion};
pub use check::{
    Area, CheckDatabase, CheckDrill, CheckPlace, CheckReport, CheckRequest, Finding, Verdict, check, check_places,
};
pub use clock::Clock;
pub use contents::{BackupContents, TableContents, archive_entries, backup_contents};
pub use copy::{
    CopiedBackup, CopyMemory, CopyPlace, CopyReport, CopyRequest, FailedCopy, PlaceHealth, copy, copy_decisions,
    held_copies, place_health,
};
pub use delete::{DeleteRequest, DeletionFacts, DeletionReport, NamedKind, PlannedDeletion, delete, plan_deletion};
pub use drill::{
    ComparedData, DrillChecks, DrillGround, DrillPlan, DrillReport, DrillRequest, DrillTick, DrillTickOutcome, Drilled,
    drill, scheduled_drill,
};
pub use drill_health::{DrillHealth, LastDrill, came_back_words, passed_over};
pub use figures::{Figures, GoodFigures, LastRun, TierFigures};
pub use forecast::{Forecast, ForecastBackup, ForecastCount, ForecastRequest, forecast};
pub use get::{Fetched, Target, get, open, sealed_for};
pub use get_table::{FetchedTable, get_table};
pub use health::{FailedRun, Health, Held, Lost, Newest, Next, ReadBack, Suspicious, UndeliveredNotice, Unsure};
pub use interrupt::Interrupt;
pub use lifecycle::{
    AppliedRules, Change, ChangeKind, KeptLonger, ProposedRules, RuleOwner, ShownRule, ShownRules, apply_lifecycle,
    kept_longer, propose_lifecycle, show_lifecycle,
};
pub use mark::{ChangedMark, MarkChange, change_mark};
pub use other_file::{file_instead_of_id, file_instead_of_sealed};
pub use problem::Problem;
pub use prune::{
    BackupLine, DeletionOutcome, LeftoverKind, LeftoverLine, PruneReport, PruneRequest, TrailPruned, prune, prune_trail,
};
pub use quoted_name::SchemaName;
pub use restore::{
    Lacks, MissingRoles, NotRestored, Pattern, PreparedRestore, RestoreEstimate, RestorePreview, RestoreReport,
    RestoreRequest, check_target, prepare_restore, restore,
};
pub use retain::{Retaining, retain};
pub use sample::{Sampled, sample};
pub use spans::{OUTCOME, SPANS};
pub use status::{Schedules, status};
pub use table_name::TableName;
pub use table_rows::RowFormat;
pub use thaw::{ThawRequest, thaw};
pub use tick::{BackupOutcome, DatabaseTick, PruneOutcome, TickDatabase, TickReport, TickRequest, TickStep, tick};
pub use verify::{ComparedWith, Verified, verify};

pub use crate::store::{NO_BUCKET_CURE, Speed as ThawSpeed};
