//! What a test may order: lasting habits of a service, and faults of single calls; and the log of what was called.

use std::collections::BTreeMap;
use std::time::Duration;

/// A service's lasting habits. The default is what Amazon S3 does.
#[derive(Debug, Clone)]
pub struct Behaviour {
    pub tagging: Tagging,
    pub conditional_writes: ConditionalWrites,
    /// Refuses to complete an upload whose parts, but the last, differ in size, as Cloudflare R2 does.
    pub equal_parts_only: bool,
    /// The highest part number; 1,000 on some services.
    pub max_parts: i32,
    /// The least size of a part that isn't the last.
    pub min_part_bytes: u64,
    /// The most keys, uploads or parts in one answer of a listing.
    pub page_size: usize,
    pub listing: Listing,
    /// Whether HEAD says how long an object is.
    pub head_lengths: bool,
    /// Whether DELETE deletes. Where not, it still says so.
    pub deletes: bool,
    /// Whether `If-Match` on DELETE is known; 501 where not.
    pub conditional_deletes: bool,
    /// Whether checksums come back in answers.
    pub returns_checksums: bool,
    /// What Complete says that the whole object's CRC-64/NVME is, where it lies.
    pub false_checksum: Option<String>,
    pub lifecycle: Lifecycle,
    /// Whether removed and overwritten objects stay as versions.
    pub versioned: bool,
    /// Whether the bucket has Object Lock, and versions with it. Where not, 400 to all that would lock.
    pub object_lock: bool,
    /// How long the restore of a cold object takes, by the server's clock.
    pub restore_takes: Duration,
    /// Whether there is capacity for expedited restores; 503 where not.
    pub expedited_restores: bool,
    /// Whether cold classes are names and no more, as on Ceph: what lies there is read, and restores are unknown.
    pub cold_is_a_name: bool,
    /// What CreateMultipartUpload's answer is called, where that is not S3's name.
    pub upload_root: Option<&'static str>,
    /// Access keys that the service doesn't know any more.
    pub withdrawn: Vec<String>,
    /// Headers that the bucket's policy, or its default retention, wants with some requests.
    pub wants: Vec<Want>,
    /// Whether all four switches of the public access block are on; none is set where not.
    pub public_access_blocked: bool,
    /// Whether the bucket has a policy that lets everybody in; none where not.
    pub public_policy: bool,
    /// How keys are written in answers.
    pub writing: Writing,
    /// Whether a proxy before it marks entity tags in headers as weak.
    pub weak_tags: bool,
    /// Whether answers bear the server's time, in their `Date`.
    pub dates: bool,
    /// Refuses requests signed more than 15 minutes before or after the server's time, as Amazon does. Where not, the
    /// server's clock may be another than the client's.
    pub strict_time: bool,
    /// Keeps only the size of an object whose key holds this, for uploads larger than memory.
    pub discard_keys_with: Option<String>,
}

/// What a service does with object tags.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tagging {
    Full,
    /// Tags given with CreateMultipartUpload or PutObject vanish, with 200; PutObjectTagging works.
    LostOnWrite,
    /// Tags vanish however they are given, with 200.
    Dropped,
    /// Tags given with a write vanish, with 200, and there are no tagging calls: 501.
    DroppedAndUnknown,
    /// 501 NotImplemented to the tagging calls and to writes that bring tags.
    NotImplemented,
    /// 400 InvalidArgument, likewise.
    InvalidArgument,
    /// 403 AccessDenied, likewise: the key lacks `s3:PutObjectTagging`.
    Denied,
}

/// What a service does with lifecycle rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lifecycle {
    Full,
    /// Answers 200, and keeps rules that are about every object, whatever their filter was.
    DropsFilters,
    /// Answers 200, and keeps rules that move nothing.
    DropsTransitions,
    /// 400 to rules that are about more than a prefix: MalformedXML to `And`, InvalidArgument to the others.
    PrefixOnly,
    /// 501 NotImplemented to the three calls about rules.
    NotImplemented,
    /// 403 AccessDenied, likewise.
    Denied,
    /// Answers 200, and moves no object below 128 KiB, whatever was put as the default for small objects.
    ForgetsMinimumSize,
}

/// What a service's listings of objects are like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Listing {
    Plain,
    /// Each key stands there twice.
    Twice,
    /// The same, once as an object that it was before.
    TwiceOtherwise,
    /// Cut off, with a token that is the same on each page.
    SameToken,
    /// Cut off, with an empty token.
    EmptyToken,
    /// Cut off, without a token.
    NoToken,
    /// Pages without keys and with new tokens follow one another.
    Endless,
    /// The last page again and again, with new tokens.
    Repeating,
    /// Every object of the bucket, whatever the prefix.
    WithoutPrefix,
    /// No common prefixes, whatever the delimiter.
    WithoutDelimiter,
    /// Neither common prefixes nor what is below them, where there is a delimiter.
    WithoutFolders,
    /// A list without a word.
    Wordless,
    /// That of another folder, as a cache gives it that doesn't look at queries.
    OfOtherFolder,
    /// Keys as they are, though they are asked for as in a URL.
    Unencoded,
    /// Entries do not say how long they are.
    WithoutSizes,
}

/// How keys are written in answers: all of it is the same XML.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Writing {
    Plain,
    /// Each in a CDATA section.
    Sections,
    /// A comment in the middle of each.
    Comments,
}

impl Writing {
    /// An answer in that writing.
    pub(super) fn applied_to(self, xml: &str) -> String {
        match self {
            Self::Plain => xml.to_owned(),
            Self::Sections => xml.replace("<Key>", "<Key><![CDATA[").replace("</Key>", "]]></Key>"),
            Self::Comments => xml.replace("%2F", "%<!-- slash -->2F"),
        }
    }
}

/// Where `If-None-Match` and `If-Match` are honoured. Elsewhere they are ignored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConditionalWrites {
    Everywhere,
    /// By PutObject and not by CompleteMultipartUpload.
    PutOnly,
    Nowhere,
}

impl Default for Behaviour {
    fn default() -> Self {
        Self {
            tagging: Tagging::Full,
            conditional_writes: ConditionalWrites::Everywhere,
            equal_parts_only: false,
            max_parts: 10_000,
            min_part_bytes: 5 << 20,
            page_size: 1000,
            listing: Listing::Plain,
            head_lengths: true,
            deletes: true,
            conditional_deletes: true,
            returns_checksums: true,
            false_checksum: None,
            lifecycle: Lifecycle::Full,
            versioned: false,
            object_lock: false,
            restore_takes: Duration::from_millis(300),
            expedited_restores: true,
            cold_is_a_name: false,
            upload_root: None,
            withdrawn: Vec::new(),
            wants: Vec::new(),
            public_access_blocked: true,
            public_policy: false,
            writing: Writing::Plain,
            weak_tags: false,
            dates: true,
            strict_time: false,
            discard_keys_with: None,
        }
    }
}

impl Behaviour {
    pub(super) fn has_versions(&self) -> bool {
        self.versioned || self.object_lock
    }
}

/// A header that a bucket wants.
#[derive(Debug, Clone)]
pub struct Want {
    pub operations: &'static [&'static str],
    /// Any header whose name begins with one of these.
    pub headers: &'static [&'static str],
    /// Its value, where one alone will do.
    pub value: Option<&'static str>,
    pub refusal: Fault,
}

impl Want {
    fn is_unmet(&self, call: &Call) -> bool {
        let is_it = |(name, value): (&String, &String)| {
            self.headers.iter().any(|begin| name.starts_with(begin)) && self.value.is_none_or(|wanted| wanted == value)
        };
        self.operations.contains(&call.operation.as_str()) && !call.headers.iter().any(is_it)
    }
}

/// What goes wrong with a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// Answers with this status and code and does nothing.
    Refuse { status: u16, code: &'static str },
    /// The same in these words.
    RefuseSaying {
        status: u16,
        code: &'static str,
        message: &'static str,
    },
    /// Does what was asked, and then answers with this status, or cuts the connection where there is none.
    LoseAnswer { status: Option<u16> },
    /// Cuts the connection once so many bytes of the body have passed, of a request's body or of GetObject's answer.
    Cut { after_bytes: u64 },
    /// Says nothing more once so many bytes of the body have passed.
    Stall { after_bytes: u64 },
    /// Does nothing, and answers 200 with this error in the body, as CompleteMultipartUpload and CopyObject may do.
    ErrorInBody { code: &'static str },
    /// GetObject only: inverts the lowest bit of the object's byte at this offset.
    FlipBit { at_byte: u64 },
    /// GetObject only: leaves out all but the first so many bytes, with headers that agree with it.
    Shorten { to_bytes: u64 },
    /// Does nothing, and answers this.
    Say { status: u16, body: &'static str },
    /// Does nothing, and answers with a body that has no end.
    Flood { status: u16 },
    /// Waits before it does what was asked.
    Delay { millis: u64 },
}

impl Fault {
    /// 503, as S3 asks a client to send less.
    pub fn slow_down() -> Self {
        Self::Refuse {
            status: 503,
            code: "SlowDown",
        }
    }

    /// 500, which clients try again.
    pub fn internal_error() -> Self {
        Self::Refuse {
            status: 500,
            code: "InternalError",
        }
    }

    /// 403, which no retry cures.
    pub fn access_denied() -> Self {
        Self::Refuse {
            status: 403,
            code: "AccessDenied",
        }
    }
}

/// Which calls a fault strikes: by default the next one of its operation, once.
#[derive(Debug, Clone)]
pub struct Rule {
    operation: String,
    key_part: String,
    skip: usize,
    times: usize,
}

impl Rule {
    /// Calls of this operation, such as `UploadPart`; `*` stands for all.
    pub fn on(operation: &str) -> Self {
        Self {
            operation: operation.to_owned(),
            key_part: String::new(),
            skip: 0,
            times: 1,
        }
    }

    /// Only where the object's key, or the prefix of a listing, holds this.
    #[must_use]
    pub fn key(mut self, part: &str) -> Self {
        part.clone_into(&mut self.key_part);
        self
    }

    /// Beginning with the n-th such call from now, counted from 1.
    #[must_use]
    pub fn nth(mut self, n: usize) -> Self {
        self.skip = n.checked_sub(1).expect("calls are counted from 1");
        self
    }

    /// So many times in a row.
    #[must_use]
    pub fn times(mut self, times: usize) -> Self {
        self.times = times;
        self
    }

    /// From then on without end.
    #[must_use]
    pub fn always(self) -> Self {
        self.times(usize::MAX)
    }

    /// Whether this rule strikes a call, which it counts.
    fn strikes(&mut self, call: &Call) -> bool {
        if self.operation != "*" && self.operation != call.operation || !call.subject().contains(&self.key_part) {
            return false;
        }
        if self.skip > 0 {
            self.skip -= 1;
            return false;
        }
        let strikes = self.times > 0;
        self.times = self.times.saturating_sub(1);
        strikes
    }
}

/// A call with valid credentials, as it came.
#[derive(Debug, Clone)]
pub struct Call {
    pub operation: String,
    pub bucket: String,
    /// Empty where the call is about no object.
    pub key: String,
    /// The prefix that a listing was asked for, if it was asked for one.
    pub prefix: Option<String>,
    /// The query string as it came, without its question mark.
    pub query: String,
    /// All headers but `authorization`, by their names in lower case.
    pub headers: BTreeMap<String, String>,
}

impl Call {
    /// What the call is about: a key or a prefix.
    fn subject(&self) -> &str {
        self.prefix.as_deref().unwrap_or(&self.key)
    }

    /// A header's value, by its name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }
}

/// Habits, rules, and the log.
#[derive(Debug, Default)]
pub(super) struct Control {
    pub behaviour: Behaviour,
    pub rules: Vec<(Rule, Fault)>,
    pub calls: Vec<Call>,
    /// Access keys that were refused.
    pub refused_keys: Vec<String>,
}

impl Control {
    /// Logs a call; what is to go wrong with it, by the first rule that strikes.
    pub(super) fn admit(&mut self, call: Call) -> Option<Fault> {
        let struck = self
            .rules
            .iter_mut()
            .find_map(|(rule, fault)| rule.strikes(&call).then(|| fault.clone()));
        let mut wants = self.behaviour.wants.iter();
        let unmet = wants.find(|want| want.is_unmet(&call));
        let struck = struck.or_else(|| unmet.map(|want| want.refusal.clone()));
        self.calls.push(call);
        struck
    }
}
