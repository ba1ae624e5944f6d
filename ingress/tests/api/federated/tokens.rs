//! What a provider answers, right and wrong.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

use super::house::{Answer, CLIENT_ID, CLIENT_SECRET, House, SigningKey, discovery};
use super::{
    FAILED_PAUSE_MS, come_back, entries, land, landed, pass, provider, refused_as, sign_in, start,
    world, world_with,
};

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
        pass(&world, FAILED_PAUSE_MS);
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
        pass(&world, FAILED_PAUSE_MS);
        let reply = world.get("/api/v1/auth/oauth/house/start").send().await;
        reply.error(503, "PROVIDER_UNAVAILABLE");
        assert!(!String::from_utf8_lossy(&reply.bytes).contains("evil"));
    }
    house.shared.lock().discovery = Answer::Json(document);
    pass(&world, FAILED_PAUSE_MS);

    let keys = json!({ "keys": [house.public_key()] });
    for answer in hostile(keys.clone()) {
        house.shared.lock().keys = answer;
        pass(&world, FAILED_PAUSE_MS);
        assert_eq!(refused_as(&world, &house, |_| {}).await, "provider");
    }
    house.shared.lock().keys = Answer::Json(keys);
    pass(&world, FAILED_PAUSE_MS);
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
