//! Accounts, tenants, memberships, sessions and one-time tokens as rows. What is personal comes here
//! sealed and leaves sealed: this crate has no key.

mod api_key;
mod guest;
mod identity;
mod invitation;
mod mandate;
mod one_time_token;
mod session;
mod tenant;
mod user;

pub use api_key::ApiKeyRow;
pub use guest::{GUESTS_PER_ACCOUNT_MAX, GuestRow, TakeOver};
pub use identity::{IDENTITIES_PER_USER_MAX, IdentityRow, LinkCondition, Linking, Unlinking};
pub use invitation::{Acceptance, InvitationRow, NewInvitation};
pub use mandate::{Act, Gain, Mandate, Requirement};
pub use one_time_token::{
    AccountProof, KeptLink, LinkPace, OneTimeToken, Purpose, WRONG_PASSWORDS_PER_LINK_MAX,
};
pub use session::{
    SESSIONS_PER_USER_MAX, SessionEnd, SessionRow, SessionStep, SuccessorSalt, TokenHash,
};
pub use tenant::{Membership, MembershipChange, TenantChange, TenantRow};
pub use user::{Erasure, PasswordHash, ProfileChange, SealedEmail, UserRole, UserRow};
