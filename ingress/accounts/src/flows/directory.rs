//! What admins of the installation see and do of other people's accounts, and which tenants there are. Whether the
//! caller may is decided before: these do what they are told.

use onsale_store::StoreError;
use onsale_store::account::{SessionEnd, UserRole, UserRow};
use onsale_store::listed::{LISTED_MEMBERSHIPS_MAX, ListedTenant, TenantFilter, TenantOfUser};
use serde_json::json;
use uuid::Uuid;

use crate::accounts::Accounts;
use crate::acting::Acting;
use crate::directory::{AccountQuery, AccountsPage, Directory, ListedAccount};
use crate::error::AccountError;

/// Tenants, by slug.
#[derive(Debug)]
pub struct TenantsPage {
    /// Those of this page.
    pub tenants: Vec<ListedTenant>,
    /// The slug behind which the next page begins; `None` on the last one.
    pub next: Option<String>,
}

impl Accounts {
    /// A page of accounts; that they were read is written down.
    ///
    /// # Errors
    /// [`AccountError::StepUp`] and [`StoreError::RightWithdrawn`], as for changes; [`AccountError::Invalid`] for what is
    /// no address; when the database cannot be used.
    pub async fn accounts(
        &self,
        query: &AccountQuery,
        by: &Acting,
        now_ms: u64,
    ) -> Result<AccountsPage, AccountError> {
        self.require_recent_factor_of_staff(by, now_ms).await?;
        let directory = self.directory(now_ms).await?;
        directory.list(query, by).await
    }

    /// An account; that it was read is written down.
    ///
    /// # Errors
    /// [`AccountError::StepUp`], [`AccountError::NotFound`] and [`StoreError::RightWithdrawn`]; when the database cannot
    /// be used.
    pub async fn account(
        &self,
        id: Uuid,
        by: &Acting,
        now_ms: u64,
    ) -> Result<ListedAccount, AccountError> {
        self.require_recent_factor_of_staff(by, now_ms).await?;
        let directory = self.directory(now_ms).await?;
        directory.one(id, by).await
    }

    /// Within the caller's scope: what a token does not reach is not shown, whoever calls this.
    async fn directory(&self, now_ms: u64) -> Result<Directory<'_>, AccountError> {
        Ok(Directory {
            store: &self.tenants,
            vault: self.vault(now_ms).await?,
        })
    }

    /// Keeps an account from signing in and ends its sessions, or lets it sign in again. What it is already
    /// leaves no entry.
    ///
    /// # Errors
    /// [`AccountError::StepUp`], [`AccountError::NotFound`], [`StoreError::LastAdmin`] and others.
    pub async fn set_account_disabled(
        &self,
        id: Uuid,
        disabled: bool,
        by: &Acting,
        now_ms: u64,
    ) -> Result<(), AccountError> {
        self.require_recent_factor_of(by, now_ms).await?;
        let before = self.account_row(id).await?;
        if before.disabled_at_ms.is_some() == disabled {
            return Ok(());
        }
        let action = if disabled {
            "account.disable"
        } else {
            "account.enable"
        };
        let act = by.act(by.did(action, "user", id));
        let changed = self.store.set_user_disabled(id, disabled, now_ms, act);
        changed
            .await?
            .map(drop)
            .ok_or(AccountError::NotFound("account"))
    }

    /// Gives an account another role in the installation and ends its sessions. The role that it has already
    /// changes nothing and leaves no entry.
    ///
    /// # Errors
    /// [`AccountError::StepUp`], [`AccountError::NotFound`], [`AccountError::OwnerUnknown`],
    /// [`StoreError::LastAdmin`] and others.
    pub async fn set_account_role(
        &self,
        id: Uuid,
        role: UserRole,
        by: &Acting,
        now_ms: u64,
    ) -> Result<(), AccountError> {
        self.require_recent_factor_of(by, now_ms).await?;
        let before = self.account_row(id).await?;
        if before.role == role {
            return Ok(());
        }
        let entry = by
            .did("account.role", "user", id)
            .with(json!({ "before": before.role.as_str(), "after": role.as_str() }));
        let act = by.act(entry);
        let changed = self.store.set_role_of_owner(id, role, now_ms, act).await;
        match changed {
            Err(StoreError::AddressNotOwned) => Err(AccountError::OwnerUnknown),
            other => other?.map(drop).ok_or(AccountError::NotFound("account")),
        }
    }

    /// Ends every session of an account; how many there were.
    ///
    /// # Errors
    /// [`AccountError::StepUp`], [`AccountError::NotFound`] and others.
    pub async fn end_sessions_of(
        &self,
        id: Uuid,
        by: &Acting,
        now_ms: u64,
    ) -> Result<u64, AccountError> {
        self.require_recent_factor_of(by, now_ms).await?;
        self.account_row(id).await?;
        let entry = by
            .did("session.end", "user", id)
            .with(json!({ "sessions": "all" }));
        let why = SessionEnd::Operator;
        let ended = self
            .store
            .end_sessions(id, None, why, now_ms, by.act(entry));
        Ok(ended.await?)
    }

    /// An account that is not erased.
    async fn account_row(&self, id: Uuid) -> Result<UserRow, AccountError> {
        let row = self.store.user(id).await?;
        let row = row.filter(|row| row.erased_at_ms.is_none());
        row.ok_or(AccountError::NotFound("account"))
    }

    /// A page of the open tenants that the caller's token reaches, with `search` in slug or name.
    ///
    /// # Errors
    /// When the database cannot be used.
    pub async fn all_tenants(
        &self,
        search: Option<String>,
        after: Option<String>,
        limit: u32,
    ) -> Result<TenantsPage, AccountError> {
        let filter = TenantFilter {
            member: None,
            search,
            after,
            limit: limit.saturating_add(1),
        };
        let found = self.tenants.listed_tenants(&filter).await?;
        Ok(TenantsPage::of(found, limit))
    }

    /// A page of the open tenants that a person belongs to, with `search` in slug or name.
    ///
    /// # Errors
    /// When the database cannot be used.
    pub async fn tenants_of(
        &self,
        user: Uuid,
        search: Option<String>,
        after: Option<String>,
        limit: u32,
    ) -> Result<TenantsPage, AccountError> {
        let filter = TenantFilter {
            member: Some(user),
            search,
            after,
            limit: limit.saturating_add(1),
        };
        let found = self.store.listed_tenants(&filter).await?;
        Ok(TenantsPage::of(found, limit))
    }

    /// The open tenants that a person belongs to, at most [`LISTED_MEMBERSHIPS_MAX`].
    ///
    /// # Errors
    /// When the database cannot be used.
    pub async fn memberships(&self, user: Uuid) -> Result<Vec<TenantOfUser>, AccountError> {
        let filter = TenantFilter {
            member: Some(user),
            limit: LISTED_MEMBERSHIPS_MAX,
            ..TenantFilter::default()
        };
        let found = self.store.listed_tenants(&filter).await?;
        let named = found.into_iter().filter_map(|listed| {
            Some(TenantOfUser {
                tenant_id: listed.tenant.tenant_id,
                slug: listed.tenant.slug,
                name: listed.tenant.name,
                role: listed.role?,
            })
        });
        Ok(named.collect())
    }
}

impl TenantsPage {
    /// What was found, of which there may be one more than a page has.
    fn of(mut tenants: Vec<ListedTenant>, limit: u32) -> Self {
        let page = usize::try_from(limit).unwrap_or(usize::MAX);
        let has_more = tenants.len() > page;
        tenants.truncate(page);
        let last = tenants.last().filter(|_| has_more);
        let next = last.map(|listed| listed.tenant.slug.clone());
        Self { tenants, next }
    }
}
