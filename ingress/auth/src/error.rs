//! Why a token is refused.

/// Why a token is refused. The messages are for the client; they say nothing that helps to forge one.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum TokenError {
    /// The header is of another form.
    #[error("The Authorization header is not `Bearer <token>`.")]
    Malformed,
    /// More than one reading of the token is possible, or it brings along what is not taken from it.
    #[error("The token is not accepted: {0}.")]
    Form(&'static str),
    /// Signature, algorithm, key, claims or type are wrong. Which of them is for the issuer to find
    /// out.
    #[error("The token is not valid here.")]
    Refused,
    /// Its lifetime is longer than is accepted.
    #[error("The token's lifetime is longer than is accepted here.")]
    TooLong,
    /// Its `nbf` lies ahead.
    #[error("The token is not valid yet.")]
    NotYet,
    /// Its `exp` has passed.
    #[error("The token has expired; get a new one.")]
    Expired,
}
