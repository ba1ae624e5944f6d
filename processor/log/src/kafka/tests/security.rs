//! TLS and passwords between a node and its brokers.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};

use super::super::{KafkaError, KafkaReader, KafkaSettings, KafkaWriter, ensure};
use super::support::{OwnBroker, P0, brokers, settings, two_free_ports};
use crate::{AppendRecord, EntryBatch, LogReader as _, LogWriter as _};

const USER: &str = "onsale";
const PASSWORD: &str = "right-password";
const HOST: &str = "127.0.0.1";

/// A broker that accepts only TLS with a password, except on one port that the script uses.
struct SecureBroker {
    _broker: OwnBroker,
    address: String,
    /// Certificates of the broker's authority, and of another one.
    authority: PathBuf,
    stranger: PathBuf,
    _folder: tempfile::TempDir,
}

impl SecureBroker {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (authority, stranger) = (authority(), authority());
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new([HOST.to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, HOST);
        let certificate = params.signed_by(&key, &authority).unwrap();
        let write = |name: &str, text: &str| {
            let file = folder.path().join(name);
            std::fs::write(&file, text).unwrap();
            file
        };
        let own = write("broker.pem", &(key.serialize_pem() + &certificate.pem()));
        let secure_port = two_free_ports();
        let broker = OwnBroker::start_with(|broker, port| {
            let settings = broker.join("secure.properties");
            std::fs::write(&settings, secure_settings(port, secure_port, &own)).unwrap();
            let user = format!("SCRAM-SHA-512=[name={USER},password={PASSWORD}]");
            vec![
                ("ONSALE_KAFKA_SETTINGS", settings.into()),
                ("ONSALE_KAFKA_SCRAM", OsString::from(user)),
            ]
        });
        Self {
            _broker: broker,
            address: format!("{HOST}:{secure_port}"),
            authority: write("authority.pem", &authority.pem()),
            stranger: write("stranger.pem", &stranger.pem()),
            _folder: folder,
        }
    }

    fn settings(&self, mechanism: &str, password: &str, authority: &Path) -> KafkaSettings {
        let properties = [
            ("security.protocol", "SASL_SSL"),
            ("sasl.mechanism", mechanism),
            ("sasl.username", USER),
            ("sasl.password", password),
            ("ssl.ca.location", authority.to_str().unwrap()),
        ];
        let properties = properties.map(|(name, value)| (name.to_owned(), value.to_owned()));
        KafkaSettings {
            properties: BTreeMap::from(properties),
            ..settings(&self.address, 1)
        }
    }
}

fn authority() -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    let name = format!("authority {}", uuid::Uuid::new_v4());
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

fn secure_settings(port: u16, secure_port: u16, own: &Path) -> String {
    let controller = port + 1;
    let own = own.display();
    let security = "org.apache.kafka.common.security";
    format!(
        "listeners=PLAINTEXT://{HOST}:{port},CONTROLLER://{HOST}:{controller},\
             SECURE://{HOST}:{secure_port}\n\
         advertised.listeners=PLAINTEXT://{HOST}:{port},SECURE://{HOST}:{secure_port}\n\
         listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SECURE:SASL_SSL\n\
         ssl.keystore.type=PEM\n\
         ssl.keystore.location={own}\n\
         listener.name.secure.sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-512\n\
         listener.name.secure.plain.sasl.jaas.config={security}.plain.PlainLoginModule required \
             user_{USER}=\"{PASSWORD}\";\n\
         listener.name.secure.scram-sha-512.sasl.jaas.config={security}.scram.ScramLoginModule \
             required;\n"
    )
}

/// Creates topics, writes a record and reads it back.
fn write_and_read(settings: &KafkaSettings) {
    ensure(settings).unwrap();
    let record = AppendRecord {
        partition: P0,
        payload: b"secret",
    };
    let mut appended = Vec::new();
    let mut writer = KafkaWriter::new(settings).unwrap();
    writer.append(&[record], 0, &mut appended).unwrap();
    let mut reader = KafkaReader::new(settings).unwrap();
    assert_eq!(reader.bounds(P0).unwrap(), (0, 1));
    let mut batch = EntryBatch::default();
    reader.read(P0, 0, 1 << 20, &mut batch).unwrap();
    let payloads: Vec<&[u8]> = batch.iter().map(|entry| entry.payload).collect();
    assert_eq!(payloads, [b"secret"]);
}

/// The message of a node that is not let in.
fn refusal(settings: &KafkaSettings) -> String {
    let error = ensure(settings).unwrap_err();
    assert!(matches!(error, KafkaError::Broker { .. }), "{error}");
    error.to_string()
}

#[test]
fn tls_and_passwords_pass_through_and_their_faults_are_named() {
    if brokers().is_none() {
        return;
    }
    let broker = SecureBroker::start();
    let with = |mechanism, password, authority| broker.settings(mechanism, password, authority);
    let right = broker.authority.as_path();
    for mechanism in ["PLAIN", "SCRAM-SHA-512"] {
        write_and_read(&with(mechanism, PASSWORD, right));
    }
    // Each waits as long as a broker may take to answer.
    std::thread::scope(|scope| {
        for mechanism in ["PLAIN", "SCRAM-SHA-512"] {
            let settings = with(mechanism, "wrong", right);
            scope.spawn(move || {
                let message = refusal(&settings);
                assert!(
                    message.contains("Authentication failed"),
                    "{mechanism}: {message}"
                );
                assert!(
                    !message.contains("wrong"),
                    "it tells the password: {message}"
                );
            });
        }
        let settings = with("PLAIN", PASSWORD, &broker.stranger);
        scope.spawn(move || {
            let message = refusal(&settings);
            assert!(message.contains("certificate verify failed"), "{message}");
        });
    });
}
