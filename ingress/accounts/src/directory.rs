//! Accounts as the people who look after the installation see them, over HTTP and at the command line. An entry of
//! the audit trail says which accounts they read, before they get to see them.

use onsale_private::{LookupHash, Private};
use onsale_store::Store;
use onsale_store::account::UserRole;
use onsale_store::audit::AuditEntry;
use onsale_store::listed::{LISTED_USERS_MAX, ListedPlace, ListedUser, UserFilter};
use serde_json::json;
use uuid::Uuid;

use crate::acting::Acting;
use crate::error::AccountError;
use crate::fields;
use crate::vault::Vault;

/// Which accounts are asked for.
#[derive(Debug, Default)]
pub struct AccountQuery {
    /// Only with this role in the installation.
    pub role: Option<UserRole>,
    /// Only the one with this address. There is no searching by a part of it: addresses are sealed, and found by
    /// the keyed hash of the whole.
    pub email: Option<Private>,
    /// Only those behind this one.
    pub after: Option<ListedPlace>,
    /// How many, 1 to [`LISTED_USERS_MAX`].
    pub limit: u32,
}

/// An account with its address.
#[derive(Debug)]
pub struct ListedAccount {
    /// The account.
    pub listed: ListedUser,
    /// The address; `None` once it is erased, or where it does not open.
    pub email: Option<Private>,
    /// The address does not open.
    pub is_unreadable: bool,
}

/// Accounts, newest first.
#[derive(Debug)]
pub struct AccountsPage {
    /// Those of this page.
    pub accounts: Vec<ListedAccount>,
    /// The account behind which the next page begins; `None` on the last one.
    pub next: Option<ListedPlace>,
}

/// See the module.
pub(crate) struct Directory<'a> {
    pub(crate) store: &'a Store,
    pub(crate) vault: &'a Vault,
}

impl Directory<'_> {
    /// A page of the accounts that are not erased.
    ///
    /// # Errors
    /// [`onsale_store::StoreError::RightWithdrawn`]; [`AccountError::Invalid`] for what is no address; when the database
    /// cannot be used.
    pub(crate) async fn list(
        &self,
        query: &AccountQuery,
        by: &Acting,
    ) -> Result<AccountsPage, AccountError> {
        let email = query.email.as_ref().map(fields::email).transpose()?;
        let limit = query.limit.clamp(1, LISTED_USERS_MAX);
        let filter = UserFilter {
            role: query.role,
            email: email.as_ref().map(|email| self.vault.email_hash(email)),
            after: query.after,
            // One more than the page, to know whether there is a next one.
            limit: limit.saturating_add(1),
        };
        let mut found = self.store.listed_users(&filter).await?;
        let page = usize::try_from(limit).unwrap_or(usize::MAX);
        let has_more = found.len() > page;
        found.truncate(page);
        let last = found.last().filter(|_| has_more);
        let next = last.map(ListedUser::place);
        let ids: Vec<Uuid> = found.iter().map(|listed| listed.user.user_id).collect();
        let looked_for = filter.email.as_ref();
        let entry = read(query, looked_for, &ids, by);
        let accounts = found.into_iter().map(|listed| self.open(listed)).collect();
        // In its transaction the right is compared again: nothing is shown to who has lost it.
        self.store.note_read(by.act(entry)).await?;
        Ok(AccountsPage { accounts, next })
    }

    /// One account.
    ///
    /// # Errors
    /// [`onsale_store::StoreError::RightWithdrawn`], [`AccountError::NotFound`]; when the database cannot be used.
    pub(crate) async fn one(&self, id: Uuid, by: &Acting) -> Result<ListedAccount, AccountError> {
        let listed = self.store.listed_user(id).await?;
        let account = self.open(listed.ok_or(AccountError::NotFound("account"))?);
        let entry = by.did("account.read", "user", id);
        self.store.note_read(by.act(entry)).await?;
        Ok(account)
    }

    /// One address that does not open keeps nobody from the account, nor from those beside it.
    fn open(&self, listed: ListedUser) -> ListedAccount {
        let mut is_unreadable = false;
        let email = self.vault.open_email(&listed.user);
        let email = self.vault.shown(email, &mut is_unreadable);
        ListedAccount {
            listed,
            email,
            is_unreadable,
        }
    }
}

/// Whose accounts were read, by ids alone. Where an address was looked for and nobody found, what was looked for is
/// written down by the keyed hash by which it was: the same for the same address, and nothing that says which it is.
fn read(
    query: &AccountQuery,
    looked_for: Option<&LookupHash>,
    ids: &[Uuid],
    by: &Acting,
) -> AuditEntry {
    let by_email = looked_for.is_some();
    if let ([only], true) = (ids, by_email) {
        let entry = by.did("account.read", "user", only);
        return entry.with(json!({ "by_email": true }));
    }
    let mut detail = json!({
        "by_email": by_email,
        "role": query.role.map(UserRole::as_str),
        "users": ids,
    });
    if let Some(hash) = looked_for.filter(|_| ids.is_empty()) {
        let hash = blake3::Hash::from_bytes(*hash.as_bytes());
        detail["email_hash"] = hash.to_hex().as_str().into();
    }
    by.did("account.list", "accounts", "list").with(detail)
}

#[cfg(test)]
mod tests {
    use onsale_store::audit::{Actor, DETAIL_MAX_BYTES};

    use super::*;

    #[test]
    fn what_was_read_of_a_whole_page_has_room_in_its_entry() {
        let id = |number: u32| Uuid::from_u128(u128::MAX - u128::from(number));
        let ids: Vec<Uuid> = (0..LISTED_USERS_MAX).map(id).collect();
        let query = AccountQuery {
            role: Some(UserRole::Buyer),
            ..AccountQuery::default()
        };
        let by = Acting::of(Actor::command_line());
        let entry = read(&query, None, &ids, &by);
        let detail = entry.detail.to_string();
        assert!(detail.len() <= DETAIL_MAX_BYTES, "{} bytes", detail.len());
        for id in &ids {
            assert!(detail.contains(&id.to_string()), "{id}");
        }
    }

    #[test]
    fn an_address_that_nobody_has_is_written_down_by_its_hash() {
        let query = AccountQuery {
            email: Some(Private::new("nobody@example.test")),
            ..AccountQuery::default()
        };
        let by = Acting::of(Actor::command_line());
        let hash = LookupHash::from_bytes([0xab; 32]);
        let nobody = read(&query, Some(&hash), &[], &by);
        assert_eq!(nobody.action, "account.list");
        assert_eq!(nobody.detail["email_hash"], "ab".repeat(32));
        assert_eq!(nobody.detail["by_email"], true);
        let found = read(&query, Some(&hash), &[Uuid::from_u128(7)], &by);
        assert_eq!(found.action, "account.read");
        assert_eq!(found.detail, json!({ "by_email": true }));
    }
}
