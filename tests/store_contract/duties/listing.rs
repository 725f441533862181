use futures_util::{StreamExt as _, stream};

use crate::place::Place;

/// More than two pages of S3.
const MANY: usize = 2_500;

pub(crate) async fn a_list_of_thousands_is_complete_and_in_order(place: Place) {
    let names: Vec<String> = (0..MANY).map(|n| format!("many/{}/{n:05}.pgc", n % 7)).collect();
    let writes = stream::iter(&names).map(|name| place.put_new(name, name.clone()));
    let written: Vec<_> = writes.buffer_unordered(32).collect().await;
    assert!(written.iter().all(Result::is_ok));
    let mut wanted: Vec<String> = names.iter().map(|name| place.key(name)).collect();
    wanted.sort();
    let listed = place.store.list(&place.key("many/")).await.unwrap();
    assert_eq!(listed.len(), MANY);
    let is_right = |(object, key): (&pgcoffer::store::Object, &String)| {
        object.key == *key && object.bytes == place_len(&place, key) && object.etag.is_some()
    };
    assert!(listed.iter().zip(&wanted).all(is_right));
    let folders = place.store.folders(&place.key("many/")).await.unwrap();
    assert_eq!(folders, ["0", "1", "2", "3", "4", "5", "6"]);
}

fn place_len(place: &Place, key: &str) -> u64 {
    let prefix = place.key("").len();
    (key.len() - prefix) as u64
}

pub(crate) async fn neighbours_are_not_listed(place: Place) {
    for name in ["x/a", "x/b/c", "x-other/a", "x.d/a", "xx/a", "x0", "a/x/a"] {
        place.put(name, name).await;
    }
    let keys = |below: &[&str]| -> Vec<String> { below.iter().map(|name| place.key(name)).collect() };
    assert_eq!(place.keys("x/").await, keys(&["x/a", "x/b/c"]));
    assert_eq!(place.keys("x/b/").await, keys(&["x/b/c"]));
    assert_eq!(place.keys("xx/").await, keys(&["xx/a"]));
    assert_eq!(place.keys("a/").await, keys(&["a/x/a"]));
    // in the order of the keys' bytes: a hyphen and a dot come before a slash
    let all = ["a/x/a", "x-other/a", "x.d/a", "x/a", "x/b/c", "x0", "xx/a"];
    assert_eq!(place.keys("").await, keys(&all));
}

pub(crate) async fn folders_are_named_once_and_in_order(place: Place) {
    for name in ["b/1/x", "b/2/x", "a/x", "c-d/deep/deep/x", "file", "c/x"] {
        place.put(name, name).await;
    }
    let folders = |below: &str| {
        let (store, key) = (place.store.clone(), place.key(below));
        async move { store.folders(&key).await.unwrap() }
    };
    assert_eq!(folders("").await, ["a", "b", "c", "c-d"]);
    assert_eq!(folders("b/").await, ["1", "2"]);
    assert_eq!(folders("a/").await, [""; 0]);
    assert_eq!(folders("none/").await, [""; 0]);
    // one whose last object is gone is none
    place.store.delete(&place.key("a/x"), None).await.unwrap();
    assert_eq!(folders("").await, ["b", "c", "c-d"]);
}
