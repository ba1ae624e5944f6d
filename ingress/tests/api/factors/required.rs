//! Where staff has to have a second factor.

use http::Method;
use onsale_accounts::SecondFactorRule;
use onsale_store::account::UserRole;
use onsale_store::audit::Unaudited;
use serde_json::{Value, json};

use super::{answer, challenge, id, own_tenant, with_app};
use crate::accounts::{
    EMAIL, PASSWORD, call, config, login, mailed, post, refresh, register_verified,
};
use crate::support::{NOW_MS, World};

#[tokio::test]
async fn an_installation_requires_a_factor_of_its_staff() {
    let world = World::with(|all| {
        all.accounts = config();
        all.accounts.require_second_factor = SecondFactorRule::Staff;
    })
    .await;
    let buyer = register_verified(&world).await;
    assert_eq!(buyer["user"]["second_factor_required"], false);
    let tenant = own_tenant(&world, id(&buyer)).await;
    let held = login(&world, PASSWORD).await.data(200);
    assert_eq!(held["user"]["role"], "buyer");
    assert_eq!(held["user"]["tenant_id"], Value::Null);
    assert_eq!(held["user"]["second_factor_required"], true);
    let create = async |signed_in: &Value| {
        let event = json!({ "name": "Opening", "starts_at": "2030-01-01T00:00:00Z" });
        let token = signed_in["access_token"].as_str().unwrap();
        let call = world.post("/api/v1/events").token(token).json(&event);
        call.send().await
    };
    create(&held).await.error(403, "FORBIDDEN");
    let again = refresh(&world, &held).await.data(200);
    create(&again).await.error(403, "FORBIDDEN");
    let (app, _) = with_app(&world, &again).await;
    let organizer = refresh(&world, &again).await.data(200);
    assert_eq!(organizer["user"]["role"], "organizer");
    assert_eq!(organizer["user"]["tenant_id"], json!(tenant));
    assert_eq!(organizer["user"]["second_factor_required"], false);
    create(&organizer).await.data(201);
    let token = challenge(&world).await;
    let later = answer(&world, &token, &app.next(&world)).await.data(200);
    create(&later).await.data(201);
    // Without it the rights are gone with the next token.
    let password = json!({ "password": PASSWORD });
    let removed = call(&world, &later, Method::DELETE, "factors/totp", password).await;
    removed.data(200);
    let held = refresh(&world, &later).await.data(200);
    assert_eq!(held["user"]["role"], "buyer");
}

#[tokio::test]
async fn an_admin_without_the_factor_that_is_required_sets_one_up_first() {
    let world = World::with(|all| {
        all.accounts = config();
        all.accounts.require_second_factor = SecondFactorRule::Operators;
    })
    .await;
    let registered = register_verified(&world).await;
    let user = id(&registered);
    own_tenant(&world, user).await;
    let organizer = login(&world, PASSWORD).await.data(200);
    assert_eq!(
        organizer["user"]["role"], "organizer",
        "it is for operators"
    );
    let raised = world
        .store
        .set_user_role(user, UserRole::Admin, NOW_MS, Unaudited::Unattended);
    raised.await.unwrap().unwrap();
    let held = login(&world, PASSWORD).await.data(200);
    assert_eq!(held["user"]["role"], "buyer");
    assert_eq!(held["user"]["second_factor_required"], true);
    let partitions = async |signed_in: &Value| {
        let token = signed_in["access_token"].as_str().unwrap();
        world.get("/api/v1/partitions").token(token).send().await
    };
    partitions(&held).await.error(403, "FORBIDDEN");
    with_app(&world, &held).await;
    let admin = refresh(&world, &held).await.data(200);
    assert_eq!(admin["user"]["role"], "admin");
    partitions(&admin).await.data(200);
}

#[tokio::test]
async fn the_first_admin_sets_its_factor_up_where_one_is_required() {
    let world = World::with(|all| {
        all.accounts = config();
        all.accounts.require_second_factor = SecondFactorRule::Operators;
    })
    .await;
    let ring = config().ring().unwrap().unwrap();
    let office = onsale_accounts::Office::open(world.store.clone(), ring, 4, NOW_MS).await;
    let token = office.unwrap().first_admin_token(3_600_000, NOW_MS).await;
    let token = token.unwrap().unwrap().expose();
    let body = json!({ "token": token, "email": EMAIL, "password": PASSWORD });
    let first = post(&world, "first-admin", body).await.data(201);
    assert_eq!(first["user"]["second_factor_required"], true);
    // Who has the link that a server prints waits for no mail; the address is verified as any other.
    assert_eq!(first["user"]["email_verified"], false);
    with_app(&world, &first).await;
    let path = "verify-email/resend";
    let resent = call(&world, &first, Method::POST, path, Value::Null).await;
    resent.data(202);
    let link = json!({ "token": mailed(&world).await });
    let followed = call(&world, &first, Method::POST, "verify-email", link).await;
    followed.data(200);
    let admin = refresh(&world, &first).await.data(200);
    assert_eq!(admin["user"]["role"], "admin");
}
