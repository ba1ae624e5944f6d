//! What became of it.

use onsale_schemas::outcome::{BlockChange, Confirmed, Reserved};
use onsale_schemas::{BookingId, Command, Outcome, OutcomeRecord, Rejection, ShowId, ZoneIndex};
use serde_json::json;

use super::{Described, Teller, index_words};
use crate::{money, output};

impl Teller {
    /// What became of it.
    pub(in crate::commands::replay) fn outcome(
        &mut self,
        record: &OutcomeRecord,
        asked: Option<&Command>,
    ) -> Described {
        let described = self.bare_outcome(&record.outcome, asked);
        match record.replay_of {
            Some(first) => described.put(
                "replay_of",
                json!(first.offset),
                format!("the answer of offset {} again", first.offset),
            ),
            None => described,
        }
    }

    pub(super) fn bare_outcome(&mut self, outcome: &Outcome, asked: Option<&Command>) -> Described {
        let kind = Described::new;
        match outcome {
            Outcome::Nothing => kind("nothing"),
            Outcome::ShowOpened { show, event } => {
                kind("show_opened").with("show", show).with("event", event)
            }
            Outcome::ShowAmended { show } => kind("show_amended").with("show", show),
            Outcome::ShowClosed { show } => kind("show_closed").with("show", show),
            Outcome::ShowCancelled { show } => kind("show_cancelled").with("show", show),
            Outcome::Reserved(held) => self.reserved(held),
            Outcome::Confirmed(sold) => self.confirmed(sold),
            Outcome::Released {
                booking,
                was_confirmed,
            } => {
                let mut described = self
                    .booking(kind("released"), booking.booking)
                    .with("show", booking.show);
                described = self.zone(described, booking.show, booking.zone);
                described =
                    self.seats_or_places(described, booking.show, &booking.seats, booking.quantity);
                let words = if *was_confirmed { "had been sold" } else { "" };
                described
                    .put("was_confirmed", json!(was_confirmed), words.to_owned())
                    .with("user", booking.user)
            }
            Outcome::Extended {
                booking,
                show,
                user,
                expires_at_ms,
            } => self
                .booking(kind("extended"), *booking)
                .with("show", show)
                .with("expires_at", output::time(*expires_at_ms))
                .with("user", user),
            Outcome::Blocked(change) => self.changed(kind("blocked"), change),
            Outcome::Unblocked(change) => self.changed(kind("unblocked"), change),
            Outcome::Claimed { node, epoch } => {
                kind("claimed").with("node", node).number("epoch", *epoch)
            }
            Outcome::BarrierPassed { machine_version } => {
                kind("barrier_passed").number("machine_version", *machine_version)
            }
            Outcome::Rejected(rejection) => self.refusal(rejection, asked),
            Outcome::EventAmended {
                event,
                max_tickets_per_user,
            } => kind("event_amended")
                .with("event", event)
                .number("max_tickets_per_user", *max_tickets_per_user),
            Outcome::EventCancelled { event } => kind("event_cancelled").with("event", event),
            Outcome::ReferenceClaimed(claim) => {
                let booking = BookingId::new(claim.partition, claim.booking);
                kind("reference_claimed").with("booking", booking)
            }
            Outcome::Described(describe) => {
                let bytes = describe.document.len();
                kind("described").put("bytes", json!(bytes), format!("{bytes} bytes"))
            }
            Outcome::ClockReset { from_ms, to_ms } => kind("clock_reset")
                .with("from", output::time(*from_ms))
                .with("to", output::time(*to_ms)),
            Outcome::ReservedV2(_)
            | Outcome::ConfirmedV2(_)
            | Outcome::ReleasedV2(_)
            | Outcome::OfferSet { .. }
            | Outcome::CodesCreated { .. }
            | Outcome::CodesAmended { .. }
            | Outcome::CodesEnded { .. }
            | Outcome::PlacesReturned(_)
            | Outcome::SeatsAdded { .. }
            | Outcome::SeatsTaken(_) => self.outcome_v3(outcome),
        }
    }

    fn reserved(&mut self, held: &Reserved) -> Described {
        let mut described = self
            .booking(Described::new("reserved"), held.booking)
            .with("show", held.show);
        described = self.zone(described, held.show, held.zone);
        described = self.seats_or_places(described, held.show, &held.seats, held.quantity);
        let currency = held.currency.as_str();
        let total = held.unit_price.saturating_mul(i64::from(held.quantity));
        let words = format!("for {}", money::shown(total, currency));
        described
            .put("unit_price", json!(held.unit_price), String::new())
            .put("total_price", json!(total), words)
            .put("currency", json!(currency), String::new())
            .put(
                "expires_at",
                json!(output::time(held.expires_at_ms)),
                format!("until {}", output::time(held.expires_at_ms)),
            )
            .with("user", held.user)
    }

    fn confirmed(&mut self, sold: &Confirmed) -> Described {
        let mut described = self
            .booking(Described::new("confirmed"), sold.booking)
            .with("show", sold.show);
        described = self.zone(described, sold.show, sold.zone);
        described = self.seats_or_places(described, sold.show, &sold.seats, sold.quantity);
        described = described
            .with("payment_reference", &sold.payment_reference)
            .with("user", sold.user);
        described = described.put(
            "first",
            json!(sold.first),
            if sold.first { "" } else { "as before" }.to_owned(),
        );
        let words = if sold.revived {
            "its hold had run out and its places were still free"
        } else {
            ""
        };
        described.put("revived", json!(sold.revived), words.to_owned())
    }

    fn refusal(&mut self, rejection: &Rejection, asked: Option<&Command>) -> Described {
        let code = rejection.code();
        let described = Described::new("rejected").put("code", json!(code), code.to_owned());
        let place = asked.and_then(place_of);
        match rejection {
            Rejection::SeatUnavailable { seats } => match place {
                Some((show, _)) => self.seats(described, show, seats),
                None => described.put("seats", json!(&seats[..]), index_words(seats)),
            },
            Rejection::InsufficientStock {
                available,
                not_together,
            } => {
                let words = if *not_together { "not together" } else { "" };
                described.number("available", *available).put(
                    "not_together",
                    json!(not_together),
                    words.to_owned(),
                )
            }
            Rejection::MaxPerUserExceeded { limit, current } => described
                .number("limit", *limit)
                .number("current", *current),
            Rejection::SaleNotOpen { opens_at_ms } => {
                described.with("opens_at", output::time(*opens_at_ms))
            }
            Rejection::PriceChanged { unit_price } => {
                let words = match place {
                    Some((show, zone)) => self.price(show, zone, *unit_price),
                    None => format!("{unit_price} minor units"),
                };
                described.put(
                    "unit_price",
                    json!(unit_price),
                    format!("the unit price is {words}"),
                )
            }
            Rejection::AmountDiffers { total, currency } => {
                let words = money::shown(*total, currency.as_str());
                described
                    .put("total", json!(total), format!("the total is {words}"))
                    .put("currency", json!(currency.as_str()), String::new())
            }
            Rejection::CoolingDown { until_ms } => described.with("until", output::time(*until_ms)),
            Rejection::Invalid { reason } => {
                described.with("reason", snake(&format!("{reason:?}")))
            }
            Rejection::Full { table } => described.with("full", snake(&format!("{table:?}"))),
            Rejection::UnknownShow => described.with("what", "show"),
            Rejection::UnknownBooking => described.with("what", "booking"),
            Rejection::SaleClosed
            | Rejection::AlreadyConfirmed
            | Rejection::AlreadyCancelled
            | Rejection::ShowCancelled
            | Rejection::ReservationExpired
            | Rejection::IdempotencyKeyReused
            | Rejection::ShowExists
            | Rejection::PaymentReferenceUsed
            | Rejection::NotConfirmed => described,
            Rejection::UnknownCode => described.with("what", "code"),
            Rejection::TypeNotOffered { .. }
            | Rejection::CodeRefused { .. }
            | Rejection::AccessCodeRequired { .. }
            | Rejection::TypeNotOnSale { .. }
            | Rejection::TypeQuantity { .. }
            | Rejection::WrongSeatKind { .. }
            | Rejection::CompanionAlone { .. }
            | Rejection::TotalChanged { .. }
            | Rejection::SeatInOwnHold { .. }
            | Rejection::LeavesSingleSeat { .. }
            | Rejection::InsufficientStockOf { .. }
            | Rejection::CodeExists { .. }
            | Rejection::PlacesNotOfBooking { .. }
            | Rejection::LayoutChanged { .. } => {
                self.refusal_v3(described, rejection, asked.and_then(show_of))
            }
        }
    }

    pub(super) fn changed(&mut self, described: Described, change: &BlockChange) -> Described {
        let described = described.with("show", change.show);
        let described = self.zone(described, change.show, change.zone);
        self.seats_or_places(described, change.show, &change.seats, change.quantity)
    }
}

/// The show and zone in which a command asks for places.
fn place_of(command: &Command) -> Option<(ShowId, ZoneIndex)> {
    match command {
        Command::Reserve(reserve) => Some((reserve.show, reserve.zone)),
        Command::Block(block) | Command::Unblock(block) | Command::TakeSeats(block) => {
            Some((block.show, block.zone))
        }
        _ => None,
    }
}

/// The show in which a command asks for places.
fn show_of(command: &Command) -> Option<ShowId> {
    match command {
        Command::ReserveV2(reserve) => Some(reserve.show),
        other => place_of(other).map(|(show, _)| show),
    }
}

/// `UnknownZone` as `unknown_zone`.
pub(super) fn snake(name: &str) -> String {
    let mut text = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !text.is_empty() {
            text.push('_');
        }
        text.push(letter.to_ascii_lowercase());
    }
    text
}
