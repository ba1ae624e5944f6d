//! Secrets are said again to who shows what it took to create them.

use http::Method;
use serde_json::{Value, json};

use super::{BUYER, REPLAYED, first, keyed, replayed};
use crate::accounts::{PASSWORD, config, mailed, refresh};
use crate::factors::{App, pass, with_app};
use crate::support::World;
use crate::tenants::{call, owner_of, world};

/// For how long a factor that was shown is enough, in milliseconds.
const RECENT_MS: u64 = 15 * 60 * 1_000;

/// Sets an app up under a key; it, and what its first code is answered with.
async fn confirmed(world: &World, signed_in: &Value) -> (App, Value, Value) {
    let password = json!({ "password": PASSWORD });
    let begun = call(
        world,
        signed_in,
        Method::POST,
        "auth/factors/totp",
        password,
    );
    let app = App::of(&begun.await.data(201));
    let code = json!({ "code": app.next(world) });
    let confirm = (Method::POST, "auth/factors/totp/confirm");
    let answer = keyed(world, signed_in, confirm, "c", code.clone()).await;
    let answer = first(&answer, 200);
    assert!(answer["recovery_codes"].is_array(), "{answer}");
    (app, code, answer)
}

#[tokio::test]
async fn secrets_are_said_again_to_who_shows_the_factor() {
    let world = world(true).await;
    let (owner, tenant) = owner_of(&world, "opera").await;
    let (app, code, codes) = confirmed(&world, &owner).await;
    let keys = format!("tenants/{}/api-keys", tenant["tenant_id"].as_str().unwrap());
    let calls = [
        (
            "k",
            keys.as_str(),
            json!({ "name": "import", "scopes": ["manage_events"] }),
            201,
        ),
        (
            "r",
            "auth/factors/recovery-codes",
            json!({ "password": PASSWORD }),
            201,
        ),
        ("c", "auth/factors/totp/confirm", code, 200),
    ];
    let ask = async |signed_in: &Value, asked: &(&str, &str, Value, u16)| {
        let (key, path, body, _status) = asked;
        let post = (Method::POST, *path);
        keyed(&world, signed_in, post, key, body.clone()).await
    };
    let mut said = Vec::new();
    for asked in &calls[..2] {
        said.push(first(&ask(&owner, asked).await, asked.3));
    }
    said.push(codes);
    for (asked, said) in calls.iter().zip(&said) {
        let again = ask(&owner, asked).await;
        assert_eq!(replayed(&again, asked.3), *said, "{}", asked.1);
    }
    pass(&world, RECENT_MS);
    let owner = refresh(&world, &owner).await.data(200);
    for asked in &calls {
        let refused = ask(&owner, asked).await;
        refused.error(401, "SECOND_FACTOR_REQUIRED");
        assert_eq!(refused.header(REPLAYED), "", "{}", asked.1);
    }
    let shown = json!({ "code": app.next(&world) });
    let shown = call(&world, &owner, Method::POST, "auth/step-up", shown).await;
    assert!(shown.status.is_success(), "{}", shown.status);
    for (asked, said) in calls.iter().zip(&said) {
        let again = ask(&owner, asked).await;
        assert_eq!(replayed(&again, asked.3), *said, "{}", asked.1);
    }
}

#[tokio::test]
async fn what_is_refused_now_is_no_answer_of_before() {
    let world = World::with(|all| all.accounts = config()).await;
    let register = async || {
        let body = json!({ "email": BUYER, "password": PASSWORD });
        let post = (Method::POST, "auth/register");
        keyed(&world, &Value::Null, post, "k", body).await
    };
    let signed_in = first(&register().await, 201);
    let link = json!({ "token": mailed(&world).await });
    let verified = call(&world, &signed_in, Method::POST, "auth/verify-email", link).await;
    verified.data(200);
    replayed(&register().await, 201);
    with_app(&world, &signed_in).await;
    let refused = register().await;
    refused.error(401, "SECOND_FACTOR_REQUIRED");
    assert_eq!(refused.header(REPLAYED), "");
}
