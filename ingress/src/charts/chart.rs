//! The layout of a show with its labels. It never changes once the show is in the catalog, unless someone
//! changes the catalog by hand.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use onsale_schemas::{EventId, PartitionId, SeatIndex, ShowId, TenantId, ZoneIndex};
use onsale_store::catalog::{EventStatus, RowSeats, ShowRow, ZoneAdmission};
use smallvec::SmallVec;
use uuid::Uuid;

use crate::text;

/// Prefix of a seat's index in its id.
const SEAT_ID_PREFIX: &str = "seat:";

/// The opaque id of a seat.
pub(crate) fn seat_id(seat: SeatIndex) -> String {
    format!("{SEAT_ID_PREFIX}{seat}")
}

/// The seat of an id; `None` when the text is no seat id.
pub(crate) fn parse_seat_id(text: &str) -> Option<Option<SeatIndex>> {
    let digits = text.strip_prefix(SEAT_ID_PREFIX)?;
    let canonical = !digits.is_empty()
        && digits.bytes().all(|byte| byte.is_ascii_digit())
        && (digits == "0" || !digits.starts_with('0'));
    Some(digits.parse().ok().filter(|_| canonical))
}

/// See the module.
pub(crate) struct Chart {
    pub(crate) show: ShowId,
    pub(crate) event: EventId,
    pub(crate) tenant: TenantId,
    pub(crate) partition: PartitionId,
    /// The address of what a page draws, of a show that was made from a map.
    pub(crate) drawn: Option<[u8; 32]>,
    pub(crate) zones: Vec<ChartZone>,
    /// When it was read from the catalog.
    pub(super) read_at: Instant,
    seats: u32,
    is_public: AtomicBool,
}

/// A zone of a chart.
pub(crate) struct ChartZone {
    pub(crate) index: ZoneIndex,
    pub(crate) zone_id: Uuid,
    pub(crate) name: String,
    pub(crate) currency: String,
    pub(crate) places: Places,
}

/// Places of a zone.
pub(crate) enum Places {
    Seated {
        /// Index of the zone's first seat in the show.
        first: SeatIndex,
        /// Seats of all its rows.
        count: u32,
        rows: Vec<Row>,
        row_of_name: HashMap<String, usize>,
    },
    General {
        capacity: u32,
    },
}

/// A row of a seated zone.
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) first: SeatIndex,
    pub(crate) count: u16,
    labels: Labels,
}

enum Labels {
    Numbered,
    Named {
        labels: Vec<String>,
        of_label: HashMap<String, u16>,
    },
}

/// Where a label leads.
pub(crate) enum Found {
    Nothing,
    Seat {
        zone: ZoneIndex,
        seat: SeatIndex,
    },
    /// Several zones have a seat with that label.
    Ambiguous,
}

impl Chart {
    pub(crate) fn new(show: &ShowRow, tenant: TenantId) -> Self {
        let mut next: SeatIndex = 0;
        let zones = show
            .zones
            .iter()
            .map(|zone| ChartZone {
                index: zone.index,
                zone_id: zone.zone_id,
                name: zone.name.clone(),
                currency: zone.currency.clone(),
                places: places(&zone.admission, &mut next),
            })
            .collect();
        Self {
            show: show.show_id,
            event: show.event_id,
            tenant,
            partition: show.partition,
            drawn: show.map.map(|map| map.chart),
            zones,
            read_at: Instant::now(),
            seats: next,
            is_public: AtomicBool::new(false),
        }
    }

    /// True once its event was seen to be no draft. It stays so, because an event with shows never
    /// becomes a draft again; so no sale has to ask the database.
    pub(crate) fn is_public(&self) -> bool {
        self.is_public.load(Ordering::Relaxed)
    }

    /// Notes the status of its event.
    pub(crate) fn note(&self, event: EventStatus) {
        if event != EventStatus::Draft {
            self.is_public.store(true, Ordering::Relaxed);
        }
    }

    /// Seats of all seated zones.
    pub(crate) fn seats(&self) -> u32 {
        self.seats
    }

    pub(crate) fn zone(&self, index: ZoneIndex) -> Option<&ChartZone> {
        self.zones.get(usize::from(index))
    }

    pub(crate) fn zone_by_id(&self, id: Uuid) -> Option<&ChartZone> {
        self.zones.iter().find(|zone| zone.zone_id == id)
    }

    /// The zone that a seat lies in.
    pub(crate) fn zone_of_seat(&self, seat: SeatIndex) -> Option<&ChartZone> {
        self.zones.iter().find(|zone| zone.contains(seat))
    }

    /// The label of a seat, such as `A-3`.
    pub(crate) fn label(&self, seat: SeatIndex) -> Option<String> {
        let Places::Seated { rows, .. } = &self.zone_of_seat(seat)?.places else {
            return None;
        };
        let row = rows.get(
            rows.partition_point(|row| row.first <= seat)
                .checked_sub(1)?,
        )?;
        row.label(u16::try_from(seat - row.first).ok()?)
    }

    /// The labels of seats in their order.
    pub(crate) fn labels<'a>(&self, seats: impl IntoIterator<Item = &'a SeatIndex>) -> Vec<String> {
        seats
            .into_iter()
            .map(|seat| self.label(*seat).unwrap_or_else(|| seat_id(*seat)))
            .collect()
    }

    /// The seat with this label, in `zone` or in any zone that has it.
    pub(crate) fn find(&self, label: &str, zone: Option<ZoneIndex>) -> Found {
        let label = text::composed(label);
        let Some((row, number)) = label.split_once('-') else {
            return Found::Nothing;
        };
        let mut found: SmallVec<[(ZoneIndex, SeatIndex); 2]> = SmallVec::new();
        for candidate in &self.zones {
            if zone.is_some_and(|zone| zone != candidate.index) {
                continue;
            }
            if let Some(seat) = candidate.find(row, number) {
                found.push((candidate.index, seat));
            }
        }
        match found.as_slice() {
            [] => Found::Nothing,
            &[(zone, seat)] => Found::Seat { zone, seat },
            _ => Found::Ambiguous,
        }
    }
}

impl ChartZone {
    /// Places of the zone.
    pub(crate) fn total(&self) -> u32 {
        match &self.places {
            Places::Seated { count, .. } => *count,
            Places::General { capacity } => *capacity,
        }
    }

    pub(crate) fn contains(&self, seat: SeatIndex) -> bool {
        match &self.places {
            Places::Seated { first, count, .. } => seat >= *first && seat - first < *count,
            Places::General { .. } => false,
        }
    }

    pub(crate) fn is_seated(&self) -> bool {
        matches!(self.places, Places::Seated { .. })
    }

    pub(crate) fn admission(&self) -> &'static str {
        if self.is_seated() {
            "seated"
        } else {
            "general"
        }
    }

    fn find(&self, row: &str, number: &str) -> Option<SeatIndex> {
        let Places::Seated {
            rows, row_of_name, ..
        } = &self.places
        else {
            return None;
        };
        let row = rows.get(*row_of_name.get(row)?)?;
        Some(row.first + u32::from(row.find(number)?))
    }
}

impl Row {
    /// The label of a seat within its row, such as `3`.
    pub(crate) fn number(&self, index: u16) -> Option<std::borrow::Cow<'_, str>> {
        if index >= self.count {
            return None;
        }
        match &self.labels {
            Labels::Numbered => Some((u32::from(index) + 1).to_string().into()),
            Labels::Named { labels, .. } => labels
                .get(usize::from(index))
                .map(|label| label.as_str().into()),
        }
    }

    fn label(&self, index: u16) -> Option<String> {
        Some(format!("{}-{}", self.name, self.number(index)?))
    }

    fn find(&self, number: &str) -> Option<u16> {
        match &self.labels {
            Labels::Numbered => {
                // `+3` and `03` parse as numbers and are no labels.
                if !number.bytes().all(|byte| byte.is_ascii_digit()) || number.starts_with('0') {
                    return None;
                }
                let number: u16 = number.parse().ok()?;
                (number <= self.count).then(|| number.checked_sub(1))?
            }
            Labels::Named { of_label, .. } => of_label.get(number).copied(),
        }
    }
}

fn places(admission: &ZoneAdmission, next: &mut SeatIndex) -> Places {
    let chart_rows = match admission {
        ZoneAdmission::General { capacity } => {
            return Places::General {
                capacity: *capacity,
            };
        }
        ZoneAdmission::Seated { rows } => rows,
    };
    let first = *next;
    let rows: Vec<Row> = chart_rows
        .iter()
        .map(|row| {
            let (count, labels) = match &row.seats {
                RowSeats::Count(count) => (*count, Labels::Numbered),
                RowSeats::Labels(labels) => named(labels),
            };
            let row = Row {
                name: row.name.clone(),
                first: *next,
                count,
                labels,
            };
            *next = next.saturating_add(u32::from(count));
            row
        })
        .collect();
    let row_of_name = rows
        .iter()
        .enumerate()
        .map(|(index, row)| (text::composed(&row.name).into_owned(), index))
        .collect();
    Places::Seated {
        first,
        count: *next - first,
        rows,
        row_of_name,
    }
}

fn named(labels: &[String]) -> (u16, Labels) {
    let of_label = (0u16..)
        .zip(labels)
        .map(|(index, label)| (text::composed(label).into_owned(), index))
        .collect();
    (
        u16::try_from(labels.len()).unwrap_or(u16::MAX),
        Labels::Named {
            labels: labels.to_vec(),
            of_label,
        },
    )
}

#[cfg(test)]
pub(crate) mod tests {
    use onsale_schemas::seating::RowPlan;
    use onsale_store::catalog::{ChartRow, ShowStatus, ZoneRow};

    use super::*;

    pub(crate) fn show(zones: Vec<ZoneAdmission>) -> ShowRow {
        ShowRow {
            show_id: ShowId::from_bytes([1; 16]),
            event_id: EventId::from_bytes([2; 16]),
            partition: PartitionId(0),
            map: None,
            name: None,
            starts_at_ms: 10_000,
            sale_opens_at_ms: 0,
            sale_closes_at_ms: 9_000,
            closes_by_default: false,
            hold_ms: 1_000,
            cooldown_ms: 0,
            status: ShowStatus::Open,
            created_at_ms: 0,
            zones: (0u16..)
                .zip(zones)
                .map(|(index, admission)| ZoneRow {
                    zone_id: Uuid::from_u128(u128::from(index) + 1),
                    index,
                    name: format!("Zone {index}"),
                    unit_price: 100,
                    currency: "THB".to_owned(),
                    admission,
                })
                .collect(),
        }
    }

    fn row(name: &str, seats: RowSeats) -> ChartRow {
        ChartRow {
            name: name.to_owned(),
            seats,
            plan: RowPlan::default(),
        }
    }

    fn labels(labels: &[&str]) -> RowSeats {
        RowSeats::Labels(labels.iter().map(|&label| label.to_owned()).collect())
    }

    fn chart() -> Chart {
        Chart::new(
            &show(vec![
                ZoneAdmission::Seated {
                    rows: vec![row("A", RowSeats::Count(3)), row("B", labels(&["1a", "9"]))],
                },
                ZoneAdmission::General { capacity: 50 },
                ZoneAdmission::Seated {
                    rows: vec![row("A", RowSeats::Count(2))],
                },
            ]),
            TenantId::from_bytes([8; 16]),
        )
    }

    #[test]
    fn every_seat_is_found_by_its_label() {
        let chart = chart();
        assert_eq!(chart.seats(), 7);
        for seat in 0..chart.seats() {
            let zone = chart.zone_of_seat(seat).unwrap().index;
            let label = chart.label(seat).unwrap();
            let Found::Seat { seat: found, .. } = chart.find(&label, Some(zone)) else {
                panic!("{label} of seat {seat} leads nowhere");
            };
            assert_eq!(found, seat);
        }
        assert_eq!(chart.label(4).unwrap(), "B-9");
        assert_eq!(chart.label(7), None);
    }

    #[test]
    fn a_seat_is_found_however_its_accents_were_typed() {
        let chart = Chart::new(
            &show(vec![ZoneAdmission::Seated {
                rows: vec![
                    row("A\u{30a}", RowSeats::Count(3)),
                    row("É", labels(&["e\u{301}"])),
                ],
            }]),
            TenantId::from_bytes([8; 16]),
        );
        for (label, at) in [("Å-2", 1), ("A\u{30a}-2", 1), ("E\u{301}-é", 3)] {
            assert!(
                matches!(chart.find(label, None), Found::Seat { seat, .. } if seat == at),
                "{label}"
            );
        }
    }

    #[test]
    fn a_label_of_two_zones_is_ambiguous_and_others_lead_nowhere() {
        let chart = chart();
        assert!(matches!(chart.find("A-1", None), Found::Ambiguous));
        assert!(matches!(
            chart.find("A-3", None),
            Found::Seat { zone: 0, seat: 2 }
        ));
        assert!(matches!(
            chart.find("A-1", Some(2)),
            Found::Seat { zone: 2, seat: 5 }
        ));
        for label in [
            "A-4", "A-0", "A-01", "A-+1", "A", "-1", "a-1", "B-1", "C-1", "A-99999", "A-",
        ] {
            assert!(matches!(chart.find(label, None), Found::Nothing), "{label}");
        }
    }

    #[test]
    fn seat_ids_are_read_only_as_they_are_written() {
        assert_eq!(parse_seat_id("seat:17"), Some(Some(17)));
        assert_eq!(parse_seat_id("seat:0"), Some(Some(0)));
        for bad in ["seat:", "seat:017", "seat:-1", "seat:x", "seat:99999999999"] {
            assert_eq!(parse_seat_id(bad), Some(None), "{bad}");
        }
        assert_eq!(parse_seat_id("A-3"), None);
    }
}
