//! Open, amend, close and cancel a show.

use onsale_schemas::command::{Admission, AmendShow, OpenShow, OpenShowV2, ZoneLayout};
use onsale_schemas::limits::{
    COMPANIONS_PER_ACCESSIBLE_MAX, COOLDOWN_MAX_MS, GENERAL_CAPACITY_MAX, HOLD_MAX_MS, HOLD_MIN_MS,
    ROWS_PER_ZONE_MAX, SEATS_PER_ROW_MAX, SEATS_PER_SHOW_MAX, UNIT_PRICE_MAX_MINOR,
    ZONES_PER_SHOW_MAX,
};
use onsale_schemas::rejection::{FullTable, InvalidReason};
use onsale_schemas::seating::{OpenShowV3, ZonePlan};
use onsale_schemas::{LogTimeMs, Outcome, Rejection, ShowId, TenantId};

use super::bookings::BookingState;
use super::machine::Model;
use super::shows::Show;
use super::{events, offer, plans};

type Decision = Result<Outcome, Rejection>;

pub(super) fn invalid(reason: InvalidReason) -> Rejection {
    Rejection::Invalid { reason }
}

impl Model {
    pub(super) fn open_show(&mut self, open: &OpenShow) -> Decision {
        self.open(open, None, None)
    }

    pub(super) fn open_show_v2(&mut self, open: &OpenShowV2) -> Decision {
        self.open(&open.show, Some((open.tenant, open.cooldown_ms)), None)
    }

    pub(super) fn open_show_v3(&mut self, open: &OpenShowV3) -> Decision {
        let more = (open.show.tenant, open.show.cooldown_ms);
        self.open(&open.show.show, Some(more), Some(open))
    }

    /// `more` is what version 2 of the command says besides, `most` is all of version 3.
    fn open(
        &mut self,
        open: &OpenShow,
        more: Option<(TenantId, u32)>,
        most: Option<&OpenShowV3>,
    ) -> Decision {
        self.check_event(open.event)?;
        let plans: &[ZonePlan] = most.map_or(&[], |most| &most.plans);
        if !layout_is_valid(&open.zones) || !plans::are_valid(&open.zones, plans) {
            return Err(invalid(InvalidReason::Layout));
        }
        let companions = most.map_or(0, |most| most.companions_per_accessible);
        let prices = open.zones.iter().map(|zone| zone.unit_price);
        if !terms_are_valid(
            open.sale_opens_at_ms,
            open.sale_closes_at_ms,
            open.hold_ms,
            prices,
        ) || more.is_some_and(|(_, cooldown_ms)| cooldown_ms > COOLDOWN_MAX_MS)
            || companions > COMPANIONS_PER_ACCESSIBLE_MAX
        {
            return Err(invalid(InvalidReason::OutOfRange));
        }
        let currencies: Vec<_> = open.zones.iter().map(|zone| zone.currency).collect();
        if most.is_some_and(|most| !offer::is_valid(&most.offer, &currencies)) {
            return Err(invalid(InvalidReason::Offer));
        }
        match self.shows.get(open.show) {
            Some(known)
                if known.opened != *open
                    || known.opened_v2 != more
                    || known.opened_v3.as_deref() != most =>
            {
                return Err(Rejection::ShowExists);
            }
            Some(_) => {}
            None if self.is_cancelled_event(open.event) => return Err(Rejection::ShowCancelled),
            None if self.shows.len() >= self.limits.shows_max as usize => {
                let table = FullTable::Shows;
                return Err(Rejection::Full { table });
            }
            None => {
                let mut show = Show::new(open, plans);
                if let Some(most) = most {
                    show.opened_v3 = Some(Box::new(most.clone()));
                    show.companions_per_accessible = companions;
                    show.put_offer(&most.offer);
                }
                let event = self.events.entry(open.event).or_default();
                if let Some((tenant, cooldown_ms)) = more {
                    show.opened_v2 = more;
                    show.tenant = Some(tenant);
                    show.cooldown_ms = cooldown_ms;
                    event.tenant.get_or_insert(tenant);
                }
                let limit = event.limit;
                self.shows.insert(show);
                match (limit, more) {
                    (None, None) => {
                        self.users.note_limit(open.event, open.max_tickets_per_user);
                    }
                    (None, Some(_)) => self.limit_event(open.event, open.max_tickets_per_user),
                    (Some(limit), _) => self.limit_event(open.event, limit),
                }
            }
        }
        Ok(Outcome::ShowOpened {
            show: open.show,
            event: open.event,
        })
    }

    pub(super) fn amend_show(&mut self, amend: &AmendShow) -> Decision {
        self.check_show(amend.show)?;
        let show = self
            .shows
            .get_mut(amend.show)
            .ok_or(Rejection::UnknownShow)?;
        if show.cancelled {
            return Err(Rejection::ShowCancelled);
        }
        let mut new = show.clone();
        new.max_tickets_per_user = amend
            .max_tickets_per_user
            .unwrap_or(new.max_tickets_per_user);
        new.sale_opens_at_ms = amend.sale_opens_at_ms.unwrap_or(new.sale_opens_at_ms);
        new.sale_closes_at_ms = amend.sale_closes_at_ms.unwrap_or(new.sale_closes_at_ms);
        new.hold_ms = amend.hold_ms.unwrap_or(new.hold_ms);
        for &(zone, price) in &amend.prices {
            new.zones
                .get_mut(usize::from(zone))
                .ok_or(invalid(InvalidReason::UnknownZone))?
                .unit_price = price;
        }
        let prices = new.zones.iter().map(|zone| zone.unit_price);
        if !terms_are_valid(
            new.sale_opens_at_ms,
            new.sale_closes_at_ms,
            new.hold_ms,
            prices,
        ) {
            return Err(invalid(InvalidReason::OutOfRange));
        }
        let (event, limit) = (new.event(), new.max_tickets_per_user);
        *show = new;
        if self.machine_version >= events::VERSION && amend.max_tickets_per_user.is_some() {
            self.limit_event(event, limit);
        } else {
            self.users.note_limit(event, limit);
        }
        Ok(Outcome::ShowAmended { show: amend.show })
    }

    pub(super) fn close_show(&mut self, id: ShowId) -> Decision {
        self.check_show(id)?;
        let show = self.shows.get_mut(id).ok_or(Rejection::UnknownShow)?;
        if show.cancelled {
            return Err(Rejection::ShowCancelled);
        }
        show.sale_closes_at_ms = show.sale_closes_at_ms.min(self.now);
        Ok(Outcome::ShowClosed { show: id })
    }

    pub(super) fn cancel_show(&mut self, id: ShowId) -> Decision {
        self.check_show(id)?;
        self.shows.get(id).ok_or(Rejection::UnknownShow)?;
        self.void_show(id);
        Ok(Outcome::ShowCancelled { show: id })
    }

    /// Cancels a show and ends its bookings, unless that was done before.
    pub(super) fn void_show(&mut self, id: ShowId) {
        match self.shows.get_mut(id) {
            Some(show) if !show.cancelled => show.cancelled = true,
            _ => return,
        }
        let at_ms = self.now;
        let live: Vec<_> = self
            .live_bookings()
            .filter(|booking| booking.show == id)
            .map(|booking| booking.offset)
            .collect();
        for offset in live {
            self.end(offset, BookingState::Cancelled { at_ms });
        }
    }
}

pub(super) fn layout_is_valid(zones: &[ZoneLayout]) -> bool {
    let seats: u64 = zones
        .iter()
        .map(|zone| match &zone.admission {
            Admission::Seated { rows } => rows.iter().map(|&len| u64::from(len)).sum(),
            Admission::General { .. } => 0,
        })
        .sum();
    (1..=ZONES_PER_SHOW_MAX).contains(&zones.len())
        && seats <= u64::from(SEATS_PER_SHOW_MAX)
        && zones.iter().all(|zone| match &zone.admission {
            Admission::Seated { rows } => {
                (1..=ROWS_PER_ZONE_MAX).contains(&rows.len())
                    && rows.iter().all(|len| (1..=SEATS_PER_ROW_MAX).contains(len))
            }
            Admission::General { capacity } => (1..=GENERAL_CAPACITY_MAX).contains(capacity),
        })
}

fn terms_are_valid(
    opens: LogTimeMs,
    closes: LogTimeMs,
    hold_ms: u32,
    mut prices: impl Iterator<Item = i64>,
) -> bool {
    opens < closes
        && (HOLD_MIN_MS..=HOLD_MAX_MS).contains(&hold_ms)
        && prices.all(|price| (0..=UNIT_PRICE_MAX_MINOR).contains(&price))
}

#[cfg(test)]
mod tests;
