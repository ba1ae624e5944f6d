//! What the feed of Redis reads: counts with the position that they are as of, each in one
//! statement, so that both are of one moment.

use std::collections::BTreeMap;

use onsale_schemas::{EventId, Offset, PartitionId, ShowId, UserId, ZoneCounts};

use super::Store;
use super::orders::booked_places;
use super::seats::is_as_read;
use crate::booking::BookingStatus;
use crate::catalog::{SeatIndexes, ShowRow, ShowStatus};
use crate::database::{Database, Row};
use crate::error::StoreError;

/// Places of a show as projected.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ShowPlaces {
    /// Its event.
    pub event_id: EventId,
    /// Its partition.
    pub partition: PartitionId,
    /// Every outcome before this offset is taken into account, none at or after it.
    pub as_of: Offset,
    /// True once the show was cancelled.
    pub cancelled: bool,
    /// Counts of each zone in order.
    pub zones: Vec<ZoneCounts>,
}

/// Tickets of buyers as projected.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct BuyersTickets {
    /// Every outcome before this offset is taken into account, none at or after it.
    pub as_of: Offset,
    /// Tickets by event and buyer; buyers without any are left out.
    pub tickets: BTreeMap<(EventId, UserId), Tickets>,
}

/// Tickets of one buyer for one event.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Tickets {
    /// Held and owned.
    pub places: u32,
    /// When the first of the holds ends, in milliseconds since 1970; `None` when all are sold.
    pub first_hold_ends_ms: Option<u64>,
}

/// How often a show is read that gets places at the same moment.
const READ_ATTEMPTS_MAX: u32 = 8;

/// Each row is of one kind and uses what columns it needs.
macro_rules! places {
    ($database:ident) => {
        concat!(
            "SELECT 'status' AS what, 0 AS zone, status AS word, 0 AS places \
             FROM shows WHERE show_id = $1 \
             UNION ALL SELECT 'position', 0, '', last_outcome + 1 \
             FROM projector_watermarks WHERE partition = $2 AND last_outcome IS NOT NULL \
             UNION ALL SELECT 'booked', zone, status, places FROM (",
            booked_places!($database),
            ") AS sums \
             UNION ALL SELECT 'blocked', zone, '', quantity \
             FROM blocked_quantities WHERE show_id = $1 \
             UNION ALL SELECT 'seat', seat, '', 1 FROM blocked_seats WHERE show_id = $1 \
             UNION ALL SELECT 'growth', zone, COALESCE(growth, ''), 0 FROM zones WHERE show_id = $1"
        )
    };
}

impl Store {
    /// The places of a show; `None` when the catalog has no such show.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when places are projected for a zone that the catalog does not have,
    /// or more than it has; otherwise as every read.
    pub async fn show_places(&self, show: ShowId) -> Result<Option<ShowPlaces>, StoreError> {
        let statement = match &self.database {
            Database::Postgres(_) => places!(Postgres),
            Database::Sqlite(_) => places!(Sqlite),
        };
        for _ in 0..READ_ATTEMPTS_MAX {
            let Some(catalog) = self.show(show).await? else {
                return Ok(None);
            };
            let values = [show.0.into(), catalog.partition.0.into()];
            let rows = self.database.fetch(statement, &values).await?;
            // Places may be added between the two statements.
            if is_as_read(&catalog, &rows, "what", "growth")? {
                return places_of(&catalog, &rows).map(Some);
            }
        }
        Err(StoreError::Corrupt(format!(
            "show {show}: its zones change with every look at them"
        )))
    }

    /// The tickets that these buyers hold and own, of every event of a partition.
    ///
    /// # Errors
    /// As every read.
    pub async fn buyers_tickets(
        &self,
        partition: PartitionId,
        users: &[UserId],
    ) -> Result<BuyersTickets, StoreError> {
        // One text instead of a list of parameters: the statement stays the same. A join, because
        // PostgreSQL compares each row with each member of a list that is no constant.
        let (sql, ids): (&'static str, Vec<String>) = match &self.database {
            Database::Postgres(_) => (
                "SELECT w.last_outcome + 1 AS as_of, b.* FROM projector_watermarks AS w \
                 LEFT JOIN (SELECT event_id, user_id, CAST(SUM(quantity) AS bigint) AS places, \
                 MIN(CASE WHEN status = 'reserved' THEN expires_at_ms END) AS until_ms \
                 FROM (SELECT DISTINCT CAST(id AS uuid) AS user_id \
                 FROM jsonb_array_elements_text(CAST($2 AS jsonb)) AS id) AS asked \
                 JOIN bookings USING (user_id) \
                 WHERE partition = $1 AND status IN ('reserved', 'confirmed') \
                 GROUP BY event_id, user_id) AS b ON true \
                 WHERE w.partition = $1 AND w.last_outcome IS NOT NULL",
                users.iter().map(ToString::to_string).collect(),
            ),
            Database::Sqlite(_) => (
                "SELECT w.last_outcome + 1 AS as_of, b.* FROM projector_watermarks AS w \
                 LEFT JOIN (SELECT event_id, user_id, SUM(quantity) AS places, \
                 MIN(CASE WHEN status = 'reserved' THEN expires_at_ms END) AS until_ms \
                 FROM bookings WHERE partition = $1 AND status IN ('reserved', 'confirmed') \
                 AND user_id IN (SELECT unhex(value) FROM json_each($2)) \
                 GROUP BY event_id, user_id) AS b ON true \
                 WHERE w.partition = $1 AND w.last_outcome IS NOT NULL",
                users
                    .iter()
                    .map(|user| user.0.simple().to_string())
                    .collect(),
            ),
        };
        let ids = serde_json::to_string(&ids)
            .map_err(|error| StoreError::Invalid(format!("users: {error}")))?;
        let rows = self
            .database
            .fetch(sql, &[partition.0.into(), (&ids).into()])
            .await?;
        let mut found = BuyersTickets::default();
        for row in &rows {
            found.as_of = row.number("as_of")?;
            if let Some((buyer, tickets)) = tickets_row(row)? {
                found.tickets.insert(buyer, tickets);
            }
        }
        Ok(found)
    }
}

fn places_of(catalog: &ShowRow, rows: &[Row]) -> Result<ShowPlaces, StoreError> {
    let show = catalog.show_id;
    let mut places = ShowPlaces {
        event_id: catalog.event_id,
        partition: catalog.partition,
        as_of: 0,
        cancelled: false,
        zones: vec![ZoneCounts::default(); catalog.zones.len()],
    };
    let indexes = SeatIndexes::of(&catalog.zones);
    for row in rows {
        let what = row.text("what")?;
        let number: u32 = row.number("zone")?;
        let zone = match what.as_str() {
            "seat" => indexes.zone(number),
            _ => usize::try_from(number).ok(),
        };
        match what.as_str() {
            "status" => {
                let status = row.word("word", ShowStatus::parse)?;
                places.cancelled = status == ShowStatus::Cancelled;
            }
            "position" => places.as_of = row.number("places")?,
            "growth" => {}
            _ => {
                let counts = zone.and_then(|zone| places.zones.get_mut(zone));
                let counts = counts.ok_or_else(|| {
                    StoreError::Corrupt(format!("show {show}: {what} {number} of no zone"))
                })?;
                let sum = match what.as_str() {
                    "booked" => match row.word("word", BookingStatus::parse)? {
                        BookingStatus::Confirmed => &mut counts.sold,
                        _ => &mut counts.held,
                    },
                    _ => &mut counts.blocked,
                };
                *sum = sum.saturating_add(row.number("places")?);
            }
        }
    }
    for (zone, counts) in catalog.zones.iter().zip(&mut places.zones) {
        let total = zone.places();
        let taken = [counts.held, counts.sold, counts.blocked]
            .into_iter()
            .fold(0, u32::saturating_add);
        counts.available = total.checked_sub(taken).ok_or_else(|| {
            StoreError::Corrupt(format!(
                "show {show}: {taken} places of zone {} are taken, it has {total}",
                zone.index
            ))
        })?;
    }
    Ok(places)
}

type Buyer = (EventId, UserId);

fn tickets_row(row: &Row) -> Result<Option<(Buyer, Tickets)>, StoreError> {
    let (Some(event), Some(user)) = (row.uuid_or_null("event_id")?, row.uuid_or_null("user_id")?)
    else {
        return Ok(None);
    };
    let tickets = Tickets {
        places: row.number("places")?,
        first_hold_ends_ms: row.number_or_null("until_ms")?,
    };
    Ok(Some(((EventId(event), UserId(user)), tickets)))
}
