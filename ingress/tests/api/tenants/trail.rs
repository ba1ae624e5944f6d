//! The audit trail of a tenant, read and exported.

use http::Method;
use onsale_schemas::UserId;
use onsale_store::audit::Actor;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{OWNER, call, login, open, person, world};
use crate::support::{Claims, Reply, World};

#[tokio::test]
async fn a_tenant_reads_its_own_audit_trail_page_by_page() {
    let world = world(true).await;
    let owner = person(&world, OWNER).await;
    let mut ids = Vec::new();
    for slug in ["opera", "theatre"] {
        let tenant = open(&world, &owner, slug).await;
        ids.push(tenant["tenant_id"].clone());
    }
    let owner = login(&world, OWNER, &ids[0]).await;
    let path = format!("tenants/{}", ids[0].as_str().unwrap());
    let change = json!({ "name": "Grand Opera" });
    call(&world, &owner, Method::PATCH, &path, change)
        .await
        .data(200);
    let actions = |reply: &Reply| -> Vec<String> {
        let entries = reply.data(200);
        let entries = entries.as_array().unwrap().iter();
        let entries = entries.inspect(|entry| assert_eq!(entry["tenant_id"], ids[0]));
        entries
            .map(|entry| entry["action"].as_str().unwrap().to_owned())
            .collect()
    };
    let all = call(&world, &owner, Method::GET, "audit", Value::Null).await;
    assert_eq!(actions(&all), ["tenant.change", "tenant.create"]);
    assert_eq!(all.json()["meta"]["next_cursor"], Value::Null);
    let page = call(&world, &owner, Method::GET, "audit?limit=1", Value::Null).await;
    assert_eq!(actions(&page), ["tenant.change"]);
    let cursor = page.json()["meta"]["next_cursor"]
        .as_str()
        .unwrap()
        .to_owned();
    let next = format!("audit?limit=1&cursor={cursor}");
    let next = call(&world, &owner, Method::GET, &next, Value::Null).await;
    assert_eq!(actions(&next), ["tenant.create"]);
    let only = "audit?action=tenant.create&kind=tenant";
    let only = call(&world, &owner, Method::GET, only, Value::Null).await;
    assert_eq!(actions(&only), ["tenant.create"]);
    let none = "audit?to=1970-01-02T00:00:00Z";
    let none = call(&world, &owner, Method::GET, none, Value::Null).await;
    assert_eq!(actions(&none), Vec::<String>::new());
}

/// The lines of an export.
async fn exported(world: &World, signed_in: &Value, query: &str) -> (String, Vec<String>) {
    let path = format!("audit/export?{query}");
    let reply = call(world, signed_in, Method::GET, &path, Value::Null).await;
    let text = String::from_utf8(reply.bytes.clone()).unwrap();
    assert_eq!(reply.status.as_u16(), 200, "{text}");
    let lines = text.lines().map(str::to_owned).collect();
    (reply.header("content-type").to_owned(), lines)
}

#[tokio::test]
async fn a_tenant_exports_its_own_audit_trail_with_the_filters_of_the_list() {
    let world = world(true).await;
    let owner = person(&world, OWNER).await;
    let mut ids = Vec::new();
    for slug in ["opera", "theatre"] {
        let names = json!({ "name": slug, "slug": slug });
        let tenant = call(&world, &owner, Method::POST, "tenants", names).await;
        ids.push(tenant.data(201)["tenant_id"].clone());
    }
    let owner = login(&world, OWNER, &ids[0]).await;
    let path = format!("/api/v1/tenants/{}", ids[0].as_str().unwrap());
    // A spreadsheet would run this.
    let formula = "=1+cmd|'/c'!A1";
    let changed = world.call(Method::PATCH, &path);
    let changed = changed.token(owner["access_token"].as_str().unwrap());
    let changed = changed.header("x-request-id", formula);
    let body = json!({ "name": "Grand, \"Opera\"" });
    changed.json(&body).send().await.data(200);

    let (kind, lines) = exported(&world, &owner, "format=jsonl").await;
    assert_eq!(kind, "application/jsonl");
    let entries: Vec<Value> = lines
        .iter()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let listed = call(&world, &owner, Method::GET, "audit", Value::Null).await;
    assert_eq!(Value::from(entries.clone()), listed.data(200));
    assert_eq!(entries.len(), 2);
    assert_eq!(entries[0]["request_id"], formula);
    assert!(entries[0]["origin"].is_string(), "{entries:?}");

    let (kind, lines) = exported(&world, &owner, "").await;
    assert_eq!(kind, "text/csv; charset=utf-8; header=present");
    assert_eq!(lines.len(), 3);
    assert!(
        lines[0].starts_with("audit_id,at,actor_id,"),
        "{}",
        lines[0]
    );
    assert!(
        lines[1].contains(&format!(",\"'{formula}\",tenant.change,")),
        "{}",
        lines[1]
    );
    assert!(lines[1].ends_with("}\""), "{}", lines[1]);

    let (_, lines) = exported(&world, &owner, "format=jsonl&action=tenant.create").await;
    assert_eq!(lines.len(), 1);
    let (_, lines) = exported(&world, &owner, "format=jsonl&to=1970-01-02T00:00:00Z").await;
    assert_eq!(lines, Vec::<String>::new());
    let wrong = "audit/export?format=xml";
    let wrong = call(&world, &owner, Method::GET, wrong, Value::Null).await;
    wrong.error(400, "VALIDATION_ERROR");
}

#[tokio::test]
async fn an_export_is_written_page_by_page() {
    let world = world(true).await;
    let owner = person(&world, OWNER).await;
    let names = json!({ "name": "Opera", "slug": "opera" });
    let tenant = call(&world, &owner, Method::POST, "tenants", names).await;
    let id = tenant.data(201)["tenant_id"].clone();
    let owner = login(&world, OWNER, &id).await;
    let tenant: Uuid = id.as_str().unwrap().parse().unwrap();
    // Two pages and a bit, with the one that it was created.
    for number in 0..1_004 {
        let entry = Actor::command_line().did("thing.do", "job", number);
        world
            .store
            .append_audit(entry.of_tenant(tenant))
            .await
            .unwrap();
    }
    let (_, lines) = exported(&world, &owner, "format=jsonl").await;
    let numbers: Vec<u64> = lines
        .iter()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .map(|entry| entry["audit_id"].as_u64().unwrap())
        .collect();
    assert_eq!(numbers.len(), 1_005);
    assert!(numbers.is_sorted_by(|newer, older| newer > older));
    let (_, lines) = exported(&world, &owner, "format=csv&kind=job").await;
    assert_eq!(lines.len(), 1_005, "with the names");
}

#[tokio::test]
async fn operators_read_one_tenants_trail_and_members_no_others() {
    let world = world(true).await;
    let owner = person(&world, OWNER).await;
    let mut ids = Vec::new();
    for slug in ["opera", "theatre"] {
        let tenant = open(&world, &owner, slug).await;
        ids.push(tenant["tenant_id"].as_str().unwrap().to_owned());
    }
    let operator = Claims::new(UserId(Uuid::from_u128(8)), "operator").token();
    let operator = json!({ "access_token": operator });
    let tenants = |entries: &Value| -> Vec<String> {
        let entries = entries.as_array().unwrap().iter();
        entries
            .map(|entry| entry["tenant_id"].as_str().unwrap_or("none").to_owned())
            .collect()
    };
    let all = call(&world, &operator, Method::GET, "audit", Value::Null).await;
    let all = tenants(&all.data(200));
    for id in &ids {
        assert!(all.contains(id), "{all:?}");
        let path = format!("audit?tenant={id}");
        let one = call(&world, &operator, Method::GET, &path, Value::Null).await;
        assert_eq!(tenants(&one.data(200)), [id.as_str()]);
        let (_, lines) = exported(&world, &operator, &format!("format=jsonl&tenant={id}")).await;
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert!(lines[0].contains(id.as_str()), "{lines:?}");
    }
    assert!(all.contains(&"none".to_owned()), "what is no tenant's");
    // Who belongs to one may name it, and no other.
    let owner = login(&world, OWNER, &json!(ids[0])).await;
    let own = format!("audit?tenant={}", ids[0]);
    let own = call(&world, &owner, Method::GET, &own, Value::Null).await;
    assert_eq!(tenants(&own.data(200)), [ids[0].as_str()]);
    for path in ["audit", "audit/export"] {
        let other = format!("{path}?tenant={}", ids[1]);
        let other = call(&world, &owner, Method::GET, &other, Value::Null).await;
        other.error(403, "FORBIDDEN");
    }
}

/// What a client does not read keeps nobody else from its own export, and itself from a third.
#[tokio::test]
async fn exports_under_way_are_counted_by_user() {
    let world = world(true).await;
    let owner = person(&world, OWNER).await;
    let names = json!({ "name": "Opera", "slug": "opera" });
    let tenant = call(&world, &owner, Method::POST, "tenants", names).await;
    let id = tenant.data(201)["tenant_id"].clone();
    let owner = login(&world, OWNER, &id).await;
    let mut unread = Vec::new();
    for _ in 0..2 {
        let export = world.get("/api/v1/audit/export");
        let export = export.token(owner["access_token"].as_str().unwrap());
        unread.push(export.open().await);
    }
    let third = call(&world, &owner, Method::GET, "audit/export", Value::Null).await;
    third.error(429, "RATE_LIMITED");
    drop(unread);
    let (_, lines) = exported(&world, &owner, "").await;
    assert_eq!(lines.len(), 2);
}
