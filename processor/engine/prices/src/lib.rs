//! What an order costs, as `schemas/rules/version-3.md` says: a pure function of offer, prices of
//! zones, counts of phases, terms of the code, time and the order, and not of which seats are chosen.
//!
//! The machine decides by it; a quote calls it with a state that it read, and holds nothing. All
//! amounts are minor units, all numbers integers that are not negative, and rounding is per place and
//! half up, so that the places of an order add up to what was paid for it.

mod lines;
mod places;
mod scope;
mod valid;

pub use lines::{Lines, is_plain, is_taxed, lines, totals};
pub use places::{Asked, Basis, OrderPrice, PlacePrice, PlacePrices, price};
pub use scope::{has, list_price, rule_of, ticket_type};
pub use valid::{are_terms_valid, is_offer_valid};
