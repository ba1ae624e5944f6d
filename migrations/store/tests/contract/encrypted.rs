//! PostgreSQL over TLS, on a server of its own with certificates of an authority of its own.

use std::path::{Path, PathBuf};
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use onsale_store::{Store, StoreError, Verified};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, date_time_ymd,
};
use sqlx::{AssertSqlSafe, Connection as _};

use crate::harness::postgres_url;

const SCRIPT: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../deploy/services/postgres.sh"
);
/// Who has to show a certificate.
const MUTUAL: &str = "mutual";

type Authority = CertifiedIssuer<'static, KeyPair>;

fn authority(name: &str) -> Authority {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// Certificate and key in PEM; expired where it `is_old`.
fn signed(authority: &Authority, names: &[&str], is_old: bool) -> (String, String) {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(names).unwrap();
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
    (certificate.pem(), key.serialize_pem())
}

/// A server that is stopped and deleted with this.
struct Secured {
    folder: tempfile::TempDir,
    port: u16,
}

impl Secured {
    fn start() -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let folder = tempfile::tempdir().unwrap();
        let server = Self { folder, port };
        server.script("start");
        server
    }

    fn script(&self, verb: &str) {
        let done = Command::new(SCRIPT)
            .arg(verb)
            .env("ONSALE_SERVICES_DIR", self.folder.path())
            .env("ONSALE_TEST_POSTGRES_PORT", self.port.to_string())
            .status();
        assert!(done.unwrap().success(), "postgres.sh {verb}");
    }

    /// The URL by this host, as this user, with these parameters.
    fn url(&self, user: &str, host: &str, parameters: &str) -> String {
        format!(
            "postgres://{user}:s3cret@{host}:{}/postgres?{parameters}",
            self.port
        )
    }

    async fn sql(&self, sql: String) {
        let url = self.url("postgres", "127.0.0.1", "sslmode=disable");
        let mut connection = sqlx::PgConnection::connect(&url).await.unwrap();
        let sql = sqlx::raw_sql(AssertSqlSafe(sql));
        sql.execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
    }

    /// Writes a file into the server's folder, as the user that it runs as.
    async fn write(&self, name: &str, text: &str) {
        let text = STANDARD.encode(text);
        self.sql(format!(
            "COPY (SELECT '{text}') TO PROGRAM \
             'base64 -d > {name}.new && chmod 600 {name}.new && mv {name}.new {name}'"
        ))
        .await;
    }

    /// Starts again with this certificate; a user needs one of the same authority.
    async fn secure(&self, authority: &Authority, (certificate, key): &(String, String)) {
        self.write("server.crt", certificate).await;
        self.write("server.key", key).await;
        self.write("clients.crt", &authority.pem()).await;
        let users = format!(
            "hostssl all {MUTUAL} 127.0.0.1/32 trust clientcert=verify-ca\n\
             host all all 127.0.0.1/32 trust\n"
        );
        self.write("pg_hba.conf", &users).await;
        for (setting, value) in [
            ("ssl_cert_file", "server.crt"),
            ("ssl_key_file", "server.key"),
            ("ssl_ca_file", "clients.crt"),
            ("ssl", "on"),
        ] {
            self.sql(format!("ALTER SYSTEM SET {setting} = '{value}'"))
                .await;
        }
        self.script("stop");
        self.script("start");
    }
}

impl Drop for Secured {
    fn drop(&mut self) {
        let _ = Command::new(SCRIPT)
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

async fn transport(url: &str) -> (bool, Verified) {
    let store = Store::connect(url, 2).await.unwrap();
    let transport = store.transport().await.unwrap().unwrap();
    store.close().await;
    assert!(transport.is_local);
    (transport.is_encrypted, transport.verified)
}

async fn refusal(url: &str) -> String {
    let error = Store::connect(url, 2).await.unwrap_err();
    assert!(matches!(error, StoreError::Unreachable(_)), "{error}");
    let error = error.to_string();
    assert!(!error.contains("s3cret"), "{error}");
    error
}

#[tokio::test]
async fn every_mode_does_what_it_says_and_each_fault_names_its_remedy() {
    let Some(plain) = postgres_url() else { return };
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let file = folder.path().join(name);
        std::fs::write(&file, text).unwrap();
        file.display().to_string()
    };
    let (of_server, stranger) = (authority("of the server"), authority("a stranger"));
    let ca = file("ca.pem", &of_server.pem());
    let strange = file("stranger.pem", &stranger.pem());
    let server = Secured::start();
    server
        .secure(&of_server, &signed(&of_server, &["127.0.0.1"], false))
        .await;
    server.sql(format!("CREATE ROLE {MUTUAL} LOGIN")).await;
    let by_address = |parameters: &str| server.url("postgres", "127.0.0.1", parameters);

    for (parameters, found) in [
        ("sslmode=disable".to_owned(), (false, Verified::Nothing)),
        (String::new(), (true, Verified::Nothing)),
        ("sslmode=prefer".to_owned(), (true, Verified::Nothing)),
        ("sslmode=require".to_owned(), (true, Verified::Nothing)),
        // As PostgreSQL's own clients do.
        (
            format!("sslmode=require&sslrootcert={ca}"),
            (true, Verified::Authority),
        ),
        (
            format!("sslmode=verify-ca&sslrootcert={ca}"),
            (true, Verified::Authority),
        ),
        (
            format!("sslmode=verify-full&sslrootcert={ca}"),
            (true, Verified::Name),
        ),
    ] {
        assert_eq!(
            transport(&by_address(&parameters)).await,
            found,
            "{parameters}"
        );
    }
    // Of one that does not verify the name, another name is right too.
    let by_name = |mode: &str| {
        let parameters = format!("sslmode={mode}&sslrootcert={ca}");
        server.url("postgres", "localhost", &parameters)
    };
    assert!(transport(&by_name("verify-ca")).await.0);
    let error = refusal(&by_name("verify-full")).await;
    assert!(
        error.contains("database.url") && error.contains("another name"),
        "{error}"
    );
    for mode in ["require", "verify-ca", "verify-full"] {
        let parameters = format!("sslmode={mode}&sslrootcert={strange}");
        let error = refusal(&by_address(&parameters)).await;
        assert!(error.contains("database.tls_ca_file"), "{mode}: {error}");
    }
    let plain = format!("{plain}?sslmode=require");
    let error = refusal(&plain).await;
    assert!(
        error.contains("database.tls_mode") && error.contains("ssl = on"),
        "{error}"
    );

    // Clients that have to show who they are.
    let own = signed(&of_server, &["client.test"], false);
    let (certificate, key) = (file("client.pem", &own.0), file("client.key", &own.1));
    let mutual = |more: &str| {
        let parameters = format!("sslmode=verify-full&sslrootcert={ca}{more}");
        server.url(MUTUAL, "127.0.0.1", &parameters)
    };
    let shown = format!("&sslcert={certificate}&sslkey={key}");
    assert!(transport(&mutual(&shown)).await.0);
    assert!(
        Store::connect(&mutual(""), 2).await.is_err(),
        "without a certificate"
    );
    let missing = folder.path().join("missing.pem");
    let error = wrong_file(&mutual(""), &missing).await;
    assert!(
        error.contains("missing.pem") && error.contains("database.tls_"),
        "{error}"
    );

    server
        .secure(&of_server, &signed(&of_server, &["127.0.0.1"], true))
        .await;
    let parameters = format!("sslmode=verify-full&sslrootcert={ca}");
    let error = refusal(&by_address(&parameters)).await;
    assert!(error.contains("not valid now"), "{error}");
}

async fn wrong_file(url: &str, file: &Path) -> String {
    let url = format!("{url}&sslcert={0}&sslkey={0}", file.display());
    let error = Store::connect(&url, 2).await.unwrap_err();
    assert!(matches!(error, StoreError::Tls(_)), "{error}");
    error.to_string()
}
