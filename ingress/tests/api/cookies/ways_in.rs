//! The other ways to sign in in a browser: with a second step, with a passkey, with an account elsewhere.
//! Whichever it is, tokens are in cookies alone.

use http::Method;
use serde_json::{Value, json};

use super::{ACCESS, EMAIL, REFRESH, cookie, login, page, refresh_cookies, set, value, world};
use crate::accounts::{PASSWORD, mailed, post};
use crate::factors::with_app;
use crate::federated::house::House;
use crate::federated::{self, Begun};
use crate::passkeys::{self, PAGES, VERIFIED, with_passkey};
use crate::support::{Reply, World};

/// The person of a browser whose access token an answer has set.
async fn who(world: &World, reply: &Reply) -> Value {
    let access = cookie(reply, ACCESS);
    let me = page(world, Method::GET, "auth/me").header("cookie", &access);
    crate::accounts::without_tenants(me.send().await.data(200))
}

/// An answer that has signed a browser in, with no token in its body; the person.
async fn signed_in(world: &World, reply: &Reply) -> Value {
    let data = reply.data(200);
    for part in ["access_token", "refresh_token"] {
        assert_eq!(data.get(part), None, "{part}");
    }
    let body = String::from_utf8(reply.bytes.clone()).unwrap();
    for name in [ACCESS, REFRESH] {
        assert!(!body.contains(&value(reply, name)), "{name}");
    }
    assert_eq!(reply.header("cache-control"), "no-store");
    assert_eq!(who(world, reply).await, data["user"]);
    let refresh = refresh_cookies(reply);
    let next = page(world, Method::POST, "auth/cookie/refresh").header("cookie", &refresh);
    assert_eq!(next.send().await.data(200)["user"], data["user"]);
    data["user"].clone()
}

#[tokio::test]
async fn a_second_step_in_a_browser_sets_cookies_and_the_first_sets_none() {
    let world = world().await;
    let registered = crate::accounts::register_verified(&world).await;
    let (app, _) = with_app(&world, &registered).await;
    let first = login(&world, EMAIL).await;
    let asked = first.error(401, "SECOND_FACTOR_REQUIRED");
    assert!(set(&first).is_empty());
    let answer = async |code: &str| {
        let body = json!({ "challenge": asked["challenge"], "code": code });
        let path = "auth/cookie/login/second-factor";
        page(&world, Method::POST, path).json(&body).send().await
    };
    let wrong = answer("000000").await;
    wrong.error(401, "INVALID_CODE");
    assert!(set(&wrong).is_empty());
    let second = answer(&app.next(&world)).await;
    assert_eq!(signed_in(&world, &second).await, registered["user"]);
    let again = answer(&app.next(&world)).await;
    again.error(410, "CHALLENGE_EXPIRED");
    assert!(set(&again).is_empty());
}

#[tokio::test]
async fn a_passkey_signs_in_in_a_browser() {
    let world = passkeys::world().await;
    let registered = crate::accounts::register_verified(&world).await;
    let (mut authenticator, _) = with_passkey(&world, &registered).await;
    let begun = passkeys::options(&world).await;
    let credential = authenticator.get(&begun["options"], PAGES, VERIFIED);
    let sign_in = async || {
        let body = json!({ "ceremony": begun["ceremony"], "credential": credential });
        let call = page(&world, Method::POST, "auth/cookie/passkey");
        call.json(&body).send().await
    };
    let reply = sign_in().await;
    assert_eq!(signed_in(&world, &reply).await, registered["user"]);
    let again = sign_in().await;
    again.error(401, "INVALID_CREDENTIALS");
    assert!(set(&again).is_empty());
}

/// Comes back from the provider; the code that the browser lands with.
async fn landed(world: &World, house: &House, begun: &Begun) -> String {
    house.gives(&house.sign(&house.claims(&begun.nonce)));
    let query = format!("code=c1&state={}", begun.state);
    let back = federated::come_back(world, "house", &begun.cookie, &query).await;
    federated::code(&federated::landed(&back)).to_owned()
}

#[tokio::test]
async fn a_sign_in_with_a_provider_ends_in_the_cookies_of_the_browser_that_began_it() {
    let house = House::open().await;
    let world = federated::world(&house).await;
    let begun = federated::start(&world).await;
    let code = landed(&world, &house, &begun).await;
    let finish = async |cookie: &str, code: &str| {
        let call = page(&world, Method::POST, "auth/cookie/oauth/session");
        let call = call.header("cookie", cookie).json(&json!({ "code": code }));
        call.send().await
    };
    let other = federated::start(&world).await;
    let elsewhere = finish(&other.cookie, &code).await;
    elsewhere.error(410, "SIGN_IN_EXPIRED");
    assert!(!set(&elsewhere).iter().any(|set| set.contains("onsale_")));
    let reply = finish(&begun.cookie, &code).await;
    let person = signed_in(&world, &reply).await;
    assert_eq!(person["email"], EMAIL);
    // The cookie that held the sign-in together has done its work.
    assert_eq!(value(&reply, "__Host-onsale_sign_in"), "");
    finish(&begun.cookie, &code)
        .await
        .error(410, "SIGN_IN_EXPIRED");

    // Where a second factor is asked for, there is no token yet; its answer is taken as after a password.
    let forgot = json!({ "email": EMAIL });
    post(&world, "forgot-password", forgot).await.data(202);
    let token = mailed(&world).await;
    let reset = json!({ "token": token, "password": PASSWORD });
    post(&world, "reset-password", reset).await.data(200);
    let password = json!({ "email": EMAIL, "password": PASSWORD });
    let by_password = post(&world, "login", password).await.data(200);
    let (app, _) = with_app(&world, &by_password).await;
    let begun = federated::start(&world).await;
    let code = landed(&world, &house, &begun).await;
    let asked = finish(&begun.cookie, &code).await;
    let challenge = asked.error(401, "SECOND_FACTOR_REQUIRED")["challenge"].clone();
    assert!(!set(&asked).iter().any(|set| set.contains("onsale_")));
    let body = json!({ "challenge": challenge, "code": app.next(&world) });
    let path = "auth/cookie/login/second-factor";
    let reply = page(&world, Method::POST, path).json(&body).send().await;
    assert_eq!(signed_in(&world, &reply).await["email"], EMAIL);
}
