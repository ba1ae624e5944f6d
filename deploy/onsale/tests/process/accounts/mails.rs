//! Mails to people, and a mail server that refuses them.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};

use serde_json::json;

use super::{EMAIL, NAME, mailed_token, mails, sign_in, verb};
use crate::support::Server;

#[tokio::test(flavor = "multi_thread")]
async fn a_person_follows_the_links_of_mails() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let env = [
        ("ONSALE_ACCOUNTS__BCRYPT_COST", "10"),
        ("ONSALE_MAIL__OUTBOX", "true"),
        ("ONSALE_HTTP__PUBLIC_URL", "https://tickets.example.test/"),
    ];
    let server = Server::start_with(&data, &env).await;
    let outbox = data.join("outbox");
    let body = json!({ "email": EMAIL, "password": "a long and winding road", "name": NAME });
    let (status, signed_in) = server.post("", "/auth/register", &body).await;
    assert_eq!(status, 201, "{signed_in}");
    let verify = mailed_token(&outbox, "verify-email").await;
    // Anyone may have registered this address, under any name.
    assert!(!mails(&outbox).contains(NAME));
    let token = signed_in["data"]["access_token"].as_str().unwrap();
    let link = json!({ "token": verify });
    let (status, done) = server.post("", "/auth/verify-email", &link).await;
    assert_eq!(status, 200, "{done}");
    let (_, me) = server.get(token, "/auth/me").await;
    assert_eq!(me["data"]["email_verified"], true);
    // Followed without a session, it shows whose the address is, and not whose the account is.
    let opera = ["tenant", "create", "opera", "--owner", EMAIL];
    let (code, _, err) = server.verb(&opera);
    assert_eq!(code, Some(1), "{err}");
    assert!(err.contains("while signed in"), "{err}");
    assert!(err.contains("--unverified"), "{err}");
    for entry in std::fs::read_dir(&outbox).unwrap() {
        std::fs::remove_file(entry.unwrap().path()).unwrap();
    }
    let resend = server.http.post(server.url("/auth/verify-email/resend"));
    let resent = resend.bearer_auth(token).send().await.unwrap();
    assert_eq!(resent.status().as_u16(), 202);
    let link = json!({ "token": mailed_token(&outbox, "verify-email").await });
    assert!(!mails(&outbox).contains(NAME));
    let (status, done) = server.post(token, "/auth/verify-email", &link).await;
    assert_eq!(status, 200, "{done}");
    assert_eq!(verb(&server, &opera)["owner_address_owned"], true);

    let (status, _) = server
        .post("", "/auth/forgot-password", &json!({ "email": EMAIL }))
        .await;
    assert_eq!(status, 202);
    let reset = mailed_token(&outbox, "reset-password").await;
    assert!(mails(&outbox).contains(NAME));
    let body = json!({ "token": reset, "password": "vintage otter lantern" });
    let (status, done) = server.post("", "/auth/reset-password", &body).await;
    assert_eq!(status, 200, "{done}");
    assert_eq!(sign_in(&server, "vintage otter lantern").await.0, 200);
    assert_eq!(server.stop(), Some(0));
}

/// A mail server that answers every recipient, or (where `greeting` is no 220) every client, with a refusal.
/// Returns its URL; it serves until the test ends.
fn refusing_mail_server(greeting: &'static str, recipient: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("smtp://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // A client may hang up at any moment.
            let _hung_up = refuse(stream, greeting, recipient);
        }
    });
    url
}

fn refuse(stream: TcpStream, greeting: &str, recipient: &str) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    let mut reply = greeting;
    loop {
        stream
            .get_mut()
            .write_all(format!("{reply}\r\n").as_bytes())?;
        let mut line = String::new();
        if stream.read_line(&mut line)? == 0 {
            return Ok(());
        }
        reply = if line.starts_with("RCPT") {
            recipient
        } else {
            "250 ok"
        };
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_waits_while_the_server_refuses_this_installation_and_ends_with_its_recipient() {
    for (greeting, recipient, state) in [
        ("220 ready", "550 5.1.1 no such user", "done"),
        (
            "220 ready",
            "550 5.7.1 your network is on a list",
            "waiting",
        ),
        ("554 5.7.1 not from there", "250 ok", "waiting"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let url = refusing_mail_server(greeting, recipient);
        let env = [
            ("ONSALE_ACCOUNTS__BCRYPT_COST", "10"),
            ("ONSALE_MAIL__URL", url.as_str()),
        ];
        let server = Server::start_with(&folder.path().join("data"), &env).await;
        let body = json!({ "email": EMAIL, "password": "a long and winding road" });
        assert_eq!(server.post("", "/auth/register", &body).await.0, 201);
        let args = ["jobs", "list", "--kind", "mail.account"];
        let job = loop {
            let job = verb(&server, &args)["jobs"][0].clone();
            let is_tried = job["attempts"].as_u64() >= Some(1) && job["state"] != "running";
            if is_tried {
                break job;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        };
        assert_eq!(job["state"], state, "{greeting} {recipient}: {job}");
        assert_eq!(server.stop(), Some(0));
    }
}
