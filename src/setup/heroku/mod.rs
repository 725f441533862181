//! A set-up on Heroku: an app of its own that runs pgcoffer, and the databases that are attached to it.
//!
//! The URL of a Heroku Postgres database changes whenever Heroku rotates it, so it is attached and never copied: Heroku
//! then keeps the variable right. <https://devcenter.heroku.com/articles/heroku-postgresql-credentials>

pub mod commands;
mod config_vars;
mod grants;
mod script;

pub(super) use self::script::script;
pub use self::{commands::CommandLine, grants::checked_grants, script::SOURCE};

/// Where Heroku's API is.
const HEROKU_API: &str = "https://api.heroku.com";

/// The stack that the app runs on, which `app.json` names too.
pub const STACK: &str = "heroku-24";

/// The buildpacks that build the app, in this order: PostgreSQL's older clients, and pgcoffer itself.
pub const BUILDPACKS: [&str; 2] = [
    "heroku-community/apt",
    concat!(
        "https://github.com/pgcoffer/heroku-buildpack-pgcoffer#v",
        env!("CARGO_PKG_VERSION")
    ),
];

/// What Heroku Scheduler is to run every hour.
pub const SCHEDULER_JOB: &str = "pgcoffer tick";

/// The credential that is made in the database.
pub const CREDENTIAL: &str = "pgcoffer";

/// A Heroku Postgres database that can be attached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attachment {
    /// The add-on's name, such as `postgresql-rigid-12345`.
    pub add_on: String,
    /// The app that owns it.
    pub owner: String,
    /// Its plan, such as `heroku-postgresql:standard-0`.
    pub plan: String,
}

/// Where a new app is made: in the same place as the app whose databases it backs up.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HerokuHome {
    /// The private space. It decides on region and team.
    pub space: Option<String>,
    /// The team that owns and pays for it.
    pub team: Option<String>,
    /// The region, `us` or `eu`.
    pub region: Option<String>,
}

impl Attachment {
    /// Whether its plan has credentials beside the owner's: those of the Essential tier and its forerunners have none.
    #[must_use]
    pub fn has_credentials(&self) -> bool {
        let without = ["essential", "mini", "basic", "hobby", "dev"];
        !without.iter().any(|tier| self.plan_name().starts_with(tier))
    }

    /// Whether it is of the Advanced tier, whose commands begin with `data:`.
    #[must_use]
    pub fn is_advanced(&self) -> bool {
        let plan = self.plan_name();
        plan.starts_with("advanced") || plan.starts_with("performance")
    }

    /// Whether only dynos reach it. `heroku pg:psql --file` refuses such a database.
    #[must_use]
    pub fn is_reached_by_dynos_alone(&self) -> bool {
        let plan = self.plan_name();
        plan.contains("shield") || (self.is_advanced() && plan.contains("private"))
    }

    fn plan_name(&self) -> &str {
        self.plan.rsplit(':').next().unwrap_or_default()
    }
}
