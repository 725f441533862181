//! What commands that read archives do about cold ones.

use clap::{Args, ValueEnum};
use pgcoffer::operation::{ThawRequest, ThawSpeed};

#[derive(Debug, Clone, Copy, Args)]
pub(in crate::cli) struct ThawArgs {
    /// Ask for an archive that lies in Glacier: expedited takes minutes, standard hours, bulk up to 2 days. Ends with
    /// status 75 while it is being thawed; the same command goes on later
    #[arg(long, value_name = "SPEED")]
    thaw: Option<Speed>,
    /// Days for which the thawed copy stays
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=365))]
    thaw_days: u32,
    /// Wait until it is thawed
    #[arg(long)]
    wait: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Speed {
    Expedited,
    Standard,
    Bulk,
}

impl ThawArgs {
    /// Whether hours may pass.
    pub(super) fn may_take_long(self) -> bool {
        self.thaw.is_some() || self.wait
    }

    pub(super) fn request(self) -> ThawRequest {
        let speed = self.thaw.map(|speed| match speed {
            Speed::Expedited => ThawSpeed::Expedited,
            Speed::Standard => ThawSpeed::Standard,
            Speed::Bulk => ThawSpeed::Bulk,
        });
        ThawRequest {
            speed,
            days: self.thaw_days,
            wait: self.wait,
        }
    }
}
