//! A server that shows the account nothing but one folder, as hosts of storage do.

use std::{fs, os::unix::fs::PermissionsExt as _};

use pgcoffer::store::Kind;

use super::scene::{Scene, upload};
use crate::testbed::{SshdOptions, is_root};

/// `restrict,command="internal-sftp"` and `ChrootDirectory`, as an administrator sets them up.
#[test]
fn a_folder_in_a_chroot_is_a_place() {
    if !is_root() {
        eprintln!("skipped: only root's sshd can change its root");
        return;
    }
    let mut scene = Scene::with(
        SshdOptions {
            as_root: true,
            ..SshdOptions::default()
        },
        |_| {},
    );
    // sshd wants each folder down to it to be root's alone
    let jail = tempfile::Builder::new()
        .prefix("pgcoffer-jail-")
        .tempdir_in("/var/lib")
        .unwrap();
    fs::set_permissions(jail.path(), fs::Permissions::from_mode(0o755)).unwrap();
    fs::create_dir(jail.path().join("backups")).unwrap();
    scene.sshd.set(format!(
        "ChrootDirectory {}\nForceCommand internal-sftp",
        jail.path().display()
    ));
    let at = |path: &str| {
        let location = scene.sshd.location(path);
        scene.connect(|options| options.location = location).unwrap()
    };
    let store = at("/backups");
    scene.run(upload(&store, "main/x", b"archive", || ())).unwrap();
    assert_eq!(fs::read(jail.path().join("backups/main/x")).unwrap(), b"archive");
    assert_eq!(scene.run(store.sftp().unwrap().facts()).unwrap().path, "/backups");
    let outside = scene
        .run(at(jail.path().to_str().unwrap()).check_reachable())
        .unwrap_err();
    assert_eq!(outside.kind, Kind::NoBucket, "{outside}");
    assert!(outside.hint().unwrap().contains("ChrootDirectory"));
    let home = scene.run(at("/~/backups").list("")).unwrap();
    assert_eq!(home.len(), 1);
}
