//! Accounts as admins read them.

use onsale_accounts::ListedAccount;
use onsale_private::Private;
use onsale_store::account::UserRole;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::error::ApiError;
use crate::routes::tenants::MembershipBody;
use crate::values::Instant;

/// The names of the roles of accounts.
pub(super) const ROLES: &[&str] = &["buyer", "admin"];

/// An account, as an admin of the installation sees it.
#[derive(Serialize, ToSchema)]
#[schema(as = Account)]
pub(crate) struct AccountBody {
    user_id: Uuid,
    /// What it is to the installation: `buyer` or `admin`.
    role: &'static str,
    /// `null` once the account is erased.
    email: Option<String>,
    /// Whether a link that was mailed to the address was followed, or a provider vouched for it.
    email_verified: bool,
    /// Whether account and mailbox are known to be one person's: the link was followed in a session of the account or
    /// with its password, or its password was set by mail. Only such an account becomes an admin.
    address_owned: bool,
    /// Since when it cannot sign in; `null`: it can.
    disabled_at: Option<Instant>,
    /// When it was erased; `null`: it was not.
    erased_at: Option<Instant>,
    /// Whether it has a second factor that is in use.
    second_factor: bool,
    created_at: Instant,
    /// When the latest of its sessions was opened, as far as sessions are kept.
    last_sign_in_at: Option<Instant>,
    /// The open tenants that it belongs to, by slug; at most 100.
    memberships: Vec<MembershipBody>,
    /// Whether something of it is `null` because what is kept of it does not open: it is damaged, or its key is not
    /// configured.
    unreadable: bool,
}

impl From<ListedAccount> for AccountBody {
    fn from(account: ListedAccount) -> Self {
        let ListedAccount {
            listed,
            email,
            is_unreadable,
        } = account;
        let user = listed.user;
        Self {
            user_id: user.user_id,
            role: user.role.as_str(),
            email: email.map(Private::into_exposed),
            email_verified: user.email_verified_at_ms.is_some(),
            address_owned: user.owns_address(),
            disabled_at: user.disabled_at_ms.map(Instant),
            erased_at: user.erased_at_ms.map(Instant),
            second_factor: listed.has_second_factor,
            created_at: Instant(user.created_at_ms),
            last_sign_in_at: listed.last_sign_in_at_ms.map(Instant),
            memberships: listed
                .tenants
                .into_iter()
                .map(MembershipBody::from)
                .collect(),
            unreadable: is_unreadable,
        }
    }
}

/// The role of a name.
pub(super) fn role(name: &str) -> Result<UserRole, ApiError> {
    UserRole::parse(name).ok_or_else(|| ApiError::invalid("role", name, "buyer or admin"))
}
