use super::*;

fn cure(text: &str) -> String {
    misread(text).cure
}

#[test]
fn every_spelling_of_a_bucket_is_answered_with_the_right_one() {
    for (text, written) in [
        ("backups-of-acme", "write s3://backups-of-acme"),
        ("backups-of-acme/pg", "write s3://backups-of-acme/pg"),
        ("s3:/acme/pg", "write s3://acme/pg"),
        ("s3:acme", "write s3://acme"),
        ("s3//acme", "write s3://acme"),
        ("S3://acme/pg", "write s3://acme/pg"),
        ("backup@nas.local:/srv/pg", "write sftp://backup@nas.local/srv/pg"),
        ("backup@nas.local:pg", "write sftp://backup@nas.local/~/pg"),
        ("scp://backup@nas.local/srv", "write sftp://user@host/path/to/folder"),
        ("s3a://acme/pg", "write s3://acme/pg"),
        ("arn:aws:s3:::acme", "write s3://acme"),
        ("arn:aws:s3:::acme/pg/*", "write s3://acme/pg"),
        (
            "https://acme.s3.eu-central-1.amazonaws.com/pg/",
            "write s3://acme/pg, with AWS_REGION=eu-central-1",
        ),
        ("https://acme.s3.amazonaws.com", "write s3://acme"),
        (
            "https://s3-eu-west-1.amazonaws.com/acme",
            "write s3://acme, with AWS_REGION=eu-west-1",
        ),
        (
            "https://s3.dualstack.us-east-2.amazonaws.com/acme/x",
            "write s3://acme/x, with AWS_REGION=us-east-2",
        ),
        (
            "https://a.b.c.s3.us-west-2.amazonaws.com/?X-Amz-Signature=s3cret",
            "write s3://a.b.c, with AWS_REGION=us-west-2",
        ),
        (
            "https://eu-central-1.console.aws.amazon.com/s3/buckets/acme?region=eu-central-1&prefix=a%2Fb/",
            "write s3://acme/a/b, with AWS_REGION=eu-central-1",
        ),
        ("acme.s3.amazonaws.com/pg", "write s3://acme/pg"),
        ("/mnt/nas", "write a folder as file:///mnt/nas, with three slashes"),
        ("file:/mnt/nas", "write a folder as file:///mnt/nas, with three slashes"),
    ] {
        assert_eq!(cure(text), written, "{text}");
    }
}

#[test]
fn other_services_have_an_address_and_a_bucket() {
    for (text, address, bucket) in [
        (
            "https://acme.nyc3.digitaloceanspaces.com/pg",
            "AWS_ENDPOINT_URL_S3=https://nyc3.digitaloceanspaces.com",
            "s3://acme/pg",
        ),
        (
            "https://0123.r2.cloudflarestorage.com/acme",
            "AWS_ENDPOINT_URL_S3=https://0123.r2.cloudflarestorage.com",
            "s3://acme",
        ),
        (
            "http://minio.internal:9000/acme/pg",
            "AWS_ENDPOINT_URL_S3=http://minio.internal:9000",
            "s3://acme/pg",
        ),
        ("gs://acme/pg", "https://storage.googleapis.com", "s3://acme/pg"),
    ] {
        let cure = cure(text);
        assert!(cure.contains(address) && cure.contains(bucket), "{cure}");
    }
    assert!(!cure("https://user:s3cret@host/acme").contains("s3cret"));
}

#[test]
fn what_is_no_name_behind_the_scheme_is_told_for_what_it_is() {
    for (rest, why) in [
        ("arn:aws:s3:::acme", "it is an ARN"),
        ("acme.s3.amazonaws.com/pg", "it is an address of AWS, which needs none"),
        ("https://acme", "an address stands in it"),
        ("/acme/pg", "three slashes stand behind s3:"),
        ("acme?region=eu-west-1", "a question mark stands in it"),
        ("acme/*", "a * stands in it"),
        ("key:secret@acme/pg", "credentials stand in it"),
        ("localhost:9000/acme", "a colon stands in the bucket's name"),
        ("<bucket>/pg", "a placeholder stands in it"),
        ("acme/my backups", "a blank stands in it"),
        ("$BUCKET/pg", "a placeholder stands in it"),
    ] {
        let found = misread_bucket(rest);
        assert_eq!(found.as_ref().map(|one| one.why), Some(why), "{rest}");
        assert!(!found.is_some_and(|one| one.cure.contains("secret")), "{rest}");
    }
    assert!(misread_bucket("acme/pg").is_none() && misread_bucket("a.b-c_d/x=y").is_none());
}

/// What stands in a wrong variable may be a key or a password.
#[test]
fn a_bare_word_is_repeated_only_if_it_can_be_a_buckets_name() {
    for text in [
        "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
        "q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA=",
        "q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA",
        "wJalrXUtnFEMIaK7MDENGabPxRfiCYEXAMPLEKEY",
        "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        "/JalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        "Tr0ub4dor_3",
        "ABCDEFGH",
        "-begins-so",
    ] {
        assert!(!cure(text).contains(text), "{text}");
        if holds_key(text) {
            for text in [format!("s3:{text}"), format!("S3://{text}"), format!("{text}/pg")] {
                assert!(!holds_key(&cure(&text)), "{text}");
            }
        }
    }
}
