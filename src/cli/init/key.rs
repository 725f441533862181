//! The key, which somebody must keep elsewhere: without it there is no backup.

use std::{path::Path, sync::PoisonError};

use pgcoffer::{
    Error, Result,
    config::{OldKey, Settings},
    seal::MasterKey,
};
use zeroize::Zeroizing;

use super::{
    Draft,
    interrupted::note_shown_key,
    journal::Asked,
    place::{Opening, Place, said},
    usage,
};

/// So many of the key's last characters are asked back: its checksum, which nobody guesses and everybody can type.
const ASKED_BACK: usize = 6;

/// The variable by which backups are sealed, where one is set.
pub(super) fn variable_set(settings: &Settings) -> Option<&'static str> {
    let names = ["PGCOFFER_KEY", "PGCOFFER_PASSPHRASE"];
    names.into_iter().find(|name| settings.text(name).is_some())
}

impl Draft {
    /// False: another bucket is meant.
    pub(super) fn key(&mut self, settings: &Settings) -> Asked<bool> {
        self.step(3, "Key");
        if let Some(path) = self.args.key_file.clone() {
            let key = read(&path)?;
            self.take_key(&key)?;
            return self.try_key_at_hand();
        }
        if let Some(name) = variable_set(settings)
            && !self.args.new_key
        {
            let origin = settings.origin(name).unwrap_or_default();
            let what = self.config.secret.as_ref().map(pgcoffer::seal::Secret::describe);
            self.terminal
                .say(&format!("   {} stays, from {origin}.", what.unwrap_or_default()));
            return self.try_key_at_hand();
        }
        let every_database_has_one = !self.config.databases.is_empty()
            && self.labels().iter().all(|label| {
                let own = self.config.databases.iter().find(|d| d.label == *label);
                own.is_some_and(|database| database.secret.is_some())
            });
        if every_database_has_one && !self.args.new_key {
            self.terminal.say("   Every database has a key of its own already.");
            return Ok(true);
        }
        if !self.terminal.asks || (self.terminal.yes && self.args.key_stored) {
            self.new_key_unseen()?;
            return Ok(true);
        }
        match self.place()?.filter(|place| place.is_closed() && !self.args.new_key) {
            Some(place) => match self.ask_opening(&place, None)? {
                Opening::Key(key) => {
                    self.take_key(&key)?;
                    self.say_key(&key)?;
                    return Ok(true);
                }
                Opening::AnotherBucket => return Ok(false),
                Opening::Another => self.pin_beside(&place),
            },
            None if self.args.new_key => {}
            None => {
                let choices = ["make a new one", "take one that I have"];
                if self.terminal.choose("   The key", &choices)? == 1 {
                    let check = |text: &str| MasterKey::parse(text).map(drop).map_err(|e| said(&e));
                    let text = self.terminal.hidden("   The key", false, check)?;
                    let key = parse(&text)?;
                    self.take_key(&key)?;
                    self.say_key(&key)?;
                    return Ok(true);
                }
            }
        }
        let key = self.new_key()?;
        self.have_it_stored(&key)?;
        self.take_key(&key)?;
        Ok(true)
    }

    /// Tries the key that is set or given on what the bucket holds. False: another bucket is meant.
    fn try_key_at_hand(&mut self) -> Asked<bool> {
        let Some(place) = self.place()?.filter(Place::is_closed) else {
            return Ok(true);
        };
        let held = match self.setup.text("PGCOFFER_KEY").map(parse) {
            Some(Ok(key)) => format!("Key {}", key.key_id()),
            _ => "The passphrase that is set".to_owned(),
        };
        match self.ask_opening(&place, Some(&held))? {
            Opening::Key(key) => {
                // it opened nothing: no backup needs it
                self.setup.variables.remove("PGCOFFER_KEY");
                self.setup.variables.remove("PGCOFFER_PASSPHRASE");
                self.take_key(&key)?;
                self.say_key(&key)?;
                Ok(true)
            }
            Opening::AnotherBucket => Ok(false),
            Opening::Another => {
                self.pin_beside(&place);
                Ok(true)
            }
        }
    }

    /// A machine with another key may back up beside what is there if it knows the repository.
    fn pin_beside(&mut self, place: &Place) {
        if let (Some(id), None) = (&place.repository, self.setup.text("PGCOFFER_REPOSITORY")) {
            self.setup.set("PGCOFFER_REPOSITORY", id.as_str());
        }
    }

    /// The key that is new here. It stays the same for who goes back and comes again.
    pub(super) fn new_key(&self) -> Result<MasterKey> {
        let mut made = self.new_key.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(text) = made.as_ref() {
            return parse(text);
        }
        let key = MasterKey::generate().map_err(key_error)?;
        *made = Some(key.encode());
        Ok(key)
    }

    /// Makes a key where nobody sees it, if somebody said that it will be kept.
    fn new_key_unseen(&mut self) -> Result<()> {
        let goes_somewhere = self.args.output.is_some() || !self.args.sheets.is_empty();
        if !self.args.key_stored || !goes_somewhere {
            return Err(usage(
                "a new key would be made here, where nobody can see that it is kept",
                "make one with `pgcoffer keygen`, keep it away from this machine, and set PGCOFFER_KEY; \
                 or add --key-stored with --sheet FILE, to say that the sheet will be put away at once",
            ));
        }
        let key = MasterKey::generate().map_err(key_error)?;
        self.take_key(&key)
    }

    /// Shows the key, takes it away, and asks how it ends: so often until that is right.
    fn have_it_stored(&self, key: &MasterKey) -> Asked<()> {
        let text = key.encode();
        let (_, end) = text.split_at(text.len() - ASKED_BACK);
        self.terminal.say(
            "   Without the key nobody can read the backups, ever: there is no copy of it and\n   \
             no other way in. It is shown now. Put it into a password manager or write it\n   \
             down, away from the machine that is backed up.",
        );
        if !self.terminal.yes {
            self.terminal.confirm("   Ready?", true)?;
        }
        loop {
            let shown = Zeroizing::new(format!(
                "This is the key of your backups. Store it now, from its first character to\nits last:\n\n    {}\n\n\
                 It will vanish from this screen, and you will be asked for its last\n{ASKED_BACK} characters, as you \
                 have stored them.",
                text.as_str()
            ));
            note_shown_key(&self.written, &key.key_id());
            self.terminal.show(&shown)?;
            let question =
                format!("   The last {ASKED_BACK} characters, as you have stored them; Enter shows it again");
            // a default that is never shown: an empty line is an answer here
            let asked = self.terminal.always_asking();
            let answer = Zeroizing::new(asked.text(&question, Some(""), |_| Ok(()))?.to_ascii_uppercase());
            if answer.as_str() == end || *answer == *text {
                self.terminal.say(&format!(
                    "   Right. The key's id, which is no secret, is {}.",
                    key.key_id()
                ));
                return Ok(());
            }
            self.terminal.journal.forget_newest();
            if !answer.is_empty() {
                self.terminal.say("   That is not how it ends. It is shown again.");
            }
        }
    }

    /// Before a key is made that would be of no use, or put beside what takes its place.
    pub(super) fn refuse_beside_passphrase(&self) -> Result<()> {
        if self.setup.text("PGCOFFER_CATALOG_KEY").is_some() {
            return Err(usage(
                "a catalog key is set, which watches and prunes backups and seals none",
                "unset PGCOFFER_CATALOG_KEY, and set PGCOFFER_KEY where there are backups under its key already",
            ));
        }
        let makes_one = self.args.new_key || self.args.key_file.is_some();
        if !makes_one || self.setup.text("PGCOFFER_PASSPHRASE").is_none() {
            return Ok(());
        }
        Err(usage(
            "a passphrase is set, and a key beside it would be one too many",
            "unset PGCOFFER_PASSPHRASE and give --key-file; the passphrase opens its backups only while it is set \
             itself",
        ))
    }

    /// Sets a key; the one that was set stays for reading.
    fn take_key(&mut self, key: &MasterKey) -> Result<()> {
        let text = key.encode();
        let old = self.setup.text("PGCOFFER_KEY").map(parse).transpose()?;
        if let Some(old) = old.filter(|old| old.key_id() != key.key_id()) {
            // believed up to today, and not beyond
            let today = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date();
            let mut all = Zeroizing::new(format!("{}@{today}", old.encode().as_str()));
            let earlier = self.setup.text("PGCOFFER_OLD_KEYS").unwrap_or_default();
            for earlier in OldKey::parse_all(earlier)? {
                all = Zeroizing::new([all.as_str(), earlier.encode().as_str()].join(","));
            }
            self.setup.set("PGCOFFER_OLD_KEYS", all.as_str());
            self.terminal
                .say("   The key that was set goes to PGCOFFER_OLD_KEYS: its backups stay readable.");
        }
        self.setup.set("PGCOFFER_KEY", text.as_str());
        Ok(())
    }
}

fn read(path: &Path) -> Result<MasterKey> {
    let text = std::fs::read_to_string(path).map(Zeroizing::new);
    let text = text.map_err(|source| Error::io("read the key from", path, source))?;
    MasterKey::parse(&text).map_err(|source| Error::Seal {
        object: path.display().to_string(),
        source,
    })
}

pub(super) fn parse(text: &str) -> Result<MasterKey> {
    MasterKey::parse(text).map_err(key_error)
}

fn key_error(source: pgcoffer::seal::Error) -> Error {
    Error::Seal {
        object: "the key".to_owned(),
        source,
    }
}
