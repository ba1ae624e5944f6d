//! Another address for an account that signs in by an account elsewhere.

use http::Method;
use serde_json::{Value, json};

use super::house::House;
use super::{call, identities, pass, sign_in, sign_in_as, world};
use crate::accounts::{mailed, post, refresh};
use crate::support::{Reply, World};

const NEW: &str = "second@example.test";
/// After that a session is not of just now any more.
const LATER_MS: u64 = 900_000;

async fn ask(world: &World, signed_in: &Value) -> Reply {
    let body = json!({ "email": NEW });
    call(world, signed_in, Method::POST, "change-email", body).await
}

/// Signs in after [`LATER_MS`].
async fn sign_in_later(world: &World, house: &House) -> Value {
    let later = |all: &mut Value| {
        for claim in ["iat", "exp"] {
            all[claim] = json!(all[claim].as_u64().unwrap() + LATER_MS / 1_000);
        }
    };
    sign_in_as(world, house, later).await
}

#[tokio::test]
async fn an_account_without_a_password_has_signed_in_lately_and_stays_linked() {
    let house = House::open().await;
    let world = world(&house).await;
    let signed_in = sign_in(&world, &house).await;
    pass(&world, LATER_MS);
    let old = refresh(&world, &signed_in).await.data(200);
    ask(&world, &old).await.error(403, "SIGN_IN_AGAIN");
    let again = sign_in_later(&world, &house).await;
    ask(&world, &again).await.data(202);
    let link = json!({ "token": mailed(&world).await });
    // It has no password to show elsewhere.
    post(&world, "confirm-email", link.clone())
        .await
        .error(401, "UNAUTHORIZED");
    let mut with_password = link.clone();
    with_password["password"] = json!("an invented password");
    post(&world, "confirm-email", with_password)
        .await
        .error(401, "INVALID_CREDENTIALS");
    let followed = call(&world, &again, Method::POST, "confirm-email", link).await;
    followed.data(200);
    let own = identities(&world, &again).await;
    assert_eq!(own["identities"].as_array().map(Vec::len), Some(1));
    // The provider still says the address before.
    let last = sign_in_later(&world, &house).await;
    assert_eq!(last["user"]["user_id"], signed_in["user"]["user_id"]);
    assert_eq!(last["user"]["email"], NEW);
}
