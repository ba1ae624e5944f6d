//! How a tenant looks, as clients read and write it.

use onsale_accounts::{EMAIL_MAX_BYTES, IMPRINT_MAX_CHARS, TERMS_MAX_CHARS, WEBSITE_MAX_BYTES};
use onsale_store::branding::{Branding, BrandingRow, Colors, Logo};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::bounds::{Bound, Bounds, COLOR, Of};
use crate::routes::logos;
use crate::values::Instant;

/// Digits of a colour, and what stands in front of them.
const COLOR_CHARS: usize = 7;
/// Longest telephone number as people write it, in characters.
const PHONE_MAX_CHARS: usize = 40;

pub(crate) const BOUNDS: Bounds = &[
    (
        Of::Field("BrandColors", "background"),
        Bound::Form(COLOR, COLOR_CHARS),
    ),
    (
        Of::Field("BrandColors", "text"),
        Bound::Form(COLOR, COLOR_CHARS),
    ),
    (
        Of::Field("BrandColors", "accent"),
        Bound::Form(COLOR, COLOR_CHARS),
    ),
    (
        Of::Field("BrandColors", "accent_text"),
        Bound::Form(COLOR, COLOR_CHARS),
    ),
    (
        Of::Field("BrandContact", "email"),
        Bound::Length(EMAIL_MAX_BYTES),
    ),
    (
        Of::Field("BrandContact", "phone"),
        Bound::Length(PHONE_MAX_CHARS),
    ),
    (
        Of::Field("BrandContact", "website"),
        Bound::Length(WEBSITE_MAX_BYTES),
    ),
    (
        Of::Field("BrandingRequest", "imprint"),
        Bound::Text(IMPRINT_MAX_CHARS),
    ),
    (
        Of::Field("BrandingRequest", "terms"),
        Bound::Text(TERMS_MAX_CHARS),
    ),
];

/// Colours of pages and mails, as `#rrggbb`. Texts have a contrast of at least 4.5:1 with what is behind them
/// (WCAG 2, level AA).
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = BrandColors)]
#[serde(deny_unknown_fields)]
pub(crate) struct ColorsBody {
    /// Behind texts.
    #[schema(example = "#ffffff")]
    background: String,
    /// Of texts.
    #[schema(example = "#1a1a1a")]
    text: String,
    /// Behind the texts of buttons.
    #[schema(example = "#8b0000")]
    accent: String,
    /// Of the texts of buttons.
    #[schema(example = "#ffffff")]
    accent_text: String,
}

/// Where buyers reach the tenant.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[schema(as = BrandContact)]
#[serde(deny_unknown_fields)]
pub(crate) struct ContactBody {
    #[schema(example = "tickets@opera.example")]
    email: Option<String>,
    /// With its country, as `+66 2 123 4567`.
    #[schema(example = "+6621234567")]
    phone: Option<String>,
    /// `https://…` or `http://…`
    #[schema(example = "https://opera.example/")]
    website: Option<String>,
}

/// What a tenant says of itself. What is left out is not said any more.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = BrandingRequest)]
#[serde(deny_unknown_fields)]
pub(crate) struct BrandingRequest {
    /// `null`: those of the pages.
    colors: Option<ColorsBody>,
    contact: Option<ContactBody>,
    /// Who it is, as the law wants it said. Plain text.
    imprint: Option<String>,
    /// On which terms it sells. Plain text.
    terms: Option<String>,
}

impl BrandingRequest {
    pub(super) fn into_branding(self) -> Branding {
        let contact = self.contact.unwrap_or_default();
        Branding {
            colors: self.colors.map(|colors| Colors {
                background: colors.background,
                text: colors.text,
                accent: colors.accent,
                accent_text: colors.accent_text,
            }),
            contact_email: contact.email,
            contact_phone: contact.phone,
            website: contact.website,
            imprint: self.imprint,
            terms: self.terms,
        }
    }
}

/// How a tenant looks to buyers, and what it says of itself.
#[derive(Serialize, ToSchema)]
#[schema(as = Branding)]
pub(crate) struct BrandingBody {
    tenant_id: Uuid,
    /// Its name in addresses.
    slug: String,
    name: String,
    /// `null`: those of the pages.
    colors: Option<ColorsBody>,
    contact: ContactBody,
    imprint: Option<String>,
    terms: Option<String>,
    logo: Option<LogoBody>,
    /// `null`: never.
    changed_at: Option<Instant>,
}

/// The logo of a tenant, a PNG.
#[derive(Serialize, ToSchema)]
#[schema(as = Logo)]
pub(crate) struct LogoBody {
    /// Where it is, on this server. Another picture has another address, so this one may be kept for ever.
    #[schema(example = "/api/v1/logos/3d0b9c3c-3a4e-4a5e-9d3b-6f0f2f6f2b11")]
    url: String,
    /// In pixels.
    width: u32,
    /// In pixels.
    height: u32,
}

impl From<Colors> for ColorsBody {
    fn from(colors: Colors) -> Self {
        Self {
            background: colors.background,
            text: colors.text,
            accent: colors.accent,
            accent_text: colors.accent_text,
        }
    }
}

impl From<Logo> for LogoBody {
    fn from(logo: Logo) -> Self {
        Self {
            url: logos::path(logo.logo_id),
            width: logo.width,
            height: logo.height,
        }
    }
}

impl From<BrandingRow> for BrandingBody {
    fn from(row: BrandingRow) -> Self {
        let said = row.branding;
        Self {
            tenant_id: row.tenant_id,
            slug: row.slug,
            name: row.name,
            colors: said.colors.map(ColorsBody::from),
            contact: ContactBody {
                email: said.contact_email,
                phone: said.contact_phone,
                website: said.website,
            },
            imprint: said.imprint,
            terms: said.terms,
            logo: row.logo.map(LogoBody::from),
            changed_at: row.changed_at_ms.map(Instant),
        }
    }
}
