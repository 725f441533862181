//! A place that holds copies, tried when it is typed, as the bucket is. The host key of a server is shown and confirmed,
//! and never taken from the server unseen.

use pgcoffer::{Result, backup::PlaceName, operation::Area, setup::Setup};

use super::{Draft, copies_access::CopyKind, journal::Asked, trial_report::Trial};

/// What becomes of a place that was tried.
enum Tried {
    /// It works, or is kept as it is.
    Kept,
    /// Its address or its login is asked for anew.
    Again,
}

impl Draft {
    /// Asks for what is missing of a place and tries it, until it works or the user decides otherwise.
    pub(super) fn ask_until_place_works(&mut self, name: &PlaceName, kind: CopyKind) -> Asked<()> {
        loop {
            self.ask_place(name, kind)?;
            if self.args.no_check {
                return Ok(());
            }
            match self.try_place(name)? {
                Tried::Kept => return Ok(()),
                Tried::Again => self.setup.forget_place(name),
            }
        }
    }

    fn try_place(&mut self, name: &PlaceName) -> Asked<Tried> {
        loop {
            self.terminal.say(
                "   Trying it: a small file is written, read and deleted again; README.txt and restore-by-hand.md stay \
                 there.",
            );
            let trial = self.place_trial(name)?;
            match trial.host_key(&host_key(name)) {
                Some(shown) if self.setup.text(&host_key(name)).is_none() => {
                    if self.is_its_host_key(&shown)? {
                        self.setup.set(host_key(name), shown);
                        continue;
                    }
                    self.terminal
                        .say("   Then it is not pinned. No login was tried, and nothing was sent.");
                }
                _ => {
                    if let Some(warnings) = trial.warnings() {
                        self.terminal.say(warnings.trim_end());
                    }
                    if self.works(trial) {
                        return Ok(Tried::Kept);
                    }
                }
            }
            let choices = [
                "try again, once it is mended",
                "give another address or login for it",
                "keep it as it is; copies will fail until it is mended",
                "leave this place out",
            ];
            match self.terminal.choose("   This place doesn't work yet", &choices)? {
                0 => {}
                1 => return Ok(Tried::Again),
                2 => return Ok(Tried::Kept),
                _ => {
                    self.setup.forget_place(name);
                    return Ok(Tried::Kept);
                }
            }
        }
    }

    /// Asks whether the host key that a server shows is its own. Not even `--yes` says so.
    fn is_its_host_key(&self, shown: &str) -> Asked<bool> {
        self.terminal.say(&format!(
            "   The server shows this host key:\n   {shown}\n   Compare it with what its provider publishes, or with \
             what this prints on the server itself:\n   for f in /etc/ssh/ssh_host_*_key.pub; do ssh-keygen -lf $f; done"
        ));
        let asked = self.terminal.always_asking();
        asked.confirm("   Have you compared it, and is it the same?", false)
    }

    /// One run of `check`, of which what is about this place counts.
    fn place_trial(&self, name: &PlaceName) -> Result<Trial> {
        let mut setup = Setup::default();
        let of_place = self.setup.settings_of_place(name);
        let others = self.setup.variables.iter().filter(|(variable, _)| {
            !["PGCOFFER_COPY_", "PGCOFFER_COPIES_", "PGCOFFER_DB_"]
                .iter()
                .any(|begin| variable.starts_with(begin))
        });
        let others = others.map(|(variable, value)| (variable.as_str(), value.as_str()));
        for (variable, value) in others.chain(of_place) {
            setup.set(variable, value);
        }
        if ["PGCOFFER_KEY", "PGCOFFER_PASSPHRASE"]
            .iter()
            .all(|key| setup.text(key).is_none())
        {
            // each database has a key of its own, and none of them is tried here
            setup.set("PGCOFFER_KEY", self.new_key()?.encode().as_str());
        }
        Ok(self.trial(&setup, "place", &[])?.about(Area::Place))
    }
}

fn host_key(name: &PlaceName) -> String {
    format!("{}_HOST_KEY", name.settings())
}
