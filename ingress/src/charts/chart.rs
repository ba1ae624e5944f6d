//! The layout of a show with its labels, as of one record of the log: a show may get and lose places
//! while it is sold, and has another chart then. What has a label keeps it, and its index.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use onsale_schemas::seating::{SeatKind, Special};
use onsale_schemas::{EventId, Offset, PartitionId, SeatIndex, ShowId, TenantId, ZoneIndex};
use onsale_store::catalog::{EventStatus, RowSeats, SeatIndexes, ShowRow, ZoneAdmission, ZoneRow};
use smallvec::SmallVec;
use uuid::Uuid;

use super::offer_names::OfferNames;
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
    /// The record that changed the places last after the show was opened, as far as the catalog knew.
    pub(crate) version: Option<Offset>,
    /// The record that changed the show's offer or terms last, as far as the catalog knew.
    pub(super) offered: Option<Offset>,
    /// Hash of what its readers get. A repair changes it under the same version.
    pub(super) layout: [u8; 32],
    /// The catalog lacks places that the log has, until something brings their names.
    pub(super) is_lacking: bool,
    /// Names of what is and was for sale.
    pub(crate) offer: OfferNames,
    /// When it was read from the catalog.
    pub(super) read_at: Instant,
    /// How long after that the catalog was last asked for a newer one, in milliseconds.
    asked_ms: AtomicU64,
    /// The same for whether the show is still there.
    looked_ms: AtomicU64,
    indexes: SeatIndexes,
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
        /// Seats of all its rows, without those that were taken away.
        count: u32,
        /// Ascending by their first seats.
        rows: Vec<Row>,
        /// Rows that were added may have the name of an older one, beside which they stand.
        rows_of_name: HashMap<String, SmallVec<[usize; 1]>>,
        /// Seats that were taken away, ascending.
        gone: Vec<SeatIndex>,
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
    /// Its seats that are not ordinary.
    special: Box<[Special]>,
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
        let indexes = SeatIndexes::of(&show.zones);
        let zones = show
            .zones
            .iter()
            .enumerate()
            .map(|(place, zone)| ChartZone {
                index: zone.index,
                zone_id: zone.zone_id,
                name: zone.name.clone(),
                currency: zone.currency.clone(),
                places: places(zone, indexes.rows(place)),
            })
            .collect();
        Self {
            show: show.show_id,
            event: show.event_id,
            tenant,
            partition: show.partition,
            drawn: show.map.map(|map| map.chart),
            zones,
            version: show.grown_at(),
            offered: None,
            layout: layout_of(show),
            is_lacking: show.is_lacking(),
            offer: OfferNames::of(show.offer.as_ref()),
            read_at: Instant::now(),
            asked_ms: AtomicU64::new(0),
            looked_ms: AtomicU64::new(0),
            seats: indexes.end(),
            indexes,
            is_public: AtomicBool::new(false),
        }
    }

    /// True once its event was seen to be no draft, until the show is seen to be withdrawn. An event with shows
    /// does not become a draft again, and nothing is sold of what is withdrawn; so no sale has to ask the
    /// database.
    pub(crate) fn is_public(&self) -> bool {
        self.is_public.load(Ordering::Relaxed)
    }

    /// Notes the status of its event.
    pub(crate) fn note(&self, event: EventStatus) {
        if event != EventStatus::Draft {
            self.is_public.store(true, Ordering::Relaxed);
        }
    }

    /// Whether it shows other places than one that was read before it.
    pub(crate) fn is_newer_than(&self, other: &Self) -> bool {
        self.version > other.version
            || (self.version == other.version
                && self.layout != other.layout
                && self.read_at > other.read_at)
    }

    /// Notes that the show was withdrawn: its event is deleted, or it is taken out of every list.
    pub(crate) fn hide(&self) {
        self.is_public.store(false, Ordering::Relaxed);
    }

    /// Whether the catalog is to be asked for a newer one now: not when it was within `pause`. Of those
    /// who ask at the same time one is told so.
    pub(super) fn is_due(&self, pause: Duration) -> bool {
        self.is_turn(&self.asked_ms, pause)
    }

    /// The same for whether the show is still there.
    pub(crate) fn is_look_due(&self, pause: Duration) -> bool {
        self.is_turn(&self.looked_ms, pause)
    }

    fn is_turn(&self, last: &AtomicU64, pause: Duration) -> bool {
        let ms = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let now_ms = ms(self.read_at.elapsed());
        let last_ms = last.load(Ordering::Relaxed);
        now_ms.saturating_sub(last_ms) >= ms(pause)
            && last
                .compare_exchange(last_ms, now_ms, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok()
    }

    /// Seats with an index, from 0 on; those that were taken away are among them.
    pub(crate) fn seats(&self) -> u32 {
        self.seats
    }

    /// Whether it has this zone, and these seats: an older one than what was sold may not.
    pub(crate) fn covers(&self, zone: ZoneIndex, seats: &[SeatIndex]) -> bool {
        // Those between rows that it has may be missing. An order has seats of other zones as well.
        let mut seats = seats.iter();
        self.zone(zone).is_some() && seats.all(|seat| self.indexes.zone(*seat).is_some())
    }

    pub(crate) fn zone(&self, index: ZoneIndex) -> Option<&ChartZone> {
        self.zones.get(usize::from(index))
    }

    pub(crate) fn zone_by_id(&self, id: Uuid) -> Option<&ChartZone> {
        self.zones.iter().find(|zone| zone.zone_id == id)
    }

    /// The zone that a seat lies in.
    pub(crate) fn zone_of_seat(&self, seat: SeatIndex) -> Option<&ChartZone> {
        self.zones.get(self.indexes.zone(seat)?)
    }

    /// The label of a seat, such as `A-3`. One that was taken away keeps its own.
    pub(crate) fn label(&self, seat: SeatIndex) -> Option<String> {
        let (row, at) = self.row_of_seat(seat)?;
        row.label(at)
    }

    /// What a seat is; `None` where the chart does not have it.
    pub(crate) fn kind(&self, seat: SeatIndex) -> Option<SeatKind> {
        let (row, at) = self.row_of_seat(seat)?;
        (at < row.count).then(|| row.kind(at))
    }

    /// The row that a seat lies in, and its place there, counted from 0.
    fn row_of_seat(&self, seat: SeatIndex) -> Option<(&Row, u16)> {
        let Places::Seated { rows, .. } = &self.zone_of_seat(seat)?.places else {
            return None;
        };
        let row = rows.get(
            rows.partition_point(|row| row.first <= seat)
                .checked_sub(1)?,
        )?;
        Some((row, u16::try_from(seat - row.first).ok()?))
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

    /// Whether a seat was taken away.
    pub(crate) fn is_gone(&self, seat: SeatIndex) -> bool {
        match &self.places {
            Places::Seated { gone, .. } => gone.binary_search(&seat).is_ok(),
            Places::General { .. } => false,
        }
    }

    /// Whether one of its rows has this name and a seat with this number, which may be gone.
    pub(crate) fn has_label(&self, row: &str, number: &str) -> bool {
        self.seats_of(row, number).next().is_some()
    }

    /// The seat with this label, which may be gone.
    pub(crate) fn find_ever(&self, label: &str) -> Option<SeatIndex> {
        let label = text::composed(label);
        let (row, number) = label.split_once('-')?;
        self.seats_of(row, number).next()
    }

    /// Whether one of its rows has this name.
    pub(crate) fn has_row(&self, name: &str) -> bool {
        match &self.places {
            Places::Seated { rows_of_name, .. } => rows_of_name.contains_key(name),
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
        self.seats_of(row, number).find(|seat| !self.is_gone(*seat))
    }

    fn seats_of<'a>(
        &'a self,
        row: &'a str,
        number: &'a str,
    ) -> impl Iterator<Item = SeatIndex> + 'a {
        let (rows, named) = match &self.places {
            Places::Seated {
                rows, rows_of_name, ..
            } => (rows.as_slice(), rows_of_name.get(row)),
            Places::General { .. } => (&[][..], None),
        };
        let named = named.into_iter().flatten();
        named.filter_map(move |at| {
            let row = rows.get(*at)?;
            Some(row.first + u32::from(row.find(number)?))
        })
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

    /// What the seat at this place is.
    fn kind(&self, at: u16) -> SeatKind {
        let holds = |special: &&Special| {
            at.checked_sub(special.first)
                .is_some_and(|behind| behind < special.count)
        };
        let special = self.special.iter().find(holds);
        special.map_or(SeatKind::Ordinary, |special| special.kind)
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

/// See [`Chart::layout`].
fn layout_of(show: &ShowRow) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    for zone in &show.zones {
        let growth = &zone.growth;
        let shown = (zone.zone_id, &zone.name, &zone.currency, &zone.admission);
        // A hasher takes whatever is written.
        let _ = serde_json::to_writer(&mut hasher, &(shown, &growth.runs, &growth.gone));
    }
    hasher.update(&show.map.map_or([0; 32], |map| map.chart));
    *hasher.finalize().as_bytes()
}

fn places(zone: &ZoneRow, firsts: &[SeatIndex]) -> Places {
    let chart_rows = match &zone.admission {
        ZoneAdmission::General { capacity } => {
            return Places::General {
                capacity: *capacity,
            };
        }
        ZoneAdmission::Seated { rows } => rows,
    };
    let rows: Vec<Row> = chart_rows
        .iter()
        .zip(firsts)
        .map(|(row, first)| {
            let (count, labels) = match &row.seats {
                RowSeats::Count(count) => (*count, Labels::Numbered),
                RowSeats::Labels(labels) => named(labels),
            };
            Row {
                name: row.name.clone(),
                first: *first,
                count,
                labels,
                special: row.plan.special.as_slice().into(),
            }
        })
        .collect();
    let mut rows_of_name: HashMap<String, SmallVec<[usize; 1]>> = HashMap::new();
    for (at, row) in rows.iter().enumerate() {
        let name = text::composed(&row.name).into_owned();
        rows_of_name.entry(name).or_default().push(at);
    }
    Places::Seated {
        count: zone.places(),
        rows,
        rows_of_name,
        gone: zone.growth.gone.clone(),
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
pub(crate) mod tests;
