//! What a restore would do, in words.

use indicatif::HumanBytes;
use pgcoffer::{
    operation::{RestoreEstimate, RestorePreview},
    text::{Untrusted, day, roughly},
};

use super::{text::tables_and_rows, text_restore::plan};

/// Lines of what would be restored that are shown.
const RESTORED: usize = 40;

/// What would happen. Of a part, all is named.
pub(super) fn preview(preview: &RestorePreview, is_part: bool) -> String {
    let mut text = format!(
        "{} of {} into {}\n{}",
        preview.id,
        preview.database,
        preview.target,
        size(preview)
    );
    text.push_str(&time(preview));
    text.push_str(&servers(preview));
    text.push_str("Nothing was touched. What would be restored:");
    let is_all = preview.left_out.iter().all(|it| it.is_unrelated);
    if is_part {
        text.push('\n');
        // the rows of several partitions may come into one table beside
        let mut restored: Vec<&Untrusted> = preview.restored.iter().collect();
        restored.dedup();
        for name in restored.iter().take(RESTORED) {
            text.push_str(&format!("  {name}\n"));
        }
        if restored.len() > RESTORED {
            let more = restored.len() - RESTORED;
            text.push_str(&format!("  {more} more, which --json lists\n"));
        }
    } else {
        text.push_str(if is_all {
            match preview.lacks.major {
                true => " everything that an older server knows\n",
                false => " everything\n",
            }
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
        HumanBytes(preview.read_bytes.min(preview.stored_bytes)),
        HumanBytes(preview.stored_bytes)
    ));
    text
}

/// How long it may take, and by what that is known.
fn time(preview: &RestorePreview) -> String {
    let Some(RestoreEstimate { seconds, drill }) = &preview.estimate else {
        return "  no drill has measured how long that takes: `pgcoffer drill` does\n".to_owned();
    };
    let about = |seconds: u64| roughly(i64::try_from(seconds).unwrap_or(i64::MAX));
    let measured = u64::try_from(drill.restore_ms).unwrap_or(0).div_ceil(1000);
    format!(
        "  about {}, as the drill of {} took {} for {} ({}); the target and the way to it may be slower\n",
        about(*seconds),
        day(drill.began),
        about(measured),
        HumanBytes(drill.dump_bytes),
        drill.place
    )
}

/// The versions, and what the target lacks.
fn servers(preview: &RestorePreview) -> String {
    let (from, into) = (&preview.source_version, preview.target_major);
    let from = from
        .as_ref()
        .map_or_else(|| "an unknown server".to_owned(), ToString::to_string);
    let older = if preview.lacks.major {
        ", which is older and may refuse some definitions"
    } else {
        ""
    };
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
