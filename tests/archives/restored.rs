//! Archives of a running PostgreSQL, and what it restores from archives.

use pgcoffer::archive::{Error, LooksLike};

use super::{archive, cluster::Cluster, differences, fingerprint_of_copy, read, sql};

const CUSTOM: [&str; 2] = ["--format=custom", "--compress=0"];

#[test]
fn fingerprints_survive_a_restore_in_another_order() {
    let server = Cluster::start();
    server.create("odd", &sql("odd.sql"));
    let before = read(&server.dump("odd", &CUSTOM)).unwrap();
    let copy = |database: &str, table: &str| server.psql(database, &format!("COPY {table} TO STDOUT"));
    for table in &before.tables {
        let quoted = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
        let output = copy(
            "odd",
            &format!("{}.{}", quoted(table.schema.raw()), quoted(table.name.raw())),
        );
        assert_eq!(table.bytes, output.len() as u64, "{table:?}");
        assert_eq!(table.fingerprint.to_string(), fingerprint_of_copy(&output), "{table:?}");
    }

    server.restore("again", &server.dump("odd", &CUSTOM));
    server.psql("again", SHUFFLE);
    let (ordered, shuffled) = (copy("odd", "plain"), copy("again", "plain"));
    assert_ne!(ordered, shuffled);
    let after = read(&server.dump("again", &CUSTOM)).unwrap();
    assert_eq!(differences(&before, &after), Vec::<String>::new());

    server.psql("again", "UPDATE plain SET t = t || ' ' WHERE id = 250");
    let changed = read(&server.dump("again", &CUSTOM)).unwrap();
    assert_eq!(differences(&before, &changed), ["public.plain"]);
    server.psql(
        "again",
        "SELECT lo_put(100003, 77777, '\\x01'); DELETE FROM twins WHERE ctid = '(0,1)'",
    );
    let changed = read(&server.dump("again", &CUSTOM)).unwrap();
    assert_eq!(
        differences(&before, &changed),
        ["large objects", "public.plain", "public.twins"]
    );
}

/// Rows go to other places: deleted and inserted again, rewritten in place, vacuumed in between.
const SHUFFLE: &str = "
    CREATE TEMP TABLE away AS SELECT * FROM plain WHERE id % 3 = 0;
    DELETE FROM plain WHERE id % 3 = 0;
    VACUUM plain;
    INSERT INTO plain SELECT * FROM away ORDER BY id DESC;
    UPDATE plain SET n = n WHERE id % 5 = 0;
    UPDATE bytes SET b = b WHERE id % 2 = 0;
    VACUUM FULL bytes;
    CREATE TEMP TABLE texts AS SELECT * FROM tricky;
    TRUNCATE tricky;
    INSERT INTO tricky SELECT * FROM texts ORDER BY t;
    UPDATE events SET what = what WHERE at > '2025-12-15';
    UPDATE wide SET t = t WHERE id = 1;
";

#[test]
fn pg_restore_reads_archives_rewritten_in_older_formats() {
    let server = Cluster::start();
    for (name, database) in [("odd-1.12", "twelve"), ("odd-1.13", "thirteen")] {
        let archive = archive(name);
        server.restore(database, &archive);
        let restored = read(&server.dump(database, &CUSTOM)).unwrap();
        assert_eq!(differences(&read(&archive).unwrap(), &restored), Vec::<String>::new());
    }
}

#[test]
fn other_formats_and_options_of_pg_dump_are_recognised() {
    let server = Cluster::start();
    server.create("small", &sql("small.sql"));
    let dump = |options: &[&str]| read(&server.dump("small", options));
    assert_eq!(dump(&["--format=plain"]), Err(Error::NotAnArchive(LooksLike::PlainSql)));
    assert_eq!(dump(&["--format=tar"]), Err(Error::NotAnArchive(LooksLike::Tar)));
    assert_eq!(
        dump(&["--format=custom", "--compress=1"]),
        Err(Error::Compressed("gzip"))
    );
    let folder = tempfile::tempdir().unwrap();
    let directory = folder.path().join("dump");
    server.dump("small", &["--format=directory", "--file", directory.to_str().unwrap()]);
    assert_eq!(
        read(&std::fs::read(directory.join("toc.dat")).unwrap()),
        Err(Error::Format(3))
    );

    let whole = dump(&CUSTOM).unwrap();
    assert_eq!(
        differences(
            &whole,
            &dump(&["--format=custom", "--compress=0", "--load-via-partition-root"]).unwrap()
        ),
        Vec::<String>::new()
    );
    let without_data = dump(&["--format=custom", "--compress=0", "--section=post-data"]).unwrap();
    assert_eq!((without_data.tables.len(), without_data.large_objects.count), (0, 0));
    let other_encoding = dump(&["--format=custom", "--compress=0", "--encoding=LATIN1"]).unwrap();
    assert_eq!(differences(&whole, &other_encoding), Vec::<String>::new());
}
