//! Takes the one line out of a rendered archive that servers up to 16 don't know.

use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};

/// The line, as `pg_restore` 17 and later writes it among its first settings.
const UNKNOWN_SETTING: &[u8] = b"SET transaction_timeout = 0;\n";

/// Bytes looked at before anything is passed on unseen, whatever it is.
const PREAMBLE_BYTES: usize = 64 * 1024;

/// Which side of the filter failed.
#[derive(Debug)]
pub(super) enum Broken {
    /// Reading from `pg_restore`.
    Read(std::io::Error),
    /// Writing to `psql`, which then most likely has ended.
    Write(std::io::Error),
}

/// Copies a script and leaves that line out where it stands in the preamble: among the comments, settings and
/// `\restrict` that come before the first other statement. From there on nothing is looked at, so that no data is
/// ever altered.
pub(super) async fn copy_without_setting(
    from: impl AsyncRead + Unpin,
    to: &mut (impl AsyncWrite + Unpin),
) -> Result<(), Broken> {
    let mut from = BufReader::with_capacity(64 * 1024, from);
    copy_preamble(&mut from, to).await?;
    loop {
        let bytes = from.fill_buf().await.map_err(Broken::Read)?;
        if bytes.is_empty() {
            return to.flush().await.map_err(Broken::Write);
        }
        to.write_all(bytes).await.map_err(Broken::Write)?;
        let count = bytes.len();
        from.consume(count);
    }
}

async fn copy_preamble(
    from: &mut (impl AsyncBufRead + Unpin),
    to: &mut (impl AsyncWrite + Unpin),
) -> Result<(), Broken> {
    let mut seen = 0;
    let mut line = Vec::new();
    while seen < PREAMBLE_BYTES {
        line.clear();
        seen += from
            .read_until(b'\n', &mut line)
            .await
            .map_err(Broken::Read)?;
        if line == UNKNOWN_SETTING {
            continue;
        }
        to.write_all(&line).await.map_err(Broken::Write)?;
        if !is_preamble(&line) {
            return Ok(());
        }
    }
    Ok(())
}

fn is_preamble(line: &[u8]) -> bool {
    const STARTS: &[&[u8]] = &[
        b"--",
        b"\n",
        b"BEGIN;\n",
        b"SET ",
        b"\\restrict ",
        b"SELECT pg_catalog.set_config(",
    ];
    STARTS.iter().any(|start| line.starts_with(start))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that can't go on has failed")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PREAMBLE: &str = "--\n-- PostgreSQL database dump\n--\n\n\\restrict abc\n\n-- Dumped by pg_dump version 18.6\n\nSET statement_timeout = 0;\n\
        SET idle_in_transaction_session_timeout = 0;\nSET transaction_timeout = 0;\nSET client_encoding = 'UTF8';\n\
        SELECT pg_catalog.set_config('search_path', '', false);\nSET row_security = off;\n\n";

    async fn filtered(script: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        copy_without_setting(script, &mut out).await.unwrap();
        out
    }

    #[tokio::test]
    async fn the_line_goes_and_nothing_else() {
        let script = format!("{PREAMBLE}CREATE TABLE t (a text);\n");
        assert_eq!(
            filtered(script.as_bytes()).await,
            script
                .replace("SET transaction_timeout = 0;\n", "")
                .as_bytes()
        );
    }

    #[tokio::test]
    async fn data_that_looks_like_the_line_stays() {
        let body = "COPY public.t (a) FROM stdin;\nSET transaction_timeout = 0;\n\\.\n\nSET transaction_timeout = 0;\n";
        let out = filtered(format!("{PREAMBLE}{body}").as_bytes()).await;
        assert!(out.ends_with(body.as_bytes()));
        assert_eq!(
            out.len() + UNKNOWN_SETTING.len(),
            PREAMBLE.len() + body.len()
        );
    }

    #[tokio::test]
    async fn a_body_without_preamble_is_left_alone() {
        for script in [
            "",
            "no newline",
            "COPY t FROM stdin;\nSET transaction_timeout = 0;\n",
        ] {
            assert_eq!(filtered(script.as_bytes()).await, script.as_bytes());
        }
    }

    proptest! {
        #[test]
        fn whatever_follows_a_statement_passes_unaltered(body in proptest::collection::vec(any::<u8>(), 0..200_000)) {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let mut script = b"SET a = 1;\nCREATE SCHEMA s;\n".to_vec();
            script.extend(body);
            prop_assert_eq!(runtime.block_on(filtered(&script)), script);
        }
    }
}
