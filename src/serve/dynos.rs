//! Rounds that have one-off dynos back up, by the schedules that count now.

use super::{Daemon, LaunchEvent, Launcher, Pace, Round as _, ScheduledDatabase, turns::Turns};
use crate::{
    agent::{MissingRun, Undelivered},
    catalog::Catalog,
    config::Dynos,
    error::{Error, Result},
    heroku::Heroku,
    metrics::Monitor,
};

impl<U: Fn(&[Undelivered])> Daemon<'_, U> {
    /// Has dynos back up what is due until a signal.
    pub(super) async fn back_up_by_dynos(
        &self,
        catalog: &Catalog,
        dynos: &Dynos,
        mut turns: Turns,
        (pace, monitor): (Pace, &Monitor),
    ) -> Result<()> {
        let heroku = heroku(dynos)?;
        let mut launcher = self.launcher(&heroku, dynos, catalog, scheduled(&turns));
        self.report_unready(&turns).await;
        let round = async || {
            if turns.refresh(self.agent).await? {
                launcher.set_databases(scheduled(&turns));
                self.report_unready(&turns).await;
            }
            launcher.run().await
        };
        self.rounds(round, pace, monitor).await;
        Ok(())
    }

    async fn report_unready(&self, turns: &Turns) {
        for (label, error) in &turns.unready {
            self.report(Some(label), error).await;
        }
    }

    /// What starts dynos. A dyno reports its run itself; the launcher reports runs that are missing.
    fn launcher<'b>(
        &'b self,
        heroku: &'b Heroku,
        dynos: &Dynos,
        catalog: &'b Catalog,
        databases: Vec<ScheduledDatabase>,
    ) -> Launcher<'b, impl AsyncFnMut(&LaunchEvent) + 'b> {
        let dyno = (dynos.size.clone(), dynos.time_to_live);
        let (notifications, interrupt) = (self.agent.notifications(), self.agent.interrupt());
        let on_event = async move |event: &LaunchEvent| match event {
            LaunchEvent::Seen(database) => notifications.seen(database),
            LaunchEvent::Unseen(database, error) => notifications.unseen(database, error, interrupt).await,
            LaunchEvent::Missed(missed) => {
                let error = Error::NotTaken {
                    why: missed.cause.why.clone(),
                    hint: missed.cause.hint.clone(),
                    cause: missed.cause.cause.into(),
                };
                let run = MissingRun {
                    database: &missed.database,
                    error: &error,
                    health: missed.health.as_ref(),
                    retry_at: missed.retry_at,
                };
                notifications.missing_run(run, interrupt).await;
            }
        };
        Launcher::new((heroku, catalog), databases, dyno, interrupt, on_event)
    }
}

fn scheduled(turns: &Turns) -> Vec<ScheduledDatabase> {
    let scheduled = turns.ready.iter().map(|database| ScheduledDatabase {
        label: database.label.clone(),
        schedule: database.schedule.clone(),
    });
    scheduled.collect()
}

fn heroku(dynos: &Dynos) -> Result<Heroku> {
    let heroku = Heroku::new(&dynos.api, &dynos.app, dynos.key.clone());
    heroku.map_err(|error| Error::usage(error.to_string(), error.hint().unwrap_or_default()))
}
