//! How the program ends: every exit status, with what it says to a script and to a person. Errors choose one of them;
//! `--help` and `docs/commands.md` list them by this table.

/// An exit status of the program.
///
/// What a record holds of a failed run is the bare number, since a later version may have more of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum ExitStatus {
    /// Everything was done.
    Done = 0,
    /// This machine's side failed.
    Failed = 1,
    /// The command or its settings can't be carried out as given.
    Usage = 2,
    /// The database's side failed.
    Database = 3,
    /// The bucket's side failed.
    Bucket = 4,
    /// What was read is not what was written, or the key is another one.
    Integrity = 5,
    /// Another run holds the database's lock, or has just done the same; or another restore goes into the same target.
    Locked = 6,
    /// There is no such backup.
    NoSuchBackup = 7,
    /// Nothing failed, and somebody has to look.
    Problem = 8,
    /// A restore left out what it named, or a drill could not compare it.
    Incomplete = 9,
    /// A drill ran to its end, and its report could not be written.
    NotReported = 10,
    /// A bug; `EX_SOFTWARE` of sysexits.h.
    Bug = 70,
    /// Nothing is wrong, and a later call goes on; `EX_TEMPFAIL` of sysexits.h.
    Thawing = 75,
    /// SIGHUP ended it. By custom 128 and the signal's number, as shells count
    /// ([POSIX, 2.8.2](https://pubs.opengroup.org/onlinepubs/9799919799/utilities/V3_chap02.html#tag_19_08_02)).
    HangUp = 129,
    /// SIGINT ended it.
    Interrupted = 130,
    /// The program that reads its output has ended: what SIGPIPE is to others.
    OutputClosed = 141,
    /// SIGTERM ended it.
    Terminated = 143,
}

impl ExitStatus {
    /// Every status, by number.
    pub const ALL: [Self; 17] = [
        Self::Done,
        Self::Failed,
        Self::Usage,
        Self::Database,
        Self::Bucket,
        Self::Integrity,
        Self::Locked,
        Self::NoSuchBackup,
        Self::Problem,
        Self::Incomplete,
        Self::NotReported,
        Self::Bug,
        Self::Thawing,
        Self::HangUp,
        Self::Interrupted,
        Self::OutputClosed,
        Self::Terminated,
    ];

    /// Its number.
    #[must_use]
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// The status of this number, where there is one.
    #[must_use]
    pub fn of_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.number() == number)
    }

    /// The status after this signal, where it is one that ends the program in order.
    #[must_use]
    pub fn of_signal(signal: i32) -> Option<Self> {
        let number = u8::try_from(signal.checked_add(128)?).ok()?;
        Self::of_number(number).filter(|status| status.is_of_signal())
    }

    /// Whether a signal ended the program.
    #[must_use]
    pub fn is_of_signal(self) -> bool {
        matches!(self, Self::HangUp | Self::Interrupted | Self::Terminated)
    }

    /// What it means, as a few words of plain text.
    #[must_use]
    pub fn help(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Failed => "failed: this machine",
            Self::Usage => "usage or configuration",
            Self::Database => "the database side",
            Self::Bucket => "the bucket side",
            Self::Integrity => "integrity or key",
            Self::Locked => "another run holds the database's lock: of a backup, or of a restore into it",
            Self::NoSuchBackup => "no such backup",
            Self::Problem => "check, status or tick found a problem",
            Self::Incomplete => "restored or proven, all but what is named",
            Self::NotReported => "a drill ended, and its report could not be written",
            Self::Bug => "a bug in pgcoffer",
            Self::Thawing => "the archive is being thawed: the same command goes on later",
            Self::HangUp => "interrupted by SIGHUP",
            Self::Interrupted => "interrupted by SIGINT",
            Self::OutputClosed => "what reads the output has ended",
            Self::Terminated => "interrupted by SIGTERM",
        }
    }

    /// What it means, in Markdown.
    #[must_use]
    pub fn doc(self) -> &'static str {
        match self {
            Self::Failed => "failed: this machine (a file, memory)",
            Self::Database => {
                "the database side: connection, login, rights, pg_dump, pg_restore, a target that is not empty"
            }
            Self::Bucket => "the bucket side: network, credentials, rights, no such bucket",
            Self::Integrity => {
                "integrity or key: wrong key, bytes changed or cut, not what was dumped; a `drill` found a difference"
            }
            Self::Problem => {
                "`check` found that something fails; or nothing failed, and `status` or `tick` found what needs a look"
            }
            Self::Incomplete => "`restore` restored, or `drill` proved, everything but what it names",
            Self::NotReported => {
                "a `drill` ended with what it says, and no backup failed; its report could not be written into the bucket"
            }
            Self::Bug => {
                "a bug in pgcoffer: it panicked; the message names the place in its source. Reported, recorded and \
                 tried again as any failure is"
            }
            Self::OutputClosed => {
                "what reads the output of `get` or `open` has ended, as `head` does: nothing is said, and not all was \
                 written"
            }
            Self::Done
            | Self::Usage
            | Self::Locked
            | Self::NoSuchBackup
            | Self::Thawing
            | Self::HangUp
            | Self::Interrupted
            | Self::Terminated => self.help(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_and_numbers_belong_together() {
        let numbers: Vec<u8> = ExitStatus::ALL.iter().map(|status| status.number()).collect();
        assert!(numbers.is_sorted_by(|a, b| a < b), "{numbers:?}");
        for status in ExitStatus::ALL {
            assert_eq!(ExitStatus::of_number(status.number()), Some(status));
            assert!(!status.help().is_empty() && !status.doc().contains("  "));
        }
        assert_eq!(ExitStatus::of_number(11), None);
    }

    #[test]
    fn a_signal_ends_with_128_and_its_number() {
        for (signal, status) in [
            (1, Some(ExitStatus::HangUp)),
            (2, Some(ExitStatus::Interrupted)),
            (15, Some(ExitStatus::Terminated)),
            // no signal: numbers of other statuses
            (-58, None),
            (-128, None),
            (9, None),
            (i32::MAX, None),
        ] {
            assert_eq!(ExitStatus::of_signal(signal), status, "{signal}");
        }
    }
}
