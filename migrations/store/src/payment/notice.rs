//! What a gateway says by itself: the inbox.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Longest id of a notice, in bytes.
pub const NOTICE_ID_MAX_BYTES: usize = 160;
/// Longest kind of a notice, in bytes.
pub const NOTICE_KIND_MAX_BYTES: usize = 200;

/// A notice to be put into the inbox. Its signature was checked. Its body is not kept: what is acted on is what the
/// gateway says when it is asked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewNotice {
    /// The gateway's id of it, by which a repeat is known.
    pub event_id: String,
    /// What happened, in the gateway's word, known to us or not.
    pub kind: String,
    /// The object of a payment that it is about, as far as it says.
    pub object: Option<String>,
    /// The payment that it is about, as far as it says.
    pub payment: Option<Uuid>,
    /// The gateway's refund that it is about.
    pub refund: Option<String>,
    /// The gateway's dispute that it is about.
    pub dispute: Option<String>,
    /// When it happened, in Unix milliseconds.
    pub created_at_ms: u64,
}

/// A notice that lies in the inbox.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StoredNotice {
    /// Who said it.
    pub gateway: String,
    /// What was said.
    pub notice: NewNotice,
    /// When it was put there, in Unix milliseconds by the database's clock.
    pub received_at_ms: u64,
    /// When it was acted on, and what became of it.
    pub handled: Option<Handled>,
}

/// What became of a notice.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Handled {
    /// When, in Unix milliseconds.
    pub at_ms: u64,
    /// What, for an operator.
    pub outcome: String,
}

/// The payload of a job [`super::NOTICE_JOB`]: which notice of the inbox it is.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct NoticeKey {
    /// Who said it.
    pub gateway: String,
    /// The gateway's id of it.
    pub event_id: String,
}
