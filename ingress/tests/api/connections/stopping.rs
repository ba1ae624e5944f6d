//! Slow readers get their answers whole, also of a server that stops.

use std::time::Duration;

use http_body_util::BodyExt as _;
use onsale_ingress::IngressConfig;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio_rustls::rustls::version::TLS13;

use super::unread::get_for;
use super::{LARGE, ask, get, http2, impatient, read_until, served};
use crate::server::{Served, serve_on};
use crate::tls::Pair;

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

/// TLS keeps the end of an answer that is no longer in progress. The server's system takes so little of it
/// that most stays there until the client reads.
#[tokio::test]
async fn a_reader_that_takes_its_time_gets_the_end_that_tls_keeps() {
    let pair = Pair::new();
    let socket = TcpSocket::new_v4().unwrap();
    // A connection has what the socket has that accepts it.
    socket.set_send_buffer_size(8 << 10).unwrap();
    socket.bind(([127, 0, 0, 1], 0).into()).unwrap();
    let served = serve_on(socket.listen(8).unwrap(), pair.world(patient).await);
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
        // Until the server waits for the client again: otherwise the client may have read all that TLS keeps before
        // the server gets to its last piece.
        tokio::time::sleep(Duration::from_millis(5)).await;
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
