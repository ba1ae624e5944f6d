//! The seats of a show as projected, to start a live view from.

use onsale_schemas::{SeatStatus, ShowId, ShowSeats, ZoneCounts};

use super::Store;
use super::orders::booked_places;
use super::zones::growth_of;
use crate::booking::BookingStatus;
use crate::catalog::{SeatIndexes, ShowRow, ShowStatus};
use crate::database::{Database, Row};
use crate::error::StoreError;

/// Everything in one statement, so that seats and watermark are of one moment: each row is of one
/// `kind` and uses what columns it needs.
macro_rules! seats {
    ($database:ident) => {
        concat!(
            "SELECT 'watermark' AS kind, 0 AS zone, 0 AS seat, next_offset AS amount, '' AS word \
               FROM projector_watermarks WHERE partition = $2 \
             UNION ALL SELECT 'show', 0, 0, 0, status FROM shows WHERE show_id = $1 \
             UNION ALL SELECT 'seat', 0, s.seat, 0, b.status FROM booking_seats AS s \
               JOIN bookings AS b ON b.partition = s.partition AND b.booking_offset = s.booking_offset \
               WHERE s.show_id = $1 \
             UNION ALL SELECT 'places', zone, 0, places, status FROM (",
            booked_places!($database),
            ") AS sums \
             UNION ALL SELECT 'blocked', 0, seat, 0, '' FROM blocked_seats WHERE show_id = $1 \
             UNION ALL SELECT 'quantity', zone, 0, quantity, '' FROM blocked_quantities \
               WHERE show_id = $1 \
             UNION ALL SELECT 'growth', zone, 0, 0, COALESCE(growth, '') FROM zones WHERE show_id = $1"
        )
    };
}

/// How often a show is read that gets places at the same moment.
const READ_ATTEMPTS_MAX: u32 = 8;

impl Store {
    /// The seats of a show as of its partition's watermark; `None` when its opening is not
    /// projected or there is no such show.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when places are projected that the catalog does not have.
    pub async fn show_seats(&self, show: ShowId) -> Result<Option<ShowSeats>, StoreError> {
        let statement = match &self.database {
            Database::Postgres(_) => seats!(Postgres),
            Database::Sqlite(_) => seats!(Sqlite),
        };
        // Places may be added between the two statements. Each try looks at the catalog again.
        for _ in 0..READ_ATTEMPTS_MAX {
            let Some(catalog) = self.show(show).await? else {
                return Ok(None);
            };
            let values = [show.0.into(), catalog.partition.0.into()];
            let rows = self.database.fetch(statement, &values).await?;
            if is_as_read(&catalog, &rows, "kind", "growth")? {
                return seats_of(&catalog, &rows);
            }
        }
        Err(StoreError::Corrupt(format!(
            "show {show}: its zones change with every look at them"
        )))
    }
}

/// Whether the zones of a show were, when these rows were read, as they are here: rows whose column
/// `kind` has the word `growth` have what became of each zone as `word`.
pub(super) fn is_as_read(
    catalog: &ShowRow,
    rows: &[Row],
    kind: &str,
    growth: &str,
) -> Result<bool, StoreError> {
    let mut zones = 0;
    for row in rows {
        if row.text(kind)? != growth {
            continue;
        }
        let index: u16 = row.number("zone")?;
        let text = row.text("word")?;
        let stands = growth_of(Some(&*text).filter(|text| !text.is_empty()))?;
        let read = catalog.zones.iter().find(|zone| zone.index == index);
        if read.is_none_or(|zone| zone.growth != stands) {
            return Ok(false);
        }
        zones += 1;
    }
    Ok(zones == catalog.zones.len())
}

fn seats_of(catalog: &ShowRow, rows: &[Row]) -> Result<Option<ShowSeats>, StoreError> {
    let show = catalog.show_id;
    let indexes = SeatIndexes::of(&catalog.zones);
    let mut seats = ShowSeats {
        show,
        next_offset: 0,
        cancelled: false,
        zones: vec![ZoneCounts::default(); catalog.zones.len()],
        unavailable: Vec::new(),
    };
    let mut status = ShowStatus::Opening;
    for row in rows {
        match row.text("kind")?.as_str() {
            "watermark" => seats.next_offset = row.number("amount")?,
            "show" => status = row.word("word", ShowStatus::parse)?,
            "seat" => {
                let held = row.word("word", BookingStatus::parse)? == BookingStatus::Reserved;
                let is = if held {
                    SeatStatus::Held
                } else {
                    SeatStatus::Sold
                };
                seats.unavailable.push((row.number("seat")?, is));
            }
            "places" => {
                let held = row.word("word", BookingStatus::parse)? == BookingStatus::Reserved;
                let counts = zone_of(&mut seats, row)?;
                let places = row.number("amount")?;
                if held {
                    counts.held = places;
                } else {
                    counts.sold = places;
                }
            }
            "blocked" => {
                let seat: u32 = row.number("seat")?;
                seats.unavailable.push((seat, SeatStatus::Blocked));
                let zone = indexes.zone(seat);
                let counts = zone.and_then(|zone| seats.zones.get_mut(zone));
                let counts = counts.ok_or_else(|| unknown(show, "seat", seat))?;
                counts.blocked = counts.blocked.saturating_add(1);
            }
            "growth" => {}
            _ => {
                let places: u32 = row.number("amount")?;
                let counts = zone_of(&mut seats, row)?;
                counts.blocked = counts.blocked.saturating_add(places);
            }
        }
    }
    for (counts, zone) in seats.zones.iter_mut().zip(&catalog.zones) {
        let taken = counts.held.saturating_add(counts.sold);
        let taken = taken.saturating_add(counts.blocked);
        counts.available = zone.places().saturating_sub(taken);
        // What is gone is nobody's to reserve, and counts nowhere.
        let gone = zone.growth.gone.iter();
        let gone = gone.map(|seat| (*seat, SeatStatus::Blocked));
        seats.unavailable.extend(gone);
    }
    seats.unavailable.sort_unstable_by_key(|(seat, _)| *seat);
    seats.cancelled = status == ShowStatus::Cancelled;
    Ok((status != ShowStatus::Opening).then_some(seats))
}

fn zone_of<'a>(seats: &'a mut ShowSeats, row: &Row) -> Result<&'a mut ZoneCounts, StoreError> {
    let zone: u16 = row.number("zone")?;
    let show = seats.show;
    seats
        .zones
        .get_mut(usize::from(zone))
        .ok_or_else(|| unknown(show, "zone", u32::from(zone)))
}

fn unknown(show: ShowId, what: &str, number: u32) -> StoreError {
    StoreError::Corrupt(format!(
        "show {show}: {what} {number} is taken, which it lacks"
    ))
}
