use super::*;

#[test]
fn what_stands_in_a_secrets_place_is_struck_out_whatever_it_is() {
    for (text, left) in [
        (
            "no \"postgres://joe:a@b@db/x\" and s3://bucket/p@q",
            "no \"postgres://***@db/x\" and s3://bucket/p@q",
        ),
        ("POSTGRES://U:P@H_URL", "POSTGRES://***@H_URL"),
        ("postgres://joe:sh/op@db/x", "postgres://***@db/x"),
        (
            "unexpected argument 'postgres://joe:my pass\"w@db/x' found",
            "unexpected argument 'postgres://***@db/x' found",
        ),
        ("postgres://joe:half of it", "postgres://***"),
        ("https://t0ken@host/x", "https://***@host/x"),
        ("host=db password=shop dbname=shop", "host=db password=*** dbname=shop"),
        ("password='it''s' x", "password=*** x"),
        (r"password='a\'b c' x", "password=*** x"),
        (r"password=a\ b x", "password=*** x"),
        (
            "postgres://h/db?sslmode=require&password=shop&x=1",
            "postgres://h/db?sslmode=require&password=***&x=1",
        ),
        (
            "OPTIONS (password 'hunter2', \"user\" 'bob')",
            "OPTIONS (password ***, \"user\" 'bob')",
        ),
        ("{\"password\": \"hunter2\"}", "{\"password\": ***}"),
        ("PGCOFFER_KEY=00ff PGPASSWORD=x", "PGCOFFER_KEY=*** PGPASSWORD=***"),
        (
            "at https://hooks.slack.com/services/T0/B0/abc now",
            "at https://hooks.slack.com/*** now",
        ),
        (
            "key pgcoffer-key-1qqqqqqqq, whsec_MfKQ9r8GKYqrTwj",
            "key pgcoffer-key-1***, whsec_***",
        ),
    ] {
        assert_eq!(redacted(text), left);
    }
}

#[test]
fn what_is_no_secret_stays() {
    for text in [
        "nothing",
        "the form is postgres://user:password@host:5432/database",
        "password authentication failed for user \"joe\"",
        "no password supplied: give one",
        "https://db.example.com:8443/path and ann@example.com",
        "http://[::1]:9000/x",
        "smtp://…:587 for STARTTLS",
        "set it to s3://bucket/prefix, sftp://user@host/path or file:///path/to/folder",
        "such as https://hc-ping.com/UUID, or https://hooks.slack.com/services/…; see there",
        "set PGCOFFER_WEBHOOK_SECRET=… and PGCOFFER_KEY=<key>",
        "s3://bucket/prefix/main/records/2026.pgc",
        "the user's 'password' is wrong",
    ] {
        assert_eq!(redacted(text), text);
    }
}

#[test]
fn a_password_that_is_a_word_leaves_no_gap() {
    for password in ["shop", "password", "customers", "Customer_2024", "e"] {
        let known = Known::new([password]);
        for text in [
            format!("ERROR:  schema \"{password}\" already exists"),
            format!("CREATE SCHEMA {password}; CREATE TABLE my{password}s ()"),
        ] {
            assert_eq!(known.strike(&text), text);
            assert!(!known.stand_in(&text));
        }
    }
}

#[test]
fn a_secret_that_no_name_would_be_is_struck_out_in_every_form() {
    for secret in [
        "s3/cr:t",
        "it's\"50%\\",
        "p7f3a9c1e5b8d2046f3a9c1e5b8d2046",
        "tr0ub4dor&3 zebra!",
        "k4m7x2q9",
    ] {
        let known = Known::new([secret]);
        let encoded = percent_encoding::utf8_percent_encode(secret, percent_encoding::NON_ALPHANUMERIC).to_string();
        for form in [secret.to_owned(), encoded, secret.replace('\'', "''")] {
            let text = known.strike(&format!("at first ({form}), then {form}"));
            assert_eq!(text, "at first (***), then ***", "{form}");
        }
        assert!(known.stand_in(&secret.to_uppercase()));
        let longer = format!("x{secret}x");
        assert_eq!(known.strike(&longer), longer);
    }
    assert_eq!(Known::new([""]).strike("a b"), "a b");
}

/// Struck out by what it is itself, it would never be gone.
#[test]
fn a_password_that_decodes_to_asterisks_or_a_word_ends_and_leaves_no_gap() {
    for secret in ["%2A%2A%2A", "%2A%2A", "%2A", "%73hop", "%2a%2a%2a%2a"] {
        let known = Known::new([secret]);
        let text = known.strike("the shop had *** and ** and *");
        assert_eq!(text, "the shop had *** and ** and *", "{secret}");
        // as it stands it is struck out where it is long enough for a token
        if secret.len() >= TOKEN_CHARS_MIN {
            assert_eq!(known.strike(&format!("({secret})")), "(***)", "{secret}");
        }
    }
}
