//! What takes more than a token: a session that is live, and a second factor that was shown lately.

use http::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{challenge, id, own_tenant, pass, step_up, with_app, world};
use crate::accounts::{OTHER_PASSWORD, PASSWORD, call, login, refresh, register_verified};
use crate::support::{Reply, World};

#[tokio::test]
async fn a_session_that_has_ended_changes_nothing_of_its_account() {
    let world = world().await;
    let signed_in = register_verified(&world).await;
    // The factor was shown in it just now.
    with_app(&world, &signed_in).await;
    let ended = call(&world, &signed_in, Method::POST, "logout-all", Value::Null).await;
    ended.data(200);
    // Its access token is good for some minutes yet.
    let password = json!({ "password": PASSWORD });
    let change = json!({ "current_password": PASSWORD, "new_password": OTHER_PASSWORD });
    let link = json!({ "provider": "house", "password": PASSWORD });
    let name = json!({ "name": "Other" });
    let address = json!({ "email": "second@example.test", "password": PASSWORD });
    let identity = format!("me/identities/{}", Uuid::from_u128(9));
    for (method, path, body) in [
        (Method::POST, "change-password", &change),
        (Method::POST, "change-email", &address),
        (Method::PUT, "me", &name),
        (Method::POST, "me/identities", &link),
        (Method::DELETE, identity.as_str(), &password),
        (Method::POST, "factors/totp", &password),
        (Method::POST, "factors/recovery-codes", &password),
        (Method::DELETE, "factors/totp", &password),
        (Method::DELETE, "me", &password),
    ] {
        let refused = call(&world, &signed_in, method, path, body.clone()).await;
        refused.error(401, "UNAUTHORIZED");
    }
    challenge(&world).await;
}

/// A call below the tenant's path.
async fn ask(
    world: &World,
    session: &Value,
    tenant: Uuid,
    (method, path, body): (Method, &str, Value),
) -> Reply {
    let call = world.call(method, &format!("/api/v1/tenants/{tenant}/{path}"));
    let call = call.token(session["access_token"].as_str().unwrap());
    match body {
        Value::Null => call.send().await,
        body => call.json(&body).send().await,
    }
}

#[tokio::test]
async fn who_gives_rights_to_others_has_shown_the_factor() {
    let world = world().await;
    let registered = register_verified(&world).await;
    let own = id(&registered);
    let tenant = own_tenant(&world, own).await;
    let signed_in = login(&world, PASSWORD).await.data(200);
    let (app, _) = with_app(&world, &signed_in).await;
    pass(&world, 15 * 60_000);
    let session = refresh(&world, &signed_in).await.data(200);
    let member = format!("members/{}", Uuid::from_u128(8));
    let invitation = |role: &str| json!({ "email": format!("{role}@example.test"), "role": role });
    let key = |scope: &str| json!({ "name": "program", "scopes": [scope] });
    let calls = || {
        [
            ((Method::POST, "members", invitation("owner")), 202),
            ((Method::POST, "members", invitation("scanner")), 202),
            // There is no such member.
            (
                (Method::PATCH, member.as_str(), json!({ "role": "owner" })),
                404,
            ),
            ((Method::DELETE, member.as_str(), Value::Null), 404),
            ((Method::POST, "api-keys", key("read_sales")), 201),
            ((Method::POST, "api-keys", key("payments")), 201),
        ]
    };
    for (asked, _) in calls() {
        let path = asked.1.to_owned();
        let refused = ask(&world, &session, tenant, asked).await;
        let details = refused.error(401, "SECOND_FACTOR_REQUIRED");
        assert_eq!(details["step_up"], true, "{path}");
    }
    // What takes rights away, and leaving, is open as before.
    let nothing = Uuid::from_u128(9);
    for path in [
        format!("invitations/{nothing}"),
        format!("api-keys/{nothing}"),
    ] {
        let asked = (Method::DELETE, path.as_str(), Value::Null);
        let missing = ask(&world, &session, tenant, asked).await;
        missing.error(404, "NOT_FOUND");
    }
    let leave = format!("members/{own}");
    let asked = (Method::DELETE, leave.as_str(), Value::Null);
    let last = ask(&world, &session, tenant, asked).await;
    last.error(409, "LAST_OWNER");

    step_up(&world, &session, &app.next(&world)).await.data(200);
    for (asked, status) in calls() {
        let path = asked.1.to_owned();
        let reply = ask(&world, &session, tenant, asked).await;
        assert_eq!(reply.status.as_u16(), status, "{path}: {}", reply.json());
    }
}
