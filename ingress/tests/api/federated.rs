//! Sign-in with an account elsewhere, over HTTP, with a provider that may be hostile.

mod house;

use std::sync::atomic::Ordering;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use http::Method;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use onsale_accounts::{Preset, ProviderConfig};
use onsale_settings::Secret;
use onsale_store::audit::AuditFilter;
use serde_json::{Value, json};
use uuid::Uuid;

use self::house::{Answer, CLIENT_ID, CLIENT_SECRET, House, SigningKey, discovery};
use crate::accounts::{PASSWORD, config, mailed, post};
use crate::support::{Reply, World};

const EMAIL: &str = "nobody@example.test";
const HOME: &str = "http://localhost:8080";

/// A sign-in that a browser has begun.
struct Begun {
    cookie: String,
    state: String,
    nonce: String,
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

async fn world(house: &House) -> World {
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

async fn start(world: &World) -> Begun {
    start_at(world, "house").await
}

/// The browser comes back.
async fn come_back(world: &World, provider: &str, cookie: &str, query: &str) -> Reply {
    let path = format!("/api/v1/auth/oauth/{provider}/callback?{query}");
    world.get(&path).header("cookie", cookie).send().await
}

/// Where a browser lands: what stands behind `#`.
fn landed(reply: &Reply) -> String {
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
fn code(fragment: &str) -> &str {
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
    let token = mailed(world).await;
    post(world, "verify-email", json!({ "token": token }))
        .await
        .data(200);
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
        ("house", "onsale-sign-in=guessed", &query),
        ("house", &other.cookie, &query),
        ("house", &mine.cookie, "code=c1"),
        ("house", &mine.cookie, "code=c1&state=guessed"),
        ("house", &mine.cookie, "state=&code=c1"),
        ("house", &format!("{0}; {0}", mine.cookie), &query),
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
        assert!(!String::from_utf8_lossy(&reply.bytes).contains("evil"));
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
async fn by_tls_the_cookie_is_of_this_host_alone() {
    let house = House::open().await;
    let world = world_with(&[("house", provider(&house))], |all| {
        all.public_url = "https://tickets.example".to_owned();
    })
    .await;
    let reply = world.get("/api/v1/auth/oauth/house/start").send().await;
    let set = reply.header("set-cookie");
    assert!(set.starts_with("__Host-onsale-sign-in="), "{set}");
    assert!(set.contains("; Secure"), "{set}");
    let redirect = parameter(reply.header("location"), "redirect_uri");
    assert_eq!(
        redirect,
        "https://tickets.example/api/v1/auth/oauth/house/callback"
    );
}

/// Makes a token of claims that are right.
type Make<'a> = Box<dyn Fn(&Value) -> String + 'a>;

fn part(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

fn unsigned(claims: &Value, head: &Value) -> String {
    format!("{}.{}.", part(head), part(claims))
}

/// By a secret that may be known to everybody.
fn by_secret(claims: &Value, secret: &[u8]) -> String {
    let mut head = Header::new(Algorithm::HS256);
    head.kid = Some("one".to_owned());
    jsonwebtoken::encode(&head, claims, &EncodingKey::from_secret(secret)).unwrap()
}

/// With another value of a claim.
fn with<'a>(house: &'a House, name: &'static str, value: Value) -> Make<'a> {
    Box::new(move |claims: &Value| {
        let mut claims = claims.clone();
        claims[name] = value.clone();
        house.sign(&claims)
    })
}

fn wrong_claims(house: &House) -> Vec<(&'static str, Make<'_>)> {
    vec![
        ("nonce", with(house, "nonce", json!("other"))),
        ("no nonce", with(house, "nonce", Value::Null)),
        ("audience", with(house, "aud", json!("other"))),
        ("audiences", with(house, "aud", json!([CLIENT_ID, "other"]))),
        ("azp", with(house, "azp", json!("other"))),
        ("issuer", with(house, "iss", json!("https://evil.example"))),
        ("expired", with(house, "exp", json!(1_000))),
        ("future", with(house, "iat", json!(9_999_999_999_u64))),
        ("no subject", with(house, "sub", json!(""))),
    ]
}

fn wrong_signatures<'a>(
    house: &'a House,
    stranger: &'a SigningKey,
) -> Vec<(&'static str, Make<'a>)> {
    vec![
        (
            "none",
            Box::new(|claims: &Value| unsigned(claims, &json!({ "alg": "none" }))),
        ),
        (
            "none with a key",
            Box::new(|claims: &Value| unsigned(claims, &json!({ "alg": "none", "kid": "one" }))),
        ),
        (
            "no signature",
            Box::new(|claims: &Value| unsigned(claims, &json!({ "alg": "ES256", "kid": "one" }))),
        ),
        (
            "HS256 by the public key",
            Box::new(|claims: &Value| by_secret(claims, house.public_key().to_string().as_bytes())),
        ),
        (
            "HS256 by a part of it",
            Box::new(|claims: &Value| {
                let x = house.public_key()["x"].as_str().unwrap();
                by_secret(claims, &URL_SAFE_NO_PAD.decode(x).unwrap())
            }),
        ),
        (
            "HS256 by our secret",
            Box::new(|claims: &Value| by_secret(claims, CLIENT_SECRET.as_bytes())),
        ),
        (
            "another's key of the same name",
            Box::new(|claims: &Value| stranger.sign(claims)),
        ),
        (
            "a key that it brings along",
            Box::new(|claims: &Value| {
                let head = json!({ "alg": "ES256", "kid": "one", "jwk": stranger.public });
                let signed = stranger.sign(claims);
                let (_, rest) = signed.split_once('.').unwrap();
                format!("{}.{rest}", part(&head))
            }),
        ),
        (
            "an unknown key",
            Box::new(|claims: &Value| SigningKey::new("two").sign(claims)),
        ),
        ("no token", Box::new(|_: &Value| String::new())),
        ("no JWT", Box::new(|_: &Value| "a.b".to_owned())),
    ]
}

#[tokio::test]
async fn tokens_that_are_not_for_this_sign_in_open_nothing() {
    let house = House::open().await;
    let world = world(&house).await;
    let stranger = SigningKey::new("one");
    let mut hostile = wrong_claims(&house);
    hostile.extend(wrong_signatures(&house, &stranger));
    for (what, token) in hostile {
        let (_, fragment) = land(&world, &house, |nonce| token(&house.claims(nonce))).await;
        assert_eq!(fragment, "sign_in_error=provider", "{what}");
    }
    assert_eq!(entries(&world, "account.register").await.len(), 0);
    assert_eq!(entries(&world, "session.open").await.len(), 0);
    let refused = entries(&world, "session.refuse").await;
    assert_eq!(
        refused[0],
        json!({ "why": "provider", "provider": "house" })
    );
    // Nothing of it stands in the way of what is right.
    sign_in(&world, &house).await;
}

#[tokio::test]
async fn a_provider_is_believed_within_limits() {
    let house = House::open().await;
    let hostile = |good: Value| {
        let elsewhere = format!("{}/elsewhere", house.url);
        [
            Answer::Huge(good),
            Answer::Redirect(elsewhere),
            Answer::Silence,
            Answer::Status(500),
            Answer::Status(204),
            Answer::Json(json!([])),
            Answer::Json(json!("x")),
        ]
    };
    let document = discovery(&house.url);
    let world = world(&house).await;
    for answer in hostile(document.clone()) {
        house.shared.lock().discovery = answer;
        let reply = world.get("/api/v1/auth/oauth/house/start").send().await;
        reply.error(503, "PROVIDER_UNAVAILABLE");
        assert!(!reply.header("retry-after").is_empty());
    }
    for (field, value) in [
        ("issuer", json!("https://evil.example")),
        ("token_endpoint", json!("http://169.254.169.254/latest")),
        ("jwks_uri", json!("https://evil.example/keys")),
        ("authorization_endpoint", json!("javascript:alert(1)")),
    ] {
        let mut wrong = document.clone();
        wrong[field] = value;
        house.shared.lock().discovery = Answer::Json(wrong);
        let reply = world.get("/api/v1/auth/oauth/house/start").send().await;
        reply.error(503, "PROVIDER_UNAVAILABLE");
        assert!(!String::from_utf8_lossy(&reply.bytes).contains("evil"));
    }
    house.shared.lock().discovery = Answer::Json(document);

    let keys = json!({ "keys": [house.public_key()] });
    for answer in hostile(keys.clone()) {
        house.shared.lock().keys = answer;
        assert_eq!(refused_as(&world, &house, |_| {}).await, "provider");
    }
    house.shared.lock().keys = Answer::Json(keys);
    for answer in hostile(json!({ "id_token": "x.y.z" })) {
        let begun = start(&world).await;
        house.shared.lock().token = answer;
        let query = format!("code=c1&state={}", begun.state);
        let reply = come_back(&world, "house", &begun.cookie, &query).await;
        assert_eq!(landed(&reply), "sign_in_error=provider");
    }
    sign_in(&world, &house).await;
}

#[tokio::test]
async fn a_new_key_is_fetched_when_a_token_names_it_and_not_more_often_than_once_a_minute() {
    let house = House::open().await;
    let world = world(&house).await;
    sign_in(&world, &house).await;
    assert_eq!(house.shared.lock().key_fetches, 1);
    let next = SigningKey::new("two");
    let keys = json!({ "keys": [house.public_key(), next.public] });
    house.shared.lock().keys = Answer::Json(keys);
    for _ in 0..3 {
        let (_, fragment) = land(&world, &house, |nonce| next.sign(&house.claims(nonce))).await;
        assert_eq!(fragment, "sign_in_error=provider");
    }
    assert_eq!(house.shared.lock().key_fetches, 1);
    pass(&world, 60_000);
    let (_, fragment) = land(&world, &house, |nonce| next.sign(&house.claims(nonce))).await;
    assert!(fragment.starts_with("sign_in="), "{fragment}");
    assert_eq!(house.shared.lock().key_fetches, 2);
}

#[tokio::test]
async fn a_return_from_another_provider_is_noticed() {
    let house = House::open().await;
    let other = House::open().await;
    let providers = [("house", provider(&house)), ("other", provider(&other))];
    let world = world_with(&providers, |_| {}).await;
    // A browser that was led to the other one comes back with its code.
    let begun = start(&world).await;
    let query = format!("code=c1&state={}", begun.state);
    let reply = come_back(&world, "other", &begun.cookie, &query).await;
    reply.error(410, "SIGN_IN_EXPIRED");
    let named = format!("{query}&iss=https%3A%2F%2Fevil.example");
    let reply = come_back(&world, "house", &begun.cookie, &named).await;
    assert_eq!(landed(&reply), "sign_in_error=provider");
    assert!(house.shared.lock().exchanges.is_empty());
    assert!(other.shared.lock().exchanges.is_empty());

    let begun = start(&world).await;
    house.gives(&house.sign(&house.claims(&begun.nonce)));
    let issuer = house.url.replace(':', "%3A").replace('/', "%2F");
    let query = format!("code=c1&state={}&iss={issuer}", begun.state);
    let reply = come_back(&world, "house", &begun.cookie, &query).await;
    assert!(landed(&reply).starts_with("sign_in="));
}

#[tokio::test]
async fn a_provider_that_names_itself_has_to() {
    let house = House::open().await;
    let mut document = discovery(&house.url);
    document["authorization_response_iss_parameter_supported"] = json!(true);
    house.shared.lock().discovery = Answer::Json(document);
    let world = world(&house).await;
    assert_eq!(refused_as(&world, &house, |_| {}).await, "provider");
    assert!(house.shared.lock().exchanges.is_empty());
}

#[tokio::test]
async fn what_a_provider_says_of_a_failure_is_not_repeated() {
    let house = House::open().await;
    let world = world(&house).await;
    for (error, why) in [
        ("access_denied", "cancelled"),
        ("server_error", "provider"),
        ("%3Cscript%3E", "provider"),
    ] {
        let begun = start(&world).await;
        let query = format!(
            "error={error}&error_description=%3Cscript%3Eevil&state={}",
            begun.state
        );
        let reply = come_back(&world, "house", &begun.cookie, &query).await;
        assert_eq!(landed(&reply), format!("sign_in_error={why}"));
        assert!(reply.header("set-cookie").contains("Max-Age=0"));
        assert!(!format!("{:?}", reply.headers).contains("evil"));
    }
    assert!(house.shared.lock().exchanges.is_empty());
}

#[tokio::test]
async fn an_account_is_linked_by_its_address_only_where_both_sides_have_verified_it() {
    let house = House::open().await;
    let world = world(&house).await;
    let registered = register(&world).await;
    let unvouched = |all: &mut Value| all["email_verified"] = json!(false);
    assert_eq!(
        refused_as(&world, &house, unvouched).await,
        "account_exists"
    );
    // Whoever registered it need not be the one who has the address.
    assert_eq!(
        refused_as(&world, &house, |_| {}).await,
        "account_not_verified"
    );
    assert_eq!(
        identities(&world, &registered).await["identities"],
        json!([])
    );
    let token = mailed(&world).await;
    post(&world, "verify-email", json!({ "token": token }))
        .await
        .data(200);
    assert_eq!(
        refused_as(&world, &house, unvouched).await,
        "account_exists"
    );
    let signed_in = sign_in(&world, &house).await;
    assert_eq!(signed_in["user"]["user_id"], registered["user"]["user_id"]);
    let linked = entries(&world, "identity.link").await;
    assert_eq!(linked, [json!({ "provider": "house", "by": "address" })]);
    // An address in another form is the same one.
    let other = sign_in_as(&world, &house, |all| {
        all["sub"] = json!("person 2");
        all["email"] = json!("NoBody@Example.test");
    })
    .await;
    assert_eq!(other["user"]["user_id"], registered["user"]["user_id"]);
}

#[tokio::test]
async fn who_cannot_have_an_account_gets_none() {
    let house = House::open().await;
    let closed = world_with(&[("house", provider(&house))], |all| {
        all.registration = false;
    })
    .await;
    assert_eq!(
        refused_as(&closed, &house, |_| {}).await,
        "registration_closed"
    );
    let world = world(&house).await;
    for email in [Value::Null, json!("nobody")] {
        let why = refused_as(&world, &house, |all| all["email"] = email).await;
        assert_eq!(why, "address_missing");
    }
    let signed_in = sign_in(&world, &house).await;
    let id: Uuid = signed_in["user"]["user_id"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    let (begun, fragment) = land(&world, &house, |nonce| house.sign(&house.claims(nonce))).await;
    let by = onsale_store::audit::Unaudited::Automatic;
    let disabled = world
        .store
        .set_user_disabled(id, true, crate::support::NOW_MS, by);
    disabled.await.unwrap().unwrap();
    exchange(&world, &begun.cookie, code(&fragment))
        .await
        .error(403, "FORBIDDEN");
    assert_eq!(refused_as(&world, &house, |_| {}).await, "disabled");
    let refresh = json!({ "refresh_token": signed_in["refresh_token"] });
    post(&world, "refresh", refresh)
        .await
        .error(401, "UNAUTHORIZED");
}

/// Links in a session; what stands behind `#` then.
async fn link(
    world: &World,
    house: &House,
    signed_in: &Value,
    body: Value,
    subject: &str,
) -> String {
    let reply = call(world, signed_in, Method::POST, "me/identities", body).await;
    let data = reply.data(200);
    let location = data["authorization_url"].as_str().unwrap();
    let begun = begun(location, &reply);
    let mut claims = house.claims(&begun.nonce);
    claims["sub"] = json!(subject);
    house.gives(&house.sign(&claims));
    let query = format!("code=c1&state={}", begun.state);
    landed(&come_back(world, "house", &begun.cookie, &query).await)
}

fn asking(password: Option<&str>) -> Value {
    json!({ "provider": "house", "return_to": "/shows?page=2", "password": password })
}

#[tokio::test]
async fn accounts_elsewhere_are_linked_listed_and_unlinked() {
    let house = House::open().await;
    let world = world(&house).await;
    let signed_in = register(&world).await;
    let ask = |body| call(&world, &signed_in, Method::POST, "me/identities", body);
    let missing = ask(asking(None)).await.error(400, "VALIDATION_ERROR");
    assert_eq!(missing["field"], "password");
    ask(asking(Some("another password")))
        .await
        .error(401, "INVALID_CREDENTIALS");
    let fragment = link(
        &world,
        &house,
        &signed_in,
        asking(Some(PASSWORD)),
        "person 1",
    )
    .await;
    assert_eq!(fragment, "linked=house");
    // Once more is as good as once.
    let fragment = link(
        &world,
        &house,
        &signed_in,
        asking(Some(PASSWORD)),
        "person 1",
    )
    .await;
    assert_eq!(fragment, "linked=house");
    let fragment = link(
        &world,
        &house,
        &signed_in,
        asking(Some(PASSWORD)),
        "person 2",
    )
    .await;
    assert_eq!(fragment, "linked=house");
    let own = identities(&world, &signed_in).await;
    assert_eq!(own["has_password"], true);
    let rows = own["identities"].as_array().unwrap();
    assert_eq!(rows.len(), 2);
    assert_eq!(rows[0]["title"], "house");
    let by_it = sign_in(&world, &house).await;
    assert_eq!(by_it["user"]["user_id"], signed_in["user"]["user_id"]);

    // Another account cannot have it.
    let body = json!({ "email": "other@example.test", "password": PASSWORD });
    let other = post(&world, "register", body).await.data(201);
    let fragment = link(&world, &house, &other, asking(Some(PASSWORD)), "person 1").await;
    assert_eq!(fragment, "sign_in_error=identity_taken");
    let path = format!("me/identities/{}", rows[0]["identity_id"].as_str().unwrap());
    let body = json!({ "password": PASSWORD });
    call(&world, &other, Method::DELETE, &path, body.clone())
        .await
        .error(404, "NOT_FOUND");
    let unlink = |body| call(&world, &signed_in, Method::DELETE, &path, body);
    unlink(Value::Null).await.error(400, "VALIDATION_ERROR");
    unlink(body.clone()).await.data(200);
    unlink(body).await.error(404, "NOT_FOUND");
    assert_eq!(entries(&world, "identity.unlink").await.len(), 1);
    let export = call(&world, &signed_in, Method::GET, "me/export", Value::Null).await;
    let exported = export.data(200)["identities"].clone();
    assert_eq!(exported.as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn a_link_that_is_asked_for_ends_with_its_session() {
    let house = House::open().await;
    let world = world(&house).await;
    let signed_in = register(&world).await;
    let body = asking(Some(PASSWORD));
    let reply = call(&world, &signed_in, Method::POST, "me/identities", body).await;
    let data = reply.data(200);
    let begun = begun(data["authorization_url"].as_str().unwrap(), &reply);
    call(&world, &signed_in, Method::POST, "logout", Value::Null)
        .await
        .data(200);
    house.gives(&house.sign(&house.claims(&begun.nonce)));
    let query = format!("code=c1&state={}", begun.state);
    let reply = come_back(&world, "house", &begun.cookie, &query).await;
    assert_eq!(landed(&reply), "sign_in_error=session_ended");
    assert_eq!(entries(&world, "identity.link").await.len(), 0);
}

#[tokio::test]
async fn an_account_without_a_password_keeps_its_last_way_in() {
    let house = House::open().await;
    let world = world(&house).await;
    let signed_in = sign_in(&world, &house).await;
    let own = identities(&world, &signed_in).await;
    assert_eq!(own["has_password"], false);
    let id = own["identities"][0]["identity_id"].as_str().unwrap();
    let path = format!("me/identities/{id}");
    let unlink = || call(&world, &signed_in, Method::DELETE, &path, Value::Null);
    unlink().await.error(409, "LAST_WAY_IN");
    let fragment = link(&world, &house, &signed_in, asking(None), "person 2").await;
    assert_eq!(fragment, "linked=house");
    unlink().await.data(200);
    let change = json!({ "current_password": "", "new_password": "vintage otter lantern" });
    call(&world, &signed_in, Method::POST, "change-password", change)
        .await
        .error(409, "NO_PASSWORD");
    let login = json!({ "email": EMAIL, "password": PASSWORD });
    post(&world, "login", login)
        .await
        .error(401, "INVALID_CREDENTIALS");

    // A token that was left open somewhere is not enough.
    pass(&world, 600_001);
    let erase = |signed_in: Value| {
        let world = &world;
        async move { call(world, &signed_in, Method::DELETE, "me", Value::Null).await }
    };
    erase(signed_in.clone()).await.error(403, "SIGN_IN_AGAIN");
    call(
        &world,
        &signed_in,
        Method::POST,
        "me/identities",
        asking(None),
    )
    .await
    .error(403, "SIGN_IN_AGAIN");
    let again = sign_in_as(&world, &house, |all| {
        all["sub"] = json!("person 2");
        all["iat"] = json!(all["iat"].as_u64().unwrap() + 600);
        all["exp"] = json!(all["exp"].as_u64().unwrap() + 600);
    })
    .await;
    erase(again).await.data(200);
    let erased = entries(&world, "account.erase").await;
    assert_eq!(erased[0]["identities"], 1);
    let user: Uuid = signed_in["user"]["user_id"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    assert_eq!(world.store.identities_of(user).await.unwrap(), []);
}

#[tokio::test]
async fn a_reset_by_mail_leaves_only_what_the_address_vouches_for() {
    let house = House::open().await;
    let world = world(&house).await;
    // Linked by whoever had the password before the mailbox's owner came.
    let registered = register_verified(&world).await;
    let fragment = link(
        &world,
        &house,
        &registered,
        asking(Some(PASSWORD)),
        "person 1",
    )
    .await;
    assert_eq!(fragment, "linked=house");
    let reply = call(
        &world,
        &registered,
        Method::POST,
        "me/identities",
        asking(Some(PASSWORD)),
    )
    .await;
    let data = reply.data(200);
    let begun = begun(data["authorization_url"].as_str().unwrap(), &reply);
    let mut claims = house.claims(&begun.nonce);
    claims["sub"] = json!("person 2");
    claims["email"] = json!("stranger@example.test");
    house.gives(&house.sign(&claims));
    let query = format!("code=c1&state={}", begun.state);
    let reply = come_back(&world, "house", &begun.cookie, &query).await;
    assert_eq!(landed(&reply), "linked=house");
    let user: Uuid = registered["user"]["user_id"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    assert_eq!(world.store.identities_of(user).await.unwrap().len(), 2);

    post(&world, "forgot-password", json!({ "email": EMAIL }))
        .await
        .data(202);
    world.ingress.settled().await;
    let token = mailed(&world).await;
    let body = json!({ "token": token, "password": "vintage otter lantern" });
    post(&world, "reset-password", body).await.data(200);
    let left = world.store.identities_of(user).await.unwrap();
    assert_eq!(left.len(), 1);
    assert!(left[0].is_vouched);
}

#[tokio::test]
async fn oauth2_alone_creates_accounts_whose_address_is_to_be_verified() {
    let house = House::open().await;
    let url = |path: &str| Some(format!("{}/{path}", house.url));
    let facebook = ProviderConfig {
        preset: Some(Preset::Facebook),
        client_id: CLIENT_ID.to_owned(),
        client_secret: Some(Secret::new(CLIENT_SECRET)),
        authorization_url: url("dialog"),
        token_url: url("token"),
        user_url: url("me?fields=id,name,email"),
        ..ProviderConfig::default()
    };
    let world = world_with(&[("facebook", facebook)], |_| {}).await;
    let access = json!({ "access_token": "access-1", "token_type": "bearer" });
    house.shared.lock().token = Answer::Json(access);
    let come = async |user: Value| {
        house.shared.lock().user = Answer::Json(user);
        let begun = start_at(&world, "facebook").await;
        assert_eq!(parameter(&begun.location, "scope"), "email public_profile");
        assert_eq!(parameter(&begun.location, "code_challenge").len(), 43);
        let query = format!("code=c1&state={}", begun.state);
        let reply = come_back(&world, "facebook", &begun.cookie, &query).await;
        (begun, landed(&reply))
    };
    let person = json!({ "id": "17", "name": "No Body", "email": EMAIL });
    let (begun, fragment) = come(person.clone()).await;
    let signed_in = exchange(&world, &begun.cookie, code(&fragment))
        .await
        .data(200);
    assert_eq!(signed_in["user"]["email_verified"], false);
    assert_eq!(
        house.shared.lock().bearer.as_deref(),
        Some("Bearer access-1")
    );
    let (form, header) = house.shared.lock().exchanges[0].clone();
    assert_eq!(header, None);
    assert_eq!(
        parameter(&format!("?{form}"), "client_secret"),
        CLIENT_SECRET
    );
    // It is sent a link, as after a registration.
    let token = mailed(&world).await;
    post(&world, "verify-email", json!({ "token": token }))
        .await
        .data(200);
    let (begun, fragment) = come(person).await;
    exchange(&world, &begun.cookie, code(&fragment))
        .await
        .data(200);
    // Nothing vouches for the address of another person there.
    let (_, fragment) = come(json!({ "id": "18", "email": EMAIL })).await;
    assert_eq!(fragment, "sign_in_error=account_exists");
    for wrong in [json!({ "id": "" }), json!({ "email": EMAIL }), json!([])] {
        let (_, fragment) = come(wrong).await;
        assert_eq!(fragment, "sign_in_error=provider");
    }
}
