//! How services other than AWS differ with lifecycle rules.

use super::{LifecyclePlan, RuleAction};

/// A service that differs from AWS, by the endings of its host names.
struct ServiceDifference {
    hosts: &'static [&'static str],
    name: &'static str,
    /// What happens to rules that move objects; `None` if the service does what AWS does.
    moving: Option<&'static str>,
    /// What happens to rules that delete objects; `None` if the service does what AWS does.
    deleting: Option<&'static str>,
}

/// Each service by its own documentation of 2026.
const SERVICES: [ServiceDifference; 9] = [
    ServiceDifference {
        hosts: &[".r2.cloudflarestorage.com"],
        name: "Cloudflare R2",
        moving: Some("has no colder class than Infrequent Access, and refuses rules that move to another class"),
        deleting: None,
    },
    ServiceDifference {
        hosts: &[".backblazeb2.com"],
        name: "Backblaze B2",
        moving: Some("has only one class, and refuses rules that move"),
        deleting: Some("keeps versions: expiry only hides objects, and --noncurrent is needed to free space"),
    },
    ServiceDifference {
        hosts: &[".digitaloceanspaces.com"],
        name: "DigitalOcean Spaces",
        moving: Some("has no colder class, and refuses or ignores rules that move"),
        deleting: None,
    },
    ServiceDifference {
        hosts: &[".wasabisys.com"],
        name: "Wasabi",
        moving: Some("has only one class, and refuses or ignores rules that move"),
        deleting: Some("bills at least 90 days of each object, even if it is deleted earlier"),
    },
    ServiceDifference {
        hosts: &[
            ".your-objectstorage.com",
            ".io.cloud.ovh.net",
            ".io.cloud.ovh.us",
            ".linodeobjects.com",
            ".dreamhost.com",
        ],
        name: "this service, which runs Ceph,",
        moving: Some(
            "may know these classes by name only: moved objects may be readable at once, or not at all, and requests \
             to thaw them are refused. Move one backup and restore it before you rely on this",
        ),
        deleting: None,
    },
    ServiceDifference {
        hosts: &[".googleapis.com"],
        name: "Google Cloud Storage",
        moving: Some("has its own rules and classes under other names, and refuses these"),
        deleting: Some("has its own rules, and refuses these: set them with Google's own tools"),
    },
    ServiceDifference {
        hosts: &[".storjshare.io"],
        name: "Storj",
        moving: Some("has no colder class, and refuses or ignores rules that move"),
        deleting: Some("may have no lifecycle rules at all"),
    },
    ServiceDifference {
        hosts: &[".supabase.co", ".supabase.com"],
        name: "Supabase",
        moving: Some("has no colder class and no lifecycle rules"),
        deleting: Some("has no lifecycle rules: let `pgcoffer prune` delete"),
    },
    ServiceDifference {
        hosts: &[".scw.cloud"],
        name: "Scaleway",
        moving: Some("has only the colder classes GLACIER and ONEZONE_IA, and refuses others"),
        deleting: None,
    },
];

/// Warnings about how the service differs for these rules. `host` is the endpoint's host name; `None` means AWS.
#[must_use]
pub fn service_warnings(host: Option<&str>, plan: &LifecyclePlan) -> Vec<String> {
    let host = host.unwrap_or_default();
    let is_there = |one: &&ServiceDifference| one.hosts.iter().any(|end| host.ends_with(end));
    let Some(service) = SERVICES.iter().find(is_there) else {
        return Vec::new();
    };
    let actions = || plan.rules.iter().map(|rule| &rule.action);
    let moves = actions().any(|action| matches!(action, RuleAction::Move { .. }));
    let deletes = actions().any(|action| matches!(action, RuleAction::Expire { .. }));
    let moving = service.moving.filter(|_| moves);
    let deleting = service.deleting.filter(|_| deletes);
    let known = [moving, deleting].into_iter().flatten();
    known.map(|what| format!("{} {what}", service.name)).collect()
}
