//! Over real connections.

use std::sync::Arc;

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

use crate::support::{BUYER, Claims, SHOW, Script, World};

pub(crate) struct Served {
    pub(crate) world: World,
    pub(crate) address: std::net::SocketAddr,
    pub(crate) stop: Arc<Notify>,
    pub(crate) server: tokio::task::JoinHandle<std::io::Result<()>>,
}

pub(crate) async fn serve(world: World) -> Served {
    serve_on(TcpListener::bind("127.0.0.1:0").await.unwrap(), world)
}

pub(crate) fn serve_on(listener: TcpListener, world: World) -> Served {
    let address = listener.local_addr().unwrap();
    let stop = Arc::new(Notify::new());
    let (ingress, stopped) = (world.ingress.clone(), stop.clone());
    let server = tokio::spawn(async move {
        ingress
            .serve(listener, async move { stopped.notified().await })
            .await
    });
    Served {
        world,
        address,
        stop,
        server,
    }
}

pub(crate) fn reserve_request() -> String {
    let token = Claims::new(BUYER, "buyer").token();
    let body = json!({"show_id": SHOW, "seats": ["B-L"]}).to_string();
    format!(
        "POST /api/v1/bookings/reserve HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

async fn read_to_end(stream: &mut TcpStream) -> String {
    let mut text = Vec::new();
    stream.read_to_end(&mut text).await.unwrap();
    String::from_utf8(text).unwrap()
}

/// Waits until the metrics have this line.
pub(crate) async fn until_metrics_say(world: &World, line: &str) {
    loop {
        let text = world.metrics().await;
        if text.lines().any(|found| found == line) {
            return;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn what_is_in_flight_finishes_before_the_server_stops() {
    let served = serve(World::new().await).await;
    served.world.log.next(Script::Hold);
    let mut stream = TcpStream::connect(served.address).await.unwrap();
    stream
        .write_all(reserve_request().as_bytes())
        .await
        .unwrap();
    while served.world.log.seen().is_empty() {
        tokio::task::yield_now().await;
    }
    served.stop.notify_one();
    // No connection is accepted any more; the port is closed once the server has noticed.
    while TcpStream::connect(served.address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    assert!(!served.server.is_finished());
    served.world.log.release();
    let answer = read_to_end(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
    served.server.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_head_that_does_not_come_ends_the_connection() {
    let world = World::with(|config| config.http.header_timeout_ms = 100).await;
    let served = serve(world).await;
    let mut stream = TcpStream::connect(served.address).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nhost:").await.unwrap();
    // Ends, with whatever: the test would hang otherwise.
    let _ = read_to_end(&mut stream).await;
}

#[tokio::test]
async fn a_client_that_says_nothing_does_not_keep_its_place() {
    let world = World::with(|config| config.http.header_timeout_ms = 100).await;
    let served = serve(world).await;
    let mut stream = TcpStream::connect(served.address).await.unwrap();
    assert_eq!(read_to_end(&mut stream).await, "");
}

#[tokio::test]
async fn a_client_that_stops_before_its_protocol_is_known_does_not_keep_its_place() {
    let world = World::with(|config| config.http.header_timeout_ms = 100).await;
    let served = serve(world).await;
    for beginning in ["P", "PRI * HTTP/2.0\r\n"] {
        let mut stream = TcpStream::connect(served.address).await.unwrap();
        stream.write_all(beginning.as_bytes()).await.unwrap();
        read_to_end(&mut stream).await;
    }
}

#[tokio::test]
async fn a_body_that_does_not_come_is_answered_408() {
    let world = World::with(|config| config.http.body_timeout_ms = 100).await;
    let served = serve(world).await;
    let mut stream = TcpStream::connect(served.address).await.unwrap();
    let request = reserve_request();
    let cut = &request[..request.len() - 5];
    stream.write_all(cut.as_bytes()).await.unwrap();
    let answer = read_to_end(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    assert!(answer.contains("REQUEST_TIMEOUT"), "{answer}");
    assert!(served.world.log.seen().is_empty());
}

/// Whoever asks for nothing whole is not waited for; the drain would last as long as the test.
async fn stops_beside(beginning: &[u8], until: &str) {
    let world = World::with(|config| {
        config.http.header_timeout_ms = 300_000;
        config.http.body_timeout_ms = 300_000;
        config.http.drain_timeout_ms = 600_000;
    })
    .await;
    let served = serve(world).await;
    let mut stream = TcpStream::connect(served.address).await.unwrap();
    stream.write_all(beginning).await.unwrap();
    until_metrics_say(&served.world, until).await;
    served.stop.notify_one();
    served.server.await.unwrap().unwrap();
    drop(stream);
}

#[tokio::test]
async fn half_a_head_does_not_hold_the_stop() {
    stops_beside(b"GET / HT", "http_connections_open 1").await;
}

#[tokio::test]
async fn a_silent_connection_of_http2_does_not_hold_the_stop() {
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    stops_beside(preface, "http_connections_open 1").await;
}

#[tokio::test]
async fn half_a_body_does_not_hold_the_stop() {
    let request = reserve_request();
    let cut = &request.as_bytes()[..request.len() - 5];
    stops_beside(cut, "http_connections_open 1").await;
}

#[tokio::test]
async fn http2_is_spoken_without_tls() {
    let served = serve(World::new().await).await;
    let stream = TcpStream::connect(served.address).await.unwrap();
    let io = hyper_util::rt::TokioIo::new(stream);
    let executor = hyper_util::rt::TokioExecutor::new();
    let (mut sender, connection) = hyper::client::conn::http2::handshake(executor, io)
        .await
        .unwrap();
    tokio::spawn(connection);
    let request = http::Request::builder()
        .uri("http://x/health/live")
        .body(axum::body::Body::empty())
        .unwrap();
    let response = sender.send_request(request).await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(response.version(), http::Version::HTTP_2);
}
