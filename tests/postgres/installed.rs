//! The client programs of this machine: where they are found, and which is chosen.

use pgcoffer::postgres::{Cause, Clients, DumpOptions, Error};

use crate::scene::{child_fault, client, cluster, dump_with, majors, url};

/// A folder of folders by major version, as `PGCOFFER_PG_BIN` may be one; what the distribution has is found beside
/// them.
#[tokio::test]
async fn clients_are_found_by_major() {
    let root = tempfile::tempdir().unwrap();
    for major in ["16", "18"] {
        let bin = cluster(major.parse().unwrap()).bin();
        std::fs::create_dir(root.path().join(major)).unwrap();
        std::os::unix::fs::symlink(bin, root.path().join(major).join("bin")).unwrap();
    }
    let found = Clients::discover(Some(root.path()), []).await;
    for wanted in majors() {
        let (client, warning) = found.for_dump(wanted).unwrap();
        assert!(client.major == wanted && warning.is_none(), "{client:?}");
        assert!(client.version.starts_with(&format!("{wanted}.")));
        assert!(client.psql.is_some());
    }
    for wanted in [16, 18] {
        let client = found.for_restore(wanted, wanted).unwrap();
        assert!(client.pg_restore.starts_with(root.path()), "{client:?}");
    }
    let error = found.for_dump(99).unwrap_err();
    let names_18 = |found: &Vec<String>| found.iter().any(|found| found.starts_with("18."));
    assert!(
        matches!(&error, Error::NewerServer { server_major: 99, found } if names_18(found)),
        "{error}"
    );
    assert!(error.hint().unwrap().contains("postgresql-client-99"));
}

#[tokio::test]
async fn a_folder_without_clients_is_an_error() {
    let empty = tempfile::tempdir().unwrap();
    let error = Clients::discover(Some(empty.path()), [])
        .await
        .for_dump(15)
        .unwrap_err();
    assert!(
        error.to_string().contains(empty.path().to_str().unwrap()),
        "{error}"
    );
    assert!(
        error.hint().unwrap().contains("PGCOFFER_PG_BIN"),
        "{error:?}"
    );
}

/// Debian's wrapper would choose a version by itself; the real programs behind it, next to its folder, are taken.
#[tokio::test]
async fn wrappers_are_passed_by() {
    use std::os::unix::fs::PermissionsExt as _;
    let root = tempfile::tempdir().unwrap();
    let (wrappers, real) = (
        root.path().join("usr/bin"),
        root.path().join("usr/lib/postgresql/18"),
    );
    std::fs::create_dir_all(&wrappers).unwrap();
    std::fs::create_dir_all(&real).unwrap();
    std::os::unix::fs::symlink(cluster(18).bin(), real.join("bin")).unwrap();
    for program in ["pg_dump", "pg_restore"] {
        std::fs::write(
            wrappers.join(program),
            "#!/usr/bin/perl -w\nprint 'pg_dump (PostgreSQL) 42.1';\n",
        )
        .unwrap();
        std::fs::set_permissions(
            wrappers.join(program),
            std::fs::Permissions::from_mode(0o755),
        )
        .unwrap();
    }
    let path = std::env::join_paths([&wrappers]).unwrap();
    let found = Clients::discover(None, [("PATH".into(), path)]).await;
    assert!(found.for_dump(42).is_err());
    let client = found.iter().find(|client| client.major == 18).unwrap();
    assert!(client.pg_dump.starts_with(root.path()), "{client:?}");
}

#[tokio::test]
async fn a_server_newer_than_the_client() {
    let old = client(cluster(16)).await;
    let new = url(&cluster(18).url("postgres"));
    let error = dump_with(&old, &new, &DumpOptions::new(18))
        .await
        .unwrap_err();
    assert!(
        error.hint().unwrap().contains("PGCOFFER_PG_BIN"),
        "{error:?}"
    );
    let fault = child_fault(error);
    assert_eq!(fault.cause, Cause::VersionMismatch);
}
