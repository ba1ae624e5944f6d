//! Second factors are for accounts whose address is known to be their person's.

use http::Method;
use serde_json::{Value, json};

use super::{begin, confirm, with_app};
use crate::accounts::{
    EMAIL, OTHER_PASSWORD, PASSWORD, call, login, mailed, post, refresh, register,
};
use crate::passkeys;
use crate::support::World;

/// Everything that adds a factor is refused with this code; what the last one says.
async fn refused(world: &World, signed_in: &Value, code: &str) -> String {
    begin(world, signed_in).await.error(403, code);
    confirm(world, signed_in, "123456").await.error(403, code);
    let answer = json!({ "ceremony": "AAAA", "credential": {}, "name": "My phone" });
    let path = "factors/passkeys";
    let added = call(world, signed_in, Method::POST, path, answer).await;
    added.error(403, code);
    let body = json!({ "password": PASSWORD });
    let path = "factors/passkeys/options";
    let options = call(world, signed_in, Method::POST, path, body).await;
    options.error(403, code);
    options.json()["detail"].to_string()
}

#[tokio::test]
async fn a_factor_is_set_up_where_the_address_is_its_persons() {
    let world = passkeys::world().await;
    let signed_in = register(&world).await;
    let says = refused(&world, &signed_in, "EMAIL_NOT_VERIFIED").await;
    assert!(says.contains("/auth/verify-email/resend"), "{says}");
    // The mail alone does not show that its reader has the account.
    let link = json!({ "token": mailed(&world).await });
    post(&world, "verify-email", link).await.data(200);
    let says = refused(&world, &signed_in, "CONFIRMATION_REQUIRED").await;
    assert!(says.contains("while you are signed in"), "{says}");
    login(&world, PASSWORD).await.data(200);

    let path = "verify-email/resend";
    let resent = call(&world, &signed_in, Method::POST, path, Value::Null).await;
    resent.data(202);
    let link = json!({ "token": mailed(&world).await });
    let followed = call(&world, &signed_in, Method::POST, "verify-email", link).await;
    followed.data(200);
    with_app(&world, &signed_in).await;
    passkeys::with_passkey(&world, &signed_in).await;
}

#[tokio::test]
async fn who_registers_another_persons_address_keeps_nobody_out_of_it() {
    let world = passkeys::world().await;
    let stranger = register(&world).await;
    mailed(&world).await;
    refused(&world, &stranger, "EMAIL_NOT_VERIFIED").await;
    let forgot = json!({ "email": EMAIL });
    post(&world, "forgot-password", forgot).await.data(202);
    let reset = json!({ "token": mailed(&world).await, "password": OTHER_PASSWORD });
    post(&world, "reset-password", reset).await.data(200);
    refresh(&world, &stranger).await.error(401, "UNAUTHORIZED");
    // In one step; and the account is the owner's, factors included.
    let owner = login(&world, OTHER_PASSWORD).await.data(200);
    let body = json!({ "password": OTHER_PASSWORD });
    let begun = call(&world, &owner, Method::POST, "factors/totp", body).await;
    begun.data(201);
}
