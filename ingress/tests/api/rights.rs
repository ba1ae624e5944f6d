//! Rights that were withdrawn, over HTTP: what a token still says, and what rows no longer do.

mod reads;

use http::Method;
use onsale_store::account::UserRole;
use onsale_store::audit::Unaudited;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::accounts::{PASSWORD, mailed, post};
use crate::support::{NOW_MS, World};
use crate::tenants::{call, login, open, owner_of, person, world};

const OWNER: &str = "owner@example.test";
const GUEST: &str = "guest@example.test";
const THIRD: &str = "third@example.test";

/// A tenant, its path and its owner's session.
async fn house(world: &World) -> (Value, String) {
    let (owner, tenant) = owner_of(world, "opera").await;
    let path = format!("tenants/{}", tenant["tenant_id"].as_str().unwrap());
    (owner, path)
}

/// Invites an address; the token of the mail.
async fn invited(world: &World, by: &Value, path: &str, email: &str, role: &str) -> String {
    let invitation = json!({ "email": email, "role": role });
    let members = format!("{path}/members");
    let sent = call(world, by, Method::POST, &members, invitation).await;
    sent.data(202);
    mailed(world).await
}

/// A new person who belongs to the tenant, in a session for it.
async fn member(world: &World, owner: &Value, path: &str, email: &str, role: &str) -> Value {
    let guest = person(world, email).await;
    let token = invited(world, owner, path, email, role).await;
    let accept = format!("invitations/{token}/accept");
    let joined = call(world, &guest, Method::POST, &accept, Value::Null).await;
    let joined = joined.data(200);
    login(world, email, &joined["tenant_id"]).await
}

fn id(signed_in: &Value) -> &str {
    signed_in["user"]["user_id"].as_str().unwrap()
}

fn uuid(signed_in: &Value) -> Uuid {
    id(signed_in).parse().unwrap()
}

#[tokio::test]
async fn a_removed_owner_leaves_neither_keys_nor_members_nor_invitations() {
    let world = world(true).await;
    let (owner, path) = house(&world).await;
    let guest = member(&world, &owner, &path, GUEST, "owner").await;
    let third = person(&world, THIRD).await;
    let token = invited(&world, &guest, &path, THIRD, "owner").await;
    let key = json!({ "name": "import", "scopes": ["manage_events"] });
    let keys = format!("{path}/api-keys");
    let created = call(&world, &guest, Method::POST, &keys, key.clone()).await;
    let created = created.data(201);

    let of_guest = format!("{path}/members/{}", id(&guest));
    let removed = call(&world, &owner, Method::DELETE, &of_guest, Value::Null).await;
    let removed = removed.data(200);
    assert_eq!(removed["done"], true);
    assert_eq!(removed["api_keys"], json!([created["key_id"]]));
    // Its access token is good for some minutes yet.
    let of_owner = format!("{path}/members/{}", id(&owner));
    let members = format!("{path}/members");
    let key_path = format!("{keys}/{}", created["key_id"].as_str().unwrap());
    let role = json!({ "role": "scanner" });
    let friend = json!({ "email": "friend@example.test", "role": "owner" });
    let name = json!({ "name": "Grand Opera" });
    for (method, path, body) in [
        (Method::POST, &keys, key),
        (Method::DELETE, &key_path, Value::Null),
        (Method::POST, &members, friend),
        (Method::PATCH, &of_owner, role),
        (Method::DELETE, &of_owner, Value::Null),
        (Method::DELETE, &of_guest, Value::Null),
        (Method::PATCH, &path, name),
    ] {
        let refused = call(&world, &guest, method, path, body).await;
        refused.error(401, "UNAUTHORIZED");
    }
    let accept = format!("invitations/{token}/accept");
    let joined = call(&world, &third, Method::POST, &accept, Value::Null).await;
    joined.error(410, "LINK_EXPIRED");
    let listed = call(&world, &owner, Method::GET, &members, Value::Null).await;
    assert_eq!(listed.data(200).as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_session_that_ended_opens_no_tenant() {
    let world = world(true).await;
    let someone = person(&world, OWNER).await;
    let ended = call(
        &world,
        &someone,
        Method::POST,
        "auth/logout-all",
        Value::Null,
    )
    .await;
    ended.data(200);
    let names = json!({ "name": "Opera House", "slug": "opera" });
    let refused = call(&world, &someone, Method::POST, "tenants", names).await;
    refused.error(401, "UNAUTHORIZED");
}

#[tokio::test]
async fn an_admin_whose_role_was_taken_invites_nobody() {
    let world = world(false).await;
    let other = person(&world, THIRD).await;
    let admin = person(&world, OWNER).await;
    let set_of = async |person: &Value, role| {
        let set = world
            .store
            .set_user_role(uuid(person), role, NOW_MS, Unaudited::Unattended);
        set.await.unwrap().unwrap();
    };
    let set = async |role| set_of(&admin, role).await;
    // There has to be one.
    set_of(&other, UserRole::Admin).await;
    set(UserRole::Admin).await;
    let admin = login(&world, OWNER, &json!(Uuid::nil())).await;
    let tenant = open(&world, &admin, "opera").await;
    let members = format!("tenants/{}/members", tenant["tenant_id"].as_str().unwrap());
    let friend = json!({ "email": GUEST, "role": "owner" });
    let sent = call(&world, &admin, Method::POST, &members, friend.clone()).await;
    sent.data(202);
    let token = mailed(&world).await;
    set(UserRole::Buyer).await;
    let refused = call(&world, &admin, Method::POST, &members, friend).await;
    refused.error(401, "UNAUTHORIZED");
    let names = json!({ "name": "Theatre", "slug": "theatre" });
    let refused = call(&world, &admin, Method::POST, "tenants", names).await;
    refused.error(401, "UNAUTHORIZED");
    // What it invited before goes with its role.
    let guest = person(&world, GUEST).await;
    let accept = format!("invitations/{token}/accept");
    let joined = call(&world, &guest, Method::POST, &accept, Value::Null).await;
    joined.error(410, "LINK_EXPIRED");
}

#[tokio::test]
async fn invitations_are_listed_and_withdrawn() {
    let world = world(true).await;
    let (owner, path) = house(&world).await;
    let token = invited(&world, &owner, &path, GUEST, "manager").await;
    let invitations = format!("{path}/invitations");
    let listed = call(&world, &owner, Method::GET, &invitations, Value::Null).await;
    let listed = listed.data(200);
    assert_eq!(listed.as_array().unwrap().len(), 1);
    let one = &listed[0];
    assert_eq!(
        (&one["email"], &one["role"]),
        (&json!(GUEST), &json!("manager"))
    );
    assert_eq!(one["invited_by"], owner["user"]["user_id"]);
    assert!(
        one["invited_at"].is_string() && one["expires_at"].is_string(),
        "{one}"
    );
    let withdraw = format!("{invitations}/{}", one["invitation_id"].as_str().unwrap());
    let withdrawn = call(&world, &owner, Method::DELETE, &withdraw, Value::Null).await;
    withdrawn.data(200);
    let again = call(&world, &owner, Method::DELETE, &withdraw, Value::Null).await;
    again.error(404, "NOT_FOUND");
    let listed = call(&world, &owner, Method::GET, &invitations, Value::Null).await;
    assert_eq!(listed.data(200), json!([]));
    let guest = person(&world, GUEST).await;
    let accept = format!("invitations/{token}/accept");
    let joined = call(&world, &guest, Method::POST, &accept, Value::Null).await;
    joined.error(410, "LINK_EXPIRED");
}

#[tokio::test]
async fn an_invitation_does_not_outlive_a_change_of_role() {
    let world = world(true).await;
    let (owner, path) = house(&world).await;
    let guest = member(&world, &owner, &path, GUEST, "manager").await;
    let token = invited(&world, &owner, &path, GUEST, "owner").await;
    let of_guest = format!("{path}/members/{}", id(&guest));
    let role = json!({ "role": "scanner" });
    let changed = call(&world, &owner, Method::PATCH, &of_guest, role).await;
    changed.data(200);
    let guest = login(&world, GUEST, &json!(Uuid::nil())).await;
    let accept = format!("invitations/{token}/accept");
    let raised = call(&world, &guest, Method::POST, &accept, Value::Null).await;
    raised.error(410, "LINK_EXPIRED");
}

#[tokio::test]
async fn keys_of_payment_services_are_for_owners() {
    let world = world(true).await;
    let (owner, path) = house(&world).await;
    let manager = member(&world, &owner, &path, GUEST, "manager").await;
    let keys = format!("{path}/api-keys");
    let key = |scope: &str| json!({ "name": "program", "scopes": [scope] });
    let refused = call(&world, &manager, Method::POST, &keys, key("payments")).await;
    refused.error(403, "FORBIDDEN");
    let detail = refused.json()["detail"].to_string();
    assert!(detail.contains("takes owner"), "{detail}");
    for (who, scope) in [(&manager, "read_sales"), (&owner, "payments")] {
        let created = call(&world, who, Method::POST, &keys, key(scope)).await;
        created.data(201);
    }
}

#[tokio::test]
async fn a_reset_link_ends_when_the_password_is_changed() {
    let world = world(false).await;
    let someone = person(&world, OWNER).await;
    let forgot = post(&world, "forgot-password", json!({ "email": OWNER })).await;
    forgot.data(202);
    let token = mailed(&world).await;
    let new = "vintage otter lantern";
    let body = json!({ "current_password": PASSWORD, "new_password": new });
    let changed = call(&world, &someone, Method::POST, "auth/change-password", body).await;
    changed.data(200);
    let body = json!({ "token": token, "password": "another otter lantern" });
    let reset = post(&world, "reset-password", body).await;
    reset.error(410, "LINK_EXPIRED");
    let body = json!({ "email": OWNER, "password": new });
    post(&world, "login", body).await.data(200);
}

#[tokio::test]
async fn an_address_gets_a_bounded_number_of_invitations() {
    let world = world(true).await;
    let (owner, path) = house(&world).await;
    let members = format!("{path}/members");
    let invitation = json!({ "email": GUEST, "role": "scanner" });
    for _ in 0..5 {
        let sent = call(&world, &owner, Method::POST, &members, invitation.clone()).await;
        sent.data(202);
    }
    let refused = call(&world, &owner, Method::POST, &members, invitation).await;
    refused.error(429, "RATE_LIMITED");
    let other = json!({ "email": THIRD, "role": "scanner" });
    let sent = call(&world, &owner, Method::POST, &members, other).await;
    sent.data(202);
}

#[tokio::test]
async fn a_person_opens_a_bounded_number_of_tenants() {
    let world = world(true).await;
    let someone = person(&world, OWNER).await;
    let names = |number: u32| json!({ "name": "Opera", "slug": format!("opera-{number}") });
    for number in 0..20 {
        let opened = call(&world, &someone, Method::POST, "tenants", names(number)).await;
        opened.data(201);
    }
    let refused = call(&world, &someone, Method::POST, "tenants", names(20)).await;
    refused.error(409, "QUOTA_EXCEEDED");
}
