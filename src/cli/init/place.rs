//! What stands in the bucket already, and the key that opens it. A new machine beside old backups needs that key, and
//! no new one.

use std::{
    hash::{DefaultHasher, Hash as _, Hasher as _},
    process::Stdio,
    sync::PoisonError,
};

use pgcoffer::{Error, Result, seal::MasterKey};
use serde::Deserialize;

use super::{Draft, journal::Asked};

/// What `pgcoffer bucket-facts` said. Headers say it, which no key has checked.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct Place {
    /// The databases that have backups there.
    databases: Vec<String>,
    /// The repository there.
    pub(super) repository: Option<String>,
    /// What the backups are sealed for: `key 0123456789abcdef`, `a passphrase`.
    sealed_for: Vec<String>,
    /// Whether the key that is set opens them.
    opens: bool,
    /// Where else there are backups, if there are none there.
    elsewhere: Vec<Elsewhere>,
}

#[derive(Debug, Clone, Deserialize)]
struct Elsewhere {
    location: String,
    databases: Vec<String>,
}

/// What the user decides about backups that the key at hand doesn't open.
pub(super) enum Opening {
    /// The key that opens them.
    Key(MasterKey),
    /// They are somebody else's, or are given up: another key seals what is backed up from here.
    Another,
    /// Another bucket or prefix is meant.
    AnotherBucket,
}

impl Place {
    /// Whether there are backups that no key at hand opens.
    pub(super) fn is_closed(&self) -> bool {
        !self.sealed_for.is_empty() && !self.opens
    }

    /// The ids of the keys that open the backups.
    fn key_ids(&self) -> Vec<&str> {
        let names = self.sealed_for.iter();
        names.filter_map(|name| name.strip_prefix("key ")).collect()
    }

    fn of_databases(&self) -> String {
        match self.databases.is_empty() {
            true => String::new(),
            false => format!(" of {}", self.databases.join(", ")),
        }
    }
}

impl Draft {
    /// What stands in the bucket. `None` where nobody is asked, or where it can't be seen. For the same settings it is
    /// looked at once, so that the answers of who goes back still fit.
    pub(super) fn place(&self) -> Result<Option<Place>> {
        if !self.terminal.asks || self.args.no_check {
            return Ok(None);
        }
        let mut hasher = DefaultHasher::new();
        for (name, value) in &self.setup.variables {
            (name, value.as_str()).hash(&mut hasher);
        }
        let settings = hasher.finish();
        let known = |draft: &Self| {
            let places = draft.places.lock().unwrap_or_else(PoisonError::into_inner);
            places.get(&settings).cloned()
        };
        if let Some(place) = known(self) {
            return Ok(place);
        }
        let command = self.command("bucket-facts", &self.setup);
        let mut command = command.map_err(|source| Error::Io {
            doing: "run `pgcoffer bucket-facts`".to_owned(),
            source,
        })?;
        command.stdout(Stdio::piped()).stderr(Stdio::null());
        let output = self.child(command, "`pgcoffer bucket-facts`")?;
        let place: Option<Place> = serde_json::from_slice(&output.stdout).ok();
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        places.insert(settings, place.clone());
        Ok(place)
    }

    /// Says what is in the bucket. Where nothing is, and backups stand elsewhere in it, the user may take that place:
    /// true if so.
    pub(super) fn say_what_is_there(&mut self) -> Asked<bool> {
        let Some(place) = self.place()? else {
            return Ok(false);
        };
        if !place.sealed_for.is_empty() {
            self.terminal.say(&format!(
                "   There are backups{} here already, sealed for {}.",
                place.of_databases(),
                place.sealed_for.join(" and ")
            ));
        }
        if place.elsewhere.is_empty() {
            return Ok(false);
        }
        let named = place.elsewhere.iter();
        let named = named.map(|one| format!("of {} in {}", one.databases.join(", "), one.location));
        self.terminal.say(&format!(
            "   There is no backup here, but there are backups {}.",
            named.collect::<Vec<_>>().join(", and ")
        ));
        let take = place.elsewhere.iter().map(|one| format!("take {}", one.location));
        let choices: Vec<String> = ["begin here; those stay as they are".to_owned()]
            .into_iter()
            .chain(take)
            .collect();
        let choices: Vec<&str> = choices.iter().map(String::as_str).collect();
        match self.terminal.choose("   Which place do you mean", &choices)? {
            0 => Ok(false),
            n => {
                let bucket = place.elsewhere[n - 1].location.clone();
                self.note_answer("--bucket", &bucket);
                self.setup.set("PGCOFFER_BUCKET", bucket);
                Ok(true)
            }
        }
    }

    /// Asks for the key that opens what is here. `held` names the key that is set, and opens none of it.
    pub(super) fn ask_opening(&mut self, place: &Place, held: Option<&str>) -> Asked<Opening> {
        let ids = place.key_ids();
        let sealed_for = place.sealed_for.join(" or ");
        if let Some(held) = held {
            self.terminal.say(&format!(
                "   {held} opens none of the backups{} here: they are sealed for {sealed_for}.",
                place.of_databases()
            ));
        }
        let mut choices = Vec::new();
        if ids.is_empty() {
            self.terminal.say(
                "   To go on with these backups, stop here (Ctrl-C), set PGCOFFER_PASSPHRASE to their passphrase, and \
                 run init again.",
            );
        } else {
            choices.push((
                0,
                format!("type {sealed_for}, which opens them: it is on the recovery sheet, or where it was stored"),
            ));
        }
        choices.push((1, "name another bucket or prefix".to_owned()));
        choices.push((
            2,
            match held {
                Some(_) => "keep this key: the backups here stay closed to this machine".to_owned(),
                None => "make a new key: the backups here stay closed to this machine".to_owned(),
            },
        ));
        let items: Vec<&str> = choices.iter().map(|(_, text)| text.as_str()).collect();
        let chosen = self.terminal.choose("   The key", &items)?;
        match choices.get(chosen).map_or(2, |(choice, _)| *choice) {
            0 => Ok(Opening::Key(self.ask_key_of(&ids)?)),
            1 => Ok(Opening::AnotherBucket),
            _ => Ok(Opening::Another),
        }
    }

    /// The key with one of these ids, as it is typed.
    fn ask_key_of(&self, ids: &[&str]) -> Asked<MasterKey> {
        let check = |text: &str| {
            let key = MasterKey::parse(text).map_err(|error| said(&error))?;
            let id = key.key_id();
            match ids.contains(&id.as_str()) {
                true => Ok(()),
                false => Err(format!(
                    "that is key {id}, and the backups are sealed for key {}",
                    ids.join(" or ")
                )),
            }
        };
        let text = self.terminal.hidden("   The key", false, check)?;
        let key = MasterKey::parse(&text).map_err(|source| Error::Seal {
            object: "the key".to_owned(),
            source,
        });
        Ok(key?)
    }

    /// Tries the key that was just given, where there is something to try it on, and says its id.
    pub(super) fn say_key(&self, key: &MasterKey) -> Asked<()> {
        let id = key.key_id();
        let place = self.place()?.filter(|place| !place.sealed_for.is_empty());
        self.terminal.say(&match place {
            Some(place) if place.opens => format!("   Right: key {id} opens the backups here."),
            Some(place) => format!(
                "   Key {id} opens none of the backups here, which are sealed for {}.",
                place.sealed_for.join(" and ")
            ),
            None => format!("   The key's id, which is no secret, is {id}."),
        });
        Ok(())
    }
}

/// What is wrong with a key, and the cure, in one line.
pub(super) fn said(error: &pgcoffer::seal::Error) -> String {
    match error.hint() {
        Some(hint) => format!("{error}; {hint}"),
        None => error.to_string(),
    }
}
