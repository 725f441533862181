//! Names of files, in a folder and on a server: those on the path to an object, and those of files that are being
//! written.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};

/// The ending of the name of a file that is being written.
const ENDING: &str = ".part";
/// The number of random digits that distinguish two writers of the same object.
const DIGITS: usize = 16;
/// The file that writers lock while they replace or delete an object.
pub(in crate::store) const LOCK: &str = ".pgcoffer.lock";

/// The names of the folders above an object, and its own. `None` if no object can have this key.
pub(in crate::store) fn steps(key: &str) -> Option<(Vec<&str>, &str)> {
    let mut names: Vec<&str> = key.split('/').collect();
    let name = names.pop()?;
    let usable = names.iter().chain([&name]).copied().all(is_usable);
    usable.then_some((names, name))
}

/// The names of the folders down to this one, whose key is empty or ends with `/`. `None` if there can be no such
/// folder.
pub(in crate::store) fn folder_steps(folder: &str) -> Option<Vec<&str>> {
    let Some(path) = folder.strip_suffix('/') else {
        return folder.is_empty().then(Vec::new);
    };
    let names: Vec<&str> = path.split('/').collect();
    names.iter().copied().all(is_usable).then_some(names)
}

/// Whether an object or a folder of objects can have this name.
pub(in crate::store) fn is_usable(name: &str) -> bool {
    !["", ".", "..", LOCK].contains(&name) && !name.contains(['/', '\0']) && finished(name).is_none()
}

/// A temporary name for the file that will become the object `name`.
pub(in crate::store) fn unfinished(name: &str) -> String {
    let random = RandomState::new().build_hasher().finish();
    format!(".{name}.{random:016x}{ENDING}")
}

/// The name of the object that a file with this temporary name will become. `None` if it is not a temporary name.
pub(in crate::store) fn finished(file: &str) -> Option<&str> {
    let (name, digits) = file.strip_prefix('.')?.strip_suffix(ENDING)?.rsplit_once('.')?;
    let is_ours = digits.len() == DIGITS && digits.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    (is_ours && !name.is_empty()).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_being_written_tells_what_it_is_to_become() {
        let name = unfinished("id.pgc");
        assert_eq!(finished(&name), Some("id.pgc"));
        for other in [
            "id.pgc",
            ".id.pgc.XXXXXX",
            ".part",
            ".x.0123456789abcdeF.part",
            "..0123456789abcdef.part",
        ] {
            assert_eq!(finished(other), None, "{other}");
        }
        assert!(!is_usable(&name));
    }

    #[test]
    fn a_key_that_leads_out_of_the_folder_is_none() {
        assert_eq!(steps("main/records/x.pgc"), Some((vec!["main", "records"], "x.pgc")));
        for bad in ["", "/x", "x/", "a//b", "../x", "a/../b", "a/.", "a\0b", LOCK] {
            assert_eq!(steps(bad), None, "{bad:?}");
        }
        assert_eq!(folder_steps(""), Some(vec![]));
        assert_eq!(folder_steps("main/records/"), Some(vec!["main", "records"]));
        assert_eq!(folder_steps("main"), None);
        assert_eq!(folder_steps("../"), None);
    }
}
