//! What a newcomer does in the first hour: the load generator against `dev` as it comes, output
//! into `head`, a printed configuration.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Stdio};

use serde_json::{Value, json};

use crate::http_client;
use crate::support::{Server, SmallShow, answer, free_port, onsale};

/// What a shell says of a process whose reader went away.
const READER_GONE: i32 = 141;

/// With the limits by user that a server has by default, as `dev` has them.
#[tokio::test(flavor = "multi_thread")]
async fn load_runs_under_the_default_rate_limits_and_leaves_nothing_on_sale() {
    let folder = tempfile::tempdir().unwrap();
    // All its users come from one address, as no public does.
    let limited = [
        ("ONSALE_RATE_LIMIT__ENABLED", "true"),
        ("ONSALE_RATE_LIMIT__ADDRESS_BLOCKS", "mode=off"),
    ];
    let server = Server::start_with(&folder.path().join("data"), &limited).await;
    let history = folder.path().join("history.jsonl");
    let history = history.to_str().unwrap();
    let (code, out, err) = server.load(
        "life",
        &[
            "--rate",
            "100",
            "--duration",
            "3s",
            "--history",
            history,
            "--max-shed-rate",
            "0",
        ],
    );
    assert_eq!(code, Some(0), "{out}{err}");
    let report: Value = serde_json::from_str(&out).unwrap();
    let confirmed = &report["latency_by"]["confirm granted"]["count"];
    assert!(confirmed.as_u64() > Some(20), "{out}");
    let (_, events) = server.get("", "/events").await;
    assert_eq!(events["data"], serde_json::json!([]), "{events}");
    let (code, out, err) = server.verb(&["verify", "--history", history]);
    assert_eq!(code, Some(0), "{out}{err}");
}

#[tokio::test(flavor = "multi_thread")]
async fn verbs_end_quietly_when_their_reader_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let server = Server::start(&data).await;
    for verb in [
        &["verify"][..],
        &["verify", "--json"],
        &["status"],
        &["replay", "--partition", "0"],
        &["config", "print"],
        &["config", "check"],
        &["doctor"],
        &[
            "token",
            "--user",
            "00000000-0000-4000-8000-000000000002",
            "--role",
            "buyer",
        ],
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut child = onsale(&data, server.port, &[])
            .args(verb)
            .stdout(writer)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut err = String::new();
        child
            .stderr
            .take()
            .unwrap()
            .read_to_string(&mut err)
            .unwrap();
        let status = child.wait().unwrap();
        assert_eq!(status.code(), Some(READER_GONE), "{verb:?}: {err}");
        assert!(!err.contains("panicked"), "{verb:?}: {err}");
    }
}

/// `print` and `check` are of one mind, with a key and without, beside the data of `dev` too.
#[test]
fn a_printed_configuration_is_checked_like_the_one_it_was_printed_of() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    std::fs::create_dir_all(&data).unwrap();
    std::fs::write(data.join("dev-secret"), "0123456789abcdef0123456789abcdef").unwrap();
    let printed = folder.path().join("printed.toml");
    let verb = |with_key: bool, args: &[&str]| {
        let mut command = onsale(&data, 1, &[]);
        // Every command of the tests is given a free port of its own; this one is compared.
        command.env("ONSALE_HTTP__OPERATIONS_LISTEN", "127.0.0.1:2");
        if !with_key {
            command.env_remove("ONSALE_AUTH__HS256_SECRET");
        }
        let output = command.args(args).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        (output.status.code(), text)
    };
    for (with_key, expected) in [(true, Some(0)), (false, Some(2))] {
        let (code, text) = verb(with_key, &["config", "print"]);
        assert_eq!(code, Some(0), "{text}");
        assert_eq!(text.contains("hs256_secret"), with_key, "{text}");
        std::fs::write(&printed, &text).unwrap();
        let file = printed.to_str().unwrap();
        let (code, _) = verb(with_key, &["config", "check"]);
        assert_eq!(code, expected, "as it is, key: {with_key}");
        let (code, _) = verb(with_key, &["config", "check", "--config", file]);
        assert_eq!(code, expected, "as printed, key: {with_key}");
        let (_, again) = verb(with_key, &["config", "print", "--config", file]);
        assert_eq!(again, text);
    }
}

/// A server that answers is not the one of any folder that is named beside it.
#[tokio::test]
async fn doctor_says_when_the_server_serves_another_folder() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(&folder.path().join("data")).await;
    let (code, out, err) = server.verb(&["doctor"]);
    assert_eq!(code, Some(0), "{out}{err}");
    assert!(out.contains("ready at"), "{out}");
    // One that is not where the configuration says is named; nothing listens at the other address.
    let named = server.url("");
    let (code, out, err) = server.verb(&["doctor", "--server", named.trim_end_matches("/api/v1")]);
    assert_eq!(code, Some(0), "{out}{err}");
    assert!(out.contains("ready at"), "{out}");
    let (_, out, _) = server.verb(&["doctor", "--server", "http://127.0.0.1:1"]);
    assert!(out.contains("none runs at http://127.0.0.1:1"), "{out}");
    assert!(
        out.contains("--server") && out.contains("ONSALE_HTTP__LISTEN"),
        "{out}"
    );
    let elsewhere = folder.path().join("nowhere");
    let other = folder.path().join("other");
    for (data, has_log) in [(&elsewhere, false), (&other, true)] {
        let data = data.to_str().unwrap();
        if has_log {
            Server::start(&other).await.stop();
        }
        let (code, out, err) = server.verb(&["doctor", "--data", data]);
        assert_eq!(code, Some(1), "{out}{err}");
        assert!(!out.contains("ready at"), "{out}");
        assert!(out.contains(&format!("does not serve {data}")), "{out}");
        let has_none = out.contains(&format!("there is none in {data} yet"));
        assert_eq!(has_none, !has_log, "{out}");
    }
}

#[tokio::test]
async fn status_says_when_it_asks_the_operations_listener() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(&folder.path().join("data")).await;
    let operations = server.operations_url("");
    let (code, out, err) = server.verb(&["status", "--server", &operations]);
    assert_eq!(code, Some(1), "{out}{err}");
    assert!(err.contains("http.listen"), "{err}");
}

/// A server that is gone, or that cannot do its work, is not a fine one.
#[tokio::test]
async fn doctor_says_when_nothing_serves_a_log() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::start(&folder.path().join("data")).await;
    server.kill();
    let (code, out, err) = server.verb(&["doctor"]);
    assert_eq!(code, Some(0), "{out}{err}");
    assert!(out.contains("warning  server: none runs at"), "{out}");
    assert!(out.contains("there is a log"), "{out}");
    assert!(!out.contains("configuration: configuration"), "{out}");
    let (_, _, err) = server.verb(&["status"]);
    assert!(err.contains("is the server running?"), "{err}");
    assert!(err.contains("--server"), "{err}");
}

/// What the database lacks is not passed over: the log was read, and the exit code says that the two
/// were not compared.
#[tokio::test]
async fn verify_fails_when_the_database_could_not_be_compared() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let mut server = Server::start(&data).await;
    let show = SmallShow::open(&server).await;
    server.kill();
    let earlier = folder.path().join("earlier");
    std::fs::create_dir(&earlier).unwrap();
    copy_database(&data, &earlier);
    server.restart().await;
    show.reserve(&server, &["A-1"]).await;
    // Beside a running server a projection that is behind is waited for.
    let (code, out, err) = server.verb(&["verify"]);
    assert_eq!(code, Some(0), "{out}{err}");
    assert!(out.contains("1 live booking equal"), "{out}");
    server.kill();
    copy_database(&earlier, &data);
    let (code, out, err) = server.verb(&["verify"]);
    assert_eq!(code, Some(1), "{out}{err}");
    assert!(out.contains("database: not compared, it is at"), "{out}");
    assert!(err.contains("the database was not compared"), "{err}");
    let (code, out, err) = server.verb(&["verify", "--log-only"]);
    assert_eq!(code, Some(0), "{out}{err}");
}

fn copy_database(from: &Path, to: &Path) {
    for ending in ["", "-wal", "-shm"] {
        let name = format!("onsale.sqlite{ending}");
        // What is there of another moment does not belong to the copy.
        let _ = std::fs::remove_file(to.join(&name));
        if from.join(&name).exists() {
            std::fs::copy(from.join(&name), to.join(&name)).unwrap();
        }
    }
}

/// Options and arguments are refused in the words of the command line, with what would be right.
#[test]
fn wrong_use_is_answered_with_what_would_be_right() {
    let folder = tempfile::tempdir().unwrap();
    let verb = |args: &[&str]| {
        let output = onsale(folder.path(), 1, &[]).args(args).output().unwrap();
        let err = String::from_utf8(output.stderr).unwrap();
        (output.status.code(), err)
    };
    let buyer = "00000000-0000-4000-8000-000000000002";
    for (args, said) in [
        (
            &["status", "--server", "localhost:8080"][..],
            "http://localhost:8080",
        ),
        (&["jobs", "retry"], "--dead-of"),
        (&["jobs", "retry", "--dead-of"], "--dead-of"),
        (&["replay", "--summary"], "--partition"),
        (
            &["token", "--role", "buyer", "--user", buyer, "--ttl", "400d"],
            "auth.token_lifetime_max_seconds",
        ),
    ] {
        let (code, err) = verb(args);
        assert_eq!(code, Some(2), "{args:?}: {err}");
        assert!(err.contains(said), "{args:?}: {err}");
    }
}

/// `onsale dev`, which ends with the test.
struct Dev {
    child: Child,
    /// Address and password of each account that was printed.
    accounts: Vec<(String, String)>,
    /// Every line that was printed.
    said: Vec<String>,
}

impl Dev {
    /// Starts it, and reads what it says until it has said everything.
    fn start(data: &Path, port: u16) -> Self {
        Self::start_with(data, port, &[])
    }

    /// The same with these variables.
    fn start_with(data: &Path, port: u16, env: &[(String, String)]) -> Self {
        Self::run(data, port, &["--no-demo"], env)
    }

    fn run(data: &Path, port: u16, flags: &[&str], env: &[(String, String)]) -> Self {
        let listen = format!("127.0.0.1:{port}");
        let mut command = onsale(data, port, env);
        command.args(["dev", "--listen", &listen]).args(flags);
        command.stdout(Stdio::piped()).stderr(Stdio::null());
        let mut dev = Self {
            child: command.spawn().unwrap(),
            accounts: Vec::new(),
            said: Vec::new(),
        };
        // It goes on without a reader.
        let said = BufReader::new(dev.child.stdout.take().unwrap());
        for line in said.lines().map_while(Result::ok) {
            if line.starts_with("Stop with") {
                return dev;
            }
            let words: Vec<&str> = line.split_whitespace().collect();
            if let [email, password] = words[..]
                && email.ends_with("@example.test")
            {
                dev.accounts.push((email.to_owned(), password.to_owned()));
            }
            dev.said.push(line);
        }
        panic!("`onsale dev` ended: {}", dev.said.join("\n"));
    }
}

impl Drop for Dev {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The accounts that `dev` prints sign in as what they are called, at the next start with the same passwords.
#[tokio::test(flavor = "multi_thread")]
async fn the_accounts_of_dev_sign_in() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let port = free_port();
    let http = http_client::builder(None).build().unwrap();
    let mut before = Vec::new();
    for _start in 0..2 {
        let dev = Dev::start(&data, port);
        let called = ["buyer", "organizer", "admin"];
        assert_eq!(dev.accounts.len(), called.len(), "{:?}", dev.accounts);
        for ((email, password), role) in dev.accounts.iter().zip(called) {
            assert_eq!(*email, format!("{role}@example.test"));
            let url = format!("http://127.0.0.1:{port}/api/v1/auth/login");
            let body = json!({ "email": email, "password": password });
            let response = http.post(url).json(&body).send().await.unwrap();
            let (status, signed_in) = answer(response).await;
            assert_eq!(status, 200, "{email}: {signed_in}");
            assert_eq!(signed_in["data"]["user"]["role"], role, "{signed_in}");
        }
        if !before.is_empty() {
            assert_eq!(before, dev.accounts);
        }
        before = dev.accounts.clone();
    }
    // With another key of personal data the accounts keep the passwords that they have.
    let key = folder.path().join("new-key");
    std::fs::write(&key, "another key of personal data 0123456789abcdef").unwrap();
    let old = data.join("accounts-secret");
    let env = [
        ("ONSALE_ACCOUNTS__KEY_FILE", key),
        ("ONSALE_ACCOUNTS__OLD_KEY_FILES", old),
    ]
    .map(|(name, file)| (name.to_owned(), file.display().to_string()));
    let dev = Dev::start_with(&data, port, &env);
    assert_eq!(before, dev.accounts);
}

/// Under the limits by user that a server has by default, as `dev` has them, and once.
#[tokio::test(flavor = "multi_thread")]
async fn the_demo_is_whole_at_the_first_start_and_the_same_at_the_second() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let port = free_port();
    let api = format!("http://127.0.0.1:{port}/api/v1");
    let http = http_client::builder(None).build().unwrap();
    let limited = [("ONSALE_RATE_LIMIT__ENABLED".to_owned(), "true".to_owned())];
    let mut before: Vec<String> = Vec::new();
    for made in [3, 0] {
        let dev = Dev::run(&data, port, &[], &limited);
        let said = dev.said.join("\n");
        let creating = |line: &&String| line.starts_with("Creating the demo event");
        assert_eq!(dev.said.iter().filter(creating).count(), made, "{said}");
        let shows: Vec<String> = dev
            .said
            .iter()
            .filter_map(|line| line.trim().strip_prefix("show "))
            .filter_map(|line| line.split_whitespace().next())
            .map(str::to_owned)
            .collect();
        assert_eq!(shows.len(), 3, "{said}");
        if !before.is_empty() {
            assert_eq!(shows, before);
        }
        let organizer = dev
            .said
            .iter()
            .find_map(|line| line.trim().strip_prefix("ORGANIZER="))
            .unwrap_or_else(|| panic!("{said}"));
        // The tables of the last one need a code of their own.
        for (show, codes) in shows.iter().zip([1, 1, 2]) {
            let url = format!("{api}/shows/{show}/codes");
            let asked = http.get(url).bearer_auth(organizer).send().await.unwrap();
            let (status, groups) = answer(asked).await;
            assert_eq!(status, 200, "{groups}");
            assert_eq!(groups["meta"]["total"], codes, "{groups}");
        }
        let asked = http.get(format!("{api}/shows/{}/zones", shows[0]));
        let (_, zones) = answer(asked.send().await.unwrap()).await;
        let basket = json!({
            "zone_id": zones["data"][0]["zone_id"], "quantity": 2, "ticket_type": "Adult",
            "code": "WELCOME10",
        });
        let asked = http.post(format!("{api}/shows/{}/quote", shows[0]));
        let (status, quote) = answer(asked.json(&basket).send().await.unwrap()).await;
        assert_eq!(status, 200, "{quote}");
        let line = &quote["data"]["lines"][0];
        assert_eq!(line["phase"], "Early bird", "{quote}");
        // 3,200 less 15 % less 10 %, and fees of 20 for each place and 30 for the order.
        assert_eq!(line["unit_price"]["amount"], 244_800, "{quote}");
        assert_eq!(quote["data"]["total_price"]["amount"], 496_600, "{quote}");
        before = shows;
    }
}

/// The links of its mails lead to where it listens, and it says where the mails are.
#[tokio::test(flavor = "multi_thread")]
async fn the_mails_of_dev_are_found_and_lead_to_it() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let port = free_port();
    let http = http_client::builder(None).build().unwrap();
    let dev = Dev::start(&data, port);
    let outbox = dev
        .said
        .iter()
        .find_map(|line| line.trim().strip_prefix("mails "))
        .unwrap_or_else(|| panic!("{}", dev.said.join("\n")));
    let outbox = Path::new(outbox.trim());
    let url = format!("http://127.0.0.1:{port}/api/v1/auth/register");
    let body = json!({ "email": "somchai@example.test", "password": "a long and winding road" });
    let response = http.post(url).json(&body).send().await.unwrap();
    let (status, signed_in) = answer(response).await;
    assert_eq!(status, 201, "{signed_in}");
    let mail = loop {
        let mut files = std::fs::read_dir(outbox).into_iter().flatten();
        let mails = files.find_map(|entry| {
            let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
            text.contains("/verify-email#token=").then_some(text)
        });
        match mails {
            Some(mail) => break mail,
            None => tokio::time::sleep(std::time::Duration::from_millis(50)).await,
        }
    };
    let link = format!("http://localhost:{port}/verify-email#token=");
    assert!(mail.contains(&link), "{mail}");
}
