//! The client programs of this machine: where they are found, and which is chosen.

use pgcoffer::postgres::{Clients, DumpOptions, Error, FailureCause};

use crate::scene::{child_fault, client, cluster, dump_with, majors, url};

/// A folder of folders by major version, as `PGCOFFER_PG_BIN` may be one; what the distribution has doesn't count.
#[tokio::test]
async fn clients_are_found_by_major_only_in_the_named_folder() {
    let root = tempfile::tempdir().unwrap();
    for major in ["16", "18"] {
        let bin = cluster(major.parse().unwrap()).bin();
        std::fs::create_dir(root.path().join(major)).unwrap();
        std::os::unix::fs::symlink(bin, root.path().join(major).join("bin")).unwrap();
    }
    let path = std::env::join_paths(majors().iter().map(|major| cluster(*major).bin())).unwrap();
    let found = Clients::discover(Some(root.path()), [("PATH".into(), path)]).await;
    let majors: Vec<u32> = found.iter().map(|client| client.major).collect();
    assert_eq!(majors, [16, 18]);
    for wanted in [16, 18] {
        let (client, warning) = found.for_dump(wanted).unwrap();
        assert!(client.major == wanted && warning.is_none(), "{client:?}");
        assert!(client.version.starts_with(&format!("{wanted}.")));
        let programs = [&client.pg_dump, &client.pg_restore, client.psql.as_ref().unwrap()];
        assert!(programs.iter().all(|path| path.starts_with(root.path())), "{client:?}");
        let client = found.for_restore(wanted, wanted).unwrap();
        assert!(client.pg_restore.starts_with(root.path()), "{client:?}");
    }
    let error = found.for_dump(99).unwrap_err();
    let names_18 = |found: &Vec<String>| found.iter().any(|found| found.starts_with("18."));
    assert!(
        matches!(&error, Error::NewerServer { server_major: 99, found, .. } if names_18(found)),
        "{error}"
    );
    let hint = error.hint().unwrap();
    for word in [
        "postgresql-client-99",
        "PGCOFFER_PG_BIN names",
        root.path().to_str().unwrap(),
    ] {
        assert!(hint.contains(word), "{hint}");
    }
}

#[tokio::test]
async fn a_folder_without_clients_is_an_error() {
    let empty = tempfile::tempdir().unwrap();
    let error = Clients::discover(Some(empty.path()), [])
        .await
        .for_dump(15)
        .unwrap_err();
    assert!(error.to_string().contains(empty.path().to_str().unwrap()), "{error}");
    assert!(error.hint().unwrap().contains("PGCOFFER_PG_BIN"), "{error:?}");
}

/// Debian's wrapper would choose a version by itself; the real programs behind it, next to its folder, are taken.
#[tokio::test]
async fn wrappers_of_debian_are_skipped() {
    use std::os::unix::fs::PermissionsExt as _;
    let root = tempfile::tempdir().unwrap();
    let (wrappers, real) = (root.path().join("usr/bin"), root.path().join("usr/lib/postgresql/18"));
    std::fs::create_dir_all(&wrappers).unwrap();
    std::fs::create_dir_all(&real).unwrap();
    std::os::unix::fs::symlink(cluster(18).bin(), real.join("bin")).unwrap();
    for program in ["pg_dump", "pg_restore"] {
        std::fs::write(
            wrappers.join(program),
            "#!/usr/bin/perl -w\nprint 'pg_dump (PostgreSQL) 42.1';\n",
        )
        .unwrap();
        std::fs::set_permissions(wrappers.join(program), std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    let path = std::env::join_paths([&wrappers]).unwrap();
    let found = Clients::discover(None, [("PATH".into(), path)]).await;
    assert!(found.for_dump(42).is_err());
    let client = found.iter().find(|client| client.major == 18).unwrap();
    assert!(client.pg_dump.starts_with(root.path()), "{client:?}");
}

#[tokio::test]
async fn a_client_older_than_the_server_is_refused() {
    let old = client(cluster(16)).await;
    let new = url(&cluster(18).url("postgres"));
    let error = dump_with(&old, &new, &DumpOptions::new(18)).await.unwrap_err();
    assert!(error.hint().unwrap().contains("PGCOFFER_PG_BIN"), "{error:?}");
    let fault = child_fault(error);
    assert_eq!(fault.cause, FailureCause::VersionMismatch);
}

/// Programs that say they are of these versions, each in a folder of its own.
fn versions(root: &std::path::Path, versions: &[&str]) {
    use std::os::unix::fs::PermissionsExt as _;
    for version in versions {
        let folder = root.join(version);
        std::fs::create_dir(&folder).unwrap();
        for program in ["pg_dump", "pg_restore", "psql"] {
            let path = folder.join(program);
            std::fs::write(&path, format!("#!/bin/sh\necho 'pg_dump (PostgreSQL) {version}'\n")).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        }
    }
}

/// A restore into a server older than the client goes through psql, which only newer releases keep commands out of.
#[tokio::test]
async fn a_client_whose_psql_runs_commands_of_the_archive_is_skipped() {
    let cases: [(&[&str], u32, u32, Option<&str>); 7] = [
        (&["17.5"], 17, 16, None),
        (&["17.6"], 17, 16, Some("17.6")),
        (&["17.5", "18.0"], 17, 16, Some("18.0")),
        (&["18beta2"], 18, 15, None),
        // nothing goes through psql here
        (&["17.5"], 17, 17, Some("17.5")),
        (&["17.5"], 15, 18, Some("17.5")),
        (&["16.9", "17.5"], 16, 16, Some("16.9")),
    ];
    for (installed, archive, server, expected) in cases {
        let root = tempfile::tempdir().unwrap();
        versions(root.path(), installed);
        let found = Clients::discover(Some(root.path()), []).await;
        match (found.for_restore(archive, server), expected) {
            (Ok(client), Some(version)) => assert_eq!(client.version, version),
            (Err(Error::Unrestricted), None) => {}
            (other, _) => panic!("{installed:?} {archive} {server}: {other:?}"),
        }
    }
}
