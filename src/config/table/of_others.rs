//! Variables that belong to others: to the AWS SDK, to clients of HTTP, to platforms. Some are read here, some only
//! looked at, since what nobody can see in them is taken for a part of the value by those who read them.

use super::super::reading::Reading;

/// Variables of one owner.
#[derive(Debug)]
pub struct SectionOfOthers {
    /// Whose they are, as a heading.
    pub title: &'static str,
    /// The names, as `--help` abbreviates them.
    pub names: &'static str,
    /// What they mean, as a few words of plain text.
    pub help: &'static str,
    /// The variables, those with one meaning together.
    pub variables: &'static [Variable],
}

/// Variables that have one meaning.
#[derive(Debug)]
pub struct Variable {
    /// Their names; `<…>` at the end of one stands for any text, also none.
    pub names: &'static [&'static str],
    /// Whether their texts are for nobody else's eyes.
    pub secret: bool,
    /// What they mean, in Markdown.
    pub doc: &'static str,
    pub(in super::super) shape: Shape,
    /// How its text is read here, where it is.
    pub(in super::super) take: Option<fn(&mut Reading, &str)>,
}

/// What others take the text of a variable for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Shape {
    /// One word: no blank stands in it.
    Word,
    /// Paths, names, lists: a blank may stand inside.
    Text,
    /// It is read by the program itself, or looked at only where it is used.
    Unchecked,
}

impl Variable {
    fn is(&self, name: &str) -> bool {
        let mut names = self.names.iter();
        names.any(|own| match own.split_once('<') {
            Some((before, _)) => name.starts_with(before.trim_end_matches('_')),
            None => *own == name,
        })
    }
}

/// The variable of others that has this name.
pub(in super::super) fn foreign(name: &str) -> Option<&'static Variable> {
    let mut all = SECTIONS.iter().flat_map(|section| section.variables);
    all.find(|variable| variable.is(name))
}

const fn word(names: &'static [&'static str], doc: &'static str) -> Variable {
    Variable {
        names,
        secret: false,
        doc,
        shape: Shape::Word,
        take: None,
    }
}

const fn secret_word(names: &'static [&'static str], doc: &'static str) -> Variable {
    Variable {
        secret: true,
        ..word(names, doc)
    }
}

const fn text(names: &'static [&'static str], doc: &'static str) -> Variable {
    Variable {
        shape: Shape::Text,
        ..word(names, doc)
    }
}

const fn unchecked(names: &'static [&'static str], doc: &'static str) -> Variable {
    Variable {
        shape: Shape::Unchecked,
        ..word(names, doc)
    }
}

pub(super) const SECTIONS: [&SectionOfOthers; 3] = [&OF_AWS, &OF_NETWORKS, &OF_PLATFORMS];

/// What the AWS SDK reads: <https://docs.aws.amazon.com/sdkref/latest/guide/settings-reference.html>
const OF_AWS: SectionOfOthers = SectionOfOthers {
    title: "Of the AWS SDK",
    names: "AWS_…",
    help: "credentials, region, endpoint: as for any AWS SDK",
    variables: &[
        secret_word(
            &["AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"],
            "credentials for the bucket, with `AWS_ACCESS_KEY_ID`",
        ),
        word(
            &["AWS_ACCESS_KEY_ID", "AWS_ACCOUNT_ID"],
            "credentials for the bucket: the parts that are not secret",
        ),
        word(&["AWS_REGION", "AWS_DEFAULT_REGION"], "region of the bucket"),
        word(
            &["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_<SERVICE>"],
            "address of the service, if it is not AWS. An empty value is an error, because the AWS SDK takes it for \
                an address",
        ),
        text(
            &[
                "AWS_PROFILE",
                "AWS_CONFIG_FILE",
                "AWS_SHARED_CREDENTIALS_FILE",
                "AWS_LOGIN_CACHE_DIRECTORY",
            ],
            "the section of `~/.aws`, and where these files are",
        ),
        word(&["AWS_ROLE_ARN"], "the role to assume with a web identity"),
        text(
            &["AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_SESSION_NAME"],
            "the web identity, as Kubernetes gives it to a pod",
        ),
        word(
            &[
                "AWS_CONTAINER_CREDENTIALS_FULL_URI",
                "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
            ],
            "where a container asks for credentials, as ECS and EKS set it",
        ),
        Variable {
            secret: true,
            ..text(
                &["AWS_CONTAINER_AUTHORIZATION_TOKEN"],
                "the token that the container shows there",
            )
        },
        text(
            &["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"],
            "the file with the token that the container shows there",
        ),
        word(
            &[
                "AWS_EC2_METADATA_DISABLED",
                "AWS_EC2_METADATA_SERVICE_ENDPOINT",
                "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE",
            ],
            "the metadata service of EC2, which gives an instance its role",
        ),
        text(
            &["AWS_CA_BUNDLE"],
            "the certificates that are trusted in place of the system's, for the bucket and for services that give \
                credentials (or `ca_bundle` in `~/.aws/config`)",
        ),
        Variable {
            take: Some(|reading, _| reading.config.store.checksums_chosen = true),
            ..word(
                &["AWS_REQUEST_CHECKSUM_CALCULATION"],
                "`when_supported` sends checksums to other services than AWS as well. Without it, these get checksums \
                    only where S3 requires them",
            )
        },
        word(
            &[
                "AWS_RESPONSE_CHECKSUM_VALIDATION",
                "AWS_ACCOUNT_ID_ENDPOINT_MODE",
                "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
                "AWS_S3_DISABLE_EXPRESS_SESSION_AUTH",
                "AWS_USE_DUALSTACK_ENDPOINT",
                "AWS_USE_FIPS_ENDPOINT",
                "AWS_EXECUTION_ENV",
            ],
            "the SDK's own switches",
        ),
        text(
            &[
                "AWS_AUTH_SCHEME_PREFERENCE",
                "AWS_SIGV4A_SIGNING_REGION_SET",
                "AWS_SDK_UA_APP_ID",
            ],
            "the SDK's own texts",
        ),
        word(
            &["AWS_RETRY_MODE", "AWS_MAX_ATTEMPTS"],
            "not read: pgcoffer decides itself how often it tries a request again",
        ),
    ],
};

const OF_NETWORKS: SectionOfOthers = SectionOfOthers {
    title: "Of clients of HTTP",
    names: "HTTPS_PROXY, SSL_CERT_FILE, …",
    help: "proxies and certificates: as usual",
    variables: &[
        secret_word(
            &[
                "HTTPS_PROXY",
                "HTTP_PROXY",
                "ALL_PROXY",
                "https_proxy",
                "http_proxy",
                "all_proxy",
            ],
            "the proxy that requests go through; it may hold a password",
        ),
        text(&["NO_PROXY", "no_proxy"], "hosts that are reached without it"),
        text(
            &["SSL_CERT_FILE", "SSL_CERT_DIR"],
            "the certificates that are trusted in place of the system's, for everything",
        ),
    ],
};

const OF_PLATFORMS: SectionOfOthers = SectionOfOthers {
    title: "Of platforms and tools",
    names: "PORT, DATABASE_URL, OTEL_…",
    help: "as platforms and tools set them",
    variables: &[
        Variable {
            take: Some(|reading, text| reading.config.serving.port = Some(text.to_owned())),
            ..unchecked(
                &["PORT"],
                "where `serve` answers, on all addresses: platforms with a router set it. `PGCOFFER_LISTEN` wins over \
                    it",
            )
        },
        Variable {
            take: Some(|reading, text| reading.dynos.api = Some(text.to_owned())),
            ..unchecked(
                &["HEROKU_API_URL"],
                "the address of the Platform API, as for the heroku CLI",
            )
        },
        Variable {
            secret: true,
            ..unchecked(
                &["DATABASE_URL"],
                "the database of the app: `check` says whether it is backed up. `init` offers to back it up, and also \
                    each variable that ends in `_URL` and holds the URL of a PostgreSQL database",
            )
        },
        Variable {
            secret: true,
            ..unchecked(
                &["PGHOST", "PGPORT", "PGUSER", "PGPASSWORD", "PGDATABASE", "PGSSLMODE"],
                "`init` offers the database that they name; nothing else reads them",
            )
        },
        Variable {
            secret: true,
            ..unchecked(
                &["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_<NAME>"],
                "where traces go: [monitoring.md](monitoring.md#traces)",
            )
        },
        unchecked(
            &["DYNO", "HOSTNAME", "USER", "LOGNAME"],
            "how a message names this machine, and the person who held a backup. On a dyno, the commands in messages begin \
             with `heroku run`",
        ),
        unchecked(
            &["HEROKU_APP_NAME"],
            "the app's name in those commands. Heroku's feature `runtime-dyno-metadata` sets it; without it, \
             `PGCOFFER_HEROKU_APP` counts",
        ),
        unchecked(
            &["PATH", "HOME"],
            "where pgcoffer searches for `pg_dump` and `pg_restore`",
        ),
    ],
};
