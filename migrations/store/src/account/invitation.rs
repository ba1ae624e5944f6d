//! Invitations to a tenant.

use onsale_private::Sealed;
use onsale_schemas::MemberRole;
use uuid::Uuid;

use super::{Membership, OneTimeToken};

/// An invitation to be sent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewInvitation {
    /// Its id, which is the key of the job that mails it, too.
    pub invitation_id: Uuid,
    /// Its token, with the address by hash and what it is to.
    pub token: OneTimeToken,
    /// The address, for the list of those who may withdraw it.
    pub address: Sealed,
    /// The account that invites; `None` where that is none.
    pub invited_by: Option<Uuid>,
}

/// An invitation that waits for an answer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct InvitationRow {
    /// Its id.
    pub invitation_id: Uuid,
    /// The address that it was sent to.
    pub address: Sealed,
    /// What the person is to be.
    pub role: MemberRole,
    /// The account that invited; `None` where that was none.
    pub invited_by: Option<Uuid>,
    /// When it was sent, in milliseconds since 1970.
    pub issued_at_ms: u64,
    /// Until when it is good, in milliseconds since 1970.
    pub expires_at_ms: u64,
}

/// The result of accepting an invitation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Acceptance {
    /// The person belongs to the tenant.
    Accepted(Membership),
    /// The token is not good, or the tenant is closed.
    NotGood,
    /// It was sent to another address than that of the account.
    OtherAddress,
    /// The person is the only owner, and a tenant always has one.
    LastOwner,
}
