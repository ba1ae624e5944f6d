//! Tokens in cookies of browsers, and which pages may use them.

mod change_email;
mod origins;
mod ways_in;

use std::sync::atomic::Ordering;

use http::Method;
use http::header::SET_COOKIE;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::accounts::{PASSWORD, config, post};
use crate::support::{Call, Reply, SHOW, STALLS, World};

const EMAIL: &str = "nobody@example.test";
const OTHER_EMAIL: &str = "other@example.test";
const ACCESS: &str = "__Host-onsale_access";
const REFRESH: &str = "__Secure-onsale_refresh";
/// Says which refresh token is meant.
const MARK: &str = "__Host-onsale_refresh_mark";
const HOST: &str = "tickets.example";
const OWN: (&str, &str) = ("origin", "https://tickets.example");

async fn world() -> World {
    World::with(|all| all.accounts = config()).await
}

async fn register(world: &World, email: &str) -> Value {
    let body = json!({ "email": email, "password": PASSWORD });
    post(world, "register", body).await.data(201)
}

/// A call of a page of this server.
fn page<'a>(world: &'a World, method: Method, path: &str) -> Call<'a> {
    let call = world.call(method, &format!("/api/v1/{path}"));
    call.header("host", HOST).header(OWN.0, OWN.1)
}

async fn login(world: &World, email: &str) -> Reply {
    let body = json!({ "email": email, "password": PASSWORD });
    let call = page(world, Method::POST, "auth/cookie/login");
    call.json(&body).send().await
}

fn set(reply: &Reply) -> Vec<&str> {
    let values = reply.headers.get_all(SET_COOKIE).iter();
    values.map(|value| value.to_str().unwrap()).collect()
}

/// The value of a cookie that an answer sets.
fn value(reply: &Reply, name: &str) -> String {
    let found = set(reply).into_iter().find_map(|cookie| {
        let (pair, _attributes) = cookie.split_once(';').unwrap();
        let (key, value) = pair.split_once('=').unwrap();
        (key == name).then(|| value.to_owned())
    });
    found.unwrap_or_else(|| panic!("no {name} in {:?}", set(reply)))
}

fn cookie(reply: &Reply, name: &str) -> String {
    format!("{name}={}", value(reply, name))
}

/// The refresh token with what says that it is of this host.
fn refresh_cookies(reply: &Reply) -> String {
    format!("{}; {}", cookie(reply, REFRESH), cookie(reply, MARK))
}

#[track_caller]
fn assert_forgotten(reply: &Reply) {
    assert_eq!(
        set(reply),
        [
            "__Host-onsale_access=; Max-Age=0; Path=/; SameSite=Lax; HttpOnly; Secure",
            "__Secure-onsale_refresh=; Max-Age=0; Path=/api/v1/auth/cookie; SameSite=Strict; \
             HttpOnly; Secure",
            "__Host-onsale_refresh_mark=; Max-Age=0; Path=/; SameSite=Strict; HttpOnly; Secure",
        ]
    );
}

#[tokio::test]
async fn a_browser_signs_in_and_no_script_sees_a_token() {
    let world = world().await;
    register(&world, EMAIL).await;
    let reply = login(&world, EMAIL).await;
    let data = reply.data(200);
    assert_eq!(data["user"]["email"], EMAIL);
    assert_eq!(
        (&data["expires_in"], &data["refresh_expires_in"]),
        (&json!(900), &json!(604_800))
    );
    for part in ["access_token", "refresh_token"] {
        assert_eq!(data.get(part), None);
    }
    let cookies = set(&reply);
    let ends = [
        "; Max-Age=900; Path=/; SameSite=Lax; HttpOnly; Secure",
        "; Max-Age=604800; Path=/api/v1/auth/cookie; SameSite=Strict; HttpOnly; Secure",
        "; Max-Age=604800; Path=/; SameSite=Strict; HttpOnly; Secure",
    ];
    assert_eq!(cookies.len(), 3);
    assert!(!cookies[2].contains(&value(&reply, REFRESH)));
    for (cookie, end) in cookies.iter().zip(ends) {
        assert!(cookie.ends_with(end), "{cookie}");
    }
    let body = String::from_utf8(reply.bytes.clone()).unwrap();
    assert!(!body.contains(&value(&reply, ACCESS)));
    assert!(!body.contains(&value(&reply, REFRESH)));
    assert_eq!(reply.header("cache-control"), "no-store");

    let access = cookie(&reply, ACCESS);
    let me = page(&world, Method::GET, "auth/me").header("cookie", &access);
    assert_eq!(me.send().await.data(200)["email"], EMAIL);
    // As one header among other cookies, and as HTTP/2 sends them.
    let crumbs = page(&world, Method::GET, "auth/me")
        .header("cookie", "theme=dark")
        .header("cookie", &format!("lang=th; {access}"));
    crumbs.send().await.data(200);
    let reply = login(&world, OTHER_EMAIL).await;
    reply.error(401, "INVALID_CREDENTIALS");
    assert!(set(&reply).is_empty());
}

#[tokio::test]
async fn a_new_account_is_signed_in_in_its_browser() {
    let world = world().await;
    let body = json!({ "email": EMAIL, "password": PASSWORD });
    let call = page(&world, Method::POST, "auth/cookie/register").json(&body);
    let reply = call.send().await;
    assert_eq!(reply.data(201)["user"]["email"], EMAIL);
    let access = cookie(&reply, ACCESS);
    let me = page(&world, Method::GET, "auth/me").header("cookie", &access);
    me.send().await.data(200);
}

#[tokio::test]
async fn a_session_in_cookies_goes_on_by_the_same_rotation() {
    let world = world().await;
    register(&world, EMAIL).await;
    let first = login(&world, EMAIL).await;
    let refresh = async |cookie: &str| {
        let call = page(&world, Method::POST, "auth/cookie/refresh");
        call.header("cookie", cookie).send().await
    };
    let second = refresh(&refresh_cookies(&first)).await;
    second.data(200);
    assert_ne!(value(&first, REFRESH), value(&second, REFRESH));
    let tab = refresh(&refresh_cookies(&first)).await;
    assert_eq!(value(&tab, REFRESH), value(&second, REFRESH), "two tabs");
    // In a body it is the same token.
    let body = json!({ "refresh_token": value(&second, REFRESH) });
    let third = post(&world, "refresh", body).await.data(200);
    assert!(third["refresh_token"].is_string());

    world.clock.0.fetch_add(11_000, Ordering::SeqCst);
    let reused = refresh(&refresh_cookies(&first)).await;
    reused.error(401, "TOKEN_REUSED");
    assert_forgotten(&reused);
    let over = refresh(&refresh_cookies(&second)).await;
    over.error(401, "TOKEN_REUSED");
    // A token of a program is of no browser.
    let of_program = third["refresh_token"].as_str().unwrap();
    let of_program = refresh(&format!("{REFRESH}={of_program}")).await;
    of_program.error(401, "UNAUTHORIZED");
    let none = refresh("theme=dark").await;
    none.error(401, "UNAUTHORIZED");
    // The access token alone gives nothing.
    let access = refresh(&cookie(&first, ACCESS)).await;
    access.error(401, "UNAUTHORIZED");
}

/// Another host of the domain sets the cookie of the refresh token, which is of one path and so not of one host.
#[tokio::test]
async fn a_planted_refresh_token_signs_nobody_in() {
    let world = world().await;
    register(&world, EMAIL).await;
    register(&world, OTHER_EMAIL).await;
    let planted = cookie(&login(&world, OTHER_EMAIL).await, REFRESH);
    let refresh = async |cookie: &str| {
        let call = page(&world, Method::POST, "auth/cookie/refresh");
        call.header("cookie", cookie).send().await
    };
    // In a browser in which nobody has signed in.
    let refused = refresh(&planted).await;
    refused.error(401, "UNAUTHORIZED");
    assert_forgotten(&refused);
    let own = login(&world, EMAIL).await;
    let mark = cookie(&own, MARK);
    let refused = refresh(&format!("{planted}; {mark}")).await;
    refused.error(401, "UNAUTHORIZED");
    // Beside the own one, in whichever order the browser sends them.
    let next = refresh(&format!("{planted}; {}", refresh_cookies(&own))).await;
    assert_eq!(next.data(200)["user"]["email"], EMAIL);
    let next = refresh(&format!("{}; {planted}", refresh_cookies(&next))).await;
    assert_eq!(next.data(200)["user"]["email"], EMAIL);
    // It is not signed out by it either.
    let both = format!("{planted}; {}", refresh_cookies(&next));
    let logout = page(&world, Method::POST, "auth/cookie/logout").header("cookie", &both);
    logout.send().await.data(200);
    refresh(&refresh_cookies(&next))
        .await
        .error(401, "UNAUTHORIZED");
    let other = planted.split_once('=').unwrap().1;
    let body = json!({ "refresh_token": other });
    post(&world, "refresh", body).await.data(200);
}

#[tokio::test]
async fn a_browser_signs_out() {
    let world = world().await;
    register(&world, EMAIL).await;
    let signed_in = login(&world, EMAIL).await;
    let (access, refresh) = (cookie(&signed_in, ACCESS), refresh_cookies(&signed_in));
    let both = format!("{access}; {refresh}");
    let logout = page(&world, Method::POST, "auth/cookie/logout").header("cookie", &both);
    let reply = logout.send().await;
    reply.data(200);
    assert_forgotten(&reply);
    let call = page(&world, Method::POST, "auth/cookie/refresh").header("cookie", &refresh);
    call.send().await.error(401, "UNAUTHORIZED");
    // Without any cookie it is no mistake.
    let logout = page(&world, Method::POST, "auth/cookie/logout");
    logout.send().await.data(200);

    for path in ["auth/logout", "auth/logout-all", "auth/cookie/logout"] {
        let signed_in = login(&world, EMAIL).await;
        let access = cookie(&signed_in, ACCESS);
        let reply = page(&world, Method::POST, path).header("cookie", &access);
        let reply = reply.send().await;
        reply.data(200);
        assert_forgotten(&reply);
        let refresh = refresh_cookies(&signed_in);
        let call = page(&world, Method::POST, "auth/cookie/refresh");
        let refused = call.header("cookie", &refresh).send().await;
        refused.error(401, "UNAUTHORIZED");
    }
    let signed_in = register(&world, OTHER_EMAIL).await;
    let bearer = signed_in["access_token"].as_str().unwrap();
    let reply = world.post("/api/v1/auth/logout-all").token(bearer);
    assert!(set(&reply.send().await).is_empty(), "it came by no cookie");
}

#[tokio::test]
async fn of_two_credentials_the_one_that_was_written_counts() {
    let world = world().await;
    register(&world, EMAIL).await;
    let access = cookie(&login(&world, EMAIL).await, ACCESS);
    let other = register(&world, OTHER_EMAIL).await;
    let bearer = other["access_token"].as_str().unwrap();
    let both = page(&world, Method::GET, "auth/me").header("cookie", &access);
    let me = both.token(bearer).send().await.data(200);
    assert_eq!(me["email"], OTHER_EMAIL);
    // Not the cookie's right where the token is no good, nor that of a key of a program in a cookie.
    let bad = page(&world, Method::GET, "auth/me").header("cookie", &access);
    bad.token("expired").send().await.error(401, "UNAUTHORIZED");
    let key = page(&world, Method::GET, "auth/me");
    let key = key.header("cookie", &format!("{ACCESS}=osk_live_abc"));
    key.send().await.error(401, "UNAUTHORIZED");
    let twice = page(&world, Method::GET, "auth/me")
        .header("cookie", &access)
        .header("authorization", "Bearer one")
        .header("authorization", "Bearer two");
    twice.send().await.error(400, "VALIDATION_ERROR");
}

#[tokio::test]
async fn a_cookie_that_is_over_keeps_nobody_from_what_is_public() {
    let world = world().await;
    register(&world, EMAIL).await;
    let access = cookie(&login(&world, EMAIL).await, ACCESS);
    world.clock.0.fetch_add(3_600_000, Ordering::SeqCst);
    let public = page(&world, Method::GET, "events").header("cookie", &access);
    public.send().await.data(200);
    let own = page(&world, Method::GET, "auth/me").header("cookie", &access);
    own.send().await.error(401, "UNAUTHORIZED");
}

#[tokio::test]
async fn without_tls_cookies_have_plain_names() {
    let world = World::with(|all| {
        all.accounts = config();
        all.accounts.insecure_cookies = true;
    })
    .await;
    register(&world, EMAIL).await;
    let local = |method, path: &str| {
        let call = world.call(method, &format!("/api/v1/{path}"));
        let call = call.header("host", "localhost:8080");
        call.header("origin", "http://localhost:8080")
    };
    let body = json!({ "email": EMAIL, "password": PASSWORD });
    let login = local(Method::POST, "auth/cookie/login").json(&body);
    let reply = login.send().await;
    reply.data(200);
    for cookie in set(&reply) {
        assert!(
            cookie.contains("; HttpOnly") && !cookie.contains("Secure"),
            "{cookie}"
        );
    }
    let access = cookie(&reply, "onsale_access");
    let locale = json!({ "locale": "th" });
    let change = local(Method::PUT, "auth/me").json(&locale);
    change.header("cookie", &access).send().await.data(200);
    let change = world.call(Method::PUT, "/api/v1/auth/me").json(&locale);
    let change = change
        .header("host", "localhost:8080")
        .header("origin", "http://localhost:9090");
    let refused = change.header("cookie", &access).send().await;
    refused.error(403, "CROSS_SITE_REQUEST");
}

#[tokio::test]
async fn a_guest_buys_in_a_browser() {
    let world = world().await;
    let body = json!({ "email": EMAIL, "show_id": SHOW });
    let call = page(&world, Method::POST, "auth/cookie/guest").json(&body);
    let reply = call.send().await;
    let guest = reply.data(201);
    assert!(guest["guest_id"].as_str().unwrap().parse::<Uuid>().is_ok());
    assert_eq!(guest["expires_in"], 3_600);
    assert_eq!(guest.get("access_token"), None);
    assert_eq!(set(&reply).len(), 1, "there is nothing to refresh");
    let access = cookie(&reply, ACCESS);
    let reserve = json!({ "show_id": SHOW, "zone_id": STALLS, "seats": ["A-1"] });
    let call = page(&world, Method::POST, "bookings/reserve").json(&reserve);
    call.header("cookie", &access).send().await.data(201);
    let call = page(&world, Method::GET, "auth/sessions");
    let refused = call.header("cookie", &access).send().await;
    refused.error(403, "FORBIDDEN");
}
