//! Places off the bucket's provider that hold copies: whether there are to be any, and which.

use std::collections::BTreeMap;

use pgcoffer::{
    Result,
    backup::PlaceName,
    config::{Settings, ssh_key_file},
    redact::SecretText,
    store::Location,
};
use zeroize::Zeroizing;

use super::{
    Draft, InitArgs,
    copies_access::{CopyKind, one_line, url_variable},
    journal::Asked,
    usage,
};

const FORM: &str = "--place wants NAME=URL: offsite=s3://bucket/prefix, vps=sftp://user@host/path or \
     nas=file:///path/to/folder";

/// What `--place` names: names and URLs.
fn named(arguments: &[String]) -> Result<Vec<(PlaceName, String)>> {
    let one = |given: &String| {
        let (name, url) = given
            .split_once('=')
            .ok_or_else(|| usage("a place has no name", FORM))?;
        let name = PlaceName::parse(name).map_err(|e| usage(e.to_string(), FORM))?;
        // the URL isn't repeated, as a password may stand in it
        let fault = |why| usage(format!("the URL of the place {name} can't be used: {why}"), FORM);
        match Location::parse(url) {
            Ok(_) => Ok((name, url.to_owned())),
            Err(error) => Err(fault(error.why)),
        }
    };
    arguments.iter().map(one).collect()
}

/// The settings of the places that `--place` names. Where somebody can be asked for what is missing of them, they are
/// taken out of `settings`, which are then read without them.
///
/// # Errors
/// Where an argument names no place.
pub(super) fn take_named(
    settings: &mut Settings,
    args: &InitArgs,
    asks: bool,
) -> Result<BTreeMap<String, Zeroizing<String>>> {
    let mut taken = BTreeMap::new();
    for (name, url) in named(&args.places)? {
        let variable = url_variable(&name);
        match asks {
            true => taken.extend(settings.take_place(&name)),
            false => settings.take_argument(&variable, &url, "--place"),
        }
        taken.insert(variable, Zeroizing::new(url));
    }
    Ok(taken)
}

impl Draft {
    /// Asks for places that hold copies, tried as they are typed. None is an answer too.
    pub(super) fn copies(&mut self) -> Asked<()> {
        self.step(4, "A copy elsewhere");
        let given = named(&std::mem::take(&mut self.args.places))?;
        self.take_key_files()?;
        for (name, location) in self.setup.places() {
            self.terminal.say(&format!("   {name}: {location}"));
        }
        if !self.terminal.asks {
            return Ok(());
        }
        for (name, url) in &given {
            if let Ok(location) = Location::parse(url) {
                self.ask_until_place_works(name, CopyKind::of(&location))?;
            }
        }
        match self.terminal.yes {
            true => Ok(()),
            false => self.offer_places(),
        }
    }

    fn offer_places(&mut self) -> Asked<()> {
        self.terminal.say(
            "   A bucket can be lost: the account is closed, or somebody with its rights deletes everything. Each \
             backup can also be copied to another place, off this provider. It is sealed there by the same key.",
        );
        loop {
            let none = match self.setup.places().is_empty() {
                true => "none for now: the bucket alone",
                false => "no other one",
            };
            let mut choices = vec![none];
            choices.extend(CopyKind::ALL[..self.kinds_offered()].iter().map(|kind| kind.describe()));
            let chosen = self.terminal.choose("   Keep a copy elsewhere", &choices)?;
            let Some(kind) = chosen.checked_sub(1).and_then(|n| CopyKind::ALL.get(n)) else {
                break;
            };
            let name = self.ask_place_name(*kind)?;
            self.ask_until_place_works(&name, *kind)?;
        }
        if self.setup.places().is_empty() {
            self.terminal.say(
                "   What is in the bucket is then all there is. Run init again to add a place later, or see \
                 docs/places.md.",
            );
        }
        Ok(())
    }

    /// A dyno has no folder that stays.
    fn kinds_offered(&self) -> usize {
        match self.carries_out() {
            true => CopyKind::ALL.len() - 1,
            false => CopyKind::ALL.len(),
        }
    }

    fn ask_place_name(&self, kind: CopyKind) -> Asked<PlaceName> {
        let taken: Vec<PlaceName> = self.setup.places().into_iter().map(|(name, _)| name).collect();
        let check = |text: &str| match PlaceName::parse(text) {
            Ok(name) if taken.contains(&name) => Err(format!("{name} is another place already")),
            Ok(_) => Ok(()),
            Err(error) => Err(error.to_string()),
        };
        let default = Some(kind.usual_name()).filter(|name| check(name).is_ok());
        let name = self
            .terminal
            .text("   Its name, for PGCOFFER_COPY_<NAME>_URL", default, check)?;
        PlaceName::parse(&name).map_err(|error| usage(error.to_string(), FORM).into())
    }

    /// Puts the text of private keys in the place of their files' paths, where the settings go to another machine.
    fn take_key_files(&mut self) -> Result<()> {
        use pgcoffer::setup::Form;
        let goes_away = matches!(self.args.output, Some(Form::Heroku | Form::Env | Form::Kubernetes));
        if !goes_away && !self.carries_out() {
            return Ok(());
        }
        for (name, _) in self.setup.clone().places() {
            let variable = format!("{}_SSH_KEY", name.settings());
            let Some(text) = self.setup.variables.get(&variable) else {
                continue;
            };
            if let Some(path) = ssh_key_file(&SecretText::new(text.to_string())) {
                let text = one_line(&path)
                    .map_err(|why| usage(format!("{variable}: {why}"), "name the file of a private key"))?;
                self.setup.variables.insert(variable, text);
            }
        }
        Ok(())
    }
}
