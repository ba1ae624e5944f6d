//! The audit trail: who did what.
//!
//! An entry is written in the transaction of the fact that it is about, so neither is ever there without
//! the other. What the log decides has its entries from the projector, in the transaction that writes
//! what was decided (`projection/trail.rs`), so a sale waits for none of it. Entries are never changed,
//! and deleted only when they are years old; whether anyone else did shows by their chains
//! (`audit/chain.rs`, `store/audit/verify.rs`).

pub(crate) mod chain;
mod changes;
mod origin;
mod report;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::account_answer::LastAnswer;
use crate::error::StoreError;

pub use chain::INSTALLATION;
pub use changes::Changes;
pub use origin::address_block;
pub use report::{Anchor, AuditReport, FINDINGS_MAX, Finding, Problem};

/// Longest role of an actor, in bytes.
const ROLE_MAX_BYTES: usize = 32;
/// Longest id of a request, in bytes.
const REQUEST_ID_MAX_BYTES: usize = 128;
/// Longest name of an action, in bytes.
const ACTION_MAX_BYTES: usize = 64;
/// Longest kind of a subject, in bytes.
const SUBJECT_KIND_MAX_BYTES: usize = 32;
/// Longest id of a subject, in bytes.
const SUBJECT_ID_MAX_BYTES: usize = 200;
/// Longest origin, in bytes.
const ORIGIN_MAX_BYTES: usize = 64;
/// Longest detail, in bytes of JSON.
pub const DETAIL_MAX_BYTES: usize = 4_096;

/// The kinds of things that entries are about.
pub const SUBJECT_KINDS: &[&str] = &[
    "accounts",
    "api_key",
    "audit",
    "booking",
    "category",
    "event",
    "guest",
    "job",
    "map",
    "partition",
    "payment",
    "refund",
    "retention_report",
    "show",
    "tenant",
    "user",
    "venue",
];

/// The role of an operator who works on the database with the command line.
const COMMAND_LINE: &str = "command_line";
/// The role of a node that does not say on whose behalf it acts.
const NODE: &str = "node";

/// Who acts, and by which request.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Actor {
    /// The account; `None` for the command line.
    pub id: Option<Uuid>,
    /// In which role.
    pub role: String,
    /// The tenant that the account belongs to; `None` for the installation's own.
    pub tenant_id: Option<Uuid>,
    /// The request by which it acts, as its answer names it.
    pub request_id: Option<String>,
    /// The block of addresses that the request came from, see [`address_block`]; nodes of earlier
    /// versions do not say.
    #[serde(default)]
    pub origin: Option<String>,
}

impl Actor {
    /// An operator at the command line of a machine that reaches the database.
    pub fn command_line() -> Self {
        Self::without_account(COMMAND_LINE)
    }

    /// A node that does not say on whose behalf it acts, as one of an earlier version.
    pub fn node() -> Self {
        Self::without_account(NODE)
    }

    fn without_account(role: &str) -> Self {
        Self {
            id: None,
            role: role.to_owned(),
            tenant_id: None,
            request_id: None,
            origin: None,
        }
    }

    /// An entry that this actor did `action` to the subject of that kind and id.
    pub fn did(
        &self,
        action: &'static str,
        subject_kind: &'static str,
        subject_id: impl ToString,
    ) -> AuditEntry {
        // Nobody could ask for its entries otherwise.
        debug_assert!(
            SUBJECT_KINDS.contains(&subject_kind),
            "{subject_kind} is missing in SUBJECT_KINDS"
        );
        debug_assert!(is_action(action), "{action} is no name of an action");
        AuditEntry {
            actor: self.clone(),
            action,
            subject_kind,
            subject_id: subject_id.to_string(),
            tenant_id: None,
            detail: Value::Null,
            answer: None,
        }
    }
}

/// Whether a text has the form of an action's name: what was done to a kind of thing, as `event.change`.
pub fn is_action(text: &str) -> bool {
    let is_word = |word: &str| {
        !word.is_empty()
            && word
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte == b'_')
    };
    text.len() <= ACTION_MAX_BYTES
        && text
            .split_once('.')
            .is_some_and(|(of, done)| is_word(of) && is_word(done))
}

/// What is to be written down about a change.
#[derive(Clone, PartialEq, Debug)]
pub struct AuditEntry {
    /// Who did it.
    pub actor: Actor,
    /// What was done, as `event.change`.
    pub action: &'static str,
    /// What kind of thing it was done to, as `event`.
    pub subject_kind: &'static str,
    /// The id of that thing.
    pub subject_id: String,
    /// The tenant that the thing belongs to; `None` for what is the installation's.
    pub tenant_id: Option<Uuid>,
    /// What else there is to know, without personal data; null where there is nothing.
    pub detail: Value,
    /// What the call that did it answers, if that came with an idempotency key: it is remembered with the entry, and
    /// is no part of it.
    pub answer: Option<Box<LastAnswer>>,
}

impl AuditEntry {
    /// About something that belongs to this tenant.
    #[must_use]
    pub fn of_tenant(self, tenant_id: Uuid) -> Self {
        Self {
            tenant_id: Some(tenant_id),
            ..self
        }
    }

    /// With something more to know. No personal data: entries are kept for years, whoever is erased.
    #[must_use]
    pub fn with(self, detail: Value) -> Self {
        Self { detail, ..self }
    }

    /// With what the call answers that did it: who repeats the call is told that it is done, whatever becomes of the
    /// process that did it.
    #[must_use]
    pub fn answering(self, answer: Option<LastAnswer>) -> Self {
        Self {
            answer: answer.map(Box::new),
            ..self
        }
    }

    /// With the fields that changed, beside what else there is to know.
    #[must_use]
    pub fn with_changes(mut self, changes: &Changes) -> Self {
        match &mut self.detail {
            Value::Object(detail) => {
                detail.insert("changes".to_owned(), changes.to_value());
            }
            detail => *detail = json!({ "changes": changes.to_value() }),
        }
        self
    }

    /// The detail as it is stored.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] when a field has no room in its column.
    pub(crate) fn checked_detail(&self) -> Result<Option<String>, StoreError> {
        let detail = (!self.detail.is_null()).then(|| self.detail.to_string());
        let of = |text: &Option<String>| text.as_ref().map_or(1, String::len);
        for (what, length, max) in [
            ("actor's role", self.actor.role.len(), ROLE_MAX_BYTES),
            (
                "request id",
                of(&self.actor.request_id),
                REQUEST_ID_MAX_BYTES,
            ),
            ("origin", of(&self.actor.origin), ORIGIN_MAX_BYTES),
            ("action", self.action.len(), ACTION_MAX_BYTES),
            (
                "subject's kind",
                self.subject_kind.len(),
                SUBJECT_KIND_MAX_BYTES,
            ),
            ("subject's id", self.subject_id.len(), SUBJECT_ID_MAX_BYTES),
            ("detail", of(&detail), DETAIL_MAX_BYTES),
        ] {
            if length == 0 || length > max {
                return Err(StoreError::Invalid(format!(
                    "the {what} of an audit entry about {:?} has {length} bytes: expected 1 to {max}",
                    self.action
                )));
            }
        }
        Ok(detail)
    }
}

/// What a commit writes into the audit trail.
#[derive(Clone, PartialEq, Debug)]
pub enum Audit {
    /// An entry.
    Entry(Box<AuditEntry>),
    /// An entry for each of the things that it changes.
    Entries(Vec<AuditEntry>),
    /// Nothing, for a reason.
    Skipped(Unaudited),
}

impl Audit {
    /// Each entry with the fields that changed.
    #[must_use]
    pub(crate) fn with_changes(self, changes: &Changes) -> Self {
        match self {
            Self::Entry(entry) => Self::Entry(Box::new(entry.with_changes(changes))),
            Self::Entries(entries) => {
                let entries = entries.into_iter();
                Self::Entries(entries.map(|entry| entry.with_changes(changes)).collect())
            }
            skipped @ Self::Skipped(_) => skipped,
        }
    }

    /// With one entry more.
    #[must_use]
    pub(crate) fn and(self, entry: AuditEntry) -> Self {
        let mut entries = match self {
            Self::Entry(first) => vec![*first],
            Self::Entries(entries) => entries,
            Self::Skipped(_) => Vec::new(),
        };
        entries.push(entry);
        Self::Entries(entries)
    }

    /// The entries, in order.
    pub(crate) fn entries(&self) -> &[AuditEntry] {
        match self {
            Self::Entry(entry) => std::slice::from_ref(entry),
            Self::Entries(entries) => entries,
            Self::Skipped(_) => &[],
        }
    }
}

impl From<AuditEntry> for Audit {
    fn from(entry: AuditEntry) -> Self {
        Self::Entry(Box::new(entry))
    }
}

impl From<Unaudited> for Audit {
    fn from(why: Unaudited) -> Self {
        Self::Skipped(why)
    }
}

/// Why a commit leaves no entry.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unaudited {
    /// The log decided it: what there is to write down was written with the rows.
    Logged,
    /// The program did it by itself: a lease, a schedule, what it has to remember, what it forgets.
    Automatic,
    /// A test writes it.
    #[cfg(feature = "testing")]
    Unattended,
}

/// An entry of the audit trail.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct AuditRow {
    /// Its number; later entries have greater ones.
    pub audit_id: u64,
    /// When, by the database's clock, in milliseconds since 1970.
    pub at_ms: u64,
    /// Who.
    pub actor: Actor,
    /// What was done.
    pub action: String,
    /// What kind of thing it was done to.
    pub subject_kind: String,
    /// The id of that thing.
    pub subject_id: String,
    /// The tenant that the thing belongs to.
    pub tenant_id: Option<Uuid>,
    /// What else there is to know.
    pub detail: Value,
}

/// Which entries to list, newest first.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct AuditFilter {
    /// Only about this kind of thing.
    pub subject_kind: Option<String>,
    /// Only about the thing with this id.
    pub subject_id: Option<String>,
    /// Only about what belongs to this tenant.
    pub tenant_id: Option<Uuid>,
    /// Only what this account did.
    pub actor_id: Option<Uuid>,
    /// Only this action.
    pub action: Option<String>,
    /// Only of this time and later, in milliseconds since 1970.
    pub from_ms: Option<u64>,
    /// Only of before this time, in milliseconds since 1970.
    pub until_ms: Option<u64>,
    /// Only entries before this one.
    pub before: Option<u64>,
    /// At most this many.
    pub limit: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_action_is_what_was_done_to_a_kind_of_thing() {
        for action in ["event.change", "account.first_admin", "api_key.revoke"] {
            assert!(is_action(action), "{action}");
        }
        let long = format!("event.{}", "x".repeat(ACTION_MAX_BYTES));
        for other in [
            "",
            "foo",
            ".",
            "event.",
            ".change",
            "Event.change",
            "event change",
            "event.change.twice",
            "event.chänge",
            &long,
        ] {
            assert!(!is_action(other), "{other}");
        }
    }
}
