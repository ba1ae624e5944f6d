//! Mails of a real server by way of a real mail server.

use reqwest::Url;
use serde_json::{Value, json};

use crate::http_client;
use crate::support::{Server, answer};

const LINKS: &str = "https://tickets.example.test/";
const PASSWORD: &str = "a long and winding road";
const NAME: &str = "Åsa ปกรณ์";

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
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
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
        ("ONSALE_MAIL__LINK_BASE_URL", LINKS),
    ];
    let server = Server::start_with(&folder.path().join("data"), &env).await;
    let address = mailbox.address.as_str();
    let body = json!({ "email": address, "password": PASSWORD, "name": NAME });
    let (status, registered) = server.post("", "/auth/register", &body).await;
    assert_eq!(status, 201, "{registered}");
    let mails = mailbox.mails(1).await;
    let verify = json!({ "token": token(&mails[0], address, "verify-email") });
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

    // Nothing of the sealed name or address stands in the head of a mail, but whom it is to.
    let raw = format!(
        "{api}/api/v1/message/{}/headers",
        mails[0]["ID"].as_str().unwrap()
    );
    let headers = mailbox.http.get(raw).send().await.unwrap().text().await;
    assert!(!headers.unwrap().contains("Åsa"));
    assert_eq!(server.stop(), Some(0));
}
