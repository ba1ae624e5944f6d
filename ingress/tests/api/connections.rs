//! Clients that take too much: of connections, of time, of memory.

mod stopping;
mod unread;

use axum::body::Body;
use http_body_util::BodyExt as _;
use hyper_util::rt::{TokioExecutor, TokioIo};
use onsale_ingress::IngressConfig;
use onsale_schemas::UserId;
use serde_json::json;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use self::unread::get_for;
use crate::server::{Served, reserve_request, serve, until_metrics_say};
use crate::support::{BUYER, Claims, EVENT, SHOW, World};

/// An answer that is larger than what the systems of both sides keep for a connection.
const LARGE: &str = "/docs/swagger-ui-bundle.js";

fn stream_path() -> String {
    format!("/api/v1/shows/{SHOW}/availability/stream")
}

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n")
}

fn impatient(config: &mut IngressConfig) {
    config.http.write_timeout_ms = 200;
}

async fn served(change: impl FnOnce(&mut IngressConfig)) -> Served {
    serve(World::with(change).await).await
}

async fn connect(served: &Served) -> TcpStream {
    TcpStream::connect(served.address).await.unwrap()
}

async fn ask(served: &Served, request: &str) -> TcpStream {
    let mut stream = connect(served).await;
    stream.write_all(request.as_bytes()).await.unwrap();
    stream
}

/// Reads until the text has come.
async fn read_until(stream: &mut (impl AsyncRead + Unpin), text: &str) -> String {
    let mut all = Vec::new();
    let mut chunk = [0; 4_096];
    loop {
        let read = stream.read(&mut chunk).await.unwrap();
        assert_ne!(read, 0, "{}", String::from_utf8_lossy(&all));
        all.extend_from_slice(&chunk[..read]);
        let found = String::from_utf8_lossy(&all);
        if found.contains(text) {
            return found.into_owned();
        }
    }
}

type Http2 = hyper::client::conn::http2::SendRequest<Body>;

/// A connection whose client has room for more than one answer that it does not read.
async fn http2(served: &Served) -> Http2 {
    let stream = connect(served).await;
    let (sender, connection) = hyper::client::conn::http2::Builder::new(TokioExecutor::new())
        .initial_stream_window_size(65_535)
        .initial_connection_window_size(8 << 20)
        .handshake(TokioIo::new(stream))
        .await
        .unwrap();
    tokio::spawn(connection);
    sender
}

#[tokio::test]
async fn an_address_has_so_many_connections() {
    let served = served(|config| config.http.connections_per_address_max = 2).await;
    let mut first = ask(&served, &get("/health/live")).await;
    read_until(&mut first, "live\"}").await;
    let mut second = ask(&served, &get("/health/live")).await;
    read_until(&mut second, "live\"}").await;
    // Ends, with whatever: the test would hang otherwise.
    let mut third = connect(&served).await;
    assert!(!matches!(third.read(&mut [0; 1]).await, Ok(1..)));
    let line = "http_connections_refused_total{reason=\"address\"} 1";
    until_metrics_say(&served.world, line).await;
    drop(first);
    until_metrics_say(&served.world, "http_connections_open 1").await;
    let mut again = ask(&served, &get("/health/live")).await;
    read_until(&mut again, "live\"}").await;
}

#[tokio::test]
async fn behind_proxies_the_address_of_a_connection_does_not_count() {
    let served = served(|config| {
        config.http.connections_per_address_max = 1;
        config.http.trusted_proxies = 1;
    })
    .await;
    let mut first = ask(&served, &get("/health/live")).await;
    read_until(&mut first, "live\"}").await;
    let mut second = ask(&served, &get("/health/live")).await;
    read_until(&mut second, "live\"}").await;
}

#[tokio::test]
async fn an_address_that_does_not_take_its_answers_gets_no_more_and_can_still_buy() {
    let served = served(|config| config.http.unsent_per_address_max_bytes = 65_536).await;
    let mut reading = ask(&served, &get(LARGE)).await;
    read_until(&mut reading, "\r\n\r\n").await;
    let mut refused = ask(&served, &get("/api/v1/events")).await;
    let answer = read_until(&mut refused, "RATE_LIMITED").await;
    assert!(answer.starts_with("HTTP/1.1 429"), "{answer}");
    assert!(answer.contains("application/problem+json"), "{answer}");
    assert!(answer.contains("retry-after"), "{answer}");
    let mut buying = ask(&served, &reserve_request()).await;
    let answer = read_until(&mut buying, "\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
    // Once it has gone, or read, it is served again.
    drop(reading);
    until_metrics_say(&served.world, "http_answers_unsent_bytes 0").await;
    let mut again = ask(&served, &get("/api/v1/events")).await;
    let answer = read_until(&mut again, "\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[tokio::test]
async fn behind_proxies_what_is_unsent_counts_by_the_address_that_they_forward() {
    let served = served(|config| {
        config.http.trusted_proxies = 1;
        config.http.unsent_per_address_max_bytes = 65_536;
    })
    .await;
    let get_for = |client: &str, path: &str| {
        format!("GET {path} HTTP/1.1\r\nhost: x\r\nx-forwarded-for: {client}\r\n\r\n")
    };
    let mut reading = ask(&served, &get_for("203.0.113.1", LARGE)).await;
    read_until(&mut reading, "\r\n\r\n").await;
    for (client, status) in [("203.0.113.1", "429"), ("203.0.113.2", "200")] {
        let mut asking = ask(&served, &get_for(client, "/api/v1/events")).await;
        let answer = read_until(&mut asking, "\r\n\r\n").await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status}")),
            "{answer}"
        );
    }
}

/// Ends, with whatever: the test would hang otherwise.
async fn until_closed(stream: &mut (impl AsyncRead + Unpin)) {
    while let Ok(1..) = stream.read(&mut [0; 4_096]).await {}
}

#[tokio::test]
async fn a_client_that_asks_for_nothing_makes_room_for_new_connections() {
    let served = served(|config| config.http.connections_max = 2).await;
    let mut idle = ask(&served, &get("/health/live")).await;
    read_until(&mut idle, "live\"}").await;
    let mut silent = connect(&served).await;
    until_metrics_say(&served.world, "http_connections_open 2").await;
    let mut reading = ask(&served, &get(&stream_path())).await;
    read_until(&mut reading, "event: state").await;
    until_closed(&mut silent).await;
    // Half a head is nothing yet.
    let mut slow = ask(&served, "GET / HTTP/1.1\r\n").await;
    until_closed(&mut idle).await;
    let mut new = ask(&served, &get("/health/live")).await;
    read_until(&mut new, "live\"}").await;
    until_closed(&mut slow).await;
    until_metrics_say(&served.world, "http_connections_given_up_total 3").await;
    // A client that is being answered stays.
    until_metrics_say(&served.world, "availability_stream_readers 1").await;
}

#[tokio::test]
async fn idle_connections_of_http2_make_room_too() {
    let served = served(|config| config.http.connections_max = 1).await;
    for _ in 0..3 {
        let mut sender = http2(&served).await;
        let answer = get_for(&mut sender, "203.0.113.1", "/health/live").await;
        answer.into_body().collect().await.unwrap();
    }
    until_metrics_say(&served.world, "http_connections_given_up_total 2").await;
}

#[tokio::test]
async fn new_connections_wait_where_none_is_idle() {
    let served = served(|config| config.http.connections_max = 1).await;
    let mut reading = ask(&served, &get(&stream_path())).await;
    read_until(&mut reading, "event: state").await;
    let mut waiting = ask(&served, &get("/health/live")).await;
    drop(reading);
    read_until(&mut waiting, "live\"}").await;
    until_metrics_say(&served.world, "http_connections_given_up_total 0").await;
}

#[tokio::test]
async fn a_large_body_that_is_declared_and_not_sent_holds_room_for_a_moment() {
    let served = served(|config| {
        config.http.large_bodies_max_bytes = config.http.layout_body_max_bytes;
        config.http.body_timeout_ms = 2_000;
    })
    .await;
    let post = |user: u8, body: &str, length: usize| {
        let token = Claims::new(UserId::from_bytes([user; 16]), "organizer").token();
        format!(
            "POST /api/v1/events/{EVENT}/shows HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n\
             content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
        )
    };
    let mut silent = ask(&served, &post(1, "{", 8 << 20)).await;
    let body = " ".repeat(100_000);
    let mut sending = ask(&served, &post(2, &body, body.len())).await;
    let answer = read_until(&mut silent, "\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    assert!(answer.contains("too slowly"), "{answer}");
    let answer = read_until(&mut sending, "VALIDATION_ERROR").await;
    assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
}

#[tokio::test]
async fn streams_are_limited_by_address_and_by_user() {
    let world = World::with(|config| {
        config.http.stream_readers_per_address_max = 3;
        config.http.stream_readers_per_user_max = 2;
    })
    .await;
    let token = Claims::new(BUYER, "buyer").token();
    let first = world.get(&stream_path()).token(&token).open().await;
    assert_eq!(first.status(), 200);
    let second = world.get(&stream_path()).token(&token).open().await;
    assert_eq!(second.status(), 200);
    let refused = world.get(&stream_path()).token(&token).send().await;
    assert!(!refused.header("retry-after").is_empty());
    refused.error(429, "RATE_LIMITED");
    let third = world.get(&stream_path()).open().await;
    assert_eq!(third.status(), 200);
    let refused = world.get(&stream_path()).send().await;
    refused.error(429, "RATE_LIMITED");
    drop(first);
    assert_eq!(
        world
            .get(&stream_path())
            .token(&token)
            .open()
            .await
            .status(),
        200
    );
}

#[tokio::test]
async fn reaching_the_maximum_is_reported_by_the_operations_listener() {
    let served = served(|config| config.http.connections_max = 1).await;
    let mut only = ask(&served, &get("/health/live")).await;
    read_until(&mut only, "live\"}").await;
    until_metrics_say(&served.world, "http_connections_limit 1").await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let operations = listener.local_addr().unwrap();
    let ingress = served.world.ingress.clone();
    tokio::spawn(async move {
        ingress
            .serve_operations(listener, std::future::pending())
            .await
    });
    let mut probe = TcpStream::connect(operations).await.unwrap();
    probe
        .write_all(get("/health/ready").as_bytes())
        .await
        .unwrap();
    let answer = read_until(&mut probe, "]}").await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.contains("all 1 connections"), "{answer}");
    // Metrics and the calls between nodes are answered there, and only there.
    probe.write_all(get("/metrics").as_bytes()).await.unwrap();
    let answer = read_until(&mut probe, "http_connections_open 1").await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    for path in ["/metrics", "/internal/snapshots"] {
        served.world.get(path).send().await.error(404, "NOT_FOUND");
    }
}

/// What is no request is answered, not dropped: also where the client sends more than is read.
#[tokio::test]
async fn what_is_no_request_is_answered_with_what_is_wrong() {
    let served = served(|_| {}).await;
    let headers: String = (0..101).map(|n| format!("x-{n}: 1\r\n")).collect();
    let many = format!("GET / HTTP/1.1\r\n{headers}\r\n");
    let long = format!(
        "GET / HTTP/1.1\r\nhost: x\r\nx: {}\r\n\r\n",
        "a".repeat(300_000)
    );
    let body = json!({}).to_string();
    for (request, status) in [
        (many.as_str(), 431),
        (&long, 431),
        (
            "POST /api/v1/bookings/reserve HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\
             content-length: 3\r\n\r\n{}",
            400,
        ),
        ("GE{T / HTTP/1.1\r\nhost: x\r\n\r\n", 400),
        (
            "GET / HTTP/1.1\r\nhost: x\r\ncontent-length: 18446744073709551616\r\n\r\n",
            400,
        ),
        ("GET / HTTP/9.9\r\nhost: x\r\n\r\n", 400),
        ("GET /\u{7f} HTTP/1.1\r\nhost: x\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nhost: x\r\nbad header: 1\r\n\r\n", 400),
    ] {
        let mut stream = connect(&served).await;
        // The answer may be there before all of it is sent.
        let _ = stream.write_all(request.as_bytes()).await;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        let answer = String::from_utf8_lossy(&answer);
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{:.60}: {answer:?}",
            request
        );
    }
    for hosts in [
        "",
        "host: a\r\nhost: b\r\n",
        "host: a\r\nhost: a\r\n",
        "host: x/y@z\r\n",
        "host: user@x\r\n",
        "host: x y\r\n",
        "host:\r\n",
        "host: \u{e9}\r\n",
    ] {
        let request = format!(
            "POST /api/v1/bookings/reserve HTTP/1.1\r\n{hosts}content-length: {}\r\n\r\n{body}",
            body.len()
        );
        let mut stream = ask(&served, &request).await;
        let answer = read_until(&mut stream, "VALIDATION_ERROR").await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
        assert!(answer.contains("application/problem+json"), "{answer}");
    }
    // Nothing of such bodies is waited for.
    let token = Claims::new(BUYER, "buyer").token();
    for length in ["1000000", "18446744073709551614", "18446744073709551615"] {
        let request = format!(
            "POST /api/v1/bookings/reserve HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n\
             Content-Length: {length}\r\n\r\n{{"
        );
        let mut stream = ask(&served, &request).await;
        let answer = read_until(&mut stream, "PAYLOAD_TOO_LARGE").await;
        assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    }
    // An older client has no such header.
    let mut stream = ask(&served, "GET /health/live HTTP/1.0\r\n\r\n").await;
    let answer = read_until(&mut stream, "live\"}").await;
    assert!(answer.starts_with("HTTP/1.0 200 "), "{answer}");
}
