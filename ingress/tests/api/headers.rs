//! What every answer carries.

use http::Method;
use serde_json::json;

use crate::support::{EVENT, SHOW, World};

#[tokio::test]
async fn a_request_id_is_echoed_or_made() {
    let world = World::new().await;
    let path = format!("/api/v1/events/{EVENT}");
    let reply = world
        .get(&path)
        .header("x-request-id", "trace-\"me\"")
        .send()
        .await;
    assert_eq!(reply.header("x-request-id"), "trace-\"me\"");
    assert_eq!(reply.json()["meta"]["request_id"], "trace-\"me\"");
    for bad in ["two words", "", &"x".repeat(129)] {
        let reply = world.get(&path).header("x-request-id", bad).send().await;
        let made = reply.header("x-request-id");
        assert!(made.parse::<uuid::Uuid>().is_ok(), "{made}");
    }
}

#[tokio::test]
async fn unknown_paths_and_methods_have_the_same_error_body() {
    let world = World::new().await;
    let reply = world.get("/api/v1/nothing?secret=1").send().await;
    reply.error(404, "NOT_FOUND");
    assert_eq!(reply.json()["instance"], "/api/v1/nothing");
    world.get("/nothing").send().await.error(404, "NOT_FOUND");
    let reply = world
        .call(Method::DELETE, "/api/v1/bookings/reserve")
        .send()
        .await;
    reply.error(405, "METHOD_NOT_ALLOWED");
    assert!(
        reply.header("allow").contains("POST"),
        "{}",
        reply.header("allow")
    );
}

/// Every parameter of every route that has any.
#[tokio::test]
async fn a_query_that_stands_for_no_text_is_refused_by_its_name() {
    let world = World::new().await;
    let id = uuid::Uuid::from_u128(1);
    let booking = world.booked(7).await;
    for (path, role, fields) in [
        (
            "/events".to_owned(),
            "buyer",
            &[
                "search", "city", "category", "from", "until", "mine", "page", "per_page",
            ][..],
        ),
        (
            format!("/events/{EVENT}/shows"),
            "buyer",
            &["page", "per_page"],
        ),
        (format!("/shows/{SHOW}/availability"), "buyer", &["format"]),
        (
            format!("/shows/{SHOW}/availability/stream"),
            "buyer",
            &["format"],
        ),
        (
            "/bookings".to_owned(),
            "buyer",
            &["status", "cursor", "limit"],
        ),
        (format!("/bookings/{booking}/receipt"), "buyer", &["token"]),
        (
            format!("/requests/{id}/explanation"),
            "operator",
            &["partition", "offset"],
        ),
    ] {
        for field in fields {
            for text in ["%ff", "a%c3%28", "1%", "%zz"] {
                let path = format!("/api/v1{path}?{field}={text}");
                let reply = world.get(&path).by_role(role).send().await;
                let details = reply.error(400, "VALIDATION_ERROR");
                assert_eq!(details["field"], *field, "{path}");
                assert_eq!(details["value"], text, "{path}");
            }
        }
    }
}

#[tokio::test]
async fn security_headers_are_everywhere_and_the_docs_still_work() {
    let world = World::new().await;
    for path in [
        "/",
        "/api/v1/events",
        "/api/v1/nothing",
        "/docs/",
        "/health/live",
    ] {
        let reply = world.get(path).send().await;
        assert_eq!(reply.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(reply.header("x-frame-options"), "DENY", "{path}");
        assert!(
            reply
                .header("strict-transport-security")
                .contains("max-age"),
            "{path}"
        );
        let csp = reply.header("content-security-policy");
        assert_eq!(
            csp.contains("style-src 'self' 'unsafe-inline'"),
            path == "/docs/",
            "{path}"
        );
        assert!(!csp.contains("script-src 'self' 'unsafe-inline'"), "{path}");
    }
    let docs = world.get("/docs/").send().await;
    assert_eq!(docs.status, 200);
    let page = String::from_utf8(docs.bytes).unwrap();
    assert!(page.contains("swagger-ui"));
    assert!(page.contains("<title>Onsale API</title>"), "{page}");
    assert!(
        !page.contains("<script>"),
        "inline scripts would not run: {page}"
    );
    let reply = world.get("/api/v1/events").send().await;
    assert_eq!(reply.header("cache-control"), "no-store");
}

#[tokio::test]
async fn browsers_of_configured_origins_may_call() {
    let world = World::with(|config| {
        config.http.cors_origins = vec!["https://tickets.example".to_owned()];
    })
    .await;
    let preflight = |origin: &str| {
        world
            .call(Method::OPTIONS, "/api/v1/bookings/reserve")
            .header("origin", origin)
            .header("access-control-request-method", "POST")
            .header(
                "access-control-request-headers",
                "authorization,idempotency-key",
            )
    };
    let reply = preflight("https://tickets.example").send().await;
    assert_eq!(
        reply.header("access-control-allow-origin"),
        "https://tickets.example"
    );
    assert!(
        reply
            .header("access-control-allow-headers")
            .contains("idempotency-key")
    );
    let reply = preflight("https://evil.example").send().await;
    assert_eq!(reply.header("access-control-allow-origin"), "");
    let reply = World::new()
        .await
        .get("/api/v1/events")
        .header("origin", "https://a.example")
        .send()
        .await;
    assert_eq!(reply.header("access-control-allow-origin"), "");
}

#[tokio::test]
async fn large_answers_are_compressed_and_small_ones_are_not() {
    let world = World::new().await;
    let reply = world
        .get("/api/v1/openapi.json")
        .header("accept-encoding", "gzip")
        .send()
        .await;
    assert_eq!(reply.header("content-encoding"), "gzip");
    let reply = world
        .reserve(json!({"show_id": SHOW, "seats": ["B-L"]}))
        .header("accept-encoding", "gzip, br")
        .send()
        .await;
    assert_eq!(reply.header("content-encoding"), "");
}

#[tokio::test]
async fn requests_are_measured_by_route_and_not_by_path() {
    let world = World::new().await;
    world.get(&format!("/api/v1/events/{EVENT}")).send().await;
    world.get("/api/v1/no/such/path").send().await;
    world
        .call(Method::from_bytes(b"BREW").unwrap(), "/pot")
        .send()
        .await;
    let text = world.metrics().await;
    for line in [
        "http_requests_total{method=\"GET\",route=\"/api/v1/events/{id}\",status=\"200\"} 1",
        "http_requests_total{method=\"GET\",route=\"unmatched\",status=\"404\"} 1",
        "http_requests_total{method=\"OTHER\",route=\"unmatched\",status=\"404\"} 1",
        "http_request_duration_seconds_count{method=\"GET\",route=\"/api/v1/events/{id}\"} 1",
        "http_requests_in_flight 1",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
}
