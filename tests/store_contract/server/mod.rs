//! What can happen on a server and not in a bucket: logins, keys of hosts, connections that are cut, and what others put
//! into the folder.

mod chroot;
mod faults;
mod hostile;
mod login;
mod others;
mod scene;

use std::fs;

use pgcoffer::store::Attributes;

use crate::{files::mode, testbed::SshdOptions};
use scene::Scene;

#[test]
fn files_and_folders_are_only_for_their_owner() {
    let scene = Scene::new();
    scene.put("main/records/x.pgc", "x").unwrap();
    scene.upload("main/archives/daily/x.pgc", b"archive").unwrap();
    for folder in ["main", "main/records", "main/archives", "main/archives/daily"] {
        assert_eq!(mode(&scene.path(folder)), 0o700, "{folder}");
    }
    for file in ["main/records/x.pgc", "main/archives/daily/x.pgc"] {
        assert_eq!(mode(&scene.path(file)), 0o600, "{file}");
    }
}

/// What doesn't change an object: reading, rights, a second name, and the process that looks.
#[test]
fn the_entity_tag_changes_only_with_the_bytes() {
    use std::os::unix::fs::PermissionsExt as _;
    let scene = Scene::new();
    scene.upload("main/x", &vec![7; 3 << 20]).unwrap();
    let before = scene.head("main/x").unwrap();
    let path = scene.path("main/x");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o400)).unwrap();
    fs::hard_link(&path, scene.sshd.path("snapshot")).unwrap();
    fs::read(&path).unwrap();
    assert_eq!(scene.head("main/x").unwrap(), before);
    let again = scene.connect(|_| {}).unwrap();
    let object = scene.run(again.head("main/x")).unwrap().unwrap();
    assert_eq!(object.etag.unwrap(), before);
}

#[test]
fn the_facts_of_a_server_are_right() {
    use std::os::unix::fs::PermissionsExt as _;
    let scene = Scene::new();
    let facts = || scene.run(scene.store.sftp().unwrap().facts()).unwrap();
    let found = facts();
    assert!(found.software.contains("OpenSSH"), "{found:?}");
    assert_eq!(
        found.path,
        scene.sshd.folder().canonicalize().unwrap().display().to_string()
    );
    assert!(found.syncs && found.refuses_taken_names && found.replaces_atomically);
    assert!(found.free_bytes.unwrap() > 0 && !found.others_may_write);
    fs::set_permissions(scene.path(""), fs::Permissions::from_mode(0o770)).unwrap();
    assert!(facts().others_may_write);
    assert!(fs::read_dir(scene.path("")).unwrap().next().is_none());
}

/// Nobody waits for one another on one connection.
#[test]
fn many_requests_share_one_connection() {
    let scene = Scene::new();
    let all = scene.run(async {
        let writes = (0..50).map(|n| {
            let store = &scene.store;
            async move {
                store
                    .put_new(&format!("main/{n}"), "x".into(), &Attributes::default())
                    .await
            }
        });
        futures_util::future::join_all(writes).await
    });
    assert!(all.iter().all(Result::is_ok));
    assert_eq!((scene.keys().len(), scene.sshd.logins()), (50, 1));
}

/// The address of the place, from the folder in which a login starts.
#[test]
fn a_folder_is_reached_from_where_a_login_starts() {
    let mut scene = Scene::with(SshdOptions::default(), |_| {});
    let start = scene.sshd.path("");
    scene
        .sshd
        .set_subsystem(&format!("internal-sftp -d {}", start.display()));
    for path in ["/~/place", "/~/place/main"] {
        let location = scene.sshd.location(path);
        let store = scene.connect(|options| options.location = location).unwrap();
        scene
            .run(store.put_new("main/x", "x".into(), &Attributes::default()))
            .unwrap();
        assert_eq!(scene.run(store.read("main/x", 10)).unwrap(), "x");
        scene.run(store.delete("main/x", None)).unwrap();
        assert_eq!(scene.run(store.list("")).unwrap(), []);
    }
    assert!(scene.path("main/main").is_dir());
    let location = scene.sshd.location("/~");
    let store = scene.connect(|options| options.location = location).unwrap();
    scene
        .run(store.put_new("place/y", "y".into(), &Attributes::default()))
        .unwrap();
    assert_eq!(fs::read(scene.path("y")).unwrap(), b"y");
}
