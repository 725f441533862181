//! How it is done, by the verbs of the agent, and what is said of it.

use jiff::SignedDuration;

use crate::{
    agent::{Agent, AskedBackup, BackupOptions, DrillOptions, Selector},
    backup::{BackupId, DrillVerdict, Label, Tier},
    dashboard::done::{Done, done},
    error::{Error, Result},
    operation::{MarkChange, Progress, ThawRequest},
    text::{counted, grouped, minute, size},
};

pub(super) fn selector<'a>(label: &'a Label, id: &'a BackupId) -> Selector<'a> {
    Selector {
        id: Some(id.as_str()),
        before: None,
        database: Some(label.as_str()),
    }
}

pub(super) async fn back_up(
    agent: &Agent,
    (label, at_most_every): (&Label, Option<SignedDuration>),
    progress: &Progress,
) -> Result<Done> {
    let options = BackupOptions {
        database: Some(label.to_string()),
        tier: Tier::Manual,
        retention: None,
        compression: None,
        at_most_every,
        part_bytes: None,
    };
    match agent.backup(&options, progress).await?.asked {
        AskedBackup::Made(taken) => {
            let (record, counts) = (&taken.record, taken.record.counts);
            let bytes = record.sealed.as_ref().map_or(0, |sealed| sealed.dump_bytes);
            let mut done = done(
                label,
                Some(&record.id),
                format!(
                    "{}, {} and {} are in the bucket.",
                    counted(grouped(counts.tables), "table"),
                    counted(grouped(counts.rows), "row"),
                    size(bytes)
                ),
            );
            let reasons = taken
                .details
                .suspicious
                .iter()
                .map(|reason| format!("It looks wrong: {reason}."));
            done.sentences.extend(reasons);
            Ok(done)
        }
        AskedBackup::Recent(recent) => {
            let sentence = format!("One was made at {} already.", minute(recent.started));
            Ok(done(label, Some(&recent.id), sentence))
        }
    }
}

pub(super) async fn drill(
    agent: &Agent,
    (label, id): (&Label, Option<&BackupId>),
    who: &str,
    progress: &Progress,
) -> Result<Done> {
    let selector = Selector {
        id: id.map(BackupId::as_str),
        before: None,
        database: Some(label.as_str()),
    };
    let records = agent.find_to_drill(selector).await?;
    let record = records
        .first()
        .ok_or_else(|| Error::Internal("no backup to drill".to_owned()))?;
    agent.thaw(record, &thaw()).await?;
    let options = DrillOptions {
        who: who.to_owned(),
        leaves_report: true,
    };
    let drilled = agent.drill(record, &options, progress).await?;
    if let Some(error) = drilled.unreported {
        return Err(error);
    }
    let sentence = match drilled.report.verdict {
        DrillVerdict::Proven => "It is proven: all of it came back as it was dumped.",
        DrillVerdict::PartlyProven => "It is partly proven: what was compared came back as it was dumped.",
        DrillVerdict::NotProven => {
            "It is NOT proven: it did not come back as it was dumped. The page of the backup names what differs."
        }
    };
    Ok(done(label, Some(&record.id), sentence.to_owned()))
}

/// What lies in cold storage is not brought back from here: that takes hours, and costs.
fn thaw() -> ThawRequest {
    ThawRequest {
        speed: None,
        days: 1,
        wait: false,
    }
}

pub(super) async fn verify(agent: &Agent, label: &Label, id: &BackupId, progress: &Progress) -> Result<Done> {
    let record = agent.find_to("verify", selector(label, id)).await?;
    agent.thaw(&record, &thaw()).await?;
    let verified = agent.verify(&record, false, progress).await?;
    let sentence = format!(
        "All {} were read, and every MAC is right: {} and {}.",
        size(verified.sealed_bytes),
        counted(grouped(verified.tables), "table"),
        counted(grouped(verified.rows), "row")
    );
    Ok(done(label, Some(id), sentence))
}

pub(super) async fn change(
    agent: &Agent,
    (label, id): (&Label, &BackupId),
    change: &MarkChange,
    who: &str,
    sentence: &str,
) -> Result<Done> {
    let changed = agent.change_mark(selector(label, id), change, who).await?;
    let sentence = if changed.changed {
        sentence
    } else {
        "Nothing has changed: it was so already."
    };
    Ok(done(label, Some(id), sentence.to_owned()))
}

pub(super) async fn delete(agent: &Agent, label: &Label, id: &BackupId) -> Result<Done> {
    let request = agent.deletion(selector(label, id), false).await?;
    let planned = agent.plan_deletion(&request).await?;
    let report = agent.delete(planned, &request).await?;
    let mut done = Done {
        backup: Some(id.clone()),
        ..done(label, None, "It is deleted.".to_owned())
    };
    done.sentences.extend(report.troubles.iter().cloned());
    Ok(done)
}

pub(super) async fn test_notice(agent: &Agent) -> Result<Done> {
    let deliveries = agent.notifications().test().await;
    let mut sentences: Vec<String> = Vec::new();
    for delivery in &deliveries {
        sentences.push(match &delivery.result {
            Ok(()) => format!("{} took it.", delivery.channel),
            Err(error) => format!("{} did NOT take it: {error}", delivery.channel),
        });
    }
    if sentences.is_empty() {
        return Err(Error::usage(
            "nobody is set who could be told",
            "set PGCOFFER_SLACK_WEBHOOK_URL, PGCOFFER_WEBHOOK_URL, or PGCOFFER_SMTP_URL with PGCOFFER_EMAIL_FROM and \
             PGCOFFER_EMAIL_TO",
        ));
    }
    Ok(Done {
        sentences,
        backup: None,
        path: None,
    })
}
