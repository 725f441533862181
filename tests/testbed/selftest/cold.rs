//! Cold objects can be read once they were restored, and for so many days by the server's clock.

use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::error::SdkError;
use aws_sdk_s3::operation::restore_object::builders::RestoreObjectFluentBuilder;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{GlacierJobParameters, OptionalObjectAttributes, RestoreRequest, StorageClass, Tier};

use crate::testbed::{Fault, Rule, S3Server};
use crate::{get, listening, once, put, refusal};

fn restore(client: &Client, days: i32, tier: Tier) -> RestoreObjectFluentBuilder {
    let glacier = GlacierJobParameters::builder().tier(tier).build().unwrap();
    let request = RestoreRequest::builder().days(days).glacier_job_parameters(glacier);
    client
        .restore_object()
        .bucket("testbed")
        .key("k")
        .restore_request(request.build())
}

/// What HEAD tells: the class, and the state of a restore.
async fn state(client: &Client) -> (Option<String>, Option<String>) {
    let head = client.head_object().bucket("testbed").key("k").send().await;
    let head = head.unwrap();
    let class = head.storage_class.map(|class| class.as_str().to_owned());
    (class, head.restore)
}

#[tokio::test]
async fn cold_objects_are_listed_and_not_read() {
    let server = S3Server::start();
    let client = once(&server);
    let write = |class| {
        let write = client.put_object().bucket("testbed").key("k");
        let write = write.storage_class(class);
        write.body(ByteStream::from_static(b"cold")).send()
    };
    write(StorageClass::DeepArchive).await.unwrap();
    put(&client, "warm", "x").await;
    let listing = client.list_objects_v2().bucket("testbed").send().await;
    let classes: Vec<_> = listing
        .unwrap()
        .contents()
        .iter()
        .map(|object| object.storage_class().unwrap().as_str().to_owned())
        .collect();
    assert_eq!(classes, ["DEEP_ARCHIVE", "STANDARD"]);
    assert_eq!(state(&client).await, (Some("DEEP_ARCHIVE".into()), None));

    let read = client.get_object().bucket("testbed").key("k").send().await;
    let SdkError::ServiceError(error) = read.unwrap_err() else {
        panic!("no answer");
    };
    assert_eq!(error.raw().status().as_u16(), 403);
    let aws_sdk_s3::operation::get_object::GetObjectError::InvalidObjectState(state) = error.into_err() else {
        panic!("another error");
    };
    assert_eq!(state.storage_class(), Some(&StorageClass::DeepArchive));
    let copy = client.copy_object().bucket("testbed").key("copy");
    let copy = copy.copy_source("testbed/k").send().await;
    assert_eq!(refusal(copy), (403, "InvalidObjectState".to_owned()));

    assert_eq!(
        refusal(write(StorageClass::from("LUKEWARM")).await),
        (400, "InvalidStorageClass".to_owned())
    );
    server.cool("k", "GLACIER_IR");
    assert_eq!(get(&client, "k").await.unwrap(), b"cold");
}

#[tokio::test]
async fn a_restore_takes_its_time_and_lasts_its_days() {
    let server = S3Server::start();
    let (client, answers) = listening(&server);
    server.write("k", "cold");
    server.cool("k", "GLACIER");
    server.behave(|behaviour| behaviour.restore_takes = Duration::from_secs(4 * 3600));
    let status = || answers.try_iter().last().unwrap().status;

    restore(&client, 3, Tier::Bulk).send().await.unwrap();
    assert_eq!(status(), 202);
    let ongoing = (Some("GLACIER".into()), Some("ongoing-request=\"true\"".into()));
    assert_eq!(state(&client).await, ongoing);
    assert!(get(&client, "k").await.is_err());
    let again = restore(&client, 3, Tier::Standard).send().await;
    assert_eq!(refusal(again), (409, "RestoreAlreadyInProgress".to_owned()));

    server.advance(Duration::from_secs(4 * 3600 + 1));
    let told = state(&client).await.1.unwrap();
    let whole_days = (server.now().as_second() - 1) / 86_400 + 4;
    let expiry = jiff::Timestamp::from_second(whole_days * 86_400).unwrap();
    let expiry = expiry.strftime("%a, %d %b %Y 00:00:00 GMT");
    assert_eq!(told, format!("ongoing-request=\"false\", expiry-date=\"{expiry}\""));
    assert_eq!(get(&client, "k").await.unwrap(), b"cold");
    let listing = client.list_objects_v2().bucket("testbed");
    let listing = listing.optional_object_attributes(OptionalObjectAttributes::RestoreStatus);
    let listed = listing.send().await.unwrap().contents.unwrap();
    let listed = listed[0].restore_status().unwrap();
    assert_eq!(listed.is_restore_in_progress(), Some(false));
    assert!(listed.restore_expiry_date().is_some());

    restore(&client, 9, Tier::Standard).send().await.unwrap();
    assert_eq!(status(), 200);
    server.advance(Duration::from_secs(5 * 86_400));
    assert_eq!(get(&client, "k").await.unwrap(), b"cold");
    server.advance(Duration::from_secs(5 * 86_400));
    assert_eq!(state(&client).await, (Some("GLACIER".into()), None));
    assert!(get(&client, "k").await.is_err());
    restore(&client, 1, Tier::Standard).send().await.unwrap();
    assert_eq!(status(), 202);
}

#[tokio::test]
async fn restores_that_cannot_be_are_refused() {
    let server = S3Server::start();
    let client = once(&server);
    let missing = restore(&client, 1, Tier::Bulk).send().await;
    assert_eq!(refusal(missing), (404, "NoSuchKey".to_owned()));
    server.write("k", "x");
    let warm = restore(&client, 1, Tier::Bulk).send().await;
    assert_eq!(refusal(warm), (403, "InvalidObjectState".to_owned()));
    server.cool("k", "DEEP_ARCHIVE");
    let hasty = restore(&client, 1, Tier::Expedited).send().await;
    assert_eq!(refusal(hasty), (400, "InvalidArgument".to_owned()));
    let short = restore(&client, 0, Tier::Bulk).send().await;
    assert_eq!(refusal(short), (400, "InvalidArgument".to_owned()));
    let tierless = restore(&client, 1, Tier::from("Leisurely")).send().await;
    assert_eq!(refusal(tierless), (400, "MalformedXML".to_owned()));
    server.cool("k", "GLACIER");
    server.behave(|behaviour| behaviour.expedited_restores = false);
    let hasty = restore(&client, 1, Tier::Expedited).send().await;
    assert_eq!(
        refusal(hasty),
        (503, "GlacierExpeditedRetrievalNotAvailable".to_owned())
    );
    assert_eq!(state(&client).await.1, None);

    server.inject(Rule::on("RestoreObject"), Fault::access_denied());
    let denied = restore(&client, 1, Tier::Bulk).send().await;
    assert_eq!(refusal(denied), (403, "AccessDenied".to_owned()));
    let lost = Fault::LoseAnswer { status: None };
    server.inject(Rule::on("RestoreObject"), lost);
    let lost = restore(&client, 1, Tier::Bulk).send().await;
    assert!(matches!(lost.unwrap_err(), SdkError::DispatchFailure(_)));
    assert_eq!(state(&client).await.1.as_deref(), Some("ongoing-request=\"true\""));
}
