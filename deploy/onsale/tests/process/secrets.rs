//! No secret of any section is in the list of processes, in what the server logs at its most talkative, in
//! what verbs print, or in what is said about a wrong setting.

use std::path::Path;

use serde_json::json;

use crate::postgres::Database;
use crate::support::{Server, SmallShow, free_port, onsale};

/// Part of every secret here.
const MARK: &str = "s3cret";

/// A secret that is long enough for every key.
fn secret(of: &str) -> String {
    format!("{MARK}-{of}-0123456789abcdef0123456789abcdef")
}

/// The secrets of every section, as variables.
fn variables(database: &str) -> Vec<(String, String)> {
    let with_password = database.replace("postgres@", &format!("postgres:{MARK}-database@"));
    assert!(with_password.contains(MARK), "{database}");
    let kafka = [
        "sasl.password",
        "ssl.key.password",
        "ssl.key.pem",
        "sasl.oauthbearer.client.secret",
    ];
    let kafka = kafka.map(|key| format!("{key}={MARK}-kafka")).join(",");
    let variables = [
        ("AUTH__HS256_SECRET", secret("tokens")),
        ("AUTH__BOOKING_SECRET", secret("bookings")),
        ("ACCOUNTS__KEY", secret("accounts")),
        ("ACCOUNTS__BCRYPT_COST", "10".to_owned()),
        ("CLUSTER__SECRET", secret("cluster")),
        ("MAIL__URL", format!("smtp://mail:{MARK}-mail@127.0.0.1:1")),
        ("DATABASE__URL", with_password),
        ("REDIS__URL", format!("redis://:{MARK}-redis@127.0.0.1:1")),
        ("KAFKA__PROPERTIES", kafka),
        ("TELEMETRY__FILTER", "trace".to_owned()),
    ];
    let named = variables.map(|(name, value)| (format!("ONSALE_{name}"), value));
    named.to_vec()
}

fn has_none(text: &str, what: &str) {
    if let Some(line) = text.lines().find(|line| line.contains(MARK)) {
        panic!("{what} shows a secret: {line}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_shows_while_everything_goes_well() {
    let database = Database::create();
    let folder = tempfile::tempdir().unwrap();
    let variables = variables(&database.url());
    let env: Vec<(&str, &str)> = variables
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let server = Server::start_with(folder.path(), &env).await;
    let show = SmallShow::open(&server).await;
    show.reserve(&server, &["A-1"]).await;
    // A person whose password and links pass through, too.
    let password = format!("{MARK} of a person");
    let person = json!({ "email": "one@example.test", "password": password, "name": "One" });
    let (status, answer) = server.post("", "/auth/register", &person).await;
    assert!(status < 300, "{status} {answer}");
    let refresh = answer["data"]["refresh_token"].as_str().unwrap().to_owned();
    let (status, _) = server.post("", "/auth/login", &person).await;
    assert!(status < 500, "{status}");

    let command_line = std::fs::read(format!("/proc/{}/cmdline", server.pid())).unwrap();
    has_none(
        &String::from_utf8_lossy(&command_line),
        "the list of processes",
    );
    for args in [
        &["config", "print"][..],
        &["config", "print", "--json"],
        &["config", "check"],
        &["doctor"],
        &["doctor", "--json"],
        &["status"],
        &["jobs", "list", "--json"],
        &["audit", "list", "--json"],
        &["user", "sessions", "one@example.test"],
        &["retention", "report"],
        &["keys", "list"],
    ] {
        let (code, out, err) = server.verb(args);
        assert!(code.is_some_and(|code| code < 2), "{args:?}: {out}{err}");
        has_none(&out, &format!("{args:?}"));
        has_none(&err, &format!("{args:?}"));
    }
    let log = server.log();
    assert!(log.contains("TRACE"), "it says everything");
    has_none(&log, "the log");
    for (what, token) in [("access", &show.buyer), ("refresh", &refresh)] {
        assert!(
            !log.contains(token.as_str()),
            "an {what} token is in the log"
        );
    }
    let data = server.data.clone();
    assert_eq!(server.stop(), Some(0));
    let log = std::fs::read_to_string(data.join("server.log")).unwrap();
    has_none(&log, "the log of its end");
}

/// What `onsale serve` says and how it ends, with this in the place of what is right.
fn said(folder: &Path, name: &str, value: &str) -> String {
    let env = [(format!("ONSALE_{name}"), value.to_owned())];
    let mut command = onsale(folder, free_port(), &env);
    let output = command.args(["config", "check"]).output().unwrap();
    let checked = output.status.code();
    let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.push_str(&String::from_utf8_lossy(&output.stderr));
    let doctor = onsale(folder, free_port(), &env).arg("doctor").output();
    let doctor = doctor.unwrap();
    text.push_str(&String::from_utf8_lossy(&doctor.stdout));
    text.push_str(&String::from_utf8_lossy(&doctor.stderr));
    assert!(
        checked != Some(0) || doctor.status.code() != Some(0),
        "{name}: nothing is said: {text}"
    );
    text
}

#[test]
fn no_secret_shows_in_what_is_said_about_a_wrong_setting() {
    let folder = tempfile::tempdir().unwrap();
    let url_file = folder.path().join("url");
    std::fs::write(&url_file, format!("postgres://u:{MARK}@127.0.0.1:1/x")).unwrap();
    let url_file = url_file.to_str().unwrap();
    let url = |scheme: &str, rest: &str| format!("{scheme}://u:{MARK}-{scheme}@{rest}");
    for (name, value, named) in [
        ("AUTH__HS256_SECRET", MARK.to_owned(), "auth"),
        (
            "AUTH__BOOKING_SECRET",
            MARK.to_owned(),
            "auth.booking_secret",
        ),
        ("ACCOUNTS__KEY", MARK.to_owned(), "accounts.key"),
        ("CLUSTER__SECRET", MARK.to_owned(), "cluster.secret"),
        ("MAIL__URL", url("imap", "mail.example.test"), "mail.url"),
        ("MAIL__URL", url("smtp", "mail.example.test"), "mail.url"),
        ("REDIS__URL", url("http", "h"), "redis.url"),
        ("DATABASE__URL", url("mysql", "h/x"), "database.url"),
        (
            "DATABASE__URL",
            url("postgres", "127.0.0.1:1/x"),
            "database",
        ),
        (
            "DATABASE__URL",
            url("postgres", "127.0.0.1:99999/x"),
            "database",
        ),
        (
            "DATABASE__URL",
            url("postgres", "127.0.0.1:1/x?sslmode=require&pasword=s3cret"),
            "database",
        ),
        ("DATABASE__URL_FILE", url_file.to_owned(), "database"),
        (
            "TELEMETRY__OTLP_ENDPOINT",
            format!("u:{MARK}@h:4317"),
            "telemetry.otlp_endpoint",
        ),
        ("KAFKA__PROPERTIES", MARK.to_owned(), "KAFKA__PROPERTIES"),
    ] {
        let said = said(folder.path(), name, &value);
        assert!(said.contains(named), "{name}: {said}");
        has_none(&said, name);
    }
}
