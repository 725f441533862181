//! Converts the SDK's errors into ours.

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;

use super::{Error, Kind, chain::chain, network, tls};
use crate::{
    aws_credentials::nothing_found,
    plain_http::address_of,
    store::s3::{
        answer::{PAGE, Unusable},
        credentials::SourceUnavailable,
        silence::Silent,
    },
    text::os_words,
};

/// An error answer of the service.
struct Refusal<'a> {
    status: u16,
    code: &'a str,
    /// Whether it is a page of a web server, a proxy or a console, instead of S3's XML.
    is_page: bool,
    message: String,
    answer: &'a HttpResponse,
}

impl Error {
    /// Converts an error of the SDK.
    pub(crate) fn from_sdk<E>(doing: String, error: &SdkError<E, HttpResponse>) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        if let Some(silent) = find::<Silent>(error) {
            return Self::new(Kind::Silent, doing, silent.to_string());
        }
        let chain = causes(error);
        if let Some((kind, cure)) = tls::fault(error) {
            return Self::new(kind, doing, chain).with_cure(cure);
        }
        if find::<SourceUnavailable>(error).is_some() {
            return Self::new(Kind::CredentialsUnavailable, doing, chain);
        }
        if find::<CredentialsError>(error).is_some() {
            return Self::new(Kind::NoCredentials, doing, chain);
        }
        match error {
            SdkError::ServiceError(service) => {
                let answer = service.raw();
                let code = service.err().code().unwrap_or_default();
                if answer.status().is_success() && code.is_empty() {
                    return Self::unread(doing, answer, &chain);
                }
                let refusal = Refusal {
                    status: answer.status().as_u16(),
                    code: if code == PAGE { "" } else { code },
                    is_page: code == PAGE,
                    message: bounded(service.err().message().unwrap_or_default()),
                    answer,
                };
                refusal.told(doing)
            }
            SdkError::ResponseError(response) => {
                let status = response.raw().status();
                if status.is_success()
                    && let Some(unusable) = find::<Unusable>(error)
                {
                    let kind = match unusable.is_ignored() {
                        true => Kind::Unsupported,
                        false => Kind::Damaged,
                    };
                    return Self::new(kind, doing, unusable.to_string());
                }
                let kind = match Kind::of_status(status.as_u16()) {
                    // a status of success, and an answer that ended early
                    Kind::Other => Kind::Unreachable,
                    kind => kind,
                };
                Self::new(kind, doing, chain)
            }
            SdkError::TimeoutError(_) | SdkError::DispatchFailure(_) => {
                let unreachable = Self::new(Kind::Unreachable, doing, chain);
                match network::cure(error) {
                    Some(cure) => unreachable.with_cure(cure),
                    None => unreachable,
                }
            }
            _ => Self::new(Kind::Other, doing, chain),
        }
    }

    /// Converts an error of a source of credentials.
    pub(in crate::store::s3) fn from_source(doing: String, error: &CredentialsError) -> Self {
        if let Some((kind, cure)) = tls::fault(error) {
            return Self::new(kind, doing, causes(error)).with_cure(cure);
        }
        let kind = match find::<SourceUnavailable>(error) {
            Some(_) => Kind::CredentialsUnavailable,
            None => Kind::NoCredentials,
        };
        Self::new(kind, doing, causes(error))
    }

    /// Whether the reason is a certificate or TLS, which no retry cures.
    pub(in crate::store::s3) fn is_of_tls(error: &(dyn std::error::Error + 'static)) -> bool {
        tls::fault(error).is_some()
    }

    /// The error of an answer that has a status of success and can't be used: damaged, from another server, or an error
    /// document.
    fn unread(doing: String, answer: &HttpResponse, chain: &str) -> Self {
        let Some(code) = field(answer, "Code") else {
            let why = format!("the answer can't be read: {chain}");
            return Self::new(Kind::Damaged, doing, why);
        };
        let message = field(answer, "Message").unwrap_or_default();
        let kind = Kind::of(&code, 200, &message);
        let why = format!("{message} ({code}, behind a good status)");
        Self::new(kind, doing, why)
    }
}

impl Refusal<'_> {
    fn told(self, doing: String) -> Error {
        let kind = Kind::of(self.code, self.status, &self.message);
        let kind = match kind {
            // S3 names a region, and has no address to redirect to
            Kind::WrongRegion if self.code.is_empty() && self.elsewhere().is_some() => Kind::Endpoint,
            Kind::WrongRegion if self.sends_away() => Kind::Endpoint,
            Kind::Denied | Kind::WrongCredentials | Kind::WrongRegion if self.is_page => Kind::Endpoint,
            // a server of TLS says so in a page where plain HTTP is spoken to it
            Kind::Other if self.is_page && self.status == 400 => Kind::Endpoint,
            kind => kind,
        };
        let mut error = Error::new(kind, doing, self.words());
        match kind {
            Kind::WrongRegion => {
                if let Some(region) = self.region() {
                    if !error.why.contains(&format!("it is in {region}")) {
                        error.why = format!("{}; it is in {region}", error.why);
                    }
                    error.cure = Some(format!("set AWS_REGION={region}"));
                }
            }
            Kind::Endpoint => {
                error.cure = self.elsewhere().map(|address| {
                    format!(
                        "the endpoint sends to {address}: write that in AWS_ENDPOINT_URL_S3, or the address that \
                        the service's own documentation names for S3"
                    )
                });
            }
            Kind::Other if self.status == 407 => {
                error.cure = Some(
                    "the proxy in HTTPS_PROXY or HTTP_PROXY wants a login: write it there, as in \
                    http://user:password@host:port, or leave the bucket's host out by NO_PROXY"
                        .to_owned(),
                );
            }
            _ => {}
        }
        error
    }

    fn words(&self) -> String {
        let status = self.status;
        match (self.code, self.message.as_str()) {
            ("", "") if self.is_page => {
                format!("a page for people came in the place of S3's answer (status {status})")
            }
            ("", "") => format!("the service answered with status {status}"),
            ("", message) => format!("{message} (status {status})"),
            (code, "") => format!("{code} (status {status})"),
            (code, message) => format!("{message} ({code}, status {status})"),
        }
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.answer.headers().get(name)
    }

    /// The address that it redirects to, without the parts that may be a secret.
    fn elsewhere(&self) -> Option<String> {
        let location = self.header("location")?;
        let (scheme, _) = location.split_once("://")?;
        let address = address_of(location)?;
        Some(bounded(&format!("{}://{address}", scheme.trim())))
    }

    /// Whether it redirects to a host outside of AWS and names no region, so that the region is not the reason.
    fn sends_away(&self) -> bool {
        let is_away = |address: String| !address.contains("amazonaws.com");
        self.status == 307 && self.region().is_none() && self.elsewhere().is_some_and(is_away)
    }

    /// The region that the service names: in a header, in a field, or in Cloudflare's message.
    fn region(&self) -> Option<String> {
        let header = self.header("x-amz-bucket-region").map(str::to_owned);
        let named = header.or_else(|| field(self.answer, "Region")).or_else(|| {
            if let Some((_, rest)) = self.message.split_once("expecting") {
                let (_, rest) = rest.split_once('\'')?;
                return rest.split_once('\'').map(|(region, _)| region.to_owned());
            }
            // Cloudflare lists all of them, with one that means any
            let (_, all) = self.message.split_once("one of:")?;
            let mut words = all.split([',', ' ', '.']);
            words.find(|word| *word == "auto").map(str::to_owned)
        });
        let is_region = |text: &String| {
            (2..=64).contains(&text.len())
                && text
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
        };
        named.filter(is_region)
    }
}

/// A field of an XML error document.
fn field(answer: &HttpResponse, name: &str) -> Option<String> {
    let text = std::str::from_utf8(answer.body().bytes()?).ok()?;
    // its depth has been checked
    let tree = roxmltree::Document::parse(text).ok()?;
    let root = tree.root_element();
    let mut fields = root.children().filter(|_| root.tag_name().name() == "Error");
    let field = fields.find(|field| field.tag_name().name() == name)?;
    field.text().map(bounded)
}

/// A text of the service, cut to a readable length.
fn bounded(text: &str) -> String {
    const CHARS_MAX: usize = 1000;
    match text.char_indices().nth(CHARS_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// The cause of that type, if there is one.
fn find<'a, E: std::error::Error + 'static>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a E> {
    let mut source = Some(error);
    while let Some(cause) = source {
        if let Some(found) = cause.downcast_ref() {
            return Some(found);
        }
        source = cause.source();
    }
    None
}

/// The causes of an SDK error, outermost first, without repetitions and without the SDK's own words for where in it the
/// error came up.
fn causes(error: &(dyn std::error::Error + 'static)) -> String {
    if let Some(nothing_found) = nothing_found(error) {
        return bounded(&nothing_found);
    }
    let mut said: Vec<String> = Vec::new();
    let mut outermost = None;
    for cause in chain(error) {
        let text = match cause.downcast_ref::<std::io::Error>() {
            Some(error) => os_words(error),
            None => cause.to_string(),
        };
        outermost = outermost.or(in_plain_words(&text));
        let is_said = said.last().is_some_and(|last| last.contains(&text));
        if in_plain_words(&text).is_none() && !is_said {
            // an outer text often ends with the inner one
            said.retain(|before| !text.contains(before.as_str()));
            said.push(text);
        }
    }
    if said.is_empty() {
        return outermost.unwrap_or("no reason is given").to_owned();
    }
    bounded(&said.join(": "))
}

/// What one of the SDK's layers means, where its text says nothing but which layer it is.
fn in_plain_words(text: &str) -> Option<&'static str> {
    const LAYERS: [(&str, &str); 17] = [
        (
            "the credentials provider was not properly configured",
            "the credentials can't be used",
        ),
        ("the credential provider was not enabled", "there are no credentials"),
        (
            "an error occurred while loading credentials",
            "the credentials can't be loaded",
        ),
        ("dns error", "the host's name is not known"),
        ("dispatch failure", "no connection could be made"),
        ("service error", "the service answered with an error"),
        ("response error", "the answer can't be read"),
        ("unhandled error", "the service answered with an error"),
        ("construction failure", "the request could not be made"),
        ("failed to construct request", "the request could not be made"),
        ("request has timed out", "no answer came in time"),
        ("io error", "the connection failed"),
        ("other", "the connection failed"),
        ("timeout", "no answer came in time"),
        ("client error (Connect)", "no connection could be made"),
        (
            "client error (SendRequest)",
            "the connection ended before an answer came",
        ),
        ("tcp connect error", "no connection could be made"),
    ];
    LAYERS.iter().find(|(layer, _)| *layer == text).map(|(_, words)| *words)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that can't go on has failed")]
mod tests {
    use aws_sdk_s3::{operation::list_objects_v2::ListObjectsV2Error, primitives::SdkBody};
    use aws_smithy_types::error::ErrorMetadata;

    use super::*;

    #[test]
    fn words_of_the_sdk_are_not_passed_on() {
        #[derive(Debug)]
        struct Layer(&'static str, Option<Box<dyn std::error::Error + Send + Sync>>);
        impl std::fmt::Display for Layer {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.0)
            }
        }
        impl std::error::Error for Layer {
            fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
                self.1.as_deref().map(|inner| inner as _)
            }
        }
        let refused = std::io::Error::from_raw_os_error(111);
        let connect = Layer("tcp connect error", Some(refused.into()));
        let client = Layer("client error (Connect)", Some(connect.into()));
        let dispatch = Layer("dispatch failure", Some(Layer("io error", Some(client.into())).into()));
        assert_eq!(causes(&dispatch), "connection refused");
        assert_eq!(causes(&Layer("dispatch failure", None)), "no connection could be made");
        let named = Layer("service error", Some(Layer("bucket is odd", None).into()));
        assert_eq!(causes(&named), "bucket is odd");
    }

    fn refused(status: u16, code: &str, headers: &[(&'static str, &str)], body: &str) -> Error {
        let mut answer = HttpResponse::new(status.try_into().unwrap(), SdkBody::from(body));
        for (name, value) in headers {
            answer.headers_mut().insert(*name, (*value).to_owned());
        }
        let metadata = ErrorMetadata::builder().code(code).message("m").build();
        let metadata = match code {
            "" => ErrorMetadata::builder().build(),
            PAGE => ErrorMetadata::builder().code(PAGE).build(),
            _ => metadata,
        };
        let error = ListObjectsV2Error::generic(metadata);
        Error::from_sdk("list".to_owned(), &SdkError::service_error(error, answer))
    }

    #[test]
    fn the_region_that_the_service_names_is_passed_on() {
        let header = [("x-amz-bucket-region", "eu-west-1")];
        let body = "<Error><Code>AuthorizationHeaderMalformed</Code><Region>eu-west-1</Region></Error>";
        for error in [
            refused(301, "PermanentRedirect", &header, ""),
            refused(301, "", &header, ""),
            refused(400, "AuthorizationHeaderMalformed", &[], body),
        ] {
            assert_eq!(error.kind, Kind::WrongRegion);
            assert_eq!(error.hint().unwrap(), "set AWS_REGION=eu-west-1");
        }
        let hostile = [("x-amz-bucket-region", "x; rm -rf /")];
        let error = refused(301, "PermanentRedirect", &hostile, "");
        assert_eq!(error.hint().unwrap(), "set AWS_REGION to the bucket's region");
    }

    #[test]
    fn a_redirection_to_another_address_is_no_other_region() {
        let headers = [("location", "https://u:secret@s3.example.com/x?y")];
        let error = refused(301, PAGE, &headers, "");
        assert_eq!(error.kind, Kind::Endpoint);
        let hint = error.hint().unwrap();
        assert!(
            hint.contains("https://s3.example.com:") && !hint.contains("secret"),
            "{hint}"
        );
    }

    #[test]
    fn a_page_for_people_is_no_answer_of_s3() {
        for status in [301, 401, 403] {
            let error = refused(status, PAGE, &[], "");
            assert_eq!(error.kind, Kind::Endpoint, "{status}");
        }
        // a gateway may have pages for missing objects
        let error = refused(404, PAGE, &[], "");
        assert_eq!(error.kind, Kind::NotFound);
        assert_eq!(error.of_bucket().kind, Kind::Endpoint);
        assert_eq!(refused(503, PAGE, &[], "").kind, Kind::Busy);
    }
}
