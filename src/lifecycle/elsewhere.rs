//! What services other than AWS are known to do otherwise with lifecycle rules.

use super::{Action, Plan};

/// A service, by how its hosts end.
struct Elsewhere {
    hosts: &'static [&'static str],
    name: &'static str,
    /// what becomes of rules that move; none where it has the classes, and thaws as AWS does
    moving: Option<&'static str>,
    /// what becomes of rules that delete, where that is something else
    deleting: Option<&'static str>,
}

/// Each by its own documentation, as it stood in 2026.
const SERVICES: [Elsewhere; 9] = [
    Elsewhere {
        hosts: &[".r2.cloudflarestorage.com"],
        name: "Cloudflare R2",
        moving: Some("has no colder class than Infrequent Access, and takes no rule that moves to another"),
        deleting: None,
    },
    Elsewhere {
        hosts: &[".backblazeb2.com"],
        name: "Backblaze B2",
        moving: Some("has one class alone, and refuses rules that move"),
        deleting: Some("keeps versions: expiry hides what it deletes, and frees space with --noncurrent alone"),
    },
    Elsewhere {
        hosts: &[".digitaloceanspaces.com"],
        name: "DigitalOcean Spaces",
        moving: Some("has no colder class, and refuses or ignores rules that move"),
        deleting: None,
    },
    Elsewhere {
        hosts: &[".wasabisys.com"],
        name: "Wasabi",
        moving: Some("has one class alone, and refuses or ignores rules that move"),
        deleting: Some("bills at least 90 days of each object, however soon it is deleted"),
    },
    Elsewhere {
        hosts: &[
            ".your-objectstorage.com",
            ".io.cloud.ovh.net",
            ".io.cloud.ovh.us",
            ".linodeobjects.com",
            ".dreamhost.com",
        ],
        name: "this service, which is made of Ceph,",
        moving: Some(
            "may know these classes by name only: what is moved is read at once there, or not at all, and asking for \
             its thawing is refused. Move one backup, and restore it, before you rely on it",
        ),
        deleting: None,
    },
    Elsewhere {
        hosts: &[".googleapis.com"],
        name: "Google Cloud Storage",
        moving: Some("has rules and classes of its own under other names, and refuses these"),
        deleting: Some("has rules of its own, and refuses these: set them by its own means"),
    },
    Elsewhere {
        hosts: &[".storjshare.io"],
        name: "Storj",
        moving: Some("has no colder class, and refuses or ignores rules that move"),
        deleting: Some("may have no lifecycle rules at all"),
    },
    Elsewhere {
        hosts: &[".supabase.co", ".supabase.com"],
        name: "Supabase",
        moving: Some("has no colder class and no lifecycle rules"),
        deleting: Some("has no lifecycle rules: let `pgcoffer prune` delete"),
    },
    Elsewhere {
        hosts: &[".scw.cloud"],
        name: "Scaleway",
        moving: Some("has of the colder classes GLACIER and ONEZONE_IA alone; others are refused"),
        deleting: None,
    },
];

/// What is known to be different where these rules are to be put; `host` is that of the endpoint, none stands for AWS's
/// own.
#[must_use]
pub fn warnings_at(host: Option<&str>, plan: &Plan) -> Vec<String> {
    let host = host.unwrap_or_default();
    let is_there = |one: &&Elsewhere| one.hosts.iter().any(|end| host.ends_with(end));
    let Some(service) = SERVICES.iter().find(is_there) else {
        return Vec::new();
    };
    let actions = || plan.rules.iter().map(|rule| &rule.action);
    let moves = actions().any(|action| matches!(action, Action::Move { .. }));
    let deletes = actions().any(|action| matches!(action, Action::Expire { .. }));
    let moving = service.moving.filter(|_| moves);
    let deleting = service.deleting.filter(|_| deletes);
    let known = [moving, deleting].into_iter().flatten();
    known.map(|what| format!("{} {what}", service.name)).collect()
}
