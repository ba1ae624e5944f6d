//! `AmendCodes`.

use onsale_schemas::code::AmendCodes;
use onsale_schemas::rejection::InvalidReason;
use onsale_schemas::{Outcome, Rejection};

use super::Verdict;
use super::places::invalid;
use super::set_offer::currencies;
use crate::asked::Asked;
use crate::state::State;

impl State {
    /// Gives a group of codes other terms, for the next orders.
    pub(super) fn amend_codes(&mut self, command: &AmendCodes, asked: &Asked<'_>) -> Verdict {
        let slot = self.find_show(&command.show, asked)?;
        let show = self.shows.get(slot);
        if !onsale_prices::are_terms_valid(&command.terms, &currencies(show)) {
            return Err(invalid(InvalidReason::Code));
        }
        if !self.sale_of(show).groups.contains_key(&command.group) {
            return Err(Rejection::UnknownCode);
        }
        let sale = self.shows.get_mut(slot).sale_mut();
        if let Some(group) = sale.groups_mut().get_mut(&command.group) {
            group.terms = command.terms.clone();
        }
        Ok(Outcome::CodesAmended {
            show: command.show,
            group: command.group,
        })
    }
}

#[cfg(test)]
mod tests;
