//! Second factors over HTTP: authenticator apps, recovery codes, and who has to have one.

mod attempts;
mod consent;
mod ownership;
mod required;

use std::sync::atomic::Ordering;

use http::Method;
use onsale_store::account::{Membership, TenantRow};
use onsale_store::audit::Unaudited;
use onsale_store::notice::{self, Notice, NoticeMail};
use serde_json::{Value, json};
use totp_rs::{Builder, Secret};
use uuid::Uuid;

use crate::accounts::{
    EMAIL, OTHER_PASSWORD, PASSWORD, audited, call, config, login, mailed, post, refresh,
    register_verified,
};
use crate::support::{NOW_MS, Reply, World};

/// One time step of an authenticator app, in milliseconds.
const STEP_MS: u64 = 30_000;

/// An authenticator app.
pub(crate) struct App(Secret);

impl App {
    /// Of what the server has answered.
    pub(crate) fn of(begun: &Value) -> Self {
        Self(Secret::try_from_base32(begun["secret"].as_str().unwrap()).unwrap())
    }

    /// What it shows `steps` from now.
    fn at(&self, world: &World, steps: i64) -> String {
        let now_ms = world.clock.0.load(Ordering::SeqCst);
        let at_ms = now_ms.saturating_add_signed(steps * i64::try_from(STEP_MS).unwrap());
        let totp = Builder::new().with_secret(self.0.clone()).build().unwrap();
        totp.generate(at_ms / 1_000).to_string()
    }

    /// What it shows now, and the next time something else.
    pub(crate) fn next(&self, world: &World) -> String {
        pass(world, STEP_MS);
        self.at(world, 0)
    }
}

pub(crate) fn pass(world: &World, ms: u64) {
    world.clock.0.fetch_add(ms, Ordering::SeqCst);
}

async fn world() -> World {
    World::with(|all| all.accounts = config()).await
}

async fn begin(world: &World, signed_in: &Value) -> Reply {
    let body = json!({ "password": PASSWORD });
    call(world, signed_in, Method::POST, "factors/totp", body).await
}

async fn confirm(world: &World, signed_in: &Value, code: &str) -> Reply {
    let body = json!({ "code": code });
    let path = "factors/totp/confirm";
    call(world, signed_in, Method::POST, path, body).await
}

/// Sets an app up; it, and the recovery codes.
pub(crate) async fn with_app(world: &World, signed_in: &Value) -> (App, Vec<String>) {
    let begun = begin(world, signed_in).await.data(201);
    let secret = begun["secret"].as_str().unwrap();
    let uri = begun["otpauth_uri"].as_str().unwrap();
    assert!(uri.starts_with("otpauth://totp/Onsale:"), "{uri}");
    assert!(uri.contains(secret), "{uri}");
    let app = App::of(&begun);
    let confirmed = confirm(world, signed_in, &app.next(world)).await.data(200);
    let codes = confirmed["recovery_codes"].as_array().unwrap();
    let codes = codes.iter().map(|code| code.as_str().unwrap().to_owned());
    (app, codes.collect())
}

async fn step_up(world: &World, signed_in: &Value, code: &str) -> Reply {
    let body = json!({ "code": code });
    call(world, signed_in, Method::POST, "step-up", body).await
}

/// Signs in with the password; the challenge.
async fn challenge(world: &World) -> String {
    challenge_of(world, PASSWORD).await
}

/// As [`challenge`], with another password.
async fn challenge_of(world: &World, password: &str) -> String {
    let asked = login(world, password)
        .await
        .error(401, "SECOND_FACTOR_REQUIRED");
    assert_eq!(asked["expires_in"], 300);
    asked["challenge"].as_str().unwrap().to_owned()
}

async fn answer(world: &World, challenge: &str, code: &str) -> Reply {
    let body = json!({ "challenge": challenge, "code": code });
    post(world, "login/second-factor", body).await
}

/// What people were told by mail, oldest first.
pub(crate) async fn told(world: &World) -> Vec<Notice> {
    let jobs = world
        .store
        .claim_jobs(notice::KIND, "test", 60_000, 100)
        .await
        .unwrap();
    jobs.into_iter()
        .map(|job| {
            assert!(!job.payload.contains(EMAIL), "{}", job.payload);
            let mail: NoticeMail = serde_json::from_str(&job.payload).unwrap();
            Notice::parse(&mail.notice).unwrap()
        })
        .collect()
}

fn id(signed_in: &Value) -> Uuid {
    let id = signed_in["user"]["user_id"].as_str().unwrap();
    id.parse().unwrap()
}

#[tokio::test]
async fn an_app_is_set_up_by_password_and_first_code() {
    let world = world().await;
    let signed_in = register_verified(&world).await;
    let other = login(&world, PASSWORD).await.data(200);
    let path = "factors/totp";
    let wrong = json!({ "password": OTHER_PASSWORD });
    let wrong = call(&world, &signed_in, Method::POST, path, wrong).await;
    wrong.error(401, "INVALID_CREDENTIALS");
    let missing = call(&world, &signed_in, Method::POST, path, Value::Null).await;
    assert_eq!(missing.error(400, "VALIDATION_ERROR")["field"], "password");
    confirm(&world, &signed_in, "123456")
        .await
        .error(410, "CHALLENGE_EXPIRED");

    let begun = begin(&world, &signed_in).await.data(201);
    let secret = begun["secret"].as_str().unwrap();
    let app = App(Secret::try_from_base32(secret).unwrap());
    // It is not in use yet.
    let third = login(&world, PASSWORD).await.data(200);
    confirm(&world, &signed_in, &app.at(&world, 5))
        .await
        .error(401, "INVALID_CODE");
    let confirmed = confirm(&world, &signed_in, &app.at(&world, 0)).await;
    let codes = confirmed.data(200)["recovery_codes"].clone();
    assert_eq!(codes.as_array().map(Vec::len), Some(10));
    confirm(&world, &signed_in, &app.at(&world, 1))
        .await
        .error(410, "CHALLENGE_EXPIRED");
    // Nobody has shown the app there.
    for ended in [&other, &third] {
        refresh(&world, ended).await.error(401, "UNAUTHORIZED");
    }
    let signed_in = refresh(&world, &signed_in).await.data(200);
    let listed = call(&world, &signed_in, Method::GET, "factors", Value::Null).await;
    let listed = listed.data(200);
    assert!(listed["totp_since"].is_string(), "{listed}");
    assert_eq!(listed["recovery_codes_left"], 10);
    assert_eq!(told(&world).await, [Notice::TotpAdded]);
    let actions = audited(&world).await;
    for action in ["factor.set_up", "factor.add"] {
        assert!(actions.contains(&action.to_owned()), "{actions:?}");
    }
    // Nothing that is secret of it is in the trail or the export.
    let export = call(&world, &signed_in, Method::GET, "me/export", Value::Null).await;
    let export = export.data(200);
    assert_eq!(export["second_factors"], listed);
    assert!(!export.to_string().contains(secret));
}

#[tokio::test]
async fn an_app_that_is_not_confirmed_within_an_hour_is_set_up_again() {
    let world = world().await;
    let signed_in = register_verified(&world).await;
    let begun = begin(&world, &signed_in).await.data(201);
    let app = App(Secret::try_from_base32(begun["secret"].as_str().unwrap()).unwrap());
    pass(&world, 3_600_000);
    // Its access token has expired as well.
    let signed_in = refresh(&world, &signed_in).await.data(200);
    confirm(&world, &signed_in, &app.at(&world, 0))
        .await
        .error(410, "CHALLENGE_EXPIRED");
    login(&world, PASSWORD).await.data(200);
}

#[tokio::test]
async fn signing_in_takes_two_steps() {
    let world = world().await;
    let signed_in = register_verified(&world).await;
    let (app, _) = with_app(&world, &signed_in).await;
    pass(&world, STEP_MS);
    let asked = login(&world, PASSWORD).await;
    let asked = asked.error(401, "SECOND_FACTOR_REQUIRED");
    assert_eq!(asked["ways"], json!(["totp", "recovery_code"]));
    login(&world, OTHER_PASSWORD)
        .await
        .error(401, "INVALID_CREDENTIALS");
    let token = asked["challenge"].as_str().unwrap();
    answer(&world, token, "000000")
        .await
        .error(401, "INVALID_CODE");
    answer(&world, "ost_guessed", &app.at(&world, 0))
        .await
        .error(410, "CHALLENGE_EXPIRED");
    let code = app.at(&world, 0);
    let second = answer(&world, token, &code).await.data(200);
    assert_eq!(second["user"], signed_in["user"]);
    refresh(&world, &second).await.data(200);
    answer(&world, token, &app.next(&world))
        .await
        .error(410, "CHALLENGE_EXPIRED");
    let late = challenge(&world).await;
    pass(&world, 300_000);
    answer(&world, &late, &app.at(&world, 0))
        .await
        .error(410, "CHALLENGE_EXPIRED");

    // A client that knows asks at once.
    let with_code = |code: String| json!({ "email": EMAIL, "password": PASSWORD, "code": code });
    let wrong = post(&world, "login", with_code("000000".to_owned())).await;
    wrong.error(401, "INVALID_CODE");
    let odd = post(&world, "login", with_code("12345".to_owned())).await;
    assert_eq!(odd.error(400, "VALIDATION_ERROR")["field"], "code");
    let at_once = post(&world, "login", with_code(app.next(&world))).await;
    at_once.data(200);
    let opened = audited(&world).await;
    let opened = opened.iter().filter(|action| *action == "session.open");
    assert_eq!(opened.count(), 3);
}

#[tokio::test]
async fn a_code_is_good_once_and_a_clock_may_be_a_step_off() {
    let world = world().await;
    let signed_in = register_verified(&world).await;
    let (app, _) = with_app(&world, &signed_in).await;
    // That of the confirmation.
    let used = app.at(&world, 0);
    let first = challenge(&world).await;
    answer(&world, &first, &used)
        .await
        .error(401, "INVALID_CODE");
    let ahead = app.at(&world, 1);
    answer(&world, &first, &app.at(&world, 2))
        .await
        .error(401, "INVALID_CODE");
    answer(&world, &first, &ahead).await.data(200);
    // It would be good for another minute.
    pass(&world, STEP_MS);
    let second = challenge(&world).await;
    for used in [ahead, app.at(&world, -1)] {
        answer(&world, &second, &used)
            .await
            .error(401, "INVALID_CODE");
    }
    pass(&world, 2 * STEP_MS);
    answer(&world, &second, &app.at(&world, -1)).await.data(200);
}

#[tokio::test]
async fn a_recovery_code_is_good_once_and_tells_of_itself() {
    let world = world().await;
    let signed_in = register_verified(&world).await;
    let (app, codes) = with_app(&world, &signed_in).await;
    told(&world).await;
    let token = challenge(&world).await;
    let typed = codes[0].to_uppercase().replace('-', " ");
    let second = answer(&world, &token, &typed).await.data(200);
    assert_eq!(told(&world).await, [Notice::RecoveryCodeUsed]);
    let token = challenge(&world).await;
    answer(&world, &token, &codes[0])
        .await
        .error(401, "INVALID_CODE");
    answer(&world, &token, &codes[1]).await.data(200);

    let path = "factors/recovery-codes";
    let body = json!({ "password": PASSWORD });
    let replaced = call(&world, &second, Method::POST, path, body).await;
    let others = replaced.data(201)["recovery_codes"].clone();
    assert_eq!(others.as_array().map(Vec::len), Some(10));
    let token = challenge(&world).await;
    answer(&world, &token, &codes[2])
        .await
        .error(401, "INVALID_CODE");
    let other = others[3].as_str().unwrap();
    answer(&world, &token, other).await.data(200);
    let token = challenge(&world).await;
    answer(&world, &token, &app.next(&world)).await.data(200);
}

#[tokio::test]
async fn codes_are_tried_a_few_times_and_their_person_is_told() {
    let world = world().await;
    let signed_in = register_verified(&world).await;
    let (app, _) = with_app(&world, &signed_in).await;
    told(&world).await;
    let first = challenge(&world).await;
    for _ in 0..5 {
        answer(&world, &first, "000000")
            .await
            .error(401, "INVALID_CODE");
    }
    answer(&world, &first, &app.next(&world))
        .await
        .error(410, "CHALLENGE_EXPIRED");
    let second = challenge(&world).await;
    for _ in 0..5 {
        answer(&world, &second, "000000")
            .await
            .error(401, "INVALID_CODE");
    }
    assert_eq!(told(&world).await, [Notice::CodesTried]);
    let third = challenge(&world).await;
    let held = answer(&world, &third, &app.next(&world)).await;
    held.error(429, "RATE_LIMITED");
    assert!(!held.header("retry-after").is_empty());
    // A token of the account is no way to hold its person up: wrong codes there count for the session.
    pass(&world, 15 * 60_000);
    let signed_in = refresh(&world, &signed_in).await.data(200);
    for _ in 0..5 {
        let wrong = step_up(&world, &signed_in, "000000").await;
        wrong.error(401, "INVALID_CODE");
    }
    let many = step_up(&world, &signed_in, &app.next(&world)).await;
    many.error(410, "CHALLENGE_EXPIRED");
    let fourth = challenge(&world).await;
    answer(&world, &fourth, &app.next(&world)).await.data(200);
}

#[tokio::test]
async fn a_reset_password_leaves_the_second_factor_on() {
    let world = world().await;
    let signed_in = register_verified(&world).await;
    let (app, _) = with_app(&world, &signed_in).await;
    let waiting = challenge(&world).await;
    post(&world, "forgot-password", json!({ "email": EMAIL }))
        .await
        .data(202);
    let token = mailed(&world).await;
    let body = json!({ "token": token, "password": OTHER_PASSWORD });
    post(&world, "reset-password", body).await.data(200);
    answer(&world, &waiting, &app.next(&world))
        .await
        .error(410, "CHALLENGE_EXPIRED");
    login(&world, OTHER_PASSWORD)
        .await
        .error(401, "SECOND_FACTOR_REQUIRED");
}

#[tokio::test]
async fn what_is_sensitive_wants_a_factor_that_was_shown_lately() {
    let world = world().await;
    let signed_in = register_verified(&world).await;
    let (app, _) = with_app(&world, &signed_in).await;
    pass(&world, 15 * 60_000);
    let session = refresh(&world, &signed_in).await.data(200);
    let password = json!({ "password": PASSWORD });
    let change = json!({ "current_password": PASSWORD, "new_password": OTHER_PASSWORD });
    let link = json!({ "provider": "house", "password": PASSWORD });
    let address = json!({ "email": "second@example.test", "password": PASSWORD });
    let identity = format!("me/identities/{}", Uuid::from_u128(9));
    let sensitive = [
        (Method::POST, "factors/totp", &password),
        (Method::DELETE, "factors/totp", &password),
        (Method::POST, "factors/recovery-codes", &password),
        (Method::POST, "change-password", &change),
        (Method::POST, "change-email", &address),
        (Method::POST, "me/identities", &link),
        (Method::DELETE, identity.as_str(), &password),
        (Method::DELETE, "me", &password),
    ];
    for (method, path, body) in sensitive {
        let refused = call(&world, &session, method, path, body.clone()).await;
        let details = refused.error(401, "SECOND_FACTOR_REQUIRED");
        assert_eq!(details["step_up"], true, "{path}");
        assert_eq!(details["ways"], json!(["totp", "recovery_code"]));
    }
    let code = app.next(&world);
    step_up(&world, &session, &code).await.data(200);
    step_up(&world, &session, &code)
        .await
        .error(401, "INVALID_CODE");
    let empty = call(&world, &session, Method::POST, "step-up", json!({})).await;
    empty.error(400, "VALIDATION_ERROR");

    // Another app: the first is good until the second has shown a code.
    let begun = begin(&world, &session).await.data(201);
    let second = App(Secret::try_from_base32(begun["secret"].as_str().unwrap()).unwrap());
    let confirmed = confirm(&world, &session, &second.next(&world)).await;
    assert_eq!(confirmed.data(200)["recovery_codes"], Value::Null);
    let token = challenge(&world).await;
    answer(&world, &token, &app.next(&world))
        .await
        .error(401, "INVALID_CODE");
    let later = answer(&world, &token, &second.next(&world)).await.data(200);

    let removed = call(&world, &later, Method::DELETE, "factors/totp", password).await;
    removed.data(200);
    let left = call(&world, &later, Method::GET, "factors", Value::Null).await;
    let left = left.data(200);
    assert_eq!(left["totp_since"], Value::Null);
    assert_eq!(left["recovery_codes_left"], 0);
    login(&world, PASSWORD).await.data(200);
    step_up(&world, &later, "123456")
        .await
        .error(404, "NOT_FOUND");
    let expected = [Notice::TotpAdded, Notice::TotpAdded, Notice::TotpRemoved];
    assert_eq!(told(&world).await, expected);
}

/// A tenant that the account owns.
async fn own_tenant(world: &World, user: Uuid) -> Uuid {
    let tenant = TenantRow {
        tenant_id: Uuid::from_u128(7),
        slug: "opera".to_owned(),
        name: "Opera".to_owned(),
        created_at_ms: NOW_MS,
        closed_at_ms: None,
    };
    let owner = Membership {
        tenant_id: tenant.tenant_id,
        user_id: user,
        role: onsale_schemas::MemberRole::Owner,
        created_at_ms: NOW_MS,
    };
    let added = world
        .store
        .add_tenant(&tenant, Some(&owner), Unaudited::Unattended);
    added.await.unwrap();
    tenant.tenant_id
}

#[tokio::test]
async fn a_key_of_a_payment_service_wants_the_factor_and_its_calls_do_not() {
    let world = world().await;
    let registered = register_verified(&world).await;
    let tenant = own_tenant(&world, id(&registered)).await;
    let signed_in = login(&world, PASSWORD).await.data(200);
    let (app, _) = with_app(&world, &signed_in).await;
    pass(&world, 15 * 60_000);
    let session = refresh(&world, &signed_in).await.data(200);
    let path = format!("/api/v1/tenants/{tenant}/api-keys");
    let create = async |scope: &str| {
        let body = json!({ "name": "payments", "scopes": [scope] });
        let token = session["access_token"].as_str().unwrap();
        world.post(&path).token(token).json(&body).send().await
    };
    create("payments")
        .await
        .error(401, "SECOND_FACTOR_REQUIRED");
    step_up(&world, &session, &app.next(&world)).await.data(200);
    let key = create("payments").await.data(201);
    // It is admitted, and there is no such booking.
    let confirm = world
        .post(&format!("/api/v1/bookings/{}/confirm", Uuid::nil()))
        .token(key["key"].as_str().unwrap())
        .json(&json!({ "payment_reference": "p" }));
    confirm.send().await.error(404, "NOT_FOUND");
}

#[tokio::test]
async fn an_erased_person_leaves_no_factor_and_a_token_of_no_session_changes_none() {
    let world = world().await;
    let signed_in = register_verified(&world).await;
    with_app(&world, &signed_in).await;
    let user = id(&signed_in);
    let foreign = world.post("/api/v1/auth/factors/totp");
    let foreign = foreign.by_user(onsale_schemas::UserId(user), "buyer");
    let foreign = foreign.json(&json!({ "password": PASSWORD })).send().await;
    foreign.error(403, "FORBIDDEN");
    let body = json!({ "password": PASSWORD });
    let erased = call(&world, &signed_in, Method::DELETE, "me", body).await;
    erased.data(200);
    let factors = world.store.factors_of(user).await.unwrap();
    assert_eq!(factors, onsale_store::factor::Factors::default());
    let listed = call(&world, &signed_in, Method::GET, "factors", Value::Null).await;
    listed.error(404, "NOT_FOUND");
}
