//! Clients that take too much: of connections, of time, of memory.

use axum::body::Body;
use http_body_util::BodyExt as _;
use hyper_util::rt::{TokioExecutor, TokioIo};
use onsale_ingress::IngressConfig;
use onsale_schemas::UserId;
use serde_json::json;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio_rustls::rustls::version::TLS13;

use crate::server::{Served, reserve_request, serve, until_metrics_say};
use crate::support::{BUYER, Claims, EVENT, SHOW, World};
use crate::tls::Pair;

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

#[tokio::test]
async fn a_client_that_takes_nothing_of_an_answer_is_closed() {
    let served = served(impatient).await;
    let stream = ask(&served, &get(LARGE)).await;
    until_metrics_say(&served.world, "http_connections_stalled_total 1").await;
    until_metrics_say(&served.world, "http_connections_open 0").await;
    until_metrics_say(&served.world, "http_answers_unsent_bytes 0").await;
    drop(stream);
}

#[tokio::test]
async fn a_client_that_takes_nothing_of_an_answer_is_closed_over_tls_too() {
    let pair = Pair::new();
    let served = pair.serve(impatient).await;
    let mut stream = pair.connect(&served, &TLS13, &["http/1.1"]).await.unwrap();
    stream.write_all(get(LARGE).as_bytes()).await.unwrap();
    until_metrics_say(&served.world, "http_connections_stalled_total 1").await;
    until_metrics_say(&served.world, "http_connections_open 0").await;
    drop(stream);
}

#[tokio::test]
async fn a_client_that_takes_too_little_of_an_answer_is_closed() {
    let served = served(|config| {
        config.http.write_timeout_ms = 300;
        config.http.write_rate_min_bytes_per_second = 1 << 20;
    })
    .await;
    let mut stream = ask(&served, &get(LARGE)).await;
    // A byte is taken now and then; the connection ends before the answer does.
    let mut read = 0;
    let mut byte = [0; 1];
    while let Ok(1..) = stream.read(&mut byte).await {
        read += 1;
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        if served
            .world
            .metrics()
            .await
            .contains("http_connections_stalled_total 1")
        {
            break;
        }
    }
    assert!(read > 0);
    until_metrics_say(&served.world, "http_connections_stalled_total 1").await;
    until_metrics_say(&served.world, "http_connections_open 0").await;
}

/// The window of HTTP/2 stays shut: the connection is writable all the time, the stream is not.
#[tokio::test]
async fn a_stream_that_is_given_no_window_is_closed() {
    let served = served(impatient).await;
    let stream = connect(&served).await;
    let (mut sender, connection) = hyper::client::conn::http2::Builder::new(TokioExecutor::new())
        .initial_stream_window_size(0)
        .handshake(TokioIo::new(stream))
        .await
        .unwrap();
    tokio::spawn(connection);
    for path in ["/health/live", LARGE] {
        let request = http::Request::builder()
            .uri(format!("http://x{path}"))
            .body(Body::empty())
            .unwrap();
        let response = sender.send_request(request).await.unwrap();
        assert_eq!(response.status(), 200);
        // Ends with an error, not with the body: the test would hang otherwise.
        tokio::spawn(async move { response.into_body().collect().await.unwrap_err() });
    }
    until_metrics_say(&served.world, "http_connections_stalled_total 1").await;
    until_metrics_say(&served.world, "http_connections_open 0").await;
    until_metrics_say(&served.world, "http_answers_unsent_bytes 0").await;
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

async fn get_for(
    sender: &mut Http2,
    client: &str,
    path: &str,
) -> http::Response<hyper::body::Incoming> {
    let request = http::Request::builder()
        .uri(format!("http://x{path}"))
        .header("x-forwarded-for", client)
        .body(Body::empty())
        .unwrap();
    sender.send_request(request).await.unwrap()
}

/// Behind a proxy the streams of one connection are those of many buyers.
#[tokio::test]
async fn a_stream_that_is_not_read_is_reset_and_the_others_go_on() {
    let served = served(|config| {
        impatient(config);
        config.http.trusted_proxies = 1;
    })
    .await;
    let mut sender = http2(&served).await;
    let slow = get_for(&mut sender, "203.0.113.1", LARGE).await;
    let mut quiet = get_for(&mut sender, "203.0.113.2", &stream_path()).await;
    quiet.body_mut().frame().await.unwrap().unwrap();
    loop {
        let other = get_for(&mut sender, "203.0.113.3", "/health/live").await;
        assert_eq!(other.status(), 200);
        other.into_body().collect().await.unwrap();
        let metrics = served.world.metrics().await;
        if metrics.contains("http_streams_stalled_total 1") {
            break;
        }
    }
    until_metrics_say(&served.world, "http_answers_unsent_bytes 0").await;
    slow.into_body().collect().await.unwrap_err();
    // A large answer that is read comes whole, on the same connection.
    let whole = get_for(&mut sender, "203.0.113.1", LARGE).await;
    let length = whole.headers()["content-length"].to_str().unwrap().parse();
    let read = whole.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(Ok(read.len()), length);
    let metrics = served.world.metrics().await;
    assert!(metrics.contains("http_connections_stalled_total 0"));
    assert!(metrics.contains("http_connections_open 1"));
    assert!(metrics.contains("availability_stream_readers 1"));
}

/// A frame of HTTP/2.
fn frame(kind: u8, stream: u8, payload: &[u8]) -> Vec<u8> {
    let [.., length] = payload.len().to_be_bytes();
    [&[0, 0, length, kind, 0, 0, 0, 0, stream], payload].concat()
}

#[tokio::test]
async fn frames_that_ask_for_nothing_are_read_slowly_and_requests_are_not() {
    const FRAMES: usize = 20_000;
    const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    let served = served(|_| {}).await;
    for (number, flood) in [
        (1, frame(6, 0, &[7; 8])),
        (2, frame(4, 0, &[])),
        (3, frame(2, 1, &[0, 0, 0, 0, 1])),
        (4, frame(0xbe, 0, &[7; 8])),
    ] {
        let mut stream = connect(&served).await;
        let sent = [PREFACE, &frame(4, 0, &[]), &flood.repeat(FRAMES)].concat();
        let (mut reading, mut writing) = stream.split();
        let sending = async {
            writing.write_all(&sent).await.unwrap();
            std::future::pending::<()>().await;
        };
        let slowed = format!("http_connections_slowed_total {number}");
        tokio::select! {
            () = sending => {}
            () = until_closed(&mut reading) => panic!("closed while flood {number} went on"),
            () = until_metrics_say(&served.world, &slowed) => {}
        }
    }
    let mut sender = http2(&served).await;
    for _ in 0..1_000 {
        let answer = get_for(&mut sender, "203.0.113.1", "/health/live").await;
        answer.into_body().collect().await.unwrap();
    }
    let whole = get_for(&mut sender, "203.0.113.1", LARGE).await;
    whole.into_body().collect().await.unwrap();
    let metrics = served.world.metrics().await;
    assert!(metrics.contains("http_connections_slowed_total 4"));
}

#[tokio::test]
async fn a_stream_with_nothing_to_tell_stays() {
    let served = served(impatient).await;
    let mut quiet = ask(&served, &get(&stream_path())).await;
    read_until(&mut quiet, "event: state").await;
    // By the time that this one is closed the other one has been quiet for as long.
    let _stalled = ask(&served, &get(LARGE)).await;
    until_metrics_say(&served.world, "http_connections_stalled_total 1").await;
    until_metrics_say(&served.world, "availability_stream_readers 1").await;
    served.stop.notify_one();
    // Its last word reaches it.
    read_until(&mut quiet, "event: closed").await;
    served.server.await.unwrap().unwrap();
}

/// Reads the head of an answer; the bytes of its body that are to come.
async fn left_behind_head(stream: &mut (impl AsyncRead + Unpin)) -> usize {
    let head = read_until(stream, "\r\n\r\n").await;
    let length: usize = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "))
        .unwrap()
        .parse()
        .unwrap();
    length + head.find("\r\n\r\n").unwrap() + 4 - head.len()
}

#[tokio::test]
async fn a_reader_that_takes_its_time_gets_the_whole_answer() {
    let served = served(impatient).await;
    let mut stream = ask(&served, &get(LARGE)).await;
    let mut left = left_behind_head(&mut stream).await;
    let mut chunk = vec![0; 65_536];
    while left > 0 {
        // Slow, but above the lowest rate.
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        let read = stream.read(&mut chunk).await.unwrap();
        assert_ne!(read, 0, "{left} bytes are missing");
        left -= read;
    }
    let metrics = served.world.metrics().await;
    assert!(metrics.contains("http_connections_stalled_total 0"));
}

/// The drain would last as long as the test.
fn patient(config: &mut IngressConfig) {
    config.http.write_timeout_ms = 300_000;
    config.http.drain_timeout_ms = 600_000;
}

/// A client whose system keeps little of what it has not read.
async fn connect_narrow(served: &Served) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(16 << 10).unwrap();
    socket.connect(served.address).await.unwrap()
}

/// Asks the server to stop and waits until it has noticed.
async fn stopping(served: &Served) {
    served.stop.notify_one();
    while TcpStream::connect(served.address).await.is_ok() {
        tokio::task::yield_now().await;
    }
}

async fn has_come_whole(mut stream: impl AsyncRead + Unpin, left: usize, served: Served) {
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).await.unwrap();
    assert_eq!(rest.len(), left);
    served.server.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_reader_that_takes_its_time_gets_the_whole_answer_of_a_server_that_stops() {
    let served = served(patient).await;
    let mut stream = connect_narrow(&served).await;
    stream.write_all(get(LARGE).as_bytes()).await.unwrap();
    let left = left_behind_head(&mut stream).await;
    stopping(&served).await;
    assert!(!served.server.is_finished());
    has_come_whole(stream, left, served).await;
}

/// TLS keeps the end of an answer that is no longer in progress.
#[tokio::test]
async fn a_reader_that_takes_its_time_gets_the_end_that_tls_keeps() {
    let pair = Pair::new();
    let served = pair.serve(patient).await;
    let stream = connect_narrow(&served).await;
    let stream = pair.connect_over(stream, &TLS13, &["http/1.1"]).await;
    let mut stream = stream.unwrap();
    stream.write_all(get(LARGE).as_bytes()).await.unwrap();
    let mut left = left_behind_head(&mut stream).await;
    while !served
        .world
        .metrics()
        .await
        .contains("http_answers_unsent_bytes 0\n")
    {
        left -= stream.read(&mut [0; 4_096]).await.unwrap();
    }
    assert!(left > 0);
    stopping(&served).await;
    assert!(!served.server.is_finished());
    has_come_whole(stream, left, served).await;
}

#[tokio::test]
async fn a_stream_that_is_read_slowly_comes_whole_from_a_server_that_stops() {
    let served = served(patient).await;
    let mut sender = http2(&served).await;
    let mut answer = get_for(&mut sender, "203.0.113.1", LARGE).await;
    let length = answer.headers()["content-length"].to_str().unwrap().parse();
    stopping(&served).await;
    assert!(!served.server.is_finished());
    let mut read = 0;
    while let Some(frame) = answer.body_mut().frame().await {
        read += frame.unwrap().into_data().unwrap().len();
        tokio::task::yield_now().await;
    }
    assert_eq!(Ok(read), length);
    served.server.await.unwrap().unwrap();
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
