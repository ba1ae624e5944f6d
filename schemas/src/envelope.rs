//! What every command travels in.

use bincode::enc::Encoder;
use bincode::error::EncodeError;
use bincode::{Decode, Encode};
use uuid::Uuid;

use crate::command::Command;
use crate::derived::derived;
use crate::ids::{ReferenceHash, RequestId, TenantId, UserId};

/// A command with what the log needs to know about its request.
///
/// There are two layouts: version 1 ends with the command, version 2 has `by` behind it. One without
/// `by` is always written as version 1.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Envelope {
    /// Who waits for the outcome; `None` for machine-made records (ticks, claims, barriers).
    pub request_id: Option<RequestId>,
    /// Set when the client gave an idempotency key: the fingerprint of the request's meaning
    /// ([`fingerprint`]). The answer is then remembered under `request_id` for
    /// [`crate::limits::IDEMPOTENCY_WINDOW_MS`].
    pub idempotency: Option<u64>,
    /// W3C trace context of the request, when it is sampled.
    pub trace: Option<TraceContext>,
    /// The command.
    pub command: Command,
    /// The member of staff who asks; `None` for buyers, whose commands name them, for machine-made
    /// records and for records from before machine version 2.
    pub by: Option<Staff>,
}

/// A member of a tenant's staff, or a service, that the edge has checked.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Staff {
    /// The account.
    pub user: UserId,
    /// The tenant whose shows it may touch; `None` for the installation's own accounts, which may
    /// touch those of every tenant.
    pub tenant: Option<TenantId>,
}

impl Envelope {
    /// The machine version from which on the record has a meaning, see
    /// [`Command::machine_version`].
    pub fn machine_version(&self) -> u16 {
        let layout = if self.by.is_some() { 2 } else { 1 };
        self.command.machine_version().max(layout)
    }

    /// A record that no client waits for.
    pub fn machine(command: Command) -> Self {
        Self {
            request_id: None,
            idempotency: None,
            trace: None,
            command,
            by: None,
        }
    }
}

impl Encode for Envelope {
    fn encode<E: Encoder>(&self, encoder: &mut E) -> Result<(), EncodeError> {
        self.request_id.encode(encoder)?;
        self.idempotency.encode(encoder)?;
        self.trace.encode(encoder)?;
        self.command.encode(encoder)?;
        match &self.by {
            Some(by) => by.encode(encoder),
            None => Ok(()),
        }
    }
}

/// The layout of version 1, to be read.
#[derive(Decode)]
pub(crate) struct EnvelopeV1 {
    request_id: Option<RequestId>,
    idempotency: Option<u64>,
    trace: Option<TraceContext>,
    command: Command,
}

/// The layout of version 2, to be read.
#[derive(Decode)]
pub(crate) struct EnvelopeV2 {
    first: EnvelopeV1,
    by: Staff,
}

impl From<EnvelopeV1> for Envelope {
    fn from(first: EnvelopeV1) -> Self {
        Self {
            request_id: first.request_id,
            idempotency: first.idempotency,
            trace: first.trace,
            command: first.command,
            by: None,
        }
    }
}

impl From<EnvelopeV2> for Envelope {
    fn from(second: EnvelopeV2) -> Self {
        Self {
            by: Some(second.by),
            ..second.first.into()
        }
    }
}

/// `traceparent` in binary: trace id, span id, flags.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
pub struct TraceContext {
    /// The trace.
    pub trace_id: [u8; 16],
    /// The span that wrote the record.
    pub span_id: [u8; 8],
    /// W3C trace flags.
    pub flags: u8,
}

/// The request id of an idempotent request: the same for the same user and key on every node.
pub fn idempotent_request_id(user: UserId, key: &str) -> RequestId {
    let name = "onsale 2026 idempotency key to request id";
    let bytes = derived(name, &[user.as_bytes(), key.as_bytes()]);
    RequestId(Uuid::new_v8(bytes))
}

/// As [`idempotent_request_id`] for those who work for a tenant: the same account in another tenant
/// is another one.
pub fn staff_request_id(tenant: Option<TenantId>, user: UserId, key: &str) -> RequestId {
    let name = "onsale 2026 idempotency key of staff to request id";
    let tenant = tenant.map_or(Uuid::nil(), |tenant| tenant.0);
    let bytes = derived(name, &[tenant.as_bytes(), user.as_bytes(), key.as_bytes()]);
    RequestId(Uuid::new_v8(bytes))
}

/// A tenant's payment reference as the log knows it.
pub fn reference_hash(tenant: TenantId, reference: &str) -> ReferenceHash {
    let name = "onsale 2026 tenant and payment reference";
    ReferenceHash::from_bytes(derived(name, &[tenant.as_bytes(), reference.as_bytes()]))
}

/// A fingerprint of what a request means: operation, target and body.
///
/// The body counts by its bytes: a client that repeats a request repeats its bytes.
pub fn fingerprint(operation: &str, target: &str, body: &[u8]) -> u64 {
    let mut hasher = xxhash_rust::xxh3::Xxh3::new();
    for part in [operation.as_bytes(), target.as_bytes(), body] {
        // The length in front keeps ("ab", "c") apart from ("a", "bc").
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    hasher.digest()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn request_id_depends_on_user_and_key() {
        let user = UserId::from_bytes([1; 16]);
        let id = idempotent_request_id(user, "a");
        assert_eq!(id, idempotent_request_id(user, "a"));
        assert_ne!(id, idempotent_request_id(user, "b"));
        assert_ne!(id, idempotent_request_id(UserId::from_bytes([2; 16]), "a"));
        assert_eq!(id.0.get_version_num(), 8);
    }

    /// Ids in logs and databases were derived so.
    #[test]
    fn derived_ids_stay_what_they_are() {
        let user = UserId::from_bytes([1; 16]);
        let tenant = TenantId::from_bytes([2; 16]);
        for (id, expected) in [
            (
                idempotent_request_id(user, "key-1").0,
                "85a32a43-78d3-8aee-8c4a-09599c81c306",
            ),
            (
                staff_request_id(Some(tenant), user, "key-1").0,
                "f196aab6-546f-8b41-8d57-a88210b1e700",
            ),
            (
                staff_request_id(None, user, "key-1").0,
                "7408069b-b925-860c-a7b8-6cbefefa46af",
            ),
            (
                reference_hash(tenant, "ref-1").0,
                "078259ef-adf4-2031-d49e-0d0dcf653e74",
            ),
        ] {
            assert_eq!(id.to_string(), expected);
        }
    }

    #[test]
    fn fingerprint_keeps_its_parts_apart() {
        assert_ne!(
            fingerprint("reserve", "", b"x"),
            fingerprint("reserv", "e", b"x")
        );
        assert_ne!(fingerprint("a", "b", b"c"), fingerprint("a", "b", b"d"));
        assert_eq!(fingerprint("a", "b", b"c"), fingerprint("a", "b", b"c"));
    }
}
