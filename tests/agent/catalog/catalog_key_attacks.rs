//! An attacker has the catalog key, everything in the bucket and the right to write there.

use pgcoffer::{
    backup::{BackupId, Label},
    seal::{CatalogKey, Content, SealedHeader, Secret, open_bytes},
};

use crate::{
    catalog::catalog_key::catalog_key_of,
    output::goldens::assert_said,
    stage::{KEY, Stage},
    testbed::{Agent, Cluster},
};

/// Names and rows that nobody is to learn.
const SECRETS: [&str; 5] = ["salaries", "dismissals", "topsecret", "Erika", "public."];

const SQL: &str = "create table salaries (topsecret_column text);
    insert into salaries select 'Erika ' || n from generate_series(1, 300) n;
    create table dismissals (who text); insert into dismissals select 'Erika ' || n from generate_series(1, 300) n;";

fn stolen() -> Secret {
    Secret::Catalog(CatalogKey::parse(&catalog_key_of(KEY)).unwrap())
}

/// A bucket with all that a database's life leaves there: good backups, one that looks suspicious, one that failed with
/// an error that names a table, holds and notices.
fn lived() -> Stage {
    let stage = Stage::of(SQL);
    stage.back_up();
    stage.back_up();
    stage.cluster.psql(&stage.database, "truncate dismissals");
    stage.back_up();
    let reader = fails_to_read(stage.cluster, &stage.database);
    let failing = stage.agent().database_url("main", &reader);
    let failed = failing.run(["backup"]);
    assert_ne!(failed.code(), 0);
    assert!(failed.stderr.contains("salaries"), "{}", failed.stderr);
    stage.run(["hold", "latest", "--reason", "audit"]).success();
    stage.run(["verify"]).success();
    stage
}

/// A role that may read one table and not the other.
fn fails_to_read(cluster: &Cluster, database: &str) -> String {
    let role = crate::stage::unique("half_blind");
    cluster.psql(
        database,
        &format!("create role {role} login; grant select on dismissals to {role}"),
    );
    cluster.url_as(&role, None, database)
}

#[track_caller]
fn tells_nothing(text: &[u8], of: &str) {
    let text = String::from_utf8_lossy(text);
    for secret in SECRETS {
        assert!(!text.contains(secret), "{of} tells {secret}: {text}");
    }
}

#[test]
fn nothing_that_opens_names_a_table_a_row_or_an_error() {
    let stage = lived();
    let stolen = stolen();
    let objects = stage.bucket.objects();
    let (mut opened, mut closed) = (Vec::new(), 0);
    let mut contents = std::collections::BTreeSet::new();
    for object in &objects {
        let key = object.key.as_str();
        tells_nothing(key.as_bytes(), "a name");
        let tags = stage.bucket.tags(key).unwrap_or_default();
        tells_nothing(format!("{tags:?}").as_bytes(), "a tag");
        let bytes = stage.bucket.read(key).unwrap();
        let Ok((header, header_len)) = SealedHeader::parse_whole(&bytes) else {
            tells_nothing(&bytes, key);
            continue;
        };
        tells_nothing(&bytes[..header_len], key);
        match open_bytes(&bytes, std::slice::from_ref(&stolen)) {
            Ok((header, plaintext)) => {
                assert!(header.content.is_of_catalog(), "{key}");
                contents.insert(header.content.as_str());
                tells_nothing(&plaintext, key);
                opened.push((bytes, header_len, header.frame_size));
            }
            Err(error) => {
                let inside = matches!(header.content, Content::Archive | Content::Details);
                assert!(inside, "{key}: {error}");
                closed += 1;
            }
        }
    }
    assert_eq!(
        contents.into_iter().collect::<Vec<_>>(),
        ["mark", "record", "repository"]
    );
    // three archives and four details
    assert_eq!(closed, 7);
    // nor under any header that opens
    for object in objects.iter().filter(|object| object.key.contains("/details/")) {
        let bytes = stage.bucket.read(&object.key).unwrap();
        let (_, header_len) = SealedHeader::parse_whole(&bytes).unwrap();
        for (header, len, _) in &opened {
            let grafted = [&header[..*len], &bytes[header_len..]].concat();
            open_bytes(&grafted, std::slice::from_ref(&stolen)).unwrap_err();
        }
    }
}

#[test]
fn nothing_that_the_agent_prints_with_it_names_any_either() {
    let stage = lived();
    let file = stage.file("metrics.prom");
    let monitor = Agent::new()
        .s3(&stage.bucket)
        .env("PGCOFFER_CATALOG_KEY", catalog_key_of(KEY))
        .env("PGCOFFER_METRICS_FILE", &file);
    let listed = stage.run(["list", "--json"]).success().json();
    let mut commands = vec![vec!["list"], vec!["status"], vec!["prune"], vec!["check"]];
    for backup in listed["backups"].as_array().unwrap() {
        commands.push(vec!["show", backup["id"].as_str().unwrap()]);
    }
    for command in commands {
        for json in [&[][..], &["--json"]] {
            let args: Vec<&str> = [&["-v"], &command[..], json].concat();
            let outcome = monitor.run(&args);
            tells_nothing(&outcome.stdout, &format!("{command:?}"));
            tells_nothing(outcome.stderr.as_bytes(), &format!("{command:?}"));
        }
    }
}

/// Who has the catalog key makes names and entries, and learns the data keys of those that are there. He makes no
/// archive that the key opens.
#[test]
fn no_archive_that_it_forges_is_restored() {
    let stage = Stage::of(SQL);
    let record = stage.back_up();
    let id = record["id"].as_str().unwrap();
    let entry = stage.bucket.read(&stage.key("/records/")).unwrap();
    let archive = stage.key("/archives/");
    let original = stage.bucket.read(&archive).unwrap();
    let target = stage.target();
    let refused = |forged: Vec<u8>, words: &str| {
        stage.bucket.write(&archive, forged);
        let verified = stage.run(["verify", id]);
        assert_ne!(verified.code(), 0);
        assert_said(&verified, &[words]);
        let restored = stage.restore(&target);
        assert_ne!(restored.code(), 0);
        let there = stage
            .cluster
            .psql(&target.name, "select count(*) from pg_class where relname = 'salaries'");
        assert_eq!(there.trim(), "0");
    };
    // the entry itself in the archive's place, and its header over the archive's frames
    refused(entry.clone(), "");
    let (_, entry_len) = SealedHeader::parse_whole(&entry).unwrap();
    let (_, archive_len) = SealedHeader::parse_whole(&original).unwrap();
    let as_archive = String::from_utf8(entry[..entry_len].to_vec()).unwrap();
    let as_archive = as_archive.replace("content record", "content archive");
    refused([as_archive.as_bytes(), &original[archive_len..]].concat(), "");
    // without its catalog slot: the data key of an entry opens in no archive
    let lines: Vec<&str> = as_archive
        .lines()
        .filter(|line| !line.starts_with("slot catalog"))
        .collect();
    let without = lines.join("\n") + "\n";
    refused([without.as_bytes(), &original[archive_len..]].concat(), "");
    stage.bucket.write(&archive, original);
    stage.run(["verify", id]).success();
    // names he can make
    let identity = crate::testbed::identity(&stolen(), "main");
    let made = BackupId::parse(id).unwrap();
    assert!(made.is_by(&identity, &Label::parse("main").unwrap()));
}
