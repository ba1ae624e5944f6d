//! Operators' verbs against a server that speaks TLS, with a certificate of an authority of our own.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use serde_json::Value;

use crate::postgres::Database;
use crate::support::{Server, onsale};

/// Far more than two nodes take to hear of each other, even on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// Certificate, key and authority as files.
struct Files {
    folder: tempfile::TempDir,
}

impl Files {
    /// Of a server that is asked by these names.
    fn new(names: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut authority = CertificateParams::new(Vec::new()).unwrap();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority =
            CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
        let key = KeyPair::generate().unwrap();
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let server = CertificateParams::new(names).unwrap();
        let server = server.signed_by(&key, &authority).unwrap();
        let files = Self { folder };
        std::fs::write(files.certificate(), server.pem()).unwrap();
        std::fs::write(files.key(), key.serialize_pem()).unwrap();
        std::fs::write(files.ca(), authority.pem()).unwrap();
        files
    }

    fn certificate(&self) -> PathBuf {
        self.folder.path().join("tls.pem")
    }

    fn key(&self) -> PathBuf {
        self.folder.path().join("tls.key")
    }

    fn ca(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// The variables of a server with this certificate.
    fn variables(&self) -> [(String, String); 2] {
        let text = |path: PathBuf| path.to_str().unwrap().to_owned();
        [
            (
                "ONSALE_HTTP__TLS_CERTIFICATE_FILE".to_owned(),
                text(self.certificate()),
            ),
            ("ONSALE_HTTP__TLS_KEY_FILE".to_owned(), text(self.key())),
        ]
    }
}

/// A verb with these variables; (exit code, both outputs).
fn verb(
    data: &Path,
    port: u16,
    variables: &[(String, String)],
    args: &[&str],
) -> (Option<i32>, String) {
    let output = onsale(data, port, variables).args(args).output().unwrap();
    let mut text = String::from_utf8(output.stdout).unwrap();
    text.push_str(std::str::from_utf8(&output.stderr).unwrap());
    (output.status.code(), text)
}

#[tokio::test]
async fn verbs_ask_a_server_that_speaks_tls() {
    let files = Files::new(&["127.0.0.1"]);
    let folder = tempfile::tempdir().unwrap();
    let variables = files.variables();
    let server = Server::start_over_tls(folder.path(), &variables, &files.ca()).await;
    let data = folder.path();
    let ca = files.ca();
    let ca = ca.to_str().unwrap();
    let verb = |variables: &[(String, String)], args: &[&str]| {
        let (code, text) = verb(data, server.port, variables, args);
        (code, text)
    };
    let https = format!("https://127.0.0.1:{}", server.port);

    // Without --ca the authority is unknown; the message says what to do.
    let (code, text) = verb(&variables, &["status"]);
    assert_eq!(code, Some(3), "{text}");
    assert!(text.contains("--ca") && text.contains(&https), "{text}");

    let (code, text) = verb(&variables, &["status", "--ca", ca]);
    assert_eq!(code, Some(0), "{text}");
    let (code, text) = verb(&[], &["status", "--server", &https, "--ca", ca]);
    assert_eq!(code, Some(0), "{text}");
    let by_variable = [("ONSALE_CA".to_owned(), ca.to_owned())];
    let (code, text) = verb(&by_variable, &["snapshot", "create", "--server", &https]);
    assert_eq!(code, Some(0), "{text}");
    let mut configured = variables.to_vec();
    configured.push(("ONSALE_HTTP__TLS_CA_FILE".to_owned(), ca.to_owned()));
    let (code, text) = verb(&configured, &["status"]);
    assert_eq!(code, Some(0), "{text}");
    let (code, text) = verb(&configured, &["doctor"]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains(&format!("ready at {https}")), "{text}");
    let (_, text) = verb(&variables, &["doctor"]);
    assert!(text.contains("--ca"), "{text}");

    // Asked in the wrong way.
    let http = https.replace("https", "http");
    let (code, text) = verb(&[], &["status", "--server", &http]);
    assert_eq!(code, Some(3), "{text}");
    assert!(text.contains("https://"), "{text}");
    let (code, text) = verb(&[], &["status", "--server", &https, "--ca", "nowhere.pem"]);
    assert_eq!(code, Some(2), "{text}");
    assert!(text.contains("nowhere.pem"), "{text}");
    let key = files.key();
    let (code, text) = verb(&[], &["status", "--ca", key.to_str().unwrap()]);
    assert_eq!(code, Some(2), "{text}");
    assert!(text.contains("certificate"), "{text}");
    // Load goes the same way, and to nobody unknown.
    let load = [
        "load",
        "--scenario",
        "named",
        "--duration",
        "1",
        "--rate",
        "20",
    ];
    let (code, text) = verb(&configured, &load);
    assert_eq!(code, Some(0), "{text}");
    let (code, text) = verb(&variables, &load);
    assert_eq!(code, Some(3), "{text}");
    assert!(text.contains("--ca") && text.contains("by TLS"), "{text}");
}

#[tokio::test]
async fn a_certificate_of_another_name_is_refused() {
    let files = Files::new(&["127.0.0.1"]);
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start_over_tls(folder.path(), &files.variables(), &files.ca()).await;
    let ca = files.ca();
    let url = format!("https://localhost:{}", server.port);
    let args = ["status", "--server", &url, "--ca", ca.to_str().unwrap()];
    let (code, text) = verb(folder.path(), server.port, &[], &args);
    assert_eq!(code, Some(3), "{text}");
    assert!(text.contains("another name"), "{text}");
}

/// Nodes among each other, each a process of its own.
#[tokio::test]
async fn nodes_ask_each_other_over_tls() {
    let Ok(brokers) = std::env::var("ONSALE_TEST_KAFKA_BROKERS") else {
        assert!(
            std::env::var_os("CI").is_none(),
            "ONSALE_TEST_KAFKA_BROKERS is not set: run the tests by deploy/test.sh"
        );
        return;
    };
    let files = Files::new(&["127.0.0.1"]);
    let ca = files.ca();
    let database = Database::create();
    let prefix = format!("tls-{}", uuid::Uuid::new_v4().simple());
    let folder = tempfile::tempdir().unwrap();
    let node = async |id: &str, roles: &str| {
        let mut variables = files.variables().to_vec();
        for (name, value) in [
            ("HTTP__TLS_CA_FILE", ca.to_str().unwrap()),
            ("DATABASE__URL", &database.url()),
            ("KAFKA__BROKERS", &brokers),
            ("KAFKA__TOPIC_PREFIX", &prefix),
            ("LOG__PARTITIONS", "2"),
            ("CLUSTER__PROCESSORS", "seats"),
            ("CLUSTER__REPLICAS", "1"),
            ("NODE__ID", id),
            ("NODE__ROLES", roles),
        ] {
            variables.push((format!("ONSALE_{name}"), value.to_owned()));
        }
        Server::start_over_tls(&folder.path().join(id), &variables, &ca).await
    };
    let seats = node("seats", "processor,projector").await;
    let door = node("door", "ingress").await;
    // Nodes tell of themselves once a second.
    let deadline = Instant::now() + PATIENCE;
    loop {
        let (code, out, err) = door.verb(&["status", "--json"]);
        assert_eq!(code, Some(0), "{out}{err}");
        let status: Value = serde_json::from_str(&out).unwrap();
        let partitions = status.as_array().unwrap();
        if partitions.iter().all(|one| one["owner"] == "seats") {
            break;
        }
        assert!(Instant::now() < deadline, "{status}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    // Through the one that takes requests to the one that has the seats.
    let (code, out, err) = door.verb(&["snapshot", "create"]);
    assert_eq!(code, Some(0), "{out}{err}");
    // Nor does a node without an ingress say anything in the clear.
    let (code, text) = {
        let url = format!("http://127.0.0.1:{}", seats.port);
        let args = ["status", "--server", &url];
        verb(folder.path(), seats.port, &[], &args)
    };
    assert_eq!(code, Some(3), "{text}");
    assert!(text.contains("https://"), "{text}");
}
