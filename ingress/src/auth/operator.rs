//! Tokens of operators, for interfaces beside the public one.

use super::caller::Role;
use super::key::KeyError;
use super::token::Authenticator;
use crate::clock::{Clock, SystemClock};
use crate::config::AuthConfig;

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
    pub fn admits(&self, header: &[u8]) -> bool {
        self.0
            .authenticate(header, SystemClock.now_ms())
            .is_ok_and(|caller| caller.role == Role::Operator)
    }
}
