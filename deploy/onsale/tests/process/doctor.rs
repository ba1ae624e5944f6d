//! What `onsale config check` says of the files that settings name, and `onsale doctor` of the services that the
//! server needs: each is asked as it is, and with something wrong.

use std::path::Path;

use crate::mail_server::Mailbox;
use crate::support::{free_port, onsale};

/// The exit code of a verb and all that it says.
fn said(folder: &Path, env: &[(&str, &str)], verb: &[&str]) -> (Option<i32>, String) {
    let env: Vec<(String, String)> = env
        .iter()
        .map(|(key, value)| (format!("ONSALE_{key}"), (*value).to_owned()))
        .collect();
    let output = onsale(folder, free_port(), &env)
        .args(verb)
        .output()
        .unwrap();
    let mut text = String::from_utf8(output.stdout).unwrap();
    text.push_str(&String::from_utf8(output.stderr).unwrap());
    (output.status.code(), text)
}

/// The line of doctor that says this, with the advice behind it.
fn check<'a>(text: &'a str, mark: &str, name: &str) -> &'a str {
    let start = format!("{mark:<7}  {name}: ");
    let Some(at) = text.find(&start) else {
        panic!("no {start:?} in {text}");
    };
    let rest = &text[at..];
    let second = rest.match_indices('\n').nth(1);
    second.map_or(rest, |(end, _)| &rest[..end])
}

fn address(variable: &str) -> String {
    std::env::var(variable)
        .unwrap_or_else(|_| panic!("{variable} is not set: run the tests by deploy/test.sh"))
}

#[test]
fn files_that_are_not_what_they_should_be_are_named_without_asking_anyone() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let gone = folder.path().join("gone").display().to_string();
    let inside = folder.path().display().to_string();
    let short = file("short", "s3cret");
    let text = file("text", "s3cret is no certificate");
    let empty = file("empty", "\n");
    // Port 1 has no listener: whoever asked there would say so.
    let url = file("url", "postgres://u:s3cret@127.0.0.1:1/x");
    for (key, path, what) in [
        ("ACCOUNTS__KEY_FILE", &short, "6 bytes"),
        ("MAIL__URL_FILE", &gone, "it does not exist"),
        ("MAIL__URL_FILE", &text, "no such URL"),
        ("DATABASE__URL_FILE", &empty, "it is empty"),
        ("REDIS__TLS_CA_FILE", &text, "no certificate"),
        ("HTTP__TLS_CA_FILE", &inside, "it is a folder"),
        ("UPLOADS__LOCATION", &text, "it is no folder"),
    ] {
        let env = [(key, path.as_str()), ("MAIL__FROM", "a@example.test")];
        let setting = key.to_lowercase().replace("__", ".");
        let (code, checked) = said(folder.path(), &env, &["config", "check"]);
        assert_eq!(code, Some(2), "{checked}");
        let (_, doctor) = said(folder.path(), &env, &["doctor"]);
        for service in ["mail", "uploads"] {
            // That has been said of its file.
            assert!(!doctor.contains(&format!("  {service}: ")), "{doctor}");
        }
        for said in [checked.as_str(), check(&doctor, "FAILED", "files")] {
            let named = format!("{setting} = {path} (");
            assert!(said.contains(&named) && said.contains(what), "{said}");
            assert!(!said.contains("s3cret"), "{said}");
        }
    }
    let env = [("MAIL__URL_FILE", inside.as_str())];
    for verb in [&["config", "check"][..], &["doctor"]] {
        let (_, said) = said(folder.path(), &env, verb);
        assert!(said.contains("it is a folder"), "{said}");
        assert!(!said.contains("chmod 600"), "{said}");
    }
    // All at once, values and files.
    let env = [
        ("HTTP__PUBLIC_URL", "tickets"),
        ("MAIL__URL_FILE", gone.as_str()),
        ("HTTP__TLS_CA_FILE", text.as_str()),
    ];
    let (code, checked) = said(folder.path(), &env, &["config", "check", "--json"]);
    assert_eq!(code, Some(2), "{checked}");
    let json: serde_json::Value = serde_json::from_str(checked.lines().next().unwrap()).unwrap();
    let problems = json["problems"].as_array().unwrap();
    assert_eq!(problems.len(), 3, "{json}");
    for key in ["http.public_url", "mail.url_file", "http.tls_ca_file"] {
        assert_eq!(checked.matches(key).count(), 1, "{key}: {checked}");
    }
    let env = [("DATABASE__URL_FILE", url.as_str())];
    let (code, checked) = said(folder.path(), &env, &["config", "check"]);
    assert_eq!(code, Some(0), "{checked}");
}

#[test]
fn what_should_not_stay_as_it_is_is_a_warning() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("key");
    std::fs::write(&key, "k".repeat(32)).unwrap();
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
    let key = key.display().to_string();
    let env = [
        ("ACCOUNTS__KEY_FILE", key.as_str()),
        ("MAIL__LINK_BASE_URL", "https://tickets.example.test"),
    ];
    let (code, text) = said(folder.path(), &env, &["config", "check"]);
    assert_eq!(code, Some(0), "{text}");
    let readable = format!("warning: accounts.key_file = {key} (every user");
    assert!(text.contains(&readable), "{text}");
    let older = "warning: mail.link_base_url is the older name of http.public_url";
    assert!(text.contains(older), "{text}");
    let (_, text) = said(folder.path(), &env, &["config", "check", "--json"]);
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(json["ok"], true, "{json}");
    assert_eq!(json["warnings"].as_array().map(Vec::len), Some(2), "{json}");
}

#[tokio::test(flavor = "multi_thread")]
async fn doctor_signs_in_at_the_mail_server() {
    let api = address("ONSALE_TEST_MAIL_URL");
    let right = Mailbox::of(&api).smtp();
    let folder = tempfile::tempdir().unwrap();
    let doctor = |url: &str| said(folder.path(), &[("MAIL__URL", url)], &["doctor"]);
    let (code, text) = doctor(&right);
    assert_eq!(code, Some(0), "{text}");
    check(&text, "ok", "mail");
    let place = right.strip_prefix("smtp://").unwrap();
    // That one knows no users.
    let (code, text) = doctor(&format!("smtp://somebody:s3cret@{place}"));
    assert_eq!(code, Some(1), "{text}");
    let found = check(&text, "FAILED", "mail");
    assert!(found.contains("refuses to authenticate"), "{found}");
    assert!(!text.contains("s3cret"), "{text}");
    // Nothing listens on port 1 of the loopback.
    let (_, text) = doctor("smtp://127.0.0.1:1");
    let found = check(&text, "warning", "mail");
    assert!(found.contains("connecting to 127.0.0.1:1 fails"), "{found}");
    assert!(found.contains("→"), "{found}");
    let (_, text) = doctor(&format!("smtps://{place}"));
    let found = check(&text, "FAILED", "mail");
    assert!(found.contains("cannot be encrypted"), "{found}");
}

#[test]
fn doctor_asks_issuers_for_what_they_say_of_themselves() {
    let issuer = address("ONSALE_TEST_IDENTITY_URL");
    let folder = tempfile::tempdir().unwrap();
    let doctor = |issuer: &str| {
        let env = [
            ("ACCOUNTS__PROVIDERS__HOUSE__ISSUER", issuer),
            ("ACCOUNTS__PROVIDERS__HOUSE__CLIENT_ID", "onsale"),
        ];
        said(folder.path(), &env, &["doctor"])
    };
    let (code, text) = doctor(&issuer);
    assert_eq!(code, Some(0), "{text}");
    check(&text, "ok", "sign-in");
    // It says of itself that it is the one without the slash.
    let (code, text) = doctor(&format!("{issuer}/"));
    assert_eq!(code, Some(1), "{text}");
    let found = check(&text, "FAILED", "sign-in");
    assert!(found.contains("accounts.providers.house.issuer"), "{found}");
    assert!(found.contains("of another issuer"), "{found}");
    let (_, text) = doctor("http://127.0.0.1:1/onsale");
    let found = check(&text, "warning", "sign-in");
    assert!(found.contains("cannot be reached"), "{found}");
}

#[test]
fn doctor_asks_the_bucket_for_what_is_not_there() {
    let address = address("ONSALE_TEST_S3_URL");
    let (endpoint, key) = address.split_once('#').unwrap();
    let (access_key, secret) = key.split_once(':').unwrap();
    let folder = tempfile::tempdir().unwrap();
    let doctor = |bucket: &str, endpoint: &str, secret: &str| {
        let env = [
            ("UPLOADS__LOCATION", bucket),
            ("UPLOADS__S3_ENDPOINT", endpoint),
            ("UPLOADS__S3_ACCESS_KEY", access_key),
            ("UPLOADS__S3_SECRET_KEY", secret),
        ];
        said(folder.path(), &env, &["doctor"])
    };
    let (code, text) = doctor("s3://onsale-tests", endpoint, secret);
    assert_eq!(code, Some(0), "{text}");
    check(&text, "ok", "uploads");
    let (code, text) = doctor("s3://onsale-tests", endpoint, "an0ther-s3cret");
    assert_eq!(code, Some(1), "{text}");
    let found = check(&text, "FAILED", "uploads");
    assert!(found.contains("uploads.s3_secret_key"), "{found}");
    assert!(!text.contains("an0ther"), "{text}");
    let (_, text) = doctor("s3://onsale-nowhere", endpoint, secret);
    let found = check(&text, "FAILED", "uploads");
    assert!(found.contains("create the bucket"), "{found}");
    let (_, text) = doctor("s3://onsale-tests", "http://127.0.0.1:1", secret);
    let found = check(&text, "warning", "uploads");
    assert!(found.contains("the server of uploads"), "{found}");
}
