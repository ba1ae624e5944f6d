//! What the numbers of ticket types, phases and bundles are called.

use std::collections::HashMap;

use onsale_schemas::TicketTypeId;
use onsale_schemas::limits::TYPES_PER_SHOW_MAX;
use onsale_schemas::outcome::Line;
use onsale_store::catalog::{Named, OfferRow, STANDARD_TYPE, TaxRates};

use crate::text;

/// Names of ticket types that a refusal lists.
const LISTED_MAX: usize = 10;

/// The names of everything that a show has or had for sale: bookings keep the numbers that they were sold by.
pub(crate) struct OfferNames {
    /// Numbers by name, of what is for sale now.
    types: HashMap<String, TicketTypeId>,
    /// Names by number; of a number without one a plain name.
    type_names: Vec<String>,
    /// Numbers of ticket types that have a name.
    named_types: Vec<TicketTypeId>,
    /// Names of the types for sale that everybody is shown, as they were listed.
    public_types: Vec<String>,
    phases: Vec<Named>,
    bundles: Vec<Named>,
    /// Rates of tax that are and were in force, the newest first.
    tax_rates: Vec<TaxRates>,
    has_types: bool,
}

impl OfferNames {
    pub(super) fn of(offer: Option<&OfferRow>) -> Self {
        let mut type_names: Vec<String> = (0..TYPES_PER_SHOW_MAX)
            .map(|id| format!("Type {id}"))
            .collect();
        if let Some(first) = type_names.first_mut() {
            STANDARD_TYPE.clone_into(first);
        }
        let mut types = HashMap::new();
        let mut public_types = Vec::new();
        for known in offer.iter().flat_map(|row| &row.types) {
            if let Some(name) = type_names.get_mut(usize::from(known.id)) {
                name.clone_from(&known.name);
            }
            let offered = offer.and_then(|row| onsale_prices::ticket_type(&row.offer, known.id));
            if let Some(offered) = offered {
                types.insert(text::composed(&known.name).into_owned(), known.id);
                if !known.is_hidden && !offered.code_only {
                    public_types.push(known.name.clone());
                }
            }
        }
        let has_types = !types.is_empty();
        if !has_types {
            types.insert(STANDARD_TYPE.to_owned(), 0);
        }
        Self {
            types,
            public_types,
            type_names,
            named_types: offer
                .iter()
                .flat_map(|row| &row.types)
                .map(|known| known.id)
                .collect(),
            phases: offer.map(|row| row.phases.clone()).unwrap_or_default(),
            bundles: offer.map(|row| row.bundles.clone()).unwrap_or_default(),
            // What is sold by no offer has no tax.
            tax_rates: offer.map_or_else(|| vec![TaxRates::default()], |row| row.rates().collect()),
            has_types,
        }
    }

    /// The number of a ticket type that is for sale.
    pub(crate) fn type_by_name(&self, name: &str) -> Option<TicketTypeId> {
        self.types.get(&*text::composed(name)).copied()
    }

    /// The ticket types for sale that everybody is shown, at most [`LISTED_MAX`] of them, for a sentence; empty where
    /// there are none.
    pub(crate) fn listed_types(&self) -> String {
        let listed: Vec<&str> = self
            .public_types
            .iter()
            .take(LISTED_MAX)
            .map(String::as_str)
            .collect();
        let more = if self.public_types.len() > LISTED_MAX {
            ", …"
        } else {
            ""
        };
        format!("{}{more}", listed.join(", "))
    }

    /// The name of a ticket type, whether or not it is for sale now.
    pub(crate) fn type_name(&self, id: TicketTypeId) -> &str {
        let name = self.type_names.get(usize::from(id));
        name.map_or("Another type", String::as_str)
    }

    /// Whether the name of a ticket type is known. What is sold where no type is listed always has one.
    pub(crate) fn has_type_name(&self, id: TicketTypeId) -> bool {
        id == 0 || self.named_types.contains(&id)
    }

    /// The name of a phase, whether or not there still is one.
    pub(crate) fn phase_name(&self, id: u8) -> Option<&str> {
        name_of(&self.phases, id)
    }

    /// The name of a bundle, whether or not there still is one.
    pub(crate) fn bundle_name(&self, id: u8) -> Option<&str> {
        name_of(&self.bundles, id)
    }

    /// The newest rates that make just the tax of an order with these lines, and that in the fee for the order, which
    /// comes with it.
    pub(crate) fn rates_of(&self, lines: &[Line], fee: (i64, i64)) -> Option<TaxRates> {
        let mut rates = self.tax_rates.iter().copied();
        rates.find(|of| onsale_prices::is_taxed(lines, fee, (of.price_bp, of.fee_bp)))
    }

    /// Whether the show lists ticket types.
    pub(crate) fn has_types(&self) -> bool {
        self.has_types
    }
}

fn name_of(named: &[Named], id: u8) -> Option<&str> {
    let mut named = named.iter();
    named.find(|known| known.id == id).map(|known| &*known.name)
}

#[cfg(test)]
mod tests {
    use onsale_schemas::offer::{Offer, TicketType};
    use onsale_store::catalog::OfferNames as Names;

    use super::*;

    #[test]
    fn a_show_without_an_offer_sells_one_type() {
        let names = OfferNames::of(None);
        assert!(!names.has_types());
        assert_eq!(names.type_by_name("Standard"), Some(0));
        assert_eq!(names.type_by_name("Adult"), None);
        assert_eq!(
            (names.type_name(0), names.type_name(7)),
            ("Standard", "Type 7")
        );
        assert_eq!(names.type_name(200), "Another type");
        assert_eq!((names.phase_name(1), names.bundle_name(1)), (None, None));
        assert!(names.has_type_name(0) && !names.has_type_name(1));
    }

    #[test]
    fn what_is_sold_no_more_keeps_its_name_and_is_not_found_by_it() {
        let mut row = OfferRow::default();
        row.number(&Names {
            types: vec!["Café".to_owned(), "Child".to_owned()],
            phases: vec!["Early".to_owned()],
            bundles: vec!["Family".to_owned()],
        });
        row.offer = Offer {
            types: vec![TicketType {
                id: 1,
                min: 0,
                max: 0,
                from_ms: 0,
                until_ms: u64::MAX,
                code_only: false,
                kinds: 0,
            }],
            ..Offer::default()
        };
        let names = OfferNames::of(Some(&row));
        assert!(names.has_types());
        assert_eq!(names.type_by_name("Cafe\u{301}"), Some(1));
        assert_eq!(names.type_by_name("Child"), None);
        assert_eq!(names.type_by_name("Standard"), None);
        assert_eq!(names.type_name(2), "Child");
        assert_eq!(
            [0, 1, 2, 3].map(|id| names.has_type_name(id)),
            [true, true, true, false]
        );
        assert_eq!(names.phase_name(1), Some("Early"));
        assert_eq!(names.bundle_name(1), Some("Family"));
        // Refusals tell everybody of what everybody is shown.
        assert_eq!(names.listed_types(), "Café");
        for known in &mut row.types {
            known.is_hidden = true;
        }
        let names = OfferNames::of(Some(&row));
        assert_eq!(names.type_by_name("Café"), Some(1));
        assert_eq!(names.listed_types(), "");
    }
}
