//! A server and its verbs over TLS to PostgreSQL and Redis, each with certificates that both sides verify. The
//! roles of PostgreSQL are those of the compose file.

use std::fs::Permissions;
use std::net::{Ipv4Addr, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair,
};

use crate::kafka_database::brokers;
use crate::postgres::Database;
use crate::support::{Server, SmallShow, free_port, onsale};

const POSTGRES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../services/postgres.sh");
const ROLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../compose/postgres-role.sh");
/// Part of every password here.
const MARK: &str = "s3cret";
/// Far more than a start takes even on a busy machine.
const START_PATIENCE: Duration = Duration::from_secs(60);

/// An authority, and what it signed: a certificate of 127.0.0.1 for a server, and one for a client.
struct Certificates {
    folder: tempfile::TempDir,
}

impl Certificates {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut authority = CertificateParams::new(Vec::new()).unwrap();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        // What has the name of who signed it would count as signed by itself.
        authority
            .distinguished_name
            .push(DnType::CommonName, "authority");
        let authority =
            CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
        let certificates = Self { folder };
        std::fs::write(certificates.file("ca.pem"), authority.pem()).unwrap();
        for name in ["server", "client"] {
            let mut params = CertificateParams::new(["127.0.0.1".to_owned()]).unwrap();
            params.distinguished_name.push(DnType::CommonName, name);
            params.extended_key_usages = vec![
                ExtendedKeyUsagePurpose::ServerAuth,
                ExtendedKeyUsagePurpose::ClientAuth,
            ];
            let key = KeyPair::generate().unwrap();
            let certificate = params.signed_by(&key, &authority).unwrap();
            std::fs::write(certificates.file(&format!("{name}.pem")), certificate.pem()).unwrap();
            let key_file = certificates.file(&format!("{name}.key"));
            std::fs::write(&key_file, key.serialize_pem()).unwrap();
            std::fs::set_permissions(key_file, Permissions::from_mode(0o600)).unwrap();
        }
        certificates
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.file(name)).unwrap()
    }

    /// The settings of a section that verifies the server and shows who it is.
    fn variables(&self, section: &str) -> Vec<(String, String)> {
        let of = |key: &str, file: &str| {
            let file = self.file(file).to_str().unwrap().to_owned();
            (format!("ONSALE_{section}__{key}"), file)
        };
        vec![
            of("TLS_CA_FILE", "ca.pem"),
            of("TLS_CERTIFICATE_FILE", "client.pem"),
            of("TLS_KEY_FILE", "client.key"),
        ]
    }
}

/// A server of PostgreSQL that lets the roles of Onsale in by TLS, certificate and password alone.
struct Postgres {
    folder: tempfile::TempDir,
    port: u16,
}

impl Postgres {
    fn start(certificates: &Certificates) -> Self {
        let server = Self {
            folder: tempfile::tempdir().unwrap(),
            port: free_port(),
        };
        server.script("start");
        server.sql("postgres", "CREATE DATABASE onsale");
        server.create_roles();
        let users = "hostssl all onsale,onsale_owner 127.0.0.1/32 scram-sha-256 clientcert=verify-ca\n\
             host all postgres 127.0.0.1/32 trust\n";
        for (name, text) in [
            ("server.crt", certificates.read("server.pem").as_str()),
            ("server.key", &certificates.read("server.key")),
            ("clients.crt", &certificates.read("ca.pem")),
            ("pg_hba.conf", users),
        ] {
            // Written by the server, as the user that it runs as.
            let text = STANDARD.encode(text);
            server.sql(
                "postgres",
                &format!(
                    "COPY (SELECT '{text}') TO PROGRAM \
                     'base64 -d > {name}.new && chmod 600 {name}.new && mv {name}.new {name}'"
                ),
            );
        }
        for (setting, value) in [
            ("ssl_cert_file", "server.crt"),
            ("ssl_key_file", "server.key"),
            ("ssl_ca_file", "clients.crt"),
            ("ssl", "on"),
        ] {
            server.sql(
                "postgres",
                &format!("ALTER SYSTEM SET {setting} = '{value}'"),
            );
        }
        server.script("stop");
        server.script("start");
        server
    }

    fn script(&self, verb: &str) {
        let done = Command::new(POSTGRES)
            .arg(verb)
            .env("ONSALE_SERVICES_DIR", self.folder.path())
            .env("ONSALE_TEST_POSTGRES_PORT", self.port.to_string())
            .stdout(Stdio::null())
            .status();
        assert!(done.unwrap().success(), "postgres.sh {verb}");
    }

    /// As the compose file does when its database is created.
    fn create_roles(&self) {
        let secrets = tempfile::tempdir().unwrap();
        for role in ["onsale", "onsale_owner"] {
            let file = match role {
                "onsale" => "database-password",
                _ => "database-owner-password",
            };
            std::fs::write(secrets.path().join(file), password(role)).unwrap();
        }
        let done = Command::new("bash")
            .arg(ROLES)
            .env("ONSALE_SECRETS", secrets.path())
            .env("PGHOST", "127.0.0.1")
            .env("PGPORT", self.port.to_string())
            .env("POSTGRES_USER", "postgres")
            .env("POSTGRES_DB", "onsale")
            .status();
        assert!(done.unwrap().success(), "postgres-role.sh");
    }

    /// What a statement of the administrator finds.
    fn sql(&self, database: &str, statement: &str) -> String {
        let url = format!("postgres://postgres@127.0.0.1:{}/{database}", self.port);
        let output = Command::new("psql")
            .args(["-At", "-v", "ON_ERROR_STOP=1", "-d", &url, "-c", statement])
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{said}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    fn url(&self, role: &str) -> (String, String) {
        let (password, port) = (password(role), self.port);
        let url = format!("postgres://{role}:{password}@127.0.0.1:{port}/onsale");
        ("ONSALE_DATABASE__URL".to_owned(), url)
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        let _ = Command::new(POSTGRES)
            .arg("stop")
            .env("ONSALE_SERVICES_DIR", self.folder.path())
            .status();
        // The script has put the data elsewhere where the server's user cannot reach this folder.
        let at = std::fs::read_to_string(self.folder.path().join("location"));
        let at = at
            .map(|path| PathBuf::from(path.trim()))
            .unwrap_or_default();
        if let Some(own) = at.parent().filter(|own| own.starts_with("/tmp")) {
            let _ = std::fs::remove_dir_all(own);
        }
    }
}

fn password(role: &str) -> String {
    format!("{MARK}-of-{}", role.replace('_', "-"))
}

fn mode(mode: &str) -> (String, String) {
    ("ONSALE_DATABASE__TLS_MODE".to_owned(), mode.to_owned())
}

/// (exit code, both outputs) of a verb, which say nothing secret.
fn verb(data: &Path, variables: &[(String, String)], args: &[&str]) -> (Option<i32>, String) {
    let mut command = onsale(data, free_port(), variables);
    let output = command.args(args).output().unwrap();
    let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.push_str(&String::from_utf8_lossy(&output.stderr));
    assert!(!text.contains(MARK), "{args:?}: {text}");
    (output.status.code(), text)
}

fn borrowed(variables: &[(String, String)]) -> Vec<(&str, &str)> {
    variables
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect()
}

#[tokio::test]
async fn a_server_sells_over_tls_as_a_role_that_owns_nothing() {
    let certificates = Certificates::new();
    let postgres = Postgres::start(&certificates);
    let folder = tempfile::tempdir().unwrap();
    let of = |role: &str, tls_mode: &str, more: Vec<(String, String)>| {
        [vec![postgres.url(role), mode(tls_mode)], more].concat()
    };
    let shown = certificates.variables("DATABASE");

    let owner = of("onsale_owner", "verify-full", shown.clone());
    let (code, text) = verb(folder.path(), &owner, &["migrate", "--grant", "onsale"]);
    assert_eq!(code, Some(0), "{text}");
    let mut variables = of("onsale", "verify-full", shown.clone());
    variables.push(("ONSALE_TELEMETRY__FILTER".to_owned(), "trace".to_owned()));
    let server = Server::start_with(folder.path(), &borrowed(&variables)).await;
    let show = SmallShow::open(&server).await;
    show.reserve(&server, &["A-1", "A-2"]).await;
    let connections = postgres.sql(
        "onsale",
        "SELECT bool_and(s.ssl), count(*) > 0 FROM pg_stat_ssl AS s \
         JOIN pg_stat_activity AS a USING (pid) WHERE a.usename = 'onsale'",
    );
    assert_eq!(connections, "t|t", "all of them by TLS");
    let (code, out, err) = server.verb(&["doctor"]);
    assert_eq!(code, Some(0), "{out}{err}");
    for warned in [
        "owns the audit trail",
        "row-level security",
        "keeps entries for",
    ] {
        assert!(!out.contains(warned), "{out}");
    }
    let (code, out, err) = server.verb(&["audit", "verify"]);
    assert_eq!(code, Some(0), "{out}{err}");
    // Nor may it say that less is old enough, and doctor names a server that may.
    let shorter = ("ONSALE_RETENTION__AUDIT_YEARS".to_owned(), "1".to_owned());
    let (code, out, err) = server.verb_with(std::slice::from_ref(&shorter), &["migrate"]);
    assert_eq!(code, Some(0), "{out}{err}");
    assert!(out.contains("only the owner"), "{out}");
    let (_, out, _) = server.verb_with(&[shorter], &["doctor"]);
    assert!(out.contains("keeps entries for 1098 days"), "{out}");
    let (_, out, _) = server.verb_with(&[postgres.url("onsale_owner")], &["doctor"]);
    assert!(
        out.contains("the role onsale_owner owns the audit trail"),
        "{out}"
    );
    let log = server.log();
    assert!(log.contains("TRACE"), "it says everything");
    assert!(!log.contains(MARK), "a password is in the log");
    assert_eq!(server.stop(), Some(0));

    // Each fault is named.
    let stranger = Certificates::new();
    let mut strange = shown.clone();
    strange[0] = stranger.variables("DATABASE").remove(0);
    let unshown = shown[..1].to_vec();
    for (what, variables, said) in [
        (
            "another authority",
            of("onsale", "verify-full", strange),
            "database.tls_ca_file",
        ),
        (
            "no certificate",
            of("onsale", "verify-full", unshown),
            "database",
        ),
        ("no TLS", of("onsale", "disable", Vec::new()), "database"),
    ] {
        for args in [&["doctor"][..], &["migrate"]] {
            let (code, text) = verb(folder.path(), &variables, args);
            assert_ne!(code, Some(0), "{what}: {text}");
            assert!(text.contains(said), "{what}: {text}");
        }
    }
}

/// A server of Redis that speaks TLS alone, and to those who show a certificate.
struct Redis {
    child: Child,
    port: u16,
    _folder: tempfile::TempDir,
}

impl Redis {
    fn start(certificates: &Certificates) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let port = free_port();
        let child = Command::new("redis-server")
            .args(["--bind", "127.0.0.1", "--port", "0"])
            .args(["--tls-port", &port.to_string(), "--tls-auth-clients", "yes"])
            .arg("--tls-cert-file")
            .arg(certificates.file("server.pem"))
            .arg("--tls-key-file")
            .arg(certificates.file("server.key"))
            .arg("--tls-ca-cert-file")
            .arg(certificates.file("ca.pem"))
            .args(["--requirepass", MARK])
            .args(["--save", "", "--appendonly", "no", "--dir"])
            .arg(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut server = Self {
            child,
            port,
            _folder: folder,
        };
        let deadline = Instant::now() + START_PATIENCE;
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            if let Some(status) = server.child.try_wait().unwrap() {
                panic!("redis-server ended with {status}: it needs to be built with TLS");
            }
            assert!(Instant::now() < deadline, "redis-server does not answer");
            std::thread::sleep(Duration::from_millis(5));
        }
        server
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test]
async fn counts_are_in_redis_over_tls() {
    let Some(brokers) = brokers() else {
        return;
    };
    let certificates = Certificates::new();
    let redis = Redis::start(&certificates);
    let database = Database::create();
    let folder = tempfile::tempdir().unwrap();
    let prefix = format!("encrypted-{}", uuid::Uuid::new_v4().simple());
    let url = format!("rediss://:{MARK}@127.0.0.1:{}", redis.port);
    let mut variables: Vec<(String, String)> = [
        ("DATABASE__URL", database.url().as_str()),
        ("REDIS__URL", &url),
        ("KAFKA__BROKERS", &brokers),
        ("KAFKA__TOPIC_PREFIX", &prefix),
        ("LOG__PARTITIONS", "2"),
        ("CLUSTER__PROCESSORS", "one"),
        ("CLUSTER__REPLICAS", "1"),
        ("NODE__ID", "one"),
        ("NODE__ROLES", "ingress,processor,projector"),
    ]
    .map(|(name, value)| (format!("ONSALE_{name}"), value.to_owned()))
    .to_vec();
    let mut without = variables.clone();
    let stranger = Certificates::new();
    without.push(stranger.variables("REDIS").remove(0));
    variables.extend(certificates.variables("REDIS"));
    let server = Server::start_with(folder.path(), &borrowed(&variables)).await;
    let show = SmallShow::open(&server).await;
    show.reserve(&server, &["A-1"]).await;
    let (code, out, err) = server.verb(&["doctor"]);
    assert_eq!(code, Some(0), "{out}{err}");
    assert!(out.contains("redis: reached"), "{out}");
    let log = server.log();
    assert!(!log.contains("Redis does not answer"), "{log}");
    assert!(!log.contains(MARK), "a password is in the log");
    // Another authority does not vouch for it, and who shows nothing is not let in.
    let (_, text) = verb(folder.path(), &without, &["doctor"]);
    assert!(!text.contains("redis: reached"), "{text}");
    assert!(text.contains("redis.tls_ca_file"), "{text}");
}
