//! Clients that do not take their answers.

use axum::body::Body;
use http_body_util::BodyExt as _;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::rustls::version::TLS13;

use super::{
    Http2, LARGE, ask, connect, get, http2, impatient, read_until, served, stream_path,
    until_closed,
};
use crate::server::until_metrics_say;
use crate::tls::Pair;

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

pub(super) async fn get_for(
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
pub(super) fn frame(kind: u8, stream: u8, payload: &[u8]) -> Vec<u8> {
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
