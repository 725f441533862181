use super::program::read_version;
use super::*;

fn clients(versions: &[&str]) -> Clients {
    let client = |version: &&str| {
        let (major, version) = read_version(&format!("pg_dump (PostgreSQL) {version}\n"), "pg_dump").unwrap();
        let program = |name: &str| PathBuf::from(format!("/{major}/{name}"));
        let (pg_dump, pg_restore, psql) = (program("pg_dump"), program("pg_restore"), None);
        let surroundings = Vec::new();
        (
            major,
            PgClient {
                major,
                version,
                pg_dump,
                pg_restore,
                psql,
                surroundings,
                named: None,
            },
        )
    };
    let searched = vec!["/a".into(), "/b".into()];
    Clients {
        by_major: versions.iter().map(client).collect(),
        searched,
        elsewhere: Vec::new(),
        surroundings: Vec::new(),
        named: None,
        fault: None,
    }
}

#[test]
fn versions_are_read() {
    let table = [
        (
            "pg_dump (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n",
            Some((15, "15.18")),
        ),
        ("pg_dump (PostgreSQL) 18beta1\n", Some((18, "18beta1"))),
        ("pg_dump (PostgreSQL) 19devel\n", Some((19, "19devel"))),
        ("pg_dump (PostgreSQL) 9.6.24\n", None),
        ("pg_dump (EnterpriseDB) 15.1\n", None),
        ("", None),
    ];
    for (text, expected) in table {
        let expected = expected.map(|(major, version)| (major, version.to_owned()));
        assert_eq!(read_version(text, "pg_dump"), expected, "{text}");
    }
    assert!(minor("18beta1") < minor("18.0") && minor("15.9") < minor("15.18"));
}

#[test]
fn a_dump_takes_the_server_s_major_or_the_next_higher() {
    let clients = clients(&["13.22", "15.18", "17.11", "18.4"]);
    // server, client, whether stock pg_restore would fail
    for (server, client, warns) in [
        (13, 13, false),
        (14, 15, false),
        (15, 15, false),
        (16, 17, true),
        (17, 17, false),
        (10, 13, false),
    ] {
        let (chosen, warning) = clients.for_dump(server).unwrap();
        assert_eq!((chosen.major, warning.is_some()), (client, warns), "{server}");
        assert!(warning.is_none_or(|warning| warning.to_string().contains("postgresql-client-16")));
    }
    let error = clients.for_dump(19).unwrap_err();
    assert!(error.to_string().contains("13.22 at /13/pg_dump"), "{error}");
    assert!(matches!(error, Error::NewerServer { server_major: 19, .. }));
}

#[test]
fn a_restore_takes_no_client_older_than_the_archive() {
    let clients = clients(&["13.22", "15.18", "18.4"]);
    // archive, server, client
    for (archive, server, client) in [
        (13, 13, 13),
        (13, 15, 15),
        (15, 13, 15),
        (14, 14, 15),
        (16, 15, 18),
        (13, 17, 13),
    ] {
        assert_eq!(
            clients.for_restore(archive, server).unwrap().major,
            client,
            "{archive} {server}"
        );
    }
    let error = clients.for_restore(19, 18).unwrap_err();
    assert!(matches!(
        error,
        Error::NoClient {
            program: "pg_restore",
            major: Some(19),
            ..
        }
    ));
    let text = error.to_string();
    let found = text.split_once("found: ").map(|(_, found)| found).unwrap_or_default();
    assert!(found.contains("pg_restore") && !found.contains("pg_dump"), "{text}");
}

#[test]
fn without_any_client_the_error_names_the_folders() {
    let error = clients(&[]).for_dump(15).unwrap_err();
    assert!(matches!(error, Error::NoClient { major: Some(15), .. }));
    assert!(error.to_string().contains("nothing in /a, /b"), "{error}");
    assert!(error.hint().unwrap().contains("postgresql-client-15"));
}

#[test]
fn patterns_stand_for_folders() {
    let root = tempfile::tempdir().unwrap();
    for folder in [
        "postgresql/15/bin",
        "postgresql/16/bin",
        "postgresql/none",
        "pgsql-17/bin",
        "pgsql/bin",
    ] {
        std::fs::create_dir_all(root.path().join(folder)).unwrap();
    }
    std::fs::write(root.path().join("postgresql/18"), "no folder").unwrap();
    let found = |pattern: &str| {
        let found = folders::expand(&root.path().join(pattern)).into_iter();
        found
            .map(|folder| folder.strip_prefix(root.path()).unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        found("postgresql/*/bin"),
        [Path::new("postgresql/15/bin"), Path::new("postgresql/16/bin")]
    );
    assert_eq!(found("pgsql-*/bin"), [Path::new("pgsql-17/bin")]);
    assert!(found("nothing/*/bin").is_empty());
    assert_eq!(found("*/*/bin").len(), 2);
}
