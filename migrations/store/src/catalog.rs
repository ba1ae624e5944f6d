//! Events, shows and zones. Times are milliseconds since 1970-01-01T00:00:00Z.

mod calendar;
mod category;
mod details;
mod event;
mod event_orders;
mod findable;
mod growth;
mod listing;
mod offer;
mod picture;
mod precondition;
mod quotas;
mod show;
mod zone;

use uuid::Uuid;

pub use calendar::CalendarShow;
pub use category::CategoryRow;
pub use details::{DetailsChange, EventDetails, FORMER_SLUGS_MAX};
pub use event::{Deletion, EventChange, EventEdit, EventFilter, EventRow, EventStatus};
pub use event_orders::OrderFilter;
pub(crate) use findable::Within;
pub use findable::{
    CatalogChange, CatalogChanges, ChangeCursor, FindableEvent, FindableShow, FindableVenue,
    ShowPrices,
};
pub use growth::{Addition, Growth, Lack, Run, SeatIndexes};
pub use listing::{ListedShow, ListedZone, Page, PageStamp};
pub use offer::{Named, OfferNames, OfferRow, STANDARD_TYPE, TaxRates, TypeName};
pub use picture::{EventPicture, PICTURE_SWEEP_KIND, PictureFiles, PictureFormat, PictureLook};
pub use precondition::{Noted, Precondition};
pub use quotas::Quotas;
pub use show::{ShowChange, ShowRow, ShowStatus, ZonesOfShow};
pub use zone::{ChartRow, RowSeats, ZoneAdmission, ZoneRow};

/// Whose rows a query may see. Where one takes a scope, rows of other tenants are not there.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum TenantScope {
    /// Those of every tenant: for the public, and for the installation's own accounts.
    #[default]
    All,
    /// Those of this tenant.
    One(Uuid),
}

impl TenantScope {
    /// Whether what belongs to `tenant` lies within.
    pub fn holds(self, tenant: Uuid) -> bool {
        match self {
            Self::All => true,
            Self::One(own) => own == tenant,
        }
    }

    /// The only tenant.
    pub fn one(self) -> Option<Uuid> {
        match self {
            Self::All => None,
            Self::One(own) => Some(own),
        }
    }
}

/// An answer of a catalog call remembered under an idempotency key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RememberedAnswer {
    /// Fingerprint of the request.
    pub fingerprint: u64,
    /// HTTP status of the answer.
    pub status: u16,
    /// JSON of the answer's `data`.
    pub body: String,
}
