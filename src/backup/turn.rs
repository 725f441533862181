use jiff::{SignedDuration, Timestamp};

use super::{
    Label, Tier,
    id::{civil_time, name_mac},
};
use crate::seal::DatabaseIdentity;

const TIME_FORMAT: &str = "%Y%m%dT%H%M%SZ";
const SUFFIX: &str = ".turn";
/// What a turn of a drill is for; no tier is called so.
const DRILL: &str = "drill";

/// The name of one attempt at a period of a tier, for an agent whose credentials may not look: only one run can take
/// it.
///
/// `20261120T070000Z-`, the moment at which the period was due, and for a later attempt `15-`, how many minutes after
/// that it began; 12 characters of a MAC over repository, tier, database and what stands before it; and `.turn`. Without
/// the key nobody can make the name, and a name of one tier, database or repository is none in another.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct TurnName(String);

impl TurnName {
    /// The name of the turn of `tier` that was due at `due` and began at `began` (whole seconds and whole minutes
    /// count).
    #[must_use]
    pub fn new(identity: &DatabaseIdentity, database: &Label, tier: Tier, due: Timestamp, began: Timestamp) -> Self {
        let minutes = began.duration_since(due).as_mins();
        let time = due.strftime(TIME_FORMAT);
        Self::of(
            identity,
            database,
            tier.as_str(),
            &match minutes {
                ..=0 => time.to_string(),
                minutes => format!("{time}-{minutes}"),
            },
        )
    }

    /// The name of an attempt at the drill that was due at `due`, from 1: only one machine can take it.
    #[must_use]
    pub fn of_drill(identity: &DatabaseIdentity, database: &Label, due: Timestamp, attempt: u32) -> Self {
        let time = due.strftime(TIME_FORMAT);
        Self::of(identity, database, DRILL, &format!("{time}-{attempt}"))
    }

    /// When the drill was due whose turn this file name is, where the holder of `identity` made it.
    #[must_use]
    pub fn drill_due(name: &str, identity: &DatabaseIdentity, database: &Label) -> Option<Timestamp> {
        let (moment, _) = name.strip_suffix(SUFFIX)?.rsplit_once('-')?;
        let (time, attempt) = moment.split_once('-')?;
        // the form first: anybody may put any number of names there, and a MAC takes its time
        let due = civil_time(time).filter(|_| attempt.parse::<u32>().is_ok())?;
        (Self::of(identity, database, DRILL, moment).0 == name).then_some(due)
    }

    fn of(identity: &DatabaseIdentity, database: &Label, what: &str, moment: &str) -> Self {
        // no tier's word and no label holds a slash
        let message = format!("{what}/{database}/{moment}");
        let mac = name_mac(identity, "pgcoffer/1 turn", &message);
        Self(format!("{moment}-{mac}{SUFFIX}"))
    }

    /// When the turn of this file name began, where the holder of `identity` made the name for this tier and database.
    #[must_use]
    pub fn began(name: &str, identity: &DatabaseIdentity, database: &Label, tier: Tier) -> Option<Timestamp> {
        let (moment, _) = name.rsplit_once('-')?;
        let (time, minutes) = match moment.split_once('-') {
            Some((time, minutes)) => (time, minutes.parse::<u32>().ok()?),
            None => (moment, 0),
        };
        let due = civil_time(time)?;
        let began = due.checked_add(SignedDuration::from_mins(minutes.into())).ok()?;
        (Self::of(identity, database, tier.as_str(), moment).0 == name).then_some(began)
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seal::{MasterKey, RepositoryId, Secret};

    #[test]
    fn a_turn_counts_for_its_tier_database_and_repository_alone() {
        let secret = Secret::Key(MasterKey::generate().unwrap());
        let identity = || {
            let repository = RepositoryId::generate().unwrap();
            secret.identity(&repository, "main").unwrap()
        };
        let (here, elsewhere) = (identity(), identity());
        let (main, shop) = (Label::parse("main").unwrap(), Label::parse("shop").unwrap());
        let at: Timestamp = "2026-11-20T07:00:00Z".parse().unwrap();
        for later in [0, 15, 960] {
            let later = at + SignedDuration::from_mins(later);
            let turn = TurnName::new(&here, &main, Tier::Daily, at, later);
            let began = |identity: &DatabaseIdentity, label: &Label, tier| {
                TurnName::began(turn.as_str(), identity, label, tier)
            };
            assert_eq!(began(&here, &main, Tier::Daily), Some(later));
            assert_eq!(began(&here, &main, Tier::Weekly), None);
            assert_eq!(began(&here, &shop, Tier::Daily), None);
            assert_eq!(began(&elsewhere, &main, Tier::Daily), None);
            // another one's turn that begins at the same moment is another turn
            assert_ne!(
                TurnName::new(&here, &main, Tier::Daily, later, later).as_str(),
                match later == at {
                    true => "",
                    false => turn.as_str(),
                }
            );
        }
        let drill = TurnName::of_drill(&here, &main, at, 2);
        let due = |identity, label| TurnName::drill_due(drill.as_str(), identity, label);
        assert_eq!(due(&here, &main), Some(at));
        assert_eq!(due(&here, &shop), None);
        assert_eq!(due(&elsewhere, &main), None);
        assert_eq!(TurnName::began(drill.as_str(), &here, &main, Tier::Daily), None);
        assert_ne!(drill, TurnName::of_drill(&here, &main, at, 1));
        for strange in [
            "",
            "-",
            "20261120T070000Z",
            "x-y.turn",
            "20261120T070000Z-aaaaaaaaaaaa.turn",
        ] {
            assert_eq!(TurnName::began(strange, &here, &main, Tier::Daily), None);
            assert_eq!(TurnName::drill_due(strange, &here, &main), None);
        }
    }
}
