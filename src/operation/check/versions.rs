//! Checks the versions of the server and of the clients here, and whether they match.

use jiff::{Timestamp, civil::date, tz::TimeZone};

use super::{Area, sheet::CheckSheet};
use crate::postgres::{Clients, Inspection};

/// The end of support of each major version. <https://www.postgresql.org/support/versioning/>
const SUPPORTED_UNTIL: [(u32, (i16, i8, i8)); 5] = [
    (14, (2026, 11, 12)),
    (15, (2027, 11, 11)),
    (16, (2028, 11, 9)),
    (17, (2029, 11, 8)),
    (18, (2030, 11, 14)),
];

/// The first minor version of each major whose libpq a hostile server can't overrun while a large object is read
/// (CVE-2026-6477, May 2026).
const SAFE_MINOR: [(u32, u32); 5] = [(14, 23), (15, 18), (16, 14), (17, 10), (18, 4)];

/// Reports the clients of this machine.
pub(super) fn clients(sheet: &mut CheckSheet<'_>, clients: &Clients) {
    sheet.turn_to(Area::Database, "this machine");
    let versions: Vec<&str> = clients.iter().map(|client| client.version.as_str()).collect();
    if let Err(error) = clients.check_any() {
        return sheet.failed("clients", error.to_string(), error.hint());
    }
    sheet.ok("clients", format!("pg_dump {}", versions.join(", ")));
    for client in clients.iter() {
        let safe = SAFE_MINOR.iter().find(|(major, _)| *major == client.major);
        let minor = client
            .version
            .split('.')
            .nth(1)
            .and_then(|minor| minor.parse::<u32>().ok());
        if let (Some((major, safe)), Some(minor)) = (safe, minor)
            && minor < *safe
        {
            sheet.warning(
                "client version",
                format!(
                    "pg_dump {} can be overrun by a hostile server (CVE-2026-6477)",
                    client.version
                ),
                format!("update it to {major}.{safe} or later"),
            );
        }
        if !client.restricts_psql() {
            sheet.warning(
                "client version",
                format!(
                    "what pg_restore {} renders lets a name in a backup run commands by psql (CVE-2025-8714){}",
                    client.version,
                    if client.major >= 17 {
                        ": it is not used for a restore into a server older than 17"
                    } else {
                        ""
                    }
                ),
                "update it: 17.6, 16.10, 15.14, 14.19 and later releases are mended; until then render no untrusted \
                 backup as a script",
            );
        }
    }
}

/// Reports the server's version, and whether there is a pg_dump for it.
pub(super) fn version(sheet: &mut CheckSheet<'_>, clients: &Clients, inspection: &Inspection, now: Timestamp) {
    let (version, major) = (&inspection.server_version, inspection.server_major);
    let end = SUPPORTED_UNTIL.iter().find(|(one, _)| *one == major);
    let end = end.map(|(_, (year, month, day))| date(*year, *month, *day));
    let today = now.to_zoned(TimeZone::UTC).date();
    match end {
        Some(end) if end <= today => sheet.warning(
            "version",
            format!("PostgreSQL {version}: no security fixes since {end}"),
            "backups work; upgrade the server",
        ),
        Some(end) => sheet.ok("version", format!("PostgreSQL {version}, supported until {end}")),
        None => sheet.warning(
            "version",
            format!("PostgreSQL {version}: pgcoffer is tried with 14 to 18"),
            "try a restore before you rely on it",
        ),
    }
    match clients.for_dump(major) {
        Ok((client, None)) => sheet.ok("pg_dump", format!("{} for a server of {major}", client.version)),
        Ok((_, Some(warning))) => sheet.warning("pg_dump", warning.to_string(), ""),
        Err(error) => sheet.failed("pg_dump", error.to_string(), error.hint()),
    }
}
