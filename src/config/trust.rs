//! Which files count. Whoever may write a file of settings, or put another in its place, chooses the bucket and the key
//! that everything goes to. So nobody else may: the file, every folder on the way to it and every link there belong to
//! the user or to root, and no group and no others may write them. That is ssh's rule for its own files, which has it
//! of folders as well; as for sudo, a folder like `/tmp`, in which everybody may make files and nobody may touch
//! another's, is no danger.

use std::{
    collections::VecDeque,
    ffi::OsString,
    fs::{self, File, Metadata, OpenOptions},
    io,
    os::unix::fs::{FileTypeExt as _, MetadataExt as _, OpenOptionsExt as _},
    path::{Component, Path, PathBuf},
};

use rustix::fs::OFlags;

use crate::text::shell_word;

/// Links in a row; the kernel's own limit.
const LINKS_MAX: usize = 40;
const ROOT: u32 = 0;
const WRITABLE_BY_OTHERS: u32 = 0o022;
const STICKY: u32 = 0o1000;

/// A file that only the user and root can have written.
pub(super) struct Trusted {
    pub(super) file: File,
    /// its path from the root, without links
    pub(super) path: PathBuf,
    /// its length, where it has one that is known
    pub(super) bytes: Option<u64>,
    pub(super) is_readable_by_all: bool,
}

/// Why a file doesn't count.
pub(super) enum Refused {
    Io(io::Error),
    OfOthers { why: String, hint: String },
}

impl From<io::Error> for Refused {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Whose file it may be.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Owners {
    /// the user's or root's: a file that is found because it lies there
    UserOrRoot,
    /// anybody's: one that was named for a secret, as a container sees its host's; ssh takes keys like that, too
    Anybody,
}

/// Opens a file that nobody else could have written or put there. What is looked at is what is opened: the way is
/// looked at first, and where only the user and root may change that, nobody swaps anything afterwards.
pub(super) fn open(path: &Path, owners: Owners) -> Result<Trusted, Refused> {
    let own = rustix::process::geteuid().as_raw();
    let user = (owners == Owners::UserOrRoot).then_some(own);
    let (path, is_magic) = way(&std::path::absolute(path)?, user)?;
    let mut options = OpenOptions::new();
    options.read(true);
    if !is_magic {
        // before it is opened: somebody else's pipe would keep us waiting
        check(&path, &fs::symlink_metadata(&path)?, user)?;
        let flags = i32::try_from(OFlags::NOFOLLOW.bits()).unwrap_or_default();
        options.custom_flags(flags);
    }
    let file = options.open(&path)?;
    let found = file.metadata()?;
    if found.is_dir() {
        return Err(io::Error::from(io::ErrorKind::IsADirectory).into());
    }
    check(&path, &found, user)?;
    Ok(Trusted {
        file,
        bytes: found.is_file().then_some(found.len()),
        is_readable_by_all: found.is_file() && found.mode() & 0o004 != 0,
        path,
    })
}

/// Goes the way to a file, link by link, and gives the path at its end; whether it is a link of the kernel's own, to
/// what a process has open already, which can't be followed by name.
fn way(path: &Path, user: Option<u32>) -> Result<(PathBuf, bool), Refused> {
    let mut ahead = names(path);
    let (mut here, mut links) = (PathBuf::from("/"), 0);
    check(&here, &fs::symlink_metadata(&here)?, user)?;
    while let Some(name) = ahead.pop_front() {
        if name == ".." {
            here.pop();
            continue;
        }
        let next = here.join(&name);
        let found = fs::symlink_metadata(&next)?;
        if found.is_symlink() {
            check_owner(&next, &found, user)?;
            links += 1;
            if links > LINKS_MAX {
                return Err(io::Error::from(rustix::io::Errno::LOOP).into());
            }
            if is_of_descriptors(&here) {
                return Ok((next, true));
            }
            let target = fs::read_link(&next)?;
            if target.is_absolute() {
                here = PathBuf::from("/");
            }
            for name in names(&target).into_iter().rev() {
                ahead.push_front(name);
            }
            continue;
        }
        if !ahead.is_empty() {
            check(&next, &found, user)?;
        }
        here = next;
    }
    Ok((here, false))
}

/// The parts of a path, each `..` among them.
fn names(path: &Path) -> VecDeque<OsString> {
    let parts = path.components().filter_map(|part| match part {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some("..".into()),
        _ => None,
    });
    parts.collect()
}

/// The folder of a process's descriptors.
fn is_of_descriptors(folder: &Path) -> bool {
    folder.starts_with("/proc") && folder.ends_with("fd")
}

fn check(path: &Path, found: &Metadata, user: Option<u32>) -> Result<(), Refused> {
    check_owner(path, found, user)?;
    // what a device like /dev/null says is not decided by who may write to it
    if found.file_type().is_char_device() {
        return Ok(());
    }
    let shared = found.is_dir() && found.mode() & STICKY != 0;
    if found.mode() & WRITABLE_BY_OTHERS != 0 && !shared {
        let (what, mode) = (of_what(found), found.mode() & 0o7777);
        return Err(refused(
            format!(
                "others than its owner may write the {what} {} (mode {mode:04o})",
                path.display()
            ),
            format!("chmod go-w {}", shell_word(&path.to_string_lossy())),
        ));
    }
    Ok(())
}

fn check_owner(path: &Path, found: &Metadata, user: Option<u32>) -> Result<(), Refused> {
    let Some(user) = user.filter(|user| !is_own(found.uid(), *user)) else {
        return Ok(());
    };
    let (what, owner) = (of_what(found), found.uid());
    Err(refused(
        format!(
            "the {what} {} belongs to user {owner}, who is neither root nor the user that runs pgcoffer ({user})",
            path.display()
        ),
        "let it belong to root or to the user that runs pgcoffer; or name another file".to_owned(),
    ))
}

fn is_own(owner: u32, user: u32) -> bool {
    [user, ROOT].contains(&owner)
}

fn of_what(found: &Metadata) -> &'static str {
    match () {
        () if found.is_dir() => "folder",
        () if found.is_symlink() => "link",
        () => "file",
    }
}

fn refused(why: String, hint: String) -> Refused {
    let why = format!("it does not count: {why}");
    Refused::OfOthers { why, hint }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that can't go on has failed")]
mod tests {
    use std::{
        io::Read as _,
        os::{
            fd::AsRawFd as _,
            unix::fs::{PermissionsExt as _, symlink},
        },
    };

    use super::*;

    fn mode(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    fn told(path: &Path) -> String {
        match open(path, Owners::UserOrRoot) {
            Ok(_) => "taken".to_owned(),
            Err(Refused::Io(error)) => error.to_string(),
            Err(Refused::OfOthers { why, .. }) => why,
        }
    }

    /// `<folder>/own/settings`, which counts.
    fn scene() -> (tempfile::TempDir, PathBuf, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let own = folder.path().join("own");
        fs::create_dir(&own).unwrap();
        mode(&own, 0o755);
        let file = own.join("settings");
        fs::write(&file, "x").unwrap();
        mode(&file, 0o644);
        (folder, own, file)
    }

    #[test]
    fn what_others_may_write_does_not_count() {
        let (_folder, own, file) = scene();
        assert_eq!(told(&file), "taken");
        for bad in [0o664, 0o646, 0o666, 0o602] {
            mode(&file, bad);
            assert!(told(&file).contains("may write the file"), "{bad:o}");
        }
        mode(&file, 0o600);
        for bad in [0o775, 0o757, 0o777] {
            mode(&own, bad);
            assert!(told(&file).contains("may write the folder"), "{bad:o}");
        }
        // who may make files there and can't touch this one
        mode(&own, 0o1777);
        assert_eq!(told(&file), "taken");
    }

    #[test]
    fn a_folder_far_above_counts_as_well() {
        let (folder, own, _) = scene();
        let deep = own.join("a/b");
        fs::create_dir_all(&deep).unwrap();
        fs::write(deep.join("settings"), "x").unwrap();
        mode(&deep.join("settings"), 0o600);
        mode(folder.path(), 0o770);
        let said = told(&deep.join("settings"));
        assert!(said.contains("may write the folder"), "{said}");
    }

    #[test]
    fn links_are_followed_and_every_folder_on_their_way_counts() {
        let (folder, own, file) = scene();
        let open_to_all = folder.path().join("open");
        fs::create_dir(&open_to_all).unwrap();
        let (first, second) = (own.join("first"), open_to_all.join("second"));
        symlink("../open/second", &first).unwrap();
        symlink(&file, &second).unwrap();
        mode(&open_to_all, 0o755);
        assert_eq!(told(&first), "taken");
        let Ok(opened) = open(&first, Owners::Anybody) else {
            panic!()
        };
        assert_eq!(opened.path, fs::canonicalize(&file).unwrap());
        // whoever may write there points the second link elsewhere
        mode(&open_to_all, 0o777);
        assert!(told(&first).contains("open"), "{}", told(&first));
        assert_eq!(told(&file), "taken");
        symlink("loop", own.join("loop")).unwrap();
        assert!(told(&own.join("loop")).contains("symbolic link"));
        symlink(&own, own.join("folder")).unwrap();
        assert_eq!(told(&own.join("folder/../own/settings")), "taken");
    }

    #[test]
    fn only_the_users_own_and_roots_count() {
        assert!(is_own(0, 1000) && is_own(1000, 1000) && is_own(0, 0));
        assert!(!is_own(1001, 1000) && !is_own(1000, 0));
        // a file that is somebody else's for sure, seen with another user's eyes
        let (_folder, _, file) = scene();
        let found = fs::metadata(&file).unwrap();
        let stranger = found.uid() + 1;
        let refused = check_owner(&file, &found, Some(stranger));
        assert_eq!(refused.is_err(), found.uid() != ROOT);
        assert!(check_owner(&file, &found, None).is_ok());
    }

    #[test]
    fn devices_and_descriptors_count_as_what_they_are() {
        assert_eq!(told(Path::new("/dev/null")), "taken");
        let (mut reader, writer) = io::pipe().unwrap();
        let path = format!("/dev/fd/{}", reader.as_raw_fd());
        assert_eq!(told(Path::new(&path)), "taken");
        let (_folder, _, file) = scene();
        let opened = File::open(&file).unwrap();
        let path = format!("/proc/self/fd/{}", opened.as_raw_fd());
        assert_eq!(told(Path::new(&path)), "taken");
        mode(&file, 0o666);
        assert!(told(Path::new(&path)).contains("may write"));
        drop(writer);
        assert_eq!(reader.read(&mut [0]).unwrap(), 0);
    }

    #[test]
    fn what_is_not_there_is_told_as_that() {
        let (_folder, own, _) = scene();
        assert!(told(&own.join("other")).contains("No such file"));
        assert!(told(&own).contains("directory"));
        assert!(told(&own.join("settings/x")).contains("Not a directory"));
    }
}
