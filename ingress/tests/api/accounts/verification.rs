//! Verifying an address: what the mail alone is enough for and what not, and that another one can be had.

use http::Method;
use onsale_store::notice::Notice;
use serde_json::{Value, json};

use super::{
    EMAIL, OTHER_PASSWORD, PASSWORD, audited, call, login, mailed, post, refresh, register,
    register_verified, world,
};
use crate::factors::{told, with_app};
use crate::support::{Reply, World};

async fn is_verified(world: &World, signed_in: &Value) -> bool {
    let me = call(world, signed_in, Method::GET, "me", Value::Null).await;
    me.data(200)["email_verified"] == true
}

/// Mails with links that nobody has claimed.
async fn mails(world: &World) -> usize {
    let kind = onsale_store::mail::KIND;
    let jobs = world.store.claim_jobs(kind, "test", 60_000, 100).await;
    jobs.unwrap().len()
}

async fn resend(world: &World, signed_in: &Value) -> Reply {
    let path = "verify-email/resend";
    call(world, signed_in, Method::POST, path, Value::Null).await
}

/// Follows a link without a session and without the password.
async fn follow_alone(world: &World, token: &str) -> Reply {
    post(world, "verify-email", json!({ "token": token })).await
}

async fn follow(world: &World, signed_in: &Value, token: &str) -> Reply {
    let link = json!({ "token": token });
    call(world, signed_in, Method::POST, "verify-email", link).await
}

/// Asks for what belongs to the owner of the address.
async fn take_over(world: &World, signed_in: &Value) -> Reply {
    let path = "me/guest-bookings";
    call(world, signed_in, Method::POST, path, Value::Null).await
}

#[tokio::test]
async fn a_mail_alone_verifies_the_address_and_gives_nothing_of_its_owners() {
    let world = world().await;
    // Of a stranger, who waits for the owner of the address to follow the link.
    let stranger = register(&world).await;
    take_over(&world, &stranger)
        .await
        .error(403, "EMAIL_NOT_VERIFIED");
    let link = mailed(&world).await;
    follow_alone(&world, &link).await.data(200);
    follow_alone(&world, &link).await.error(410, "LINK_EXPIRED");
    assert!(is_verified(&world, &stranger).await);
    let refused = take_over(&world, &stranger).await;
    refused.error(403, "CONFIRMATION_REQUIRED");
    let says = refused.json()["detail"].to_string();
    assert!(says.contains("/auth/verify-email/resend"), "{says}");
    assert!(says.contains("/auth/forgot-password"), "{says}");

    // Neither another account's session nor one that has ended shows more than the mail does.
    let other = json!({ "email": "other@example.test", "password": PASSWORD });
    let other = post(&world, "register", other).await.data(201);
    mails(&world).await;
    let ended = login(&world, PASSWORD).await.data(200);
    let logout = call(&world, &ended, Method::POST, "logout", Value::Null).await;
    logout.data(200);
    for of in [&other, &ended] {
        resend(&world, &stranger).await.data(202);
        let link = mailed(&world).await;
        follow(&world, of, &link).await.data(200);
        take_over(&world, &stranger)
            .await
            .error(403, "CONFIRMATION_REQUIRED");
    }

    // The owner of the mailbox sets a password, which ends what the stranger has.
    let forgot = json!({ "email": EMAIL });
    post(&world, "forgot-password", forgot).await.data(202);
    let reset = json!({ "token": mailed(&world).await, "password": OTHER_PASSWORD });
    post(&world, "reset-password", reset).await.data(200);
    refresh(&world, &stranger).await.error(401, "UNAUTHORIZED");
    take_over(&world, &stranger)
        .await
        .error(401, "UNAUTHORIZED");
    let owner = login(&world, OTHER_PASSWORD).await.data(200);
    assert!(is_verified(&world, &owner).await);
    take_over(&world, &owner).await.data(200);
}

#[tokio::test]
async fn a_link_in_a_session_shows_whose_the_account_is() {
    let world = world().await;
    let signed_in = register(&world).await;
    let link = mailed(&world).await;
    follow_alone(&world, &link).await.data(200);
    resend(&world, &signed_in).await.data(202);
    let link = mailed(&world).await;
    follow(&world, &signed_in, &link).await.data(200);
    take_over(&world, &signed_in).await.data(200);
    resend(&world, &signed_in).await.data(202);
    assert_eq!(mails(&world).await, 0, "there is nothing left to show");
}

#[tokio::test]
async fn the_password_shows_whose_the_account_is() {
    let world = world().await;
    let signed_in = register(&world).await;
    let token = mailed(&world).await;
    let guess = json!({ "token": token, "password": OTHER_PASSWORD });
    let guessed = post(&world, "verify-email", guess).await;
    guessed.error(401, "INVALID_CREDENTIALS");
    assert!(audited(&world).await.contains(&"session.refuse".to_owned()));
    assert!(!is_verified(&world, &signed_in).await);
    let link = json!({ "token": token, "password": PASSWORD });
    post(&world, "verify-email", link.clone()).await.data(200);
    assert!(is_verified(&world, &signed_in).await);
    take_over(&world, &signed_in).await.data(200);
    refresh(&world, &signed_in).await.data(200);
    post(&world, "verify-email", link)
        .await
        .error(410, "LINK_EXPIRED");
}

#[tokio::test]
async fn another_mail_can_be_had_a_few_times() {
    let world = world().await;
    let path = "/api/v1/auth/verify-email/resend";
    let nobody = world.post(path).send().await;
    nobody.error(401, "UNAUTHORIZED");
    let signed_in = register(&world).await;
    let first = mailed(&world).await;
    resend(&world, &signed_in).await.data(202);
    let second = mailed(&world).await;
    assert_ne!(first, second);
    // With the registration's own: five at once.
    for _ in 0..3 {
        resend(&world, &signed_in).await.data(202);
    }
    let held = resend(&world, &signed_in).await;
    assert!(!held.header("retry-after").is_empty());
    held.error(429, "RATE_LIMITED");
    assert_eq!(mails(&world).await, 3);
    // The first one is spoilt by none of them, and spoils them.
    let link = |token: &str| json!({ "token": token, "password": PASSWORD });
    post(&world, "verify-email", link(&first)).await.data(200);
    post(&world, "verify-email", link(&second))
        .await
        .error(410, "LINK_EXPIRED");
    resend(&world, &signed_in).await.data(202);
    assert_eq!(mails(&world).await, 0, "there is nothing left to show");
}

#[tokio::test]
async fn a_person_is_told_of_a_kind_a_few_times_a_day() {
    let world = world().await;
    let signed_in = register_verified(&world).await;
    let (_app, codes) = with_app(&world, &signed_in).await;
    assert_eq!(told(&world).await, [Notice::TotpAdded]);
    assert_eq!(codes.len(), 10);
    for code in codes {
        let body = json!({ "code": code });
        let shown = call(&world, &signed_in, Method::POST, "step-up", body).await;
        shown.data(200);
    }
    assert_eq!(told(&world).await, [Notice::RecoveryCodeUsed; 5]);
}
