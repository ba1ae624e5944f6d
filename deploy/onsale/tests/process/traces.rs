//! Traces are exported where an endpoint is configured.

use std::io::Read;
use std::net::TcpListener;
use std::time::Duration;

use crate::support::Server;

/// How OTLP over gRPC begins on the wire (RFC 9113, 3.4).
const HTTP2_PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// The exporter connects when it has a span to send, so a collector that is spoken to shows that a
/// request became a span.
#[tokio::test]
async fn a_request_reaches_the_collector() {
    let collector = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", collector.local_addr().unwrap());
    let heard = tokio::task::spawn_blocking(move || {
        let (mut stream, _) = collector.accept().unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(60)))
            .unwrap();
        let mut preface = [0; HTTP2_PREFACE.len()];
        stream.read_exact(&mut preface).unwrap();
        preface
    });
    let folder = tempfile::tempdir().unwrap();
    let env = [
        ("ONSALE_TELEMETRY__OTLP_ENDPOINT", endpoint.as_str()),
        ("ONSALE_TELEMETRY__SAMPLING", "1.0"),
        ("OTEL_BSP_SCHEDULE_DELAY", "50"),
    ];
    let server = Server::start_with(folder.path(), &env).await;
    let request = server.http.get(server.url("/events")).header(
        "traceparent",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    );
    assert!(request.send().await.unwrap().status().is_success());
    assert_eq!(heard.await.unwrap(), HTTP2_PREFACE);
}
