//! The S3 server breaks what it was ordered to break, and nothing else.

use std::time::Duration;

use aws_sdk_s3::error::{ProvideErrorMetadata as _, SdkError};
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{CompletedPart, Tag, Tagging as SdkTagging};

use crate::testbed::{Fault, Rule, S3Server, Tagging};
use crate::{PART_BYTES, begin, completed, get, once, part, put, refusal};

#[tokio::test]
async fn faults_strike_the_calls_they_were_ordered_for() {
    let server = S3Server::start();
    let client = once(&server);
    let id = begin(&client, "k", "").await;
    let send = |number| {
        let request = client
            .upload_part()
            .bucket("testbed")
            .key("k")
            .upload_id(&id)
            .part_number(number);
        request.body(ByteStream::from(vec![7; PART_BYTES])).send()
    };
    server.inject(Rule::on("UploadPart").nth(2).times(2), Fault::slow_down());
    send(1).await.unwrap();
    assert_eq!(refusal(send(2).await), (503, "SlowDown".to_owned()));
    assert_eq!(refusal(send(2).await).0, 503);
    let sent = send(2).await.unwrap();

    server.inject(Rule::on("UploadPart"), Fault::Cut { after_bytes: 1000 });
    assert!(matches!(send(3).await.unwrap_err(), SdkError::DispatchFailure(_)));
    server.inject(Rule::on("UploadPart"), Fault::Stall { after_bytes: 1000 });
    assert!(matches!(send(3).await.unwrap_err(), SdkError::TimeoutError(_)));
    assert_eq!(server.uploads_under_way()[0].parts, 2);

    let part = CompletedPart::builder()
        .part_number(2)
        .e_tag(sent.e_tag.unwrap())
        .build();
    let complete = client
        .complete_multipart_upload()
        .bucket("testbed")
        .key("k")
        .upload_id(&id);
    let complete = complete.multipart_upload(completed(&[part]));
    server.inject(
        Rule::on("CompleteMultipartUpload"),
        Fault::ErrorInBody { code: "InternalError" },
    );
    let error = complete.clone().send().await.unwrap_err();
    assert_eq!(error.raw_response().unwrap().status().as_u16(), 200);
    assert_eq!(error.code(), Some("InternalError"));
    assert!(server.objects().is_empty());
    server.inject(
        Rule::on("CompleteMultipartUpload"),
        Fault::LoseAnswer { status: Some(500) },
    );
    assert_eq!(refusal(complete.clone().send().await).0, 500);
    assert_eq!(server.keys(), ["k"]);

    server.inject(Rule::on("PutObject").key("records/").always(), Fault::access_denied());
    put(&client, "archives/1", "x").await;
    let record = || client.put_object().bucket("testbed").key("records/1").send();
    assert_eq!(refusal(record().await).0, 403);
    assert_eq!(refusal(record().await).0, 403);
    server.heal();
    record().await.unwrap();
    server.inject(Rule::on("PutObject"), Fault::LoseAnswer { status: None });
    let lost = client.put_object().bucket("testbed").key("records/2").send().await;
    assert!(matches!(lost.unwrap_err(), SdkError::DispatchFailure(_)));
    assert!(server.keys().contains(&"records/2".to_owned()));
}

#[tokio::test]
async fn downloads_can_be_cut_shortened_stalled_and_changed() {
    let server = S3Server::start();
    let client = once(&server);
    let whole: Vec<u8> = (0..100_000_u32).map(|n| n as u8).collect();
    server.write("k", whole.clone());
    server.inject(Rule::on("GetObject"), Fault::Cut { after_bytes: 1000 });
    assert!(get(&client, "k").await.is_err());
    server.inject(Rule::on("GetObject"), Fault::Shorten { to_bytes: 1000 });
    assert_eq!(get(&client, "k").await.unwrap(), whole[..1000]);
    server.inject(Rule::on("GetObject"), Fault::FlipBit { at_byte: 4321 });
    let changed = get(&client, "k").await.unwrap();
    assert_eq!(changed.iter().zip(&whole).filter(|(a, b)| a != b).count(), 1);
    assert_eq!(changed[4321], whole[4321] ^ 1);
    server.inject(Rule::on("GetObject"), Fault::Stall { after_bytes: 1000 });
    let stalled = tokio::time::timeout(Duration::from_millis(500), get(&client, "k")).await;
    assert!(stalled.is_err() || stalled.unwrap().is_err());
    assert_eq!(get(&client, "k").await.unwrap(), whole);
}

#[tokio::test]
async fn tags_are_kept_lost_or_refused_as_ordered() {
    let server = S3Server::start();
    let client = once(&server);
    let tag = Tag::builder().key("a").value("1").build().unwrap();
    let tagging = SdkTagging::builder().tag_set(tag.clone()).build().unwrap();
    let set = || {
        client
            .put_object_tagging()
            .bucket("testbed")
            .key("k")
            .tagging(tagging.clone())
            .send()
    };
    put(&client, "k", "x").await;
    set().await.unwrap();
    let tags = client
        .get_object_tagging()
        .bucket("testbed")
        .key("k")
        .send()
        .await
        .unwrap();
    assert_eq!(tags.tag_set(), [tag]);

    for (habit, expected) in [
        (Tagging::NotImplemented, (501, "NotImplemented")),
        (Tagging::InvalidArgument, (400, "InvalidArgument")),
        (Tagging::Denied, (403, "AccessDenied")),
    ] {
        server.behave(|behaviour| behaviour.tagging = habit);
        let (status, code) = refusal(set().await);
        assert_eq!((status, code.as_str()), expected);
        let write = client
            .create_multipart_upload()
            .bucket("testbed")
            .key("k")
            .tagging("a=1")
            .send()
            .await;
        assert_eq!(refusal(write).0, expected.0);
    }
    server.behave(|behaviour| behaviour.tagging = Tagging::LostOnWrite);
    client
        .put_object()
        .bucket("testbed")
        .key("k")
        .tagging("b=2")
        .send()
        .await
        .unwrap();
    assert_eq!(server.tags("k").unwrap(), []);
    set().await.unwrap();
    assert_eq!(server.tags("k").unwrap().len(), 1);
    server.set_tags("k", &[]);
    server.behave(|behaviour| behaviour.tagging = Tagging::Dropped);
    set().await.unwrap();
    assert_eq!(server.tags("k").unwrap(), []);
}

#[tokio::test]
async fn what_is_discarded_keeps_its_size_alone() {
    let server = S3Server::start();
    server.behave(|behaviour| behaviour.discard_keys_with = Some("/archives/".to_owned()));
    let client = server.client();
    let id = begin(&client, "x/archives/1", "").await;
    let parts = [part(&client, "x/archives/1", &id, 1, vec![5; PART_BYTES]).await];
    let complete = client
        .complete_multipart_upload()
        .bucket("testbed")
        .key("x/archives/1")
        .upload_id(&id);
    complete.multipart_upload(completed(&parts)).send().await.unwrap();
    put(&client, "x/records/1", "kept").await;
    assert_eq!(server.objects()[0].size_bytes, PART_BYTES as u64);
    assert_eq!(server.read("x/archives/1"), None);
    assert_eq!(server.read("x/records/1").unwrap(), b"kept");
    let call = server
        .calls()
        .into_iter()
        .find(|call| call.operation == "UploadPart")
        .unwrap();
    assert_eq!(call.key, "x/archives/1");
    assert!(call.header("x-amz-content-sha256").is_some() && call.header("authorization").is_none());
}
