//! Redis over TLS, on a server of its own that demands certificates of an authority of its own.

use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use onsale_counts::{Counts, CountsError, RedisConfig};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, date_time_ymd,
};

use crate::server::Server;

/// Far more than a start takes even on a busy machine.
const START_PATIENCE: Duration = Duration::from_secs(30);

type Authority = CertifiedIssuer<'static, KeyPair>;

fn authority(name: &str) -> Authority {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// Writes certificate and key; expired where it `is_old`.
fn signed(folder: &Path, name: &str, authority: &Authority, is_old: bool) -> (PathBuf, PathBuf) {
    let mut params = CertificateParams::new(["127.0.0.1".to_owned()]).unwrap();
    params.extended_key_usages = vec![
        ExtendedKeyUsagePurpose::ServerAuth,
        ExtendedKeyUsagePurpose::ClientAuth,
    ];
    if is_old {
        params.not_before = date_time_ymd(2001, 1, 1);
        params.not_after = date_time_ymd(2002, 1, 1);
    }
    let key = KeyPair::generate().unwrap();
    let certificate = params.signed_by(&key, authority).unwrap();
    let write = |end: &str, text: String| {
        let file = folder.join(format!("{name}.{end}"));
        std::fs::write(&file, text).unwrap();
        file
    };
    (
        write("pem", certificate.pem()),
        write("key", key.serialize_pem()),
    )
}

/// A server that is killed with this.
struct Secured {
    child: Child,
    port: u16,
}

impl Secured {
    fn start(folder: &Path, (certificate, key): &(PathBuf, PathBuf), clients: &Path) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let child = Command::new("redis-server")
            .args(["--bind", "127.0.0.1", "--port", "0"])
            .args(["--tls-port", &port.to_string(), "--tls-auth-clients", "yes"])
            .arg("--tls-cert-file")
            .arg(certificate)
            .arg("--tls-key-file")
            .arg(key)
            .arg("--tls-ca-cert-file")
            .arg(clients)
            .args(["--save", "", "--appendonly", "no", "--dir"])
            .arg(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut server = Self { child, port };
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

    fn config(&self, host: &str, ca: &Path, own: Option<&(PathBuf, PathBuf)>) -> RedisConfig {
        let url = format!("rediss://{host}:{}", self.port);
        RedisConfig {
            url: Some(onsale_settings::Secret::new(url)),
            url_file: None,
            tls_ca_file: Some(ca.to_owned()),
            tls_certificate_file: own.map(|(certificate, _)| certificate.clone()),
            tls_key_file: own.map(|(_, key)| key.clone()),
        }
    }
}

impl Drop for Secured {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn counts(config: &RedisConfig) -> Result<Counts, CountsError> {
    let settings = config.settings("test", "a").unwrap().unwrap();
    Counts::new(&settings, &prometheus::Registry::new())
}

async fn refusal(config: &RedisConfig) -> String {
    counts(config)
        .unwrap()
        .preload()
        .await
        .unwrap_err()
        .to_string()
}

#[tokio::test]
async fn each_fault_of_tls_names_its_remedy() {
    let Some(plain) = Server::start() else { return };
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: String| {
        let file = folder.path().join(name);
        std::fs::write(&file, text).unwrap();
        file
    };
    let (of_server, stranger) = (authority("of the server"), authority("a stranger"));
    let ca = write("ca.pem", of_server.pem());
    let strange = write("stranger.pem", stranger.pem());
    let certificate = signed(folder.path(), "server", &of_server, false);
    let own = signed(folder.path(), "client", &of_server, false);
    let server = Secured::start(folder.path(), &certificate, &ca);

    let right = server.config("127.0.0.1", &ca, Some(&own));
    counts(&right).unwrap().preload().await.unwrap();
    let error = refusal(&server.config("localhost", &ca, Some(&own))).await;
    assert!(
        error.contains("redis.url") && error.contains("another name"),
        "{error}"
    );
    let error = refusal(&server.config("127.0.0.1", &strange, Some(&own))).await;
    assert!(error.contains("redis.tls_ca_file"), "{error}");
    // Without a certificate of its own it is not let in, however the server says so.
    refusal(&server.config("127.0.0.1", &ca, None)).await;

    let old = signed(folder.path(), "old", &of_server, true);
    let expired = Secured::start(folder.path(), &old, &ca);
    let error = refusal(&expired.config("127.0.0.1", &ca, Some(&own))).await;
    assert!(error.contains("not valid now"), "{error}");

    // A server without TLS waits for the rest of a command: the attempt is given up.
    let plain = plain.url().replace("redis://", "rediss://");
    let plain = RedisConfig {
        url: Some(onsale_settings::Secret::new(plain)),
        tls_ca_file: Some(ca.clone()),
        ..RedisConfig::default()
    };
    refusal(&plain).await;
    // What is wrong with files is known before anything is asked.
    let (mut missing, mut insecure) = (right.clone(), right);
    missing.tls_ca_file = Some(folder.path().join("missing.pem"));
    let error = counts(&missing).err().unwrap().to_string();
    assert!(error.contains("missing.pem"), "{error}");
    let url = insecure.url.take().unwrap();
    let url = format!("{}/#insecure", url.expose());
    insecure.url = Some(onsale_settings::Secret::new(url));
    let error = counts(&insecure).err().unwrap().to_string();
    assert!(
        error.contains("#insecure") || error.contains("redis.url"),
        "{error}"
    );
}

/// What the settings are compared with may only be known once the file with the URL is read.
#[tokio::test]
async fn files_for_tls_are_never_named_in_vain() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("url");
    for url in ["redis://:s3cret@127.0.0.1:1", "redis+unix:///tmp/none"] {
        std::fs::write(&file, url).unwrap();
        let plain = RedisConfig {
            url_file: Some(file.clone()),
            ..RedisConfig::default()
        };
        assert!(counts(&plain).is_ok(), "{url}");
        let with_ca = RedisConfig {
            tls_ca_file: Some("ca.pem".into()),
            ..plain.clone()
        };
        let with_own = RedisConfig {
            tls_certificate_file: Some("client.pem".into()),
            tls_key_file: Some("client.key".into()),
            ..plain
        };
        for config in [with_ca, with_own] {
            let error = counts(&config).err().unwrap();
            assert!(matches!(error, CountsError::FilesInVain), "{error}");
            let error = error.to_string();
            assert!(
                error.contains("rediss://") && !error.contains("s3cret"),
                "{error}"
            );
        }
    }
}
