//! What a restore would do, in words.

use indicatif::HumanBytes;
use pgcoffer::{
    backup::MeasuredDrill,
    operation::RestorePreview,
    text::{Untrusted, minute},
};

use super::{
    text::tables_and_rows,
    text_drill::{LOCAL, seconds as length},
    text_restore::plan,
};

/// Lines of what would be restored that are shown.
const RESTORED: usize = 40;

/// What would happen. Of a part, all is named.
pub(super) fn preview(preview: &RestorePreview, measured: Option<&MeasuredDrill>, is_part: bool) -> String {
    let mut text = format!(
        "{} of {} into {}\n{}",
        preview.id,
        preview.database,
        preview.target,
        size(preview)
    );
    text.push_str(&servers(preview));
    text.push_str(&measured.map_or_else(String::new, |measured| duration(preview, measured)));
    text.push_str("Nothing was touched. What would be restored:");
    let is_all = preview.left_out.iter().all(|it| it.is_unrelated);
    if is_part {
        text.push('\n');
        for name in preview.restored.iter().take(RESTORED) {
            text.push_str(&format!("  {name}\n"));
        }
        if preview.restored.len() > RESTORED {
            let more = preview.restored.len() - RESTORED;
            text.push_str(&format!("  {more} more, which --json lists\n"));
        }
    } else {
        text.push_str(if is_all {
            " everything\n"
        } else {
            " everything but this\n"
        });
    }
    text.push_str(&plan(&preview.left_out, &preview.remarks));
    text
}

fn size(preview: &RestorePreview) -> String {
    let mut text = match preview.rows {
        Some(rows) => format!("  {}", tables_and_rows(preview.tables, rows)),
        None => format!("  {} with rows", pgcoffer::text::counted(preview.tables, "table")),
    };
    if let Some(bytes) = preview.row_bytes {
        text.push_str(&format!(", {} of rows as text", HumanBytes(bytes)));
    }
    text.push_str(&format!(
        "; {} of {} in the bucket are read\n",
        HumanBytes(preview.read_bytes),
        HumanBytes(preview.stored_bytes)
    ));
    text
}

/// How long it may take: as long as the last drill for each byte that is read.
pub(super) fn expected_ms(preview: &RestorePreview, measured: &MeasuredDrill) -> Option<u64> {
    let restored = u64::try_from(measured.restore_ms).ok()?;
    // a part takes as much less as less of the archive is read
    let dump_bytes =
        u128::from(preview.dump_bytes) * u128::from(preview.read_bytes) / u128::from(preview.stored_bytes.max(1));
    let expected = u128::from(restored) * dump_bytes / u128::from(measured.dump_bytes.max(1));
    u64::try_from(expected).ok()
}

/// How long it may take, and by which measurement.
fn duration(preview: &RestorePreview, measured: &MeasuredDrill) -> String {
    let Some(expected) = expected_ms(preview, measured) else {
        return String::new();
    };
    let place = match measured.place.raw() {
        LOCAL => "a server of its own".to_owned(),
        _ => measured.place.to_string(),
    };
    format!(
        "  may take {}: the last drill restored {} in {}, on {place} ({})\n",
        length(i64::try_from(expected).unwrap_or(i64::MAX)),
        HumanBytes(measured.dump_bytes),
        length(measured.restore_ms),
        minute(measured.began)
    )
}

/// The versions, and what the target lacks.
fn servers(preview: &RestorePreview) -> String {
    let (from, into) = (&preview.source_version, preview.target_major);
    let from = from
        .as_ref()
        .map_or_else(|| "an unknown server".to_owned(), ToString::to_string);
    let older = if preview.lacks.major { ", which is older" } else { "" };
    let mut text = format!("  from PostgreSQL {from} into {into}{older}\n");
    let lacks = &preview.lacks;
    let extensions = lacks
        .extensions
        .iter()
        .map(|(name, why)| format!("extension {} ({why})", name.identifier()));
    let roles = lacks.roles.iter().map(|role| format!("role {}", role.identifier()));
    let spaces = lacks
        .tablespaces
        .iter()
        .map(|space| format!("tablespace {}", Untrusted::identifier(space)));
    for what in extensions.chain(roles).chain(spaces) {
        text.push_str(&format!("  the target lacks: {what}\n"));
    }
    text
}
