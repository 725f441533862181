//! The S3 server does what Amazon's does.

use aws_sdk_s3::primitives::ByteStream;

use crate::testbed::{self, Behaviour, ConditionalWrites, S3Server};
use crate::{PART_BYTES, begin, completed, get, list, once, part, put, refusal};

#[tokio::test]
async fn objects_can_be_put_read_listed_and_deleted() {
    let server = S3Server::start();
    let client = server.client();
    for key in ["a/1", "a/2", "a/b/3", "c"] {
        put(&client, key, key).await;
    }
    assert_eq!(get(&client, "a/b/3").await.unwrap(), b"a/b/3");
    let range = client
        .get_object()
        .bucket("testbed")
        .key("a/b/3")
        .range("bytes=1-2")
        .send()
        .await
        .unwrap();
    assert_eq!(range.content_range(), Some("bytes 1-2/5"));
    assert_eq!(range.body.collect().await.unwrap().to_vec(), b"/b");
    let head = client
        .head_object()
        .bucket("testbed")
        .key("nothing")
        .send()
        .await
        .unwrap_err();
    assert!(head.into_service_error().is_not_found());

    server.behave(|behaviour| behaviour.page_size = 1);
    assert_eq!(list(&client, "", "").await, ["a/1", "a/2", "a/b/3", "c"]);
    assert_eq!(list(&client, "a/", "/").await, ["a/1", "a/2", "a/b/"]);

    client.delete_object().bucket("testbed").key("c").send().await.unwrap();
    server.behave(|behaviour| behaviour.deletes = false);
    client
        .delete_object()
        .bucket("testbed")
        .key("a/1")
        .send()
        .await
        .unwrap();
    assert_eq!(server.keys(), ["a/1", "a/2", "a/b/3"]);
    assert_eq!(server.count("DeleteObject"), 2);
}

#[tokio::test]
async fn wrong_credentials_and_none_are_refused() {
    let server = S3Server::start();
    let (access, secret) = server.credentials();
    let wrong = testbed::client(&server.endpoint(), access, "another");
    let answer = wrong
        .put_object()
        .bucket("testbed")
        .key("k")
        .body(ByteStream::from_static(b"x"))
        .send()
        .await;
    assert_eq!(refusal(answer), (403, "SignatureDoesNotMatch".to_owned()));
    let unknown = testbed::client(&server.endpoint(), "AKIANOBODY", secret);
    assert_eq!(refusal(unknown.list_objects_v2().bucket("testbed").send().await).0, 403);
    assert!(server.objects().is_empty() && server.calls().is_empty());
}

#[tokio::test]
async fn uploads_in_parts_join_and_keep_their_checksum_and_tags() {
    let server = S3Server::start();
    let client = server.client();
    let id = begin(&client, "big", "pgcoffer%3Aowner=me&b=2").await;
    let bodies = [vec![1; PART_BYTES], vec![2; PART_BYTES], vec![3; 10]];
    let mut parts = Vec::new();
    for (number, body) in (1..).zip(&bodies) {
        parts.push(part(&client, "big", &id, number, body.clone()).await);
    }
    let uploads = client
        .list_multipart_uploads()
        .bucket("testbed")
        .prefix("b")
        .send()
        .await
        .unwrap();
    assert_eq!(uploads.uploads()[0].key(), Some("big"));
    assert_eq!(server.uploads_under_way()[0].parts, 3);
    let listed = client
        .list_parts()
        .bucket("testbed")
        .key("big")
        .upload_id(&id)
        .send()
        .await
        .unwrap();
    assert_eq!(
        listed.parts().iter().map(|part| part.size().unwrap()).sum::<i64>(),
        2 * PART_BYTES as i64 + 10
    );

    let complete = client
        .complete_multipart_upload()
        .bucket("testbed")
        .key("big")
        .upload_id(&id);
    let swapped = completed(&[parts[1].clone(), parts[0].clone()]);
    assert_eq!(
        refusal(complete.clone().multipart_upload(swapped).send().await).1,
        "InvalidPartOrder"
    );
    let answer = complete
        .clone()
        .multipart_upload(completed(&parts))
        .send()
        .await
        .unwrap();
    let whole = bodies.concat();
    let crc = crc_fast::checksum(crc_fast::CrcAlgorithm::Crc64Nvme, &whole).to_be_bytes();
    assert_eq!(
        answer.checksum_crc64_nvme(),
        Some(data_encoding::BASE64.encode(&crc).as_str())
    );
    assert_eq!(server.read("big").unwrap(), whole);
    assert_eq!(
        server.tags("big").unwrap()[0],
        ("pgcoffer:owner".to_owned(), "me".to_owned())
    );
    assert!(server.uploads_under_way().is_empty());
    assert_eq!(
        refusal(complete.multipart_upload(completed(&parts)).send().await).1,
        "NoSuchUpload"
    );
}

#[tokio::test]
async fn wrong_checksums_small_parts_and_unequal_parts_are_refused() {
    let server = S3Server::start();
    let client = once(&server);
    let request = client
        .put_object()
        .bucket("testbed")
        .key("k")
        .body(ByteStream::from_static(b"x"));
    assert_eq!(
        refusal(request.checksum_crc64_nvme("AAAAAAAAAAA=").send().await),
        (400, "BadDigest".to_owned())
    );

    let id = begin(&client, "k", "").await;
    let parts = [
        part(&client, "k", &id, 1, vec![1; PART_BYTES]).await,
        part(&client, "k", &id, 2, vec![2; PART_BYTES + 1]).await,
        part(&client, "k", &id, 3, vec![3; 1]).await,
    ];
    let complete = client
        .complete_multipart_upload()
        .bucket("testbed")
        .key("k")
        .upload_id(&id);
    let complete = complete.multipart_upload(completed(&parts));
    server.behave(|behaviour| behaviour.equal_parts_only = true);
    assert_eq!(refusal(complete.clone().send().await).1, "InvalidPart");
    server.behave(|behaviour| {
        *behaviour = Behaviour {
            min_part_bytes: 6 << 20,
            ..Behaviour::default()
        }
    });
    assert_eq!(refusal(complete.clone().send().await).1, "EntityTooSmall");
    server.behave(|behaviour| *behaviour = Behaviour::default());
    complete.send().await.unwrap();
    assert_eq!(server.objects()[0].size_bytes, 2 * PART_BYTES as u64 + 2);
}

#[tokio::test]
async fn of_many_conditional_puts_at_once_one_wins() {
    let server = S3Server::start();
    let client = server.client();
    let put = |n: u8| {
        let body = ByteStream::from(vec![n; 100_000]);
        client
            .put_object()
            .bucket("testbed")
            .key("lock")
            .if_none_match("*")
            .body(body)
            .send()
    };
    let results = futures_util::future::join_all((0..16).map(put)).await;
    let refusals: Vec<_> = results.into_iter().filter(Result::is_err).map(refusal).collect();
    assert_eq!(refusals, vec![(412, "PreconditionFailed".to_owned()); 15]);
    let missing = client
        .put_object()
        .bucket("testbed")
        .key("none")
        .if_match("\"x\"")
        .send()
        .await;
    assert_eq!(refusal(missing).0, 404);
    let stale = client
        .delete_object()
        .bucket("testbed")
        .key("lock")
        .if_match("\"x\"")
        .send()
        .await;
    assert_eq!(refusal(stale).0, 412);

    server.behave(|behaviour| behaviour.conditional_writes = ConditionalWrites::PutOnly);
    let id = begin(&client, "lock", "").await;
    let parts = completed(&[part(&client, "lock", &id, 1, vec![9; 9]).await]);
    let complete = client
        .complete_multipart_upload()
        .bucket("testbed")
        .key("lock")
        .upload_id(&id);
    complete
        .multipart_upload(parts)
        .if_none_match("*")
        .send()
        .await
        .unwrap();
    assert_eq!(server.read("lock").unwrap(), [9; 9]);
}
