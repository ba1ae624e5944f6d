//! What creates something creates it once, also where the answer was never remembered.

use http::Method;
use serde_json::{Value, json};

use super::{BUYER, OTHER, first, forget, keyed, replayed};
use crate::accounts::{PASSWORD, audited, config};
use crate::support::World;
use crate::tenants::{call, login, owner_of, person, world};

/// How often the audit trail says that something was done.
async fn times(world: &World, action: &str) -> usize {
    let actions = audited(world).await;
    actions.iter().filter(|done| *done == action).count()
}

#[tokio::test]
async fn a_tenant_is_opened_once() {
    let world = world(true).await;
    let owner = person(&world, BUYER).await;
    let post = (Method::POST, "tenants");
    let names = |slug: &str| json!({ "name": "Opera House", "slug": slug });
    let tenant = keyed(&world, &owner, post.clone(), "k", names("opera")).await;
    let tenant = first(&tenant, 201);
    let again = keyed(&world, &owner, post.clone(), "k", names("opera")).await;
    assert_eq!(replayed(&again, 201), tenant);
    forget(&world).await;
    let again = keyed(&world, &owner, post.clone(), "k", names("opera")).await;
    assert_eq!(replayed(&again, 201), tenant);
    let other = keyed(&world, &owner, post.clone(), "k", names("theatre")).await;
    other.error(422, "IDEMPOTENCY_KEY_REUSED");
    // Another key is another request.
    let taken = keyed(&world, &owner, post, "l", names("opera")).await;
    taken.error(409, "SLUG_TAKEN");
    assert_eq!(times(&world, "tenant.create").await, 1);
}

#[tokio::test]
async fn an_api_key_is_created_once_and_its_secret_is_the_same() {
    let world = world(true).await;
    let (owner, tenant) = owner_of(&world, "opera").await;
    let keys = format!("tenants/{}/api-keys", tenant["tenant_id"].as_str().unwrap());
    let body = json!({ "name": "import", "scopes": ["manage_events"] });
    let create = async |key: &str| {
        let post = (Method::POST, keys.as_str());
        keyed(&world, &owner, post, key, body.clone()).await
    };
    let created = first(&create("k").await, 201);
    assert_eq!(replayed(&create("k").await, 201), created);
    forget(&world).await;
    assert_eq!(replayed(&create("k").await, 201), created);
    assert_ne!(first(&create("l").await, 201)["key"], created["key"]);
    let listed = call(&world, &owner, Method::GET, &keys, Value::Null).await;
    assert_eq!(listed.data(200).as_array().unwrap().len(), 2);
    let program = json!({ "access_token": created["key"] });
    let events = call(&world, &program, Method::GET, "events", Value::Null).await;
    events.data(200);
}

#[tokio::test]
async fn an_invitation_is_sent_once() {
    let world = world(true).await;
    let (owner, tenant) = owner_of(&world, "opera").await;
    let tenant = format!("tenants/{}", tenant["tenant_id"].as_str().unwrap());
    let members = format!("{tenant}/members");
    let body = json!({ "email": OTHER, "role": "scanner" });
    let invite = async || {
        let post = (Method::POST, members.as_str());
        keyed(&world, &owner, post, "k", body.clone()).await
    };
    let sent = first(&invite().await, 202);
    let waiting = async || {
        let path = format!("{tenant}/invitations");
        let listed = call(&world, &owner, Method::GET, &path, Value::Null).await;
        listed.data(200)
    };
    let listed = waiting().await;
    assert_eq!(replayed(&invite().await, 202), sent);
    forget(&world).await;
    assert_eq!(replayed(&invite().await, 202), sent);
    assert_eq!(waiting().await, listed, "the same one is good");
    assert_eq!(times(&world, "member.invite").await, 1);
}

#[tokio::test]
async fn who_registers_again_is_signed_in_again() {
    let world = World::with(|all| all.accounts = config()).await;
    let register = async |key: &str, password: &str| {
        let body = json!({ "email": BUYER, "password": password });
        let post = (Method::POST, "auth/register");
        keyed(&world, &Value::Null, post, key, body).await
    };
    let signed_in = first(&register("k", PASSWORD).await, 201);
    let again = replayed(&register("k", PASSWORD).await, 201);
    assert_eq!(again["user"], signed_in["user"]);
    assert_ne!(again["refresh_token"], signed_in["refresh_token"]);
    let other = register("k", "vintage otter lantern").await;
    other.error(422, "IDEMPOTENCY_KEY_REUSED");
    register("l", PASSWORD).await.error(409, "EMAIL_TAKEN");
    forget(&world).await;
    let again = replayed(&register("k", PASSWORD).await, 201);
    assert_eq!(again["user"], signed_in["user"]);
    assert_eq!(times(&world, "account.register").await, 1);
    // A session of the repeat is as good as any.
    let me = call(&world, &again, Method::GET, "auth/me", Value::Null).await;
    assert_eq!(me.data(200)["email"], BUYER);
}

#[tokio::test]
async fn a_guest_is_the_same_one_again() {
    let world = World::with(|all| all.accounts = config()).await;
    let open = async |key: &str, locale: &str| {
        let body = json!({ "email": BUYER, "locale": locale });
        let post = (Method::POST, "auth/guest");
        keyed(&world, &Value::Null, post, key, body).await
    };
    let guest = first(&open("k", "th").await, 201);
    let again = replayed(&open("k", "th").await, 201);
    assert_eq!(again["guest_id"], guest["guest_id"]);
    forget(&world).await;
    let again = replayed(&open("k", "th").await, 201);
    assert_eq!(again["guest_id"], guest["guest_id"]);
    let me = call(&world, &again, Method::GET, "auth/me", Value::Null).await;
    assert_eq!(me.data(200)["user_id"], guest["guest_id"]);
    let other = open("k", "en").await;
    other.error(422, "IDEMPOTENCY_KEY_REUSED");
    let other = first(&open("l", "th").await, 201);
    assert_ne!(other["guest_id"], guest["guest_id"]);
}

#[tokio::test]
async fn browsers_repeat_as_programs_do() {
    let world = World::with(|all| all.accounts = config()).await;
    let page = async |path: &str, body: Value| {
        let call = world.post(&format!("/api/v1/auth/cookie/{path}"));
        let call = call.header("sec-fetch-site", "same-origin");
        let call = call.header("idempotency-key", "k");
        call.json(&body).send().await
    };
    let body = json!({ "email": BUYER, "password": PASSWORD });
    let signed_in = first(&page("register", body.clone()).await, 201);
    let again = page("register", body).await;
    assert_eq!(replayed(&again, 201)["user"], signed_in["user"]);
    assert_eq!(again.headers.get_all("set-cookie").iter().count(), 3);
    let body = json!({ "email": OTHER });
    let guest = first(&page("guest", body.clone()).await, 201);
    let again = page("guest", body).await;
    assert_eq!(replayed(&again, 201)["guest_id"], guest["guest_id"]);
    // Both were told once; the row of neither holds a token.
    assert_eq!(times(&world, "account.register").await, 1);
    assert_eq!(times(&world, "guest.open").await, 1);
}

#[tokio::test]
async fn who_signs_out_is_told_so_again() {
    let world = world(true).await;
    let buyer = person(&world, BUYER).await;
    let all = (Method::POST, "auth/logout-all");
    let ended = first(
        &keyed(&world, &buyer, all.clone(), "k", Value::Null).await,
        200,
    );
    let again = keyed(&world, &buyer, all, "k", Value::Null).await;
    assert_eq!(replayed(&again, 200), ended);
    login(&world, BUYER, &Value::Null).await;
}
