//! What was asked for.

use onsale_schemas::command::{
    Actor, Admission, AmendShow, BlockPlaces, Confirm, OpenShow, Pick, Reserve, SeatBlock, Subject,
};
use onsale_schemas::{BookingId, Command, Envelope, ZoneIndex};
use onsale_store::document::Document;
use serde_json::json;

use super::{Described, Teller, places};
use crate::{money, output};

impl Teller {
    /// What was asked for.
    pub(in crate::commands::replay) fn command(&mut self, envelope: &Envelope) -> Described {
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

    pub(super) fn bare_command(&mut self, command: &Command) -> Described {
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
            Command::OpenShowV3(_)
            | Command::SetOffer(_)
            | Command::CreateCodes(_)
            | Command::AmendCodes(_)
            | Command::EndCodes { .. }
            | Command::ReserveV2(_)
            | Command::ReturnPlaces(_)
            | Command::AddSeats(_)
            | Command::TakeSeats(_) => self.command_v3(command),
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

    pub(super) fn open(&mut self, open: &OpenShow) -> Described {
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

    pub(super) fn block(&mut self, described: Described, block: &SeatBlock) -> Described {
        let described = described.with("show", block.show);
        let described = self.zone(described, block.show, block.zone);
        match &block.places {
            BlockPlaces::Seats(seats) => self.seats(described, block.show, seats),
            BlockPlaces::Quantity(quantity) => places(described, *quantity),
        }
    }
}

/// A duration in milliseconds, shown in seconds.
pub(super) fn length(described: Described, key: &'static str, ms: u32) -> Described {
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
