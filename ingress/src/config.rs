//! Settings of the ingress in sections that check themselves. The binary's configuration file maps
//! onto them.

mod address_blocks;
mod http;
mod payments;
mod precheck;
mod rate_limit;
mod shows;

use onsale_accounts::AccountsConfig;
use onsale_auth::AuthConfig;
use onsale_settings::ConfigProblem;
use onsale_store::catalog::Quotas;
use onsale_uploads::{Reading, UploadsConfig};
use serde::{Deserialize, Serialize};

pub use address_blocks::{AddressBlocksConfig, AddressBlocksMode};
pub use http::HttpConfig;
pub use payments::{GatewayKind, PaymentsConfig};
pub use precheck::PrecheckConfig;
pub use rate_limit::{Rate, RateLimitConfig};
pub use shows::ShowsConfig;

/// All settings of the ingress.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct IngressConfig {
    /// Connections, bodies, deadlines.
    pub http: HttpConfig,
    /// How tokens are verified.
    pub auth: AuthConfig,
    /// People, and how they sign in.
    pub accounts: AccountsConfig,
    /// How often a user may ask.
    pub rate_limit: RateLimitConfig,
    /// Where what organizers upload lies.
    pub uploads: UploadsConfig,
    /// Where images among it are read. The program says so, and no file.
    #[serde(skip)]
    pub reading: Reading,
    /// Payments.
    pub payments: PaymentsConfig,
    /// Early refusals.
    pub precheck: PrecheckConfig,
    /// How much an organizer may have.
    pub quota: Quotas,
    /// What new shows get that their organizers do not say.
    pub shows: ShowsConfig,
}

impl IngressConfig {
    /// Every setting that cannot be used, all of them at once.
    ///
    /// # Errors
    /// The list of problems when there is at least one.
    pub fn validate(&self) -> Result<(), Vec<ConfigProblem>> {
        let mut problems = Vec::new();
        self.http.check(&mut problems);
        self.auth.check(&mut problems);
        self.accounts.check(&mut problems);
        self.rate_limit.check(&mut problems);
        self.uploads.check(&mut problems);
        self.payments.check(&mut problems);
        self.shows.check(&mut problems);
        if self.accounts.insecure_cookies && self.http.tls_certificate_file.is_some() {
            problems.push(ConfigProblem::new(
                "accounts.insecure_cookies",
                "true",
                "false: http.tls_certificate_file is set, so browsers keep cookies with `Secure`",
            ));
        }
        if problems.is_empty() {
            Ok(())
        } else {
            Err(problems)
        }
    }
}
