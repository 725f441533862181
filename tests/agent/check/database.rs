//! The role that can only read, as the printed SQL makes it.

use crate::{
    check::everything::{as_role, assert_found, roles},
    stage::{SMALL, Stage},
};

/// As its owner runs it, by psql; and then the role it is about takes a backup, also of what is made afterwards.
#[test]
fn the_sql_that_is_printed_makes_a_role_that_can_back_up_and_nothing_else() {
    for major in [None, Some(18)] {
        let stage = Stage::on(major, SMALL);
        let (owner, reader) = roles(&stage);
        let setup = "create schema \"S x\"; create table \"S x\".\"T ü\" (id serial); select lo_from_bytea(0, 'x');";
        run_sql(&stage, &owner, setup);
        stage.cluster.psql(
            "postgres",
            &format!(
                "revoke connect on database {} from public; revoke usage on schema public from public",
                stage.database
            ),
        );
        let owners = as_role(&stage, &owner);
        let sql = owners.run(["check", "--fix-sql", "--role", &reader]).success();
        // run twice: it may be
        for _ in 0..2 {
            run_sql(&stage, &owner, sql.text());
        }
        let readers = as_role(&stage, &reader);
        run_sql(
            &stage,
            &owner,
            "create table later (id serial); create schema new; create table new.t (id int)",
        );
        readers.run(["backup"]).success();
        let report = readers.run(["check", "--json"]).success().json();
        for what in ["rights", "default privileges"] {
            assert_found(&report, ("database", what), "ok", &[]);
        }
        let url = stage.cluster.url_as(&reader, None, &stage.database);
        for forbidden in [
            "delete from people",
            "create table public.mine (id int)",
            "drop table people",
        ] {
            assert!(psql(&stage, &url, forbidden).is_err(), "{forbidden}");
        }
        // asked as the role itself it is about that role
        let own = readers.run(["check", "--fix-sql", "--json"]).success().json();
        assert_eq!(own["role"], reader.as_str());
        assert_eq!(
            owners.run(["check", "--fix-sql", "--json"]).success().json()["role"],
            "pgcoffer"
        );
    }
}

fn run_sql(stage: &Stage, role: &str, sql: &str) {
    let url = stage.cluster.url_as(role, None, &stage.database);
    psql(stage, &url, sql).unwrap_or_else(|error| panic!("{error}\n{sql}"));
}

/// The distribution's psql: the test bed's servers of other versions bring none.
fn psql(stage: &Stage, url: &str, sql: &str) -> Result<(), String> {
    let file = stage.file("script.sql");
    std::fs::write(&file, sql).unwrap();
    let mut psql = std::process::Command::new("psql");
    psql.args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-f", file.to_str().unwrap(), url]);
    let output = psql.output().unwrap();
    match output.status.success() {
        true => Ok(()),
        false => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
    }
}
