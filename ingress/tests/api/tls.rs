//! TLS in front of HTTP, over real connections.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use onsale_ingress::{Ingress, IngressConfig};
use onsale_settings::Secret;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{
    ClientConfig, ProtocolVersion, RootCertStore, SupportedProtocolVersion,
};

use crate::server::{Served, reserve_request, serve, until_metrics_say};
use crate::support::{SECRET, Script, World};

const NAME: &str = "tickets.example";
const LIVE: &[u8] = b"GET /health/live HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";

/// A self-signed certificate and its key as files.
pub(crate) struct Pair {
    folder: TempDir,
    certificate: CertificateDer<'static>,
}

impl Pair {
    pub(crate) fn new() -> Self {
        let made = rcgen::generate_simple_self_signed([NAME.to_owned()]).unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("tls.pem"), made.cert.pem()).unwrap();
        std::fs::write(
            folder.path().join("tls.key"),
            made.signing_key.serialize_pem(),
        )
        .unwrap();
        Self {
            certificate: made.cert.der().clone(),
            folder,
        }
    }

    fn certificate_file(&self) -> PathBuf {
        self.folder.path().join("tls.pem")
    }

    fn key_file(&self) -> PathBuf {
        self.folder.path().join("tls.key")
    }

    pub(crate) async fn serve(&self, change: impl FnOnce(&mut IngressConfig)) -> Served {
        serve(self.world(change).await).await
    }

    /// A world whose server speaks TLS with this certificate.
    pub(crate) async fn world(&self, change: impl FnOnce(&mut IngressConfig)) -> World {
        World::with(|config| {
            config.http.tls_certificate_file = Some(self.certificate_file());
            config.http.tls_key_file = Some(self.key_file());
            change(config);
        })
        .await
    }

    pub(crate) async fn connect(
        &self,
        served: &Served,
        version: &'static SupportedProtocolVersion,
        alpn: &[&str],
    ) -> io::Result<TlsStream<TcpStream>> {
        let stream = TcpStream::connect(served.address).await.unwrap();
        self.connect_over(stream, version, alpn).await
    }

    pub(crate) async fn connect_over(
        &self,
        stream: TcpStream,
        version: &'static SupportedProtocolVersion,
        alpn: &[&str],
    ) -> io::Result<TlsStream<TcpStream>> {
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate.clone()).unwrap();
        let mut client = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(&[version])
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        client.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
        let name = ServerName::try_from(NAME).unwrap();
        TlsConnector::from(Arc::new(client))
            .connect(name, stream)
            .await
    }

    /// Asks for something over HTTP/1.1 and TLS 1.3.
    async fn ask(&self, served: &Served, request: &[u8]) -> String {
        let mut stream = self.connect(served, &TLS13, &["http/1.1"]).await.unwrap();
        stream.write_all(request).await.unwrap();
        let mut answer = String::new();
        // An end without close_notify would be an error here.
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }
}

#[tokio::test]
async fn http1_is_spoken_over_tls_1_3() {
    let pair = Pair::new();
    let served = pair.serve(|_| {}).await;
    let stream = pair.connect(&served, &TLS13, &["http/1.1"]).await.unwrap();
    let (_, tls) = stream.get_ref();
    assert_eq!(tls.protocol_version(), Some(ProtocolVersion::TLSv1_3));
    assert_eq!(tls.alpn_protocol(), Some(&b"http/1.1"[..]));
    let answer = pair.ask(&served, LIVE).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(
        answer.contains("strict-transport-security: max-age=31536000"),
        "{answer}"
    );
}

#[tokio::test]
async fn http2_is_preferred_over_tls() {
    let pair = Pair::new();
    let served = pair.serve(|_| {}).await;
    let stream = pair
        .connect(&served, &TLS13, &["http/1.1", "h2"])
        .await
        .unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let io = hyper_util::rt::TokioIo::new(stream);
    let executor = hyper_util::rt::TokioExecutor::new();
    let (mut sender, connection) = hyper::client::conn::http2::handshake(executor, io)
        .await
        .unwrap();
    tokio::spawn(connection);
    let request = http::Request::builder()
        .uri(format!("https://{NAME}/health/live"))
        .body(axum::body::Body::empty())
        .unwrap();
    let response = sender.send_request(request).await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(response.version(), http::Version::HTTP_2);
}

#[tokio::test]
async fn tls_1_2_is_refused_and_the_server_goes_on() {
    let pair = Pair::new();
    let served = pair.serve(|_| {}).await;
    let refused = pair.connect(&served, &TLS12, &["http/1.1"]).await;
    let error = refused.unwrap_err().to_string();
    assert!(error.contains("ProtocolVersion"), "{error}");
    until_metrics_say(&served.world, "http_tls_handshake_failures_total 1").await;
    let answer = pair.ask(&served, LIVE).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[tokio::test]
async fn plain_http_to_the_tls_port_is_dropped_at_once() {
    let pair = Pair::new();
    // Not the time-out is to end it.
    let served = pair
        .serve(|config| config.http.header_timeout_ms = 300_000)
        .await;
    let mut stream = TcpStream::connect(served.address).await.unwrap();
    stream.write_all(LIVE).await.unwrap();
    let mut answer = Vec::new();
    // Ends, with an alert or a reset: the test would hang otherwise.
    let _ = stream.read_to_end(&mut answer).await;
    assert!(!answer.starts_with(b"HTTP/"), "{answer:?}");
    until_metrics_say(&served.world, "http_tls_handshake_failures_total 1").await;
    until_metrics_say(&served.world, "http_connections_open 0").await;
    let answer = pair.ask(&served, LIVE).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[tokio::test]
async fn a_handshake_that_does_not_come_ends_the_connection() {
    let pair = Pair::new();
    let served = pair
        .serve(|config| config.http.header_timeout_ms = 100)
        .await;
    let mut stream = TcpStream::connect(served.address).await.unwrap();
    // Ends, with whatever: the test would hang otherwise.
    let _ = stream.read_to_end(&mut Vec::new()).await;
    until_metrics_say(&served.world, "http_tls_handshake_failures_total 1").await;
}

#[tokio::test]
async fn a_client_that_says_nothing_after_the_handshake_does_not_keep_its_place() {
    let pair = Pair::new();
    let served = pair
        .serve(|config| config.http.header_timeout_ms = 1_000)
        .await;
    for alpn in [&["h2"][..], &["http/1.1"], &[]] {
        let mut stream = pair.connect(&served, &TLS13, alpn).await.unwrap();
        // Ends, with whatever: the test would hang otherwise.
        let _ = stream.read_to_end(&mut Vec::new()).await;
    }
    let text = served.world.metrics().await;
    assert!(
        text.contains("http_tls_handshake_failures_total 0"),
        "{text}"
    );
}

#[tokio::test]
async fn the_drain_waits_for_requests_and_not_for_handshakes() {
    let pair = Pair::new();
    let served = pair
        .serve(|config| {
            config.http.header_timeout_ms = 300_000;
            config.http.drain_timeout_ms = 600_000;
        })
        .await;
    let silent = TcpStream::connect(served.address).await.unwrap();
    until_metrics_say(&served.world, "http_connections_open 1").await;
    served.world.log.next(Script::Hold);
    let mut stream = pair.connect(&served, &TLS13, &["http/1.1"]).await.unwrap();
    stream
        .write_all(reserve_request().as_bytes())
        .await
        .unwrap();
    while served.world.log.seen().is_empty() {
        tokio::task::yield_now().await;
    }
    served.stop.notify_one();
    until_metrics_say(&served.world, "http_connections_open 1").await;
    assert!(!served.server.is_finished());
    served.world.log.release();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
    served.server.await.unwrap().unwrap();
    drop(silent);
}

/// What an ingress says that cannot be made with these two files.
async fn refusal(certificate: Option<&Path>, key: Option<&Path>) -> String {
    let world = World::new().await;
    let mut config = IngressConfig::default();
    config.auth.hs256_secret = Some(Secret::new(SECRET));
    config.http.tls_certificate_file = certificate.map(Path::to_owned);
    config.http.tls_key_file = key.map(Path::to_owned);
    Ingress::new(
        config,
        world.log.clone(),
        world.store.clone(),
        world.operations.clone(),
        world.clock.clone(),
        prometheus::Registry::new(),
    )
    .err()
    .unwrap()
    .to_string()
}

#[tokio::test]
async fn one_file_without_the_other_is_a_problem_of_the_missing_one() {
    let pair = Pair::new();
    let error = refusal(Some(&pair.certificate_file()), None).await;
    assert_eq!(
        error,
        "configuration: http.tls_key_file = (not set): \
         expected a PEM file, as http.tls_certificate_file is set"
    );
    let error = refusal(None, Some(&pair.key_file())).await;
    assert_eq!(
        error,
        "configuration: http.tls_certificate_file = (not set): \
         expected a PEM file, as http.tls_key_file is set"
    );
}

#[tokio::test]
async fn files_that_are_no_good_are_named() {
    let (pair, other) = (Pair::new(), Pair::new());
    let (certificate, key) = (pair.certificate_file(), pair.key_file());
    let absent = pair.folder.path().join("absent.pem");
    let empty = pair.folder.path().join("empty.pem");
    std::fs::write(&empty, "").unwrap();
    for (certificate, key, expected) in [
        (
            &absent,
            &key,
            format!("cannot read the TLS file {}: ", absent.display()),
        ),
        (
            &certificate,
            &absent,
            format!("cannot read the TLS file {}: ", absent.display()),
        ),
        (
            &empty,
            &key,
            format!("{} holds no certificate in PEM: ", empty.display()),
        ),
        (
            &key,
            &key,
            format!("{} holds no certificate in PEM: ", key.display()),
        ),
        (
            &certificate,
            &certificate,
            format!("{} holds no private key in PEM: ", certificate.display()),
        ),
        (
            &certificate,
            &other.key_file(),
            format!(
                "the certificate in {} with the key in {}: ",
                certificate.display(),
                other.key_file().display()
            ),
        ),
    ] {
        let error = refusal(Some(certificate), Some(key)).await;
        assert!(error.starts_with(&expected), "{error}");
    }
}
