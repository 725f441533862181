//! Archives in cold storage: their thawing is requested and waited for; without a request, reading them is refused
//! early.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use crate::{
    backup::Record,
    catalog::Catalog,
    error::{Error, Result},
    lifecycle::{Class, Retrieval, ThawTime},
    retry::Backoff,
    store::{self, AskedForThaw, Kind, Object, Speed, Store, Thaw},
    text::{counted, minute},
};

/// The time until the first check, since services other than AWS may thaw at once.
const FIRST_LOOK: Duration = Duration::from_secs(2);
/// The pauses between two checks after that.
const PAUSES: Backoff = Backoff::new(Duration::from_secs(30), Duration::from_secs(300));
/// The size above which expedited retrievals take longer than the minutes in their description.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/restoring-objects-retrieval-options.html>
const EXPEDITED_BYTES_MAX: u64 = 250_000_000;
/// The time that a restore of a large database may need.
const ENOUGH: SignedDuration = SignedDuration::from_hours(12);

/// What to do about an archive in cold storage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ThawRequest {
    /// The speed at which to request thawing; `None` to request nothing.
    pub speed: Option<Speed>,
    /// The days for which the thawed copy is kept.
    pub days: u32,
    /// Whether to wait until it is thawed.
    pub wait: bool,
}

/// Makes sure that a backup's archive can be read: requests its thawing and waits, as the request says. If it ends with
/// [`Error::Cold`] and `under_way`, call it again later; nothing is requested twice.
///
/// # Errors
/// [`Error::Cold`] if it can't be read yet, [`Error::Usage`] for a speed that its class doesn't offer, or any error of
/// the bucket. A missing archive is no error here; reading it will report that.
pub async fn thaw(catalog: &Catalog, record: &Record, request: &ThawRequest) -> Result<()> {
    let store = catalog.store();
    let key = catalog.archive_key(record);
    let Some(object) = store.head(&key).await? else {
        return Ok(());
    };
    let thawing = Thawing {
        store,
        name: store.url(&key),
        key,
        request,
    };
    thawing.carry_out(object).await
}

/// Fails if an object can't be read now.
pub(super) async fn check_readable(store: &Store, object: &Object, name: &str) -> Result<()> {
    match object.thaw {
        Thaw::Warm | Thaw::Thawed { .. } => Ok(()),
        // cold by its class, which may be only a name on other services than AWS
        _ if store.is_readable(object).await? => Ok(()),
        Thaw::Cold => Err(cold(object, name)),
        Thaw::UnderWay => Err(under_way(object, name, None, None)),
    }
}

struct Thawing<'a> {
    store: &'a Store,
    key: String,
    name: String,
    request: &'a ThawRequest,
}

impl Thawing<'_> {
    async fn carry_out(&self, object: Object) -> Result<()> {
        match (self.state(&object), self.request.speed) {
            (Thaw::Warm, None) => Ok(()),
            (Thaw::Warm | Thaw::Cold | Thaw::UnderWay, _) if self.store.is_readable(&object).await? => Ok(()),
            // whatever the name of its class
            (Thaw::Warm, Some(speed)) => self.ask_and_wait(&object, speed).await,
            (Thaw::Thawed { until }, speed) => self.keep_long_enough(&object, until, speed).await,
            (Thaw::Cold, None) => Err(cold(&object, &self.name)),
            (Thaw::Cold, Some(speed)) => self.ask_and_wait(&object, speed).await,
            (Thaw::UnderWay, _) if !self.request.wait => Err(under_way(&object, &self.name, None, None)),
            (Thaw::UnderWay, _) => {
                tracing::info!("{} is being thawed already", self.name);
                self.wait(&object, None).await
            }
        }
    }

    /// The state of an object. A service may show a copy whose time has ended for a while longer.
    fn state(&self, object: &Object) -> Thaw {
        match object.thaw {
            Thaw::Thawed { until: Some(until) } if until <= self.now() => Thaw::Cold,
            thaw => thaw,
        }
    }

    fn now(&self) -> Timestamp {
        self.store.service_time().unwrap_or_else(Timestamp::now)
    }

    async fn keep_long_enough(&self, object: &Object, until: Option<Timestamp>, speed: Option<Speed>) -> Result<()> {
        let Some(until) = until.filter(|until| until.duration_since(self.now()) < ENOUGH) else {
            return Ok(());
        };
        let Some(speed) = speed else {
            tracing::warn!(
                "the thawed copy of {} is gone after {}: add --thaw standard --thaw-days N to keep it for longer",
                self.name,
                minute(until)
            );
            return Ok(());
        };
        tracing::info!(
            "{} stays thawed for {} more",
            self.name,
            counted(self.request.days, "day")
        );
        self.ask(object, speed).await.map(drop)
    }

    async fn ask_and_wait(&self, object: &Object, speed: Speed) -> Result<()> {
        self.check_speed(object, speed)?;
        match self.ask(object, speed).await? {
            // it could not be read a moment ago
            AskedForThaw::Needless if self.store.is_readable(object).await? => return Ok(()),
            AskedForThaw::Needless => {
                return Err(not_thawed(
                    object,
                    &self.name,
                    "the service says that it is not cold, and refuses to read it",
                ));
            }
            AskedForThaw::UnderWay => tracing::info!("{} is being thawed already", self.name),
            AskedForThaw::NoCapacity => {
                return Err(Error::Cold {
                    why: format!(
                        "{}: the service has no capacity for expedited retrievals at the moment",
                        self.name
                    ),
                    hint: "run the same command again in some minutes, or with --thaw standard".to_owned(),
                    under_way: false,
                });
            }
            AskedForThaw::Taken => {
                let days = counted(self.request.days, "day");
                tracing::info!("asked for {} ({}), to be kept for {days}", self.name, speed.as_str());
            }
        }
        self.wait(object, Some(speed)).await
    }

    fn check_speed(&self, object: &Object, speed: Speed) -> Result<()> {
        if speed != Speed::Expedited {
            return Ok(());
        }
        let times = retrieval(object);
        if times.is_some_and(|times| times.expedited.is_none()) {
            return Err(Error::usage(
                format!(
                    "{} lies in {}, which knows no expedited retrieval",
                    self.name,
                    class_name(object)
                ),
                "give --thaw standard (within 12 hours) or --thaw bulk (within 48 hours)",
            ));
        }
        if object.bytes > EXPEDITED_BYTES_MAX {
            tracing::warn!(
                "{} has {} MB: above 250 MB expedited retrievals take longer than 5 minutes",
                self.name,
                object.bytes / 1_000_000
            );
        }
        Ok(())
    }

    async fn ask(&self, object: &Object, speed: Speed) -> Result<AskedForThaw> {
        // an object of INTELLIGENT_TIERING leaves its archive tier for good
        let days = object.archive_tier.is_none().then_some(self.request.days);
        let asked = self.store.ask_for_thaw(&self.key, days, speed).await;
        asked.map_err(|error| match error.kind {
            Kind::Denied => Error::Cold {
                why: error.to_string(),
                hint:
                    "thawing needs the right s3:RestoreObject on the archives: run this with credentials that have it"
                        .to_owned(),
                under_way: false,
            },
            // Ceph and others know the class, but don't support thawing
            Kind::Unsupported | Kind::Other | Kind::NotFound | Kind::Exists => {
                let why = format!("it can't be read, and the service refuses to thaw it: {}", error.why);
                not_thawed(object, &self.name, &why)
            }
            _ => error.into(),
        })
    }

    /// Checks until it is thawed, or only once if the request is not to wait.
    async fn wait(&self, object: &Object, speed: Option<Speed>) -> Result<()> {
        let began = Instant::now();
        let (mut pause, mut looks, mut begun) = (FIRST_LOOK, 0, false);
        loop {
            tokio::time::sleep(pause).await;
            match self.look().await? {
                Some(Thaw::Warm | Thaw::Thawed { .. }) => {
                    tracing::info!("{} is thawed", self.name);
                    return Ok(());
                }
                Some(Thaw::Cold) if begun => return Err(cold_again(object, &self.name)),
                Some(_) if !self.request.wait => {
                    return Err(under_way(object, &self.name, speed, Some(self.now())));
                }
                Some(Thaw::UnderWay) => begun = true,
                // the request may show late
                Some(Thaw::Cold) | None => {}
            }
            let minutes = began.elapsed().as_secs() / 60;
            tracing::info!("thawing {}: {minutes} min so far; {}", self.name, usual(object, speed));
            looks += 1;
            pause = PAUSES.pause(looks);
        }
    }

    /// The current state. `None` if the service can't be asked, which is no reason to give up hours of waiting.
    async fn look(&self) -> Result<Option<Thaw>> {
        match self.state_now().await {
            Ok(Some(state)) => Ok(Some(state)),
            Ok(None) => Err(Error::differs(&self.name, "it was deleted while it was being thawed")),
            Err(error) if error.kind.is_passing() && self.request.wait => {
                tracing::warn!("{error}; looking again later");
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn state_now(&self) -> std::result::Result<Option<Thaw>, store::Error> {
        let Some(object) = self.store.head(&self.key).await? else {
            return Ok(None);
        };
        Ok(Some(match self.state(&object) {
            // not every service reports the progress
            Thaw::Cold | Thaw::UnderWay if self.store.is_readable(&object).await? => Thaw::Warm,
            state => state,
        }))
    }
}

fn cold(object: &Object, name: &str) -> Error {
    Error::Cold {
        why: format!(
            "{name} lies in {} and has to be thawed before it can be read: {}",
            class_name(object),
            usual(object, None)
        ),
        hint:
            "run the same command again with --thaw standard, and with --wait to wait for it; --thaw-days N says how \
            long it stays thawed"
                .to_owned(),
        under_way: false,
    }
}

/// The error of an object that is cold and that this service can't thaw.
fn not_thawed(object: &Object, name: &str, why: &str) -> Error {
    let class = class_name(object);
    Error::Cold {
        why: format!("{name} lies in {class}: {why}"),
        hint: "bring it back by the service's own means: its console, a rule that moves it to another class, or its \
            support; then run the same command again"
            .to_owned(),
        under_way: false,
    }
}

fn cold_again(object: &Object, name: &str) -> Error {
    Error::Cold {
        why: format!("{name} was being thawed, and lies in {} as before", class_name(object)),
        hint:
            "run the same command again, which asks for it once more; where that ends alike, ask the service's support"
                .to_owned(),
        under_way: false,
    }
}

/// The error that the user should come back later, at a time if it is known when and at which speed it was requested.
fn under_way(object: &Object, name: &str, speed: Option<Speed>, asked: Option<Timestamp>) -> Error {
    let wait = speed
        .zip(retrieval(object))
        .and_then(|(speed, times)| time(times, speed));
    let ready = asked.zip(wait).and_then(|(asked, wait)| {
        asked
            .checked_add(SignedDuration::from_mins(wait.longest_minutes.into()))
            .ok()
    });
    let when = ready.map_or_else(|| "later".to_owned(), |ready| format!("after {}", minute(ready)));
    Error::Cold {
        why: format!("{name} is being thawed: {}", usual(object, speed)),
        hint: format!("run the same command again {when}, or with --wait: it goes on once the archive is thawed"),
        under_way: true,
    }
}

/// The usual duration, in words.
fn usual(object: &Object, speed: Option<Speed>) -> String {
    let Some(times) = retrieval(object) else {
        return "how long that takes isn't known here".to_owned();
    };
    let told = |speed: Speed| Some(format!("{} {}", speed.as_str(), time(times, speed)?.words));
    match speed {
        Some(speed) => told(speed).unwrap_or_default(),
        None => {
            let all = [Speed::Expedited, Speed::Standard, Speed::Bulk];
            all.into_iter().filter_map(told).collect::<Vec<_>>().join(", ")
        }
    }
}

fn time(times: Retrieval, speed: Speed) -> Option<ThawTime> {
    match speed {
        Speed::Expedited => times.expedited,
        Speed::Standard => Some(times.standard),
        Speed::Bulk => Some(times.bulk),
    }
}

/// The durations for this object. The archive tiers of `INTELLIGENT_TIERING` are as slow as the classes of the same
/// depth. <https://docs.aws.amazon.com/AmazonS3/latest/userguide/intelligent-tiering-overview.html>
fn retrieval(object: &Object) -> Option<Retrieval> {
    match object.archive_tier.as_deref().or(object.storage_class.as_deref())? {
        "GLACIER" | "ARCHIVE_ACCESS" => Class::Glacier.retrieval(),
        "DEEP_ARCHIVE" | "DEEP_ARCHIVE_ACCESS" => Class::DeepArchive.retrieval(),
        _ => None,
    }
}

fn class_name(object: &Object) -> String {
    let class = object.storage_class.as_deref().unwrap_or("STANDARD");
    match &object.archive_tier {
        Some(tier) => format!("{class} ({tier})"),
        None => class.to_owned(),
    }
}
