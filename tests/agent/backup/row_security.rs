//! Row-level security, and the cures that are named: each is carried out, and the next check has nothing left to say of
//! it.

use std::process::Command;

use crate::{
    stage::{Stage, unique},
    testbed::Agent,
};

/// An owner, a role that may read, and tables of the owner: one with policies, and one with policies forced on the
/// owner too.
struct Scene {
    stage: Stage,
    owner: String,
    reader: String,
}

impl Scene {
    fn on(major: u32) -> Self {
        let stage = Stage::on(Some(major), "select 1");
        let (owner, reader) = (unique("owner"), unique("reader"));
        let psql = |sql: &str| stage.cluster.psql(&stage.database, sql);
        psql(&format!(
            "create role {owner} login; create role {reader} login; grant create on schema public to {owner};
             set role {owner}; create table plain (a int); create table forced (a int); insert into plain values (1); \
                 insert into forced values (2);
             alter table plain enable row level security; alter table forced enable row level security; alter table \
                 forced force row level security"
        ));
        Self { stage, owner, reader }
    }

    fn agent(&self, role: &str) -> Agent {
        let url = self.stage.cluster.url_as(role, None, &self.stage.database);
        self.stage.agent().env("PGCOFFER_DB_MAIN_URL", url)
    }

    /// What the SQL of `--fix-sql` says, where this role runs it by psql.
    fn run_fixes(&self, role: &str) -> String {
        let sql = self
            .agent(&self.owner)
            .run(["check", "--fix-sql", "--role", &self.reader])
            .success();
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), sql.text()).unwrap();
        let output = Command::new("psql")
            .arg(self.stage.cluster.url_as(role, None, &self.stage.database))
            .args(["--no-psqlrc", "--quiet", "--file"])
            .arg(file.path())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{said}");
        said
    }

    /// What `check` and `backup` say of it to this role: the cure is the same.
    fn cure(&self, role: &str) -> String {
        let backup = self.agent(role).run(["backup"]).ended_with(3).stderr;
        let checked = self.agent(role).run(["check"]).ended_with(8);
        let line = checked.text().lines().find(|line| line.contains("BYPASSRLS"));
        let cure = line.unwrap().split("=> ").nth(1).unwrap().to_owned();
        assert!(backup.contains(&cure), "{backup}\n{cure}");
        cure
    }
}

#[test]
fn fix_sql_ends_in_a_check_without_faults_where_a_superuser_runs_it() {
    for major in [15, 18] {
        let scene = Scene::on(major);
        let said = scene.run_fixes(&scene.owner);
        assert!(said.contains("WARNING") && said.contains("superuser"), "{said}");
        scene.cure(&scene.reader);
        let said = scene.run_fixes("postgres");
        assert_eq!(said, "");
        scene.agent(&scene.reader).run(["check"]).success();
        scene.agent(&scene.reader).run(["backup"]).success();
    }
}

#[test]
fn from_16_on_a_role_with_the_attribute_gives_it_on() {
    let scene = Scene::on(16);
    let admin = unique("admin");
    let (reader, owner) = (&scene.reader, &scene.owner);
    scene.stage.cluster.psql(
        "postgres",
        &format!(
            "create role {admin} login createrole bypassrls; grant {owner} to {admin}; grant {reader} to {admin} \
            with admin option"
        ),
    );
    scene.run_fixes(&admin);
    scene.agent(&scene.reader).run(["check"]).success();
}

#[test]
fn without_a_superuser_the_owner_reads_past_policies_that_are_not_forced() {
    let scene = Scene::on(15);
    let cure = scene.cure(&scene.owner);
    assert!(cure.contains("if no application logs in as their owner"), "{cure}");
    let at = cure.find("ALTER TABLE").unwrap();
    let statement = &cure[at..];
    let statement = &statement[..=statement.find(';').unwrap()];
    let sql = format!("set role {}; {statement}", scene.owner);
    scene.stage.cluster.psql(&scene.stage.database, &sql);
    scene.agent(&scene.owner).run(["backup"]).success();
    // nothing is forced any more: what is said to the reader is to take the owner
    scene.run_fixes(&scene.owner);
    let cure = scene.cure(&scene.reader);
    assert!(
        cure.contains(&format!("url of their owner, {}", scene.owner)) && !cure.contains("NO FORCE"),
        "{cure}"
    );
}
