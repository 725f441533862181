//! Whether an answer refuses the credentials that a request was signed with.

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;

/// Whether the service says that it doesn't know these credentials, or not any more.
pub(super) fn refuses(answer: Option<&HttpResponse>) -> bool {
    const CODES: [&str; 8] = [
        "InvalidAccessKeyId",
        "SignatureDoesNotMatch",
        "InvalidToken",
        "ExpiredToken",
        "ExpiredTokenException",
        "TokenRefreshRequired",
        "RequestExpired",
        "Unauthorized",
    ];
    let Some(answer) = answer.filter(|answer| [400, 401, 403].contains(&answer.status().as_u16())) else {
        return false;
    };
    let body = answer.body().bytes().unwrap_or_default();
    let text = String::from_utf8_lossy(body);
    let has = |code: &&str| text.contains(&format!("<Code>{code}</Code>"));
    answer.status().as_u16() == 401 || CODES.iter().any(has)
}
