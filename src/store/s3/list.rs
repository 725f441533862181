//! Lists the bucket, page by page. The list is complete or there is an error: a partial list never counts as the whole,
//! and an entry with missing fields is an error.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    time::{Duration, Instant},
};

use aws_sdk_s3::{
    operation::list_objects_v2::ListObjectsV2Output,
    types::{self, EncodingType},
};
use percent_encoding::percent_decode_str;

use crate::text::Untrusted;

use super::{Error, Kind, Object, S3, Thaw, etag, lock::timestamp, retry::ATTEMPTS};

/// The most objects below one folder: twice as many as a backup every ten minutes makes in ten years.
const OBJECTS_MAX: usize = 1_000_000;
/// The most pages in a row without anything new. Services that expire objects during a listing may send some empty
/// ones.
const IDLE_PAGES_MAX: u32 = 100;
/// The most keys that a listing may show twice as different objects.
const TWOFOLD_MAX: usize = 1000;
/// The time limit for all pages together.
const TIME_MAX: Duration = Duration::from_secs(900);

impl S3 {
    /// Every object below `folder` (a key from the bucket's root that ends with `/`), in the order of the keys, each
    /// once.
    ///
    /// # Errors
    /// [`Kind::Damaged`] if the answers are not a complete list, or any other error of the service or the network.
    pub async fn list(&self, folder: &str) -> Result<Vec<Object>, Error> {
        let doing = || format!("list {}", self.url(folder));
        self.ask(ATTEMPTS, || self.list_once(folder), doing).await
    }

    pub(super) async fn list_once(&self, folder: &str) -> Result<Vec<Object>, Error> {
        let mut objects: BTreeMap<String, Object> = BTreeMap::new();
        let mut twofold: BTreeSet<String> = BTreeSet::new();
        let damaged = |why: String| self.damaged_list(folder, why);
        self.pages(folder, None, |page| {
            let before = objects.len();
            for listed in page.contents() {
                let object = described(listed, is_encoded(page)).map_err(damaged)?;
                // a service that ignores the prefix must not add objects of others
                if !object.key.starts_with(folder) {
                    continue;
                }
                let key = object.key.clone();
                let before = objects.insert(key.clone(), object);
                if before.is_some_and(|before| objects.get(&key) != Some(&before)) {
                    twofold.insert(key);
                }
            }
            if twofold.len() > TWOFOLD_MAX {
                let why = format!("{TWOFOLD_MAX} keys and more stand there twice, as two objects");
                return Err(damaged(why));
            }
            Ok(objects.len() - before)
        })
        .await?;
        // an object that was replaced during the listing appears twice: HEAD shows which one is current
        for key in twofold {
            match Box::pin(self.head_once(&key)).await? {
                Some(object) => objects.insert(key, object),
                None => objects.remove(&key),
            };
        }
        Ok(objects.into_values().collect())
    }

    /// The names of the folders directly below `folder`, without the final `/`, in order, each once.
    ///
    /// # Errors
    /// As [`S3::list`].
    pub async fn folders(&self, folder: &str) -> Result<Vec<String>, Error> {
        let doing = || format!("list {}", self.url(folder));
        let once = || self.folders_once(folder);
        self.ask(ATTEMPTS, once, doing).await
    }

    async fn folders_once(&self, folder: &str) -> Result<Vec<String>, Error> {
        let (names, others) = self.names_once(folder, Some("/")).await?;
        if !others && !names.is_empty() {
            return Ok(names);
        }
        // a service that ignores the prefix mixes our folders with others; and one that shows no folders may leave
        // their objects out if a delimiter is given
        Ok(self.names_once(folder, None).await?.0)
    }

    /// Whether there is an object below `folder`.
    ///
    /// # Errors
    /// As [`S3::list`].
    pub async fn holds_any(&self, folder: &str) -> Result<bool, Error> {
        let doing = || format!("list {}", self.url(folder));
        let first = || async {
            let (page, requested) = self.first_page(folder, None, 1).await?;
            let is_whole = page.is_truncated() != Some(true) && page.next_continuation_token().is_none();
            match (requested.is_empty(), is_whole) {
                (false, _) => Ok(true),
                (true, true) => Ok(false),
                // a service that ignores the prefix
                (true, false) => Ok(!self.list_once(folder).await?.is_empty()),
            }
        };
        self.ask(ATTEMPTS, first, doing).await
    }

    /// Up to a thousand of the folders directly below `folder`: for a hint, since it isn't the whole list. One request,
    /// which isn't repeated.
    ///
    /// # Errors
    /// Any error of the service or the network.
    pub async fn some_folders(&self, folder: &str) -> Result<Vec<String>, Error> {
        let (_, keys) = self.first_page(folder, Some("/"), 1000).await?;
        let names = keys.iter().filter_map(|key| {
            let (name, _) = key.strip_prefix(folder)?.split_once('/')?;
            Some(name.to_owned())
        });
        let names: BTreeSet<String> = names.collect();
        Ok(names.into_iter().collect())
    }

    /// The first page of a listing, and the keys and folders in it that were requested.
    async fn first_page(
        &self,
        folder: &str,
        delimiter: Option<&str>,
        keys_max: i32,
    ) -> Result<(ListObjectsV2Output, Vec<String>), Error> {
        let doing = || format!("list {}", self.url(folder));
        self.check_may_look(doing)?;
        let request = self.client.list_objects_v2().bucket(&self.location.bucket);
        let request = request.prefix(folder).set_delimiter(delimiter.map(str::to_owned));
        let request = request.encoding_type(EncodingType::Url).max_keys(keys_max);
        let answer = request.send().await;
        let page = answer.map_err(|error| Error::from_sdk(doing(), &error).of_bucket())?;
        check_is_asked_for(&page, folder).map_err(|why| self.damaged_list(folder, why))?;
        let prefixes = page.common_prefixes().iter().map(types::CommonPrefix::prefix);
        let keys = prefixes.chain(page.contents().iter().map(types::Object::key));
        let keys = keys.map(|key| decoded(key, is_encoded(&page)));
        let keys: Result<Vec<String>, String> = keys.collect();
        let mut keys = keys.map_err(|why| self.damaged_list(folder, why))?;
        keys.retain(|key| key.starts_with(folder));
        Ok((page, keys))
    }

    /// The names, and whether there was anything that was not requested.
    async fn names_once(&self, folder: &str, delimiter: Option<&str>) -> Result<(Vec<String>, bool), Error> {
        let (mut names, mut others) = (BTreeSet::new(), false);
        let damaged = |why: String| self.damaged_list(folder, why);
        self.pages(folder, delimiter, |page| {
            let before = names.len();
            // a service that ignores the delimiter lists the objects themselves
            let prefixes = page.common_prefixes().iter().map(types::CommonPrefix::prefix);
            for key in prefixes.chain(page.contents().iter().map(types::Object::key)) {
                let key = decoded(key, is_encoded(page)).map_err(damaged)?;
                let below = key.strip_prefix(folder);
                others |= below.is_none();
                let name = below.and_then(|rest| rest.split_once('/'));
                names.extend(name.map(|(name, _)| name.to_owned()));
            }
            Ok(names.len() - before)
        })
        .await?;
        Ok((names.into_iter().collect(), others))
    }

    /// Calls `take` with every page of a listing. `take` returns how many entries of it were new.
    async fn pages(
        &self,
        folder: &str,
        delimiter: Option<&str>,
        mut take: impl FnMut(&ListObjectsV2Output) -> Result<usize, Error>,
    ) -> Result<(), Error> {
        let doing = || format!("list {}", self.url(folder));
        self.check_may_look(doing)?;
        let mut guard = PageGuard::new();
        let mut token = None;
        loop {
            let request = self.client.list_objects_v2();
            let request = request.bucket(&self.location.bucket).prefix(folder);
            let request = request.set_delimiter(delimiter.map(str::to_owned));
            // anyone who may write chooses the names of objects, and XML can't contain every character
            let request = request.encoding_type(EncodingType::Url);
            let answer = request.set_continuation_token(token).send().await;
            let page = answer.map_err(|error| Error::from_sdk(doing(), &error).of_bucket())?;
            check_is_asked_for(&page, folder).map_err(|why| self.damaged_list(folder, why))?;
            let new = take(&page)?;
            let next = page.next_continuation_token();
            let next = guard.next(page.is_truncated(), next, new);
            match next.map_err(|why| self.damaged_list(folder, why))? {
                Some(next) => token = Some(next),
                None => return Ok(()),
            }
        }
    }

    fn damaged_list(&self, folder: &str, why: String) -> Error {
        Error::new(Kind::Damaged, format!("list {}", self.url(folder)), why)
    }
}

/// Checks that a page is the answer to this request. A page that doesn't say so, or is about another folder, would look
/// like an empty folder.
fn check_is_asked_for(page: &ListObjectsV2Output, folder: &str) -> Result<(), String> {
    let says_something = page.is_truncated().is_some()
        || page.key_count().is_some()
        || page.max_keys().is_some()
        || page.name().is_some()
        || page.prefix().is_some();
    if !says_something && page.contents().is_empty() && page.common_prefixes().is_empty() {
        return Err("the service answers with a list that says nothing, not even that it is empty".to_owned());
    }
    let echo = page.prefix().filter(|echo| !echo.is_empty());
    let is_other = |echo: &str| echo != folder && decoded(Some(echo), true).is_ok_and(|echo| echo != folder);
    match echo {
        Some(echo) if is_other(echo) => Err(format!(
            "the service answers with the list of another folder: {}",
            Untrusted::from(echo)
        )),
        _ => Ok(()),
    }
}

/// Follows the tokens of a listing's pages, and makes sure that it ends.
pub(super) struct PageGuard {
    began: Instant,
    tokens: HashSet<String>,
    idle: u32,
    entries: usize,
}

impl PageGuard {
    pub(super) fn new() -> Self {
        Self {
            began: Instant::now(),
            tokens: HashSet::new(),
            idle: 0,
            entries: 0,
        }
    }

    /// The token of the next page; `None` after the last one. Refuses a page that is incomplete and has no token, or
    /// has a token that was used before: the rest of the list would be missing without an error.
    ///
    /// # Errors
    /// Why the pages are not a complete list.
    pub(super) fn next(
        &mut self,
        truncated: Option<bool>,
        token: Option<&str>,
        new: usize,
    ) -> Result<Option<String>, String> {
        self.entries += new;
        self.idle = if new == 0 { self.idle + 1 } else { 0 };
        let token = token.filter(|token| !token.is_empty());
        let token = match (truncated, token) {
            (Some(false), _) | (None, None) => return Ok(None),
            (Some(true), None) => {
                return Err("the service cut its answer off, and does not say where it goes on".to_owned());
            }
            (_, Some(token)) => token,
        };
        if !self.tokens.insert(token.to_owned()) {
            return Err("the service goes on where it was before: its list does not come to an end".to_owned());
        }
        if self.idle > IDLE_PAGES_MAX || self.entries > OBJECTS_MAX || self.began.elapsed() > TIME_MAX {
            return Err(format!(
                "the list does not come to an end: pages so far: {}, entries: {}",
                self.tokens.len(),
                self.entries
            ));
        }
        Ok(Some(token.to_owned()))
    }
}

fn is_encoded(page: &ListObjectsV2Output) -> bool {
    page.encoding_type() == Some(&EncodingType::Url)
}

/// The decoded key. Some services encode keys only if asked to, some never.
pub(super) fn decoded(key: Option<&str>, encoded: bool) -> Result<String, String> {
    let key = key.filter(|key| !key.is_empty());
    let key = key.ok_or("an entry has no key")?;
    if !encoded {
        return Ok(key.to_owned());
    }
    let plain = key.replace('+', " ");
    let decoded = percent_decode_str(&plain).decode_utf8();
    Ok(decoded.map_err(|e| format!("a key is not UTF-8: {e}"))?.into_owned())
}

fn described(object: &types::Object, encoded: bool) -> Result<Object, String> {
    let key = decoded(object.key(), encoded)?;
    let bytes = object.size().and_then(|n| u64::try_from(n).ok());
    let bytes = bytes.ok_or_else(|| format!("the service does not say how long {key} is"))?;
    let class = object.storage_class().map(|class| class.as_str());
    Ok(Object {
        bytes,
        etag: object.e_tag().map(etag::strong),
        modified: object.last_modified().and_then(timestamp),
        storage_class: class.map(str::to_owned),
        archive_tier: None,
        thaw: Thaw::of_class(class),
        key,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pages(pages: &[(Option<bool>, Option<&str>, usize)]) -> Result<Option<String>, String> {
        let mut guard = PageGuard::new();
        let answered = pages
            .iter()
            .map(|(truncated, token, new)| guard.next(*truncated, *token, *new));
        answered.last().unwrap()
    }

    #[test]
    fn a_list_that_is_cut_off_is_no_whole_one() {
        assert_eq!(pages(&[(Some(false), None, 1)]), Ok(None));
        assert_eq!(pages(&[(None, None, 1)]), Ok(None));
        assert_eq!(pages(&[(Some(true), Some("x"), 1)]), Ok(Some("x".to_owned())));
        assert_eq!(pages(&[(None, Some("x"), 1)]), Ok(Some("x".to_owned())));
        assert_eq!(
            pages(&[(Some(true), Some("x"), 1), (Some(false), Some("x"), 1)]),
            Ok(None)
        );
        for bad in [
            vec![(Some(true), None, 1)],
            vec![(Some(true), Some(""), 1)],
            vec![(Some(true), Some("x"), 1), (Some(true), Some("x"), 1)],
            vec![
                (Some(true), Some("x"), 1),
                (Some(true), Some("y"), 1),
                (Some(true), Some("x"), 1),
            ],
        ] {
            assert!(pages(&bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_list_without_end_is_an_error() {
        let mut guard = PageGuard::new();
        let mut answered = (0..).map(|n: u32| guard.next(Some(true), Some(&n.to_string()), 0));
        assert!(answered.by_ref().take(100).all(|next| next.is_ok()));
        assert!(answered.next().unwrap().is_err());
        let mut guard = PageGuard::new();
        let mut answered = (0..).map(|n: u32| guard.next(Some(true), Some(&n.to_string()), 1000));
        assert!(answered.by_ref().take(1000).all(|next| next.is_ok()));
        assert!(answered.next().unwrap().is_err());
    }

    #[test]
    fn an_entry_says_what_it_is_or_is_an_error() {
        let object = types::Object::builder().key("a/b");
        assert_eq!(described(&object.clone().size(7).build(), false).unwrap().bytes, 7);
        assert!(described(&object.clone().build(), false).is_err());
        assert!(described(&object.size(-1).build(), false).is_err());
        assert!(described(&types::Object::builder().size(7).build(), false).is_err());
        assert_eq!(decoded(Some("a%2Fb+c%25"), true).unwrap(), "a/b c%");
        assert_eq!(decoded(Some("a%2Fb+c"), false).unwrap(), "a%2Fb+c");
        assert!(decoded(Some("%ff"), true).is_err());
    }
}
