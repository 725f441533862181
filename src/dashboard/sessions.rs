//! Who is signed in. A browser has a random id in a cookie; everything else is kept here, under the digest of that id,
//! so that neither a page nor a copy of this memory gives anybody's session away.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use super::{
    random::{SecretDigest, digest, random_text},
    role::Role,
};
use crate::{error::Result, redact::SecretText};

/// The most sessions at once: people of one team. Beyond that, the one that was not used for longest ends.
const SESSIONS_MAX: usize = 256;
/// After this long without a request a session ends.
const IDLE_MAX: Duration = Duration::from_secs(2 * 3600);
/// After this long a session ends in any case.
pub(super) const AGE_MAX: Duration = Duration::from_secs(12 * 3600);

/// The sessions of all browsers.
#[derive(Debug, Default)]
pub(super) struct Sessions(Mutex<HashMap<SecretDigest, Session>>);

/// One signed-in browser.
#[derive(Debug, Clone)]
pub(super) struct Session {
    /// Whom the pages and the audit trail name.
    pub(super) name: String,
    /// What he may do.
    pub(super) role: Role,
    /// What every form of this session has to bring along.
    pub(super) form_token: SecretText,
    began: Instant,
    used: Instant,
}

impl Sessions {
    /// Begins a session with a new id, which is returned.
    ///
    /// # Errors
    /// Where there are no random numbers.
    pub(super) fn begin(&self, name: &str, role: Role, now: Instant) -> Result<SecretText> {
        let (id, form_token) = (random_text()?, random_text()?);
        let mut sessions = self.locked();
        sessions.retain(|_, session| session.is_valid(now));
        if sessions.len() >= SESSIONS_MAX
            && let Some(oldest) = sessions.iter().min_by_key(|(_, session)| session.used)
        {
            let oldest = *oldest.0;
            sessions.remove(&oldest);
        }
        let session = Session {
            name: name.to_owned(),
            role,
            form_token,
            began: now,
            used: now,
        };
        sessions.insert(digest(id.reveal()), session);
        Ok(id)
    }

    /// The session with this id, if it goes on. It counts as used now.
    pub(super) fn find(&self, id: &str, now: Instant) -> Option<Session> {
        let (mut sessions, key) = (self.locked(), digest(id));
        let session = sessions.get_mut(&key)?;
        if !session.is_valid(now) {
            sessions.remove(&key);
            return None;
        }
        session.used = now;
        Some(session.clone())
    }

    /// Ends a session.
    pub(super) fn end(&self, id: &str) {
        self.locked().remove(&digest(id));
    }

    fn locked(&self) -> MutexGuard<'_, HashMap<SecretDigest, Session>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Session {
    fn is_valid(&self, now: Instant) -> bool {
        now.duration_since(self.began) < AGE_MAX && now.duration_since(self.used) < IDLE_MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_found_by_its_id_until_it_ends() {
        let (sessions, now) = (Sessions::default(), Instant::now());
        let ada = sessions.begin("ada", Role::Operator, now).unwrap();
        let grace = sessions.begin("grace", Role::Viewer, now).unwrap();
        assert_ne!(ada, grace);
        assert_eq!(sessions.find(ada.reveal(), now).unwrap().name, "ada");
        assert_eq!(sessions.find(grace.reveal(), now).unwrap().role, Role::Viewer);
        for wrong in ["", "x", &ada.reveal()[1..], &ada.reveal().to_lowercase()] {
            assert!(sessions.find(wrong, now).is_none(), "{wrong}");
        }
        sessions.end(ada.reveal());
        assert!(sessions.find(ada.reveal(), now).is_none());
        assert!(sessions.find(grace.reveal(), now).is_some());
    }

    #[test]
    fn it_ends_when_nobody_uses_it_and_after_half_a_day_in_any_case() {
        let (sessions, begun) = (Sessions::default(), Instant::now());
        let id = sessions.begin("ada", Role::Operator, begun).unwrap();
        let hours = |hours: f64| begun + Duration::from_secs_f64(hours * 3600.0);
        for used in [1.9, 3.8, 5.7, 7.6, 9.5, 11.4] {
            assert!(sessions.find(id.reveal(), hours(used)).is_some(), "{used}");
        }
        assert!(sessions.find(id.reveal(), hours(12.0)).is_none());
        let id = sessions.begin("ada", Role::Operator, begun).unwrap();
        assert!(sessions.find(id.reveal(), hours(2.0)).is_none());
        // it doesn't come back
        assert!(sessions.find(id.reveal(), begun).is_none());
    }

    #[test]
    fn there_is_a_bound_to_their_number() {
        let (sessions, now) = (Sessions::default(), Instant::now());
        let first = sessions.begin("first", Role::Viewer, now).unwrap();
        let second = sessions.begin("second", Role::Viewer, now).unwrap();
        let later = now + Duration::from_secs(1);
        assert!(sessions.find(first.reveal(), later).is_some());
        for _ in 0..SESSIONS_MAX - 1 {
            sessions.begin("more", Role::Viewer, later).unwrap();
        }
        assert_eq!(sessions.locked().len(), SESSIONS_MAX);
        assert!(sessions.find(first.reveal(), later).is_some());
        assert!(sessions.find(second.reveal(), later).is_none());
    }
}
