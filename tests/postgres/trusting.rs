//! Certificates as people make them: of version 1, of an authority that is the server as well, with a common name
//! alone, by an authority of their own. What libpq believes is believed, and what it refuses is refused, by session and
//! children alike.

use std::path::Path;
use std::process::Command;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use pgcoffer::postgres::{DatabaseUrl, Session};

use crate::connecting::secured;
use crate::scene::{dump, url};
use crate::testbed::{Cluster, openssl};

fn encode(path: &Path) -> String {
    utf8_percent_encode(path.to_str().unwrap(), NON_ALPHANUMERIC).to_string()
}

/// How the server's certificate is made, in files `server.key` and `server.crt`, with what to trust in `ca.crt`.
fn make(folder: &Path, kind: &str) {
    let authority = "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=authority -keyout ca.key -out ca.crt";
    let request = "req -newkey rsa:2048 -nodes -subj /O=x/CN=localhost -keyout server.key -out server.csr";
    let sign = "x509 -req -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial -out server.crt";
    match kind {
        // `openssl x509 -req -CA` without extensions
        "version 1" => {
            for command in [authority, request, &format!("{sign} -days 2")] {
                openssl(folder, command);
            }
        }
        // PostgreSQL's manual, 18.9.5: server and authority in one
        "itself" => {
            openssl(
                folder,
                "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -keyout server.key -out server.crt",
            );
            std::fs::copy(folder.join("server.crt"), folder.join("ca.crt")).unwrap();
        }
        "common name" => {
            std::fs::write(
                folder.join("ext"),
                "keyUsage=digitalSignature\nextendedKeyUsage=serverAuth\n",
            )
            .unwrap();
            for command in [authority, request, &format!("{sign} -days 2 -extfile ext")] {
                openssl(folder, command);
            }
        }
        // the common name is right and doesn't count
        "another name" => {
            std::fs::write(folder.join("ext"), "subjectAltName=DNS:elsewhere.example\n").unwrap();
            for command in [authority, request, &format!("{sign} -days 2 -extfile ext")] {
                openssl(folder, command);
            }
        }
        "for clients" => {
            std::fs::write(folder.join("ext"), "extendedKeyUsage=clientAuth\n").unwrap();
            for command in [authority, request, &format!("{sign} -days 2 -extfile ext")] {
                openssl(folder, command);
            }
        }
        "an authority between" => {
            std::fs::write(
                folder.join("ca.ext"),
                "basicConstraints=critical,CA:TRUE\nkeyUsage=keyCertSign\n",
            )
            .unwrap();
            for command in [
                authority,
                "req -newkey rsa:2048 -nodes -subj /CN=between -keyout between.key -out between.csr",
                "x509 -req -in between.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 -extfile ca.ext -out \
                 between.crt",
                request,
                "x509 -req -in server.csr -CA between.crt -CAkey between.key -CAcreateserial -days 2 -out own.crt",
            ] {
                openssl(folder, command);
            }
            join(folder, &["own.crt", "between.crt"]);
        }
        // one who is nobody's authority has signed
        "no authority between" => {
            for command in [
                authority,
                "req -newkey rsa:2048 -nodes -subj /CN=between -keyout between.key -out between.csr",
                "x509 -req -in between.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 -out between.crt",
                request,
                "x509 -req -in server.csr -CA between.crt -CAkey between.key -CAcreateserial -days 2 -out own.crt",
            ] {
                openssl(folder, command);
            }
            join(folder, &["own.crt", "between.crt"]);
        }
        // of another authority with the same name
        "another authority" => {
            for command in [authority, request, &format!("{sign} -days 2"), authority] {
                openssl(folder, command);
            }
        }
        "elliptic" => {
            for command in [
                "ecparam -name prime256v1 -genkey -noout -out server.key",
                "req -new -key server.key -subj /CN=localhost -out server.csr",
                authority,
                &format!("{sign} -days 2"),
            ] {
                openssl(folder, command);
            }
        }
        other => panic!("{other}"),
    }
}

fn join(folder: &Path, parts: &[&str]) {
    let texts: Vec<_> = parts
        .iter()
        .map(|part| std::fs::read_to_string(folder.join(part)).unwrap())
        .collect();
    std::fs::write(folder.join("server.crt"), texts.concat()).unwrap();
}

/// Gives the server that certificate.
fn give(cluster: &Cluster, folder: &Path) {
    for name in ["server.key", "server.crt"] {
        // written over, so that owner and mode stay
        let content = std::fs::read(folder.join(name)).unwrap();
        std::fs::write(cluster.certificate().with_file_name(name), content).unwrap();
    }
    cluster.reload();
}

/// Whether a session comes about, and whether libpq's own program says the same.
async fn gets_in(cluster: &Cluster, url: &DatabaseUrl, what: &str) -> bool {
    let ours = Session::connect(url).await;
    let mut psql = Command::new(cluster.bin().join("psql"));
    psql.args(["-X", "-w", "-c", "SELECT 1", "dbname=postgres"]);
    for (name, value) in url.child_env() {
        psql.env(name, value.reveal());
    }
    let theirs = psql.output().unwrap();
    assert_eq!(
        ours.is_ok(),
        theirs.status.success(),
        "{what}: {:?}, and libpq: {}",
        ours.err(),
        String::from_utf8_lossy(&theirs.stderr)
    );
    theirs.status.success()
}

#[tokio::test]
async fn the_session_accepts_the_same_certificates_as_libpq() {
    let cluster = secured();
    let text = cluster.url("postgres").replace("127.0.0.1", "localhost");
    for (kind, by_authority, in_full) in [
        ("version 1", true, true),
        ("itself", true, true),
        ("common name", true, true),
        ("another name", true, false),
        ("for clients", false, false),
        ("an authority between", true, true),
        ("no authority between", false, false),
        ("another authority", false, false),
        ("elliptic", true, true),
    ] {
        let folder = tempfile::tempdir().unwrap();
        make(folder.path(), kind);
        give(&cluster, folder.path());
        let ca = encode(&folder.path().join("ca.crt"));
        for (parameters, good) in [
            ("sslmode=require".to_owned(), true),
            ("sslmode=require&channel_binding=require".to_owned(), true),
            (format!("sslmode=require&sslrootcert={ca}"), by_authority),
            (format!("sslmode=verify-ca&sslrootcert={ca}"), by_authority),
            (format!("sslmode=verify-full&sslrootcert={ca}"), in_full),
            (
                format!("sslmode=verify-full&sslrootcert={ca}&channel_binding=require"),
                in_full,
            ),
            (
                format!("sslmode=verify-full&sslrootcert={ca}&ssl_max_protocol_version=TLSv1.2"),
                in_full,
            ),
        ] {
            let url = url(&format!("{text}?{parameters}"));
            let what = format!("{kind}, {parameters}");
            assert_eq!(gets_in(&cluster, &url, &what).await, good, "{what}");
        }
    }
}

/// Another name of this machine than the certificate's.
#[tokio::test]
async fn only_verify_full_refuses_another_host_name() {
    let cluster = secured();
    let folder = tempfile::tempdir().unwrap();
    make(folder.path(), "version 1");
    give(&cluster, folder.path());
    let ca = encode(&folder.path().join("ca.crt"));
    for (mode, good) in [("verify-ca", true), ("verify-full", false)] {
        let by_address = url(&format!("{}?sslmode={mode}&sslrootcert={ca}", cluster.url("postgres")));
        assert_eq!(gets_in(&cluster, &by_address, mode).await, good);
        let named = cluster.url("postgres").replace("127.0.0.1", "localhost");
        let named = url(&format!("{named}?sslmode={mode}&sslrootcert={ca}&hostaddr=127.0.0.1"));
        assert!(gets_in(&cluster, &named, mode).await);
    }
}

#[tokio::test]
async fn client_certificates_of_every_version_log_in_also_with_an_encrypted_key() {
    let cluster = secured();
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    make(dir, "version 1");
    give(&cluster, dir);
    // the authority of the clients, and who comes by a certificate
    let data = cluster.certificate().parent().unwrap().to_owned();
    let root = std::fs::read(dir.join("ca.crt")).unwrap();
    std::fs::write(data.join("clients.crt"), root).unwrap();
    let hba = data.join("pg_hba.conf");
    let before = std::fs::read_to_string(&hba).unwrap();
    std::fs::write(&hba, format!("hostssl all certified all cert\n{before}")).unwrap();
    cluster.psql("postgres", "CREATE ROLE certified LOGIN SUPERUSER");
    cluster.psql(
        "postgres",
        &format!(
            "ALTER SYSTEM SET ssl_ca_file = '{}'",
            data.join("clients.crt").display()
        ),
    );
    cluster.reload();
    openssl(
        dir,
        "req -newkey rsa:2048 -nodes -subj /CN=certified -keyout plain.key -out client.csr",
    );
    openssl(
        dir,
        "x509 -req -in client.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 -out client.crt",
    );
    for command in [
        "rsa -in plain.key -traditional -out old.key",
        "rsa -in plain.key -traditional -aes256 -passout pass:sesame_1 -out old-256.key",
        "rsa -in plain.key -traditional -aes128 -passout pass:sesame_1 -out old-128.key",
        "pkcs8 -topk8 -in plain.key -v2 aes-256-cbc -passout pass:sesame_1 -out new-256.key",
        "pkcs8 -topk8 -in plain.key -v2 aes-128-cbc -passout pass:sesame_1 -out new-128.key",
        "pkcs8 -topk8 -in plain.key -nocrypt -outform DER -out der.key",
    ] {
        openssl(dir, command);
    }
    for file in std::fs::read_dir(dir).unwrap().flatten() {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::set_permissions(file.path(), std::fs::Permissions::from_mode(0o600)).unwrap();
    }
    let text = cluster.url_as("certified", None, "postgres");
    let certified = |key: &str, more: &str| {
        let (cert, key) = (encode(&dir.join("client.crt")), encode(&dir.join(key)));
        url(&format!("{text}?sslmode=require&sslcert={cert}&sslkey={key}{more}"))
    };
    for (key, more) in [
        ("plain.key", ""),
        ("plain.key", "&sslcertmode=require"),
        ("old.key", ""),
        ("old-256.key", "&sslpassword=sesame_1"),
        ("old-128.key", "&sslpassword=sesame_1"),
        ("new-256.key", "&sslpassword=sesame_1"),
        ("new-128.key", "&sslpassword=sesame_1"),
        ("der.key", ""),
    ] {
        let url = certified(key, more);
        if let Err(error) = Session::connect(&url).await {
            panic!("{key}: {error}");
        }
        let dumped = dump(&cluster, &url).await;
        assert!(dumped.is_ok(), "{key}: {:?}", dumped.err());
    }
    for (key, more, word) in [
        ("new-256.key", "", "no sslpassword"),
        ("new-256.key", "&sslpassword=wrong", "doesn't open it"),
        ("old-256.key", "&sslpassword=wrong", "doesn't open it"),
        ("none.key", "", "can't be read"),
        ("ca.crt", "", "no private key"),
    ] {
        let error = Session::connect(&certified(key, more)).await.unwrap_err();
        assert!(error.to_string().contains(word), "{key}: {error}");
        assert!(!format!("{error} {error:?}").contains("wrong"), "{error:?}");
    }
    // none is shown, and a server that asks for none
    let none = Session::connect(&certified("plain.key", "&sslcertmode=disable")).await;
    assert!(none.is_err());
    cluster.psql("postgres", "ALTER SYSTEM RESET ssl_ca_file");
    cluster.reload();
    let (cert, key) = (encode(&dir.join("client.crt")), encode(&dir.join("plain.key")));
    let unasked = format!(
        "{}?sslmode=require&sslcert={cert}&sslkey={key}&sslcertmode=require",
        cluster.url("postgres")
    );
    let error = Session::connect(&url(&unasked)).await.unwrap_err();
    assert!(error.to_string().contains("asked for no client certificate"), "{error}");
}

#[tokio::test]
async fn a_revoked_certificate_is_refused() {
    let cluster = secured();
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    std::fs::write(dir.join("ext"), "subjectAltName=DNS:localhost\n").unwrap();
    std::fs::write(
        dir.join("ca.cnf"),
        "[ca]\ndefault_ca=d\n[d]\ndatabase=index\ndefault_md=sha256\ndefault_crl_days=2\ncrlnumber=number\ncrl_extensions=e\n[e]\nauthorityKeyIdentifier=keyid\n",
    )
    .unwrap();
    std::fs::write(dir.join("index"), "").unwrap();
    std::fs::write(dir.join("number"), "01\n").unwrap();
    for command in [
        "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=authority -keyout ca.key -out ca.crt",
        "req -newkey rsa:2048 -nodes -subj /CN=localhost -keyout server.key -out server.csr",
        "x509 -req -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 -extfile ext -out server.crt",
        "ca -config ca.cnf -keyfile ca.key -cert ca.crt -gencrl -out before.crl",
        "ca -config ca.cnf -keyfile ca.key -cert ca.crt -revoke server.crt",
        "ca -config ca.cnf -keyfile ca.key -cert ca.crt -gencrl -out after.crl",
    ] {
        openssl(dir, command);
    }
    give(&cluster, dir);
    let text = cluster.url("postgres").replace("127.0.0.1", "localhost");
    let ca = encode(&dir.join("ca.crt"));
    for (list, good) in [("before.crl", true), ("after.crl", false)] {
        let list = encode(&dir.join(list));
        let url = url(&format!("{text}?sslmode=verify-full&sslrootcert={ca}&sslcrl={list}"));
        assert_eq!(gets_in(&cluster, &url, &list).await, good, "{list}");
    }
}
