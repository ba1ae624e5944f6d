//! Accounts over HTTP.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::Method;
use onsale_accounts::{AccountsConfig, NewPerson, Office};
use onsale_ingress::Rate;
use onsale_private::{Private, Sealed};
use onsale_schemas::MemberRole;
use onsale_settings::Secret;
use onsale_store::account::{Membership, TenantRow, UserRole};
use onsale_store::audit::{Actor, AuditFilter, Unaudited};
use onsale_store::mail::LinkMail;
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
        // As cheap as may be configured.
        bcrypt_cost: 10,
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

/// The token of the newest mail.
pub(crate) async fn mailed(world: &World) -> String {
    // Links are issued behind the answers.
    world.ingress.settled().await;
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
    assert_eq!(me, *user);
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
async fn a_token_that_has_expired_does_not_keep_anyone_from_another() {
    let world = world().await;
    let signed_in = register(&world).await;
    let body = json!({ "refresh_token": signed_in["refresh_token"] });
    let reply = world
        .post("/api/v1/auth/refresh")
        .token("expired")
        .json(&body);
    reply.send().await.data(200);
    let reply = world.get("/api/v1/auth/me").token("expired").send().await;
    reply.error(401, "UNAUTHORIZED");
}

#[tokio::test]
async fn a_refresh_token_is_good_once_and_its_second_use_ends_the_session() {
    let world = world().await;
    let first = register(&world).await;
    let second = refresh(&world, &first).await.data(200);
    assert_ne!(first["refresh_token"], second["refresh_token"]);
    let tab = refresh(&world, &first).await.data(200);
    assert_eq!(
        tab["refresh_token"], second["refresh_token"],
        "two tabs at once"
    );

    world
        .clock
        .0
        .fetch_add(11_000, std::sync::atomic::Ordering::SeqCst);
    refresh(&world, &first).await.error(401, "TOKEN_REUSED");
    refresh(&world, &second).await.error(401, "TOKEN_REUSED");
    assert!(audited(&world).await.contains(&"session.reuse".to_owned()));
    login(&world, PASSWORD).await.data(200);
}

#[tokio::test]
async fn a_session_ends_by_itself_after_a_week() {
    let world = world().await;
    let signed_in = register(&world).await;
    world
        .clock
        .0
        .fetch_add(604_800_000, std::sync::atomic::Ordering::SeqCst);
    refresh(&world, &signed_in)
        .await
        .error(401, "TOKEN_EXPIRED");
    let body = json!({ "refresh_token": "osr_guessed" });
    post(&world, "refresh", body)
        .await
        .error(401, "UNAUTHORIZED");
}

#[tokio::test]
async fn sessions_are_listed_and_ended() {
    let world = world().await;
    let one = register(&world).await;
    let other = login(&world, PASSWORD).await.data(200);
    let sessions = call(&world, &one, Method::GET, "sessions", Value::Null)
        .await
        .data(200);
    let sessions = sessions.as_array().unwrap();
    assert_eq!(sessions.len(), 2);
    let current: Vec<&Value> = sessions.iter().map(|session| &session["current"]).collect();
    assert_eq!(current, [&json!(false), &json!(true)]);
    let id = sessions[0]["session_id"].as_str().unwrap();
    let path = format!("sessions/{id}");
    call(&world, &one, Method::DELETE, &path, Value::Null)
        .await
        .data(200);
    call(&world, &one, Method::DELETE, &path, Value::Null)
        .await
        .error(404, "NOT_FOUND");
    refresh(&world, &other).await.error(401, "UNAUTHORIZED");

    call(&world, &one, Method::POST, "logout", Value::Null)
        .await
        .data(200);
    call(&world, &one, Method::POST, "logout", Value::Null)
        .await
        .data(200);
    refresh(&world, &one).await.error(401, "UNAUTHORIZED");
    let third = login(&world, PASSWORD).await.data(200);
    let body = json!({ "refresh_token": third["refresh_token"] });
    post(&world, "logout", body).await.data(200);
    refresh(&world, &third).await.error(401, "UNAUTHORIZED");
    let fourth = login(&world, PASSWORD).await.data(200);
    let ended = call(&world, &fourth, Method::POST, "logout-all", Value::Null)
        .await
        .data(200);
    assert_eq!(ended["sessions_ended"], 1);
    post(&world, "logout", json!({}))
        .await
        .error(401, "UNAUTHORIZED");
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
async fn a_changed_password_ends_the_other_sessions() {
    let world = world().await;
    let one = register(&world).await;
    let other = login(&world, PASSWORD).await.data(200);
    let change =
        |current: &str, new: &str| json!({ "current_password": current, "new_password": new });
    let path = "change-password";
    let body = change(OTHER_PASSWORD, "quiet morning harbour");
    let wrong = call(&world, &one, Method::POST, path, body).await;
    wrong.error(401, "INVALID_CREDENTIALS");
    let weak = call(
        &world,
        &one,
        Method::POST,
        path,
        change(PASSWORD, "password"),
    )
    .await;
    weak.error(400, "VALIDATION_ERROR");
    let body = change(PASSWORD, OTHER_PASSWORD);
    call(&world, &one, Method::POST, path, body).await.data(200);
    refresh(&world, &other).await.error(401, "UNAUTHORIZED");
    refresh(&world, &one).await.data(200);
    login(&world, PASSWORD)
        .await
        .error(401, "INVALID_CREDENTIALS");
    login(&world, OTHER_PASSWORD).await.data(200);
}

#[tokio::test]
async fn a_mailed_link_verifies_the_address_once() {
    let world = world().await;
    let signed_in = register(&world).await;
    let token = mailed(&world).await;
    let verify = || post(&world, "verify-email", json!({ "token": token }));
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
async fn a_forgotten_password_is_set_by_a_link() {
    let world = world().await;
    let signed_in = register(&world).await;
    mailed(&world).await;
    let forgot = async |email: &str| {
        let reply = post(&world, "forgot-password", json!({ "email": email })).await;
        world.ingress.settled().await;
        reply.data(202)
    };
    let unknown = forgot("somebody@example.test").await;
    assert_eq!(forgot(EMAIL).await, unknown);
    let token = mailed(&world).await;
    let reset = |password: &str| {
        post(
            &world,
            "reset-password",
            json!({ "token": token, "password": password }),
        )
    };
    reset("password").await.error(400, "VALIDATION_ERROR");
    reset(OTHER_PASSWORD).await.data(200);
    reset("quiet morning harbour")
        .await
        .error(410, "LINK_EXPIRED");
    refresh(&world, &signed_in).await.error(401, "UNAUTHORIZED");
    login(&world, PASSWORD)
        .await
        .error(401, "INVALID_CREDENTIALS");
    let signed_in = login(&world, OTHER_PASSWORD).await.data(200);
    assert_eq!(
        signed_in["user"]["email_verified"], true,
        "who reads the mail has it"
    );
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
async fn nobody_is_locked_out_by_what_others_try() {
    let world = World::with(|all| {
        all.accounts = config();
        all.http.trusted_proxies = 1;
        all.rate_limit.enabled = true;
        // Nothing is gained within this test.
        let rate = Rate {
            per_minute: 1,
            burst: 3,
        };
        all.rate_limit.login = rate;
        all.rate_limit.login_by_account = rate;
    })
    .await;
    let attempt = async |address: &str, password: &str| {
        let body = json!({ "email": EMAIL, "password": password });
        let call = world.post("/api/v1/auth/login").json(&body);
        call.header("x-forwarded-for", address).send().await
    };
    let body = json!({ "email": EMAIL, "password": PASSWORD });
    let call = world.post("/api/v1/auth/register").json(&body);
    let own = call.header("x-forwarded-for", "10.0.0.1").send().await;
    own.data(201);
    // From an address each.
    for number in 1..=3 {
        let address = format!("10.1.0.{number}");
        let reply = attempt(&address, OTHER_PASSWORD).await;
        reply.error(401, "INVALID_CREDENTIALS");
    }
    let held = attempt("10.1.0.9", PASSWORD).await;
    held.error(429, "RATE_LIMITED");
    assert!(!held.header("retry-after").is_empty());
    attempt("10.0.0.1", PASSWORD).await.data(200);
    // Its own address has a limit of its own.
    for _ in 0..2 {
        attempt("10.0.0.1", OTHER_PASSWORD).await;
    }
    attempt("10.0.0.1", PASSWORD)
        .await
        .error(429, "RATE_LIMITED");
}

/// With a limit by address of which nothing is gained within a test.
async fn limited_world() -> World {
    World::with(|all| {
        all.accounts = config();
        all.http.trusted_proxies = 1;
        all.rate_limit.enabled = true;
        all.rate_limit.login = Rate {
            per_minute: 1,
            burst: 3,
        };
    })
    .await
}

#[tokio::test]
async fn one_address_keeps_nobody_out() {
    let world = limited_world().await;
    let attempt = async |address: &str, password: &str| {
        let body = json!({ "email": EMAIL, "password": password });
        let call = world.post("/api/v1/auth/login").json(&body);
        call.header("x-forwarded-for", address).send().await
    };
    register(&world).await;
    for number in 0..6 {
        let reply = attempt("10.1.0.1", OTHER_PASSWORD).await;
        if number < 3 {
            reply.error(401, "INVALID_CREDENTIALS");
        } else {
            reply.error(429, "RATE_LIMITED");
        }
    }
    attempt("10.2.0.1", PASSWORD).await.data(200);
}

#[tokio::test]
async fn a_stolen_token_is_no_way_to_try_passwords_from_many_addresses() {
    let world = limited_world().await;
    let body = json!({ "email": EMAIL, "password": PASSWORD });
    let own = world.post("/api/v1/auth/register").json(&body);
    let own = own.header("x-forwarded-for", "10.0.0.1").send().await;
    let own = own.data(201);
    let token = own["access_token"].as_str().unwrap();
    let body =
        json!({ "current_password": OTHER_PASSWORD, "new_password": "quiet morning harbour" });
    let attempt = async |address: &str| {
        let call = world.post("/api/v1/auth/change-password").token(token);
        let call = call.header("x-forwarded-for", address);
        call.json(&body).send().await
    };
    for number in 1..=3 {
        let reply = attempt(&format!("10.1.0.{number}")).await;
        reply.error(401, "INVALID_CREDENTIALS");
    }
    attempt("10.1.0.9").await.error(429, "RATE_LIMITED");
    let body = json!({ "password": OTHER_PASSWORD });
    let erase = world.call(Method::DELETE, "/api/v1/auth/me").token(token);
    let erase = erase.header("x-forwarded-for", "10.1.0.10").json(&body);
    erase.send().await.error(429, "RATE_LIMITED");
    // From where the person has signed in, only that address's own limit counts.
    attempt("10.0.0.1").await.error(401, "INVALID_CREDENTIALS");
}

#[tokio::test]
async fn whoever_asks_for_links_spoils_none_and_fills_no_mailbox() {
    let world = world().await;
    register(&world).await;
    mailed(&world).await;
    let forgot = async || {
        let reply = post(&world, "forgot-password", json!({ "email": EMAIL })).await;
        reply.data(202);
        world.ingress.settled().await;
    };
    forgot().await;
    let first = mailed(&world).await;
    for _ in 0..3 {
        forgot().await;
    }
    let kind = onsale_store::mail::KIND;
    let waiting = world.store.claim_jobs(kind, "test", 60_000, 100).await;
    assert!(waiting.unwrap().is_empty(), "a mail was sent just now");
    let ordering = std::sync::atomic::Ordering::SeqCst;
    world.clock.0.fetch_add(5 * 60_000, ordering);
    forgot().await;
    let second = mailed(&world).await;
    assert_ne!(first, second);
    let reset = async |token: &str| {
        let body = json!({ "token": token, "password": OTHER_PASSWORD });
        post(&world, "reset-password", body).await
    };
    reset(&first).await.data(200);
    reset(&second).await.error(410, "LINK_EXPIRED");
}

#[tokio::test]
async fn an_address_gets_few_mails_however_often_it_registers() {
    let world = world().await;
    let body = json!({ "email": EMAIL, "password": PASSWORD });
    for _ in 0..5 {
        let signed_in = register(&world).await;
        let password = json!({ "password": PASSWORD });
        call(&world, &signed_in, Method::DELETE, "me", password)
            .await
            .data(200);
    }
    let held = post(&world, "register", body).await;
    held.error(429, "RATE_LIMITED");
    assert_eq!(held.header("retry-after"), "8640");
    let ordering = std::sync::atomic::Ordering::SeqCst;
    world.clock.0.fetch_add(8_640_000, ordering);
    register(&world).await;
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
async fn a_password_that_opens_nothing_is_written_down() {
    let world = world().await;
    let signed_in = register(&world).await;
    let body = json!({ "email": EMAIL, "password": PASSWORD, "tenant_id": Uuid::from_u128(8) });
    post(&world, "login", body).await.error(404, "NOT_FOUND");
    let body =
        json!({ "current_password": OTHER_PASSWORD, "new_password": "quiet morning harbour" });
    call(&world, &signed_in, Method::POST, "change-password", body)
        .await
        .error(401, "INVALID_CREDENTIALS");
    let body = json!({ "password": OTHER_PASSWORD });
    call(&world, &signed_in, Method::DELETE, "me", body)
        .await
        .error(401, "INVALID_CREDENTIALS");
    let refused = |action: &&String| *action == "session.refuse";
    assert_eq!(audited(&world).await.iter().filter(refused).count(), 3);
}

#[tokio::test]
async fn a_password_is_hashed_anew_when_the_cost_has_changed() {
    let world = world().await;
    let ring = config().ring().unwrap().unwrap();
    let office = Office::open(world.store.clone(), ring, 11, NOW_MS).await;
    let office = office.unwrap();
    let person = NewPerson {
        user_id: None,
        email: Private::new(EMAIL),
        password: Private::new(PASSWORD),
        name: None,
        role: UserRole::Buyer,
    };
    let by = Actor::command_line();
    let user = office.create(person, &by, NOW_MS).await.unwrap().user_id;
    let kept = async || {
        let row = world.store.user(user).await.unwrap().unwrap();
        row.password.unwrap().expose().to_owned()
    };
    login(&world, OTHER_PASSWORD)
        .await
        .error(401, "INVALID_CREDENTIALS");
    assert!(kept().await.contains("$11$"));
    let signed_in = login(&world, PASSWORD).await.data(200);
    assert!(kept().await.contains("$10$"));
    refresh(&world, &signed_in).await.data(200);
    login(&world, PASSWORD).await.data(200);
}

#[tokio::test]
async fn a_password_under_a_wrong_name_is_not_repeated() {
    let world = world().await;
    for body in [
        json!({ "email": EMAIL, "passwort": PASSWORD }),
        json!({ "email": EMAIL, "password": { "is": PASSWORD } }),
        json!({ "email": EMAIL, "password": [PASSWORD] }),
        json!({ "email": { "is": EMAIL }, "password": PASSWORD }),
    ] {
        let reply = post(&world, "login", body.clone()).await;
        reply.error(400, "VALIDATION_ERROR");
        let said = reply.json().to_string();
        assert!(!said.contains(PASSWORD) && !said.contains(EMAIL), "{said}");
        let reply = post(&world, "register", body).await;
        reply.error(400, "VALIDATION_ERROR");
        assert!(!reply.json().to_string().contains(PASSWORD));
    }
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
