//! Why a gateway did not do what it was asked, and why a notice is not believed.

/// What is known when a gateway did not answer with what was asked for.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum GatewayError {
    /// It was certainly not done.
    #[error("the gateway refused it ({code}): {message_for_operator}")]
    Refused {
        /// Why, in a word such as `card_declined`.
        code: String,
        /// Why, in the gateway's words; not for buyers.
        message_for_operator: String,
        /// Whether asking again changes nothing.
        is_final: bool,
    },
    /// It may have been done: no answer came, or one that says nothing. Ask again under the same key, or read.
    #[error("nobody knows whether the gateway did it: {0}")]
    Unknown(String),
    /// It was certainly not done, and neither would be anything else now.
    #[error("the gateway cannot be asked now: {why}")]
    Unavailable {
        /// How long to wait, in milliseconds, where that is known.
        retry_after_ms: Option<u64>,
        /// Why, for the operator.
        why: String,
    },
}

impl GatewayError {
    /// A refusal that stays one.
    pub(crate) fn refused(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Refused {
            code: code.into(),
            message_for_operator: message.into(),
            is_final: true,
        }
    }
}

/// Why a notice is not believed.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum WebhookError {
    /// This gateway sends none.
    #[error("this gateway sends no notices")]
    NotSent,
    /// No signature, or several headers with one.
    #[error("expected one {0} header")]
    Header(&'static str),
    /// The signature's header is not of its form.
    #[error("{header}: expected {expected}")]
    Form {
        /// The header.
        header: &'static str,
        /// What would be right.
        expected: &'static str,
    },
    /// The signature is right or wrong; it is too old, or from the future.
    #[error("signed {off_s} s from now; expected at most {tolerance_s} s: is the clock right?")]
    Time {
        /// How far its time is from now, in seconds.
        off_s: u64,
        /// How far it may be.
        tolerance_s: u64,
    },
    /// No signature is by one of the secrets.
    #[error("no signature of this body is by one of the webhook secrets")]
    Signature,
    /// It is larger than [`NOTICE_MAX_BYTES`](super::NOTICE_MAX_BYTES).
    #[error("the body has {0} bytes; expected at most {max}", max = super::NOTICE_MAX_BYTES)]
    TooLarge(usize),
    /// It is signed, and is no event.
    #[error("the body is no event: {0}")]
    Body(&'static str),
}
