//! Tenants and who belongs to them. Whether the caller may is decided before: these do what they are told.

use onsale_private::Private;
use onsale_schemas::MemberRole;
use onsale_store::StoreError;
use onsale_store::account::{Membership, MembershipChange, TenantChange, TenantRow, UserRow};
use serde_json::json;
use uuid::Uuid;

use crate::accounts::Accounts;
use crate::acting::Acting;
use crate::error::AccountError;
use crate::fields;
use crate::repeat::Repeat;

/// Members of one tenant that are listed.
const MEMBERS_MAX: u32 = 1_000;
/// Tenants that a person may own and open another for itself. Calls at the same moment may exceed it by
/// their number.
const TENANTS_PER_OWNER_MAX: usize = 20;

/// What ids of tenants are derived as.
const TENANT: &str = "tenant";

/// A member as the others of the tenant see it.
#[derive(Debug)]
pub struct TeamMember {
    /// Since when, and as what.
    pub membership: Membership,
    /// The address.
    pub email: Option<Private>,
    /// The name.
    pub name: Option<Private>,
    /// Something of it does not open, and is left out.
    pub is_unreadable: bool,
}

impl Accounts {
    /// Opens a tenant, with its owner where it is to have one at once.
    ///
    /// # Errors
    /// [`AccountError::SlugTaken`], [`AccountError::TooManyTenants`] and others.
    pub async fn open_tenant(
        &self,
        name: &str,
        slug: &str,
        owner: Option<Uuid>,
        by: &Acting,
        now_ms: u64,
    ) -> Result<TenantRow, AccountError> {
        if let Some(tenant) = self.opened_before(by, now_ms).await? {
            return Ok(tenant);
        }
        let new_id = |repeat: &Repeat| repeat.id(TENANT);
        let tenant = TenantRow {
            tenant_id: by.repeat.as_ref().map_or_else(Uuid::new_v4, new_id),
            slug: fields::slug(slug)?,
            name: fields::tenant_name(name)?,
            created_at_ms: now_ms,
            closed_at_ms: None,
        };
        if let Some(owner) = owner {
            let memberships = self.store.memberships_of(owner).await?;
            let is_owner = |membership: &&Membership| membership.role == MemberRole::Owner;
            if memberships.iter().filter(is_owner).count() >= TENANTS_PER_OWNER_MAX {
                return Err(AccountError::TooManyTenants);
            }
        }
        let first = owner.map(|user_id| Membership {
            tenant_id: tenant.tenant_id,
            user_id,
            role: MemberRole::Owner,
            created_at_ms: now_ms,
        });
        let entry = by
            .did("tenant.create", "tenant", tenant.tenant_id)
            .of_tenant(tenant.tenant_id)
            .with(json!({ "slug": tenant.slug, "owner": owner }));
        let added = self
            .store
            .add_tenant(&tenant, first.as_ref(), by.act(entry));
        match added.await {
            Ok(()) => Ok(tenant),
            Err(StoreError::Exists(_)) => Err(AccountError::SlugTaken),
            Err(error) => Err(error.into()),
        }
    }

    /// The tenant that an earlier try of the same request has opened.
    async fn opened_before(
        &self,
        by: &Acting,
        now_ms: u64,
    ) -> Result<Option<TenantRow>, AccountError> {
        let Some(repeat) = &by.repeat else {
            return Ok(None);
        };
        for id in repeat.ids(TENANT) {
            let found = self.store.tenant(id).await?;
            let found = found.filter(|tenant| Repeat::is_recent(tenant.created_at_ms, now_ms));
            if let Some(tenant) = found
                && self.still_holds(by.mandate).await?
            {
                repeat.note_found();
                return Ok(Some(tenant));
            }
        }
        Ok(None)
    }

    /// Whether people may open tenants for themselves.
    pub fn has_self_service_tenants(&self) -> bool {
        self.config.self_service_tenants
    }

    /// An account that may open a tenant for itself, or have second factors: its address is known to be its
    /// person's.
    ///
    /// # Errors
    /// [`AccountError::NotVerified`], [`AccountError::NotOwned`] and others.
    pub async fn owner_of_address(&self, user: Uuid) -> Result<UserRow, AccountError> {
        let row = self.store.user(user).await?;
        let row = row.filter(UserRow::is_active);
        let row = row.ok_or(AccountError::NotFound("account"))?;
        check_address(&row)?;
        Ok(row)
    }

    /// A tenant that is open.
    ///
    /// # Errors
    /// [`AccountError::NotFound`].
    pub async fn tenant(&self, id: Uuid) -> Result<TenantRow, AccountError> {
        let tenant = self.tenants.tenant(id).await?;
        let tenant = tenant.filter(|tenant| tenant.closed_at_ms.is_none());
        tenant.ok_or(AccountError::NotFound("tenant"))
    }

    /// Changes the names of a tenant. Those that it has already leave no entry.
    ///
    /// # Errors
    /// [`AccountError::SlugTaken`] and others.
    pub async fn change_tenant(
        &self,
        id: Uuid,
        name: Option<&str>,
        slug: Option<&str>,
        by: &Acting,
    ) -> Result<TenantRow, AccountError> {
        let before = self.tenant(id).await?;
        let change = TenantChange {
            slug: slug.map(fields::slug).transpose()?,
            name: name.map(fields::tenant_name).transpose()?,
        };
        let slug = change.slug.as_ref().unwrap_or(&before.slug);
        let name = change.name.as_ref().unwrap_or(&before.name);
        if *slug == before.slug && *name == before.name {
            return Ok(before);
        }
        let entry = by
            .did("tenant.change", "tenant", id)
            .of_tenant(id)
            .with(json!({
                "before": { "slug": before.slug, "name": before.name },
                "after": { "slug": slug, "name": name },
            }));
        match self.tenants.change_tenant(id, &change, by.act(entry)).await {
            Ok(Some(tenant)) => Ok(tenant),
            Ok(None) => Err(AccountError::NotFound("tenant")),
            Err(StoreError::Exists(_)) => Err(AccountError::SlugTaken),
            Err(error) => Err(error.into()),
        }
    }

    /// The people of a tenant.
    ///
    /// # Errors
    /// When the database cannot be used.
    pub async fn members(
        &self,
        tenant: Uuid,
        now_ms: u64,
    ) -> Result<Vec<TeamMember>, AccountError> {
        let vault = self.vault(now_ms).await?;
        let rows = self.tenants.members_of(tenant, MEMBERS_MAX).await?;
        let members = rows
            .into_iter()
            .map(|(membership, user)| {
                let profile = vault.show_profile(&user);
                TeamMember {
                    membership,
                    email: profile.email,
                    name: profile.name,
                    is_unreadable: profile.is_unreadable,
                }
            })
            .collect();
        Ok(members)
    }

    /// Gives a member another role; its sessions end, for their tokens say the old one.
    ///
    /// # Errors
    /// [`AccountError::StepUp`], [`AccountError::LastOwner`] and others.
    pub async fn change_member(
        &self,
        tenant: Uuid,
        user: Uuid,
        role: MemberRole,
        by: &Acting,
        now_ms: u64,
    ) -> Result<(), AccountError> {
        self.require_recent_factor_of(by, now_ms).await?;
        let entry = by.did("member.set", "user", user).of_tenant(tenant);
        let audit = move |before: MemberRole| {
            entry.with(json!({ "before": before.as_str(), "after": role.as_str() }))
        };
        let changed = self
            .tenants
            .change_member(tenant, user, role, by.mandate, now_ms, audit);
        of_member(changed.await?)
    }

    /// Ends a membership and the sessions of the person. Keys of programs that it created stay good: their
    /// ids are returned. Who leaves shows no second factor for it.
    ///
    /// # Errors
    /// [`AccountError::StepUp`], [`AccountError::LastOwner`] and others.
    pub async fn remove_member(
        &self,
        tenant: Uuid,
        user: Uuid,
        by: &Acting,
        now_ms: u64,
    ) -> Result<Vec<Uuid>, AccountError> {
        if by.mandate.is_some_and(|mandate| mandate.user_id != user) {
            self.require_recent_factor_of(by, now_ms).await?;
        }
        let entry = by.did("member.remove", "user", user).of_tenant(tenant);
        let removed = self
            .tenants
            .remove_member(tenant, user, now_ms, by.act(entry));
        of_member(removed.await?)?;
        let keys = self.tenants.api_keys_created_by(tenant, user, now_ms);
        Ok(keys.await?)
    }
}

/// Refuses an account whose address is not known to be its person's, by what that takes.
///
/// # Errors
/// [`AccountError::NotVerified`], [`AccountError::NotOwned`].
pub(super) fn check_address(row: &UserRow) -> Result<(), AccountError> {
    if row.owns_address() {
        Ok(())
    } else if row.email_verified_at_ms.is_none() {
        Err(AccountError::NotVerified)
    } else {
        Err(AccountError::NotOwned)
    }
}

fn of_member(change: MembershipChange) -> Result<(), AccountError> {
    match change {
        MembershipChange::Changed => Ok(()),
        MembershipChange::NotThere => Err(AccountError::NotFound("member")),
        MembershipChange::LastOwner => Err(AccountError::LastOwner),
    }
}
