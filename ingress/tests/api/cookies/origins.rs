//! Which pages may use cookies, by method and by credential.

use http::Method;
use serde_json::{Value, json};

use super::{ACCESS, EMAIL, HOST, OWN, cookie, login, page, refresh_cookies, register, set, world};
use crate::accounts::{PASSWORD, config};
use crate::support::{SHOW, STALLS, World};

/// How a request shows who asks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Shows {
    Nothing,
    Cookie,
    Bearer,
    Both,
    /// A token that is no good beside a cookie that is.
    BadBearerAndCookie,
    BadCookie,
    TwoCookies,
}

/// Where it comes from, and whether that is a page of this server.
const ORIGINS: [(&[(&str, &str)], bool); 11] = [
    (&[OWN], true),
    (&[("sec-fetch-site", "same-origin")], true),
    (&[("sec-fetch-site", "same-origin"), OWN], true),
    (&[("sec-fetch-site", "none")], true),
    (&[], false),
    (&[("origin", "https://evil.example")], false),
    (&[("origin", "http://tickets.example")], false),
    (&[("origin", "null")], false),
    (&[("sec-fetch-site", "cross-site"), OWN], false),
    (
        &[
            ("sec-fetch-site", "same-site"),
            ("origin", "https://www.tickets.example"),
        ],
        false,
    ),
    (&[("origin", "https://tickets.example.evil.example")], false),
];

/// What is called, and with which body.
fn calls() -> Vec<(Method, &'static str, Option<Value>)> {
    let reserve = json!({ "show_id": SHOW, "zone_id": STALLS, "seats": ["A-1"] });
    vec![
        (Method::GET, "auth/me", None),
        (Method::GET, "bookings", None),
        (Method::HEAD, "bookings", None),
        (Method::POST, "bookings/reserve", Some(reserve)),
        (Method::PUT, "auth/me", Some(json!({ "locale": "th" }))),
        (
            Method::PATCH,
            "tenants/00000000-0000-0000-0000-000000000007",
            Some(json!({ "name": "n" })),
        ),
        (
            Method::DELETE,
            "auth/sessions/00000000-0000-0000-0000-000000000007",
            None,
        ),
    ]
}

#[tokio::test]
async fn origin_by_method_by_credential() {
    let world = world().await;
    let bearer = register(&world, EMAIL).await;
    let bearer = bearer["access_token"].as_str().unwrap();
    let access = cookie(&login(&world, EMAIL).await, ACCESS);
    for shows in [
        Shows::Nothing,
        Shows::Cookie,
        Shows::Bearer,
        Shows::Both,
        Shows::BadBearerAndCookie,
        Shows::BadCookie,
        Shows::TwoCookies,
    ] {
        for (origin, is_own) in ORIGINS {
            for (method, path, body) in calls() {
                let what = format!("{method} {path} with {shows:?} from {origin:?}");
                let mut call = world.call(method.clone(), &format!("/api/v1/{path}"));
                call = call.header("host", HOST);
                for (name, value) in origin {
                    call = call.header(name, value);
                }
                if matches!(
                    shows,
                    Shows::Cookie | Shows::Both | Shows::BadBearerAndCookie
                ) {
                    call = call.header("cookie", &access);
                }
                call = match shows {
                    Shows::Bearer | Shows::Both => call.token(bearer),
                    Shows::BadBearerAndCookie => call.token("eyJ.bad.token"),
                    Shows::BadCookie => call.header("cookie", &format!("{ACCESS}=eyJ.bad.token")),
                    Shows::TwoCookies => {
                        call.header("cookie", &format!("{access}; {ACCESS}=planted"))
                    }
                    Shows::Nothing | Shows::Cookie => call,
                };
                if let Some(body) = &body {
                    call = call.json(body);
                }
                let handed_in = world.log.seen().len();
                let reply = call.send().await;
                let is_known = matches!(shows, Shows::Cookie | Shows::Bearer | Shows::Both);
                let is_refused = shows == Shows::Cookie && !method.is_safe() && !is_own;
                if is_refused {
                    reply.error(403, "CROSS_SITE_REQUEST");
                    assert_eq!(world.log.seen().len(), handed_in, "{what}");
                } else if is_known {
                    assert_ne!(reply.status, 401, "{what}");
                    if method != Method::HEAD {
                        assert_ne!(
                            reply.json()["error"]["code"],
                            "CROSS_SITE_REQUEST",
                            "{what}"
                        );
                    }
                } else {
                    assert_eq!(reply.status, 401, "{what}");
                }
            }
        }
    }
}

#[tokio::test]
async fn what_keeps_cookies_is_for_pages_of_this_server() {
    let world = world().await;
    register(&world, EMAIL).await;
    let body = json!({ "email": EMAIL, "password": PASSWORD });
    let refresh = refresh_cookies(&login(&world, EMAIL).await);
    for path in [
        "login",
        "login/second-factor",
        "passkey",
        "oauth/session",
        "register",
        "guest",
        "refresh",
        "logout",
    ] {
        for (origin, is_own) in ORIGINS {
            if is_own {
                continue;
            }
            let mut call = world.post(&format!("/api/v1/auth/cookie/{path}"));
            call = call.header("host", HOST).header("cookie", &refresh);
            for (name, value) in origin {
                call = call.header(name, value);
            }
            let reply = call.json(&body).send().await;
            reply.error(403, "CROSS_SITE_REQUEST");
            assert!(set(&reply).is_empty(), "{path} {origin:?}");
        }
    }
    // The session is as it was.
    let call = page(&world, Method::POST, "auth/cookie/refresh").header("cookie", &refresh);
    call.send().await.data(200);
}

#[tokio::test]
async fn another_origin_may_call_and_not_with_cookies() {
    const PARTNER: &str = "https://partner.example";
    for allowed in [PARTNER, "*"] {
        let world = World::with(|all| {
            all.accounts = config();
            all.http.cors_origins = vec![allowed.to_owned()];
        })
        .await;
        let bearer = register(&world, EMAIL).await;
        let bearer = bearer["access_token"].as_str().unwrap();
        let access = cookie(&login(&world, EMAIL).await, ACCESS);
        let partner = |method, path: &str| {
            let call = world.call(method, &format!("/api/v1/{path}"));
            let call = call.header("host", HOST).header("origin", PARTNER);
            call.header("sec-fetch-site", "cross-site")
        };
        let locale = json!({ "locale": "th" });
        let change = partner(Method::PUT, "auth/me").json(&locale);
        let refused = change.header("cookie", &access).send().await;
        refused.error(403, "CROSS_SITE_REQUEST");
        let change = partner(Method::PUT, "auth/me").json(&locale);
        change.token(bearer).send().await.data(200);
        let preflight = partner(Method::OPTIONS, "auth/me")
            .header("access-control-request-method", "PUT")
            .header("access-control-request-headers", "content-type")
            .send()
            .await;
        let read = partner(Method::GET, "auth/me").header("cookie", &access);
        for reply in [refused, preflight, read.send().await] {
            assert_eq!(reply.header("access-control-allow-credentials"), "");
            assert_ne!(reply.header("access-control-allow-origin"), "");
        }
    }
}
