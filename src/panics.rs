//! Panics are bugs, of ours or of a library, and people must hear of them. Whoever catches one makes an error of it,
//! which then goes the way of every other error: into the record, over the channels, into the exit status.
//!
//! Of a panic only its place in the source is kept. What it says may quote data: a setting, a row, a key.

use std::{
    any::Any,
    collections::VecDeque,
    fmt,
    panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind},
    sync::{Mutex, PoisonError},
    thread::{self, ThreadId},
};

use futures_util::FutureExt as _;
use tokio::task::{self, JoinError};

// a build that aborts at a panic would have nobody hear of it
const _: () = assert!(cfg!(panic = "unwind"));

/// Places are kept until somebody asks for them; of panics that nobody caught, only the newest.
const KEPT: usize = 16;
static PLACES: Mutex<VecDeque<Place>> = Mutex::new(VecDeque::new());

/// Where a panic began, and who was at work there.
struct Place {
    thread: ThreadId,
    task: Option<task::Id>,
    text: String,
}

/// A panic that was caught: where it was, as far as [`note`] was told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Panic {
    place: Option<String>,
}

impl fmt::Display for Panic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Some(place) => write!(f, "it panicked at {place}"),
            None => write!(f, "it panicked"),
        }
    }
}

impl std::error::Error for Panic {}

/// Keeps the place of a panic for who will catch it, and gives it. To be called by the program's panic hook.
pub fn note(info: &PanicHookInfo<'_>) -> String {
    let text = info.location().map_or_else(
        || "an unknown place".to_owned(),
        |at| format!("{}:{}", without_home(at.file()), at.line()),
    );
    let mut places = PLACES.lock().unwrap_or_else(PoisonError::into_inner);
    if places.len() == KEPT {
        places.pop_front();
    }
    places.push_back(Place {
        thread: thread::current().id(),
        task: task::try_id(),
        text: text.clone(),
    });
    text
}

/// A path without the machine that it was built on: a dependency's begins with its name and version.
fn without_home(file: &str) -> &str {
    let registry = "/registry/src/";
    let Some(at) = file.find(registry) else {
        return file;
    };
    let below = &file[at + registry.len()..];
    below.split_once('/').map_or(below, |(_, path)| path)
}

/// What a panic says where that is a literal of the source, which holds no data; nothing where it was put together.
#[must_use]
pub fn literal(payload: &(dyn Any + Send)) -> Option<&'static str> {
    payload.downcast_ref::<&'static str>().copied()
}

/// The result of some work, or its panic. What the work had hold of is dropped. Its state is put on the heap: one
/// within the other would lie several times on the stack.
///
/// # Errors
/// [`Panic`].
pub fn caught<T>(work: impl Future<Output = T>) -> impl Future<Output = Result<T, Panic>> {
    let work = AssertUnwindSafe(Box::pin(work)).catch_unwind();
    async move { work.await.map_err(|_| of_this_thread()) }
}

/// The same for work that fails by errors of its own: its panic is one of them.
///
/// # Errors
/// Those of `work`, and its panic.
pub fn caught_as_error<T, E: From<Panic>>(
    work: impl Future<Output = Result<T, E>>,
) -> impl Future<Output = Result<T, E>> {
    let work = caught(work);
    async move { work.await.unwrap_or_else(|panic| Err(E::from(panic))) }
}

/// The result of some work that waits for nothing, or its panic.
///
/// # Errors
/// [`Panic`].
pub fn caught_now<T>(work: impl FnOnce() -> T) -> Result<T, Panic> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|_| of_this_thread())
}

/// Why a task ended early, without what its panic said.
#[must_use]
pub fn of_task(error: &JoinError) -> Panic {
    let id = error.id();
    Panic {
        place: taken(|place| place.task == Some(id)),
    }
}

fn of_this_thread() -> Panic {
    let id = thread::current().id();
    Panic {
        place: taken(|place| place.thread == id),
    }
}

/// The newest place that is meant.
fn taken(is_meant: impl Fn(&Place) -> bool) -> Option<String> {
    let mut places = PLACES.lock().unwrap_or_else(PoisonError::into_inner);
    let at = places.iter().rposition(is_meant)?;
    places.remove(at).map(|place| place.text)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that can't go on has failed")]
mod tests {
    use std::sync::Once;

    use super::*;

    /// The hook is the process's: other tests still say why they fail.
    fn listen() {
        static ONCE: Once = Once::new();
        ONCE.call_once(|| {
            let before = std::panic::take_hook();
            std::panic::set_hook(Box::new(move |info| {
                note(info);
                before(info);
            }));
        });
    }

    #[tokio::test]
    async fn what_is_caught_is_known_by_its_place_and_not_by_what_it_says() {
        listen();
        let secret = String::from("hunter2");
        let work = async { panic!("{secret}") };
        let panic: Panic = caught(work).await.unwrap_err();
        let text = panic.to_string();
        assert!(text.starts_with("it panicked at src/panics.rs:"), "{text}");
        assert!(!text.contains("hunter2"));
        let panic = caught_now(|| panic!("{secret}")).unwrap_err();
        assert!(panic.to_string().contains("src/panics.rs:"), "{panic}");
    }

    #[tokio::test]
    async fn a_task_that_panicked_on_another_thread_is_known_by_its_place() {
        listen();
        for _ in 0..3 {
            let task = task::spawn_blocking(|| panic!("{}", "hunter2"));
            let error: JoinError = task.await.unwrap_err();
            let text = of_task(&error).to_string();
            assert!(text.contains("src/panics.rs:"), "{text}");
            assert!(!text.contains("hunter2"), "{text}");
        }
    }

    #[test]
    fn only_literals_may_be_repeated() {
        let name = String::from("x");
        let put_together = catch_unwind(|| panic!("hunter2 {name}")).unwrap_err();
        assert_eq!(literal(&*put_together), None);
        let literally = catch_unwind(|| panic!("this can't be")).unwrap_err();
        assert_eq!(literal(&*literally), Some("this can't be"));
    }

    #[test]
    fn the_machine_that_built_it_is_left_out() {
        let path = "/home/me/.cargo/registry/src/index.crates.io-1949/aws-config-1.13.0/src/ecs.rs";
        assert_eq!(without_home(path), "aws-config-1.13.0/src/ecs.rs");
        assert_eq!(without_home("src/main.rs"), "src/main.rs");
    }
}
