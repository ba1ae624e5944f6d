//! Accounts over HTTP.

mod change_email;
mod export;
mod limits;
mod passwords;
mod sessions;
mod trail;
mod verification;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::Method;
use onsale_accounts::AccountsConfig;
use onsale_private::Sealed;
use onsale_schemas::MemberRole;
use onsale_settings::Secret;
use onsale_store::account::{Membership, TenantRow, UserRole};
use onsale_store::audit::{AuditFilter, Unaudited};
use onsale_store::mail::LinkMail;
use onsale_store::reset::ResetRequest;
use onsale_store::sealed_columns;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{NOW_MS, Reply, World};

pub(crate) const EMAIL: &str = "nobody@example.test";
pub(crate) const PASSWORD: &str = "a long and winding road";
pub(crate) const OTHER_PASSWORD: &str = "vintage otter lantern";

pub(crate) fn config() -> AccountsConfig {
    AccountsConfig {
        key: Some(Secret::new("k".repeat(32))),
        cheapest_hashes: true,
        password_threads: 1,
        ..AccountsConfig::default()
    }
}

async fn world() -> World {
    World::with(|all| all.accounts = config()).await
}

pub(crate) async fn post(world: &World, path: &str, body: Value) -> Reply {
    world
        .post(&format!("/api/v1/auth/{path}"))
        .json(&body)
        .send()
        .await
}

pub(crate) async fn register(world: &World) -> Value {
    let body = json!({ "email": EMAIL, "password": PASSWORD, "name": "No Body" });
    post(world, "register", body).await.data(201)
}

/// As [`register`], with the mailed link followed in the session, and the person as it is then.
pub(crate) async fn register_verified(world: &World) -> Value {
    let mut signed_in = register(world).await;
    let link = json!({ "token": mailed(world).await });
    let verified = call(world, &signed_in, Method::POST, "verify-email", link).await;
    verified.data(200);
    let me = call(world, &signed_in, Method::GET, "me", Value::Null).await;
    signed_in["user"] = without_tenants(me.data(200));
    signed_in
}

/// An account of `GET /auth/me` as a sign-in answers with it.
pub(crate) fn without_tenants(mut me: Value) -> Value {
    let memberships = me.as_object_mut().unwrap().remove("memberships");
    assert!(memberships.is_some_and(|memberships| memberships.is_array()));
    me
}

pub(crate) async fn login(world: &World, password: &str) -> Reply {
    post(
        world,
        "login",
        json!({ "email": EMAIL, "password": password }),
    )
    .await
}

pub(crate) async fn refresh(world: &World, signed_in: &Value) -> Reply {
    let token = &signed_in["refresh_token"];
    post(world, "refresh", json!({ "refresh_token": token })).await
}

/// Calls a path below `/auth` with a session's access token.
pub(crate) async fn call(
    world: &World,
    signed_in: &Value,
    method: Method,
    path: &str,
    body: Value,
) -> Reply {
    let token = signed_in["access_token"].as_str().unwrap();
    let call = world.call(method, &format!("/api/v1/auth/{path}"));
    let call = call.token(token);
    match body {
        Value::Null => call.send().await,
        body => call.json(&body).send().await,
    }
}

/// Does what the worker does with requests of who forgot a password.
pub(crate) async fn answer_resets(world: &World) {
    let jobs = world
        .store
        .claim_jobs(onsale_store::reset::KIND, "test", 60_000, 100)
        .await
        .unwrap();
    let now_ms = world.clock.0.load(std::sync::atomic::Ordering::SeqCst);
    for job in jobs {
        assert!(!job.payload.contains('@'), "{}", job.payload);
        let request: ResetRequest = serde_json::from_str(&job.payload).unwrap();
        world
            .store
            .answer_reset_request(&request, now_ms, now_ms)
            .await
            .unwrap();
    }
}

/// The token of the newest mail.
pub(crate) async fn mailed(world: &World) -> String {
    answer_resets(world).await;
    let ring = config().ring().unwrap().unwrap();
    let jobs = world
        .store
        .claim_jobs(onsale_store::mail::KIND, "test", 60_000, 100)
        .await
        .unwrap();
    let newest = jobs.last().expect("a mail");
    assert!(!newest.payload.contains(EMAIL), "{}", newest.payload);
    let mail: LinkMail = serde_json::from_str(&newest.payload).unwrap();
    let sealed = URL_SAFE_NO_PAD.decode(&mail.token).unwrap();
    let place = sealed_columns::mailed_token(mail.mail_id);
    let token = ring.open(place, &Sealed::from_stored(sealed)).unwrap();
    token.into_exposed()
}

pub(crate) async fn audited(world: &World) -> Vec<String> {
    let filter = AuditFilter {
        limit: 100,
        ..AuditFilter::default()
    };
    let rows = world.store.audit(&filter).await.unwrap();
    let text = format!("{rows:?}");
    assert!(!text.contains("example.test"), "{text}");
    rows.into_iter().map(|row| row.action).rev().collect()
}

#[tokio::test]
async fn a_person_registers_and_is_known() {
    let world = world().await;
    let signed_in = register(&world).await;
    assert_eq!(signed_in["token_type"], "Bearer");
    assert_eq!(signed_in["expires_in"], 900);
    assert_eq!(signed_in["refresh_expires_in"], 604_800);
    let user = &signed_in["user"];
    assert_eq!(user["email"], EMAIL);
    assert_eq!(
        (&user["role"], &user["email_verified"]),
        (&json!("buyer"), &json!(false))
    );
    let me = call(&world, &signed_in, Method::GET, "me", Value::Null)
        .await
        .data(200);
    assert_eq!(without_tenants(me), *user);
    assert_eq!(audited(&world).await, ["account.register", "session.open"]);

    let again = json!({ "email": "NoBody@Example.test", "password": OTHER_PASSWORD });
    post(&world, "register", again)
        .await
        .error(409, "EMAIL_TAKEN");
}

#[tokio::test]
async fn what_cannot_be_an_account_is_refused_and_not_repeated() {
    let world = world().await;
    for (email, password, field) in [
        ("nobody", PASSWORD, "email"),
        (EMAIL, "short", "password"),
        (EMAIL, "Password123!", "password"),
        (EMAIL, "nobody@example.test", "password"),
    ] {
        let body = json!({ "email": email, "password": password });
        let error = post(&world, "register", body)
            .await
            .error(400, "VALIDATION_ERROR");
        assert_eq!(error["field"], field, "{email} {password}");
        assert!(!error.to_string().contains(password), "{error}");
    }
    let body = json!({ "email": EMAIL, "password": PASSWORD, "admin": true });
    post(&world, "register", body)
        .await
        .error(400, "VALIDATION_ERROR");
    assert_eq!(audited(&world).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_wrong_address_and_a_wrong_password_say_the_same() {
    let world = world().await;
    register(&world).await;
    let signed_in = login(&world, PASSWORD).await.data(200);
    assert_eq!(signed_in["user"]["email"], EMAIL);
    let wrong = login(&world, OTHER_PASSWORD).await;
    let body = json!({ "email": "somebody@example.test", "password": PASSWORD });
    let unknown = post(&world, "login", body).await;
    wrong.error(401, "INVALID_CREDENTIALS");
    unknown.error(401, "INVALID_CREDENTIALS");
    assert_eq!(wrong.json()["error"], unknown.json()["error"]);
    let refused = audited(&world).await;
    assert_eq!(
        refused
            .iter()
            .filter(|action| *action == "session.refuse")
            .count(),
        2
    );
}

#[tokio::test]
async fn a_profile_changes_and_is_kept_sealed() {
    let world = world().await;
    let signed_in = register(&world).await;
    let body = json!({ "phone": "+66 2 123 4567", "name": null });
    let me = call(&world, &signed_in, Method::PUT, "me", body)
        .await
        .data(200);
    assert_eq!(
        (&me["phone"], &me["name"]),
        (&json!("+6621234567"), &Value::Null)
    );
    let read = call(&world, &signed_in, Method::GET, "me", Value::Null).await;
    assert_eq!(me, read.data(200), "with what it belongs to");
    let body = json!({ "phone": "02" });
    let error = call(&world, &signed_in, Method::PUT, "me", body).await;
    error.error(400, "VALIDATION_ERROR");
    let id: Uuid = me["user_id"].as_str().unwrap().parse().unwrap();
    let row = world.store.user(id).await.unwrap().unwrap();
    let sealed = row.email.unwrap().sealed;
    let text = String::from_utf8_lossy(sealed.as_bytes()).into_owned();
    assert!(!text.contains("nobody"), "{text}");
}

#[tokio::test]
async fn a_mailed_link_verifies_the_address_once() {
    let world = world().await;
    let signed_in = register(&world).await;
    let token = mailed(&world).await;
    let link = json!({ "token": token });
    let verify = || {
        call(
            &world,
            &signed_in,
            Method::POST,
            "verify-email",
            link.clone(),
        )
    };
    verify().await.data(200);
    verify().await.error(410, "LINK_EXPIRED");
    let me = call(&world, &signed_in, Method::GET, "me", Value::Null)
        .await
        .data(200);
    assert_eq!(me["email_verified"], true);
    let body = json!({ "token": "ost_guessed" });
    post(&world, "verify-email", body)
        .await
        .error(410, "LINK_EXPIRED");
}

#[tokio::test]
async fn a_person_takes_everything_along_and_is_erased() {
    let world = world().await;
    let signed_in = register(&world).await;
    let user = signed_in["user"]["user_id"].as_str().unwrap().to_owned();
    let export = call(&world, &signed_in, Method::GET, "me/export", Value::Null)
        .await
        .data(200);
    assert_eq!(export["account"], signed_in["user"]);
    assert_eq!(export["complete"], true);
    assert_eq!(export["sessions"].as_array().map(Vec::len), Some(1));
    assert_eq!(export["audit"][0]["action"], "session.open");
    assert_eq!(export["audit"][0]["by_you"], true);

    let erase = |body: Value| call(&world, &signed_in, Method::DELETE, "me", body);
    let missing = erase(Value::Null).await.error(400, "VALIDATION_ERROR");
    assert_eq!(missing["field"], "password");
    erase(json!({ "password": OTHER_PASSWORD }))
        .await
        .error(401, "INVALID_CREDENTIALS");
    erase(json!({ "password": PASSWORD })).await.data(200);
    erase(json!({ "password": PASSWORD }))
        .await
        .error(404, "NOT_FOUND");
    refresh(&world, &signed_in).await.error(401, "UNAUTHORIZED");
    login(&world, PASSWORD)
        .await
        .error(401, "INVALID_CREDENTIALS");
    let id: Uuid = user.parse().unwrap();
    let row = world.store.user(id).await.unwrap().unwrap();
    assert!(row.erased_at_ms.is_some());
    assert_eq!(
        (&row.email, &row.name, &row.password),
        (&None, &None, &None)
    );
    // What was done, and to whom, stays; who that was does not.
    assert!(audited(&world).await.contains(&"account.erase".to_owned()));
    register(&world).await;
}

#[tokio::test]
async fn what_a_token_says_follows_from_the_rows() {
    let world = world().await;
    let signed_in = register(&world).await;
    let user: Uuid = signed_in["user"]["user_id"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    let tenant = TenantRow {
        tenant_id: Uuid::from_u128(7),
        slug: "opera".to_owned(),
        name: "Opera".to_owned(),
        created_at_ms: NOW_MS,
        closed_at_ms: None,
    };
    let member = Membership {
        tenant_id: tenant.tenant_id,
        user_id: user,
        role: MemberRole::Owner,
        created_at_ms: NOW_MS,
    };
    world
        .store
        .add_tenant(&tenant, Some(&member), Unaudited::Unattended)
        .await
        .unwrap();
    let organizer = login(&world, PASSWORD).await.data(200);
    assert_eq!(organizer["user"]["role"], "organizer");
    assert_eq!(organizer["user"]["member"], "owner");
    let token = organizer["access_token"].as_str().unwrap();
    let event = json!({ "name": "Opening", "starts_at": "2030-01-01T00:00:00Z" });
    let created = world.post("/api/v1/events").token(token).json(&event);
    created.send().await.data(201);
    let body = json!({ "email": EMAIL, "password": PASSWORD, "tenant_id": Uuid::from_u128(8) });
    post(&world, "login", body).await.error(404, "NOT_FOUND");
    // Members buy, too.
    let body = json!({ "email": EMAIL, "password": PASSWORD, "tenant_id": Uuid::nil() });
    let oneself = post(&world, "login", body).await.data(200);
    assert_eq!(oneself["user"]["role"], "buyer");
    assert_eq!(oneself["user"]["tenant_id"], Value::Null);

    world
        .store
        .set_user_role(user, UserRole::Admin, NOW_MS, Unaudited::Unattended)
        .await
        .unwrap();
    refresh(&world, &organizer).await.error(401, "UNAUTHORIZED");
    let admin = login(&world, PASSWORD).await.data(200);
    assert_eq!(admin["user"]["role"], "admin");
    let token = admin["access_token"].as_str().unwrap();
    let partitions = world.get("/api/v1/partitions").token(token).send().await;
    partitions.data(200);

    // There has to be an admin.
    let body = json!({ "email": "other@example.test", "password": PASSWORD });
    let other = post(&world, "register", body).await.data(201);
    let other: Uuid = other["user"]["user_id"].as_str().unwrap().parse().unwrap();
    world
        .store
        .set_user_role(other, UserRole::Admin, NOW_MS, Unaudited::Unattended)
        .await
        .unwrap();
    world
        .store
        .set_user_disabled(user, true, NOW_MS, Unaudited::Unattended)
        .await
        .unwrap();
    login(&world, PASSWORD).await.error(403, "FORBIDDEN");
    login(&world, OTHER_PASSWORD)
        .await
        .error(401, "INVALID_CREDENTIALS");
}

#[tokio::test]
async fn an_address_that_only_looks_different_is_the_same() {
    let world = world().await;
    let body = json!({ "email": "\u{ff4e}obody@example.test", "password": PASSWORD });
    let signed_in = post(&world, "register", body).await.data(201);
    assert_eq!(signed_in["user"]["email"], EMAIL, "where mails go");
    let body = json!({ "email": EMAIL, "password": OTHER_PASSWORD });
    post(&world, "register", body)
        .await
        .error(409, "EMAIL_TAKEN");
    let hidden = json!({ "email": "no\u{200b}body@example.test", "password": PASSWORD });
    let error = post(&world, "register", hidden)
        .await
        .error(400, "VALIDATION_ERROR");
    assert_eq!(error["field"], "email");
}

#[tokio::test]
async fn without_a_key_there_are_no_accounts() {
    let world = World::new().await;
    let body = json!({ "email": EMAIL, "password": PASSWORD });
    post(&world, "login", body)
        .await
        .error(501, "NOT_SUPPORTED");
    let closed = World::with(|all| {
        all.accounts = AccountsConfig {
            registration: false,
            ..config()
        };
    })
    .await;
    let body = json!({ "email": EMAIL, "password": PASSWORD });
    post(&closed, "register", body)
        .await
        .error(403, "FORBIDDEN");
}

#[tokio::test]
async fn tokens_are_signed_by_a_key_that_others_can_find() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key.pem");
    std::fs::write(&file, include_str!("../../auth/tests/ed25519/private.pem")).unwrap();
    let world = World::with(|all| {
        all.accounts = config();
        all.auth.keys = vec![onsale_auth::NamedKey {
            kid: "2027-01".to_owned(),
            ed25519_private_key_file: Some(file),
            ..onsale_auth::NamedKey::default()
        }];
        all.auth.session_kid = Some("2027-01".to_owned());
    })
    .await;
    let signed_in = register(&world).await;
    let token = signed_in["access_token"].as_str().unwrap();
    let set = world.get("/.well-known/jwks.json").send().await;
    assert_eq!(set.header("content-type"), "application/jwk-set+json");
    let set: jsonwebtoken::jwk::JwkSet = serde_json::from_value(set.json()).unwrap();
    let header = jsonwebtoken::decode_header(token).unwrap();
    let key = set.find(&header.kid.unwrap()).unwrap();
    let key = jsonwebtoken::DecodingKey::from_jwk(key).unwrap();
    let mut validation = jsonwebtoken::Validation::new(jsonwebtoken::Algorithm::EdDSA);
    validation.set_audience(&["onsale"]);
    validation.validate_exp = false;
    let claims = jsonwebtoken::decode::<Value>(token, &key, &validation)
        .unwrap()
        .claims;
    assert_eq!(claims["role"], "buyer");
    assert!(claims["sid"].is_string());
}
