//! What machine version 3 knows.

mod orders;
mod values;

use onsale_schemas::code::EndedCodes;
use onsale_schemas::rejection::CodeRefusal;
use onsale_schemas::seating::Addition;
use onsale_schemas::{BookingId, Command, Offset, Outcome, Rejection, SeatList, ShowId};
use serde_json::json;

use self::values::{lines_json, offer, terms};
use super::commands::length;
use super::outcomes::snake;
use super::{Described, Teller, index_words, places};
use crate::{money, output};

impl Teller {
    /// A command that only version 3 has.
    pub(super) fn command_v3(&mut self, command: &Command) -> Described {
        let kind = Described::new;
        match command {
            Command::OpenShowV3(open) => {
                let described = self
                    .open(&open.show.show)
                    .with("tenant", open.show.tenant)
                    .number("companions_per_accessible", open.companions_per_accessible);
                let described = length(described, "cooldown", open.show.cooldown_ms);
                let zones: Vec<_> = open.plans.iter().map(|plan| plan.zone).collect();
                let words = counted(zones.len(), "plan", "plans");
                offer(
                    described.put("plans_of_zones", json!(zones), words),
                    &open.offer,
                )
            }
            Command::SetOffer(set) => offer(kind("set_offer").with("show", set.show), &set.offer),
            Command::CreateCodes(create) => {
                let described = kind("create_codes")
                    .with("show", create.show)
                    .number("group", create.group);
                let codes = create.codes.len();
                let words = counted(codes, "code", "codes");
                terms(described.put("codes", json!(codes), words), &create.terms)
            }
            Command::AmendCodes(amend) => {
                let described = kind("amend_codes")
                    .with("show", amend.show)
                    .number("group", amend.group);
                terms(described, &amend.terms)
            }
            Command::EndCodes { show, which } => {
                let described = kind("end_codes").with("show", show);
                match which {
                    EndedCodes::Group(group) => described.number("group", *group),
                    EndedCodes::Code(code) => described.with("code_hash", code),
                }
            }
            Command::ReserveV2(reserve) => self.reserve_v2(reserve),
            Command::ReturnPlaces(command) => self.return_places(command),
            Command::AddSeats(add) => {
                let described = kind("add_seats")
                    .with("show", add.show)
                    .number("expected", add.expected);
                match &add.addition {
                    Addition::Rows { zone, rows, .. } => {
                        let described = self.zone(described, add.show, *zone);
                        let words = counted(rows.len(), "row", "rows");
                        described.put("rows", json!(rows), words)
                    }
                    Addition::Capacity { zone, places: more } => {
                        places(self.zone(described, add.show, *zone), *more)
                    }
                    Addition::Zone { layout, .. } => {
                        let price = money::shown(layout.unit_price, layout.currency.as_str());
                        described
                            .put("zone", json!("new"), "a new zone".to_owned())
                            .put(
                                "unit_price",
                                json!(layout.unit_price),
                                format!("at a unit price of {price}"),
                            )
                            .put("currency", json!(layout.currency.as_str()), String::new())
                    }
                }
            }
            Command::TakeSeats(block) => self.block(kind("take_seats"), block),
            _ => kind("unknown"),
        }
    }

    /// An outcome that only version 3 has.
    pub(super) fn outcome_v3(&mut self, outcome: &Outcome) -> Described {
        let kind = Described::new;
        match outcome {
            Outcome::ReservedV2(held) => self.reserved_v2(held),
            Outcome::ConfirmedV2(sold) => {
                let described = self
                    .booking(kind("confirmed"), sold.booking)
                    .with("show", sold.show);
                let described = self.parts(described, sold.show, &sold.parts);
                let currency = sold.currency.as_str();
                total(described, sold.total, currency)
                    .with("payment_reference", &sold.payment_reference)
                    .with("user", sold.user)
                    .put("first", json!(sold.first), said(!sold.first, "as before"))
                    .put(
                        "revived",
                        json!(sold.revived),
                        said(
                            sold.revived,
                            "its hold had run out and its places were still free",
                        ),
                    )
            }
            Outcome::ReleasedV2(released) => {
                let described = self
                    .booking(kind("released"), released.booking)
                    .with("show", released.show);
                let was_confirmed = released.was_confirmed;
                self.parts(described, released.show, &released.parts)
                    .put(
                        "was_confirmed",
                        json!(was_confirmed),
                        said(was_confirmed, "had been sold"),
                    )
                    .with("user", released.user)
            }
            Outcome::OfferSet { show } => kind("offer_set").with("show", show),
            Outcome::CodesCreated {
                show,
                group,
                created,
                known,
            } => kind("codes_created")
                .with("show", show)
                .number("group", *group)
                .number("created", *created)
                .number("known", *known),
            Outcome::CodesAmended { show, group } => kind("codes_amended")
                .with("show", show)
                .number("group", *group),
            Outcome::CodesEnded { show, ended } => kind("codes_ended")
                .with("show", show)
                .number("ended", *ended),
            Outcome::PlacesReturned(returned) => {
                let described = self
                    .booking(kind("places_returned"), returned.booking)
                    .with("show", returned.show);
                let described = self.parts(described, returned.show, &returned.parts);
                let currency = returned.currency.as_str();
                let price = money::shown(returned.refund_price, currency);
                let fees = money::shown(returned.refund_fees, currency);
                let described = described
                    .put(
                        "refund_price",
                        json!(returned.refund_price),
                        format!("price {price}"),
                    )
                    .put(
                        "refund_fees",
                        json!(returned.refund_fees),
                        format!("fees {fees}"),
                    );
                total(described, returned.total, currency)
                    .put("lines", lines_json(&returned.lines), self.left(returned))
                    .put(
                        "ended",
                        json!(returned.ended),
                        said(returned.ended, "ended"),
                    )
                    .with("user", returned.user)
            }
            Outcome::SeatsAdded {
                show,
                zone,
                first_seat,
                places: more,
            } => {
                let described = self.zone(kind("seats_added").with("show", show), *show, *zone);
                places(described.number("first_seat", *first_seat), *more)
            }
            Outcome::SeatsTaken(change) => self.changed(kind("seats_taken"), change),
            _ => kind("unknown"),
        }
    }

    /// What a refusal that only version 3 has says besides its code; `show` is the one asked for.
    pub(super) fn refusal_v3(
        &mut self,
        described: Described,
        rejection: &Rejection,
        show: Option<ShowId>,
    ) -> Described {
        match rejection {
            Rejection::TypeNotOffered { zone, ticket_type }
            | Rejection::AccessCodeRequired { zone, ticket_type } => described
                .number("zone", *zone)
                .number("ticket_type", *ticket_type),
            Rejection::CodeRefused { why } => match why {
                CodeRefusal::NotYet { from_ms } => described
                    .with("why", "not_yet")
                    .with("from", output::time(*from_ms)),
                other => described.with("why", snake(&format!("{other:?}"))),
            },
            Rejection::TypeNotOnSale {
                ticket_type,
                opens_at_ms,
            } => {
                let described = described.number("ticket_type", *ticket_type);
                match opens_at_ms {
                    Some(at_ms) => described.with("opens_at", output::time(*at_ms)),
                    None => described,
                }
            }
            Rejection::TypeQuantity {
                ticket_type,
                asked,
                min,
                max,
            } => described
                .number("ticket_type", *ticket_type)
                .number("asked", *asked)
                .number("min", *min)
                .number("max", *max),
            Rejection::WrongSeatKind { ticket_type, seats } => {
                let described = described.number("ticket_type", *ticket_type);
                self.refused_seats(described, show, seats)
            }
            Rejection::CompanionAlone {
                companions,
                allowed,
            } => described
                .number("companions", *companions)
                .number("allowed", *allowed),
            Rejection::TotalChanged {
                total: now,
                currency,
            } => total(described, *now, currency.as_str()),
            Rejection::SeatInOwnHold { seats, own }
            | Rejection::LeavesSingleSeat { seats, own } => {
                let described = self.refused_seats(described, show, seats);
                self.own(described, own)
            }
            Rejection::InsufficientStockOf {
                item,
                zone,
                available,
                not_together,
            } => described
                .number("item", *item)
                .number("zone", *zone)
                .number("available", *available)
                .put(
                    "not_together",
                    json!(not_together),
                    said(*not_together, "not together"),
                ),
            Rejection::CodeExists { group, code } => {
                let described = described.number("group", *group);
                match code {
                    Some(code) => described.with("code_hash", code),
                    None => described,
                }
            }
            Rejection::PlacesNotOfBooking { seats, line } => {
                let described = self.refused_seats(described, show, seats);
                match line {
                    Some(line) => described.number("line", *line),
                    None => described,
                }
            }
            Rejection::LayoutChanged { now } => described.number("now", *now),
            _ => described,
        }
    }

    fn refused_seats(
        &mut self,
        described: Described,
        show: Option<ShowId>,
        seats: &SeatList,
    ) -> Described {
        match show {
            _ if seats.is_empty() => described,
            Some(show) => self.seats(described, show, seats),
            None => described.put("seats", json!(&seats[..]), index_words(seats)),
        }
    }

    fn own(&self, described: Described, own: &[Offset]) -> Described {
        if own.is_empty() {
            return described;
        }
        let bookings: Vec<String> = own
            .iter()
            .map(|offset| BookingId::new(self.partition, *offset).to_string())
            .collect();
        let words = format!("own {}", bookings.join(" "));
        described.put("own_bookings", json!(bookings), words)
    }
}

fn said(holds: bool, words: &str) -> String {
    let words = if holds { words } else { "" };
    words.to_owned()
}

fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

fn total(described: Described, total: i64, currency: &str) -> Described {
    let words = format!("total {}", money::shown(total, currency));
    described
        .put("total", json!(total), words)
        .put("currency", json!(currency), String::new())
}
