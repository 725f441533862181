//! LocalStack and PostgreSQL start, can be told apart, and leave nothing behind.

use aws_sdk_s3::primitives::ByteStream;

use crate::testbed::{Agent, Cluster, ClusterOptions, LocalStack};

#[tokio::test]
async fn localstack_gives_each_test_its_bucket() {
    let bucket = LocalStack::shared().bucket();
    let other = LocalStack::shared().bucket();
    let client = bucket.client();
    let body = ByteStream::from_static(b"hello");
    client
        .put_object()
        .bucket(bucket.name())
        .key("k")
        .body(body)
        .tagging("a=1")
        .send()
        .await
        .unwrap();
    let listed = client.list_objects_v2().bucket(bucket.name()).send().await.unwrap();
    assert_eq!(listed.contents()[0].key(), Some("k"));
    let tags = client
        .get_object_tagging()
        .bucket(bucket.name())
        .key("k")
        .send()
        .await
        .unwrap();
    assert_eq!(tags.tag_set()[0].value(), "1");
    let listed = client.list_objects_v2().bucket(other.name()).send().await.unwrap();
    assert!(listed.contents().is_empty());
}

#[test]
fn clusters_of_each_version_start_and_go() {
    for major in [None, Some(16), Some(18)] {
        let cluster = Cluster::start(major);
        let version: u32 = cluster.psql("postgres", "show server_version_num").parse().unwrap();
        assert!(major.is_none_or(|major| version / 10_000 == major), "{version}");
        cluster.create_database("odd \"name\" %ä");
        assert_eq!(cluster.psql("odd \"name\" %ä", "select 1;\nselect 'two'"), "1\ntwo");
        assert!(
            cluster
                .try_psql("postgres", "select nonsense")
                .unwrap_err()
                .contains("nonsense")
        );
        let (dir, port) = (cluster.socket_dir().to_owned(), cluster.port());
        assert!(dir.exists());
        drop(cluster);
        assert!(!dir.exists());
        assert!(std::net::TcpStream::connect(("127.0.0.1", port)).is_err());
    }
}

#[test]
fn clusters_are_told_apart_by_their_servers() {
    let identifier = |cluster: &Cluster| {
        let text = cluster.psql("postgres", "select system_identifier from pg_control_system()");
        text.parse::<u64>().unwrap()
    };
    for major in [None, Some(18)] {
        let [one, other] = [Cluster::start(major), Cluster::start(major)];
        assert_ne!(identifier(&one), identifier(&other));
        let standby = one.standby();
        assert_eq!(identifier(&standby), identifier(&one));
    }
}

#[test]
fn a_cluster_can_ask_for_tls_and_a_password() {
    let password = "p@:/%+ ä'\"\\";
    let options = ClusterOptions {
        tls: true,
        password: Some(password.to_owned()),
        ..ClusterOptions::default()
    };
    let cluster = Cluster::start_with(options);
    assert_eq!(cluster.psql("postgres", "show ssl"), "on");
    let reach = |url: String| {
        let mut psql = cluster.client("psql");
        psql.env("PGPASSWORD", "")
            .arg("--no-psqlrc")
            .arg("--no-password")
            .arg(url);
        psql.args(["--command=select ssl from pg_stat_ssl where pid = pg_backend_pid()"])
            .output()
            .unwrap()
    };
    let trusting = format!("?sslmode=verify-full&sslrootcert={}", cluster.certificate().display());
    let output = reach(cluster.url("postgres") + &trusting);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(String::from_utf8_lossy(&output.stdout).contains(" t\n"));
    let output = reach(cluster.url("postgres") + "?sslmode=verify-full&sslrootcert=system");
    assert!(!output.status.success());
    let output = reach(cluster.url_as("postgres", Some("wrong"), "postgres"));
    assert!(String::from_utf8_lossy(&output.stderr).contains("password authentication failed"));
}

#[test]
fn a_cluster_can_crash() {
    let cluster = Cluster::start(None);
    let port = cluster.port();
    cluster.crash();
    let ended = |port| std::net::TcpStream::connect(("127.0.0.1", port)).is_err();
    let began = std::time::Instant::now();
    while !ended(port) {
        assert!(began.elapsed().as_secs() < 20, "the server still answers");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    assert!(cluster.socket_dir().exists());
}

#[test]
fn the_agent_runs_in_an_environment_of_its_own() {
    let outcome = Agent::new().run(["--version"]).success();
    assert!(outcome.text().starts_with("pgcoffer "));
    let outcome = Agent::new().run(["--no-such-option"]).ended_with(2);
    assert!(outcome.text().is_empty() && outcome.stderr.contains("--no-such-option"));
}
