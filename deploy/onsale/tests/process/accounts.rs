//! People on a real server: operators' verbs beside it, and what is found of a person afterwards in the
//! log and in every file.

mod first_admin;
mod mails;

use std::path::Path;

use serde_json::{Value, json};

use crate::postgres::Database;
use crate::support::Server;

const EMAIL: &str = "owner@example.test";
const NAME: &str = "Wilhelmina Quagmire";

fn verb(server: &Server, args: &[&str]) -> Value {
    let (code, out, err) = server.verb(&[args, &["--json"]].concat());
    assert_eq!(code, Some(0), "{args:?}: {out}{err}");
    serde_json::from_str(&out).unwrap()
}

async fn sign_in(server: &Server, password: &str) -> (u16, Value) {
    let body = json!({ "email": EMAIL, "password": password });
    server.post("", "/auth/login", &body).await
}

/// Settings of a server with accounts, and with its database there where it is not a file.
fn settings(database: Option<&str>) -> Vec<(&str, &str)> {
    let url = database.map(|url| ("ONSALE_DATABASE__URL", url));
    let cost = ("ONSALE_ACCOUNTS__BCRYPT_COST", "10");
    std::iter::once(cost).chain(url).collect()
}

/// A list that ends before its last item says so, and where it goes on.
fn goes_on(server: &Server) {
    let more = ["user", "create", "--email", "second@example.test"];
    let second = verb(server, &more)["user_id"].clone();
    let first = [&["user", "list"][..], &["--limit", "1", "--json"]].concat();
    let (code, out, err) = server.verb(&first);
    assert_eq!(code, Some(0), "{err}");
    let page: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(page["users"][0]["user_id"], second, "{page}");
    assert_eq!(page["next"], second, "{page}");
    let place = second.as_str().unwrap();
    assert!(err.contains(&format!("more: --after {place}")), "{err}");
    let (_, out, err) = server.verb(&["user", "list", "--after", place]);
    assert!(out.contains(EMAIL) && !out.contains(place), "{out}");
    assert!(!err.contains("more:"), "{err}");
    for (args, option) in [
        (&["audit", "list", "--limit", "1"], "more: --before "),
        (&["user", "list", "--limit", "1"], "more: --after "),
    ] {
        let (code, _, err) = server.verb(args);
        assert_eq!(code, Some(0), "{err}");
        assert!(err.contains(option), "{args:?}: {err}");
    }
    let (_, _, err) = server.verb(&["tenant", "list", "--limit", "1"]);
    assert!(!err.contains("more:"), "there is one tenant: {err}");
}

#[tokio::test(flavor = "multi_thread")]
async fn operators_look_after_accounts_and_no_file_names_a_person() {
    looked_after(None).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn operators_look_after_accounts_on_postgresql() {
    let database = Database::create();
    looked_after(Some(&database.url())).await;
}

async fn looked_after(database: Option<&str>) {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let mut env = settings(database);
    env.push(("ONSALE_TELEMETRY__FILTER", "trace"));
    let server = Server::start_with(&data, &env).await;
    let create = ["user", "create", "--email", EMAIL, "--name", NAME];
    let (code, _, err) = server.verb(&[&create[..], &["--tenant", "opera"]].concat());
    assert_eq!(code, Some(1), "{err}");
    assert!(err.contains("onsale tenant create opera"), "{err}");
    let tenant = verb(&server, &["tenant", "create", "opera", "--name", "Opera"]);
    let created = verb(&server, &[&create[..], &["--tenant", "opera"]].concat());
    let password = created["password"].as_str().unwrap();

    let (status, signed_in) = sign_in(&server, password).await;
    assert_eq!(status, 200, "{signed_in}");
    let user = &signed_in["data"]["user"];
    assert_eq!(user["role"], "organizer");
    assert_eq!(user["tenant_id"], tenant["tenant_id"]);
    assert_eq!(user["name"], NAME);
    let sessions = verb(&server, &["user", "sessions", EMAIL]);
    assert_eq!(sessions.as_array().map(Vec::len), Some(1), "{sessions}");

    verb(&server, &["user", "disable", EMAIL]);
    let token = &signed_in["data"]["refresh_token"];
    let refresh = json!({ "refresh_token": token });
    let (status, _) = server.post("", "/auth/refresh", &refresh).await;
    assert_eq!(status, 401);
    assert_eq!(sign_in(&server, password).await.0, 403);
    verb(&server, &["user", "enable", EMAIL]);
    let set = verb(&server, &["user", "password", EMAIL]);
    assert_eq!(sign_in(&server, password).await.0, 401);
    let password = set["password"].as_str().unwrap().to_owned();
    verb(&server, &["user", "role", EMAIL, "admin"]);
    let (_, admin) = sign_in(&server, &password).await;
    let token = admin["data"]["access_token"].as_str().unwrap();
    let (status, _) = server.get(token, "/admin/snapshots").await;
    assert_eq!(status, 200);
    let path = format!("/users/{}", created["user_id"].as_str().unwrap());
    let (status, read) = server.get(token, &path).await;
    assert_eq!(status, 200, "{read}");
    let shown = verb(&server, &["user", "show", EMAIL]);
    assert_eq!(read["data"], shown, "an account has one shape");
    verb(&server, &["user", "sessions", EMAIL, "--end"]);
    let listed = verb(&server, &["user", "list", "--role", "admin"]);
    let shown = verb(&server, &["user", "show", EMAIL]);
    assert_eq!(listed, json!({ "users": [shown], "next": null }));
    assert_eq!(shown["email"], EMAIL);
    assert_eq!(shown["user_id"], created["user_id"]);
    assert_eq!(shown["email_verified"], true);
    assert_eq!(shown["address_owned"], true);
    assert_eq!(shown["second_factor"], false);
    assert!(shown["last_sign_in_at"].is_string(), "{shown}");
    assert_eq!(shown["disabled_at"], json!(null), "{shown}");
    assert_eq!(shown["memberships"][0]["slug"], "opera");
    assert_eq!(shown["memberships"][0]["role"], "owner");
    let buyers = verb(&server, &["user", "list", "--role", "buyer"]);
    assert_eq!(buyers, json!({ "users": [], "next": null }));
    let tenants = verb(&server, &["tenant", "list", "--search", "OPER"]);
    let found = &tenants["tenants"];
    assert_eq!(found.as_array().map(Vec::len), Some(1), "{tenants}");
    assert_eq!(found[0]["tenant_id"], tenant["tenant_id"]);
    assert_eq!(found[0]["name"], "Opera");
    assert!(found[0]["created_at"].is_string(), "{tenants}");
    assert_eq!(tenants["next"], json!(null));
    let none = verb(&server, &["tenant", "list", "--after", "opera"]);
    assert_eq!(none, json!({ "tenants": [], "next": null }));

    goes_on(&server);

    let entries = verb(&server, &["audit", "list", "--limit", "100"]);
    let actions: Vec<&str> = entries
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["action"].as_str().unwrap())
        .collect();
    for action in [
        "tenant.create",
        "account.create",
        "session.open",
        "account.role",
        "account.list",
        "account.read",
    ] {
        assert!(actions.contains(&action), "{action} in {actions:?}");
    }
    assert_eq!(server.stop(), Some(0));
    for secret in [EMAIL, NAME, "Quagmire", &password] {
        nowhere(&data, secret.as_bytes());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rights_are_for_addresses_that_their_accounts_have_verified() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let env = [("ONSALE_ACCOUNTS__BCRYPT_COST", "10")];
    let server = Server::start_with(&data, &env).await;
    // Whoever it is: nobody has followed the link.
    let body = json!({ "email": EMAIL, "password": "a long and winding road" });
    let (status, signed_in) = server.post("", "/auth/register", &body).await;
    assert_eq!(status, 201, "{signed_in}");
    let id = signed_in["data"]["user"]["user_id"].as_str().unwrap();
    let opera = ["tenant", "create", "opera", "--owner", EMAIL];
    for args in [
        &["user", "role", EMAIL, "admin"][..],
        &["user", "role", id, "admin"],
        &opera,
    ] {
        let (code, _, err) = server.verb(args);
        assert_eq!(code, Some(1), "{args:?}: {err}");
        assert!(err.contains("not verified"), "{args:?}: {err}");
        assert!(err.contains("--unverified"), "{args:?}: {err}");
    }
    let (_, signed_in) = sign_in(&server, "a long and winding road").await;
    assert_eq!(signed_in["data"]["user"]["role"], "buyer");
    let tenant = verb(&server, &[&opera[..], &["--unverified"]].concat());
    assert_eq!(tenant["owner"], id);
    assert_eq!(tenant["owner_address_owned"], false);
    let raise = ["user", "role", EMAIL, "admin", "--unverified"];
    assert_eq!(verb(&server, &raise)["address_owned"], false);
    // To take rights away needs no proof, but somebody else who looks after the installation.
    for args in [
        &["user", "role", EMAIL, "buyer"][..],
        &["user", "disable", EMAIL],
    ] {
        let (code, _, err) = server.verb(args);
        assert_eq!(code, Some(1), "{args:?}: {err}");
        assert!(err.contains("last admin"), "{args:?}: {err}");
    }
    let create = ["user", "create", "--email", "ops@example.test", "--admin"];
    verb(&server, &create);
    verb(&server, &["user", "role", EMAIL, "buyer"]);
    verb(&server, &["user", "disable", EMAIL]);
    let (code, _, err) = server.verb(&["tenant", "create", "theatre", "--owner", EMAIL]);
    assert_eq!(code, Some(1), "{err}");
    let (code, _, err) = server.verb(&[
        "tenant",
        "create",
        "theatre",
        "--owner",
        EMAIL,
        "--unverified",
    ]);
    assert_eq!(code, Some(1), "{err}");
    assert!(err.contains("is disabled"), "{err}");
    assert_eq!(server.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn verbs_about_an_erased_account_say_that_they_change_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let env = [("ONSALE_ACCOUNTS__BCRYPT_COST", "10")];
    let server = Server::start_with(&data, &env).await;
    let password = "a long and winding road";
    let body = json!({ "email": EMAIL, "password": password });
    let (status, signed_in) = server.post("", "/auth/register", &body).await;
    assert_eq!(status, 201, "{signed_in}");
    let id = signed_in["data"]["user"]["user_id"].as_str().unwrap();
    let token = signed_in["data"]["access_token"].as_str().unwrap();
    let erased = server
        .http
        .delete(server.url("/auth/me"))
        .bearer_auth(token)
        .json(&json!({ "password": password }))
        .send()
        .await
        .unwrap();
    assert_eq!(erased.status().as_u16(), 200);
    for args in [
        &["user", "role", id, "admin"][..],
        &["user", "role", id, "buyer"],
        &["user", "disable", id],
        &["user", "enable", id],
        &["tenant", "create", "opera", "--owner", id, "--unverified"],
    ] {
        let (code, out, err) = server.verb(args);
        assert_eq!(code, Some(1), "{args:?}: {out}{err}");
        assert!(err.contains("is erased"), "{args:?}: {err}");
    }
    assert_eq!(server.stop(), Some(0));
}

/// No file of a folder, the server's log included, holds these bytes.
pub(crate) fn nowhere(folder: &Path, bytes: &[u8]) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            nowhere(&path, bytes);
        } else {
            let content = std::fs::read(&path).unwrap();
            let found = content.windows(bytes.len()).any(|window| window == bytes);
            let bytes = String::from_utf8_lossy(bytes);
            assert!(!found, "{bytes} in {}", path.display());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_key_seals_everything_again_in_steps() {
    key_changed(None).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_key_seals_everything_again_on_postgresql() {
    let database = Database::create();
    key_changed(Some(&database.url())).await;
}

async fn key_changed(database: Option<&str>) {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let (old, new) = (folder.path().join("old"), folder.path().join("new"));
    std::fs::write(&old, "o".repeat(32)).unwrap();
    std::fs::write(&new, "n".repeat(32)).unwrap();
    let path = |file: &Path| file.to_str().unwrap().to_owned();
    let with = |key: &Path| {
        let settings = settings(database);
        let settings = settings.into_iter();
        let mut variables: Vec<(String, String)> = settings
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        variables.push(("ONSALE_ACCOUNTS__KEY_FILE".to_owned(), path(key)));
        variables
    };
    let start = async |variables: &[(String, String)]| {
        let variables: Vec<(&str, &str)> = variables
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        Server::start_with(&data, &variables).await
    };
    let server = start(&with(&old)).await;
    let password = "a long and winding road";
    let body = json!({ "email": EMAIL, "password": password, "name": NAME });
    assert_eq!(server.post("", "/auth/register", &body).await.0, 201);

    let mut both = with(&new);
    both.push(("ONSALE_ACCOUNTS__OLD_KEY_FILES".to_owned(), path(&old)));
    let keys = |args: &[&str]| {
        let (code, out, err) = server.verb_with(&both, &[&["keys"], args, &["--json"]].concat());
        assert_eq!(code, Some(0), "{args:?}: {out}{err}");
        serde_json::from_str::<Value>(&out).unwrap()
    };
    let states = |listed: &Value| {
        let keys = listed.as_array().unwrap().iter();
        let state = |key: &Value| (key["state"].to_string(), key["values"].as_u64().unwrap());
        let mut states: Vec<(String, u64)> = keys.map(state).collect();
        states.sort();
        states
    };
    let (current, older) = ("\"current\"".to_owned(), "\"old\"".to_owned());
    let before = states(&keys(&["list"]));
    // At least the address, the name, the network address and the key of hashes.
    let total = before[1].1;
    assert!(total >= 4, "{before:?}");
    assert_eq!(before, [(current.clone(), 0), (older.clone(), total)]);
    let first = keys(&["rotate", "--at-most", "2"]);
    let left = total - 2;
    assert_eq!(first, json!({ "resealed": 2, "failed": 0, "left": left }));
    let rest = keys(&["rotate"]);
    assert_eq!(rest, json!({ "resealed": left, "failed": 0, "left": 0 }));
    assert_eq!(keys(&["rotate"])["resealed"], 0);
    assert_eq!(states(&keys(&["list"])), [(current, total), (older, 0)]);

    assert_eq!(server.stop(), Some(0));
    let server = start(&with(&new)).await;
    let (status, signed_in) = sign_in(&server, password).await;
    assert_eq!(status, 200, "{signed_in}");
    assert_eq!(signed_in["data"]["user"]["name"], NAME);
    // Without the key nothing opens, and that is said.
    let (code, _, err) = server.verb_with(&with(&old), &["user", "sessions", EMAIL]);
    assert_eq!(code, Some(1), "{err}");
    assert!(err.contains("which is not configured"), "{err}");
    assert_eq!(server.stop(), Some(0));
}

/// The tokens of the links that were printed, once there are as many.
async fn printed_tokens(server: &Server, count: usize) -> Vec<String> {
    loop {
        let tokens = tokens_in(&server.log());
        if tokens.len() >= count {
            return tokens;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}

fn tokens_in(log: &str) -> Vec<String> {
    let links = log.split("/first-admin#token=").skip(1);
    links
        .filter_map(|rest| rest.split_whitespace().next())
        .map(str::to_owned)
        .collect()
}

/// Every mail in the outbox.
fn mails(outbox: &Path) -> String {
    std::fs::read_dir(outbox)
        .into_iter()
        .flatten()
        .map(|entry| std::fs::read_to_string(entry.unwrap().path()).unwrap())
        .collect()
}

/// The token of the mail whose link leads to this page, once it is in the outbox.
async fn mailed_token(outbox: &Path, page: &str) -> String {
    let link = format!("https://tickets.example.test/{page}#token=");
    loop {
        for entry in std::fs::read_dir(outbox).into_iter().flatten() {
            let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
            if let Some((_, rest)) = text.split_once(&link) {
                assert!(text.contains(&format!("To: {EMAIL}")), "{text}");
                return rest.split_whitespace().next().unwrap().to_owned();
            }
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn operators_reset_second_factors_and_their_person_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let env = [
        ("ONSALE_ACCOUNTS__BCRYPT_COST", "10"),
        ("ONSALE_MAIL__OUTBOX", "true"),
        ("ONSALE_HTTP__PUBLIC_URL", "https://tickets.example.test"),
        ("ONSALE_ACCOUNTS__REQUIRE_SECOND_FACTOR", "operators"),
    ];
    let server = Server::start_with(&data, &env).await;
    let password = "a long and winding road";
    let body = json!({ "email": EMAIL, "password": password });
    let (status, signed_in) = server.post("", "/auth/register", &body).await;
    assert_eq!(status, 201, "{signed_in}");
    let token = signed_in["data"]["access_token"].as_str().unwrap();
    let begin = json!({ "password": password });
    let (status, refused) = server.post(token, "/auth/factors/totp", &begin).await;
    assert_eq!(status, 403, "{refused}");
    assert_eq!(refused["error"]["code"], "EMAIL_NOT_VERIFIED");
    let outbox = data.join("outbox");
    let link = json!({ "token": mailed_token(&outbox, "verify-email").await });
    let (status, verified) = server.post(token, "/auth/verify-email", &link).await;
    assert_eq!(status, 200, "{verified}");
    let (status, begun) = server.post(token, "/auth/factors/totp", &begin).await;
    assert_eq!(status, 201, "{begun}");
    let secret = begun["data"]["secret"].as_str().unwrap();
    let secret = totp_rs::Secret::try_from_base32(secret).unwrap();
    let app = totp_rs::Builder::new().with_secret(secret).build().unwrap();
    let now = std::time::SystemTime::now();
    let now = now.duration_since(std::time::UNIX_EPOCH).unwrap();
    let code = json!({ "code": app.generate(now.as_secs()).to_string() });
    let (status, added) = server
        .post(token, "/auth/factors/totp/confirm", &code)
        .await;
    assert_eq!(status, 200, "{added}");
    let (status, asked) = sign_in(&server, password).await;
    assert_eq!(status, 401, "{asked}");
    assert_eq!(asked["error"]["code"], "SECOND_FACTOR_REQUIRED");

    let listed = verb(&server, &["user", "factors", EMAIL]);
    assert!(listed["totp_since"].is_string(), "{listed}");
    assert_eq!(listed["recovery_codes_left"], 10);
    let reset = verb(&server, &["user", "factors", EMAIL, "--reset"]);
    assert_eq!(
        (&reset["totp"], &reset["sessions_ended"]),
        (&json!(1), &json!(1))
    );
    let (code, said, err) = server.verb(&["user", "factors", EMAIL, "--reset"]);
    assert_eq!(code, Some(0), "{err}");
    assert!(said.contains("nothing was removed"), "{said}");
    let trail = verb(&server, &["audit", "list", "--action", "factor.reset"]);
    assert_eq!(trail.as_array().map(Vec::len), Some(1), "{trail}");
    let (status, signed_in) = sign_in(&server, password).await;
    assert_eq!(status, 200, "{signed_in}");
    // The role that takes one is held back until there is one again.
    verb(&server, &["user", "role", EMAIL, "admin"]);
    let (_, admin) = sign_in(&server, password).await;
    assert_eq!(admin["data"]["user"]["second_factor_required"], true);
    let without = verb(&server, &["user", "factors"]);
    let id = &admin["data"]["user"]["user_id"];
    let expected = json!([{ "user_id": id, "role": "admin", "email": EMAIL }]);
    assert_eq!(without, expected);
    let token = admin["data"]["access_token"].as_str().unwrap();
    assert_eq!(server.get(token, "/admin/snapshots").await.0, 403);
    let told = |subject: &str| mails(&outbox).contains(subject);
    while !(told("authenticator app was added") && told("two-step sign-in was switched off")) {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert_eq!(server.stop(), Some(0));
}
