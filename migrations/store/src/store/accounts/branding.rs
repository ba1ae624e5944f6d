//! How tenants look to buyers.

use uuid::Uuid;

use super::{mandate, members};
use crate::Store;
use crate::account::Act;
use crate::audit::Changes;
use crate::branding::{Branding, BrandingRow, Colors, Logo, Sweep};
use crate::database::{Durability, Row, Transaction, Value, integer};
use crate::error::StoreError;
use crate::store::jobs::enqueue;

/// Of a tenant that is open, whether or not it has ever said anything of itself.
macro_rules! select {
    ($which:literal) => {
        concat!(
            "SELECT t.tenant_id, t.slug, t.name, b.background_color, b.text_color, b.accent_color, \
             b.accent_text_color, b.contact_email, b.contact_phone, b.website, b.imprint, b.terms, \
             b.logo_id, b.logo_width, b.logo_height, b.changed_at_ms \
             FROM tenants t LEFT JOIN tenant_branding b ON b.tenant_id = t.tenant_id \
             WHERE t.closed_at_ms IS NULL AND ",
            $which
        )
    };
}

const OF_TENANT: &str = select!("t.tenant_id = $1");

const SET: &str = "INSERT INTO tenant_branding (tenant_id, background_color, text_color, accent_color, \
     accent_text_color, contact_email, contact_phone, website, imprint, terms, changed_at_ms) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) \
     ON CONFLICT (tenant_id) DO UPDATE SET background_color = excluded.background_color, \
     text_color = excluded.text_color, accent_color = excluded.accent_color, \
     accent_text_color = excluded.accent_text_color, contact_email = excluded.contact_email, \
     contact_phone = excluded.contact_phone, website = excluded.website, imprint = excluded.imprint, \
     terms = excluded.terms, changed_at_ms = excluded.changed_at_ms";

const SET_LOGO: &str = "INSERT INTO tenant_branding (tenant_id, logo_id, logo_width, logo_height, \
     changed_at_ms) VALUES ($1, $2, $3, $4, $5) \
     ON CONFLICT (tenant_id) DO UPDATE SET logo_id = excluded.logo_id, \
     logo_width = excluded.logo_width, logo_height = excluded.logo_height, \
     changed_at_ms = excluded.changed_at_ms";

impl Store {
    /// The branding of a tenant that is open.
    ///
    /// # Errors
    /// As every read.
    pub async fn branding(&self, tenant: Uuid) -> Result<Option<BrandingRow>, StoreError> {
        self.database
            .fetch_optional(OF_TENANT, &[tenant.into()])
            .await?
            .map(|row| branding_row(&row))
            .transpose()
    }

    /// The branding of the tenant of a slug, which is open.
    ///
    /// # Errors
    /// As every read.
    pub async fn branding_by_slug(&self, slug: &str) -> Result<Option<BrandingRow>, StoreError> {
        self.database
            .fetch_optional(select!("t.slug = $1"), &[slug.into()])
            .await?
            .map(|row| branding_row(&row))
            .transpose()
    }

    /// Whether a tenant has this logo.
    ///
    /// # Errors
    /// As every read.
    pub async fn is_logo(&self, logo_id: Uuid) -> Result<bool, StoreError> {
        let select = "SELECT logo_id FROM tenant_branding WHERE logo_id = $1";
        let found = self
            .database
            .fetch_optional(select, &[logo_id.into()])
            .await?;
        Ok(found.is_some())
    }

    /// Says of itself what a tenant wants said, in place of what it said before; its logo stays. `None` when
    /// there is no such tenant that is open. The entry gets the fields that changed.
    ///
    /// # Errors
    /// [`StoreError::RightWithdrawn`]; otherwise as every write.
    pub async fn set_branding(
        &self,
        tenant: Uuid,
        branding: &Branding,
        now_ms: u64,
        act: impl Into<Act>,
    ) -> Result<Option<BrandingRow>, StoreError> {
        let branding = branding.clone();
        let Act {
            audit,
            mandate: right,
        } = act.into();
        self.database
            .write(Durability::Durable, move |mut transaction| async move {
                if !members::lock_tenant(&mut transaction, tenant).await? {
                    return Ok(None);
                }
                mandate::check(&mut transaction, right).await?;
                let Some(before) = of_tenant(&mut transaction, tenant).await? else {
                    return Ok(None);
                };
                let colors = branding.colors.as_ref();
                let color =
                    |of: fn(&Colors) -> &String| Value::Text(colors.map(|all| of(all).as_str()));
                let values = [
                    tenant.into(),
                    color(|colors| &colors.background),
                    color(|colors| &colors.text),
                    color(|colors| &colors.accent),
                    color(|colors| &colors.accent_text),
                    Value::from(&branding.contact_email),
                    Value::from(&branding.contact_phone),
                    Value::from(&branding.website),
                    Value::from(&branding.imprint),
                    Value::from(&branding.terms),
                    integer("changed_at_ms", now_ms)?.into(),
                ];
                transaction.execute(SET, &values).await?;
                let changes = changes(&before.branding, &branding);
                transaction.commit(audit.with_changes(&changes)).await?;
                Ok(Some(BrandingRow {
                    branding,
                    changed_at_ms: Some(now_ms),
                    ..before
                }))
            })
            .await
    }

    /// Gives a tenant a logo, or takes it away, and enqueues the job that deletes the file of the one before.
    /// `None` when there is no such tenant that is open.
    ///
    /// # Errors
    /// [`StoreError::RightWithdrawn`]; otherwise as every write.
    pub async fn set_logo(
        &self,
        tenant: Uuid,
        logo: Option<Logo>,
        now_ms: u64,
        act: impl Into<Act>,
    ) -> Result<Option<BrandingRow>, StoreError> {
        let Act {
            audit,
            mandate: right,
        } = act.into();
        self.database
            .write(Durability::Durable, move |mut transaction| async move {
                if !members::lock_tenant(&mut transaction, tenant).await? {
                    return Ok(None);
                }
                mandate::check(&mut transaction, right).await?;
                let Some(before) = of_tenant(&mut transaction, tenant).await? else {
                    return Ok(None);
                };
                let side = |of: fn(Logo) -> u32| Value::Integer(logo.map(|logo| of(logo).into()));
                let values = [
                    tenant.into(),
                    logo.map(|logo| logo.logo_id).into(),
                    side(|logo| logo.width),
                    side(|logo| logo.height),
                    integer("changed_at_ms", now_ms)?.into(),
                ];
                transaction.execute(SET_LOGO, &values).await?;
                if let Some(replaced) = before.logo
                    && Some(replaced) != logo
                {
                    let sweep = Sweep::Replaced.job(replaced.logo_id)?;
                    enqueue::enqueue(&mut transaction, &sweep).await?;
                }
                let mut changes = Changes::default();
                changes.field("logo", &before.logo, &logo);
                transaction.commit(audit.with_changes(&changes)).await?;
                Ok(Some(BrandingRow {
                    logo,
                    changed_at_ms: Some(now_ms),
                    ..before
                }))
            })
            .await
    }

    /// Notes that a logo is about to be put where uploads are, so that it is deleted if no tenant gets it.
    ///
    /// # Errors
    /// As every write.
    pub async fn announce_logo(&self, logo_id: Uuid) -> Result<(), StoreError> {
        let enqueued = self.enqueue_job(&Sweep::Announced.job(logo_id)?).await;
        enqueued.map(drop)
    }
}

async fn of_tenant(
    transaction: &mut Transaction,
    tenant: Uuid,
) -> Result<Option<BrandingRow>, StoreError> {
    let row = transaction
        .fetch_optional(OF_TENANT, &[tenant.into()])
        .await?;
    row.map(|row| branding_row(&row)).transpose()
}

/// What people write freely is not repeated: entries are kept for years, and an imprint may name a person.
fn changes(before: &Branding, after: &Branding) -> Changes {
    let mut changes = Changes::default();
    changes.field("colors", &before.colors, &after.colors);
    changes.field("website", &before.website, &after.website);
    changes.private("contact_email", &before.contact_email, &after.contact_email);
    changes.private("contact_phone", &before.contact_phone, &after.contact_phone);
    changes.private("imprint", &before.imprint, &after.imprint);
    changes.private("terms", &before.terms, &after.terms);
    changes
}

fn branding_row(row: &Row) -> Result<BrandingRow, StoreError> {
    let colors = match row.text_or_null("background_color")? {
        Some(background) => Some(Colors {
            background,
            text: row.text("text_color")?,
            accent: row.text("accent_color")?,
            accent_text: row.text("accent_text_color")?,
        }),
        None => None,
    };
    let logo = match row.uuid_or_null("logo_id")? {
        Some(logo_id) => Some(Logo {
            logo_id,
            width: row.number("logo_width")?,
            height: row.number("logo_height")?,
        }),
        None => None,
    };
    Ok(BrandingRow {
        tenant_id: row.uuid("tenant_id")?,
        slug: row.text("slug")?,
        name: row.text("name")?,
        branding: Branding {
            colors,
            contact_email: row.text_or_null("contact_email")?,
            contact_phone: row.text_or_null("contact_phone")?,
            website: row.text_or_null("website")?,
            imprint: row.text_or_null("imprint")?,
            terms: row.text_or_null("terms")?,
        },
        logo,
        changed_at_ms: row.number_or_null("changed_at_ms")?,
    })
}
