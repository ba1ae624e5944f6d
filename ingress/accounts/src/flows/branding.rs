//! How a tenant looks to buyers. Whether the caller may change it is decided before.

use onsale_store::branding::{Branding, BrandingRow, Logo};
use uuid::Uuid;

use crate::accounts::Accounts;
use crate::acting::Acting;
use crate::branding;
use crate::error::AccountError;

/// There is no such tenant, or it is closed.
fn no_tenant() -> AccountError {
    AccountError::NotFound("tenant")
}

impl Accounts {
    /// The branding of a tenant.
    ///
    /// # Errors
    /// [`AccountError::NotFound`] and others.
    pub async fn branding(&self, tenant: Uuid) -> Result<BrandingRow, AccountError> {
        self.tenants.branding(tenant).await?.ok_or_else(no_tenant)
    }

    /// The branding of the tenant of a slug, for everybody: all of it is public.
    ///
    /// # Errors
    /// [`AccountError::NotFound`] and others.
    pub async fn public_branding(&self, slug: &str) -> Result<BrandingRow, AccountError> {
        self.store
            .branding_by_slug(slug)
            .await?
            .ok_or_else(no_tenant)
    }

    /// Says of a tenant what it wants said, in place of what it said before. Its logo stays.
    ///
    /// # Errors
    /// [`AccountError::Invalid`], [`AccountError::Contrast`] and others.
    pub async fn set_branding(
        &self,
        tenant: Uuid,
        said: &Branding,
        by: &Acting,
        now_ms: u64,
    ) -> Result<BrandingRow, AccountError> {
        let said = branding::checked(said)?;
        let entry = by.did("tenant.brand", "tenant", tenant).of_tenant(tenant);
        let set = self
            .tenants
            .set_branding(tenant, &said, now_ms, by.act(entry));
        set.await?.ok_or_else(no_tenant)
    }

    /// Notes that a logo is about to be put where uploads are: it is deleted if no tenant gets it.
    ///
    /// # Errors
    /// When the database cannot be used.
    pub async fn announce_logo(&self, logo_id: Uuid) -> Result<(), AccountError> {
        Ok(self.store.announce_logo(logo_id).await?)
    }

    /// Gives a tenant a logo that was put where uploads are, or takes its logo away.
    ///
    /// # Errors
    /// [`AccountError::NotFound`] and others.
    pub async fn set_logo(
        &self,
        tenant: Uuid,
        logo: Option<Logo>,
        by: &Acting,
        now_ms: u64,
    ) -> Result<BrandingRow, AccountError> {
        let entry = by.did("tenant.logo", "tenant", tenant).of_tenant(tenant);
        let set = self.tenants.set_logo(tenant, logo, now_ms, by.act(entry));
        set.await?.ok_or_else(no_tenant)
    }
}
