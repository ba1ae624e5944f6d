//! As what the audit trail names people who act on their own accounts.

use http::Method;
use onsale_store::account::UserRole;
use onsale_store::audit::{AuditFilter, Unaudited};
use serde_json::{Value, json};

use super::{
    EMAIL, OTHER_PASSWORD, PASSWORD, call, login, mailed, post, register, register_verified, world,
};
use crate::factors::with_app;
use crate::support::{NOW_MS, World};

/// The actor's role in the newest entry of an action.
async fn role_in(world: &World, action: &str) -> String {
    let filter = AuditFilter {
        limit: 100,
        ..AuditFilter::default()
    };
    let rows = world.store.audit(&filter).await.unwrap();
    let row = rows.into_iter().find(|row| row.action == action);
    row.unwrap_or_else(|| panic!("no {action}")).actor.role
}

#[tokio::test]
async fn the_trail_names_the_role_that_a_person_has() {
    let world = world().await;
    let buyer = register_verified(&world).await;
    assert_eq!(role_in(&world, "account.register").await, "buyer");
    let profile = json!({ "name": "Other" });
    let changed = call(&world, &buyer, Method::PUT, "me", profile.clone()).await;
    changed.data(200);
    assert_eq!(role_in(&world, "account.change").await, "buyer");

    let user = buyer["user"]["user_id"].as_str().unwrap().parse().unwrap();
    let role = UserRole::Admin;
    world
        .store
        .set_user_role(user, role, NOW_MS, Unaudited::Unattended)
        .await
        .unwrap();
    let admin = login(&world, PASSWORD).await.data(200);
    assert_eq!(role_in(&world, "session.open").await, "operator");
    let changed = call(&world, &admin, Method::PUT, "me", profile).await;
    changed.data(200);
    assert_eq!(role_in(&world, "account.change").await, "operator");
    let change =
        |current: &str| json!({ "current_password": current, "new_password": OTHER_PASSWORD });
    let path = "change-password";
    let wrong = change("quiet morning harbour");
    let wrong = call(&world, &admin, Method::POST, path, wrong).await;
    wrong.error(401, "INVALID_CREDENTIALS");
    assert_eq!(role_in(&world, "session.refuse").await, "operator");
    let right = call(&world, &admin, Method::POST, path, change(PASSWORD)).await;
    right.data(200);
    assert_eq!(role_in(&world, "account.password").await, "operator");
    let set_up = json!({ "password": OTHER_PASSWORD });
    let set_up = call(&world, &admin, Method::POST, "factors/totp", set_up).await;
    set_up.data(201);
    assert_eq!(role_in(&world, "factor.set_up").await, "operator");
    let other = login(&world, OTHER_PASSWORD).await.data(200);
    let logout = call(&world, &other, Method::POST, "logout", Value::Null).await;
    logout.data(200);
    assert_eq!(role_in(&world, "session.end").await, "operator");
}

#[tokio::test]
async fn a_right_password_that_stops_at_the_second_factor_is_in_the_trail() {
    let world = world().await;
    let signed_in = register_verified(&world).await;
    with_app(&world, &signed_in).await;
    login(&world, PASSWORD)
        .await
        .error(401, "SECOND_FACTOR_REQUIRED");
    assert_eq!(role_in(&world, "session.challenge").await, "anonymous");
}

#[tokio::test]
async fn who_shows_no_access_token_is_a_person() {
    let world = world().await;
    register(&world).await;
    let verify = json!({ "token": mailed(&world).await, "password": PASSWORD });
    post(&world, "verify-email", verify).await.data(200);
    assert_eq!(role_in(&world, "account.verify_email").await, "person");
    let forgot = json!({ "email": EMAIL });
    post(&world, "forgot-password", forgot).await.data(202);
    let reset = json!({ "token": mailed(&world).await, "password": OTHER_PASSWORD });
    post(&world, "reset-password", reset).await.data(200);
    assert_eq!(role_in(&world, "account.reset_password").await, "person");
    let signed_in = login(&world, OTHER_PASSWORD).await.data(200);
    let logout = json!({ "refresh_token": signed_in["refresh_token"] });
    post(&world, "logout", logout).await.data(200);
    assert_eq!(role_in(&world, "session.end").await, "person");
}
