//! `SetOffer`.

use onsale_schemas::Outcome;
use onsale_schemas::command::Currency;
use onsale_schemas::offer::SetOffer;
use onsale_schemas::rejection::InvalidReason;
use triomphe::Arc;

use super::Verdict;
use super::places::invalid;
use crate::asked::Asked;
use crate::shows::Show;
use crate::state::State;

impl State {
    /// Replaces what a show has for sale. Counts of phases go on.
    pub(super) fn set_offer(&mut self, command: &SetOffer, asked: &Asked<'_>) -> Verdict {
        let slot = self.find_show(&command.show, asked)?;
        let show = self.shows.get(slot);
        if !onsale_prices::is_offer_valid(&command.offer, &currencies(show)) {
            return Err(invalid(InvalidReason::Offer));
        }
        // No offer where there was none needs nothing.
        if show.sale().is_some() || !command.offer.is_empty() {
            self.shows.get_mut(slot).sale_mut().offer = Arc::new(command.offer.clone());
        }
        Ok(Outcome::OfferSet { show: command.show })
    }
}

/// Currencies of the zones in order.
pub(super) fn currencies(show: &Show) -> Vec<Currency> {
    show.zones.iter().map(|zone| zone.currency).collect()
}

#[cfg(test)]
mod tests;
