//! The event loop over TLS, against a small server with certificates of an authority of its own.
#![expect(clippy::unwrap_used, reason = "a panic is how a test reports")]

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use onsale_load::{
    Answer, Control, Draft, DriveSettings, LoadError, Method, Op, Pace, Scenario, Schedule, Stop,
    Target, Users, Who, drive,
};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::rustls::{ServerConfig, ServerConnection, StreamOwned};

/// After so many answers the server closes the connection.
const ANSWERS_PER_CONNECTION: u32 = 7;

fn authority(name: &str) -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// A server with a certificate for 127.0.0.1; its port, and the file of its authority.
fn server(folder: &Path) -> (u16, std::path::PathBuf) {
    let authority = authority("of the server");
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(["127.0.0.1".to_owned()]).unwrap();
    let certificate = certificate.signed_by(&key, &authority).unwrap();
    let ca_file = folder.join("ca.pem");
    std::fs::write(&ca_file, authority.pem()).unwrap();
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let session = ServerConnection::new(Arc::clone(&config)).unwrap();
            std::thread::spawn(move || serve(session, stream.unwrap()));
        }
    });
    (port, ca_file)
}

fn serve(session: ServerConnection, socket: TcpStream) {
    let mut stream = StreamOwned::new(session, socket);
    let mut bytes = [0; 4_096];
    let mut head = Vec::new();
    let mut answers = 0;
    while answers < ANSWERS_PER_CONNECTION {
        let Ok(length @ 1..) = stream.read(&mut bytes) else {
            return;
        };
        head.extend_from_slice(&bytes[..length]);
        if !head.ends_with(b"\r\n\r\n") && !head.ends_with(b"}") {
            continue;
        }
        head.clear();
        answers += 1;
        // In two records, so that an answer is read in parts.
        for part in [
            "HTTP/1.1 201 Created\r\ncontent-length: 11\r\n\r\n",
            "{\"data\":{}}",
        ] {
            if stream.write_all(part.as_bytes()).is_err() {
                return;
            }
        }
    }
    stream.conn.send_close_notify();
    let _ = stream.flush();
}

struct One;

impl Scenario for One {
    fn next(&mut self, draft: &mut Draft) {
        draft.begin(Op::Reserve, Method::Post, Who::User(0));
        draft.path.push_str("/x");
        draft.body.push_str("{}");
        draft.places = 1;
    }

    fn answered(&mut self, _draft: &Draft, _answer: Option<&Answer<'_>>) {}
}

#[test]
fn requests_go_over_tls_and_connections_that_end_are_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let (port, ca_file) = server(folder.path());
    let url = format!("https://127.0.0.1:{port}");
    let target = Target::parse_trusting(&url, Some(&ca_file)).unwrap();
    let control = Control::new(target.clone(), String::new());
    assert!(control.get("/x").unwrap().is_object());
    let settings = DriveSettings {
        target,
        pace: Pace::Open(Schedule::constant(300, Duration::from_secs(1))),
        warm_up: Duration::ZERO,
        connections: 4,
        timeout: Duration::from_secs(30),
        history: None,
    };
    let users = Users::plain(1, "x-user");
    let scenarios: Vec<Box<dyn Scenario>> = vec![Box::new(One)];
    let driven = drive(&settings, &users, scenarios, &Stop::default(), &mut |_| {}).unwrap();
    // A request that meets the end of its connection has no answer; no other is lost.
    let answered = driven.tally.granted();
    assert_eq!(answered + driven.tally.not_granted(), 300);
    assert!(answered >= 200, "{answered}");
}

#[test]
fn a_server_that_nobody_vouches_for_is_not_asked() {
    let folder = tempfile::tempdir().unwrap();
    let (port, ca_file) = server(folder.path());
    let stranger = folder.path().join("stranger.pem");
    std::fs::write(&stranger, authority("a stranger").pem()).unwrap();
    let refused = |url: &str, ca_file: &Path| {
        let target = Target::parse_trusting(url, Some(ca_file)).unwrap();
        let error = Control::new(target, String::new()).get("/x").unwrap_err();
        assert!(error.is_reach(), "{error}");
        assert!(matches!(error, LoadError::Tls { .. }), "{error}");
        error.to_string()
    };
    let right = format!("https://127.0.0.1:{port}");
    let error = refused(&right, &stranger);
    assert!(error.contains("--ca FILE"), "{error}");
    let error = refused(&format!("https://localhost:{port}"), &ca_file);
    assert!(
        error.contains("a name that is in its certificate"),
        "{error}"
    );
    // One that speaks plainly.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let plain = format!("https://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let _ = stream
                .unwrap()
                .write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
        }
    });
    let error = refused(&plain, &ca_file);
    assert!(error.contains("ask it by http://"), "{error}");
}
