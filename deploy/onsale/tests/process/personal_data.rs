//! Everything that people do with their accounts and with codes of a show, with a log that says all it can: what they
//! are called and what they keep secret stands in no file afterwards, and in no table, but in the mails to them.

mod codes;
mod search;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};

use self::codes::codes;
use self::search::{OUTBOX, search};
use crate::identity::{self, Browser};
use crate::postgres::Database;
use crate::support::{Server, SmallShow, answer};

const EMAIL: &str = "wilhelmina.quagmire@example.test";
const NAME: &str = "Wilhelmina Quagmire";
const PHONE: &str = "+66812345678";
const INVITED: &str = "ignatius.pendragon@example.test";
/// Where the account is for a while.
const MOVED: &str = "persephone.featherstonehaugh@example.test";
const GUEST: &str = "ophelia.lightfoot@example.test";
/// Of an account elsewhere.
const ELSEWHERE: &str = "tancredi.ulloanegra@example.test";
const NAME_ELSEWHERE: &str = "Tancredi Ulloanegra";
/// Whose password somebody tries.
const STRANGER: &str = "zebulon.underwood@example.test";
/// The program that they ask with.
const AGENT: &str = "Marmalade/7.3 (walnut)";
const PASSWORD: &str = "a long and winding road";
const WRONG_PASSWORD: &str = "crooked lantern harbour";
const SECOND_PASSWORD: &str = "vintage otter lantern";
const THIRD_PASSWORD: &str = "quiet morning harbour";
/// To act for oneself, whatever tenant one belongs to.
const NOBODYS: &str = "00000000-0000-0000-0000-000000000000";
const LINKS: &str = "https://tickets.example.test";
/// Far more than a mail takes even on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A server, and what nobody finds of the people who use it.
struct House<'a> {
    server: &'a Server,
    /// What it is, and what it reads like.
    secrets: Vec<(&'static str, String)>,
    /// Mails that were read.
    read: BTreeSet<PathBuf>,
}

impl<'a> House<'a> {
    fn new(server: &'a Server) -> Self {
        let known = [
            ("an address", EMAIL),
            ("an address", "quagmire"),
            ("a name", "wilhelmina"),
            ("a number", "812345678"),
            ("an invited address", "pendragon"),
            ("a guest's address", "lightfoot"),
            ("an address moved to", "featherstonehaugh"),
            ("an address elsewhere", "ulloanegra"),
            ("a name elsewhere", "tancredi"),
            ("a subject elsewhere", identity::SUBJECT),
            ("the secret of a provider", identity::SECRET),
            ("an address that was tried", "underwood"),
            ("a program", "marmalade"),
            ("a password", PASSWORD),
            ("a wrong password", WRONG_PASSWORD),
            ("a password", SECOND_PASSWORD),
            ("a password", THIRD_PASSWORD),
        ];
        Self {
            server,
            secrets: known.map(|(what, text)| (what, text.to_owned())).to_vec(),
            read: BTreeSet::new(),
        }
    }

    /// Remembers a secret that an answer shows.
    fn keep(&mut self, what: &'static str, value: &Value) -> String {
        let text = value
            .as_str()
            .unwrap_or_else(|| panic!("{what}: {value}"))
            .to_owned();
        self.secrets.push((what, text.clone()));
        text
    }

    /// The access token of someone who has signed in.
    fn tokens(&mut self, signed_in: &Value) -> String {
        self.keep("a refresh token", &signed_in["refresh_token"]);
        self.keep("an access token", &signed_in["access_token"])
    }

    /// (status, body).
    async fn ask(&self, method: Method, token: &str, path: &str, body: &Value) -> (u16, Value) {
        let request = self.server.http.request(method, self.server.url(path));
        let mut request = request.header("user-agent", AGENT);
        if !token.is_empty() {
            request = request.bearer_auth(token);
        }
        if !body.is_null() {
            request = request.json(body);
        }
        answer(request.send().await.unwrap()).await
    }

    /// What a call answers that has to be a success.
    async fn done(&self, method: Method, token: &str, path: &str, body: &Value) -> Value {
        let (status, said) = self.ask(method.clone(), token, path, body).await;
        assert!(status < 300, "{method} {path}: {status} {said}");
        said["data"].clone()
    }

    async fn post(&self, token: &str, path: &str, body: Value) -> Value {
        self.done(Method::POST, token, path, &body).await
    }

    async fn get(&self, token: &str, path: &str) -> Value {
        self.done(Method::GET, token, path, &Value::Null).await
    }

    /// A call that has to be refused.
    async fn refused(&self, token: &str, path: &str, body: Value, code: &str) -> Value {
        let (status, said) = self.ask(Method::POST, token, path, &body).await;
        assert_eq!(said["error"]["code"], code, "{path}: {status} {said}");
        said["error"]["details"].clone()
    }

    async fn register(&mut self, email: &str, name: Option<&str>) -> String {
        let body = json!({ "email": email, "password": PASSWORD, "name": name });
        let registered = self.post("", "/auth/register", body).await;
        let token = self.tokens(&registered);
        let link = self.mailed("verify-email", email).await;
        self.post("", "/auth/verify-email", json!({ "token": link }))
            .await;
        token
    }

    /// Signs in for a tenant; the access token.
    async fn login_for(&mut self, tenant: &Value) -> String {
        let body = json!({ "email": EMAIL, "password": THIRD_PASSWORD, "tenant_id": tenant });
        let signed_in = self.post("", "/auth/login", body).await;
        self.tokens(&signed_in)
    }

    /// As [`House::login_for`], for oneself.
    async fn login(&mut self) -> String {
        self.login_for(&json!(NOBODYS)).await
    }

    /// The token of the next mail to this address whose link leads to that page.
    async fn mailed(&mut self, page: &str, email: &str) -> String {
        let link = format!("{LINKS}/{page}#token=");
        let deadline = Instant::now() + PATIENCE;
        loop {
            let outbox = std::fs::read_dir(self.server.data.join(OUTBOX));
            for entry in outbox.into_iter().flatten() {
                let file = entry.unwrap().path();
                // It may be half written.
                let bytes = std::fs::read(&file).unwrap();
                let text = String::from_utf8_lossy(&bytes);
                let found = text.split_once(&link);
                let is_theirs = text.contains(&format!("To: {email}"));
                if let Some((_, rest)) = found
                    && is_theirs
                    && let Some((token, _)) = rest.split_once(char::is_whitespace)
                    && self.read.insert(file)
                {
                    return self.keep("the token of a link", &json!(token));
                }
            }
            assert!(Instant::now() < deadline, "no mail with {link}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// Sign-in, its failures, sessions and passwords.
async fn sign_in_and_out(house: &mut House<'_>) {
    let token = house.register(EMAIL, None).await;
    let profile = json!({ "name": NAME, "phone": PHONE });
    house.done(Method::PUT, &token, "/auth/me", &profile).await;
    let wrong = json!({ "email": EMAIL, "password": WRONG_PASSWORD });
    let code = "INVALID_CREDENTIALS";
    house.refused("", "/auth/login", wrong, code).await;
    let nobody = json!({ "email": STRANGER, "password": PASSWORD });
    house.refused("", "/auth/login", nobody, code).await;
    let again = json!({ "email": EMAIL, "password": PASSWORD });
    house
        .refused("", "/auth/register", again, "EMAIL_TAKEN")
        .await;
    // A body that cannot be read is described, and not repeated.
    let odd = json!({ "email": STRANGER, "pasword": WRONG_PASSWORD });
    house
        .refused("", "/auth/login", odd, "VALIDATION_ERROR")
        .await;

    let body = json!({ "email": EMAIL, "password": PASSWORD });
    let signed_in = house.post("", "/auth/login", body).await;
    house.tokens(&signed_in);
    let refresh = json!({ "refresh_token": signed_in["refresh_token"] });
    let next = house.post("", "/auth/refresh", refresh).await;
    let second = house.tokens(&next);
    let listed = house.get(&second, "/auth/sessions").await;
    assert_eq!(listed[0]["user_agent"], AGENT);
    house.post(&second, "/auth/logout", Value::Null).await;

    let change = json!({ "current_password": PASSWORD, "new_password": SECOND_PASSWORD });
    house.post(&token, "/auth/change-password", change).await;
    house
        .post("", "/auth/forgot-password", json!({ "email": EMAIL }))
        .await;
    house
        .post("", "/auth/forgot-password", json!({ "email": STRANGER }))
        .await;
    let link = house.mailed("reset-password", EMAIL).await;
    let reset = json!({ "token": link, "password": THIRD_PASSWORD });
    house.post("", "/auth/reset-password", reset).await;
    let used = json!({ "token": link, "password": WRONG_PASSWORD });
    house
        .refused("", "/auth/reset-password", used, "LINK_EXPIRED")
        .await;
    moves_and_comes_back(house).await;
}

/// The account has another address for a while.
async fn moves_and_comes_back(house: &mut House<'_>) {
    let token = house.login().await;
    for email in [MOVED, EMAIL] {
        let asked = json!({ "email": email, "password": THIRD_PASSWORD });
        house.post(&token, "/auth/change-email", asked).await;
        let link = house.mailed("confirm-email", email).await;
        let link = json!({ "token": link });
        house.post(&token, "/auth/confirm-email", link).await;
    }
}

/// The value of a cookie that an answer sets.
fn set_cookie(response: &reqwest::Response, name: &str) -> Value {
    let set = response.headers().get_all("set-cookie").iter();
    let found = set
        .filter_map(|value| value.to_str().unwrap().split_once(';'))
        .find_map(|(pair, _)| {
            let (of, value) = pair.split_once('=').unwrap();
            (of == name).then_some(value)
        });
    json!(found)
}

/// The same in a browser.
async fn sign_in_in_a_browser(house: &mut House<'_>) {
    let url = house.server.url("/auth/cookie/login");
    let request = house
        .server
        .http
        .post(url)
        .header("sec-fetch-site", "same-origin");
    let body = json!({ "email": EMAIL, "password": THIRD_PASSWORD });
    let response = request.json(&body).send().await.unwrap();
    assert_eq!(response.status(), 200);
    let access = set_cookie(&response, "__Host-onsale_access");
    let access = house.keep("an access cookie", &access);
    let refresh = set_cookie(&response, "__Secure-onsale_refresh");
    let refresh = house.keep("a refresh cookie", &refresh);
    let mark = set_cookie(&response, "__Host-onsale_refresh_mark");
    let mark = format!("__Host-onsale_refresh_mark={}", mark.as_str().unwrap());
    let both = format!("__Secure-onsale_refresh={refresh}; {mark}");
    for (path, cookie) in [
        ("refresh", both),
        ("logout", format!("__Host-onsale_access={access}")),
    ] {
        let url = house.server.url(&format!("/auth/cookie/{path}"));
        let request = house.server.http.post(url).header("cookie", cookie);
        let request = request.header("sec-fetch-site", "same-origin");
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200, "{path}");
        if path == "refresh" {
            let next = set_cookie(&response, "__Secure-onsale_refresh");
            house.keep("a refresh cookie", &next);
        }
    }
}

/// An authenticator app, recovery codes, and passkeys as far as they go without an authenticator.
async fn second_factors(house: &mut House<'_>) {
    let token = house.login().await;
    let password = json!({ "password": THIRD_PASSWORD });
    let begun = house
        .post(&token, "/auth/factors/totp", password.clone())
        .await;
    let secret = house.keep("the secret of an app", &begun["secret"]);
    let secret = totp_rs::Secret::try_from_base32(&secret).unwrap();
    let app = totp_rs::Builder::new().with_secret(secret).build().unwrap();
    let now = std::time::SystemTime::now();
    let now = now.duration_since(std::time::UNIX_EPOCH).unwrap();
    let code = json!({ "code": app.generate(now.as_secs()).to_string() });
    let added = house.post(&token, "/auth/factors/totp/confirm", code).await;
    let mut codes = Vec::new();
    for code in added["recovery_codes"].as_array().unwrap() {
        codes.push(house.keep("a recovery code", code));
    }
    let body = json!({ "email": EMAIL, "password": THIRD_PASSWORD });
    let asked = house
        .refused("", "/auth/login", body, "SECOND_FACTOR_REQUIRED")
        .await;
    let challenge = house.keep("a challenge", &asked["challenge"]);
    let second = "/auth/login/second-factor";
    let wrong = json!({ "challenge": challenge, "code": "000000" });
    house.refused("", second, wrong, "INVALID_CODE").await;
    let right = json!({ "challenge": challenge, "code": codes[0] });
    let signed_in = house.post("", second, right).await;
    let token = house.tokens(&signed_in);
    let step_up = json!({ "code": codes[1] });
    house.post(&token, "/auth/step-up", step_up).await;
    let path = "/auth/factors/recovery-codes";
    let others = house.post(&token, path, password.clone()).await;
    for code in others["recovery_codes"].as_array().unwrap() {
        house.keep("a recovery code", code);
    }
    let path = "/auth/factors/passkeys/options";
    let begun = house.post(&token, path, password.clone()).await;
    house.keep("a ceremony", &begun["ceremony"]);
    let begun = house.post("", "/auth/passkeys/options", Value::Null).await;
    let ceremony = house.keep("a ceremony", &begun["ceremony"]);
    let signed = json!({ "ceremony": ceremony, "credential": {} });
    let (status, _) = house
        .ask(Method::POST, "", "/auth/passkeys/sign-in", &signed)
        .await;
    assert!((400..500).contains(&status), "{status}");
    house.get(&token, "/auth/factors").await;
    house
        .done(Method::DELETE, &token, "/auth/factors/totp", &password)
        .await;
}

/// A tenant, its team, and a program of it.
async fn a_team(house: &mut House<'_>) {
    let oneself = house.login().await;
    let names = json!({ "name": "Opera House", "slug": "opera" });
    let tenant = house.post(&oneself, "/tenants", names).await;
    let tenant = tenant["tenant_id"].clone();
    let owner = house.login_for(&tenant).await;
    let path = format!("/tenants/{}", tenant.as_str().unwrap());
    let members = format!("{path}/members");
    let invitation = json!({ "email": INVITED, "role": "box_office" });
    house.post(&owner, &members, invitation).await;
    let listed = house.get(&owner, &format!("{path}/invitations")).await;
    assert_eq!(listed[0]["email"], INVITED);
    let link = house.mailed("invitation", INVITED).await;
    let accept = format!("/invitations/{link}/accept");
    // By another account than the one that it is for.
    house
        .refused(&owner, &accept, Value::Null, "FORBIDDEN")
        .await;
    let guest = house.register(INVITED, Some("Ignatius Pendragon")).await;
    house.post(&guest, &accept, Value::Null).await;
    let listed = house.get(&owner, &members).await;
    assert!(listed.to_string().contains(INVITED), "{listed}");
    let keys = format!("{path}/api-keys");
    let key = json!({ "name": "import", "scopes": ["read_sales"] });
    let created = house.post(&owner, &keys, key).await;
    let key = house.keep("an API key", &created["key"]);
    house.get(&key, "/events?mine=true").await;
    let one = format!("{keys}/{}", created["key_id"].as_str().unwrap());
    house.done(Method::DELETE, &owner, &one, &Value::Null).await;
    house.get(&owner, "/audit").await;
    let of_invited = listed.as_array().unwrap().iter();
    let of_invited = of_invited
        .filter(|member| member["email"] == INVITED)
        .map(|member| member["user_id"].as_str().unwrap());
    for user in of_invited {
        let member = format!("{members}/{user}");
        house
            .done(Method::DELETE, &owner, &member, &Value::Null)
            .await;
    }
}

/// Guests: the purchase of one is taken over by an account, the other stays one.
async fn guests(house: &mut House<'_>, show: &SmallShow) {
    for (email, seat) in [(EMAIL, "A-1"), (GUEST, "A-2")] {
        let guest = house
            .post("", "/auth/guest", json!({ "email": email }))
            .await;
        let token = house.keep("a guest's token", &guest["access_token"]);
        let reserve = json!({ "show_id": show.show, "seats": [seat] });
        let booking = house.post(&token, "/bookings/reserve", reserve).await;
        let path = format!("/bookings/{}", booking["booking_id"].as_str().unwrap());
        // It is in the database, then.
        house.get(&token, &path).await;
        house.get(&token, "/auth/me").await;
        house.get(&token, "/auth/me/export").await;
    }
    let token = house.login().await;
    let taken = house
        .post(&token, "/auth/me/guest-bookings", Value::Null)
        .await;
    assert_eq!(taken["guests"].as_array().map(Vec::len), Some(1), "{taken}");
    house.get(&token, "/bookings").await;
}

/// An account elsewhere.
async fn a_provider(house: &mut House<'_>) {
    let mut browser = Browser::new(house.server);
    let claims = json!({ "email": ELSEWHERE, "email_verified": true, "name": NAME_ELSEWHERE });
    let signed_in = browser.sign_in(&claims).await;
    let token = house.tokens(&signed_in);
    house.get(&token, "/auth/me/identities").await;
    house.get(&token, "/auth/me/export").await;
}

/// What verbs show is for who runs them; they leave none of it anywhere.
fn verbs(house: &House<'_>) {
    for args in [
        &["user", "sessions", EMAIL][..],
        &["user", "factors", EMAIL],
        &["user", "sessions", INVITED],
        &["keys", "list"],
        &["jobs", "list"],
        &["audit", "list"],
        &["retention", "report"],
    ] {
        let (code, out, err) = house.server.verb(args);
        assert_eq!(code, Some(0), "{args:?}: {out}{err}");
    }
}

async fn nothing_of_a_person_stands_anywhere(database: Option<&Database>) {
    let Ok(issuer) = std::env::var("ONSALE_TEST_IDENTITY_URL") else {
        panic!("ONSALE_TEST_IDENTITY_URL is not set: run the tests by deploy/test.sh");
    };
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let url = database.map(Database::url);
    let mut env = vec![
        ("ONSALE_ACCOUNTS__BCRYPT_COST", "10"),
        ("ONSALE_ACCOUNTS__SELF_SERVICE_TENANTS", "true"),
        ("ONSALE_ACCOUNTS__PROVIDERS__HOUSE__ISSUER", issuer.as_str()),
        ("ONSALE_ACCOUNTS__PROVIDERS__HOUSE__CLIENT_ID", "onsale"),
        (
            "ONSALE_ACCOUNTS__PROVIDERS__HOUSE__CLIENT_SECRET",
            identity::SECRET,
        ),
        ("ONSALE_MAIL__OUTBOX", "true"),
        ("ONSALE_HTTP__PUBLIC_URL", LINKS),
        ("ONSALE_TELEMETRY__FILTER", "trace"),
    ];
    if let Some(url) = &url {
        env.push(("ONSALE_DATABASE__URL", url.as_str()));
    }
    let server = Server::start_with(&data, &env).await;
    let show = SmallShow::open(&server).await;
    let mut house = House::new(&server);
    sign_in_and_out(&mut house).await;
    sign_in_in_a_browser(&mut house).await;
    second_factors(&mut house).await;
    a_team(&mut house).await;
    guests(&mut house, &show).await;
    codes(&mut house, &show).await;
    a_provider(&mut house).await;
    verbs(&house);
    let token = house.login().await;
    let export = house.get(&token, "/auth/me/export").await;
    assert!(export.to_string().contains(PHONE), "{export}");
    // All of it lies sealed now.
    search(folder.path(), database, &house.secrets);
    let body = json!({ "email": INVITED, "password": PASSWORD });
    let signed_in = house.post("", "/auth/login", body).await;
    let token = house.tokens(&signed_in);
    let password = json!({ "password": PASSWORD });
    house
        .done(Method::DELETE, &token, "/auth/me", &password)
        .await;
    let secrets = house.secrets;
    let log = server.log();
    assert!(log.contains("TRACE"), "it says everything");
    assert_eq!(server.stop(), Some(0));
    search(folder.path(), database, &secrets);
}

#[tokio::test(flavor = "multi_thread")]
async fn on_sqlite() {
    nothing_of_a_person_stands_anywhere(None).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_postgresql() {
    let database = Database::create();
    nothing_of_a_person_stands_anywhere(Some(&database)).await;
}
