//! What filters and orders look at.

use onsale_schemas::EventId;
use onsale_schemas::currencies::minor_digits;

use crate::document::{Availability, Document, Prices};
use crate::terms::Slot;
use crate::values::{NO_VALUE, ValueId};

/// Digits that all prices are compared with: as many as any currency has, and one.
const COMPARED_DIGITS: u32 = 4;

/// An event without its texts.
pub(crate) struct Row {
    pub(crate) event_id: EventId,
    pub(crate) version: u64,
    pub(crate) first_show_ms: u64,
    pub(crate) last_show_ms: u64,
    pub(crate) prices: Option<Prices>,
    pub(crate) availability: Availability,
    pub(crate) is_published: bool,
    pub(crate) popularity: u32,
    pub(crate) tenant: ValueId,
    pub(crate) city: ValueId,
    pub(crate) venue: ValueId,
    pub(crate) category: ValueId,
    /// Texts that are suggested because of it.
    pub(crate) phrases: Box<[Slot]>,
}

impl Row {
    /// Of a document, without what is numbered by the index.
    pub(super) fn new(document: &Document) -> Self {
        Self {
            event_id: document.event_id,
            version: document.version,
            first_show_ms: document.first_show_ms,
            last_show_ms: document.last_show_ms.max(document.first_show_ms),
            prices: document.prices,
            availability: document.availability,
            is_published: document.is_published,
            popularity: document.popularity,
            tenant: NO_VALUE,
            city: NO_VALUE,
            venue: NO_VALUE,
            category: NO_VALUE,
            phrases: Box::default(),
        }
    }

    /// The cheapest ticket as a number that orders; what has no price comes last.
    pub(crate) fn price_order(&self) -> u64 {
        let Some(prices) = self.prices else {
            return u64::MAX;
        };
        let code = std::str::from_utf8(&prices.currency).unwrap_or_default();
        let digits = u32::from(minor_digits(code)).min(COMPARED_DIGITS);
        prices
            .min
            .saturating_mul(10_u64.pow(COMPARED_DIGITS - digits))
            .min(u64::MAX - 1)
    }
}
