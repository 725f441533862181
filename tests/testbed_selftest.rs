//! Does the test bed do what the other tests rely on? The S3 server is asked by the AWS SDK, PostgreSQL by psql.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

#[path = "testbed/selftest/bystanders.rs"]
mod bystanders;
#[path = "testbed/selftest/clock.rs"]
mod clock;
#[path = "testbed/selftest/cold.rs"]
mod cold;
#[path = "testbed/selftest/lifecycle.rs"]
mod lifecycle;
#[path = "testbed/selftest/lifecycle_refusals.rs"]
mod lifecycle_refusals;
#[path = "testbed/selftest/lock.rs"]
mod lock;
#[path = "testbed/selftest/misbehaviour.rs"]
mod misbehaviour;
#[path = "testbed/selftest/objects.rs"]
mod objects;
#[path = "testbed/selftest/servers.rs"]
mod servers;
mod testbed;

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::interceptors::BeforeDeserializationInterceptorContextRef;
use aws_sdk_s3::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_s3::config::{retry::RetryConfig, timeout::TimeoutConfig};
use aws_sdk_s3::error::{BoxError, SdkError};
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{ChecksumAlgorithm, CompletedMultipartUpload, CompletedPart};
use testbed::S3Server;

const PART_BYTES: usize = 5 << 20;

/// A client that sends each request once, so that every fault shows.
fn once(server: &S3Server) -> Client {
    let config = server.client().config().to_builder();
    let timeouts = TimeoutConfig::builder()
        .operation_timeout(Duration::from_secs(2))
        .build();
    Client::from_conf(
        config
            .retry_config(RetryConfig::disabled())
            .timeout_config(timeouts)
            .build(),
    )
}

/// What came over the wire, in place of what the SDK makes of it.
#[derive(Debug)]
struct Answer {
    status: u16,
    /// By their names in lower case.
    headers: BTreeMap<String, String>,
}

#[derive(Debug)]
struct Listener(Sender<Answer>);

impl Intercept for Listener {
    fn name(&self) -> &'static str {
        "listener"
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let response = context.response();
        let headers = response.headers().iter();
        self.0.send(Answer {
            status: response.status().as_u16(),
            headers: headers
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
        })?;
        Ok(())
    }
}

/// A client like [`once`], and every answer that it gets.
fn listening(server: &S3Server) -> (Client, Receiver<Answer>) {
    let (tell, told) = channel();
    let config = once(server).config().to_builder();
    (Client::from_conf(config.interceptor(Listener(tell)).build()), told)
}

/// The status and code of a service's error.
fn refusal<T: std::fmt::Debug, E: aws_sdk_s3::error::ProvideErrorMetadata + std::fmt::Debug>(
    result: Result<T, SdkError<E>>,
) -> (u16, String) {
    let error = result.unwrap_err();
    let status = error
        .raw_response()
        .unwrap_or_else(|| panic!("no answer: {error:?}"))
        .status()
        .as_u16();
    (
        status,
        error
            .as_service_error()
            .and_then(|e| e.code())
            .unwrap_or_default()
            .to_owned(),
    )
}

async fn put(client: &Client, key: &str, body: impl Into<Vec<u8>>) {
    let body = ByteStream::from(body.into());
    client
        .put_object()
        .bucket("testbed")
        .key(key)
        .body(body)
        .send()
        .await
        .unwrap();
}

async fn get(client: &Client, key: &str) -> Result<Vec<u8>, String> {
    let answer = client
        .get_object()
        .bucket("testbed")
        .key(key)
        .send()
        .await
        .map_err(|e| format!("{e:?}"))?;
    answer
        .body
        .collect()
        .await
        .map(|body| body.to_vec())
        .map_err(|e| format!("{e:?}"))
}

/// Keys and common prefixes, page by page.
async fn list(client: &Client, prefix: &str, delimiter: &str) -> Vec<String> {
    let request = client
        .list_objects_v2()
        .bucket("testbed")
        .prefix(prefix)
        .delimiter(delimiter);
    let mut pages = request.into_paginator().send();
    let mut seen = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.unwrap();
        seen.extend(
            page.contents()
                .iter()
                .filter_map(|object| object.key().map(str::to_owned)),
        );
        seen.extend(
            page.common_prefixes()
                .iter()
                .filter_map(|prefix| prefix.prefix().map(str::to_owned)),
        );
    }
    seen
}

async fn begin(client: &Client, key: &str, tags: &str) -> String {
    let request = client
        .create_multipart_upload()
        .bucket("testbed")
        .key(key)
        .tagging(tags);
    let request = request.checksum_algorithm(ChecksumAlgorithm::Crc64Nvme);
    request.send().await.unwrap().upload_id.unwrap()
}

async fn part(client: &Client, key: &str, id: &str, number: i32, body: Vec<u8>) -> CompletedPart {
    let request = client
        .upload_part()
        .bucket("testbed")
        .key(key)
        .upload_id(id)
        .part_number(number);
    let request = request
        .checksum_algorithm(ChecksumAlgorithm::Crc64Nvme)
        .body(ByteStream::from(body));
    let etag = request.send().await.unwrap().e_tag.unwrap();
    CompletedPart::builder().part_number(number).e_tag(etag).build()
}

fn completed(parts: &[CompletedPart]) -> CompletedMultipartUpload {
    CompletedMultipartUpload::builder()
        .set_parts(Some(parts.to_vec()))
        .build()
}
