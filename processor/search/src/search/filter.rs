//! Which events a filter lets pass.

use crate::document::Availability;
use crate::index::{Index, Row};
use crate::query::Filter;
use crate::values::{ValueId, Values};

/// A filter with its names looked up.
pub(super) struct Conditions {
    tenant: Wanted,
    city: Wanted,
    venue: Wanted,
    category: Wanted,
    from_ms: u64,
    until_ms: Option<u64>,
    price_min: Option<u64>,
    price_max: Option<u64>,
    currency: Option<[u8; 3]>,
    available: Option<bool>,
}

#[derive(Clone, Copy)]
enum Wanted {
    Any,
    One(ValueId),
    /// One that no event has.
    Unknown,
}

impl Wanted {
    fn new(values: &Values, text: Option<&str>) -> Self {
        match text {
            None => Self::Any,
            Some(text) => values.get(text).map_or(Self::Unknown, Self::One),
        }
    }

    fn holds(self, value: ValueId) -> bool {
        match self {
            Self::Any => true,
            Self::One(wanted) => wanted == value,
            Self::Unknown => false,
        }
    }
}

impl Conditions {
    pub(super) fn new(index: &Index, filter: &Filter<'_>) -> Self {
        Self {
            tenant: Wanted::new(&index.tenants, filter.tenant),
            city: Wanted::new(&index.cities, filter.city),
            venue: Wanted::new(&index.venues, filter.venue),
            category: Wanted::new(&index.categories, filter.category),
            from_ms: filter.from_ms.unwrap_or(0),
            until_ms: filter.until_ms,
            price_min: filter.price_min,
            price_max: filter.price_max,
            currency: filter.currency,
            available: filter.available,
        }
    }

    pub(super) fn is_of_any_tenant(&self) -> bool {
        matches!(self.tenant, Wanted::Any)
    }

    pub(super) fn holds_tenant(&self, row: &Row) -> bool {
        self.tenant.holds(row.tenant)
    }

    pub(super) fn holds_city(&self, row: &Row) -> bool {
        self.city.holds(row.city)
    }

    pub(super) fn holds_category(&self, row: &Row) -> bool {
        self.category.holds(row.category)
    }

    /// Everything but tenant, city and category.
    pub(super) fn holds_others(&self, row: &Row) -> bool {
        self.venue.holds(row.venue)
            && row.last_show_ms >= self.from_ms
            && self.until_ms.is_none_or(|until| row.first_show_ms < until)
            && self.holds_prices(row)
            && self
                .available
                .is_none_or(|available| available == (row.availability > Availability::None))
    }

    fn holds_prices(&self, row: &Row) -> bool {
        if self.price_min.is_none() && self.price_max.is_none() && self.currency.is_none() {
            return true;
        }
        row.prices.is_some_and(|prices| {
            self.price_min.is_none_or(|min| prices.max >= min)
                && self.price_max.is_none_or(|max| prices.min <= max)
                && self.currency.is_none_or(|code| prices.currency == code)
        })
    }
}
