//! Checks one database: the connection, the versions, the rights, and what a dump will contain.

use super::{Area, CheckDatabase, CheckRequest, contents, sheet::CheckSheet, versions::version};
use crate::{
    error::{Error, Result},
    operation::Interrupt,
    postgres::{
        self, Clients, DatabaseUrl, Examination, Inspection, LockHolder, Obstacle, ObstacleKind, Session, SslMode,
        Standby, list_skipped_hosts,
    },
    text::{Untrusted, counted},
};

/// Below so many free connections an application that takes a few more would keep a dump from beginning; a run takes
/// two.
const CONNECTIONS_FEW: i64 = 5;
/// The most statements that a finding shows; `--fix-sql` prints all of them.
const STATEMENTS_SHOWN: usize = 4;
const OBJECTS_SHOWN: usize = 5;

/// Checks everything about one database.
pub(super) async fn database(
    sheet: &mut CheckSheet<'_>,
    clients: &Clients,
    request: &CheckRequest,
    database: &CheckDatabase,
    interrupt: &Interrupt,
) -> Result<()> {
    sheet.turn_to(Area::Database, database.label.as_str());
    app_database(sheet, request, database);
    let mut session = match interrupt.or(connect(&database.url)).await {
        Ok(session) => session,
        Err(error @ Error::Interrupted { .. }) => return Err(error),
        Err(error) => {
            unreachable(sheet, &error, &database.url);
            return Ok(());
        }
    };
    reachable(sheet, &session);
    let inspected = async { Ok(session.inspect().await?) };
    let inspection = match interrupt.or(inspected).await {
        Ok(inspection) => inspection,
        Err(error @ Error::Interrupted { .. }) => return Err(error),
        Err(error) => {
            sheet.failed("inspection", error.to_string(), error.hint());
            return Ok(());
        }
    };
    encryption(sheet, &database.url, session.is_local(), &inspection);
    version(sheet, clients, &inspection, request.clock.now());
    rights(sheet, &inspection);
    contents::tables(sheet, &inspection);
    contents::left_out(sheet, &inspection);
    let examined = async { Ok(session.examine().await?) };
    match interrupt.or(examined).await {
        Ok(examination) => look_closer(sheet, &inspection, &examination),
        Err(error @ Error::Interrupted { .. }) => return Err(error),
        Err(error) => sheet.warning("a closer look", error.to_string(), error.hint().unwrap_or_default()),
    }
    interrupt.or(second_connection(sheet, &database.url, &session)).await?;
    let held = async { Ok(session.lock_holder(database.label.as_str()).await?) };
    if let Ok(Some(holder)) = interrupt.or(held).await {
        lock(sheet, database.label.as_str(), holder);
    }
    session.close().await;
    Ok(())
}

/// Reports which session holds the lock that a run takes, if one does.
fn lock(sheet: &mut CheckSheet<'_>, label: &str, holder: LockHolder) {
    if holder.may_be_own_run {
        return sheet.ok("lock", format!("another run is under way: {holder}"));
    }
    let (label, holder) = (label.to_owned(), Box::new(holder));
    let taken = Error::Postgres(postgres::Error::LockTaken { label, holder });
    sheet.failed("lock", taken.to_string(), taken.hint());
}

async fn connect(url: &DatabaseUrl) -> Result<Session> {
    Ok(Session::connect(url).await?)
}

fn unreachable(sheet: &mut CheckSheet<'_>, error: &Error, url: &DatabaseUrl) {
    if let Error::Postgres(postgres::Error::Pooler { .. }) = error {
        sheet.failed("pooler", error.to_string(), error.hint());
        sheet.skipped("tls, version, rights", "not checked through such a pooler");
        return;
    }
    let hint = match (url.behind_pooler(), error.hint()) {
        (Some(server), hint) => Some(format!(
            "this is a pooler's address, and the server itself is at {server}; {}",
            hint.unwrap_or_default()
        )),
        (None, hint) => hint,
    };
    sheet.failed("reachable", error.to_string(), hint);
    sheet.skipped("tls, version, rights, pooler", "not checked without a connection");
}

/// An upgrade gives a database a new address, and an attachment under another name may keep the old one.
fn app_database(sheet: &mut CheckSheet<'_>, request: &CheckRequest, database: &CheckDatabase) {
    let place = |url: &DatabaseUrl| (url.host().to_owned(), url.port(), url.database().to_owned());
    let is_backed_up = |url: &DatabaseUrl| {
        let mut ours = request.databases.iter();
        ours.any(|one| place(&one.url) == place(url))
    };
    for (name, url) in &request.others {
        if place(url) == place(&database.url) {
            sheet.ok("the app's database", format!("{name} names the same"));
        } else if !is_backed_up(url) {
            sheet.warning(
                "the app's database",
                format!(
                    "{name} names a database that is not backed up: {} on {}",
                    url.database(),
                    url.host()
                ),
                format!(
                    "if the app moved (pg:upgrade, a promoted follower), this may be the old one: attach the new one \
                     again as PGCOFFER_DB_{}; otherwise back both up, or leave it",
                    database.label.as_str().to_ascii_uppercase()
                ),
            );
        }
    }
}

/// Reports which server was reached, and which hosts of the URL were not.
fn reachable(sheet: &mut CheckSheet<'_>, session: &Session) {
    let before = session.skipped_hosts();
    let target = session.target();
    if before.is_empty() {
        return sheet.ok("reachable", target);
    }
    let detail = format!("{target}; tried before: {}", list_skipped_hosts(before));
    match before.iter().all(|one| one.is_other_kind) {
        true => sheet.ok("reachable", detail),
        false => sheet.warning(
            "reachable",
            detail,
            "each connection tries the hosts of the url in their order: take those out of it that are gone for good",
        ),
    }
}

fn encryption(sheet: &mut CheckSheet<'_>, url: &DatabaseUrl, is_local: bool, inspection: &Inspection) {
    let verified = matches!(url.ssl_mode(), SslMode::VerifyFull | SslMode::VerifyCa);
    match (inspection.encrypted, verified) {
        (true, true) => sheet.ok("tls", "encrypted, and the server's certificate is verified"),
        (true, false) => sheet.ok(
            "tls",
            "encrypted; the server's certificate is not verified (sslmode=verify-full with sslrootcert= would)",
        ),
        (false, _) if is_local => sheet.ok("tls", "not encrypted, and doesn't leave this machine"),
        (false, _) => sheet.warning(
            "tls",
            "not encrypted: anybody on the network between can read the database",
            "put sslmode=require into the url",
        ),
    }
}

fn rights(sheet: &mut CheckSheet<'_>, inspection: &Inspection) {
    use ObstacleKind as K;
    let role = &inspection.user;
    if let Some(role_override) = &inspection.role_override {
        sheet.warning(
            "role",
            format!(
                "the database's own settings make role {role} of the login {}",
                role_override.login
            ),
            "a restore into this database is refused so; `ALTER DATABASE … RESET role` ends it, or ask for the role in \
             the url: options=-c%20role%3DROLE",
        );
    }
    if inspection.is_superuser {
        sheet.warning(
            "rights",
            format!("role {role} is a superuser: it can read everything, and do everything"),
            "`pgcoffer check --fix-sql` prints the SQL for a role that can only read",
        );
        return;
    }
    if inspection.obstacles.is_empty() {
        let (tables, large) = (inspection.tables, inspection.large_objects);
        let tables = counted(tables, "table");
        let large = counted(large, "large object");
        sheet.ok("rights", format!("role {role} can read all of it: {tables}, {large}"));
        return;
    }
    for (kind, what) in [
        (K::Schema, "schemas"),
        (K::Table, "tables"),
        (K::Sequence, "sequences"),
        (K::Role, "role"),
        (K::RowSecurity, "row-level security"),
        (K::LargeObjects, "large objects"),
    ] {
        let of_kind = inspection.obstacles.iter().filter(|one| one.kind == kind);
        let of_kind: Vec<Obstacle> = of_kind.cloned().collect();
        if !of_kind.is_empty() {
            let (detail, cure) = obstacles(role, &of_kind);
            sheet.failed(what, detail, Some(cure));
        }
    }
}

/// What is missing on how many objects, and the first statements that correct it.
fn obstacles(role: &Untrusted, obstacles: &[Obstacle]) -> (String, String) {
    let names = |shown: usize| -> Vec<String> {
        let all = obstacles.iter().map(|one| one.object.to_string());
        all.take(shown).collect()
    };
    let more = obstacles.len().saturating_sub(OBJECTS_SHOWN);
    let more = if more > 0 {
        format!(" and {more} more")
    } else {
        String::new()
    };
    let why = &obstacles[0].why;
    let detail = format!("role {role}: {why}: {}{more}", names(OBJECTS_SHOWN).join(", "));
    (detail, Obstacle::cure(obstacles, STATEMENTS_SHOWN))
}

fn look_closer(sheet: &mut CheckSheet<'_>, inspection: &Inspection, examination: &Examination) {
    if let [first, ..] = examination.missing_default_grants.as_slice() {
        let owners: Vec<String> = examination
            .missing_default_grants
            .iter()
            .take(OBJECTS_SHOWN)
            .map(|one| one.owner.to_string())
            .collect();
        let more = match examination.missing_default_grants.len() - owners.len() {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let all = examination.missing_default_grants.iter();
        let all: Vec<&str> = all.flat_map(|one| one.grants.iter().map(String::as_str)).collect();
        let statements = &all[..all.len().min(STATEMENTS_SHOWN)];
        let rest = if all.len() > STATEMENTS_SHOWN {
            " … `pgcoffer check --fix-sql` prints them all, for each owner"
        } else {
            ""
        };
        let detail = format!(
            "what {}{more} makes next, role {} can't read: the first migration that adds a table stops the backups",
            owners.join(", "),
            inspection.user
        );
        sheet.warning(
            "default privileges",
            detail,
            format!("as {}: {}{rest}", first.owner, statements.join(" ")),
        );
    } else if !inspection.is_superuser {
        sheet.ok("default privileges", "future objects of its owners can be read as well");
    }
    if examination.others_large_objects > 0 && !inspection.is_superuser {
        sheet.warning(
            "new large objects",
            format!(
                "role {} can't read large objects that others create from now on",
                inspection.user
            ),
            "let their owners grant SELECT on each; or back up with the credential of their owner",
        );
    }
    standby(sheet, examination.standby.as_ref());
    contents::locks(sheet, inspection, examination);
    contents::settings(sheet, &examination.settings);
    connections(sheet, examination.connections_left);
}

fn connections(sheet: &mut CheckSheet<'_>, left: i64) {
    match left {
        left if left < 2 => sheet.failed(
            "connections",
            format!("{} left, and a backup takes two", left.max(0)),
            Some("close some, or raise the limit of the server, the database or the role".to_owned()),
        ),
        left if left < CONNECTIONS_FEW => sheet.warning(
            "connections",
            format!("{left} left, of which a backup takes two"),
            "close some, or raise the limit of the server, the database or the role",
        ),
        left => sheet.ok("connections", format!("{left} left")),
    }
}

fn standby(sheet: &mut CheckSheet<'_>, standby: Option<&Standby>) {
    let Some(standby) = standby else {
        return sheet.ok("primary or follower", "primary");
    };
    let delay = &standby.streaming_delay;
    match (standby.feedback, delay.as_str()) {
        (true, _) => sheet.ok(
            "primary or follower",
            "follower, which tells its primary what it reads \
            (hot_standby_feedback)",
        ),
        (false, "-1") => sheet.ok(
            "primary or follower",
            "follower, which waits for queries to end \
            (max_standby_streaming_delay = -1)",
        ),
        (false, _) => sheet.warning(
            "primary or follower",
            format!(
                "follower: a dump that stands in the way of replay for {delay} is cancelled \
                (max_standby_streaming_delay)"
            ),
            "back up from the primary, or turn hot_standby_feedback on; a cancelled backup is tried again by the next \
             tick",
        ),
    }
}

/// A backup takes a second connection, beside the one that holds the lock.
async fn second_connection(sheet: &mut CheckSheet<'_>, url: &DatabaseUrl, session: &Session) -> Result<()> {
    match Session::connect(url).await {
        Ok(other) => {
            other.close().await;
            sheet.ok("pooler", pooler_or_not(session, url));
        }
        Err(error) => sheet.failed(
            "pooler",
            format!("a second connection, which a backup takes, failed: {error}"),
            error.hint(),
        ),
    }
    Ok(())
}

fn pooler_or_not(session: &Session, url: &DatabaseUrl) -> String {
    if !session.is_pooled() {
        return "none: each connection has its own server process".to_owned();
    }
    let will_do = "one stands between, or another proxy, and each connection has a server process of its own (session \
        mode): that will do";
    match url.behind_pooler() {
        Some(server) => format!("{will_do}; the server itself is at {server}"),
        None => will_do.to_owned(),
    }
}
