//! Tokens of operators, for interfaces beside the public one.

use crate::config::AuthConfig;
use crate::key::KeyError;
use crate::role::Role;
use crate::token::Authenticator;

/// Tells whether a request comes from an operator.
pub struct OperatorTokens(Authenticator);

impl OperatorTokens {
    /// With the configured key.
    ///
    /// # Errors
    /// When the key cannot be used.
    pub fn new(config: &AuthConfig) -> Result<Self, KeyError> {
        Authenticator::new(config).map(Self)
    }

    /// True when the value of an `Authorization` header is the valid token of an operator.
    pub fn admits(&self, header: &[u8], now_ms: u64) -> bool {
        self.0
            .authenticate(header, now_ms)
            .is_ok_and(|caller| caller.role == Role::Operator)
    }
}
