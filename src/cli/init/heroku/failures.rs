//! Why a command of the Heroku CLI failed, and the cure.
//!
//! The cause goes by the id of the API's error, which the CLI prints as `Error ID: …`; its words are shown and not read.
//! <https://devcenter.heroku.com/articles/platform-api-reference#error-responses>

use pgcoffer::setup::heroku::commands;

use super::{run::Ended, steps::HerokuStep};

/// Without a payment method Heroku gives no add-on and no dyno.
pub(super) const PAYMENT: &str = "add a payment method at https://heroku.com/verify, or have the owner of the team do \
                                  so; what was made so far stays";

/// The id of the API's error, as the CLI prints it.
fn error_id(ended: &Ended) -> Option<&str> {
    let mut lines = ended.said.iter().rev();
    lines.find_map(|line| Some(line.split_once("Error ID:")?.1.trim()))
}

/// What to do about it.
pub(super) fn hint(step: &HerokuStep, app: &str, ended: &Ended) -> String {
    let by_id = match error_id(ended) {
        Some("verification_required" | "payment_required" | "delinquent" | "suspended") => Some(PAYMENT.to_owned()),
        Some("unauthorized") => Some("log in with `heroku login`".to_owned()),
        Some("forbidden") => Some("log in as somebody who may do this, or have that person do it".to_owned()),
        Some("rate_limit") => Some("wait some minutes".to_owned()),
        Some("two_factor") => {
            Some("the app asks for a second factor, which is typed: run the command above by hand".to_owned())
        }
        _ => None,
    };
    by_id.unwrap_or_else(|| by_step(step, app, ended))
}

fn by_step(step: &HerokuStep, app: &str, ended: &Ended) -> String {
    match step {
        HerokuStep::App => "see what the Heroku CLI says above; a name that is taken needs another one, given as \
                            --heroku NAME"
            .to_owned(),
        HerokuStep::Build if ended.code.is_none() => "install git, which brings the code to Heroku".to_owned(),
        HerokuStep::Build => format!(
            "see the build's output above, or `heroku builds:output -a {app}`; a refused login is mended by `heroku \
             login`"
        ),
        HerokuStep::Grants(_) => "see above. `heroku pg:psql` needs psql on this computer; \"A credential that may \
                                  only read\" in docs/heroku.md has the commands one by one"
            .to_owned(),
        HerokuStep::Scheduler => "see above. Where there is no Scheduler, a clock does the same: `heroku ps:scale \
                                  clock=1`, which needs a dyno that is always on"
            .to_owned(),
        HerokuStep::Check => format!(
            "mend what failed above: a config var by `heroku config:edit -a {app}`, a right by the SQL that `{}` prints",
            commands::in_dyno(app, "pgcoffer check --fix-sql")
        ),
        HerokuStep::Backup(label) => format!(
            "see above. A backup that takes hours goes better without this terminal: `heroku run:detached -a {app} -- \
             'pgcoffer backup {label}'`"
        ),
        HerokuStep::Buildpack(_)
        | HerokuStep::ConfigVars
        | HerokuStep::Credential(_)
        | HerokuStep::Attach(_)
        | HerokuStep::Verify(_) => "see what the Heroku CLI says above".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(said: &[&str]) -> Ended {
        Ended {
            good: false,
            code: Some(1),
            output: String::new(),
            said: said.iter().map(|line| (*line).to_owned()).collect(),
        }
    }

    #[test]
    fn the_cause_goes_by_the_error_id_and_not_by_words() {
        let payment = ended(&[
            " ›   Error: anything at all",
            " ›",
            " ›   Error ID: verification_required",
        ]);
        assert!(hint(&HerokuStep::Scheduler, "a", &payment).contains("payment method"));
        let words = ended(&["please pay"]);
        assert!(hint(&HerokuStep::Scheduler, "a", &words).contains("clock"));
    }
}
