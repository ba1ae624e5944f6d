//! `OpenShowV3`.

use onsale_schemas::Outcome;
use onsale_schemas::command::Currency;
use onsale_schemas::limits::{COMPANIONS_PER_ACCESSIBLE_MAX, COOLDOWN_MAX_MS};
use onsale_schemas::rejection::InvalidReason;
use onsale_schemas::seating::OpenShowV3;
use triomphe::Arc;

use super::Verdict;
use super::open_show::{check_values, fingerprint};
use super::places::invalid;
use super::plans;
use crate::asked::Asked;
use crate::layout;
use crate::state::State;

impl State {
    /// Opens a show of a tenant with its hall and what is for sale.
    pub(super) fn open_show_v3(&mut self, command: &OpenShowV3, asked: &Asked<'_>) -> Verdict {
        let show = &command.show.show;
        self.check_event(&show.event, asked)?;
        if !layout::is_valid(&show.zones) || !plans::are_valid(&command.plans, &show.zones) {
            return Err(invalid(InvalidReason::Layout));
        }
        check_values(show)?;
        if command.show.cooldown_ms > COOLDOWN_MAX_MS
            || command.companions_per_accessible > COMPANIONS_PER_ACCESSIBLE_MAX
        {
            return Err(invalid(InvalidReason::OutOfRange));
        }
        let currencies: Vec<Currency> = show.zones.iter().map(|zone| zone.currency).collect();
        if !onsale_prices::is_offer_valid(&command.offer, &currencies) {
            return Err(invalid(InvalidReason::Offer));
        }
        if let Some(slot) = self.open_of_tenant(&command.show, fingerprint(command))? {
            let sale = self.shows.get_mut(slot).sale_mut();
            sale.is_third = true;
            sale.companions_per_accessible = command.companions_per_accessible;
            sale.offer = Arc::new(command.offer.clone());
            for plan in &command.plans {
                sale.hall_mut().set_plans(plan.zone, plan.rows.clone());
            }
        }
        Ok(Outcome::ShowOpened {
            show: show.show,
            event: show.event,
        })
    }
}

#[cfg(test)]
mod tests;
