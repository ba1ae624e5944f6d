//! How a tenant looks to buyers, and what it says of itself. All of it is shown to everybody.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::error::StoreError;
use crate::job::NewJob;

/// The kind of job that deletes a logo that no tenant has.
pub const SWEEP_KIND: &str = "uploads.sweep";
/// How long a logo stays where it is before a tenant has it, and after it has another, in milliseconds: an
/// hour. Uploads take minutes at most, and pages that show the last one are kept for minutes.
pub const SWEEP_DELAY_MS: u64 = 3_600_000;
/// Attempts before an operator looks at it: with pauses that double, about a day.
const SWEEP_ATTEMPTS_MAX: u16 = 12;

/// Colours of pages, as `#rrggbb`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Colors {
    /// Behind texts.
    pub background: String,
    /// Of texts.
    pub text: String,
    /// Behind the texts of buttons.
    pub accent: String,
    /// Of the texts of buttons.
    pub accent_text: String,
}

/// The picture of a tenant. Its file lies where uploads do, under [`logo_name`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Logo {
    /// Its id. Another picture has another.
    pub logo_id: Uuid,
    /// In pixels.
    pub width: u32,
    /// In pixels.
    pub height: u32,
}

/// What a tenant says of itself, without its logo.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Branding {
    /// `None`: those of the pages.
    pub colors: Option<Colors>,
    /// Where buyers write to.
    pub contact_email: Option<String>,
    /// Where buyers call.
    pub contact_phone: Option<String>,
    /// Its own pages.
    pub website: Option<String>,
    /// Who it is, as the law wants it said.
    pub imprint: Option<String>,
    /// On which terms it sells.
    pub terms: Option<String>,
}

/// The branding of a tenant, with its names.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BrandingRow {
    /// The tenant.
    pub tenant_id: Uuid,
    /// Its name in addresses.
    pub slug: String,
    /// Its name for people.
    pub name: String,
    /// What it says of itself.
    pub branding: Branding,
    /// Its logo.
    pub logo: Option<Logo>,
    /// When it was changed last, in milliseconds since 1970; `None`: never, so it is empty.
    pub changed_at_ms: Option<u64>,
}

/// The payload of the job that deletes a logo that no tenant has.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct UploadSweep {
    /// The logo.
    pub logo_id: Uuid,
}

/// When a logo is looked at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Sweep {
    /// It is about to be put where uploads are, and a tenant may never get it.
    Announced,
    /// Its tenant has another, or none.
    Replaced,
}

impl Sweep {
    /// The job that looks at the logo, and deletes it if no tenant has it.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] where it has no JSON.
    pub fn job(self, logo_id: Uuid) -> Result<NewJob, StoreError> {
        let payload = serde_json::to_string(&UploadSweep { logo_id })
            .map_err(|error| StoreError::Invalid(format!("an upload: {error}")))?;
        let why = match self {
            Self::Announced => "announced",
            Self::Replaced => "replaced",
        };
        Ok(NewJob {
            kind: SWEEP_KIND,
            key: format!("{logo_id} {why}"),
            payload,
            delay_ms: SWEEP_DELAY_MS,
            attempts_max: SWEEP_ATTEMPTS_MAX,
        })
    }
}

/// Where the file of a logo lies among uploads.
pub fn logo_name(logo_id: Uuid) -> String {
    format!("logos/{logo_id}.png")
}
