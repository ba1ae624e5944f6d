//! What is refused, and by whom.

use http::Method;
use onsale_schemas::rejection::{FullTable, InvalidReason};
use onsale_schemas::{CodeHash, Rejection, UserId};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{call, create, created, group_of, path, world};
use crate::support::{Claims, FLOOR, ORGANIZER, Script};

fn with(more: &Value) -> Value {
    let mut body = json!({"code": "EARLY-BIRD", "kind": "discount", "percent": 10});
    for (field, value) in more.as_object().unwrap() {
        if value == "left out" {
            body.as_object_mut().unwrap().remove(field);
        } else {
            body[field] = value.clone();
        }
    }
    body
}

#[tokio::test]
async fn each_field_says_what_would_be_right() {
    let world = world().await;
    let thb = |amount: i64| json!({"amount": amount, "currency": "THB"});
    for (more, field) in [
        (json!({"code": "left out"}), "code"),
        (json!({"code": "abc"}), "code"),
        (json!({"code": "- - -"}), "code"),
        (json!({"count": 2}), "count"),
        (json!({"code": "left out", "count": 0}), "count"),
        (json!({"code": "left out", "count": 10_001}), "count"),
        (json!({"prefix": "A"}), "prefix"),
        (
            json!({"code": "left out", "count": 1, "prefix": "a b"}),
            "prefix",
        ),
        (
            json!({"code": "left out", "count": 1, "length": 11}),
            "length",
        ),
        (json!({"name": ""}), "name"),
        (json!({"percent": "left out"}), "percent"),
        (json!({"percent": 0}), "percent"),
        (json!({"percent": 100.01}), "percent"),
        (json!({"percent": 33.333}), "percent"),
        (json!({"percent": "0.00"}), "percent"),
        (json!({"percent": "12,5"}), "percent"),
        (json!({"amount": thb(5)}), "amount"),
        (
            json!({"percent": "left out", "amount": thb(0)}),
            "amount.amount",
        ),
        (
            json!({"percent": "left out", "amount": {"amount": 5, "currency": "USD"}}),
            "amount.currency",
        ),
        (json!({"kind": "access"}), "kind"),
        (json!({"kind": "access", "percent": "left out"}), "opens"),
        (json!({"places_max": 101}), "places_max"),
        (
            json!({"from": "2030-01-01T00:00:00Z", "until": "2030-01-01T00:00:00Z"}),
            "until",
        ),
        (json!({"zones": [Uuid::from_u128(99)]}), "zones[0]"),
        (json!({"zones": [FLOOR, FLOOR]}), "zones[1]"),
        (json!({"ticket_types": ["Dragon"]}), "ticket_types[0]"),
        (json!({"colour": "red"}), "colour"),
    ] {
        let reply = create(&world, &with(&more)).send().await;
        let details = reply.error(400, "VALIDATION_ERROR");
        assert_eq!(details["field"], field, "{more}");
        let said = reply.json().to_string().to_uppercase();
        assert!(!said.contains("EARLY-BIRD"), "{said}");
    }
    assert!(world.log.seen().is_empty());
}

#[tokio::test]
async fn refusals_of_the_log_are_said_in_words() {
    let world = world().await;
    let hash = CodeHash::from_bytes([7; 16]);
    for (why, status, code, field) in [
        (
            Rejection::CodeExists {
                group: 9,
                code: Some(hash),
            },
            409,
            "CODE_EXISTS",
            json!("code"),
        ),
        (
            Rejection::CodeExists {
                group: 9,
                code: None,
            },
            409,
            "CODE_EXISTS",
            json!("terms"),
        ),
        (
            Rejection::Invalid {
                reason: InvalidReason::TooMany,
            },
            400,
            "VALIDATION_ERROR",
            json!("count"),
        ),
        (
            Rejection::Full {
                table: FullTable::Codes,
            },
            503,
            "OVERLOADED",
            json!("count"),
        ),
        (Rejection::ShowCancelled, 409, "SHOW_CANCELLED", json!(null)),
    ] {
        world.log.next(Script::reject(why));
        let reply = create(&world, &with(&json!({}))).send().await;
        assert_eq!(reply.error(status, code)["field"], field, "{code}");
    }
    for rest in ["/5", "/5/EARLY-BIRD"] {
        world.log.next(Script::reject(Rejection::UnknownCode));
        let end = call(&world, Method::DELETE, rest);
        end.send().await.error(404, "NOT_FOUND");
    }
}

#[tokio::test]
async fn managers_of_another_tenant_read_and_change_nothing() {
    let world = world().await;
    let group = group_of(&created(&world, 0, &with(&json!({}))).await);
    let handed_in = world.log.seen().len();
    let mut claims = Claims::new(ORGANIZER, "organizer");
    claims.tenant = Uuid::from_u128(8);
    let elsewhere = claims.token();
    let buyer = Claims::new(UserId::from_bytes([0xb0; 16]), "buyer").token();
    for token in [&elsewhere, &buyer] {
        for (method, rest, body) in [
            (Method::POST, String::new(), Some(with(&json!({})))),
            (Method::GET, String::new(), None),
            (Method::GET, group.clone(), None),
            (Method::GET, format!("{group}/export"), None),
            (Method::PATCH, group.clone(), Some(json!({"uses_max": 1}))),
            (Method::DELETE, group.clone(), None),
            (Method::DELETE, format!("{group}/EARLY-BIRD"), None),
        ] {
            let what = format!("{method} {rest}");
            let mut call = world.call(method, &path(&rest)).token(token);
            if let Some(body) = &body {
                call = call.json(body);
            }
            let status = call.send().await.status.as_u16();
            assert!(matches!(status, 403 | 404), "{what}: {status}");
        }
    }
    assert_eq!(world.log.seen().len(), handed_in);
}
