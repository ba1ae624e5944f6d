//! Sign-in on a real server with a real provider of OpenID Connect.

use reqwest::header::{CONTENT_TYPE, COOKIE, LOCATION, SET_COOKIE};
use reqwest::redirect::Policy;
use reqwest::{Response, Url};
use serde_json::{Value, json};

use crate::accounts::nowhere;
use crate::http_client;
use crate::support::{Server, answer};

const EMAIL: &str = "somchai@example.test";
pub(crate) const SUBJECT: &str = "subject-4711";
pub(crate) const SECRET: &str = "known-to-both-0815";

/// A browser that follows nothing by itself.
pub(crate) struct Browser<'a> {
    server: &'a Server,
    http: reqwest::Client,
    cookie: String,
}

impl<'a> Browser<'a> {
    pub(crate) fn new(server: &'a Server) -> Self {
        let http = http_client::builder(None).redirect(Policy::none());
        Self {
            server,
            http: http.build().unwrap(),
            cookie: String::new(),
        }
    }

    /// Where the server sends it to.
    async fn start(&mut self) -> Url {
        let path = "/auth/oauth/house/start?return_to=%2Fshows";
        let response = self.http.get(self.server.url(path)).send().await.unwrap();
        assert_eq!(response.status(), 303);
        let set = header(&response, SET_COOKIE);
        self.cookie = set.split(';').next().unwrap().to_owned();
        header(&response, LOCATION).parse().unwrap()
    }

    /// Signs in at the provider; where that sends it back to.
    async fn sign_in_at(&self, provider: Url, claims: &Value) -> Url {
        let form = format!("username={SUBJECT}&claims={}", encoded(&claims.to_string()));
        let request = self
            .http
            .post(provider)
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(form);
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 302);
        header(&response, LOCATION).parse().unwrap()
    }

    /// Comes back; what stands behind `#` where it lands.
    async fn come_back(&self, to: &Url) -> String {
        let path = to.path().strip_prefix("/api/v1").unwrap();
        let url = self.server.url(&format!("{path}?{}", to.query().unwrap()));
        let request = self.http.get(url).header(COOKIE, &self.cookie);
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 303);
        let location: Url = header(&response, LOCATION).parse().unwrap();
        assert_eq!(location.path(), "/shows");
        location.fragment().unwrap().to_owned()
    }

    async fn exchange(&self, fragment: &str) -> (u16, Value) {
        let code = fragment.strip_prefix("sign_in=").unwrap();
        let request = self
            .http
            .post(self.server.url("/auth/oauth/session"))
            .header(COOKIE, &self.cookie)
            .json(&json!({ "code": code }));
        answer(request.send().await.unwrap()).await
    }

    /// All of it.
    pub(crate) async fn sign_in(&mut self, claims: &Value) -> Value {
        let provider = self.start().await;
        let back = self.sign_in_at(provider, claims).await;
        let fragment = self.come_back(&back).await;
        let (status, signed_in) = self.exchange(&fragment).await;
        assert_eq!(status, 200, "{signed_in}");
        signed_in["data"].clone()
    }
}

fn header(response: &Response, name: reqwest::header::HeaderName) -> String {
    let value = response.headers().get(name).unwrap();
    value.to_str().unwrap().to_owned()
}

fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn people_sign_in_with_a_real_identity_server() {
    let Ok(issuer) = std::env::var("ONSALE_TEST_IDENTITY_URL") else {
        panic!("ONSALE_TEST_IDENTITY_URL is not set: run the tests by deploy/test.sh");
    };
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let env = [
        ("ONSALE_ACCOUNTS__BCRYPT_COST", "10"),
        ("ONSALE_ACCOUNTS__PROVIDERS__HOUSE__ISSUER", &issuer),
        ("ONSALE_ACCOUNTS__PROVIDERS__HOUSE__CLIENT_ID", "onsale"),
        ("ONSALE_ACCOUNTS__PROVIDERS__HOUSE__CLIENT_SECRET", SECRET),
        ("ONSALE_ACCOUNTS__PROVIDERS__HOUSE__TITLE", "Opera house"),
        ("ONSALE_RATE_LIMIT__ENABLED", "false"),
        ("ONSALE_TELEMETRY__FILTER", "trace"),
    ];
    let server = Server::start_with(&data, &env).await;
    let (_, listed) = server.get("", "/auth/providers").await;
    assert_eq!(
        listed["data"],
        json!([{ "provider": "house", "title": "Opera house" }])
    );
    let mut browser = Browser::new(&server);
    let claims = json!({ "email": EMAIL, "email_verified": true, "name": "Somchai" });
    let first = browser.sign_in(&claims).await;
    assert_eq!(first["user"]["email"], EMAIL);
    assert_eq!(first["user"]["email_verified"], true);
    let second = browser.sign_in(&claims).await;
    assert_eq!(second["user"], first["user"]);
    let token = second["access_token"].as_str().unwrap();
    let (status, own) = server.get(token, "/auth/me/identities").await;
    assert_eq!(status, 200, "{own}");
    assert_eq!(own["data"]["has_password"], false);
    assert_eq!(own["data"]["identities"].as_array().map(Vec::len), Some(1));

    // A code that someone else was given, in a sign-in of one's own: the provider compares the verifier.
    let mut other = Browser::new(&server);
    let provider = other.start().await;
    let stolen = other.sign_in_at(provider, &claims).await;
    let of = |url: &Url, name: &str| {
        let found = url.query_pairs().find(|(of, _)| of == name);
        found.unwrap().1.into_owned()
    };
    let provider = browser.start().await;
    let mut back = browser.sign_in_at(provider, &claims).await;
    let query = format!("code={}&state={}", of(&stolen, "code"), of(&back, "state"));
    back.set_query(Some(&query));
    let fragment = browser.come_back(&back).await;
    assert_eq!(fragment, "sign_in_error=provider");

    assert_eq!(server.stop(), Some(0));
    for secret in [EMAIL, SUBJECT, SECRET] {
        nowhere(&data, secret.as_bytes());
    }
}
