//! How the transaction of a statement begins.

/// The isolation level is set because a standby supports no other, and because `serializable` as a default may wait for
/// other transactions. The path is set first: none of these commands looks up a name.
const BEGIN: &str = "
    BEGIN TRANSACTION ISOLATION LEVEL READ COMMITTED READ ONLY;
    SET LOCAL search_path = pg_catalog, pg_temp;
    SET LOCAL statement_timeout = '5min';
    SET LOCAL lock_timeout = '2s';
    SET LOCAL idle_in_transaction_session_timeout = 0;
    SET LOCAL \"DateStyle\" = 'ISO';
    SET LOCAL \"TimeZone\" = 'UTC';";

/// An additional setting that servers since 17 know.
const NO_TRANSACTION_TIMEOUT: &str = "SET LOCAL transaction_timeout = 0;";

/// The encoding of a database without one: any bytes, which the server can't convert.
pub(super) const NO_ENCODING: &str = "SQL_ASCII";
pub(super) const BYTES_AS_THEY_ARE: &str = "SET LOCAL client_encoding = 'SQL_ASCII';";

/// The commands that begin it, on a server of this version and a database of this encoding.
pub(super) fn begin(server_version: &str, server_encoding: &str) -> String {
    let mut begin = BEGIN.to_owned();
    if leading_number(server_version) >= 17 {
        begin.push_str(NO_TRANSACTION_TIMEOUT);
    }
    if server_encoding == NO_ENCODING {
        begin.push_str(BYTES_AS_THEY_ARE);
    }
    begin
}

/// The major version: 17 of `17.2 (Debian 17.2-1)` and of `17beta1`.
fn leading_number(text: &str) -> u32 {
    let digits: String = text.chars().take_while(char::is_ascii_digit).take(4).collect();
    digits.parse().unwrap_or(0)
}
