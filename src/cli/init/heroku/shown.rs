//! What the user is shown and asked of a set-up on Heroku: its steps, how they are to be run, and what is left at the end.

use std::path::Path;

use pgcoffer::{
    setup::{
        Form,
        heroku::{SCHEDULER_JOB, commands},
    },
    text::shell_word,
};
use serde_json::{Value, json};

use super::{run::Output, steps::HerokuStep};
use crate::cli::{
    init::{Draft, finish::is_free, journal::Asked, usage},
    screen::note,
};

/// How the user wants it done.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    All,
    Each,
}

impl Draft {
    /// Shows all steps and asks how they are to be run; none: a script was wanted instead.
    pub(super) fn ask_way(&mut self, steps: &[HerokuStep], app: &str) -> Asked<Option<Way>> {
        if steps.is_empty() {
            self.terminal.say(&format!("   Everything is there in {app} already."));
            return Ok(Some(Way::All));
        }
        self.terminal.say(&format!("   To be done for {app}:"));
        for (n, step) in steps.iter().enumerate() {
            self.terminal.say(&format!("   {:>2}. {}", n + 1, step.title()));
            for command in step.commands(&self.setup, app) {
                self.terminal.say(&format!("         {command}"));
            }
        }
        self.terminal.say(
            "   Config vars go to Heroku's API and not through `heroku config:set`: as arguments they\n   could be \
             read in the list of processes.",
        );
        let choices = [
            "run all of it",
            "ask before each step",
            "run nothing, and write a script that does it",
        ];
        Ok(match self.terminal.choose("   What shall be done", &choices)? {
            0 => Some(Way::All),
            1 => Some(Way::Each),
            _ => {
                self.write_script()?;
                None
            }
        })
    }

    fn write_script(&mut self) -> Asked<()> {
        let form = Form::Heroku;
        let check = |name: &str| is_free(Path::new(name));
        let default = form.file_name();
        let default = if check(default).is_ok() { default } else { "" };
        let name = self.terminal.text("   Into which new file", Some(default), check)?;
        let text = form
            .write(&self.setup)
            .map_err(|fault| usage(fault.to_string(), "choose another form"))?;
        self.args.write = Some(name.into());
        self.write_files(Some(&text))?;
        self.say_what_is_left(form);
        Ok(())
    }

    pub(super) fn announce(&self, n: usize, count: usize, step: &HerokuStep, app: &str) {
        let mut text = format!("\n[{}/{count}] {}", n + 1, step.title());
        for command in step.commands(&self.setup, app) {
            text.push_str(&format!("\n      $ {command}"));
        }
        if !self.quiet {
            note(&text);
        }
    }

    pub(super) fn say_where_it_stopped(&self, app: &str) {
        note(&format!(
            "What was done stays. The same command goes on from here: pgcoffer init --heroku {}",
            shell_word(app)
        ));
    }

    pub(super) fn say_the_end(&self, app: &str, steps: &[HerokuStep]) {
        if self.quiet {
            return;
        }
        if let Some(sheet) = self.args.sheets.first() {
            note(&format!(
                "\nPrint {} or store it away from this computer, then delete it.",
                sheet.display()
            ));
        }
        if self.setup.places().is_empty() {
            note(
                "\nNo copy is kept elsewhere, so what is in the bucket is all there is. The same command, run again, \
                 asks for a place.",
            );
        }
        let begun = if steps.is_empty() { "" } else { "Everything is set up. " };
        note(&format!(
            "\n{begun}One thing is left, which only a web page can do: a job that runs every hour.\n\
             \n  1. Open it:         {}\n  2. Choose:          \"Create job\", \"Every hour at...\"\n  3. Paste this:      \
             {SCHEDULER_JOB}\n  4. Choose:          \"Save Job\"\n\
             \nIt looks every hour what is due by the schedule. Is the job there already? Then nothing is left to do.",
            commands::open_scheduler(app)
        ));
    }

    pub(super) fn offer_scheduler(&self, app: &str) -> Asked<()> {
        if self.terminal.asks && !self.terminal.yes && self.terminal.confirm("\nOpen it now?", true)? {
            let opened = self.run(&commands::open_scheduler(app), Output::Shown)?;
            if !opened.good {
                note("      No browser opened. The command above can be run again at any time.");
            }
        }
        Ok(())
    }

    pub(super) fn json_summary(&self, app: &str, steps: &[HerokuStep]) -> Value {
        let mut summary = self.summary();
        let titles: Vec<String> = steps.iter().map(HerokuStep::title).collect();
        if let Value::Object(fields) = &mut summary {
            fields.insert(
                "heroku".to_owned(),
                json!({ "app": app, "done": titles, "job": SCHEDULER_JOB }),
            );
        }
        summary
    }
}
