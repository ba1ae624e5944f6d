//! Another address for an account.

use http::Method;
use onsale_store::audit::AuditFilter;
use onsale_store::job::JobFilter;
use onsale_store::notice::Notice;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    EMAIL, OTHER_PASSWORD, PASSWORD, answer_resets, audited, call, login, mailed, post, refresh,
    register, register_verified, world,
};
use crate::factors::{told, with_app};
use crate::support::{Reply, World};

/// As long as [`EMAIL`].
const NEW: &str = "second@example.test";
/// As long as [`NEW`].
const TAKEN: &str = "taken1@example.test";

async fn ask(world: &World, signed_in: &Value, email: &str) -> Reply {
    let body = json!({ "email": email, "password": PASSWORD });
    call(world, signed_in, Method::POST, "change-email", body).await
}

/// Follows a link in a session.
async fn follow(world: &World, signed_in: &Value, token: &str) -> Reply {
    let link = json!({ "token": token });
    call(world, signed_in, Method::POST, "confirm-email", link).await
}

/// Follows a link in a browser where nobody is signed in.
async fn follow_elsewhere(world: &World, token: &str, password: Option<&str>) -> Reply {
    let link = json!({ "token": token, "password": password });
    post(world, "confirm-email", link).await
}

async fn me(world: &World, signed_in: &Value) -> Value {
    let me = call(world, signed_in, Method::GET, "me", Value::Null).await;
    me.data(200)
}

async fn login_as(world: &World, email: &str) -> Reply {
    let body = json!({ "email": email, "password": PASSWORD });
    post(world, "login", body).await
}

async fn take_over(world: &World, signed_in: &Value) -> Reply {
    let path = "me/guest-bookings";
    call(world, signed_in, Method::POST, path, Value::Null).await
}

#[tokio::test]
async fn an_account_moves_to_an_address_whose_link_is_followed() {
    let world = world().await;
    let signed_in = register_verified(&world).await;
    let other = login(&world, PASSWORD).await.data(200);
    ask(&world, &signed_in, NEW).await.data(202);
    assert_eq!(told(&world).await, [Notice::AddressChangeAsked]);
    assert_eq!(me(&world, &signed_in).await["email"], EMAIL, "not yet");
    let token = mailed(&world).await;
    follow(&world, &signed_in, &token).await.data(200);
    let used = follow(&world, &signed_in, &token).await;
    used.error(410, "LINK_EXPIRED");
    let says = used.json()["detail"].to_string();
    assert!(says.contains("POST /auth/change-email"), "{says}");
    assert_eq!(told(&world).await, [Notice::AddressChanged]);
    let account = me(&world, &signed_in).await;
    assert_eq!(account["email"], NEW);
    assert_eq!(account["email_verified"], true);
    take_over(&world, &signed_in).await.data(200);
    refresh(&world, &other).await.error(401, "UNAUTHORIZED");
    refresh(&world, &signed_in).await.data(200);
    login_as(&world, EMAIL)
        .await
        .error(401, "INVALID_CREDENTIALS");
    login_as(&world, NEW).await.data(200);

    let actions = audited(&world).await;
    for action in ["account.ask_email", "account.change_email"] {
        assert!(actions.contains(&action.to_owned()), "{actions:?}");
    }
    let filter = AuditFilter {
        action: Some("account.change_email".to_owned()),
        limit: 9,
        ..AuditFilter::default()
    };
    let entries = world.store.audit(&filter).await.unwrap();
    let detail = json!({ "from": "n***@e***.test", "to": "s***@e***.test", "by": "session" });
    assert_eq!(entries[0].detail, detail);
    // The address before is free.
    register(&world).await;
}

/// The kinds and lengths of the jobs that are there, the newest first.
async fn jobs(world: &World) -> Vec<(String, usize)> {
    let filter = JobFilter {
        limit: 100,
        ..JobFilter::default()
    };
    let mut found = Vec::new();
    for row in world.store.jobs(&filter).await.unwrap() {
        let (row, payload) = world.store.job(row.job_id).await.unwrap().unwrap();
        found.push((row.kind, payload.len()));
    }
    found
}

#[tokio::test]
async fn asking_does_the_same_for_an_address_that_is_taken() {
    let world = world().await;
    let body = json!({ "email": TAKEN, "password": OTHER_PASSWORD });
    let theirs = post(&world, "register", body).await.data(201);
    let signed_in = register_verified(&world).await;
    let mut written = Vec::new();
    let mut said = Vec::new();
    for email in [NEW, TAKEN] {
        let (before, entries) = (jobs(&world).await.len(), audited(&world).await.len());
        let reply = ask(&world, &signed_in, email).await;
        said.push(reply.data(202));
        let (after, now) = (jobs(&world).await, audited(&world).await.len());
        let mut new = after[..after.len() - before].to_vec();
        new.sort();
        assert_eq!(new.len(), 2, "a mail and a notice");
        written.push((new, now - entries));
    }
    assert_eq!(said[0], said[1]);
    assert_eq!(written[0], written[1]);

    let token = mailed(&world).await;
    for _ in 0..2 {
        let taken = follow(&world, &signed_in, &token).await;
        taken.error(409, "EMAIL_TAKEN");
        let says = taken.json()["detail"].to_string();
        assert!(says.contains("POST /auth/change-email"), "{says}");
    }
    assert_eq!(me(&world, &signed_in).await["email"], EMAIL);
    // It is free by now.
    let erased = json!({ "password": OTHER_PASSWORD });
    let erased = call(&world, &theirs, Method::DELETE, "me", erased).await;
    erased.data(200);
    follow(&world, &signed_in, &token).await.data(200);
    assert_eq!(me(&world, &signed_in).await["email"], TAKEN);
}

/// How many links were mailed.
async fn links_sent(world: &World) -> usize {
    let jobs = jobs(world).await;
    let is_link = |(kind, _): &&(String, usize)| kind == onsale_store::mail::KIND;
    jobs.iter().filter(is_link).count()
}

/// Whoever reads a mailbox that was mistyped gets neither the account nor its second factor off.
#[tokio::test]
async fn a_link_alone_moves_no_account() {
    let world = world().await;
    let body = json!({ "email": TAKEN, "password": PASSWORD });
    let stranger = post(&world, "register", body).await.data(201);
    let signed_in = register_verified(&world).await;
    with_app(&world, &signed_in).await;
    told(&world).await;
    ask(&world, &signed_in, NEW).await.data(202);
    let token = mailed(&world).await;
    for _ in 0..2 {
        follow_elsewhere(&world, &token, None)
            .await
            .error(401, "UNAUTHORIZED");
        follow(&world, &stranger, &token)
            .await
            .error(401, "UNAUTHORIZED");
        follow_elsewhere(&world, &token, Some(OTHER_PASSWORD))
            .await
            .error(401, "INVALID_CREDENTIALS");
    }
    // Nothing has moved, and who reads the new mailbox is sent no link to another password.
    assert_eq!(me(&world, &signed_in).await["email"], EMAIL);
    let sent = links_sent(&world).await;
    post(&world, "forgot-password", json!({ "email": NEW }))
        .await
        .data(202);
    answer_resets(&world).await;
    assert_eq!(links_sent(&world).await, sent);

    // The link stays good, and the password, which its person has, moves the account with its factor.
    follow_elsewhere(&world, &token, Some(PASSWORD))
        .await
        .data(200);
    refresh(&world, &signed_in).await.error(401, "UNAUTHORIZED");
    login_as(&world, NEW)
        .await
        .error(401, "SECOND_FACTOR_REQUIRED");
    post(&world, "forgot-password", json!({ "email": NEW }))
        .await
        .data(202);
    answer_resets(&world).await;
    let reset = json!({ "token": mailed(&world).await, "password": OTHER_PASSWORD });
    post(&world, "reset-password", reset).await.data(200);
    let body = json!({ "email": NEW, "password": OTHER_PASSWORD });
    post(&world, "login", body)
        .await
        .error(401, "SECOND_FACTOR_REQUIRED");
}

#[tokio::test]
async fn who_mistyped_the_address_of_a_new_account_mends_it() {
    let world = world().await;
    let signed_in = register(&world).await;
    let mistyped = mailed(&world).await;
    ask(&world, &signed_in, NEW).await.data(202);
    let token = mailed(&world).await;
    follow(&world, &signed_in, &token).await.data(200);
    assert_eq!(told(&world).await, [], "nobody has verified that address");
    let id: Uuid = signed_in["user"]["user_id"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    let row = world.store.user(id).await.unwrap().unwrap();
    assert!(row.owns_address());
    let link = json!({ "token": mistyped, "password": PASSWORD });
    post(&world, "verify-email", link)
        .await
        .error(410, "LINK_EXPIRED");
}

#[tokio::test]
async fn another_password_makes_a_link_to_a_new_address_useless() {
    let world = world().await;
    let signed_in = register_verified(&world).await;
    ask(&world, &signed_in, NEW).await.data(202);
    let token = mailed(&world).await;
    let export = call(&world, &signed_in, Method::GET, "me/export", Value::Null).await;
    let export = export.data(200);
    let links = export["links"].as_array().unwrap();
    assert!(
        links.iter().any(|link| link["purpose"] == "change_email"),
        "{links:?}"
    );
    let change = json!({ "current_password": PASSWORD, "new_password": OTHER_PASSWORD });
    let changed = call(&world, &signed_in, Method::POST, "change-password", change).await;
    changed.data(200);
    follow(&world, &signed_in, &token)
        .await
        .error(410, "LINK_EXPIRED");
    let told = told(&world).await;
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told.contains(&Notice::PasswordChanged), "{told:?}");
}

#[tokio::test]
async fn a_change_takes_the_password_another_address_and_patience() {
    let world = world().await;
    let signed_in = register_verified(&world).await;
    for (body, status, code, field) in [
        (json!({ "email": NEW }), 400, "VALIDATION_ERROR", "password"),
        (
            json!({ "email": "nobody", "password": PASSWORD }),
            400,
            "VALIDATION_ERROR",
            "email",
        ),
        (
            json!({ "email": "NoBody@Example.test", "password": PASSWORD }),
            400,
            "VALIDATION_ERROR",
            "email",
        ),
    ] {
        let refused = call(&world, &signed_in, Method::POST, "change-email", body).await;
        assert_eq!(refused.error(status, code)["field"], field);
    }
    let wrong = json!({ "email": NEW, "password": OTHER_PASSWORD });
    let wrong = call(&world, &signed_in, Method::POST, "change-email", wrong).await;
    wrong.error(401, "INVALID_CREDENTIALS");
    for number in 0..5 {
        let email = format!("second{number}@example.test");
        ask(&world, &signed_in, &email).await.data(202);
    }
    let held = ask(&world, &signed_in, NEW).await;
    held.error(429, "RATE_LIMITED");
    let says = held.json()["detail"].to_string();
    assert!(
        says.contains("has asked for another e-mail address 5 times"),
        "{says}"
    );
    assert_eq!(held.header("retry-after"), "86400");
    follow_elsewhere(&world, "ost_guessed", None)
        .await
        .error(410, "LINK_EXPIRED");
}
