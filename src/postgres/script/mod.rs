//! Copies a rendered archive to `psql`: without the one line that servers up to 16 don't know, with the agent's own
//! statements before its first one, and so that `psql` reads every statement as the server does.

mod lexer;

use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};

use self::lexer::Lexer;

/// The line that `pg_restore` 17 and later writes among its first settings.
const UNKNOWN_SETTING: &[u8] = b"SET transaction_timeout = 0;\n";

/// The line after which a backslash in a literal escapes the next character.
const OLD_STRINGS: &[u8] = b"SET standard_conforming_strings = off;\n";

/// The most bytes that are read as preamble.
const PREAMBLE_BYTES: usize = 64 * 1024;

/// With this line, `pg_restore` since 17.6 makes `psql` refuse its own commands in the rest of the script. Without it,
/// a name or a comment with a line break could run a program on this machine
/// ([CVE-2025-8714](https://www.postgresql.org/support/security/CVE-2025-8714/)).
const RESTRICT: &[u8] = b"\\restrict ";

/// Why the copy ended early.
#[derive(Debug)]
pub(super) enum CopyError {
    /// `pg_restore` is older than the fix of CVE-2025-8714.
    Unrestricted,
    /// Reading from `pg_restore` failed.
    Read(std::io::Error),
    /// Writing to `psql` failed. Most likely it has ended.
    Write(std::io::Error),
    /// The script doesn't end with the COMMIT of its transaction.
    NoEnd,
}

/// Statements of the agent's own, in the script's encoding.
#[derive(Clone, Debug, Default)]
pub(super) struct OwnStatements {
    /// What stands before the first statement of the script, and behind its BEGIN.
    pub(super) first: Vec<u8>,
    /// What stands before the COMMIT that ends the script; empty for a script that isn't one transaction.
    pub(super) last: Vec<u8>,
}

/// The end of the transaction that a script is, in the last bytes of it. Behind that come only comments.
const COMMIT: &[u8] = b"COMMIT;\n\n";

/// The most bytes that stand in a script from the end of its transaction on.
const END_BYTES: usize = 4096;

/// Copies a script. Inserts statements before the first one and before the last COMMIT, and removes `UNKNOWN_SETTING` from the preamble: the
/// comments, settings and `\restrict` before the first other statement. The rest passes through the [`Lexer`], which
/// changes no row and nothing that is quoted. A script that doesn't restrict `psql` before its first statement is not
/// passed on at all.
pub(super) async fn copy(
    from: impl AsyncRead + Unpin,
    to: &mut (impl AsyncWrite + Unpin),
    own: &OwnStatements,
) -> Result<(), CopyError> {
    let mut from = BufReader::with_capacity(64 * 1024, from);
    let mut lexer = copy_preamble(&mut from, to, &own.first).await?;
    let mut passed = Vec::with_capacity(80 * 1024);
    // psql gets the COMMIT only when it is known that it is the last one
    let held_back = match own.last.is_empty() {
        true => 0,
        false => END_BYTES,
    };
    loop {
        let bytes = from.fill_buf().await.map_err(CopyError::Read)?;
        let count = bytes.len();
        match count {
            0 => lexer.finish(&mut passed),
            _ => lexer.pass(bytes, &mut passed),
        }
        from.consume(count);
        if count == 0 {
            insert_last(&mut passed, &own.last)?;
            to.write_all(&passed).await.map_err(CopyError::Write)?;
            return to.flush().await.map_err(CopyError::Write);
        }
        let known = passed.len().saturating_sub(held_back);
        to.write_all(&passed[..known]).await.map_err(CopyError::Write)?;
        passed.drain(..known);
    }
}

/// Inserts statements before the COMMIT at the end of a script.
fn insert_last(end: &mut Vec<u8>, last: &[u8]) -> Result<(), CopyError> {
    if last.is_empty() {
        return Ok(());
    }
    let at = end.windows(COMMIT.len()).rposition(|bytes| bytes == COMMIT);
    let at = at.ok_or(CopyError::NoEnd)?;
    end.splice(at..at, last.iter().copied());
    Ok(())
}

/// Copies the preamble. The returned lexer has read what was read of the first other statement.
async fn copy_preamble(
    from: &mut (impl AsyncBufRead + Unpin),
    to: &mut (impl AsyncWrite + Unpin),
    first: &[u8],
) -> Result<Lexer, CopyError> {
    let (mut preamble, mut rest) = (Vec::new(), Vec::new());
    let (mut is_restricted, mut standard_strings) = (false, true);
    while preamble.len() < PREAMBLE_BYTES {
        let start = preamble.len();
        let read = from.read_until(b'\n', &mut preamble).await.map_err(CopyError::Read)?;
        let line = &preamble[start..];
        is_restricted |= line.starts_with(RESTRICT);
        standard_strings &= line != OLD_STRINGS;
        if line == UNKNOWN_SETTING {
            preamble.truncate(start);
        } else if read == 0 || !is_preamble(line) {
            rest = preamble.split_off(start);
            break;
        }
    }
    // a script that ends here runs nothing: pg_restore has failed, and its own error says why
    let has_script = !preamble.is_empty() || !rest.is_empty();
    if has_script && !is_restricted {
        return Err(CopyError::Unrestricted);
    }
    let mut lexer = Lexer::new(standard_strings);
    preamble.extend_from_slice(first);
    lexer.pass(&rest, &mut preamble);
    to.write_all(&preamble).await.map_err(CopyError::Write)?;
    Ok(lexer)
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

    const PREAMBLE: &str = "--\n-- PostgreSQL database dump\n--\n\n\\restrict abc\n\n-- Dumped by pg_dump version \
        18.6\n\nSET statement_timeout = 0;\n\
        SET idle_in_transaction_session_timeout = 0;\nSET transaction_timeout = 0;\nSET client_encoding = 'UTF8';\n\
        SELECT pg_catalog.set_config('search_path', '', false);\nSET row_security = off;\n\n";

    async fn filtered(script: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        copy(script, &mut out, &OwnStatements::default()).await.unwrap();
        out
    }

    fn drop_first() -> OwnStatements {
        OwnStatements {
            first: b"DROP TABLE t;\n".to_vec(),
            ..OwnStatements::default()
        }
    }

    #[tokio::test]
    async fn statements_of_our_own_stand_before_the_commit_that_ends_it() {
        let own = OwnStatements {
            last: b"SET CONSTRAINTS ALL IMMEDIATE;\n".to_vec(),
            ..OwnStatements::default()
        };
        let row = "COMMIT;\n\n".repeat(60_000);
        let end = "--\n-- PostgreSQL database dump complete\n--\n\n\\unrestrict abc\n\n";
        let before = format!("{PREAMBLE}COPY public.t (a) FROM stdin;\n{row}\\.\n\n\n");
        let script = format!("{before}COMMIT;\n\n{end}");
        let mut out = Vec::new();
        copy(script.as_bytes(), &mut out, &own).await.unwrap();
        let before = before.replace("SET transaction_timeout = 0;\n", "");
        let wanted = format!("{before}SET CONSTRAINTS ALL IMMEDIATE;\nCOMMIT;\n\n{end}");
        assert!(out == wanted.as_bytes());
        // without it nothing is committed
        let mut out = Vec::new();
        let cut = format!("{PREAMBLE}COPY public.t (a) FROM stdin;\n1\n\\.\n");
        let copied = copy(cut.as_bytes(), &mut out, &own).await;
        assert!(matches!(copied, Err(CopyError::NoEnd)), "{copied:?}");
    }

    #[tokio::test]
    async fn the_line_goes_and_nothing_else() {
        let script = format!("{PREAMBLE}CREATE TABLE t (a text);\n");
        assert_eq!(
            filtered(script.as_bytes()).await,
            script.replace("SET transaction_timeout = 0;\n", "").as_bytes()
        );
    }

    #[tokio::test]
    async fn statements_of_our_own_stand_before_the_first_and_behind_the_settings() {
        let script = format!("{PREAMBLE}CREATE TABLE t (a text);\n");
        let mut out = Vec::new();
        copy(script.as_bytes(), &mut out, &drop_first()).await.unwrap();
        let wanted = "SET row_security = off;\n\nDROP TABLE t;\nCREATE TABLE t (a text);\n";
        assert!(out.ends_with(wanted.as_bytes()), "{}", String::from_utf8_lossy(&out));
    }

    #[tokio::test]
    async fn data_that_looks_like_the_line_stays() {
        let body = "COPY public.t (a) FROM stdin;\nSET transaction_timeout = 0;\n\\.\n\nSET transaction_timeout = 0;\n";
        let out = filtered(format!("{PREAMBLE}{body}").as_bytes()).await;
        assert!(out.ends_with(body.as_bytes()));
        assert_eq!(out.len() + UNKNOWN_SETTING.len(), PREAMBLE.len() + body.len());
    }

    #[tokio::test]
    async fn a_script_that_does_not_restrict_psql_goes_nowhere() {
        assert_eq!(filtered(b"").await, b"");
        let (start, rest) = PREAMBLE.split_once("\\restrict abc\n").unwrap();
        let unrestricted = format!("{start}{rest}CREATE TABLE t (a text);\n");
        let late = format!("{start}{rest}CREATE TABLE t (a text);\n\\restrict abc\n");
        for script in [
            "no newline",
            "CREATE TABLE t (a text);\n\\restrict x\n",
            &unrestricted,
            &late,
        ] {
            let mut out = Vec::new();
            let copied = copy(script.as_bytes(), &mut out, &drop_first()).await;
            assert!(matches!(copied, Err(CopyError::Unrestricted)), "{copied:?}");
            assert_eq!(out, b"");
        }
    }

    proptest! {
        #[test]
        fn rows_pass_unaltered(rows in proptest::collection::vec(any::<u8>(), 0..200_000)) {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let mut script = b"\\restrict x\nSET a = 1;\nCOPY s.t (a) FROM stdin;\n".to_vec();
            script.extend(rows.iter().filter(|byte| **byte != b'\\'));
            script.extend(b"\n\\.\n\nSELECT 1;\n");
            prop_assert_eq!(runtime.block_on(filtered(&script)), script);
        }

        #[test]
        fn whatever_comes_in_pieces_of_any_length_is_one(script in "[-$:;'\"a-b/*(){}\\\\ \n1_=]{0,300}", piece_bytes in 1_usize..20) {
            let (mut whole, mut pieces) = (Vec::new(), Vec::new());
            let mut lexer = Lexer::new(true);
            lexer.pass(script.as_bytes(), &mut whole);
            lexer.finish(&mut whole);
            let mut lexer = Lexer::new(true);
            for piece in script.as_bytes().chunks(piece_bytes) {
                lexer.pass(piece, &mut pieces);
            }
            lexer.finish(&mut pieces);
            prop_assert_eq!(whole, pieces);
        }
    }
}
