//! `verify`: reads a backup back, all of it or a part that is drawn at random.

use pgcoffer::{Result, operation::Progress};

use super::{chosen::Chosen, context::Context, thaw::ThawArgs};

impl Context<'_> {
    pub(super) async fn verify(&self, chosen: &Chosen, deep: bool, sample: Option<f64>, thaw: ThawArgs) -> Result<()> {
        let record = self
            .agent
            .find_to("verify", chosen.selector(self.agent.config())?)
            .await?;
        self.agent.thaw(&record, &thaw.request()).await?;
        let progress = Progress::default();
        if let Some(percent) = sample {
            let work = self.agent.sample(&record, percent, &progress);
            let sampled = self.watched("verify", &progress, work).await?;
            return self.output.sampled(&sampled, chosen.place_to_read());
        }
        let work = self.agent.verify(&record, deep, &progress);
        let verified = self.watched("verify", &progress, work).await?;
        self.output.verified(&verified, chosen.place_to_read())
    }
}

/// A share of an archive: `5%`, `0.5%`.
pub(in crate::cli) fn percent(text: &str) -> std::result::Result<f64, String> {
    let number = text.strip_suffix('%').unwrap_or(text).parse::<f64>();
    match number {
        Ok(percent) if percent > 0.0 && percent <= 100.0 => Ok(percent),
        _ => Err("a number above 0 and up to 100, such as 5%".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_above_nothing_and_at_most_all() {
        for (text, share) in [
            ("5%", Some(5.0)),
            ("0.5", Some(0.5)),
            ("100%", Some(100.0)),
            ("0", None),
            ("101%", None),
        ] {
            assert_eq!(percent(text).ok(), share, "{text}");
        }
        for text in ["", "%", "-5%", "NaN", "inf", "5 %"] {
            assert!(percent(text).is_err(), "{text}");
        }
    }
}
