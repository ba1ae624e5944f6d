//! The shows that are sold: created for the run through the API, or existing.

use serde_json::{Value, json};

use crate::control::Control;
use crate::error::LoadError;

/// Seats in a row of a show created here.
const ROW_SEATS: u64 = 1_000;
/// Most seats of one show.
const SHOW_SEATS_MAX: u64 = 250_000;
/// Highest limit of tickets per user.
const TICKETS_PER_USER: u16 = u16::MAX;
/// Prefix of the names of events created here.
const NAME_PREFIX: &str = "onsale load";
/// When they take place.
const STARTS_AT: &str = "2099-01-01T20:00:00Z";
/// Longest hold: nothing expires during a run.
const HOLD_LONG_S: u32 = 86_400;

/// Ticket types of an offer made here; a child pays less.
pub(crate) const STANDARD: &str = "Standard";
pub(crate) const CHILD: &str = "Child";
/// The code of a show with such an offer, for any number of orders.
pub(crate) const CODE: &str = "LOAD-TEST";
/// Places that are sold at the price of the first phase.
const PHASE_PLACES: u32 = 1_000;

/// What is created for a run.
#[derive(Clone, Debug)]
pub struct WorldSize {
    /// Shows, each of its own event, so that they are spread over the partitions.
    pub shows: usize,
    /// Named seats of each; no such zone when 0.
    pub seats: u64,
    /// Seats in a row.
    pub row_seats: u64,
    /// Capacity of the zone without named seats; no such zone when 0.
    pub general: u64,
    /// Tickets that a user may hold per event.
    pub tickets_per_user: u16,
    /// Length of a hold, in seconds.
    pub hold_s: u32,
    /// Whether each is sold by an offer with ticket types, and has a code.
    pub has_offer: bool,
}

impl WorldSize {
    /// Shows with seats only.
    pub(crate) fn seated(shows: usize, seats: u64, row_seats: u64) -> Self {
        Self {
            shows,
            seats,
            row_seats,
            general: 0,
            tickets_per_user: TICKETS_PER_USER,
            hold_s: HOLD_LONG_S,
            has_offer: false,
        }
    }

    /// Enough large shows for this many seats, at most `shows_max`.
    pub(crate) fn large(seats: u64, shows_max: u64) -> Self {
        let shows = seats.div_ceil(SHOW_SEATS_MAX).clamp(1, shows_max);
        let each = seats.div_ceil(shows).clamp(1, SHOW_SEATS_MAX);
        // Whole rows.
        let each = (each.div_ceil(ROW_SEATS) * ROW_SEATS).min(SHOW_SEATS_MAX);
        Self::seated(usize::try_from(shows).unwrap_or(1), each, ROW_SEATS)
    }

    /// Shows with general admission only.
    pub(crate) fn general(shows: usize, capacity: u64) -> Self {
        Self {
            general: capacity,
            ..Self::seated(shows, 0, 1)
        }
    }
}

/// The named seats of a zone.
#[derive(Clone, Debug)]
pub enum Places {
    /// Rows `R0`, `R1`, … with seats numbered from 1.
    Grid {
        /// Seats in all.
        seats: u64,
        /// Seats in a row.
        row_seats: u64,
    },
    /// Labels as the chart has them.
    Labels(Vec<String>),
    /// None: places without names.
    General(u64),
}

/// A zone.
#[derive(Clone, Debug)]
pub struct ZonePlan {
    /// Its id.
    pub id: String,
    /// Its places.
    pub places: Places,
}

/// A show.
#[derive(Clone, Debug)]
pub struct ShowPlan {
    /// Its id.
    pub id: String,
    /// Its event.
    pub event: String,
    /// Whether buyers have to confirm that they have the age that the event asks for.
    pub asks_age: bool,
    /// Whether it sells the ticket types of a run, and has its code.
    pub has_offer: bool,
    /// Its zones.
    pub zones: Vec<ZonePlan>,
}

/// The shows of a run.
#[derive(Clone, Debug)]
pub struct World {
    /// At least one.
    pub shows: Vec<ShowPlan>,
    /// Whether they were created for this run, so that no one else sells them.
    pub own: bool,
    /// Whether no hold expires during the run.
    pub holds_last: bool,
}

impl ZonePlan {
    /// How many places it has.
    #[must_use]
    pub fn count(&self) -> u64 {
        match &self.places {
            Places::Grid { seats, .. } | Places::General(seats) => *seats,
            Places::Labels(labels) => u64::try_from(labels.len()).unwrap_or(u64::MAX),
        }
    }

    /// Appends the label of seat `n`, counted from 0; nothing where seats have no names.
    pub(crate) fn write_label(&self, n: u64, out: &mut String) {
        use std::fmt::Write as _;
        match &self.places {
            Places::Grid { row_seats, .. } => {
                // Writing into a String cannot fail.
                let _ = write!(out, "R{}-{}", n / row_seats, n % row_seats + 1);
            }
            Places::Labels(labels) => {
                if let Some(label) = usize::try_from(n).ok().and_then(|n| labels.get(n)) {
                    out.push_str(label);
                }
            }
            Places::General(_) => {}
        }
    }
}

impl ShowPlan {
    /// Its first zone with named seats.
    pub(crate) fn seated(&self) -> Option<&ZonePlan> {
        self.zones
            .iter()
            .find(|zone| !matches!(zone.places, Places::General(_)))
    }

    /// Its first zone without named seats.
    pub(crate) fn general(&self) -> Option<&ZonePlan> {
        self.zones
            .iter()
            .find(|zone| matches!(zone.places, Places::General(_)))
    }
}

impl World {
    /// Creates events and shows through the API, each as one of these organizers in turn, because
    /// servers limit each of them.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses one.
    pub fn make(organizers: &[Control], size: &WorldSize) -> Result<Self, LoadError> {
        let mut shows = Vec::with_capacity(size.shows);
        for (number, control) in (0..size.shows).zip(organizers.iter().cycle()) {
            let event = json!({
                "name": event_name(number), "starts_at": STARTS_AT,
                "max_tickets_per_user": size.tickets_per_user,
            });
            let event = control.post("/api/v1/events", &event)?;
            let event_id = text(&event, "event_id", "POST /api/v1/events")?;
            let price = json!({ "amount": 100_000, "currency": "THB" });
            let mut zones = Vec::new();
            let mut places = Vec::new();
            if size.seats > 0 {
                zones.push(json!({
                    "name": "Stalls", "price": price, "admission": "seated",
                    "rows": rows(size.seats, size.row_seats),
                }));
                places.push(Places::Grid {
                    seats: size.seats,
                    row_seats: size.row_seats,
                });
            }
            if size.general > 0 {
                zones.push(json!({
                    "name": "Floor", "price": price, "admission": "general",
                    "capacity": size.general,
                }));
                places.push(Places::General(size.general));
            }
            let path = format!("/api/v1/events/{event_id}/shows");
            let mut show = json!({
                "starts_at": STARTS_AT, "hold_seconds": size.hold_s, "zones": zones,
            });
            if size.has_offer {
                show["offer"] = offer();
            }
            let show = control.post(&path, &show)?;
            let of_show = show["zones"].as_array().into_iter().flatten();
            let zones = of_show
                .zip(places)
                .map(|(zone, places)| {
                    Ok(ZonePlan {
                        id: text(zone, "zone_id", &path)?,
                        places,
                    })
                })
                .collect::<Result<_, LoadError>>()?;
            let id = text(&show, "show_id", &path)?;
            if size.has_offer {
                let code = json!({ "code": CODE, "kind": "discount", "percent": 15 });
                control.post(&format!("/api/v1/shows/{id}/codes"), &code)?;
            }
            shows.push(ShowPlan {
                id,
                event: event_id,
                asks_age: false,
                has_offer: size.has_offer,
                zones,
            });
        }
        Ok(Self {
            shows,
            own: true,
            holds_last: size.hold_s >= HOLD_LONG_S,
        })
    }

    /// An existing show.
    ///
    /// # Errors
    /// When the server cannot be reached or does not know it.
    pub fn find(control: &Control, show: &str) -> Result<Self, LoadError> {
        let path = format!("/api/v1/shows/{show}/seats");
        let chart = control.get(&path)?;
        let mut zones = Vec::new();
        for zone in chart["zones"].as_array().into_iter().flatten() {
            let places = if zone["admission"] == "general" {
                Places::General(zone["total_seats"].as_u64().unwrap_or(0))
            } else {
                let rows = zone["rows"].as_array().into_iter().flatten();
                let seats = rows.flat_map(|row| row["seats"].as_array().into_iter().flatten());
                Places::Labels(
                    seats
                        .filter_map(|seat| seat["label"].as_str().map(str::to_owned))
                        .collect(),
                )
            };
            zones.push(ZonePlan {
                id: text(zone, "zone_id", &path)?,
                places,
            });
        }
        let event = text(&chart, "event_id", &path)?;
        let of_event = control.get(&format!("/api/v1/events/{event}"))?;
        Ok(Self {
            shows: vec![ShowPlan {
                id: show.to_owned(),
                event,
                asks_age: of_event["minimum_age"].as_u64().unwrap_or(0) > 0,
                has_offer: false,
                zones,
            }],
            own: false,
            holds_last: false,
        })
    }

    /// Cancels the events of a world that was created: they disappear from lists and can no longer
    /// be sold. What was sold in the run stays in the log.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses.
    pub(crate) fn call_off(&self, organizers: &[Control]) -> Result<(), LoadError> {
        for ((number, show), control) in
            self.shows.iter().enumerate().zip(organizers.iter().cycle())
        {
            let event = json!({
                "name": event_name(number), "starts_at": STARTS_AT, "status": "cancelled",
            });
            control.put(&format!("/api/v1/events/{}", show.event), &event)?;
        }
        Ok(())
    }

    /// Places that the server says are held or sold.
    ///
    /// # Errors
    /// When the server cannot be reached.
    pub fn taken(&self, organizers: &[Control]) -> Result<u64, LoadError> {
        let mut taken = 0;
        for (show, control) in self.shows.iter().zip(organizers.iter().cycle()) {
            let zones = control.get(&format!("/api/v1/shows/{}/zones", show.id))?;
            for zone in zones.as_array().into_iter().flatten() {
                taken += zone["held_seats"].as_u64().unwrap_or(0)
                    + zone["sold_seats"].as_u64().unwrap_or(0);
            }
        }
        Ok(taken)
    }
}

fn event_name(number: usize) -> String {
    format!("{NAME_PREFIX} {}", number + 1)
}

/// Everything that a price may be made of, for shows with a floor.
fn offer() -> Value {
    let thb = |amount: u32| json!({ "amount": amount, "currency": "THB" });
    json!({
        "ticket_types": [
            { "name": STANDARD, "prices": [] },
            { "name": CHILD, "prices": [{ "zone": "Floor", "price": thb(60_000) }] },
        ],
        "phases": [{
            "name": "First", "zones": ["Floor"], "ticket_types": [STANDARD],
            "places": PHASE_PLACES, "price": thb(80_000),
        }],
        "bundles": [{
            "name": "Family", "ticket_types": [CHILD], "places": 2, "percent_off": "10",
        }],
        "fees": {
            "per_place": thb(2_000), "per_place_percent": 3, "per_order": thb(1_500), "tax_percent": 7,
        },
        "tax_percent": 7,
    })
}

fn rows(seats: u64, row_seats: u64) -> Vec<Value> {
    let row_seats = row_seats.max(1);
    (0..seats.div_ceil(row_seats))
        .map(|row| {
            let seats = row_seats.min(seats - row * row_seats);
            json!({ "name": format!("R{row}"), "seats": seats })
        })
        .collect()
}

fn text(value: &Value, field: &str, call: &str) -> Result<String, LoadError> {
    value[field]
        .as_str()
        .map(str::to_owned)
        .ok_or_else(|| LoadError::Answer {
            call: call.to_owned(),
            what: format!("the answer has no {field}"),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_worlds_hold_what_is_asked_for() {
        for seats in [1, 999, 250_000, 250_001, 1_000_000] {
            let size = WorldSize::large(seats, 32);
            assert!(u64::try_from(size.shows).unwrap() * size.seats >= seats);
            assert!(size.seats <= SHOW_SEATS_MAX);
        }
        let most = WorldSize::large(u64::MAX / 4, 32);
        assert_eq!((most.shows, most.seats), (32, SHOW_SEATS_MAX));
    }

    #[test]
    fn rows_and_labels_agree() {
        let all = rows(25, 10);
        assert_eq!(all.len(), 3);
        assert_eq!(all[2]["seats"], 5);
        let zone = ZonePlan {
            id: String::new(),
            places: Places::Grid {
                seats: 25,
                row_seats: 10,
            },
        };
        let mut label = String::new();
        zone.write_label(24, &mut label);
        assert_eq!(label, "R2-5");
    }
}
