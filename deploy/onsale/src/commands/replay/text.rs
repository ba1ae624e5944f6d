//! Commands and outcomes as an operator reads them: seats by label, zones by name, money as money.

use onsale_schemas::command::{
    Actor, Admission, AmendShow, BlockPlaces, Confirm, OpenShow, Pick, Reserve, SeatBlock, Subject,
};
use onsale_schemas::outcome::{BlockChange, Confirmed, Reserved};
use onsale_schemas::{
    BookingId, Command, Envelope, Offset, Outcome, OutcomeRecord, PartitionId, Rejection, ShowId,
    ZoneIndex,
};
use onsale_store::document::Document;
use serde_json::json;

use super::described::Described;
use super::names::Names;
use crate::{money, output};

/// Puts the records of one partition into words.
pub(super) struct Teller {
    partition: PartitionId,
    names: Names,
}

impl Teller {
    pub(super) fn new(partition: PartitionId, names: Names) -> Self {
        Self { partition, names }
    }

    /// What was asked for.
    pub(super) fn command(&mut self, envelope: &Envelope) -> Described {
        let mut described = self.bare_command(&envelope.command);
        if is_by_staff(&envelope.command) {
            let words = match envelope.by {
                // Said below, with the account.
                Some(_) => "",
                None => "by staff",
            };
            described = described.put("by", json!("staff"), words.to_owned());
        }
        if let Some(request) = envelope.request_id {
            described = described.with("request", request);
        }
        if let Some(staff) = envelope.by {
            described = described.with("by_staff", staff.user);
        }
        described
    }

    fn bare_command(&mut self, command: &Command) -> Described {
        let kind = Described::new;
        match command {
            Command::OpenShow(open) => self.open(open),
            Command::OpenShowV2(open) => {
                let described = self.open(&open.show).with("tenant", open.tenant);
                length(described, "cooldown", open.cooldown_ms)
            }
            Command::AmendShow(amend) => self.amend(amend),
            Command::CloseShow { show } => kind("close_show").with("show", show),
            Command::CancelShow { show } => kind("cancel_show").with("show", show),
            Command::Reserve(reserve) => self.reserve(reserve),
            Command::Confirm(confirm) => self.confirm(confirm),
            Command::ConfirmV2(paid) => {
                let described = self.confirm(&paid.confirm);
                match paid.paid {
                    Some((amount, currency)) => {
                        let words = money::shown(amount, currency.as_str());
                        described.put(
                            "paid",
                            json!({ "amount": amount, "currency": currency.as_str() }),
                            format!("paid {words}"),
                        )
                    }
                    None => described,
                }
            }
            Command::Release { booking, by } => actor(self.booking(kind("release"), *booking), *by),
            Command::Extend { booking, by_ms } => {
                length(self.booking(kind("extend"), *booking), "by", *by_ms)
            }
            Command::Return { booking } => self.booking(kind("return"), *booking),
            Command::Block(block) => self.block(kind("block"), block),
            Command::Unblock(block) => self.block(kind("unblock"), block),
            Command::Tick { epoch } => kind("tick").number("epoch", *epoch),
            Command::Claim { node, epoch } => {
                kind("claim").with("node", node).number("epoch", *epoch)
            }
            Command::Barrier { machine_version } => {
                kind("barrier").number("machine_version", *machine_version)
            }
            Command::AmendEvent(amend) => kind("amend_event")
                .with("event", amend.event)
                .number("max_tickets_per_user", amend.max_tickets_per_user),
            Command::CancelEvent { event } => kind("cancel_event").with("event", event),
            Command::ClaimReference(claim) => {
                let booking = BookingId::new(claim.partition, claim.booking);
                kind("claim_reference").with("booking", booking)
            }
            Command::Describe(describe) => {
                let described = match describe.subject {
                    Subject::Event(event) => kind("describe").with("event", event),
                    Subject::Show { show, event } => {
                        kind("describe").with("show", show).with("event", event)
                    }
                };
                let described = match name_in(&describe.document) {
                    Some(name) => {
                        let words = format!("name {name:?}");
                        described.put("name", json!(name), words)
                    }
                    None => described,
                };
                let bytes = describe.document.len();
                described.put(
                    "bytes",
                    json!(bytes),
                    format!("a document of {bytes} bytes"),
                )
            }
            Command::ResetClock => kind("reset_clock"),
        }
    }

    fn amend(&mut self, amend: &AmendShow) -> Described {
        let mut described = Described::new("amend_show").with("show", amend.show);
        if let Some(limit) = amend.max_tickets_per_user {
            described = described.number("max_tickets_per_user", limit);
        }
        if let Some(at_ms) = amend.sale_opens_at_ms {
            described = described.with("sale_opens_at", output::time(at_ms));
        }
        if let Some(at_ms) = amend.sale_closes_at_ms {
            described = described.with("sale_closes_at", output::time(at_ms));
        }
        if let Some(hold_ms) = amend.hold_ms {
            described = length(described, "hold", hold_ms);
        }
        let prices: Vec<(ZoneIndex, i64)> = amend.prices.clone();
        if prices.is_empty() {
            return described;
        }
        let words: Vec<String> = prices
            .iter()
            .map(|(zone, price)| {
                let price = self.price(amend.show, *zone, *price);
                format!("{} of {}", price, self.zone_words(amend.show, *zone))
            })
            .collect();
        described.put(
            "prices",
            json!(prices),
            format!("price {}", words.join(", ")),
        )
    }

    fn reserve(&mut self, reserve: &Reserve) -> Described {
        let mut described = Described::new("reserve").with("show", reserve.show);
        described = self.zone(described, reserve.show, reserve.zone);
        described = match &reserve.pick {
            Pick::Seats(seats) => self.seats(described, reserve.show, seats),
            Pick::BestAvailable { quantity, together } => {
                let how = if *together { " together" } else { "" };
                let words = format!("the best {quantity}{how}");
                described.put("best", json!(quantity), words).put(
                    "together",
                    json!(together),
                    String::new(),
                )
            }
            Pick::General { quantity } => places(described, *quantity),
        };
        if let Some(price) = reserve.expected_unit_price {
            let words = self.price(reserve.show, reserve.zone, price);
            described = described.put(
                "expected_unit_price",
                json!(price),
                format!("at a unit price of {words}"),
            );
        }
        described.with("user", reserve.user)
    }

    /// What became of it.
    pub(super) fn outcome(&mut self, record: &OutcomeRecord, asked: Option<&Command>) -> Described {
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

    fn bare_outcome(&mut self, outcome: &Outcome, asked: Option<&Command>) -> Described {
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
            | Rejection::PaymentReferenceUsed => described,
        }
    }

    fn open(&mut self, open: &OpenShow) -> Described {
        let zones: Vec<_> = open
            .zones
            .iter()
            .map(|zone| {
                let (places, kind) = match &zone.admission {
                    Admission::Seated { rows } => {
                        (rows.iter().map(|row| u64::from(*row)).sum(), "seated")
                    }
                    Admission::General { capacity } => (u64::from(*capacity), "general"),
                };
                json!({
                    "admission": kind, "places": places, "unit_price": zone.unit_price,
                    "currency": zone.currency.as_str(),
                })
            })
            .collect();
        let words: Vec<String> = (0..)
            .zip(&open.zones)
            .zip(&zones)
            .map(|((index, zone), described)| {
                format!(
                    "{}: {} {} places at {}",
                    self.zone_words(open.show, index),
                    described["places"],
                    described["admission"].as_str().unwrap_or_default(),
                    money::shown(zone.unit_price, zone.currency.as_str())
                )
            })
            .collect();
        let described = Described::new("open_show")
            .with("show", open.show)
            .with("event", open.event)
            .number("max_tickets_per_user", open.max_tickets_per_user)
            .with("sale_opens_at", output::time(open.sale_opens_at_ms))
            .with("sale_closes_at", output::time(open.sale_closes_at_ms));
        length(described, "hold", open.hold_ms).put("zones", json!(zones), words.join("; "))
    }

    fn confirm(&mut self, confirm: &Confirm) -> Described {
        let described = self
            .booking(Described::new("confirm"), confirm.booking)
            .with("payment_reference", &confirm.payment_reference);
        actor(described, confirm.by)
    }

    fn block(&mut self, described: Described, block: &SeatBlock) -> Described {
        let described = described.with("show", block.show);
        let described = self.zone(described, block.show, block.zone);
        match &block.places {
            BlockPlaces::Seats(seats) => self.seats(described, block.show, seats),
            BlockPlaces::Quantity(quantity) => places(described, *quantity),
        }
    }

    fn changed(&mut self, described: Described, change: &BlockChange) -> Described {
        let described = described.with("show", change.show);
        let described = self.zone(described, change.show, change.zone);
        self.seats_or_places(described, change.show, &change.seats, change.quantity)
    }

    fn booking(&self, described: Described, booking: Offset) -> Described {
        described.with("booking", BookingId::new(self.partition, booking))
    }

    fn zone(&mut self, described: Described, show: ShowId, zone: ZoneIndex) -> Described {
        let words = self.zone_words(show, zone);
        let described = described.put("zone", json!(zone), words);
        match self.names.zone(show, zone) {
            Some(name) => described.put("zone_name", json!(name), String::new()),
            None => described,
        }
    }

    fn zone_words(&mut self, show: ShowId, zone: ZoneIndex) -> String {
        match self.names.zone(show, zone) {
            Some(name) => format!("zone {name}"),
            None => format!("zone index {zone}"),
        }
    }

    fn price(&mut self, show: ShowId, zone: ZoneIndex, minor: i64) -> String {
        match self.names.currency(show, zone) {
            Some(currency) => money::shown(minor, currency),
            None => format!("{minor} minor units"),
        }
    }

    fn seats(&mut self, described: Described, show: ShowId, seats: &[u32]) -> Described {
        let described = described.put("seats", json!(seats), String::new());
        let labels: Option<Vec<String>> = seats
            .iter()
            .map(|seat| self.names.seat(show, *seat).map(str::to_owned))
            .collect();
        match labels {
            Some(labels) => {
                let what = if labels.len() == 1 { "seat" } else { "seats" };
                let words = format!("{what} {}", labels.join(" "));
                described.put("seat_labels", json!(labels), words)
            }
            None => described.put("seats", json!(seats), index_words(seats)),
        }
    }

    fn seats_or_places(
        &mut self,
        described: Described,
        show: ShowId,
        seats: &[u32],
        quantity: u32,
    ) -> Described {
        if seats.is_empty() {
            return places(described, quantity);
        }
        self.seats(described, show, seats)
            .put("quantity", json!(quantity), String::new())
    }
}

fn places(described: Described, quantity: u32) -> Described {
    let what = if quantity == 1 { "place" } else { "places" };
    described.put("quantity", json!(quantity), format!("{quantity} {what}"))
}

fn index_words(seats: &[u32]) -> String {
    let seats: Vec<String> = seats.iter().map(u32::to_string).collect();
    let what = if seats.len() == 1 { "index" } else { "indexes" };
    format!("seat {what} {}", seats.join(" "))
}

/// A duration in milliseconds, shown in seconds.
fn length(described: Described, key: &'static str, ms: u32) -> Described {
    let words = format!("{key} {}.{:03} s", ms / 1_000, ms % 1_000);
    let words = words.replace(".000 s", " s");
    described.put(key, json!({ "ms": ms }), words)
}

fn actor(described: Described, by: Actor) -> Described {
    match by {
        Actor::Buyer(user) => {
            described.put("by", json!(user.to_string()), format!("by buyer {user}"))
        }
        // Who of the staff, the envelope says.
        Actor::Staff => described,
    }
}

fn is_by_staff(command: &Command) -> bool {
    let by = match command {
        Command::Confirm(confirm) => confirm.by,
        Command::ConfirmV2(paid) => paid.confirm.by,
        Command::Release { by, .. } => *by,
        _ => return false,
    };
    by == Actor::Staff
}

/// The name that a catalog document gives its event or show.
fn name_in(document: &[u8]) -> Option<String> {
    let document = Document::decode(document).ok()?;
    match document.show {
        Some(show) => show.row.name,
        None => Some(document.event.row.name),
    }
}

/// The show and zone in which a command asks for places.
fn place_of(command: &Command) -> Option<(ShowId, ZoneIndex)> {
    match command {
        Command::Reserve(reserve) => Some((reserve.show, reserve.zone)),
        Command::Block(block) | Command::Unblock(block) => Some((block.show, block.zone)),
        _ => None,
    }
}

/// `UnknownZone` as `unknown_zone`.
fn snake(name: &str) -> String {
    let mut text = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !text.is_empty() {
            text.push('_');
        }
        text.push(letter.to_ascii_lowercase());
    }
    text
}

#[cfg(test)]
mod tests {
    use onsale_schemas::command::{Currency, Reserve};
    use onsale_schemas::{SeatList, UserId};

    use super::*;
    use crate::config::Config;

    fn teller() -> (tempfile::TempDir, Teller) {
        let folder = tempfile::tempdir().unwrap();
        let mut config = Config::default();
        config.data.dir = folder.path().to_owned();
        let teller = Teller::new(PartitionId(6), Names::open(&config));
        (folder, teller)
    }

    /// Without a database there are plain numbers, and never the program's identifiers.
    #[test]
    fn without_a_database_indexes_are_called_indexes() {
        let (_folder, mut teller) = teller();
        let command = Command::Reserve(Reserve {
            show: ShowId::from_bytes([1; 16]),
            user: UserId::from_bytes([2; 16]),
            zone: 0,
            pick: Pick::Seats([19, 20].into_iter().collect::<SeatList>()),
            expected_unit_price: Some(320_000),
        });
        let described = teller.command(&Envelope::machine(command.clone()));
        let text = described.to_string();
        assert!(text.contains("zone index 0, seat indexes 19 20"), "{text}");
        assert!(text.contains("320000 minor units"), "{text}");
        assert_eq!(described.json()["seats"], json!([19, 20]));
        let reserved = Outcome::Reserved(onsale_schemas::outcome::Reserved {
            booking: 3,
            show: ShowId::from_bytes([1; 16]),
            event: onsale_schemas::EventId::from_bytes([3; 16]),
            user: UserId::from_bytes([2; 16]),
            zone: 0,
            seats: [19, 20].into_iter().collect(),
            quantity: 2,
            unit_price: 320_000,
            currency: Currency(*b"THB"),
            expires_at_ms: 600_000,
        });
        let text = teller.bare_outcome(&reserved, Some(&command)).to_string();
        assert!(
            text.contains("for 6,400.00 THB, until 1970-01-01T00:10:00Z"),
            "{text}"
        );
        let refused = Outcome::Rejected(Rejection::PriceChanged { unit_price: 5 });
        let text = teller.bare_outcome(&refused, None).to_string();
        assert_eq!(
            text,
            "rejected  PRICE_CHANGED, the unit price is 5 minor units"
        );
        assert_eq!(snake("UnknownZone"), "unknown_zone");
    }
}
