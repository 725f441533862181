//! The places. Each test runs in its own process, which has the environment that the place needs.

use std::{path::Path, pin::Pin};

use pgcoffer::store::{Location, Options, SftpOptions, Store};

use crate::{
    DUTIES,
    testbed::{
        Behaviour, Fault, Listing, LocalStack, Rule, S3Server, Sshd, SshdOptions, Tagging, own_process,
        write_aws_config,
    },
};

pub(crate) type Duty = fn(Place) -> Pin<Box<dyn Future<Output = ()>>>;

/// A place that was made for a test.
struct Opened {
    reached_by: Reached,
    /// What has to live for as long as the place does.
    _server: Box<dyn std::any::Any>,
}

/// How a place is reached.
enum Reached {
    At(Location),
    BySftp(Box<SftpOptions>),
}

impl Opened {
    fn at(location: Location, server: impl std::any::Any) -> Self {
        Self {
            reached_by: Reached::At(location),
            _server: Box::new(server),
        }
    }
}

/// One kind of place.
pub(crate) struct Kind {
    open: fn(&Path) -> Opened,
    /// What the process that opens it finds in its environment.
    environment: fn() -> Vec<(String, String)>,
    /// Duties that the service is known not to carry out.
    excepted: &'static [&'static str],
}

/// A plain folder.
pub(crate) const FOLDER: Kind = Kind {
    open: |folder| {
        let path = folder.join("place");
        std::fs::create_dir(&path).unwrap();
        Opened::at(Location::Folder(path), ())
    },
    environment: Vec::new,
    excepted: &[],
};

/// OpenSSH's own SFTP.
pub(crate) const SERVER: Kind = Kind {
    open: |_| sftp(Sshd::start()),
    environment: Vec::new,
    excepted: &[],
};

/// The same without any extension.
pub(crate) const RESTRICTED: Kind = Kind {
    open: |_| {
        let denied = "posix-rename,statvfs,fstatvfs,hardlink,fsync,lsetstat,limits,expand-path,copy-data,home-directory,\
            users-groups-by-id";
        sftp(Sshd::with(SshdOptions {
            subsystem: format!("internal-sftp -P {denied}"),
            ..SshdOptions::default()
        }))
    },
    environment: Vec::new,
    excepted: &[],
};

/// An S3 service that behaves as AWS does.
pub(crate) const S3: Kind = Kind {
    open: |folder| served(folder, |_| {}),
    environment: Vec::new,
    excepted: &[],
};

/// The same where each kind of request fails at first: refused, cut off, damaged, or done with a lost answer.
pub(crate) const FAULTY: Kind = Kind {
    open: |folder| served(folder, fail_at_first),
    environment: Vec::new,
    excepted: &[],
};

/// A service that knows neither tags nor conditions on deleting, and forgets prefixes.
pub(crate) const OLD: Kind = Kind {
    open: |folder| {
        served(folder, |server| {
            server.behave(|behaviour: &mut Behaviour| {
                behaviour.tagging = Tagging::NotImplemented;
                behaviour.conditional_deletes = false;
                behaviour.listing = Listing::WithoutPrefix;
                behaviour.returns_checksums = false;
            });
        })
    },
    environment: Vec::new,
    excepted: &[],
};

/// LocalStack, where the test bed has it.
pub(crate) const LOCALSTACK: Kind = Kind {
    open: |_| {
        let location = std::env::var("PGCOFFER_BUCKET").unwrap();
        Opened::at(Location::parse(&location).unwrap(), ())
    },
    environment: || LocalStack::shared().bucket().env(),
    // it looks whether the name is free before it completes an upload, and not as it does: of two at once both win
    excepted: &["one_of_many_uploads_succeeds"],
};

fn fail_at_first(server: &S3Server) {
    let lost = || Fault::LoseAnswer { status: Some(500) };
    for (operation, fault) in [
        ("ListObjectsV2", Fault::slow_down()),
        ("HeadObject", Fault::internal_error()),
        ("GetObject", Fault::Cut { after_bytes: 3 }),
        ("PutObject", Fault::slow_down()),
        ("DeleteObject", lost()),
        ("CreateMultipartUpload", Fault::internal_error()),
        ("UploadPart", Fault::Cut { after_bytes: 1 << 20 }),
        ("CompleteMultipartUpload", lost()),
        ("AbortMultipartUpload", lost()),
        ("ListMultipartUploads", Fault::slow_down()),
        ("ListParts", Fault::internal_error()),
    ] {
        server.inject(Rule::on(operation), fault);
    }
}

fn sftp(sshd: Sshd) -> Opened {
    Opened {
        reached_by: Reached::BySftp(Box::new(sshd.sftp_options())),
        _server: Box::new(sshd),
    }
}

fn served(folder: &Path, behave: impl FnOnce(&S3Server)) -> Opened {
    let server = S3Server::start();
    behave(&server);
    write_aws_config(&folder.join("config"), &server);
    let location = format!("s3://{}/{}", server.bucket(), server.prefix());
    Opened::at(Location::parse(&location).unwrap(), server)
}

/// A place, open, that holds nothing.
#[derive(Clone)]
pub(crate) struct Place {
    pub(crate) store: Store,
}

impl Place {
    /// A key below the prefix.
    pub(crate) fn key(&self, below: &str) -> String {
        self.store.location().key(below)
    }
}

impl Kind {
    /// Carries out the duty that `test` is named for, or all of them where it is named for none.
    #[track_caller]
    pub(crate) fn carries_out(&self, test: &str) {
        if let Some(config) = own_process(test, &(self.environment)()) {
            self.carry_out(config.parent().unwrap(), test);
        }
    }

    fn carry_out(&self, folder: &Path, test: &str) {
        let name = test.rsplit("::").next().unwrap();
        let all = DUTIES.iter();
        let wanted: Vec<_> = match DUTIES.iter().any(|(duty, _)| *duty == name) {
            true => all.filter(|(duty, _)| *duty == name).collect(),
            false => all.filter(|(duty, _)| !self.excepted.contains(duty)).collect(),
        };
        assert!(!wanted.is_empty(), "no duty is called {test}");
        let opened = (self.open)(folder);
        let runtime = tokio::runtime::Runtime::new().unwrap();
        for (duty, carry_out) in wanted {
            runtime.block_on(async {
                let store = opened.reached_by.connect(duty).await;
                carry_out(Place { store: store.clone() }).await;
                store.settle().await;
            });
            eprintln!("carried out: {duty}");
        }
        drop(opened);
    }
}

impl Reached {
    async fn connect(&self, duty: &str) -> Store {
        let options = Options {
            path_style: true,
            ..Options::default()
        };
        match self {
            Self::At(location) => Store::connect(below(location, duty), options).await.unwrap(),
            Self::BySftp(options) => Store::connect_sftp((**options).clone()).unwrap(),
        }
    }
}

/// A part of the place for each duty, where several share it.
fn below(location: &Location, duty: &str) -> Location {
    match location {
        Location::Folder(_) | Location::Server(_) => location.clone(),
        Location::Bucket(_) => Location::parse(&format!("{location}/{duty}")).unwrap(),
    }
}
