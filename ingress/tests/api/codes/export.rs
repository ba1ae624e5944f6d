//! `GET /shows/{id}/codes/{group}/export`

use http::Method;
use onsale_schemas::Outcome;
use serde_json::json;

use super::{call, created, group_of, project, world};
use crate::support::{SHOW, World};

async fn exported(world: &World, group: &str) -> String {
    let call = call(world, Method::GET, &format!("{group}/export"));
    let reply = call.send().await;
    assert_eq!(
        reply.status.as_u16(),
        200,
        "{}",
        String::from_utf8_lossy(&reply.bytes)
    );
    assert!(reply.header("content-type").starts_with("text/csv"));
    assert_eq!(reply.header("cache-control"), "no-store");
    String::from_utf8(reply.bytes).unwrap()
}

#[tokio::test]
async fn thousands_are_exported_each_with_its_text() {
    const CODES: usize = 10_000;
    let world = world().await;
    let body = json!({"count": CODES, "kind": "discount", "percent": 100, "uses_max": 1});
    let group = group_of(&created(&world, 0, &body).await);
    let text = exported(&world, &group).await;
    let mut lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.remove(0), "code,uses");
    assert!(
        lines
            .iter()
            .all(|line| line.len() == 14 + 2 && line.ends_with(",0"))
    );
    lines.sort_unstable();
    lines.dedup();
    assert_eq!(lines.len(), CODES);
}

#[tokio::test]
async fn a_text_is_no_formula_and_what_ended_is_left_out() {
    let world = world().await;
    for (from, (code, line)) in [
        ("=HYPERLINK(1)", "\"'=HYPERLINK(1)\",0"),
        ("+SUM(1)", "\"'+SUM(1)\",0"),
        ("@now!", "\"'@now!\",0"),
        ("a,b\"c", "\"a,b\"\"c\",0"),
    ]
    .into_iter()
    .enumerate()
    {
        let body = json!({"code": code, "kind": "access", "opens": true});
        let answer = created(&world, from.try_into().unwrap(), &body).await;
        let text = exported(&world, &group_of(&answer)).await;
        assert_eq!(text, format!("code,uses\r\n{line}\r\n"));
    }
    let body = json!({"code": "EARLY", "kind": "access", "opens": true});
    let group = group_of(&created(&world, 4, &body).await);
    call(&world, Method::DELETE, &format!("{group}/early"))
        .send()
        .await
        .data(200);
    project(
        &world,
        5,
        Outcome::CodesEnded {
            show: SHOW,
            ended: 1,
        },
    )
    .await;
    assert_eq!(exported(&world, &group).await, "code,uses\r\n");
}

#[tokio::test]
async fn without_a_key_for_what_is_private_texts_are_told_once() {
    let world = World::new().await;
    let body = json!({"code": "EARLY", "kind": "access", "opens": true});
    let answer = created(&world, 0, &body).await;
    assert_eq!(answer["codes"][0]["code"], "EARLY");
    let group = group_of(&answer);
    assert_eq!(exported(&world, &group).await, "code,uses\r\n,0\r\n");
    let one = call(&world, Method::GET, &group).send().await.data(200);
    assert_eq!(one["codes"][0]["code"], json!(null));
}

#[tokio::test]
async fn of_a_group_that_there_is_not_nothing_is_exported() {
    let world = world().await;
    for group in ["/1", "/x", "/-1", "/4294967296"] {
        let call = call(&world, Method::GET, &format!("{group}/export"));
        call.send().await.error(404, "NOT_FOUND");
    }
}
