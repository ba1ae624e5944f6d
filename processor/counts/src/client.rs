//! The connection.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use onsale_tls::{ClientFiles, Fault, TlsFileError};
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{
    Client, ClientTlsConfig, ConnectionAddr, ConnectionInfo, IntoConnectionInfo as _, RedisError,
    Script, TlsCertificates,
};

use super::breaker::{Breaker, Permit};
use super::keys::Keys;
use super::metrics::Metrics;

/// How long connecting may take.
const CONNECT_MAX: Duration = Duration::from_secs(1);
/// How long an operation of the feed may take; a check has its own, far shorter limit.
const RESPONSE_MAX: Duration = Duration::from_secs(2);
/// A connection on which Redis has acknowledged nothing for this long is replaced: an operation that
/// takes too long leaves it as it is, and without this it would take a quarter of an hour.
#[cfg(target_os = "linux")]
const SILENCE_MAX: Duration = Duration::from_secs(10);
/// Attempts to connect for one operation, each after a short pause.
const CONNECT_RETRIES: usize = 1;
const CONNECT_RETRY_WAIT: Duration = Duration::from_millis(50);
/// Operations queued for the connection's task; further ones wait outside the queue.
const PIPELINE_MAX: usize = 1_024;

/// What the URL is.
pub(super) const URL_EXPECTED: &str =
    "redis://HOST:PORT/DATABASE, or rediss://HOST:PORT/DATABASE with TLS";
/// What to do about a server without TLS that is asked with it.
const ASK_PLAINLY: &str = "set redis.url to the port that does, or to redis://";

/// Where Redis is and how it is used.
#[derive(Clone)]
pub struct CountsSettings {
    /// `redis://HOST:PORT/DATABASE`, or `rediss://…` with TLS.
    pub url: String,
    /// Whom it trusts with TLS, and what it shows of itself.
    pub tls: ClientFiles,
    /// Prefix of every key. It has to name the log: counts of one log say nothing about another.
    pub prefix: String,
    /// Name of this node among those that ask.
    pub node: String,
    /// A check that takes longer counts as slow.
    pub slow: Duration,
    /// A check that takes longer is abandoned.
    pub answer_max: Duration,
}

impl CountsSettings {
    /// With the usual limits: 5 ms are slow, 20 ms are too long.
    pub fn new(url: impl Into<String>, prefix: impl Into<String>, node: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            tls: ClientFiles::default(),
            prefix: prefix.into(),
            node: node.into(),
            slow: Duration::from_millis(5),
            answer_max: Duration::from_millis(20),
        }
    }
}

/// Why Redis cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CountsError {
    /// Not a Redis URL. It is not shown, because it may contain a password.
    #[error("redis.url: expected {URL_EXPECTED} ({0})")]
    Url(String),
    /// The URL asks for TLS that verifies nothing.
    #[error(
        "redis.url: #insecure would verify nothing: expected redis.tls_ca_file with the authority that \
         signed the server's certificate (or the certificate itself, if it signed itself)"
    )]
    Insecure,
    /// Files for TLS, and a URL without it.
    #[error(
        "redis.url: expected rediss://HOST:PORT, as files for TLS are set (redis.tls_ca_file, \
         tls_certificate_file, tls_key_file)"
    )]
    FilesInVain,
    /// A file for TLS cannot be used.
    #[error("TLS to Redis (redis.tls_ca_file, tls_certificate_file, tls_key_file): {0}")]
    File(TlsFileError),
    /// A handshake failed.
    #[error("Redis: {what}; {remedy}")]
    Tls {
        /// What failed.
        what: String,
        /// What to do about it.
        remedy: String,
    },
    /// Metrics of the same names are registered already.
    #[error("the metrics of Redis cannot be registered")]
    Metrics(#[from] prometheus::Error),
    /// An operation failed; it may have taken effect nevertheless.
    #[error("Redis: {0}")]
    Redis(RedisError),
}

impl From<TlsFileError> for CountsError {
    fn from(error: TlsFileError) -> Self {
        Self::File(error)
    }
}

impl From<RedisError> for CountsError {
    fn from(error: RedisError) -> Self {
        let fault = Fault::of(&error).and_then(|fault| fault.remedy("redis", ASK_PLAINLY));
        match (onsale_tls::find(&error), fault) {
            (Some(tls), Some(remedy)) => Self::Tls {
                what: tls.to_string(),
                remedy,
            },
            _ => Self::Redis(error),
        }
    }
}

/// Counts in Redis. Cheap to clone.
#[derive(Clone)]
pub struct Counts {
    pub(super) inner: Arc<Inner>,
}

pub(super) struct Inner {
    pub(super) connection: ConnectionManager,
    pub(super) keys: Keys,
    pub(super) node: String,
    pub(super) slow: Duration,
    pub(super) answer_max: Duration,
    pub(super) check: Script,
    pub(super) write: Script,
    pub(super) metrics: Metrics,
    breaker: Breaker,
    started: Instant,
}

impl std::fmt::Debug for Counts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Counts").finish_non_exhaustive()
    }
}

impl Counts {
    /// Prepares to use Redis; it connects with the first operation, and again whenever the
    /// connection was lost. Call it within a tokio runtime.
    ///
    /// # Errors
    /// When the URL cannot be used, or the registry has the metrics already.
    pub fn new(
        settings: &CountsSettings,
        registry: &prometheus::Registry,
    ) -> Result<Self, CountsError> {
        let unusable = |error: RedisError| CountsError::Url(error.category().to_owned());
        let server = settings.url.as_str().into_connection_info();
        let server = server.map_err(unusable)?;
        #[cfg(target_os = "linux")]
        let server = {
            let tcp = server.tcp_settings().clone();
            server.set_tcp_settings(tcp.set_user_timeout(SILENCE_MAX))
        };
        let client = client(server, &settings.tls)?;
        let config = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(CONNECT_MAX))
            .set_response_timeout(Some(RESPONSE_MAX))
            .set_number_of_retries(CONNECT_RETRIES)
            .set_min_delay(CONNECT_RETRY_WAIT)
            .set_max_delay(CONNECT_RETRY_WAIT)
            .set_pipeline_buffer_size(PIPELINE_MAX);
        let connection =
            ConnectionManager::new_lazy_with_config(client, config).map_err(unusable)?;
        Ok(Self {
            inner: Arc::new(Inner {
                connection,
                keys: Keys::new(&settings.prefix),
                node: settings.node.clone(),
                slow: settings.slow,
                answer_max: settings.answer_max,
                check: Script::new(include_str!("check.lua")),
                write: Script::new(include_str!("write.lua")),
                metrics: Metrics::register(registry)?,
                breaker: Breaker::default(),
                started: Instant::now(),
            }),
        })
    }

    /// Loads the scripts, so that the first check needs no second round trip. They are reloaded
    /// automatically whenever Redis has forgotten them.
    ///
    /// # Errors
    /// When Redis does not answer.
    pub async fn preload(&self) -> Result<(), CountsError> {
        let mut connection = self.inner.connection.clone();
        self.inner.check.load_async(&mut connection).await?;
        self.inner.write.load_async(&mut connection).await?;
        Ok(())
    }

    /// True while Redis is not asked because it was slow or gone.
    pub fn is_circuit_open(&self) -> bool {
        self.inner.breaker.is_open()
    }

    /// A call through the circuit breaker; `None` when Redis must not be asked now.
    pub(super) fn ask(&self) -> Option<Asking<'_>> {
        let permit = self.inner.breaker.permit(self.inner.now_ms())?;
        Some(Asking {
            inner: &self.inner,
            permit,
            good: false,
        })
    }
}

/// A client of the server, with TLS where its URL says so.
fn client(server: ConnectionInfo, files: &ClientFiles) -> Result<Client, CountsError> {
    let unusable = |error: RedisError| CountsError::Url(error.category().to_owned());
    let is_insecure = match server.addr() {
        ConnectionAddr::TcpTls { insecure, .. } => *insecure,
        // Neither the password nor anything else goes in the clear where authorities are named.
        _ if files.is_any() => return Err(CountsError::FilesInVain),
        _ => return Client::open(server).map_err(unusable),
    };
    if is_insecure {
        return Err(CountsError::Insecure);
    }
    // The library reads the same files again, and would not name them.
    files.try_them()?;
    let read = |file: &Path, what| {
        std::fs::read(file).map_err(|cause| TlsFileError::Read {
            what,
            file: file.to_owned(),
            cause,
        })
    };
    let root_cert = files
        .ca_file
        .as_deref()
        .map(|file| read(file, "the authorities' certificates"))
        .transpose()?;
    let client_tls = match (&files.certificate_file, &files.key_file) {
        (Some(certificate), Some(key)) => Some(ClientTlsConfig {
            client_cert: read(certificate, "certificate")?,
            client_key: read(key, "private key")?,
        }),
        _ => None,
    };
    let certificates = TlsCertificates {
        client_tls,
        root_cert,
    };
    Client::build_with_tls(server, certificates).map_err(unusable)
}

impl Inner {
    fn now_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

/// A call that the breaker lets through. Dropping it without [`Asking::good`] reports a failure, so
/// that a probe whose caller is gone does not block forever.
pub(super) struct Asking<'a> {
    inner: &'a Inner,
    permit: Permit,
    good: bool,
}

impl Asking<'_> {
    pub(super) fn good(mut self) {
        self.good = true;
    }
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        let inner = self.inner;
        inner.breaker.done(self.permit, self.good, inner.now_ms());
        inner.metrics.open.set(inner.breaker.is_open().into());
    }
}
