//! What comes of it: the recovery sheet, the settings, and what is left to do. Files are new, whole, and for their
//! owner's eyes.

use std::{
    io::Write as _,
    path::{Path, PathBuf},
    sync::PoisonError,
};

use pgcoffer::{
    Error, Result,
    exit_status::ExitStatus,
    readme::{BY_HAND, BY_HAND_NAME, BYTES_MAX, explanations},
    seal::MasterKey,
    setup::{Form, FormFault},
    text::os_words,
};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::{Draft, InitArgs, journal::Asked, usage};
use crate::cli::{output, screen};

pub(super) const SHEET_NAME: &str = "pgcoffer-recovery-sheet.html";

/// Refuses files that are there already before a question is asked.
pub(super) fn look_ahead(args: &InitArgs, asks: bool, json: bool) -> Result<()> {
    if args.heroku.is_some() && args.output.is_none() && args.write.is_none() {
        if !asks && !args.yes {
            return Err(usage(
                "nobody can be asked here whether the commands for Heroku are to be run",
                "give --yes to run them all, or --output heroku for a script that does the same",
            ));
        }
    } else if args.output.is_none() && !asks {
        let names = Form::ALL.map(Form::as_str).join(", ");
        let hint = format!("give --output with one of {names}, and --write FILE to keep secrets off this screen");
        return Err(usage(
            "nobody can be asked here: in which form are the settings wanted?",
            hint,
        ));
    }
    if args.output.is_some() && json && args.write.is_none() {
        return Err(usage(
            "--json and --output would both be printed",
            "add --write FILE for the settings",
        ));
    }
    let files: Vec<&PathBuf> = args.sheets.iter().chain(&args.write).collect();
    for (n, file) in files.iter().enumerate() {
        free(file).map_err(|(why, hint)| usage(why, hint))?;
        if files[..n].contains(file) {
            let why = format!("{} is named twice", file.display());
            return Err(usage(why, "give each its own name"));
        }
    }
    for sheet in &args.sheets {
        is_page(sheet).map_err(|why| usage(why, SHEET_FORMS))?;
    }
    pages_beside(&args.sheets).map(drop)
}

const SHEET_FORMS: &str = "give it a name that ends in .html, and print that page into a PDF by a browser; or .txt";

/// Whether the sheet is written as a page of HTML, and not as text, by the end of its name.
///
/// # Errors
/// That it would be something else than its name says.
fn is_page(sheet: &Path) -> std::result::Result<bool, String> {
    let end = sheet.extension().map(|end| end.to_string_lossy().to_ascii_lowercase());
    match end.as_deref() {
        Some("html" | "htm") => Ok(true),
        None | Some("txt" | "text") => Ok(false),
        Some(_) => Err(format!(
            "a sheet is a page (.html) or text (.txt), and {} would be neither",
            sheet.display()
        )),
    }
}

/// The copies of the page that are to be written beside these sheets, which say that one is there.
///
/// A page that is there already is left as it is if it is this version's. Another one is refused: whoever reads the
/// sheet runs what that page says, with the key.
fn pages_beside(sheets: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let mut pages: Vec<PathBuf> = Vec::new();
    for sheet in sheets {
        let page = folder_of(sheet).join(BY_HAND_NAME);
        match page.symlink_metadata() {
            Ok(_) if !is_our_page(&page) => {
                let why = format!(
                    "{} is there already, and is not the page of this version",
                    page.display()
                );
                return Err(usage(
                    why,
                    "move it away, or give the sheet another folder: a copy of the page goes with it",
                ));
            }
            Ok(_) => {}
            Err(_) if pages.contains(&page) => {}
            Err(_) => pages.push(page),
        }
    }
    Ok(pages)
}

/// Whether it is a file, and holds what is written beside a sheet or into the bucket.
fn is_our_page(page: &Path) -> bool {
    let explanations = explanations();
    let in_bucket = explanations
        .iter()
        .find(|one| one.name == BY_HAND_NAME)
        .map(|one| &one.text);
    // what a link leads to may be another page tomorrow, and a pipe has no end
    page.symlink_metadata()
        .is_ok_and(|meta| meta.is_file() && meta.len() <= BYTES_MAX)
        && std::fs::read(page)
            .is_ok_and(|found| found == BY_HAND.as_bytes() || in_bucket.is_some_and(|text| found == text.as_bytes()))
}

pub(super) fn is_free(file: &Path) -> std::result::Result<(), String> {
    free(file).map_err(|(why, _)| why)
}

/// Whether a file of that name can be made; else why not, and what to do.
fn free(file: &Path) -> std::result::Result<(), (String, &'static str)> {
    if file.file_name().is_none() {
        let why = format!("{:?} is no name for a file", file.display().to_string());
        return Err((why, "name a file in a folder that is there"));
    }
    if file.symlink_metadata().is_ok() {
        let why = format!("{} is there already", file.display());
        let hint = "nothing is overwritten: choose another name, or move it away";
        return Err((why, hint));
    }
    let folder = folder_of(file);
    if !folder.is_dir() {
        let why = format!("there is no folder {}", folder.display());
        return Err((why, "make it, or name one that is there"));
    }
    // what rights and mounts allow is known by trying; the file has no name, and nothing stays of it
    match tempfile::tempfile_in(folder) {
        Ok(_) => Ok(()),
        Err(error) => {
            let why = format!("{} can't be written into: {}", folder.display(), os_words(&error));
            Err((why, "name a folder that you may write to"))
        }
    }
}

fn folder_of(file: &Path) -> &Path {
    match file.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    }
}

impl Draft {
    pub(super) fn finish(mut self) -> Asked<()> {
        self.step(8, "Recovery sheet");
        self.ask_sheet()?;
        if self.carries_out() {
            return self.carry_out();
        }
        self.step(9, "Settings");
        let (form, text) = self.ask_form()?;
        let prints = self.args.write.is_none();
        self.write_files((!prints).then_some(&text))?;
        self.say_what_is_left(form);
        Ok(match (prints, self.json) {
            (_, true) => self.print_summary(),
            (true, false) => output::print_document(&text),
            (false, false) => Ok(()),
        }?)
    }

    fn ask_sheet(&mut self) -> Asked<()> {
        if !self.args.sheets.is_empty() || !self.terminal.asks {
            return Ok(());
        }
        self.terminal.say(
            "   One page to print: the key, the bucket, and how to restore, with pgcoffer and\n   \
             without. It is for the day on which this machine is gone.",
        );
        if self.terminal.confirm("   Write it?", self.is_new())? {
            let check = |name: &str| {
                is_page(Path::new(name))?;
                is_free(Path::new(name))?;
                pages_beside(&[name.into()])
                    .map(drop)
                    .map_err(|error| error.to_string())
            };
            let default = if check(SHEET_NAME).is_ok() { SHEET_NAME } else { "" };
            let name = self
                .terminal
                .text("   Into which new file (.html or .txt)", Some(default), check)?;
            self.args.sheets.push(name.into());
        }
        Ok(())
    }

    /// Before the trial: a form that can't hold a value, where nobody can be asked for another one.
    pub(super) fn try_form(&self) -> Result<()> {
        match self.args.output {
            Some(form) if !self.can_ask_again() => form.write(&self.setup).map(drop).map_err(|f| unfit(&f)),
            _ => Ok(()),
        }
    }

    fn can_ask_again(&self) -> bool {
        self.terminal.asks && !self.terminal.yes
    }

    /// The form, and the settings in it.
    fn ask_form(&mut self) -> Asked<(Form, Zeroizing<String>)> {
        loop {
            let given = self.args.output;
            let form = match (given, &self.args.heroku) {
                (Some(form), _) => form,
                (None, Some(_)) => Form::Heroku,
                (None, None) => {
                    let items = Form::ALL.map(Form::describe);
                    let usual = self.usual_form();
                    let begin_at = Form::ALL.iter().position(|form| *form == usual).unwrap_or(0);
                    let question = "   Where will pgcoffer run";
                    Form::ALL[self.terminal.choose_from(question, &items, begin_at)?]
                }
            };
            match form.write(&self.setup) {
                Ok(text) => {
                    if given.is_none() {
                        self.ask_file(form)?;
                    }
                    return Ok((form, text));
                }
                Err(fault) if self.can_ask_again() => {
                    self.terminal.say(&format!("   {fault}."));
                    self.args.output = None;
                }
                Err(fault) => return Err(unfit(&fault).into()),
            }
        }
    }

    /// The form on which the choice begins: Heroku's only where something speaks of Heroku.
    fn usual_form(&self) -> Form {
        let on_heroku = self.setup.app.is_some()
            || !self.setup.attachments.is_empty()
            || self.vars.contains_key("DYNO")
            || self.vars.contains_key("HEROKU_APP_NAME");
        match on_heroku {
            true => Form::Heroku,
            false => Form::Shell,
        }
    }

    fn ask_file(&mut self, form: Form) -> Asked<()> {
        let name = form.file_name();
        let into_file = format!("write them into {name}, for you alone to read");
        let choices = [
            into_file.as_str(),
            "write them into another file",
            "print them here, secrets and all",
        ];
        let check = |name: &str| is_free(Path::new(name));
        let free = check(name);
        let choices = if free.is_ok() { &choices[..] } else { &choices[1..] };
        if let Err(why) = free {
            self.terminal.say(&format!("   {why}, and stays as it is."));
        }
        let choice = self.terminal.choose("   The settings", choices)? + 3 - choices.len();
        self.args.write = match choice {
            0 => Some(name.into()),
            1 => Some(self.terminal.text("   Into which new file", None, check)?.into()),
            _ => None,
        };
        Ok(())
    }

    /// Writes all files, or none.
    pub(super) fn write_files(&mut self, settings: Option<&Zeroizing<String>>) -> Result<()> {
        let sheet = self.sheet()?;
        let mut files: Vec<(PathBuf, Zeroizing<String>)> = Vec::new();
        for path in &self.args.sheets {
            let is_page = is_page(path).map_err(|why| usage(why, SHEET_FORMS))?;
            files.push((path.clone(), if is_page { sheet.html() } else { sheet.text() }));
        }
        for page in pages_beside(&self.args.sheets)? {
            files.push((page, Zeroizing::new(BY_HAND.to_owned())));
        }
        files.extend(self.args.write.clone().zip(settings.cloned()));
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        if written.stopped {
            return Err(Error::Interrupted {
                exit_status: ExitStatus::Interrupted,
            });
        }
        for (n, (path, text)) in files.iter().enumerate() {
            if let Err(error) = write_new(path, text) {
                for (path, _) in &files[..n] {
                    // made a moment ago, by us; what can't be taken away again is named by the error's neighbours
                    let _ = std::fs::remove_file(path);
                }
                return Err(error);
            }
        }
        written.done = true;
        Ok(())
    }

    fn print_summary(&self) -> Result<()> {
        screen::print_json(&self.summary())
    }

    /// What was set up, by names and without a secret.
    pub(super) fn summary(&self) -> Value {
        let text = |name: &str| self.setup.text(name);
        let key_id = text("PGCOFFER_KEY")
            .and_then(|key| MasterKey::parse(key).ok())
            .map(|key| key.key_id());
        json!({
            "bucket": text("PGCOFFER_BUCKET"),
            "databases": self.labels(),
            "places": self.setup.places().into_iter().map(|(name, _)| name).collect::<Vec<_>>(),
            "key_id": key_id,
            "schedule": text("PGCOFFER_SCHEDULE"),
            "settings": self.setup.variables.keys().collect::<Vec<_>>(),
            "sheets": self.args.sheets,
            "timezone": text("PGCOFFER_TIMEZONE").unwrap_or("UTC"),
            "written": self.args.write,
        })
    }
}

fn unfit(fault: &FormFault) -> Error {
    usage(fault.to_string(), "choose another form")
}

/// A new file that appears whole, readable by its owner alone.
fn write_new(path: &Path, text: &str) -> Result<()> {
    let failed = |source| Error::io("write", path, source);
    let mut file = tempfile::NamedTempFile::new_in(folder_of(path)).map_err(failed)?;
    file.write_all(text.as_bytes()).map_err(failed)?;
    file.as_file().sync_all().map_err(failed)?;
    file.persist_noclobber(path).map_err(|error| failed(error.error))?;
    Ok(())
}
