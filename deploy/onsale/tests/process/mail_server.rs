//! Mails of a real server by way of a real mail server.

use std::time::{Duration, Instant};

use reqwest::Url;
use serde_json::{Value, json};

use crate::http_client;
use crate::support::{Server, answer};

const LINKS: &str = "https://tickets.example.test/";
const PASSWORD: &str = "a long and winding road";
const NAME: &str = "Åsa ปกรณ์";
/// Longest line that a mail server takes, in bytes (RFC 5321, 4.5.3.1.6).
const LINE_MAX_BYTES: usize = 998;
/// Far more than a mail takes even on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// The mail server, as it shows what it has.
pub(crate) struct Mailbox {
    api: String,
    http: reqwest::Client,
    /// Nobody else's.
    address: String,
}

impl Mailbox {
    pub(crate) fn of(api: &str) -> Self {
        Self {
            api: api.to_owned(),
            http: http_client::builder(None).build().unwrap(),
            address: format!("p.{}@example.test", uuid::Uuid::new_v4().simple()),
        }
    }

    /// Nobody else's.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// Where it takes mails.
    pub(crate) fn smtp(&self) -> String {
        let port = Url::parse(&self.api).unwrap().port().unwrap() + 1;
        format!("smtp://127.0.0.1:{port}")
    }

    async fn get(&self, path: &str) -> Value {
        let url = format!("{}/api/v1/{path}", self.api);
        let response = self.http.get(url).send().await.unwrap();
        let (status, body) = answer(response).await;
        assert_eq!(status, 200, "{path}: {body}");
        body
    }

    /// All mails to this address, the newest first, once there are as many.
    pub(crate) async fn mails(&self, count: usize) -> Vec<Value> {
        let query = format!("search?query=to%3A{}", self.address);
        let deadline = Instant::now() + PATIENCE;
        loop {
            let found = self.get(&query).await["messages"].take();
            let found = found.as_array().unwrap();
            if found.len() >= count {
                assert_eq!(found.len(), count, "{found:?}");
                let mut mails = Vec::new();
                for mail in found {
                    let id = mail["ID"].as_str().unwrap();
                    mails.push(self.get(&format!("message/{id}")).await);
                }
                return mails;
            }
            assert!(Instant::now() < deadline, "{count} mails: {found:?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// A mail as it was received has nothing in it that a mail server on its way might change: text that is
    /// not ASCII is encoded, and no line is too long. In its head stands whom it is to, and no name.
    async fn assert_sound(&self, mail: &Value) {
        let id = mail["ID"].as_str().unwrap();
        let url = format!("{}/api/v1/message/{id}/raw", self.api);
        let response = self.http.get(url).send().await.unwrap();
        assert_eq!(response.status(), 200);
        let raw = response.text().await.unwrap();
        assert!(raw.is_ascii(), "{raw}");
        for line in raw.lines() {
            assert!(line.len() <= LINE_MAX_BYTES, "{} bytes", line.len());
        }
        let raw = raw.replace("\r\n", "\n");
        let (head, _) = raw.split_once("\n\n").unwrap();
        // A long field goes on behind blanks.
        let head = head.replace("\n ", " ").replace("\n\t", " ");
        let to = format!("To: {}", self.address);
        assert!(head.lines().any(|line| line == to), "{head}");
        let is_encoded = !mail["Subject"].as_str().unwrap().is_ascii();
        let subject = head.lines().find(|line| line.starts_with("Subject: "));
        let subject = subject.unwrap_or_default().to_lowercase();
        assert_eq!(subject.contains("=?utf-8?"), is_encoded, "{head}");
    }
}

/// What stands behind the link to `page` in a mail, whose head says what it has to.
fn token(mail: &Value, address: &str, page: &str) -> String {
    assert_eq!(mail["From"]["Name"], "Opera Zürich", "{mail}");
    assert_eq!(mail["From"]["Address"], "tickets@example.test");
    assert_eq!(mail["To"][0]["Address"], address);
    assert!(!mail["Subject"].as_str().unwrap().is_empty());
    assert!(mail["MessageID"].as_str().unwrap().contains('@'), "{mail}");
    let text = mail["Text"].as_str().unwrap();
    let link = format!("{LINKS}{page}#token=");
    let (_, rest) = text.split_once(&link).unwrap();
    rest.split_whitespace().next().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn mails_arrive_and_their_links_lead_on() {
    let Ok(api) = std::env::var("ONSALE_TEST_MAIL_URL") else {
        panic!("ONSALE_TEST_MAIL_URL is not set: run the tests by deploy/test.sh");
    };
    let mailbox = Mailbox::of(&api);
    let mail_url = mailbox.smtp();
    let folder = tempfile::tempdir().unwrap();
    let env = [
        ("ONSALE_ACCOUNTS__BCRYPT_COST", "10"),
        ("ONSALE_MAIL__URL", mail_url.as_str()),
        ("ONSALE_MAIL__FROM", "Opera Zürich <tickets@example.test>"),
        ("ONSALE_HTTP__PUBLIC_URL", LINKS),
        ("ONSALE_ACCOUNTS__SELF_SERVICE_TENANTS", "true"),
    ];
    let server = Server::start_with(&folder.path().join("data"), &env).await;
    let address = mailbox.address.as_str();
    let body = json!({ "email": address, "password": PASSWORD, "name": NAME });
    let (status, registered) = server.post("", "/auth/register", &body).await;
    assert_eq!(status, 201, "{registered}");
    let mails = mailbox.mails(1).await;
    // In the mail's own browser, where nobody is signed in.
    let verify = token(&mails[0], address, "verify-email");
    let verify = json!({ "token": verify, "password": PASSWORD });
    let (status, done) = server.post("", "/auth/verify-email", &verify).await;
    assert_eq!(status, 200, "{done}");

    let forgot = json!({ "email": address });
    let (status, _) = server.post("", "/auth/forgot-password", &forgot).await;
    assert_eq!(status, 202);
    let mails = mailbox.mails(2).await;
    assert!(
        mails[0]["Text"].as_str().unwrap().contains(NAME),
        "{mails:?}"
    );
    let reset = token(&mails[0], address, "reset-password");
    let reset = json!({ "token": reset, "password": "vintage otter lantern" });
    let (status, done) = server.post("", "/auth/reset-password", &reset).await;
    assert_eq!(status, 200, "{done}");
    let mails = mailbox.mails(3).await;
    assert_eq!(
        mails[0]["Subject"], "Opera Zürich: your password was reset",
        "{mails:?}"
    );
    let text = mails[0]["Text"].as_str().unwrap();
    assert!(text.contains("If this was not you"), "{text}");
    assert!(!text.contains("://"), "a notice brings no link: {text}");

    for mail in &mails {
        mailbox.assert_sound(mail).await;
        assert_eq!(mail["To"][0]["Name"], "", "{mail}");
    }
    let owner = json!({ "email": address, "password": "vintage otter lantern" });
    mails_in_thai(&server, &Mailbox::of(&api), owner).await;
    assert_eq!(server.stop(), Some(0));
}

/// What a call with a token answers, which has to be a success.
async fn done(server: &Server, token: &str, path: &str, body: &Value) -> Value {
    let (status, said) = server.post(token, path, body).await;
    assert!(status < 300, "{path}: {status} {said}");
    said["data"].clone()
}

/// A person who reads Thai is invited by an owner, registers, verifies its address and accepts.
async fn mails_in_thai(server: &Server, mailbox: &Mailbox, mut owner: Value) {
    let token_of = |signed_in: &Value| signed_in["access_token"].as_str().unwrap().to_owned();
    let signed_in = done(server, "", "/auth/login", &owner).await;
    let names = json!({ "name": "โรงละคร \"Café\"", "slug": "cafe" });
    let tenant = done(server, &token_of(&signed_in), "/tenants", &names).await;
    owner["tenant_id"] = tenant["tenant_id"].clone();
    let signed_in = done(server, "", "/auth/login", &owner).await;
    let members = format!("/tenants/{}/members", tenant["tenant_id"].as_str().unwrap());
    let address = mailbox.address.as_str();
    let invitation = json!({ "email": address, "role": "box_office", "locale": "th" });
    done(server, &token_of(&signed_in), &members, &invitation).await;
    let mails = mailbox.mails(1).await;
    let subject = "Opera Zürich: คำเชิญเข้าร่วมทีม \u{201c}โรงละคร 'Café'\u{201d}";
    assert_eq!(mails[0]["Subject"], subject, "{mails:?}");
    let text = mails[0]["Text"].as_str().unwrap();
    for part in [
        "สวัสดี",
        "คุณได้รับเชิญจาก Opera Zürich",
        "จำหน่ายตั๋ว",
        "\u{201c}โรงละคร 'Café'\u{201d}",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let invited = token(&mails[0], address, "invitation");

    let body = json!({ "email": address, "password": PASSWORD, "name": NAME, "locale": "th" });
    let registered = done(server, "", "/auth/register", &body).await;
    let person = token_of(&registered);
    let mails = mailbox.mails(2).await;
    assert_eq!(mails[0]["Subject"], "โปรดยืนยันอีเมลของคุณ", "{mails:?}");
    let text = mails[0]["Text"].as_str().unwrap();
    assert!(text.contains("โปรดยืนยันว่าอีเมลนี้เป็นของคุณ:"), "{text}");
    assert!(!text.contains(NAME), "nobody has shown whose address it is");
    let verify = json!({ "token": token(&mails[0], address, "verify-email") });
    done(server, "", "/auth/verify-email", &verify).await;
    let accept = format!("/invitations/{invited}/accept");
    let joined = done(server, &person, &accept, &Value::Null).await;
    assert_eq!(joined["role"], "box_office");

    let forgot = json!({ "email": address });
    done(server, "", "/auth/forgot-password", &forgot).await;
    let mails = mailbox.mails(3).await;
    assert_eq!(mails[0]["Subject"], "ตั้งรหัสผ่านใหม่", "{mails:?}");
    let text = mails[0]["Text"].as_str().unwrap();
    assert!(text.contains(&format!("สวัสดีคุณ {NAME}")), "{text}");
    let reset = token(&mails[0], address, "reset-password");
    let reset = json!({ "token": reset, "password": "vintage otter lantern" });
    done(server, "", "/auth/reset-password", &reset).await;
    let mails = mailbox.mails(4).await;
    assert_eq!(
        mails[0]["Subject"], "Opera Zürich: รหัสผ่านของคุณถูกตั้งใหม่แล้ว",
        "{mails:?}"
    );
    for mail in &mails {
        mailbox.assert_sound(mail).await;
    }
}

/// Another address for an account: the link goes to the new one, and the one before is told.
#[tokio::test(flavor = "multi_thread")]
async fn an_account_moves_to_the_address_that_its_link_was_mailed_to() {
    let Ok(api) = std::env::var("ONSALE_TEST_MAIL_URL") else {
        panic!("ONSALE_TEST_MAIL_URL is not set: run the tests by deploy/test.sh");
    };
    let (before, after) = (Mailbox::of(&api), Mailbox::of(&api));
    let mail_url = before.smtp();
    let folder = tempfile::tempdir().unwrap();
    let env = [
        ("ONSALE_ACCOUNTS__BCRYPT_COST", "10"),
        ("ONSALE_MAIL__URL", mail_url.as_str()),
        ("ONSALE_MAIL__FROM", "Opera Zürich <tickets@example.test>"),
        ("ONSALE_MAIL__CONTACT", "Help <help@example.test>"),
        ("ONSALE_HTTP__PUBLIC_URL", LINKS),
    ];
    let server = Server::start_with(&folder.path().join("data"), &env).await;
    let body = json!({ "email": before.address, "password": PASSWORD, "name": NAME });
    let registered = done(&server, "", "/auth/register", &body).await;
    let session = registered["access_token"].as_str().unwrap();
    let mails = before.mails(1).await;
    let verify = json!({ "token": token(&mails[0], &before.address, "verify-email") });
    done(&server, session, "/auth/verify-email", &verify).await;

    let asked = json!({ "email": after.address, "password": PASSWORD });
    done(&server, session, "/auth/change-email", &asked).await;
    let told = before.mails(2).await.remove(0);
    let subject = "Opera Zürich: a change of your e-mail address was requested";
    assert_eq!(told["Subject"], subject, "{told}");
    let mails = after.mails(1).await;
    let text = mails[0]["Text"].as_str().unwrap();
    assert!(!text.contains(NAME), "nobody has shown whose address it is");
    assert!(text.contains("The link expires in "), "{text}");
    let link = json!({ "token": token(&mails[0], &after.address, "confirm-email") });
    done(&server, session, "/auth/confirm-email", &link).await;
    let told = before.mails(3).await.remove(0);
    let subject = "Opera Zürich: your e-mail address was changed";
    assert_eq!(told["Subject"], subject, "{told}");
    let text = told["Text"].as_str().unwrap();
    assert!(
        text.contains("write to help@example.test at once"),
        "{text}"
    );
    assert_eq!(told["ReplyTo"][0]["Address"], "help@example.test", "{told}");
    assert!(!text.contains(&after.address), "{text}");
    before.assert_sound(&told).await;
    after.assert_sound(&mails[0]).await;

    // From now on mails go there.
    let body = json!({ "email": after.address, "password": PASSWORD });
    let signed_in = done(&server, "", "/auth/login", &body).await;
    assert_eq!(signed_in["user"]["email"], after.address);
    let change = json!({ "current_password": PASSWORD, "new_password": "vintage otter lantern" });
    let session = signed_in["access_token"].as_str().unwrap();
    done(&server, session, "/auth/change-password", &change).await;
    let told = after.mails(2).await.remove(0);
    let subject = "Opera Zürich: your password was changed";
    assert_eq!(told["Subject"], subject, "{told}");
    let text = told["Text"].as_str().unwrap();
    assert!(text.contains(&format!("Hello {NAME},")), "{text}");
    assert_eq!(server.stop(), Some(0));
}
