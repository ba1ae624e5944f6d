//! What a person takes along: all that is kept about it, and nothing of others.

use http::Method;
use serde_json::{Value, json};

use super::{EMAIL, PASSWORD, mailed, post};
use crate::support::World;
use crate::tenants::{call, owner_of, world};

async fn exported(world: &World, signed_in: &Value) -> Value {
    let export = call(world, signed_in, Method::GET, "auth/me/export", Value::Null).await;
    export.data(200)
}

fn purposes(export: &Value) -> Vec<&str> {
    let links = export["links"].as_array().unwrap().iter();
    let mut purposes: Vec<&str> = links
        .map(|link| link["purpose"].as_str().unwrap())
        .collect();
    purposes.sort_unstable();
    purposes
}

#[tokio::test]
async fn links_invitations_and_keys_are_in_it() {
    let world = world(true).await;
    let (owner, tenant) = owner_of(&world, "opera").await;
    let tenant = &tenant["tenant_id"];
    let path = format!("tenants/{}", tenant.as_str().unwrap());
    let body = json!({ "email": EMAIL, "password": PASSWORD });
    let invited = post(&world, "register", body).await.data(201);
    let proof = mailed(&world).await;
    let members = format!("{path}/members");
    let invitation = json!({ "email": EMAIL, "role": "scanner" });
    call(&world, &owner, Method::POST, &members, invitation)
        .await
        .data(202);
    let keys = format!("{path}/api-keys");
    let key = json!({ "name": "import", "scopes": ["manage_events"] });
    let created = call(&world, &owner, Method::POST, &keys, key).await;
    let created = created.data(201);

    let export = exported(&world, &owner).await;
    assert_eq!(export["complete"], true);
    let links = export["links"].as_array().unwrap().iter();
    let sent: Vec<&Value> = links.filter(|link| link["by_you"] == true).collect();
    assert_eq!(sent.len(), 1, "{}", export["links"]);
    assert_eq!(sent[0]["purpose"], "invitation");
    assert_eq!(
        (&sent[0]["tenant_id"], &sent[0]["used_at"]),
        (tenant, &Value::Null)
    );
    assert_eq!(sent[0]["role"], "scanner");
    assert!(
        !export["links"].to_string().contains(EMAIL),
        "of another person"
    );
    assert_eq!(export["api_keys"].as_array().map(Vec::len), Some(1));
    let kept = &export["api_keys"][0];
    assert_eq!(kept["key_id"], created["key_id"]);
    assert_eq!(kept["scopes"], json!(["manage_events"]));
    assert!(
        !export
            .to_string()
            .contains(created["key"].as_str().unwrap())
    );

    // What lies under an address that is not verified may be another person's.
    let export = exported(&world, &invited).await;
    assert_eq!(purposes(&export), ["verify_email"]);
    let token = invited["access_token"].as_str().unwrap();
    let verify = world.post("/api/v1/auth/verify-email").token(token);
    let verify = verify.json(&json!({ "token": proof }));
    verify.send().await.data(200);
    let export = exported(&world, &invited).await;
    assert_eq!(purposes(&export), ["invitation", "verify_email"]);
    let mut links = export["links"].as_array().unwrap().iter();
    assert!(links.all(|link| link["by_you"] == false));
    assert_eq!(export["api_keys"], json!([]));
}

#[tokio::test]
async fn the_new_address_that_waits_is_in_it() {
    let world = world(true).await;
    let (owner, _tenant) = owner_of(&world, "opera").await;
    let new = "second@example.test";
    let body = json!({ "email": new, "password": PASSWORD });
    call(&world, &owner, Method::POST, "auth/change-email", body)
        .await
        .data(202);
    let change = async || {
        let export = exported(&world, &owner).await;
        let mut links = export["links"].as_array().unwrap().clone();
        links.retain(|link| link["purpose"] == "change_email");
        links
    };
    let waiting = change().await;
    assert_eq!(waiting.len(), 1);
    assert_eq!(waiting[0]["email"], new);
    assert_eq!(waiting[0]["unreadable"], false);
    assert_eq!(waiting[0]["used_at"], Value::Null);
    // Another one takes its place.
    let other = "third@example.test";
    let body = json!({ "email": other, "password": PASSWORD });
    call(&world, &owner, Method::POST, "auth/change-email", body)
        .await
        .data(202);
    let mut emails: Vec<(Value, bool)> = change()
        .await
        .iter()
        .map(|link| (link["email"].clone(), link["used_at"].is_null()))
        .collect();
    emails.sort_by_key(|(email, _)| email.to_string());
    assert_eq!(emails, [(json!(other), true), (Value::Null, false)]);
}
