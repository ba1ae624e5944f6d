//! The configuration: sections that check themselves, from a file, the environment and flags.

mod advertised;
mod data;
mod files;
mod load;
mod node;
mod peers;
mod public_address;
mod telemetry;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;

use onsale_accounts::AccountsConfig;
use onsale_auth::AuthConfig;
use onsale_cluster::ClusterConfig;
use onsale_counts::RedisConfig;
use onsale_ingress::{
    HttpConfig, IngressConfig, PaymentsConfig, PrecheckConfig, Quotas, RateLimitConfig, ShowsConfig,
};
use onsale_log::LogConfig;
use onsale_log::kafka::{KafkaConfig, KafkaSettings};
use onsale_messages::MailConfig;
use onsale_processor::config::{ReconcileConfig, SnapshotsConfig};
use onsale_settings::Secret;
use onsale_store::DatabaseConfig;
use onsale_store::retention::RetentionConfig;
use onsale_uploads::UploadsConfig;
use serde::{Deserialize, Serialize};

pub(crate) use advertised::{Leads, leads};
pub(crate) use data::DataConfig;
pub(crate) use load::ConfigError;
pub(crate) use node::{NodeConfig, NodeRole};
pub(crate) use telemetry::{LogFormat, TelemetryConfig};

use crate::cli::ConfigArgs;
use crate::commands::read_image;
use crate::exit::{Failure, OrFail};
use crate::secrets;

/// A value that cannot be used.
pub(crate) use onsale_settings::ConfigProblem as Problem;

/// What stands in the place of a secret that is not shown.
pub(crate) const HIDDEN: &str = "(hidden)";

/// Everything that can be configured.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Config {
    /// Who this process is.
    pub node: NodeConfig,
    /// Where it keeps its files.
    pub data: DataConfig,
    /// Connections, bodies, deadlines.
    pub http: HttpConfig,
    /// How tokens are verified.
    pub auth: AuthConfig,
    /// People, and how they sign in.
    pub accounts: AccountsConfig,
    /// Mails to people.
    pub mail: MailConfig,
    /// Where what organizers upload lies.
    pub uploads: UploadsConfig,
    /// How often a user may ask.
    pub rate_limit: RateLimitConfig,
    /// Payments.
    pub payments: PaymentsConfig,
    /// Early refusals.
    pub precheck: PrecheckConfig,
    /// How much an organizer may have.
    pub quota: Quotas,
    /// What new shows get that their organizers do not say.
    pub shows: ShowsConfig,
    /// The log.
    pub log: LogConfig,
    /// Snapshots.
    pub snapshots: SnapshotsConfig,
    /// The relational store.
    pub database: DatabaseConfig,
    /// How long things are kept.
    pub retention: RetentionConfig,
    /// Redis.
    pub redis: RedisConfig,
    /// Kafka.
    pub kafka: KafkaConfig,
    /// The processors of the distributed mode.
    pub cluster: ClusterConfig,
    /// Reconciliation on a schedule.
    pub reconcile: ReconcileConfig,
    /// Logs, traces.
    pub telemetry: TelemetryConfig,
}

impl Config {
    /// Keys without a default, by section: they do not show in the defaults as TOML.
    const OPTIONAL_KEYS: &'static [(&'static str, &'static str)] = &[
        ("http", "public_url"),
        ("http", "tls_certificate_file"),
        ("http", "tls_key_file"),
        ("http", "tls_ca_file"),
        ("auth", "hs256_secret"),
        ("auth", "hs256_secret_file"),
        ("auth", "ed25519_public_key_file"),
        ("auth", "rsa_public_key_file"),
        ("auth", "booking_secret"),
        ("auth", "booking_secret_file"),
        ("auth", "session_kid"),
        ("accounts", "key"),
        ("accounts", "key_file"),
        ("accounts", "pages_url"),
        ("accounts", "public_url"),
        ("mail", "url"),
        ("mail", "url_file"),
        ("mail", "link_base_url"),
        ("uploads", "location"),
        ("uploads", "s3_endpoint"),
        ("uploads", "s3_access_key"),
        ("uploads", "s3_secret_key"),
        ("uploads", "s3_secret_key_file"),
        ("uploads", "s3_ca_file"),
        ("database", "url"),
        ("database", "tls_mode"),
        ("database", "tls_ca_file"),
        ("database", "tls_certificate_file"),
        ("database", "tls_key_file"),
        ("redis", "url"),
        ("redis", "url_file"),
        ("redis", "tls_ca_file"),
        ("redis", "tls_certificate_file"),
        ("redis", "tls_key_file"),
        ("http", "operations_listen"),
        ("node", "advertise_url"),
        ("node", "operations_advertise_url"),
        ("database", "url_file"),
        ("cluster", "secret"),
        ("cluster", "secret_file"),
        ("telemetry", "otlp_endpoint"),
    ];

    /// What a server runs with: everything must be right, the key included.
    pub(crate) fn for_server(args: &ConfigArgs) -> Result<Self, Failure> {
        Self::load(args, &Self::default())?.checked(true).or_use()
    }

    /// What an operator's verb runs with. Without a configured key it uses the one that `onsale dev`
    /// left in the data folder, so that verbs work beside a running `dev` as they are; verbs that
    /// need no key work without one.
    pub(crate) fn for_operator(args: &ConfigArgs) -> Result<Self, Failure> {
        let mut config = Self::load(args, &Self::default())?;
        if !config.has_key() {
            config.auth.hs256_secret = secrets::read_dev_secret(&config.data.dir);
        }
        let has_key = config.has_key();
        // An operator's process is no node, so nothing has to name it.
        let problems = config.problems(None);
        config.without_problems(problems, has_key).or_use()
    }

    /// The configuration on top of `base`, as it was given.
    pub(crate) fn load(args: &ConfigArgs, base: &Self) -> Result<Self, Failure> {
        let mut config = load::load(base, args.config.as_deref(), std::env::vars()).or_use()?;
        if let Some(dir) = &args.data {
            config.data.dir = dir.clone();
        }
        Ok(config)
    }

    /// Settings of the Kafka clients of this node.
    pub(crate) fn kafka_settings(&self) -> KafkaSettings {
        self.kafka.settings(self.log.partitions, &self.node.id)
    }

    /// Whether this process works on jobs. With the embedded log it does everything.
    pub(crate) fn does_jobs(&self) -> bool {
        !self.kafka.is_used() || self.node.is(NodeRole::Worker)
    }

    /// The configuration if every value can be used.
    ///
    /// # Errors
    /// All problems at once; a missing key is one only where it is needed.
    pub(crate) fn checked(self, key_needed: bool) -> Result<Self, ConfigError> {
        let is_processor = self.kafka.is_used() && self.node.is(NodeRole::Processor);
        let mut problems = self.problems(is_processor.then_some(self.node.id.as_str()));
        if self.kafka.is_used() {
            problems.extend(self.advertised_problems());
            problems.extend(self.peers_problem());
        }
        self.without_problems(problems, key_needed)
    }

    fn without_problems(
        self,
        mut problems: Vec<Problem>,
        key_needed: bool,
    ) -> Result<Self, ConfigError> {
        if !key_needed && !self.has_key() {
            problems.retain(|problem| problem.key != "auth");
        }
        if problems.is_empty() {
            Ok(self)
        } else {
            Err(ConfigError::Problems(problems))
        }
    }

    fn has_key(&self) -> bool {
        self.auth.has_key()
    }

    /// The settings of the ingress.
    pub(crate) fn ingress(&self) -> IngressConfig {
        IngressConfig {
            http: self.http.clone(),
            auth: self.auth.clone(),
            accounts: self.accounts(),
            rate_limit: self.rate_limit,
            uploads: self.uploads(),
            reading: read_image::reading(&self.uploads),
            payments: self.payments,
            precheck: self.precheck,
            quota: self.quota,
            shows: self.shows,
        }
    }

    /// Where what organizers upload lies. One process that does everything has a folder of its own for it;
    /// several have to be told one that all of them reach.
    pub(crate) fn uploads(&self) -> UploadsConfig {
        let own = || {
            let is_alone = !self.kafka.is_used();
            is_alone.then(|| self.data.dir.join("uploads").display().to_string())
        };
        UploadsConfig {
            location: self.uploads.location.clone().or_else(own),
            ..self.uploads.clone()
        }
    }

    /// Where mails become files, with `mail.outbox`.
    pub(crate) fn outbox_dir(&self) -> PathBuf {
        self.data.dir.join("outbox")
    }

    /// Where the journal lives.
    pub(crate) fn journal_dir(&self) -> PathBuf {
        self.data.dir.join("journal")
    }

    /// Where snapshots live.
    pub(crate) fn snapshots_dir(&self) -> PathBuf {
        self.data.dir.join("snapshots")
    }

    /// Where other nodes and operators reach this process.
    pub(crate) fn advertise_url(&self) -> String {
        let url = self.node.advertise_url.clone();
        let url = url.unwrap_or_else(|| self.server_url());
        url.trim_end_matches('/').to_owned()
    }

    /// Where other nodes reach the operations listener of this process.
    pub(crate) fn operations_advertise_url(&self) -> String {
        let url = self.node.operations_advertise_url.clone();
        let url = url.unwrap_or_else(|| self.url_at(self.http.operations_address()));
        url.trim_end_matches('/').to_owned()
    }

    /// True where anybody who reaches this machine can talk to the server, and read what it and its
    /// clients say to one another.
    pub(crate) fn is_open_to_all(&self) -> bool {
        !self.http.listen.ip().is_loopback() && self.http.tls_certificate_file.is_none()
    }

    /// The server of this configuration, asked from its own machine.
    pub(crate) fn server_url(&self) -> String {
        self.url_at(self.http.listen)
    }

    /// A server of this configuration that listens there.
    pub(crate) fn url_at(&self, address: SocketAddr) -> String {
        format!("{}://{address}", self.scheme())
    }

    /// The same for browsers, which know this machine by its name: passkeys and callbacks of providers want
    /// no number.
    pub(crate) fn browser_url_at(&self, address: SocketAddr) -> String {
        let here: [IpAddr; 2] = [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
        if address.ip().is_unspecified() || here.contains(&address.ip()) {
            self.local_url_at(address)
        } else {
            self.url_at(address)
        }
    }

    /// As [`Config::browser_url_at`], for browsers of this machine alone.
    pub(crate) fn local_url_at(&self, address: SocketAddr) -> String {
        format!("{}://localhost:{}", self.scheme(), address.port())
    }

    fn scheme(&self) -> &'static str {
        match self.http.tls_certificate_file {
            Some(_) => "https",
            None => "http",
        }
    }

    /// The database as configured, or SQLite in the data folder.
    ///
    /// # Errors
    /// When the file that holds the URL cannot be read.
    pub(crate) fn database_url(&self) -> Result<String, Failure> {
        Ok(match self.database.configured_url().or_use()? {
            Some(url) => url.expose().to_owned(),
            None => format!("sqlite://{}", self.data.dir.join("onsale.sqlite").display()),
        })
    }

    /// A copy to show to people.
    pub(crate) fn without_secrets(mut self) -> Self {
        let hide = |secret: &mut Option<Secret>| {
            if secret.is_some() {
                *secret = Some(Secret::new(HIDDEN));
            }
        };
        hide(&mut self.auth.hs256_secret);
        hide(&mut self.auth.booking_secret);
        hide(&mut self.accounts.key);
        for provider in self.accounts.providers.values_mut() {
            hide(&mut provider.client_secret);
        }
        hide(&mut self.mail.url);
        hide(&mut self.uploads.s3_secret_key);
        hide(&mut self.database.url);
        hide(&mut self.redis.url);
        hide(&mut self.cluster.secret);
        // Nothing asks for a password in these, and nothing keeps anybody from writing one.
        for url in [
            self.http.public_url.as_mut(),
            self.mail.link_base_url.as_mut(),
            self.accounts.pages_url.as_mut(),
            self.accounts.public_url.as_mut(),
            self.uploads.s3_endpoint.as_mut(),
            self.telemetry.otlp_endpoint.as_mut(),
            self.node.advertise_url.as_mut(),
            self.node.operations_advertise_url.as_mut(),
        ] {
            if let Some(url) = url
                && has_password(url)
            {
                *url = HIDDEN.to_owned();
            }
        }
        for (key, value) in &mut self.kafka.properties {
            if KafkaConfig::is_secret(key) {
                *value = HIDDEN.to_owned();
            }
        }
        self
    }

    /// Every value that cannot be used; `processor` is the id of this node where it will be one.
    fn problems(&self, processor: Option<&str>) -> Vec<Problem> {
        let mut problems = self.ingress().validate().err().unwrap_or_default();
        let distributed = self.kafka.is_used();
        self.node.check(&mut problems, distributed);
        if distributed {
            self.uploads.check_shared(&mut problems);
        }
        self.cluster.check(&mut problems, processor);
        self.reconcile.check(&mut problems);
        self.data.check(&mut problems);
        self.mail().check(&mut problems);
        self.name_addresses(&mut problems);
        self.log.check(&mut problems);
        self.snapshots.check(&mut problems);
        self.database.check(&mut problems);
        self.retention.check(&mut problems);
        self.redis.check(&mut problems);
        self.kafka.check(&mut problems);
        self.telemetry.check(&mut problems);
        let serves = distributed && self.node.is(NodeRole::Ingress);
        if serves && self.has_key() && !self.auth.has_booking_secret() {
            problems.push(Problem {
                key: "auth.booking_secret".to_owned(),
                value: "(not set)".to_owned(),
                expected: "a secret of at least 32 bytes, the same on every node (or \
                           auth.booking_secret_file): from a public key nothing can be derived"
                    .to_owned(),
            });
        }
        if distributed && !self.database.may_be_shared() {
            problems.push(Problem {
                key: "database.url".to_owned(),
                value: "SQLite".to_owned(),
                expected: "postgres://USER:PASSWORD@HOST:PORT/NAME: with kafka.brokers every node \
                           uses the same database"
                    .to_owned(),
            });
        }
        problems
    }

    #[cfg(test)]
    pub(crate) fn for_tests() -> Self {
        let mut config = Self::default();
        config.auth.hs256_secret = Some(Secret::new("x".repeat(32)));
        config
    }
}

/// A URL as errors show it.
pub(crate) fn shown_url(url: &str) -> String {
    if has_password(url) {
        HIDDEN.to_owned()
    } else {
        format!("{url:?}")
    }
}

/// Whether a URL names a user, with a password or without.
pub(crate) fn has_password(url: &str) -> bool {
    authority_of(url).contains('@')
}

/// The host of a URL.
pub(crate) fn host_of(url: &str) -> &str {
    let authority = authority_of(url);
    let host = authority
        .rsplit_once('@')
        .map_or(authority, |(_, host)| host);
    match host.strip_prefix('[') {
        Some(v6) => v6.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    }
}

fn authority_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    // A password may have any of these in it, so the last sign before the host counts.
    let from = rest.rfind('@').unwrap_or(0);
    let end = rest[from..]
        .find(['/', '?', '#'])
        .map_or(rest.len(), |end| from + end);
    &rest[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_found_behind_passwords() {
        for (url, host, hidden) in [
            ("http://h:1/x", "h", false),
            ("https://u:p@h/x?y=z", "h", true),
            ("redis://:p/a?s#s@h:6379/0", "h", true),
            ("rediss://[::1]:6379", "::1", false),
            ("u:p@h:4317", "h", true),
        ] {
            assert_eq!((host_of(url), has_password(url)), (host, hidden), "{url}");
        }
    }

    /// Whatever panics or logs with the configuration in its hands.
    #[test]
    fn no_form_of_the_configuration_shows_a_secret() {
        let mut config = Config::default();
        let secret = || Some(Secret::new("s3cret-of-tests-0123456789abcdef"));
        let url = |scheme: &str| Some(Secret::new(format!("{scheme}://u:s3cret-of-tests@h/x")));
        config.auth.hs256_secret = secret();
        config.auth.booking_secret = secret();
        config.accounts.key = secret();
        config.cluster.secret = secret();
        config.mail.url = url("smtps");
        config.http.public_url = Some("https://u:s3cret-of-tests@h".to_owned());
        config.mail.link_base_url = config.http.public_url.clone();
        config.uploads.location = Some("s3://house".to_owned());
        config.uploads.s3_secret_key = secret();
        config.uploads.s3_endpoint = Some("https://u:s3cret-of-tests@h".to_owned());
        config.database.url = url("postgres");
        config.redis.url = url("redis");
        config.telemetry.otlp_endpoint = Some("http://u:s3cret-of-tests@h:4317".to_owned());
        config.node.advertise_url = Some("http://u:s3cret-of-tests@h:8080".to_owned());
        config.node.operations_advertise_url = config.node.advertise_url.clone();
        config.kafka.brokers = "h:9092".to_owned();
        for key in [
            "sasl.password",
            "ssl.key.password",
            "ssl.key.pem",
            "sasl.oauthbearer.client.secret",
            "sasl.oauthbearer.config",
            "sasl.oauthbearer.assertion.private.key.passphrase",
        ] {
            let value = "s3cret-of-tests".to_owned();
            config.kafka.properties.insert(key.to_owned(), value);
        }
        let shown = config.clone().without_secrets();
        for text in [
            toml::to_string(&shown).unwrap(),
            serde_json::to_string(&shown).unwrap(),
            format!("{shown:?}"),
            format!("{:?}", config.kafka),
            format!("{:?}", config.kafka_settings()),
            format!("{:?}", config.database),
            format!("{:?}", config.redis),
            format!("{:?}", config.auth),
            format!("{:?}", config.accounts),
            format!("{:?}", config.cluster),
            format!("{:?}", config.mail.url),
            format!("{:?}", config.uploads.s3_secret_key),
        ] {
            assert!(!text.contains("s3cret"), "{text}");
        }
        // Nor does a panic that has it in its hands.
        let in_hand = (
            (&config.auth, &config.accounts, &config.cluster),
            (&config.database, &config.redis, &config.kafka),
            &config.mail.url,
        );
        let panicked: Result<(), _> = std::panic::catch_unwind(|| panic!("{in_hand:?}"));
        let panicked = panicked.unwrap_err();
        let said = panicked.downcast_ref::<String>().unwrap();
        assert!(said.contains("hs256_secret"), "{said}");
        assert!(!said.contains("s3cret"), "{said}");
        // And what is wrong with them is said without them.
        config.database.url = url("mysql");
        config.redis.url = url("http");
        config.mail.url = url("imap");
        config.auth.hs256_secret = Some(Secret::new("s3cret"));
        let error = config.checked(true).unwrap_err();
        assert!(error.to_string().contains("redis.url"), "{error}");
        assert!(!error.to_string().contains("s3cret"), "{error}");
        assert!(!format!("{error:?}").contains("s3cret"), "{error:?}");
    }
}
