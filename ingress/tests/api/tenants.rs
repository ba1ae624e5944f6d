//! Tenants and their members over HTTP.

use http::Method;
use onsale_schemas::UserId;
use onsale_store::audit::Actor;
use onsale_store::mail::LinkMail;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::accounts::{PASSWORD, config, mailed, post};
use crate::support::{Claims, NOW_MS, Reply, World};

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
async fn a_tenant_reads_its_own_audit_trail_page_by_page() {
    let world = world(true).await;
    let owner = person(&world, OWNER).await;
    let mut ids = Vec::new();
    for slug in ["opera", "theatre"] {
        let tenant = open(&world, &owner, slug).await;
        ids.push(tenant["tenant_id"].clone());
    }
    let owner = login(&world, OWNER, &ids[0]).await;
    let path = format!("tenants/{}", ids[0].as_str().unwrap());
    let change = json!({ "name": "Grand Opera" });
    call(&world, &owner, Method::PATCH, &path, change)
        .await
        .data(200);
    let actions = |reply: &Reply| -> Vec<String> {
        let entries = reply.data(200);
        let entries = entries.as_array().unwrap().iter();
        let entries = entries.inspect(|entry| assert_eq!(entry["tenant_id"], ids[0]));
        entries
            .map(|entry| entry["action"].as_str().unwrap().to_owned())
            .collect()
    };
    let all = call(&world, &owner, Method::GET, "audit", Value::Null).await;
    assert_eq!(actions(&all), ["tenant.change", "tenant.create"]);
    assert_eq!(all.json()["meta"]["next_cursor"], Value::Null);
    let page = call(&world, &owner, Method::GET, "audit?limit=1", Value::Null).await;
    assert_eq!(actions(&page), ["tenant.change"]);
    let cursor = page.json()["meta"]["next_cursor"]
        .as_str()
        .unwrap()
        .to_owned();
    let next = format!("audit?limit=1&cursor={cursor}");
    let next = call(&world, &owner, Method::GET, &next, Value::Null).await;
    assert_eq!(actions(&next), ["tenant.create"]);
    let only = "audit?action=tenant.create&kind=tenant";
    let only = call(&world, &owner, Method::GET, only, Value::Null).await;
    assert_eq!(actions(&only), ["tenant.create"]);
    let none = "audit?to=1970-01-02T00:00:00Z";
    let none = call(&world, &owner, Method::GET, none, Value::Null).await;
    assert_eq!(actions(&none), Vec::<String>::new());
}

/// The lines of an export.
async fn exported(world: &World, signed_in: &Value, query: &str) -> (String, Vec<String>) {
    let path = format!("audit/export?{query}");
    let reply = call(world, signed_in, Method::GET, &path, Value::Null).await;
    let text = String::from_utf8(reply.bytes.clone()).unwrap();
    assert_eq!(reply.status.as_u16(), 200, "{text}");
    let lines = text.lines().map(str::to_owned).collect();
    (reply.header("content-type").to_owned(), lines)
}

#[tokio::test]
async fn a_tenant_exports_its_own_audit_trail_with_the_filters_of_the_list() {
    let world = world(true).await;
    let owner = person(&world, OWNER).await;
    let mut ids = Vec::new();
    for slug in ["opera", "theatre"] {
        let names = json!({ "name": slug, "slug": slug });
        let tenant = call(&world, &owner, Method::POST, "tenants", names).await;
        ids.push(tenant.data(201)["tenant_id"].clone());
    }
    let owner = login(&world, OWNER, &ids[0]).await;
    let path = format!("/api/v1/tenants/{}", ids[0].as_str().unwrap());
    // A spreadsheet would run this.
    let formula = "=1+cmd|'/c'!A1";
    let changed = world.call(Method::PATCH, &path);
    let changed = changed.token(owner["access_token"].as_str().unwrap());
    let changed = changed.header("x-request-id", formula);
    let body = json!({ "name": "Grand, \"Opera\"" });
    changed.json(&body).send().await.data(200);

    let (kind, lines) = exported(&world, &owner, "format=jsonl").await;
    assert_eq!(kind, "application/jsonl");
    let entries: Vec<Value> = lines
        .iter()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let listed = call(&world, &owner, Method::GET, "audit", Value::Null).await;
    assert_eq!(Value::from(entries.clone()), listed.data(200));
    assert_eq!(entries.len(), 2);
    assert_eq!(entries[0]["request_id"], formula);
    assert!(entries[0]["origin"].is_string(), "{entries:?}");

    let (kind, lines) = exported(&world, &owner, "").await;
    assert_eq!(kind, "text/csv; charset=utf-8; header=present");
    assert_eq!(lines.len(), 3);
    assert!(
        lines[0].starts_with("audit_id,at,actor_id,"),
        "{}",
        lines[0]
    );
    assert!(
        lines[1].contains(&format!(",\"'{formula}\",tenant.change,")),
        "{}",
        lines[1]
    );
    assert!(lines[1].ends_with("}\""), "{}", lines[1]);

    let (_, lines) = exported(&world, &owner, "format=jsonl&action=tenant.create").await;
    assert_eq!(lines.len(), 1);
    let (_, lines) = exported(&world, &owner, "format=jsonl&to=1970-01-02T00:00:00Z").await;
    assert_eq!(lines, Vec::<String>::new());
    let wrong = "audit/export?format=xml";
    let wrong = call(&world, &owner, Method::GET, wrong, Value::Null).await;
    wrong.error(400, "VALIDATION_ERROR");
}

#[tokio::test]
async fn an_export_is_written_page_by_page() {
    let world = world(true).await;
    let owner = person(&world, OWNER).await;
    let names = json!({ "name": "Opera", "slug": "opera" });
    let tenant = call(&world, &owner, Method::POST, "tenants", names).await;
    let id = tenant.data(201)["tenant_id"].clone();
    let owner = login(&world, OWNER, &id).await;
    let tenant: Uuid = id.as_str().unwrap().parse().unwrap();
    // Two pages and a bit, with the one that it was created.
    for number in 0..1_004 {
        let entry = Actor::command_line().did("thing.do", "thing", number);
        world
            .store
            .append_audit(entry.of_tenant(tenant))
            .await
            .unwrap();
    }
    let (_, lines) = exported(&world, &owner, "format=jsonl").await;
    let numbers: Vec<u64> = lines
        .iter()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .map(|entry| entry["audit_id"].as_u64().unwrap())
        .collect();
    assert_eq!(numbers.len(), 1_005);
    assert!(numbers.is_sorted_by(|newer, older| newer > older));
    let (_, lines) = exported(&world, &owner, "format=csv&kind=thing").await;
    assert_eq!(lines.len(), 1_005, "with the names");
}

#[tokio::test]
async fn operators_read_one_tenants_trail_and_members_no_others() {
    let world = world(true).await;
    let owner = person(&world, OWNER).await;
    let mut ids = Vec::new();
    for slug in ["opera", "theatre"] {
        let tenant = open(&world, &owner, slug).await;
        ids.push(tenant["tenant_id"].as_str().unwrap().to_owned());
    }
    let operator = Claims::new(UserId(Uuid::from_u128(8)), "operator").token();
    let operator = json!({ "access_token": operator });
    let tenants = |entries: &Value| -> Vec<String> {
        let entries = entries.as_array().unwrap().iter();
        entries
            .map(|entry| entry["tenant_id"].as_str().unwrap_or("none").to_owned())
            .collect()
    };
    let all = call(&world, &operator, Method::GET, "audit", Value::Null).await;
    let all = tenants(&all.data(200));
    for id in &ids {
        assert!(all.contains(id), "{all:?}");
        let path = format!("audit?tenant={id}");
        let one = call(&world, &operator, Method::GET, &path, Value::Null).await;
        assert_eq!(tenants(&one.data(200)), [id.as_str()]);
        let (_, lines) = exported(&world, &operator, &format!("format=jsonl&tenant={id}")).await;
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert!(lines[0].contains(id.as_str()), "{lines:?}");
    }
    assert!(all.contains(&"none".to_owned()), "what is no tenant's");
    // Who belongs to one may name it, and no other.
    let owner = login(&world, OWNER, &json!(ids[0])).await;
    let own = format!("audit?tenant={}", ids[0]);
    let own = call(&world, &owner, Method::GET, &own, Value::Null).await;
    assert_eq!(tenants(&own.data(200)), [ids[0].as_str()]);
    for path in ["audit", "audit/export"] {
        let other = format!("{path}?tenant={}", ids[1]);
        let other = call(&world, &owner, Method::GET, &other, Value::Null).await;
        other.error(403, "FORBIDDEN");
    }
}

/// What a client does not read keeps nobody else from its own export, and itself from a third.
#[tokio::test]
async fn exports_under_way_are_counted_by_user() {
    let world = world(true).await;
    let owner = person(&world, OWNER).await;
    let names = json!({ "name": "Opera", "slug": "opera" });
    let tenant = call(&world, &owner, Method::POST, "tenants", names).await;
    let id = tenant.data(201)["tenant_id"].clone();
    let owner = login(&world, OWNER, &id).await;
    let mut unread = Vec::new();
    for _ in 0..2 {
        let export = world.get("/api/v1/audit/export");
        let export = export.token(owner["access_token"].as_str().unwrap());
        unread.push(export.open().await);
    }
    let third = call(&world, &owner, Method::GET, "audit/export", Value::Null).await;
    third.error(429, "RATE_LIMITED");
    drop(unread);
    let (_, lines) = exported(&world, &owner, "").await;
    assert_eq!(lines.len(), 2);
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

#[tokio::test]
async fn a_program_does_what_its_key_says_until_it_is_revoked() {
    let world = world(true).await;
    let (owner, tenant) = owner_of(&world, "opera").await;
    let keys = format!("tenants/{}/api-keys", tenant["tenant_id"].as_str().unwrap());
    for (scopes, field) in [
        (json!([]), "scopes"),
        (json!(["manage_members"]), "scopes"),
        (json!(["payments", "read_sales"]), "scopes"),
    ] {
        let body = json!({ "name": "import", "scopes": scopes });
        let refused = call(&world, &owner, Method::POST, &keys, body).await;
        let details = refused.error(400, "VALIDATION_ERROR");
        assert_eq!(details["field"], field, "{scopes}");
    }
    let body = json!({
        "name": "import", "scopes": ["manage_events"], "expires_at": "2020-01-01T00:00:00Z",
    });
    let past = call(&world, &owner, Method::POST, &keys, body).await;
    assert_eq!(past.error(400, "VALIDATION_ERROR")["field"], "expires_at");
    let body = json!({ "name": "import", "scopes": ["manage_events"] });
    let created = call(&world, &owner, Method::POST, &keys, body)
        .await
        .data(201);
    let key = created["key"].as_str().unwrap();
    assert!(key.starts_with("osk_live_"), "{key}");

    let program = json!({ "access_token": key });
    let event = json!({ "name": "Opening", "starts_at": "2030-01-01T00:00:00Z" });
    call(&world, &program, Method::POST, "events", event.clone())
        .await
        .data(201);
    let refused = call(
        &world,
        &program,
        Method::GET,
        "events?mine=true",
        Value::Null,
    )
    .await;
    refused.error(403, "FORBIDDEN");
    let detail = refused.json()["detail"].to_string();
    assert!(detail.contains("read_sales"), "{detail}");
    // It makes no other keys, and is nobody's session.
    call(&world, &program, Method::GET, &keys, Value::Null)
        .await
        .error(403, "FORBIDDEN");
    call(&world, &program, Method::GET, "auth/me", Value::Null)
        .await
        .error(404, "NOT_FOUND");
    let listed = call(&world, &owner, Method::GET, &keys, Value::Null).await;
    let listed = listed.data(200);
    assert_eq!(listed[0]["name"], "import");
    assert!(listed[0]["last_used_at"].is_string(), "{listed}");
    assert!(!listed.to_string().contains("osk_live_"), "{listed}");

    let one = format!("{keys}/{}", created["key_id"].as_str().unwrap());
    call(&world, &owner, Method::DELETE, &one, Value::Null)
        .await
        .data(200);
    call(&world, &owner, Method::DELETE, &one, Value::Null)
        .await
        .error(404, "NOT_FOUND");
    call(&world, &program, Method::POST, "events", event)
        .await
        .error(401, "UNAUTHORIZED");
    let guess = json!({ "access_token": "osk_live_guessed" });
    call(&world, &guess, Method::GET, "bookings", Value::Null)
        .await
        .error(401, "UNAUTHORIZED");
}

#[tokio::test]
async fn a_key_expires_and_one_of_a_payment_service_confirms_nothing_elsewhere() {
    let world = world(true).await;
    let (owner, tenant) = owner_of(&world, "opera").await;
    let keys = format!("tenants/{}/api-keys", tenant["tenant_id"].as_str().unwrap());
    let end = instant(NOW_MS + 60_000);
    let body = json!({ "name": "payments", "scopes": ["payments"], "expires_at": end });
    let created = call(&world, &owner, Method::POST, &keys, body)
        .await
        .data(201);
    let program = json!({ "access_token": created["key"] });
    // A booking of another tenant is not there.
    let confirm = format!("bookings/{}/confirm", Uuid::nil());
    let body = json!({ "payment_reference": "p" });
    call(&world, &program, Method::POST, &confirm, body.clone())
        .await
        .error(404, "NOT_FOUND");
    call(
        &world,
        &program,
        Method::GET,
        "events?mine=true",
        Value::Null,
    )
    .await
    .error(403, "FORBIDDEN");
    world
        .clock
        .0
        .fetch_add(60_000, std::sync::atomic::Ordering::SeqCst);
    call(&world, &program, Method::POST, &confirm, body)
        .await
        .error(401, "UNAUTHORIZED");
}

/// RFC 3339.
fn instant(ms: u64) -> String {
    onsale_ingress::Instant(ms).to_string()
}
