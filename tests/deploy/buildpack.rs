//! The buildpack, run as Heroku runs it, against a server of releases.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use tempfile::TempDir;

use crate::{
    release::{Server, VERSION, archive_name, buildpack, new_key, packed, release_key, run},
    testbed::project,
};

/// An app that is being built.
struct Build {
    buildpack: TempDir,
    folder: TempDir,
}

impl Build {
    fn with(buildpack: TempDir) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in ["build", "cache", "env"] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        Self { buildpack, folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn set(&self, name: &str, value: &str) {
        fs::write(self.path("env").join(name), value).unwrap();
    }

    fn compile(&self) -> (Output, String) {
        let output = Command::new(self.buildpack.path().join("bin/compile"))
            .args([self.path("build"), self.path("cache"), self.path("env")])
            .output()
            .unwrap();
        let said = [&output.stdout, &output.stderr].map(|b| String::from_utf8_lossy(b).into_owned());
        (output, said.concat())
    }

    #[track_caller]
    fn compiles(&self) -> String {
        let (output, said) = self.compile();
        assert!(output.status.success(), "{said}");
        said
    }

    #[track_caller]
    fn fails(&self) -> String {
        let (output, said) = self.compile();
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains(" !     "), "{said}");
        said
    }

    fn installed(&self) -> PathBuf {
        self.path("build/.pgcoffer/bin/pgcoffer")
    }

    /// What a dyno's shell finds: Heroku sources every file of `.profile.d`.
    fn version_on_the_dyno(&self) -> String {
        let mut bash = Command::new("bash");
        bash.args(["-c", ". .profile.d/pgcoffer.sh && pgcoffer --version"])
            .current_dir(self.path("build"))
            .env("HOME", self.path("build"));
        run(&mut bash)
    }
}

#[test]
fn the_released_binary_comes_into_the_slug_and_into_the_cache() {
    let server = Server::of_release();
    let build = Build::with(buildpack(&server.url));
    let said = build.compiles();
    assert!(
        said.starts_with(&format!("-----> Installing pgcoffer {VERSION}\n")),
        "{said}"
    );
    assert!(said.contains("No PGCOFFER_… config var is set yet"), "{said}");
    assert_eq!(build.version_on_the_dyno(), format!("pgcoffer {VERSION}\n"));
    assert_eq!(server.asked(&archive_name()), 1);

    let said = build.compiles();
    assert!(said.contains("from the cache"), "{said}");
    assert_eq!(server.asked(&archive_name()), 1);

    // a cache that has gone bad is not trusted
    let cached = build.path("cache/pgcoffer").join(archive_name());
    fs::write(&cached, "not an archive").unwrap();
    build.compiles();
    assert_eq!(server.asked(&archive_name()), 2);
    assert_eq!(build.version_on_the_dyno(), format!("pgcoffer {VERSION}\n"));
}

#[test]
fn what_is_not_what_was_released_is_not_installed() {
    let server = Server::of_release();
    let build = Build::with(buildpack(&server.url));
    let mut other = fs::read(packed().join(archive_name())).unwrap();
    *other.last_mut().unwrap() ^= 1;
    server.put(&archive_name(), other);
    for _ in 0..2 {
        let said = build.fails();
        assert!(said.contains("is not what was released"), "{said}");
        assert!(!build.installed().exists());
    }
    // and the bad one wasn't kept
    assert_eq!(server.asked(&archive_name()), 2);
}

/// Who can replace the files of a release can replace the checksums too, and sign with a key of his own, or show what
/// was signed for another version.
#[test]
fn a_release_whose_checksums_were_replaced_with_it_is_not_installed() {
    let (server, own_key) = (Server::of_release(), tempfile::tempdir().unwrap());
    let build = Build::with(buildpack(&server.url));
    build.compiles();
    fs::remove_dir_all(build.path("build/.pgcoffer")).unwrap();
    let mut other = fs::read(packed().join(archive_name())).unwrap();
    *other.last_mut().unwrap() ^= 1;
    let forged = [(archive_name(), other.clone())];
    let refused = |why: &str| {
        let said = build.fails();
        assert!(said.contains(why), "{said}");
        assert!(!build.installed().exists());
    };

    new_key(own_key.path());
    server.release(&forged, own_key.path());
    refused("its signature is wrong");
    server.put("SHA256SUMS.sig", b"nothing that is one".to_vec());
    refused("its signature is wrong");
    server.put("SHA256SUMS.sig", Vec::new());
    refused("its signature is wrong");
    // signed by the right key, and of another version
    let old = format!("pgcoffer-0.0.9-{}-linux.tar.gz", std::env::consts::ARCH);
    server.release(&[(old, other.clone())], release_key());
    server.put(&archive_name(), other);
    refused("was not released for");
}

#[test]
fn a_release_that_is_not_there_fails_the_build() {
    let nothing = Server::start();
    let build = Build::with(buildpack(&nothing.url));
    let said = build.fails();
    assert!(said.contains("could not be downloaded"), "{said}");
    assert!(!build.installed().exists());
}

#[test]
fn an_old_version_gives_way() {
    let server = Server::of_release();
    let old_server = Server::start();
    let mut build = Build::with(old_release(&old_server));
    build.compiles();
    assert_eq!(build.version_on_the_dyno(), "pgcoffer 0.0.9\n");

    build.buildpack = buildpack(&server.url);
    build.compiles();
    assert_eq!(build.version_on_the_dyno(), format!("pgcoffer {VERSION}\n"));
    let cached: Vec<_> = fs::read_dir(build.path("cache/pgcoffer"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(cached, [archive_name()]);
}

/// A release from before, of a program that can say its version alone.
fn old_release(server: &Server) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let name = format!("pgcoffer-0.0.9-{}-linux", std::env::consts::ARCH);
    let program = folder.path().join(&name).join("pgcoffer");
    fs::create_dir(program.parent().unwrap()).unwrap();
    fs::write(&program, "#!/bin/sh\necho pgcoffer 0.0.9\n").unwrap();
    run(Command::new("chmod").arg("755").arg(&program));
    let archive = folder.path().join(format!("{name}.tar.gz"));
    let mut tar = Command::new("tar");
    run(tar.arg("-czf").arg(&archive).arg("-C").arg(folder.path()).arg(&name));
    let content = fs::read(&archive).unwrap();
    server.release(&[(format!("{name}.tar.gz"), content)], release_key());

    let buildpack = buildpack(&server.url);
    let release = format!("version=0.0.9\nurl={}\n", server.url);
    fs::write(buildpack.path().join("release"), release).unwrap();
    buildpack
}

#[test]
fn config_vars_are_looked_at_and_fail_no_build() {
    let server = Server::of_release();
    let build = Build::with(buildpack(&server.url));
    build.set("PGCOFFER_KEY", &"5a".repeat(32));
    build.set("PGCOFFER_BUCKET", "s3://bucket/prefix");
    build.set("DATABASE_URL", "postgres://somebody:else@host/db");
    let said = build.compiles();
    assert!(!said.contains("need a look"), "{said}");

    let secret = "postgres://user:hunter2@[host/db";
    build.set("PGCOFFER_DB_MAIN_URL", secret);
    build.set("PGCOFFER_SHEDULE", "daily");
    let said = build.compiles();
    assert!(said.contains("need a look"), "{said}");
    assert!(said.contains("       error: 2 settings are wrong"), "{said}");
    assert!(said.contains("PGCOFFER_SHEDULE"), "{said}");
    assert!(said.contains("PGCOFFER_DB_MAIN_URL"), "{said}");
    assert!(!said.contains("hunter2"), "{said}");
}

#[test]
fn the_repositorys_own_copy_names_no_release_and_says_where_one_is() {
    let copy = tempfile::tempdir().unwrap();
    let source = project().join("packaging/heroku/buildpack");
    run(Command::new("cp").arg("-r").arg(source.join(".")).arg(copy.path()));
    let said = Build::with(copy).fails();
    assert!(said.contains("names no release"), "{said}");
    assert!(said.contains("heroku buildpacks:add https://"), "{said}");
}

#[test]
fn a_machine_without_a_release_is_told() {
    let server = Server::start();
    let other = format!("pgcoffer-{VERSION}-m68k-linux.tar.gz");
    server.release(&[(other, b"x".to_vec())], release_key());
    let said = Build::with(buildpack(&server.url)).fails();
    assert!(said.contains("was not released for"), "{said}");
}

#[test]
fn it_adds_itself_everywhere_and_takes_no_process_types() {
    let scripts = project().join("packaging/heroku/buildpack/bin");
    let script = |name: &str| run(Command::new(scripts.join(name)).arg(Path::new("/")));
    assert_eq!(script("detect"), "pgcoffer\n");
    assert_eq!(script("release"), "--- {}\n");
}

/// With the bucket's settings and no key yet: what a first deploy by the page comes to.
#[test]
fn a_first_deploy_ends_as_the_page_says() {
    let server = Server::of_release();
    let build = Build::with(buildpack(&server.url));
    build.set("PGCOFFER_BUCKET", "s3://your-bucket/backups");
    let said = build.compiles();
    let page = fs::read_to_string(project().join("docs/heroku.md")).unwrap();
    let (_, shown) = page.split_once("The build ends like this:\n\n```text\n").unwrap();
    let (shown, _) = shown.split_once("```").unwrap();
    let from = |text: &str| text.split_once("-----> The config vars").unwrap().1.to_owned();
    assert_eq!(from(&said), from(shown), "{said}");
}
