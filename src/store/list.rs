use aws_sdk_s3::operation::list_objects_v2::ListObjectsV2Output;

use super::{ATTEMPTS, Error, Kind, Object, Store, Thaw, lock::timestamp, patiently};

impl Store {
    /// Every object below `folder` (a key from the bucket's root that ends with `/`).
    ///
    /// # Errors
    /// Whatever the service or the network refuses.
    pub async fn list(&self, folder: &str) -> Result<Vec<Object>, Error> {
        patiently(ATTEMPTS, || self.list_once(folder)).await
    }

    pub(super) async fn list_once(&self, folder: &str) -> Result<Vec<Object>, Error> {
        self.check_may_look(|| format!("list {}", self.url(folder)))?;
        let mut objects = Vec::new();
        let mut pages = self
            .client
            .list_objects_v2()
            .bucket(&self.location.bucket)
            .prefix(folder)
            .into_paginator()
            .send();
        while let Some(page) = pages.next().await {
            let page = page
                .map_err(|error| Error::from_sdk(format!("list {}", self.url(folder)), &error))?;
            check_goes_on(&page, || self.url(folder))?;
            objects.extend(page.contents().iter().filter_map(|object| {
                Some(Object {
                    key: object.key()?.to_owned(),
                    bytes: object
                        .size()
                        .and_then(|n| u64::try_from(n).ok())
                        .unwrap_or(0),
                    etag: object.e_tag().map(str::to_owned),
                    modified: object.last_modified().and_then(timestamp),
                    storage_class: object.storage_class().map(|c| c.as_str().to_owned()),
                    archive_tier: None,
                    thaw: Thaw::of_class(object.storage_class().map(|c| c.as_str())),
                })
            }));
        }
        Ok(objects)
    }

    /// The names of the folders directly below `folder`, without their `/`.
    ///
    /// # Errors
    /// Whatever the service or the network refuses.
    pub async fn folders(&self, folder: &str) -> Result<Vec<String>, Error> {
        patiently(ATTEMPTS, || self.folders_once(folder)).await
    }

    async fn folders_once(&self, folder: &str) -> Result<Vec<String>, Error> {
        self.check_may_look(|| format!("list {}", self.url(folder)))?;
        let mut names = Vec::new();
        let mut pages = self
            .client
            .list_objects_v2()
            .bucket(&self.location.bucket)
            .prefix(folder)
            .delimiter("/")
            .into_paginator()
            .send();
        while let Some(page) = pages.next().await {
            let page = page
                .map_err(|error| Error::from_sdk(format!("list {}", self.url(folder)), &error))?;
            check_goes_on(&page, || self.url(folder))?;
            names.extend(page.common_prefixes().iter().filter_map(|prefix| {
                Some(
                    prefix
                        .prefix()?
                        .strip_prefix(folder)?
                        .trim_end_matches('/')
                        .to_owned(),
                )
            }));
        }
        Ok(names)
    }
}

/// A page that is cut off and doesn't say where it goes on would pass for the last one: what is cut off would then seem not to
/// be there.
fn check_goes_on(page: &ListObjectsV2Output, url: impl Fn() -> String) -> Result<(), Error> {
    if page.is_truncated() != Some(true) || page.next_continuation_token().is_some() {
        return Ok(());
    }
    let why = "the service cut its answer off, and does not say where it goes on";
    Err(Error::new(Kind::Other, format!("list {}", url()), why))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_that_is_cut_off_is_no_whole_one() {
        let page = |truncated, token: Option<&str>| {
            let page = ListObjectsV2Output::builder().is_truncated(truncated);
            page.set_next_continuation_token(token.map(str::to_owned))
                .build()
        };
        let check = |page| check_goes_on(&page, String::new).is_ok();
        assert!(check(page(false, None)) && check(page(true, Some("x"))));
        assert!(!check(page(true, None)));
    }
}
