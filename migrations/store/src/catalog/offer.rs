//! What a show has for sale, with the names that people read.

use onsale_schemas::limits::TYPES_PER_SHOW_MAX;
use onsale_schemas::offer::{Offer, TypePrice};
use onsale_schemas::{TicketTypeId, ZoneIndex};
use serde::{Deserialize, Serialize};

use crate::audit::Changes;

/// The name of ticket type 0, which is what a place is sold as where nobody says which type.
pub const STANDARD_TYPE: &str = "Standard";
/// Pairs of rates of the past that are kept of a show. Of more, the oldest are forgotten.
const TAX_RATES_MAX: usize = 64;
/// The first number of a ticket type with another name, of a phase and of a bundle.
const FIRST_NUMBER: u8 = 1;

/// What a show has for sale. The log knows ticket types, phases and bundles by numbers and nothing of their
/// names; here they have both. A number that was given to a name is never given to another one, whatever is for
/// sale later: bookings of before show it.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OfferRow {
    /// As the log has it.
    pub offer: Offer,
    /// Ticket types: those of the offer as they were listed, and then those that are offered no more.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub types: Vec<TypeName>,
    /// Phases in any order, those of before as well.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub phases: Vec<Named>,
    /// Bundles in any order, those of before as well.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bundles: Vec<Named>,
    /// Rates of tax that were in force before those of the offer, the last ones last: the outcome of an order has its
    /// tax and not the rate.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tax_rates: Vec<TaxRates>,
}

/// Rates of the tax that prices and fees include, of what they are without it, in basis points.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TaxRates {
    /// Of prices.
    pub price_bp: u16,
    /// Of fees.
    pub fee_bp: u16,
}

impl TaxRates {
    /// Those of an offer.
    pub fn of(offer: &Offer) -> Self {
        Self {
            price_bp: offer.tax_bp,
            fee_bp: offer.fees.tax_bp,
        }
    }
}

/// A ticket type as people read it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TypeName {
    /// Its number.
    pub id: TicketTypeId,
    /// Its name.
    pub name: String,
    /// Whom it is for, where that is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Whether it is left out where the public reads the offer. Who knows its name can buy it.
    #[serde(default)]
    pub is_hidden: bool,
}

/// A phase or a bundle as people read it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Named {
    /// Its number.
    pub id: u8,
    /// Its name.
    pub name: String,
}

/// Names that an offer uses.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct OfferNames {
    /// Of ticket types.
    pub types: Vec<String>,
    /// Of phases.
    pub phases: Vec<String>,
    /// Of bundles.
    pub bundles: Vec<String>,
}

/// Gives those of these numbers a name that have none.
fn name_numbers(names: &mut Vec<Named>, what: &str, ids: impl Iterator<Item = u8>) {
    for id in ids {
        if names.iter().all(|known| known.id != id) {
            let name = format!("{what} {id}");
            let name = free_name(&name, names.iter().map(|known| &known.name));
            names.push(Named { id, name });
        }
    }
}

/// The name, with an addition where another one has it already.
fn free_name<'a>(name: &str, taken: impl Iterator<Item = &'a String>) -> String {
    let taken: Vec<&String> = taken.collect();
    let mut free = name.to_owned();
    while taken.contains(&&free) {
        free.push('\'');
    }
    free
}

impl OfferRow {
    /// Gives a number to each of the names that has none, as long as there are any: then the last ones stay
    /// without. True when it gave one.
    pub fn number(&mut self, names: &OfferNames) -> bool {
        let mut is_changed = false;
        for name in &names.types {
            if self.type_by_name(name).is_some() {
                continue;
            }
            let is_free = |id: &u8| self.types.iter().all(|known| known.id != *id);
            let id = if name == STANDARD_TYPE {
                Some(0).filter(is_free)
            } else {
                let end = u8::try_from(TYPES_PER_SHOW_MAX).unwrap_or(u8::MAX);
                (FIRST_NUMBER..end).find(is_free)
            };
            if let Some(id) = id {
                self.types.push(TypeName {
                    id,
                    name: name.clone(),
                    description: None,
                    is_hidden: false,
                });
                is_changed = true;
            }
        }
        is_changed |= number(&mut self.phases, &names.phases);
        is_changed |= number(&mut self.bundles, &names.bundles);
        is_changed
    }

    /// Puts an offer of the log in the place of this one. What has no name here gets one that tells its number.
    pub fn replace_by_numbers(&mut self, offer: &Offer) {
        let mut rates = std::mem::take(&mut self.tax_rates);
        rates.push(TaxRates::of(&self.offer));
        self.offer = offer.clone();
        self.keep_rates(rates);
        for of in &offer.types {
            if self.type_name(of.id).is_some() {
                continue;
            }
            let name = if of.id == 0 {
                free_name(STANDARD_TYPE, self.types.iter().map(|known| &known.name))
            } else {
                let name = format!("Type {}", of.id);
                free_name(&name, self.types.iter().map(|known| &known.name))
            };
            self.types.push(TypeName {
                id: of.id,
                name,
                description: None,
                is_hidden: false,
            });
        }
        let phases = offer.phases.iter().map(|of| of.id);
        name_numbers(&mut self.phases, "Phase", phases);
        let bundles = offer.bundles.iter().map(|of| of.id);
        name_numbers(&mut self.bundles, "Bundle", bundles);
    }

    /// The number of the ticket type with that name, whether or not it is for sale now.
    pub fn type_by_name(&self, name: &str) -> Option<TicketTypeId> {
        let mut types = self.types.iter();
        types.find(|known| known.name == name).map(|known| known.id)
    }

    /// The ticket type with that number, whether or not it is for sale now.
    pub fn type_name(&self, id: TicketTypeId) -> Option<&TypeName> {
        self.types.iter().find(|known| known.id == id)
    }

    /// Puts another offer in the place of this one. Names that it does not have stay.
    pub fn replace_by(&mut self, other: &Self) {
        let mut before = std::mem::replace(self, other.clone());
        let mut rates = std::mem::take(&mut self.tax_rates);
        rates.append(&mut before.tax_rates);
        rates.push(TaxRates::of(&before.offer));
        self.keep_rates(rates);
        self.keep_names(before);
    }

    /// The rates of tax that are and were in force, the newest first.
    pub fn rates(&self) -> impl Iterator<Item = TaxRates> {
        let before = self.tax_rates.iter().rev().copied();
        std::iter::once(TaxRates::of(&self.offer)).chain(before)
    }

    /// Keeps rates of the past, each one once and as of when it was in force last.
    fn keep_rates(&mut self, rates: Vec<TaxRates>) {
        let present = TaxRates::of(&self.offer);
        let mut newest_first: Vec<TaxRates> = Vec::new();
        for of in rates.into_iter().rev() {
            if of != present && !newest_first.contains(&of) && newest_first.len() < TAX_RATES_MAX {
                newest_first.push(of);
            }
        }
        newest_first.reverse();
        self.tax_rates = newest_first;
    }

    /// What is for sale by `offer`, with the names of both. Where both have a number, the name is that of
    /// `offer`.
    pub fn with_names_of(offer: Option<Self>, other: Option<Self>) -> Option<Self> {
        let (mut row, other) = match (offer, other) {
            (None, None) => return None,
            (Some(row), None) => return Some(row),
            (Some(row), Some(other)) => (row, other),
            (None, Some(other)) => (Self::default(), other),
        };
        let mut rates = other.tax_rates.clone();
        rates.push(TaxRates::of(&other.offer));
        rates.append(&mut row.tax_rates);
        row.keep_rates(rates);
        row.keep_names(other);
        Some(row)
    }

    /// Whether a price is in the offer, which has them in their order.
    fn has_price(&self, price: &TypePrice) -> bool {
        let key = |price: &TypePrice| (price.zone, price.ticket_type);
        let at = self.offer.prices.binary_search_by_key(&key(price), key);
        at.is_ok_and(|at| self.offer.prices.get(at) == Some(price))
    }

    fn keep_names(&mut self, other: Self) {
        for name in other.types {
            if self.type_name(name.id).is_none() {
                self.types.push(name);
            }
        }
        keep(&mut self.phases, other.phases);
        keep(&mut self.bundles, other.bundles);
    }

    /// What is other `after` a change. Of prices only those are named that are not as they were.
    pub fn changes(before: Option<&Self>, after: Option<&Self>) -> Changes {
        let nothing = Self::default();
        let (before, after) = (before.unwrap_or(&nothing), after.unwrap_or(&nothing));
        let mut changes = Changes::default();
        let types = |row: &Self| -> Vec<String> {
            let ids = row.offer.types.iter().map(|known| known.id);
            ids.filter_map(|id| row.type_name(id))
                .map(|known| known.name.clone())
                .collect()
        };
        changes.field("ticket_types", &types(before), &types(after));
        let prices = |row: &Self, other: &Self| -> Vec<(ZoneIndex, TicketTypeId, i64)> {
            let prices = row.offer.prices.iter();
            prices
                .filter(|price| !other.has_price(price))
                .map(|price| (price.zone, price.ticket_type, price.price))
                .collect()
        };
        changes.field(
            "prices_by_zone_and_type",
            &prices(before, after),
            &prices(after, before),
        );
        let (was, is) = (&before.offer, &after.offer);
        changes.field("types", &was.types, &is.types);
        changes.field("phases", &was.phases, &is.phases);
        changes.field("bundles", &was.bundles, &is.bundles);
        changes.field("fees", &was.fees, &is.fees);
        changes.field("tax_bp", &was.tax_bp, &is.tax_bp);
        changes.field("zone_rules", &was.zones, &is.zones);
        changes
    }
}

fn number(named: &mut Vec<Named>, names: &[String]) -> bool {
    let mut is_changed = false;
    for name in names {
        if named.iter().any(|known| known.name == *name) {
            continue;
        }
        let is_free = |id: &u8| named.iter().all(|known| known.id != *id);
        if let Some(id) = (FIRST_NUMBER..=u8::MAX).find(is_free) {
            let name = name.clone();
            named.push(Named { id, name });
            is_changed = true;
        }
    }
    is_changed
}

fn keep(named: &mut Vec<Named>, others: Vec<Named>) {
    for other in others {
        if named.iter().all(|known| known.id != other.id) {
            named.push(other);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(types: &[&str]) -> OfferNames {
        let owned = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        OfferNames {
            types: owned(types),
            phases: owned(&["Early"]),
            bundles: Vec::new(),
        }
    }

    #[test]
    fn a_number_keeps_its_name_whatever_is_for_sale_later() {
        let mut row = OfferRow::default();
        assert!(row.number(&names(&["Adult", STANDARD_TYPE, "Child"])));
        let ids = |row: &OfferRow| {
            ["Adult", "Standard", "Child", "Student"].map(|name| row.type_by_name(name))
        };
        assert_eq!(ids(&row), [Some(1), Some(0), Some(2), None]);
        assert!(!row.number(&names(&["Child", "Adult"])));
        // Only students now: those of before are known still.
        let mut other = row.clone();
        assert!(other.number(&names(&["Student"])));
        other.types.retain(|known| known.name == "Student");
        row.replace_by(&other);
        assert_eq!(ids(&row), [Some(1), Some(0), Some(2), Some(3)]);
        assert_eq!(row.types[0].name, "Student", "what is for sale comes first");
        assert_eq!(row.phases.len(), 1);
        let lost = OfferRow::with_names_of(None, Some(row.clone())).unwrap();
        assert_eq!(ids(&lost), ids(&row));
        assert!(lost.offer.is_empty());
        assert_eq!(OfferRow::with_names_of(None, None), None);
    }

    #[test]
    fn rates_that_were_in_force_are_kept_as_of_the_last_time() {
        let taxed = |price_bp, fee_bp| {
            let mut row = OfferRow::default();
            row.offer.tax_bp = price_bp;
            row.offer.fees.tax_bp = fee_bp;
            row
        };
        let told = |row: &OfferRow| -> Vec<(u16, u16)> {
            row.rates().map(|of| (of.price_bp, of.fee_bp)).collect()
        };
        let mut row = taxed(700, 0);
        assert_eq!(told(&row), [(700, 0)]);
        row.replace_by(&taxed(700, 0));
        assert_eq!(told(&row), [(700, 0)], "the same is no change");
        row.replace_by(&taxed(810, 810));
        row.replace_by(&taxed(0, 0));
        row.replace_by(&taxed(700, 0));
        assert_eq!(told(&row), [(700, 0), (0, 0), (810, 810)]);
        // An older row of the same show, out of a document, knows one that was lost here.
        let mut older = taxed(500, 0);
        older.replace_by(&taxed(810, 810));
        let joined = OfferRow::with_names_of(Some(row), Some(older)).unwrap();
        assert_eq!(told(&joined), [(700, 0), (0, 0), (810, 810), (500, 0)]);
        let text = serde_json::to_string(&joined).unwrap();
        assert_eq!(serde_json::from_str::<OfferRow>(&text).unwrap(), joined);
    }

    #[test]
    fn of_many_rates_the_oldest_are_forgotten() {
        let mut row = OfferRow::default();
        for price_bp in 1..200 {
            let mut other = OfferRow::default();
            other.offer.tax_bp = price_bp;
            row.replace_by(&other);
        }
        let rates: Vec<u16> = row.rates().map(|of| of.price_bp).collect();
        assert_eq!(rates.len(), TAX_RATES_MAX + 1);
        assert_eq!((rates[0], rates[TAX_RATES_MAX]), (199, 199 - 64));
    }

    #[test]
    fn numbers_end_and_none_is_given_twice() {
        let mut row = OfferRow::default();
        let many: Vec<String> = (0..70).map(|n| format!("Type {n}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert!(row.number(&names(&many)));
        assert_eq!(row.types.len(), TYPES_PER_SHOW_MAX - 1);
        assert_eq!(row.type_by_name("Type 63"), None);
        assert!(!row.number(&names(&["Another"])));
        assert!(row.number(&names(&[STANDARD_TYPE])), "0 is kept for it");
        let mut ids: Vec<u8> = row.types.iter().map(|known| known.id).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), TYPES_PER_SHOW_MAX);
    }
}
