//! Who reads the audit trail over HTTP, and what its filters leave of it.

use http::Method;
use onsale_store::account::UserRole;
use onsale_store::audit::Unaudited;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::accounts::PASSWORD;
use crate::support::{NOW_MS, World};
use crate::tenants::{call, login, open, person, world};

const OWNER: &str = "owner@example.test";
const OTHER: &str = "other@example.test";
const ADMIN: &str = "admin@example.test";

fn id(signed_in: &Value) -> String {
    signed_in["user"]["user_id"].as_str().unwrap().to_owned()
}

/// The entries that a query finds, newest first.
async fn found(world: &World, by: &Value, query: &str) -> Vec<Value> {
    let path = format!("audit?limit=500{query}");
    let reply = call(world, by, Method::GET, &path, Value::Null).await;
    let entries = reply.data(200);
    entries.as_array().unwrap().clone()
}

/// A person with a tenant: the session that acts for it, and the tenant's id.
async fn owner_of(world: &World, email: &str, slug: &str) -> (Value, Value) {
    let owner = person(world, email).await;
    let tenant = open(world, &owner, slug).await;
    let id = tenant["tenant_id"].clone();
    (login(world, email, &id).await, id)
}

/// Two entries more in the tenant's trail, about two things.
async fn work(world: &World, owner: &Value, tenant: &Value) {
    let path = format!("tenants/{}", tenant.as_str().unwrap());
    let change = json!({ "name": "Grand Opera" });
    let changed = call(world, owner, Method::PATCH, &path, change).await;
    changed.data(200);
    let key = json!({ "name": "import", "scopes": ["read_sales"] });
    let keys = format!("{path}/api-keys");
    let created = call(world, owner, Method::POST, &keys, key).await;
    created.data(201);
}

/// That `found` is what of `all` is as it should be, and that there is such a thing and another.
#[track_caller]
fn assert_left(found: &[Value], all: &[Value], what: &str, is_wanted: impl Fn(&Value) -> bool) {
    let wanted: Vec<Value> = all
        .iter()
        .filter(|entry| is_wanted(entry))
        .cloned()
        .collect();
    assert_eq!(found, wanted, "{what}");
    assert!(
        !wanted.is_empty() && wanted.len() < all.len(),
        "{what} leaves {} of {}",
        wanted.len(),
        all.len()
    );
}

#[tokio::test]
async fn filters_leave_what_an_actor_did_what_a_thing_is_about_and_what_is_of_a_time() {
    let world = world(true).await;
    let (owner, tenant) = owner_of(&world, OWNER, "opera").await;
    work(&world, &owner, &tenant).await;
    // Another actor in the same tenant.
    let guest = person(&world, OTHER).await;
    let members = format!("tenants/{}/members", tenant.as_str().unwrap());
    let invitation = json!({ "email": OTHER, "role": "manager" });
    let sent = call(&world, &owner, Method::POST, &members, invitation).await;
    sent.data(202);
    let token = crate::accounts::mailed(&world).await;
    let accept = format!("invitations/{token}/accept");
    let joined = call(&world, &guest, Method::POST, &accept, Value::Null).await;
    joined.data(200);

    let all = found(&world, &owner, "").await;
    let of_owner = format!("&actor={}", id(&owner));
    let actor = found(&world, &owner, &of_owner).await;
    assert_left(&actor, &all, "actor", |entry| {
        entry["actor_id"] == id(&owner)
    });
    let about = all
        .iter()
        .find(|entry| entry["action"].as_str().unwrap().starts_with("api_key"))
        .unwrap_or_else(|| panic!("no entry about the key: {all:?}"));
    let entity = about["entity"].as_str().unwrap();
    let of_key = found(&world, &owner, &format!("&entity={entity}")).await;
    assert_left(&of_key, &all, "entity", |entry| entry["entity"] == entity);
    let kind = about["kind"].as_str().unwrap();
    let both = format!("{of_owner}&kind={kind}&entity={entity}");
    assert_eq!(found(&world, &owner, &both).await, of_key);
    let nobodys = format!("&actor={}", Uuid::from_u128(99));
    assert_eq!(found(&world, &owner, &nobodys).await, Vec::<Value>::new());
    // A typing error is no empty trail.
    for (field, text, named) in [
        ("kind", "evnt", "event"),
        ("kind", "", "tenant"),
        ("action", "foo", "event.change"),
    ] {
        for path in ["audit?", "audit/export?format=csv&"] {
            let path = format!("{path}{field}={text}");
            let refused = call(&world, &owner, Method::GET, &path, Value::Null).await;
            let details = refused.error(400, "VALIDATION_ERROR");
            assert_eq!(details["field"], field, "{path}");
            assert_eq!(details["value"], text, "{path}");
            let expected = details["expected"].as_str().unwrap();
            assert!(expected.contains(named), "{path}: {expected}");
        }
    }
    // The texts of instants are ordered as the instants are. `from` is of that instant and later, `to` before
    // it, so the two make a whole of each.
    for entry in &all {
        let at = entry["at"].as_str().unwrap();
        let is_later = |entry: &&Value| entry["at"].as_str().unwrap() >= at;
        let later = found(&world, &owner, &format!("&from={at}")).await;
        let wanted: Vec<Value> = all.iter().filter(is_later).cloned().collect();
        assert_eq!(later, wanted, "from {at}");
        let earlier = found(&world, &owner, &format!("&to={at}")).await;
        assert_eq!([later, earlier].concat(), all, "from and to {at}");
    }
    let ahead = found(&world, &owner, "&from=2999-01-01T00:00:00Z").await;
    assert_eq!(ahead, Vec::<Value>::new());
    for wrong in ["actor=nobody", "from=yesterday", "to=0", "tenant_id=x"] {
        let path = format!("audit?{wrong}");
        let refused = call(&world, &owner, Method::GET, &path, Value::Null).await;
        refused.error(400, "VALIDATION_ERROR");
    }
}

#[tokio::test]
async fn operators_read_the_trail_of_all_tenants_and_a_tenant_its_own() {
    let world = world(true).await;
    let (opera, opera_id) = owner_of(&world, OWNER, "opera").await;
    work(&world, &opera, &opera_id).await;
    let (theatre, theatre_id) = owner_of(&world, OTHER, "theatre").await;
    work(&world, &theatre, &theatre_id).await;
    let admin = person(&world, ADMIN).await;
    let admin_id: Uuid = id(&admin).parse().unwrap();
    let raised =
        world
            .store
            .set_user_role(admin_id, UserRole::Admin, NOW_MS, Unaudited::Unattended);
    raised.await.unwrap().unwrap();
    let admin = login(&world, ADMIN, &json!(Uuid::nil())).await;
    assert_eq!(admin["user"]["role"], "admin");

    let all = found(&world, &admin, "").await;
    for tenant in [&opera_id, &theatre_id, &Value::Null] {
        let is_there = all.iter().any(|entry| entry["tenant_id"] == *tenant);
        assert!(is_there, "{tenant}: {all:?}");
    }
    assert!(all.iter().any(|entry| entry["action"] == "session.open"));
    for (owner, tenant) in [(&opera, &opera_id), (&theatre, &theatre_id)] {
        let own = found(&world, owner, "").await;
        assert_left(&own, &all, "a tenant", |entry| {
            entry["tenant_id"] == *tenant
        });
    }
    // What one of them did, in whichever tenant.
    let query = format!("&actor={}", id(&opera));
    let of_opera = found(&world, &admin, &query).await;
    assert_left(&of_opera, &all, "actor", |entry| {
        entry["actor_id"] == id(&opera)
    });
    let lines = world
        .get("/api/v1/audit/export?format=jsonl")
        .token(admin["access_token"].as_str().unwrap());
    let lines = String::from_utf8(lines.send().await.bytes).unwrap();
    assert_eq!(lines.lines().count(), all.len());
    // A buyer, and who was a manager of nothing, read none.
    let body = json!({ "email": OTHER, "password": PASSWORD, "tenant_id": Uuid::nil() });
    let oneself = crate::accounts::post(&world, "login", body).await.data(200);
    let refused = call(&world, &oneself, Method::GET, "audit", Value::Null).await;
    refused.error(403, "FORBIDDEN");
}
