//! Why a provider does not say who someone is.

/// Why a provider does not say who someone is. No message repeats what it sent, and none names a person.
#[derive(Debug, thiserror::Error)]
pub enum ProviderError {
    /// It could not be asked.
    #[error("the provider cannot be reached")]
    Unreachable(#[source] reqwest::Error),
    /// It did not answer in time.
    #[error("the provider did not answer in time")]
    Slow,
    /// It answered with another status than 200.
    #[error("the provider answered {0}")]
    Status(u16),
    /// Its answer is longer than such an answer is.
    #[error("the provider's answer is too large")]
    TooLarge,
    /// Its answer is not what it should be.
    #[error("the provider's answer is not usable: {0}")]
    Answer(&'static str),
    /// Its token is not valid.
    #[error("the provider's token is refused: {0}")]
    Token(&'static str),
    /// It could not be asked a moment ago, and is not asked again yet.
    #[error("the provider did not answer as it should a moment ago")]
    FailedLately {
        /// Whether it was not there then.
        is_outage: bool,
    },
    /// As many sign-ins with it are on their way as may be.
    #[error("too many sign-ins are on their way")]
    Busy,
}

impl ProviderError {
    /// Whether the provider is not there, as against one that says something else than it should.
    pub(super) fn is_outage(&self) -> bool {
        match self {
            Self::Unreachable(_) | Self::Slow => true,
            Self::FailedLately { is_outage } => *is_outage,
            Self::Status(status) => *status >= 500,
            Self::TooLarge | Self::Answer(_) | Self::Token(_) | Self::Busy => false,
        }
    }
}
