//! The configuration: sections that check themselves, from a file, the environment and flags.

mod addresses;
mod advertised;
mod data;
mod files;
mod hidden;
mod load;
mod node;
mod peers;
mod public_address;
mod telemetry;
mod urls;

use std::path::PathBuf;

use onsale_accounts::AccountsConfig;
use onsale_auth::AuthConfig;
use onsale_cluster::ClusterConfig;
use onsale_counts::RedisConfig;
use onsale_ingress::{
    GatewayKind, HttpConfig, IngressConfig, PaymentsConfig, PrecheckConfig, Quotas,
    RateLimitConfig, ShowsConfig,
};
use onsale_log::LogConfig;
use onsale_log::kafka::{KafkaConfig, KafkaSettings};
use onsale_messages::MailConfig;
use onsale_processor::config::{ReconcileConfig, SnapshotsConfig};
use onsale_store::DatabaseConfig;
use onsale_store::retention::RetentionConfig;
use onsale_uploads::UploadsConfig;
use serde::{Deserialize, Serialize};

pub(crate) use advertised::{Leads, leads};
pub(crate) use data::DataConfig;
pub(crate) use hidden::HIDDEN;
pub(crate) use load::ConfigError;
pub(crate) use node::{NodeConfig, NodeRole};
pub(crate) use telemetry::{LogFormat, TelemetryConfig};
pub(crate) use urls::{has_password, host_of, shown_url};

use crate::cli::ConfigArgs;
use crate::commands::read_image;
use crate::exit::{Failure, OrFail};
use crate::secrets;

/// A value that cannot be used.
pub(crate) use onsale_settings::ConfigProblem as Problem;

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
        ("mail", "contact"),
        ("mail", "link_base_url"),
        ("payments", "gateway"),
        ("payments", "stripe_key"),
        ("payments", "stripe_key_file"),
        ("payments", "stripe_webhook_secret"),
        ("payments", "stripe_webhook_secret_file"),
        ("payments", "stripe_url"),
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
            payments: self.payments.clone(),
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
        if distributed && self.payments.gateway == Some(GatewayKind::Simulated) {
            problems.push(Problem {
                key: "payments.gateway".to_owned(),
                value: "simulated".to_owned(),
                expected: "stripe: with kafka.brokers each process would have a simulated gateway of its own"
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
        config.auth.hs256_secret = Some(onsale_settings::Secret::new("x".repeat(32)));
        config
    }
}
