//! Who may do what, and with which tokens.

mod keys;

use std::sync::atomic::Ordering;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::Method;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use onsale_schemas::UserId;
use serde_json::json;

use crate::support::{BUYER, Claims, EVENT, NOW_MS, SECRET, SHOW, World, sign};

#[tokio::test]
async fn tokens_that_are_not_ours_are_refused_without_saying_why() {
    let world = World::new().await;
    let good = Claims::new(BUYER, "buyer");
    let change = |change: fn(&mut Claims)| {
        let mut claims = good.clone();
        change(&mut claims);
        claims.token()
    };
    let token = good.token();
    let (head, rest) = token.split_once('.').unwrap();
    let (payload, signature) = rest.split_once('.').unwrap();
    // {"alg":"none","typ":"JWT"}
    let none = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0";
    for (name, token) in [
        (
            "expired",
            change(|claims| claims.exp = Some(NOW_MS / 1_000 - 60)),
        ),
        ("no exp", change(|claims| claims.exp = None)),
        (
            "not yet",
            change(|claims| claims.nbf = Some(NOW_MS / 1_000 + 60)),
        ),
        ("issuer", change(|claims| claims.iss = "else".to_owned())),
        ("audience", change(|claims| claims.aud = "else".to_owned())),
        ("role", change(|claims| claims.role = "root".to_owned())),
        ("sub", change(|claims| claims.sub = "me".to_owned())),
        (
            "secret",
            sign(
                &good,
                "another secret of at least 32 bytes",
                Algorithm::HS256,
            ),
        ),
        ("algorithm", sign(&good, SECRET, Algorithm::HS512)),
        ("alg none", format!("{none}.{payload}.")),
        ("alg none, signed", format!("{none}.{payload}.{signature}")),
        ("no signature", format!("{head}.{payload}.")),
        ("cut", token[..token.len() - 1].to_owned()),
        ("garbage", "x.y.z".to_owned()),
        ("huge", "x".repeat(10_000)),
    ] {
        let reply = world.get("/api/v1/bookings").token(&token).send().await;
        reply.error(401, "UNAUTHORIZED");
        assert_eq!(reply.header("www-authenticate"), "Bearer", "{name}");
    }
    for header in ["", "Bearer", "Bearer ", "Basic YTpi", &token] {
        let reply = world
            .get("/api/v1/bookings")
            .header("authorization", header)
            .send()
            .await;
        reply.error(401, "UNAUTHORIZED");
    }
    world
        .get("/api/v1/bookings")
        .send()
        .await
        .error(401, "UNAUTHORIZED");
    world
        .get("/api/v1/bookings")
        .token(&token)
        .send()
        .await
        .data(200);
}

#[tokio::test]
async fn a_token_that_was_verified_once_still_expires() {
    let world = World::new().await;
    let token = Claims::new(BUYER, "buyer").token();
    world
        .get("/api/v1/bookings")
        .token(&token)
        .send()
        .await
        .data(200);
    world.clock.0.fetch_add(2_000_000, Ordering::SeqCst);
    let reply = world.get("/api/v1/bookings").token(&token).send().await;
    reply.error(401, "UNAUTHORIZED");
}

#[tokio::test]
async fn a_bad_token_is_refused_on_public_reads_too_and_none_is_fine() {
    let world = World::new().await;
    let path = format!("/api/v1/events/{EVENT}");
    world.get(&path).send().await.data(200);
    world
        .get(&path)
        .token("x.y.z")
        .send()
        .await
        .error(401, "UNAUTHORIZED");
}

#[tokio::test]
async fn every_role_may_do_its_own_and_nothing_else() {
    let world = World::new().await;
    let booking = world.booked(100).await;
    let reserve = json!({"show_id": SHOW, "seats": ["B-L"]});
    let confirm = json!({"payment_reference": "p"});
    let event = json!({"name": "n", "starts_at": "2030-01-01T00:00:00Z"});
    for (method, path, body, allowed) in [
        (
            Method::POST,
            "/bookings/reserve".to_owned(),
            reserve,
            "buyer",
        ),
        (
            Method::POST,
            format!("/bookings/{booking}/confirm"),
            confirm,
            "service platform",
        ),
        (
            Method::POST,
            format!("/bookings/{booking}/extend"),
            json!({"seconds": 60}),
            "service platform",
        ),
        (
            Method::POST,
            "/events".to_owned(),
            event,
            "organizer admin operator",
        ),
        (
            Method::POST,
            format!("/shows/{SHOW}/close"),
            json!({}),
            "organizer admin operator",
        ),
        (
            Method::PATCH,
            format!("/shows/{SHOW}"),
            json!({}),
            "organizer admin operator",
        ),
        (
            Method::POST,
            "/admin/snapshots".to_owned(),
            json!({}),
            "operator",
        ),
    ] {
        for role in [
            "buyer",
            "organizer",
            "admin",
            "service",
            "operator",
            "platform",
        ] {
            let reply = world
                .call(method.clone(), &format!("/api/v1{path}"))
                .by_role(role)
                .json(&body)
                .send()
                .await;
            if allowed.contains(role) {
                assert!(reply.status.is_success(), "{role} {path}: {}", reply.json());
            } else {
                reply.error(403, "FORBIDDEN");
            }
        }
        let reply = world
            .call(method, &format!("/api/v1{path}"))
            .json(&body)
            .send()
            .await;
        reply.error(401, "UNAUTHORIZED");
    }
}

#[tokio::test]
async fn an_event_of_another_organizer_is_out_of_reach() {
    let world = World::new().await;
    let other = UserId::from_bytes([0x99; 16]);
    for (method, path) in [
        (Method::POST, format!("/api/v1/shows/{SHOW}/close")),
        (Method::POST, format!("/api/v1/shows/{SHOW}/cancel")),
        (Method::PATCH, format!("/api/v1/shows/{SHOW}")),
    ] {
        let reply = world
            .call(method, &path)
            .by_user(other, "organizer")
            .json(&json!({}))
            .send()
            .await;
        reply.error(403, "FORBIDDEN");
    }
    assert!(world.log.seen().is_empty());
}

#[tokio::test]
async fn buyers_confirm_their_own_only_where_payments_are_simulated() {
    let world = World::with(|config| config.payments.simulated = true).await;
    let booking = world.booked(5).await;
    world
        .post(&format!("/api/v1/bookings/{booking}/confirm"))
        .by_role("buyer")
        .json(&json!({"payment_reference": "p"}))
        .send()
        .await
        .data(200);
    let onsale_schemas::Command::ConfirmV2(confirm) = world.log.last().command else {
        panic!("not a confirm")
    };
    assert_eq!(confirm.confirm.by, onsale_schemas::Actor::Buyer(BUYER));
}

/// The buyer's token with other fields in head and claims.
fn token_with(head: &serde_json::Value, claims: &serde_json::Value) -> String {
    let mut header = serde_json::to_value(Header::default()).unwrap();
    let mut body = serde_json::to_value(Claims::new(BUYER, "buyer")).unwrap();
    for (into, from) in [(&mut header, head), (&mut body, claims)] {
        for (key, value) in from.as_object().unwrap() {
            into[key] = value.clone();
        }
    }
    let header: Header = serde_json::from_value(header).unwrap();
    let key = EncodingKey::from_secret(SECRET.as_bytes());
    jsonwebtoken::encode(&header, &body, &key).unwrap()
}

#[tokio::test]
async fn a_token_is_taken_by_what_it_says_of_itself() {
    let world = World::new().await;
    let now = NOW_MS / 1_000;
    let life = 31 * 86_400;
    for (head, claims, status) in [
        (json!({}), json!({}), 200),
        (json!({"typ": "jwt"}), json!({}), 200),
        (json!({"typ": null}), json!({}), 200),
        (json!({"typ": "at+jwt"}), json!({}), 200),
        (json!({"typ": "application/at+jwt"}), json!({}), 200),
        (json!({"typ": "id+jwt"}), json!({}), 401),
        (json!({"typ": "logout+jwt"}), json!({}), 401),
        (json!({"crit": ["exp"]}), json!({}), 401),
        (json!({"crit": []}), json!({}), 401),
        (json!({"crit": ["x"], "x": 1}), json!({}), 401),
        (json!({}), json!({"exp": now as f64 + 60.5}), 200),
        (json!({}), json!({"exp": now as f64 - 60.5}), 401),
        (json!({}), json!({"exp": -1.5}), 401),
        (json!({}), json!({"exp": 1e300}), 401),
        (json!({}), json!({"exp": now.to_string()}), 401),
        (json!({}), json!({"nbf": now as f64 - 0.5}), 200),
        (json!({}), json!({"nbf": now as f64 + 60.5}), 401),
        (json!({}), json!({"exp": u64::MAX}), 401),
        (json!({}), json!({"exp": now + life}), 200),
        (json!({}), json!({"exp": now + life + 60}), 401),
        (
            json!({}),
            json!({"exp": now + 60, "iat": now - life + 60}),
            200,
        ),
        (json!({}), json!({"exp": now + 60, "iat": now - life}), 401),
        (
            json!({}),
            json!({"exp": now + 2 * life, "iat": now + 2 * life - 60}),
            401,
        ),
    ] {
        let token = token_with(&head, &claims);
        let reply = world.get("/api/v1/bookings").token(&token).send().await;
        assert_eq!(reply.status, status, "{head} {claims}");
    }
}

/// A token of these texts, rightly signed.
fn signed(header: &str, payload: &str) -> String {
    let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    let message = format!(
        "{}.{}",
        encode(header.as_bytes()),
        encode(payload.as_bytes())
    );
    let key = EncodingKey::from_secret(SECRET.as_bytes());
    let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &key, Algorithm::HS256);
    let signature = signature.unwrap();
    format!("{message}.{signature}")
}

#[tokio::test]
async fn a_token_that_can_be_read_in_two_ways_is_refused_with_the_reason() {
    let world = World::new().await;
    let head = r#"{"typ":"JWT","alg":"HS256"}"#;
    let payload = serde_json::to_string(&Claims::new(BUYER, "buyer")).unwrap();
    let more = |members: &str| format!("{{{members},{}", &payload[1..]);
    let good = signed(head, &payload);
    let with = |member: &str| {
        let head = format!(r#"{{"typ":"JWT","alg":"HS256",{member}}}"#);
        signed(&head, &payload)
    };
    for (token, said) in [
        (good.clone(), None),
        (with(r#""x5t":"abc""#), None),
        (with(r#""jwk":{"kty":"oct","k":"AAAA"}"#), Some("`jwk`")),
        (with(r#""jku":"https://keys.example""#), Some("`jku`")),
        (with(r#""x5u":"https://keys.example""#), Some("`x5u`")),
        (with(r#""x5c":["AAAA"]"#), Some("`x5c`")),
        (with(r#""b64":false"#), Some("`b64`")),
        (with(r#""b64":false,"crit":["b64"]"#), Some("`b64`")),
        (with(r#""crit":["exp"]"#), Some("`crit`")),
        (with(r#""alg":"HS256""#), Some("header")),
        (with(r#""x":1,"x":2"#), Some("header")),
        (signed(&format!("{head} x"), &payload), Some("header")),
        (signed(head, &more(r#""role":"operator""#)), Some("payload")),
        (signed(head, &more(r#""x":{"y":1,"y":2}"#)), Some("payload")),
        (signed(head, &format!("{payload}{{}}")), Some("payload")),
        (format!("{good}="), Some("padding")),
        (format!("{good}.x"), Some("three parts")),
        (
            signed(r#"{"typ":"secevent+jwt","alg":"HS256"}"#, &payload),
            Some("not valid here"),
        ),
        (
            signed(r#"{"typ":7,"alg":"HS256"}"#, &payload),
            Some("not valid here"),
        ),
    ] {
        let reply = world.get("/api/v1/bookings").token(&token).send().await;
        let Some(said) = said else {
            reply.data(200);
            continue;
        };
        reply.error(401, "UNAUTHORIZED");
        let json = reply.json();
        assert!(json.to_string().contains(said), "{said}: {json}");
    }
}

/// A proxy in front may have looked at the other one.
#[tokio::test]
async fn what_decides_is_given_once() {
    let world = World::new().await;
    let token = format!("Bearer {}", Claims::new(BUYER, "buyer").token());
    let token = token.as_str();
    for other in [token, "Bearer x.y.z", "Basic YTpi", ""] {
        for pair in [[token, other], [other, token]] {
            let call = world.get("/api/v1/bookings");
            let call = call.header("authorization", pair[0]);
            let reply = call.header("authorization", pair[1]).send().await;
            let details = reply.error(400, "VALIDATION_ERROR");
            assert_eq!(details["field"], "Authorization", "{pair:?}");
            assert_eq!(
                details["value"],
                serde_json::Value::Null,
                "no token comes back"
            );
        }
    }
    let body = json!({"show_id": SHOW, "seats": ["B-L"]});
    for name in ["content-type", "idempotency-key"] {
        let call = world.post("/api/v1/bookings/reserve").by_role("buyer");
        let values = ["application/json", "text/plain"];
        let call = call.header(name, values[0]).header(name, values[1]);
        let reply = call.json(&body).send().await;
        let details = reply.error(400, "VALIDATION_ERROR");
        let field = details["field"].as_str().unwrap();
        assert!(field.eq_ignore_ascii_case(name), "{name}: {details}");
    }
    assert!(world.log.seen().is_empty());
}
