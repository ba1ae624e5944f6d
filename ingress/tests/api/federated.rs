//! Sign-in with an account elsewhere, over HTTP, with a provider that may be hostile.

mod change_email;
pub(crate) mod house;
mod linking;
mod oauth2;
mod tokens;

use std::sync::atomic::Ordering;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::Method;
use onsale_accounts::ProviderConfig;
use onsale_settings::Secret;
use onsale_store::audit::AuditFilter;
use serde_json::{Value, json};

use self::house::{Answer, CLIENT_ID, CLIENT_SECRET, House, discovery};
use crate::accounts::{PASSWORD, config, mailed, post};
use crate::support::{Reply, World};

const EMAIL: &str = "nobody@example.test";
const HOME: &str = "http://localhost:8080";
/// More than how long after a failure a provider is not asked again, with the failure itself.
const FAILED_PAUSE_MS: u64 = 13_000;

/// A sign-in that a browser has begun.
pub(crate) struct Begun {
    pub(crate) cookie: String,
    pub(crate) state: String,
    pub(crate) nonce: String,
    location: String,
}

fn provider(house: &House) -> ProviderConfig {
    ProviderConfig {
        issuer: Some(house.url.clone()),
        client_id: CLIENT_ID.to_owned(),
        client_secret: Some(Secret::new(CLIENT_SECRET)),
        ..ProviderConfig::default()
    }
}

pub(crate) async fn world(house: &House) -> World {
    world_with(&[("house", provider(house))], |_| {}).await
}

async fn world_with(
    providers: &[(&str, ProviderConfig)],
    change: impl FnOnce(&mut onsale_accounts::AccountsConfig),
) -> World {
    World::with(|all| {
        all.accounts = config();
        all.accounts.provider_timeout_seconds = 1;
        for (name, provider) in providers {
            let name = (*name).to_owned();
            all.accounts.providers.insert(name, provider.clone());
        }
        change(&mut all.accounts);
    })
    .await
}

/// The value of a parameter in an address.
fn parameter(url: &str, name: &str) -> String {
    let (_, query) = url.split_once('?').unwrap();
    let value = query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .find_map(|(of, value)| (of == name).then_some(value))
        .unwrap_or_default();
    let mut bytes = Vec::new();
    let mut rest = value.as_bytes();
    while let Some((byte, behind)) = rest.split_first() {
        rest = behind;
        match byte {
            b'+' => bytes.push(b' '),
            b'%' => {
                let digits = std::str::from_utf8(&rest[..2]).unwrap();
                bytes.push(u8::from_str_radix(digits, 16).unwrap());
                rest = &rest[2..];
            }
            _ => bytes.push(*byte),
        }
    }
    String::from_utf8(bytes).unwrap()
}

/// The cookie that an answer sets.
fn cookie(reply: &Reply) -> String {
    let set = reply.header("set-cookie");
    for part in ["; HttpOnly", "; SameSite=Lax", "; Path=/"] {
        assert!(set.contains(part), "{set}");
    }
    set.split(';').next().unwrap().to_owned()
}

fn begun(location: &str, reply: &Reply) -> Begun {
    Begun {
        cookie: cookie(reply),
        state: parameter(location, "state"),
        nonce: parameter(location, "nonce"),
        location: location.to_owned(),
    }
}

async fn start_at(world: &World, provider: &str) -> Begun {
    let path = format!("/api/v1/auth/oauth/{provider}/start?return_to=%2Fshows%3Fpage%3D2");
    let reply = world.get(&path).send().await;
    assert_eq!(reply.status, 303);
    let location = reply.header("location").to_owned();
    begun(&location, &reply)
}

pub(crate) async fn start(world: &World) -> Begun {
    start_at(world, "house").await
}

/// The browser comes back.
pub(crate) async fn come_back(world: &World, provider: &str, cookie: &str, query: &str) -> Reply {
    let path = format!("/api/v1/auth/oauth/{provider}/callback?{query}");
    world.get(&path).header("cookie", cookie).send().await
}

/// Where a browser lands: what stands behind `#`.
pub(crate) fn landed(reply: &Reply) -> String {
    assert_eq!(reply.status, 303);
    let location = reply.header("location");
    let (page, fragment) = location.split_once('#').unwrap();
    assert_eq!(page, format!("{HOME}/shows?page=2"));
    fragment.to_owned()
}

/// Comes back with a code, where the provider gives the token that `token` makes of a nonce.
async fn land(world: &World, house: &House, token: impl FnOnce(&str) -> String) -> (Begun, String) {
    let begun = start(world).await;
    house.gives(&token(&begun.nonce));
    let query = format!("code=c1&state={}", begun.state);
    let reply = come_back(world, "house", &begun.cookie, &query).await;
    (begun, landed(&reply))
}

/// The code in a fragment.
pub(crate) fn code(fragment: &str) -> &str {
    fragment.strip_prefix("sign_in=").unwrap()
}

async fn exchange(world: &World, cookie: &str, code: &str) -> Reply {
    world
        .post("/api/v1/auth/oauth/session")
        .header("cookie", cookie)
        .json(&json!({ "code": code }))
        .send()
        .await
}

/// Signs in with what `change` makes of the right claims.
async fn sign_in_as(world: &World, house: &House, change: impl FnOnce(&mut Value)) -> Value {
    let (begun, fragment) = land(world, house, |nonce| {
        let mut claims = house.claims(nonce);
        change(&mut claims);
        house.sign(&claims)
    })
    .await;
    exchange(world, &begun.cookie, code(&fragment))
        .await
        .data(200)
}

async fn sign_in(world: &World, house: &House) -> Value {
    sign_in_as(world, house, |_| {}).await
}

/// What a sign-in is refused with.
async fn refused_as(world: &World, house: &House, change: impl FnOnce(&mut Value)) -> String {
    let (_, fragment) = land(world, house, |nonce| {
        let mut claims = house.claims(nonce);
        change(&mut claims);
        house.sign(&claims)
    })
    .await;
    let why = fragment.strip_prefix("sign_in_error=");
    why.unwrap_or_else(|| panic!("{fragment}")).to_owned()
}

async fn call(world: &World, signed_in: &Value, method: Method, path: &str, body: Value) -> Reply {
    let token = signed_in["access_token"].as_str().unwrap();
    let call = world.call(method, &format!("/api/v1/auth/{path}"));
    let call = call.token(token);
    match body {
        Value::Null => call.send().await,
        body => call.json(&body).send().await,
    }
}

async fn register(world: &World) -> Value {
    let body = json!({ "email": EMAIL, "password": PASSWORD });
    post(world, "register", body).await.data(201)
}

/// A registered account whose address is verified.
async fn register_verified(world: &World) -> Value {
    let signed_in = register(world).await;
    let link = json!({ "token": mailed(world).await, "password": PASSWORD });
    post(world, "verify-email", link).await.data(200);
    signed_in
}

async fn entries(world: &World, action: &str) -> Vec<Value> {
    let filter = AuditFilter {
        action: Some(action.to_owned()),
        limit: 100,
        ..AuditFilter::default()
    };
    let rows = world.store.audit(&filter).await.unwrap();
    let text = format!("{rows:?}");
    assert!(!text.contains("example.test"), "{text}");
    assert!(!text.contains("person 1"), "{text}");
    rows.into_iter().map(|row| row.detail).collect()
}

fn pass(world: &World, ms: u64) {
    world.clock.0.fetch_add(ms, Ordering::SeqCst);
}

async fn identities(world: &World, signed_in: &Value) -> Value {
    call(world, signed_in, Method::GET, "me/identities", Value::Null)
        .await
        .data(200)
}

#[tokio::test]
async fn someone_new_signs_in_and_is_known_the_next_time() {
    let house = House::open().await;
    let world = world(&house).await;
    let listed = world.get("/api/v1/auth/providers").send().await.data(200);
    assert_eq!(listed, json!([{ "provider": "house", "title": "house" }]));

    let begun = start(&world).await;
    let redirect = format!("{HOME}/api/v1/auth/oauth/house/callback");
    for (name, value) in [
        ("response_type", "code"),
        ("client_id", CLIENT_ID),
        ("redirect_uri", &redirect),
        ("scope", "openid email profile"),
        ("code_challenge_method", "S256"),
    ] {
        assert_eq!(parameter(&begun.location, name), value, "{name}");
    }
    assert!(begun.location.starts_with(&house.url));
    house.gives(&house.sign(&house.claims(&begun.nonce)));
    let query = format!(
        "code=a%2Fcode&state={}&session_state=x&scope=y",
        begun.state
    );
    let reply = come_back(&world, "house", &begun.cookie, &query).await;
    let fragment = landed(&reply);
    let (form, secret) = house.shared.lock().exchanges[0].clone();
    let form = format!("?{form}");
    for (name, value) in [
        ("grant_type", "authorization_code"),
        ("code", "a/code"),
        ("redirect_uri", &redirect),
        ("client_secret", ""),
    ] {
        assert_eq!(parameter(&form, name), value, "{name}");
    }
    assert_eq!(parameter(&form, "code_verifier").len(), 43);
    let basic = STANDARD.encode(format!("{CLIENT_ID}:between%20us"));
    assert_eq!(secret.as_deref(), Some(format!("Basic {basic}").as_str()));

    let reply = exchange(&world, &begun.cookie, code(&fragment)).await;
    assert!(reply.header("set-cookie").contains("Max-Age=0"));
    let first = reply.data(200);
    let user = &first["user"];
    assert_eq!(
        (&user["email"], &user["name"]),
        (&json!(EMAIL), &json!("No Body"))
    );
    assert_eq!(user["email_verified"], true);
    assert_eq!(user["role"], "buyer");
    let registered = entries(&world, "account.register").await;
    assert_eq!(registered, [json!({ "provider": "house" })]);
    // By the subject, whatever address the provider knows by now.
    let second = sign_in_as(&world, &house, |all| {
        all["email"] = json!("other@example.test");
        all["email_verified"] = json!(false);
    })
    .await;
    assert_eq!(second["user"], first["user"]);
    // Another person.
    let other = sign_in_as(&world, &house, |all| {
        all["sub"] = json!("person 2");
        all["email"] = json!("other@example.test");
    })
    .await;
    assert_ne!(other["user"]["user_id"], first["user"]["user_id"]);
}

#[tokio::test]
async fn only_the_browser_that_began_it_gets_on_and_only_once() {
    let house = House::open().await;
    let world = world(&house).await;
    let (mine, other) = (start(&world).await, start(&world).await);
    house.gives(&house.sign(&house.claims(&mine.nonce)));
    let query = format!("code=c1&state={}", mine.state);
    for (provider, cookie, query) in [
        ("house", "", query.as_str()),
        ("house", "__Host-onsale_sign_in=guessed", &query),
        ("house", &other.cookie, &query),
        ("house", &mine.cookie, "code=c1"),
        ("house", &mine.cookie, "code=c1&state=guessed"),
        ("house", &mine.cookie, "state=&code=c1"),
        (
            "house",
            &format!("{}; {}", mine.cookie, other.cookie),
            &query,
        ),
        (
            "house",
            &mine.cookie,
            &format!("{query}&state={}", mine.state),
        ),
    ] {
        let reply = come_back(&world, provider, cookie, query).await;
        reply.error(410, "SIGN_IN_EXPIRED");
    }
    assert!(house.shared.lock().exchanges.is_empty());
    let reply = come_back(&world, "house", &mine.cookie, &query).await;
    let fragment = landed(&reply);
    // Whoever reads along, or finds the address in a history.
    let again = come_back(&world, "house", &mine.cookie, &query).await;
    again.error(410, "SIGN_IN_EXPIRED");
    assert_eq!(house.shared.lock().exchanges.len(), 1);
    for cookie in ["", &other.cookie] {
        exchange(&world, cookie, code(&fragment))
            .await
            .error(410, "SIGN_IN_EXPIRED");
    }
    exchange(&world, &mine.cookie, "ost_guessed")
        .await
        .error(410, "SIGN_IN_EXPIRED");
    let used = exchange(&world, &mine.cookie, code(&fragment)).await;
    used.data(200);
    exchange(&world, &mine.cookie, code(&fragment))
        .await
        .error(410, "SIGN_IN_EXPIRED");
}

#[tokio::test]
async fn a_sign_in_that_takes_too_long_begins_again() {
    let house = House::open().await;
    let world = world(&house).await;
    let begun = start(&world).await;
    pass(&world, 600_000);
    let query = format!("code=c1&state={}", begun.state);
    let late = come_back(&world, "house", &begun.cookie, &query).await;
    late.error(410, "SIGN_IN_EXPIRED");
    assert!(house.shared.lock().exchanges.is_empty());

    let begun = start(&world).await;
    let mut claims = house.claims(&begun.nonce);
    claims["iat"] = json!(claims["iat"].as_u64().unwrap() + 600);
    claims["exp"] = json!(claims["exp"].as_u64().unwrap() + 600);
    house.gives(&house.sign(&claims));
    let query = format!("code=c1&state={}", begun.state);
    let fragment = landed(&come_back(&world, "house", &begun.cookie, &query).await);
    pass(&world, 120_000);
    exchange(&world, &begun.cookie, code(&fragment))
        .await
        .error(410, "SIGN_IN_EXPIRED");
}

#[tokio::test]
async fn a_browser_is_sent_to_paths_of_this_site_alone() {
    let house = House::open().await;
    let world = world(&house).await;
    for wrong in [
        "https%3A%2F%2Fevil.example",
        "%2F%2Fevil.example",
        "%2F%5Cevil.example",
        "%2F%09%2Fevil.example",
        "shows",
    ] {
        let path = format!("/api/v1/auth/oauth/house/start?return_to={wrong}");
        let reply = world.get(&path).send().await;
        assert_eq!(reply.error(400, "VALIDATION_ERROR")["field"], "return_to");
        assert!(reply.headers.get("location").is_none(), "{wrong}");
    }
    let unknown = world.get("/api/v1/auth/oauth/other/start").send().await;
    unknown.error(404, "NOT_FOUND");
    // The address of return is the configured one, whatever host a request names.
    let reply = world
        .get("/api/v1/auth/oauth/house/start")
        .header("host", "evil.example")
        .header("x-forwarded-host", "evil.example")
        .send()
        .await;
    let redirect = parameter(reply.header("location"), "redirect_uri");
    assert!(redirect.starts_with(HOME), "{redirect}");
}

#[tokio::test]
async fn its_cookie_is_of_this_host_alone_unless_cookies_do_without_tls() {
    let house = House::open().await;
    for (insecure_cookies, name) in [(false, "__Host-onsale_sign_in="), (true, "onsale_sign_in=")] {
        let world = world_with(&[("house", provider(&house))], |all| {
            all.public_url = Some("https://tickets.example".to_owned());
            all.insecure_cookies = insecure_cookies;
        })
        .await;
        let reply = world.get("/api/v1/auth/oauth/house/start").send().await;
        let set = reply.header("set-cookie");
        assert!(set.starts_with(name), "{set}");
        assert_eq!(set.contains("; Secure"), !insecure_cookies, "{set}");
        let redirect = parameter(reply.header("location"), "redirect_uri");
        assert_eq!(
            redirect,
            "https://tickets.example/api/v1/auth/oauth/house/callback"
        );
    }
}

#[tokio::test]
async fn a_provider_that_fails_is_left_alone_for_a_moment_and_an_old_document_goes_on() {
    let house = House::open().await;
    let other = House::open().await;
    let providers = [("house", provider(&house)), ("other", provider(&other))];
    let world = world_with(&providers, |_| {}).await;
    let asked = || house.shared.lock().discovery_fetches;
    house.shared.lock().discovery = Answer::Silence;
    for _ in 0..3 {
        let reply = world.get("/api/v1/auth/oauth/house/start").send().await;
        reply.error(503, "PROVIDER_UNAVAILABLE");
    }
    assert_eq!(asked(), 1);
    // Who signs in with another one is not held up.
    start_at(&world, "other").await;
    house.shared.lock().discovery = Answer::Json(discovery(&house.url));
    pass(&world, FAILED_PAUSE_MS);
    start(&world).await;
    assert_eq!(asked(), 2);
    house.shared.lock().discovery = Answer::Status(503);
    pass(&world, 3_600_000);
    for _ in 0..3 {
        start(&world).await;
    }
    assert_eq!(asked(), 3);
    pass(&world, 5 * 3_600_000);
    let reply = world.get("/api/v1/auth/oauth/house/start").send().await;
    reply.error(503, "PROVIDER_UNAVAILABLE");
}
