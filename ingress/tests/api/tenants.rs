//! Tenants and their members over HTTP.

mod keys;
mod trail;
mod wrong;

use http::Method;
use onsale_store::mail::LinkMail;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::accounts::{PASSWORD, config, mailed, post};
use crate::support::{Reply, World};

const OWNER: &str = "owner@example.test";
const GUEST: &str = "guest@example.test";

pub(crate) async fn world(is_open: bool) -> World {
    World::with(|all| {
        all.accounts = config();
        all.accounts.self_service_tenants = is_open;
    })
    .await
}

/// Registers a person and follows the link in the mail.
pub(crate) async fn person(world: &World, email: &str) -> Value {
    let body = json!({ "email": email, "password": PASSWORD });
    let signed_in = post(world, "register", body).await.data(201);
    let token = mailed(world).await;
    let link = json!({ "token": token, "password": PASSWORD });
    post(world, "verify-email", link).await.data(200);
    signed_in
}

pub(crate) async fn login(world: &World, email: &str, tenant: &Value) -> Value {
    let body = json!({ "email": email, "password": PASSWORD, "tenant_id": tenant });
    post(world, "login", body).await.data(200)
}

/// Calls a path below `/api/v1` with a session's access token.
pub(crate) async fn call(
    world: &World,
    signed_in: &Value,
    method: Method,
    path: &str,
    body: Value,
) -> Reply {
    let call = world.call(method, &format!("/api/v1/{path}"));
    let call = call.token(signed_in["access_token"].as_str().unwrap());
    match body {
        Value::Null => call.send().await,
        body => call.json(&body).send().await,
    }
}

/// Opens a tenant.
pub(crate) async fn open(world: &World, signed_in: &Value, slug: &str) -> Value {
    let names = json!({ "name": "Opera House", "slug": slug });
    call(world, signed_in, Method::POST, "tenants", names)
        .await
        .data(201)
}

/// A person with a tenant of that slug: the session that acts for it, and the tenant.
pub(crate) async fn owner_of(world: &World, slug: &str) -> (Value, Value) {
    let owner = person(world, OWNER).await;
    let tenant = open(world, &owner, slug).await;
    let owner = login(world, OWNER, &tenant["tenant_id"]).await;
    (owner, tenant)
}

/// The clock stands still by itself.
fn moment_passes(world: &World) {
    let ordering = std::sync::atomic::Ordering::SeqCst;
    world.clock.0.fetch_add(1, ordering);
}

#[tokio::test]
async fn an_invitation_that_names_no_language_is_in_that_of_the_account() {
    let world = world(true).await;
    let (owner, tenant) = owner_of(&world, "opera").await;
    let guest = person(&world, GUEST).await;
    let locale = json!({ "locale": "th" });
    call(&world, &guest, Method::PUT, "auth/me", locale)
        .await
        .data(200);
    let members = format!("tenants/{}/members", tenant["tenant_id"].as_str().unwrap());
    let invitation = json!({ "email": GUEST, "role": "scanner" });
    call(&world, &owner, Method::POST, &members, invitation)
        .await
        .data(202);
    let jobs = world
        .store
        .claim_jobs(onsale_store::mail::KIND, "test", 60_000, 100)
        .await
        .unwrap();
    let mail: LinkMail = serde_json::from_str(&jobs.last().unwrap().payload).unwrap();
    let invitation = mail.invitation.unwrap();
    assert_eq!(invitation.locale.as_deref(), Some("th"));
}

#[tokio::test]
async fn a_team_comes_together_by_invitation() {
    let world = world(true).await;
    let person_owner = person(&world, OWNER).await;
    let tenant = open(&world, &person_owner, "opera").await;
    let names = json!({ "name": "Opera House", "slug": "opera" });
    call(&world, &person_owner, Method::POST, "tenants", names)
        .await
        .error(409, "SLUG_TAKEN");
    let id = tenant["tenant_id"].as_str().unwrap();
    let path = format!("tenants/{id}");
    // The token of before says nothing of it yet.
    call(&world, &person_owner, Method::GET, &path, Value::Null)
        .await
        .error(404, "NOT_FOUND");
    let owner = login(&world, OWNER, &tenant["tenant_id"]).await;
    assert_eq!(owner["user"]["member"], "owner");
    let change = json!({ "name": "Grand Opera" });
    let changed = call(&world, &owner, Method::PATCH, &path, change).await;
    assert_eq!(changed.data(200)["name"], "Grand Opera");

    let members = format!("{path}/members");
    let invitation = json!({ "email": GUEST, "role": "box_office", "locale": "th" });
    call(&world, &owner, Method::POST, &members, invitation)
        .await
        .data(202);
    let token = mailed(&world).await;
    let accept = format!("invitations/{token}/accept");
    // It is for the address alone that it was sent to, and a try does not use it up.
    call(&world, &owner, Method::POST, &accept, Value::Null)
        .await
        .error(403, "FORBIDDEN");
    let guest = person(&world, GUEST).await;
    // Members are listed by when they came.
    moment_passes(&world);
    let joined = call(&world, &guest, Method::POST, &accept, Value::Null)
        .await
        .data(200);
    assert_eq!(joined["role"], "box_office");
    call(&world, &guest, Method::POST, &accept, Value::Null)
        .await
        .error(410, "LINK_EXPIRED");
    let guest = login(&world, GUEST, &tenant["tenant_id"]).await;
    assert_eq!(guest["user"]["member"], "box_office");
    let refused = call(&world, &guest, Method::GET, &members, Value::Null).await;
    refused.error(403, "FORBIDDEN");
    let detail = refused.json()["detail"].to_string();
    assert!(detail.contains("takes owner"), "{detail}");

    let listed = call(&world, &owner, Method::GET, &members, Value::Null)
        .await
        .data(200);
    let email = |number: usize| listed[number]["email"].as_str();
    assert_eq!(
        (email(0), email(1), email(2)),
        (Some(OWNER), Some(GUEST), None)
    );
    let guest_id = guest["user"]["user_id"].as_str().unwrap();
    let owner_id = owner["user"]["user_id"].as_str().unwrap();
    let member = |user: &str| format!("{members}/{user}");
    let role = json!({ "role": "manager" });
    call(
        &world,
        &owner,
        Method::PATCH,
        &member(owner_id),
        role.clone(),
    )
    .await
    .error(409, "LAST_OWNER");
    call(&world, &owner, Method::PATCH, &member(guest_id), role)
        .await
        .data(200);
    // The sessions of before have ended; the next says what holds now.
    let refresh = json!({ "refresh_token": guest["refresh_token"] });
    post(&world, "refresh", refresh)
        .await
        .error(401, "UNAUTHORIZED");
    let guest = login(&world, GUEST, &tenant["tenant_id"]).await;
    assert_eq!(guest["user"]["member"], "manager");
    // Whoever wants leaves.
    call(
        &world,
        &guest,
        Method::DELETE,
        &member(guest_id),
        Value::Null,
    )
    .await
    .data(200);
    call(
        &world,
        &owner,
        Method::DELETE,
        &member(owner_id),
        Value::Null,
    )
    .await
    .error(409, "LAST_OWNER");
    let body = json!({ "email": GUEST, "password": PASSWORD, "tenant_id": id });
    post(&world, "login", body).await.error(404, "NOT_FOUND");
}

#[tokio::test]
async fn a_manager_works_on_what_another_of_the_team_made_and_a_scanner_does_not() {
    let world = world(true).await;
    let (owner, tenant) = owner_of(&world, "opera").await;
    let event = json!({
        "name": "Opening", "starts_at": "2030-01-01T00:00:00Z", "status": "draft",
    });
    let event = call(&world, &owner, Method::POST, "events", event)
        .await
        .data(201);
    let path = format!("events/{}", event["event_id"].as_str().unwrap());
    person(&world, GUEST).await;
    let members = format!("tenants/{}/members", tenant["tenant_id"].as_str().unwrap());
    for (role, status) in [("manager", 200), ("scanner", 404)] {
        let invitation = json!({ "email": GUEST, "role": role });
        call(&world, &owner, Method::POST, &members, invitation)
            .await
            .data(202);
        let accept = format!("invitations/{}/accept", mailed(&world).await);
        let nobodys = json!(Uuid::nil());
        let guest = login(&world, GUEST, &nobodys).await;
        call(&world, &guest, Method::POST, &accept, Value::Null)
            .await
            .data(200);
        let guest = login(&world, GUEST, &tenant["tenant_id"]).await;
        let seen = call(&world, &guest, Method::GET, &path, Value::Null).await;
        assert_eq!(seen.status.as_u16(), status, "{role}");
    }
}

#[tokio::test]
async fn tenants_are_opened_by_operators_unless_it_is_said_otherwise() {
    let closed = world(false).await;
    let someone = person(&closed, OWNER).await;
    let names = json!({ "name": "Opera House", "slug": "opera" });
    call(&closed, &someone, Method::POST, "tenants", names.clone())
        .await
        .error(403, "FORBIDDEN");
    let open = world(true).await;
    let body = json!({ "email": OWNER, "password": PASSWORD });
    let unverified = post(&open, "register", body).await.data(201);
    call(&open, &unverified, Method::POST, "tenants", names.clone())
        .await
        .error(403, "EMAIL_NOT_VERIFIED");
    let link = json!({ "token": mailed(&open).await });
    post(&open, "verify-email", link).await.data(200);
    // Who reads the mail need not have created the account.
    call(&open, &unverified, Method::POST, "tenants", names)
        .await
        .error(403, "CONFIRMATION_REQUIRED");
    let path = "auth/verify-email/resend";
    let resent = call(&open, &unverified, Method::POST, path, Value::Null).await;
    resent.data(202);
    let wrong = json!({ "name": "Opera House", "slug": "Opera House" });
    let token = mailed(&open).await;
    let link = json!({ "token": token, "password": PASSWORD });
    post(&open, "verify-email", link).await.data(200);
    let refused = call(&open, &unverified, Method::POST, "tenants", wrong).await;
    let details = refused.error(400, "VALIDATION_ERROR");
    assert_eq!(details["field"], "slug");
}
