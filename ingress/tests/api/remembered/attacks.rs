//! What a key does not open.

use http::Method;
use serde_json::{Value, json};

use super::{BUYER, OTHER, first, forget, keyed, replayed};
use crate::accounts::{PASSWORD, config, mailed, post};
use crate::support::{NOW_MS, World};
use crate::tenants::{call, login, owner_of, person, world};

#[tokio::test]
async fn a_member_who_was_removed_is_not_told_again() {
    let world = world(true).await;
    let (owner, tenant) = owner_of(&world, "opera").await;
    let path = format!("tenants/{}", tenant["tenant_id"].as_str().unwrap());
    let members = format!("{path}/members");
    let manager = person(&world, OTHER).await;
    let invitation = json!({ "email": OTHER, "role": "manager" });
    call(&world, &owner, Method::POST, &members, invitation)
        .await
        .data(202);
    let accept = format!("invitations/{}/accept", mailed(&world).await);
    call(&world, &manager, Method::POST, &accept, Value::Null)
        .await
        .data(200);
    let manager = login(&world, OTHER, &tenant["tenant_id"]).await;
    let keys = format!("{path}/api-keys");
    let body = json!({ "name": "import", "scopes": ["manage_events"] });
    let create = async || {
        let post = (Method::POST, keys.as_str());
        keyed(&world, &manager, post, "k", body.clone()).await
    };
    let created = first(&create().await, 201);
    assert_eq!(replayed(&create().await, 201), created);
    let user = manager["user"]["user_id"].as_str().unwrap();
    let member = format!("{members}/{user}");
    call(&world, &owner, Method::DELETE, &member, Value::Null)
        .await
        .data(200);
    let again = create().await;
    again.error(401, "UNAUTHORIZED");
    // Nor where only what was created tells of it.
    forget(&world).await;
    let again = create().await;
    again.error(401, "UNAUTHORIZED");
    let listed = call(&world, &owner, Method::GET, &keys, Value::Null).await;
    assert_eq!(listed.data(200).as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn an_old_password_opens_nothing_by_a_key() {
    let world = World::with(|all| all.accounts = config()).await;
    let register = async || {
        let body = json!({ "email": BUYER, "password": PASSWORD });
        let post = (Method::POST, "auth/register");
        keyed(&world, &Value::Null, post, "k", body).await
    };
    let signed_in = first(&register().await, 201);
    replayed(&register().await, 201);
    let change = json!({ "current_password": PASSWORD, "new_password": "vintage otter lantern" });
    let changed = call(
        &world,
        &signed_in,
        Method::POST,
        "auth/change-password",
        change,
    );
    changed.await.data(200);
    register().await.error(409, "EMAIL_TAKEN");
}

#[tokio::test]
async fn a_repeat_says_nothing_of_an_address() {
    let world = world(true).await;
    person(&world, BUYER).await;
    let forgot = async |email: &str| {
        let post = (Method::POST, "auth/forgot-password");
        let body = json!({ "email": email });
        keyed(&world, &Value::Null, post, "k", body).await
    };
    let mut answers = Vec::new();
    for email in [BUYER, OTHER] {
        let once = first(&forgot(email).await, 202);
        assert_eq!(replayed(&forgot(email).await, 202), once);
        answers.push(once);
    }
    assert_eq!(answers[0], answers[1]);
}

#[tokio::test]
async fn what_an_erased_person_was_told_is_gone() {
    let world = world(true).await;
    let buyer = person(&world, BUYER).await;
    let name = json!({ "name": "One" });
    let put = (Method::PUT, "auth/me");
    first(
        &keyed(&world, &buyer, put.clone(), "k", name.clone()).await,
        200,
    );
    let password = json!({ "password": PASSWORD });
    let erased = call(&world, &buyer, Method::DELETE, "auth/me", password).await;
    erased.data(200);
    let again = keyed(&world, &buyer, put, "k", name).await;
    assert!(again.status.is_client_error(), "{}", again.status);
    assert_eq!(again.header("idempotent-replayed"), "");
    let left = world.store.forget_account_answers(NOW_MS * 2).await;
    assert_eq!(left.unwrap(), 0);
}

#[tokio::test]
async fn an_erasure_is_told_again_and_nothing_else_is() {
    let world = world(true).await;
    let buyer = person(&world, BUYER).await;
    let name = json!({ "name": "One" });
    let put = (Method::PUT, "auth/me");
    first(&keyed(&world, &buyer, put, "k", name).await, 200);
    let erase = async |key: &str, password: &str| {
        let body = json!({ "password": password });
        keyed(&world, &buyer, (Method::DELETE, "auth/me"), key, body).await
    };
    erase("l", "wrong password")
        .await
        .error(401, "INVALID_CREDENTIALS");
    let done = first(&erase("l", PASSWORD).await, 200);
    assert_eq!(done, json!({ "done": true }));
    for _ in 0..2 {
        assert_eq!(replayed(&erase("l", PASSWORD).await, 200), done);
    }
    erase("l", "wrong password")
        .await
        .error(422, "IDEMPOTENCY_KEY_REUSED");
    erase("m", PASSWORD).await.error(404, "NOT_FOUND");
    let left = world.store.forget_account_answers(NOW_MS * 2).await;
    assert_eq!(left.unwrap(), 1, "that one");
}

#[tokio::test]
async fn a_guests_erasure_is_told_again() {
    let world = world(true).await;
    let guest = post(&world, "guest", json!({ "email": OTHER })).await;
    let guest = guest.data(201);
    let erase = async |key: &str| {
        let call = (Method::DELETE, "auth/me");
        keyed(&world, &guest, call, key, Value::Null).await
    };
    let done = first(&erase("k").await, 200);
    assert_eq!(replayed(&erase("k").await, 200), done);
    erase("l").await.error(404, "NOT_FOUND");
}

#[tokio::test]
async fn who_ends_its_own_session_is_told_so_again() {
    let world = world(true).await;
    let buyer = person(&world, BUYER).await;
    let sessions = call(&world, &buyer, Method::GET, "auth/sessions", Value::Null).await;
    let sessions = sessions.data(200);
    let session = sessions[0]["session_id"].as_str().unwrap();
    let path = format!("auth/sessions/{session}");
    let end = async || {
        keyed(
            &world,
            &buyer,
            (Method::DELETE, path.as_str()),
            "k",
            Value::Null,
        )
        .await
    };
    let done = first(&end().await, 200);
    assert_eq!(replayed(&end().await, 200), done);
}
