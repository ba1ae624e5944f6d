//! Events as the search of each node knows them.

use std::collections::{BTreeMap, HashMap};

use onsale_schemas::offer::{Offer, ZoneRule};
use onsale_schemas::{EventId, PartitionId, ShowId, TicketTypeId, ZoneIndex};
use uuid::Uuid;

use super::Store;
use super::events::{SELECT_AFTER, SELECT_LISTED_ON_POSTGRES, SELECT_LISTED_ON_SQLITE, event_row};
use super::offers;
use crate::catalog::{
    EventRow, FindableEvent, FindableShow, FindableVenue, OfferRow, ShowPrices, ShowStatus,
};
use crate::database::{Database, Row};
use crate::error::StoreError;

/// The shows of a list of events with what they have for sale.
macro_rules! shows_of {
    ($events:literal) => {
        concat!(
            "SELECT event_id, show_id, partition, starts_at_ms, sale_closes_at_ms, status, offer \
             FROM shows WHERE event_id IN (",
            $events,
            ") ORDER BY event_id, starts_at_ms, show_id"
        )
    };
}

/// The zones of the shows of a list of events.
macro_rules! zones_of {
    ($events:literal) => {
        concat!(
            "SELECT z.show_id, z.zone, z.unit_price, z.currency FROM zones AS z \
             JOIN shows AS s ON s.show_id = z.show_id WHERE s.event_id IN (",
            $events,
            ") ORDER BY z.show_id, z.zone"
        )
    };
}

/// Lists as one JSON text, see [`listed`].
macro_rules! of_list {
    ($select:ident, $database:expr) => {
        match $database {
            Database::Postgres(_) => $select!(
                "SELECT CAST(value AS uuid) FROM json_array_elements_text(CAST($1 AS json))"
            ),
            Database::Sqlite(_) => $select!("SELECT unhex(value) FROM json_each($1)"),
        }
    };
}

impl Store {
    /// Events with what a search needs to know of their shows, of whatever status, by id from behind
    /// `after` on, at most `limit`. What someone has damaged by hand is left out.
    ///
    /// # Errors
    /// As every read.
    pub async fn findable_after(
        &self,
        after: Uuid,
        limit: u32,
    ) -> Result<Vec<FindableEvent>, StoreError> {
        let rows = self
            .database
            .fetch(SELECT_AFTER, &[after.into(), limit.into()])
            .await?;
        self.with_shows(readable(&rows)?).await
    }

    /// As [`Store::findable_after`], of these events; those that are not there are left out.
    ///
    /// # Errors
    /// As every read.
    pub async fn findable(&self, events: &[EventId]) -> Result<Vec<FindableEvent>, StoreError> {
        let events = self.events_listed(events).await?;
        self.with_shows(events).await
    }

    /// These events by id; those that are not there are left out.
    ///
    /// # Errors
    /// As every read.
    pub async fn events_listed(&self, events: &[EventId]) -> Result<Vec<EventRow>, StoreError> {
        if events.is_empty() {
            return Ok(Vec::new());
        }
        let select = match &self.database {
            Database::Postgres(_) => SELECT_LISTED_ON_POSTGRES,
            Database::Sqlite(_) => SELECT_LISTED_ON_SQLITE,
        };
        let ids = listed(events.iter().map(|event| event.0))?;
        let rows = self.database.fetch(select, &[(&ids).into()]).await?;
        readable(&rows)
    }

    /// The events of these shows, each once; those of shows that are not there are left out.
    ///
    /// # Errors
    /// As every read.
    pub async fn events_of_shows(&self, shows: &[ShowId]) -> Result<Vec<EventId>, StoreError> {
        if shows.is_empty() {
            return Ok(Vec::new());
        }
        let select = match &self.database {
            Database::Postgres(_) => {
                "SELECT DISTINCT event_id FROM shows WHERE show_id IN \
                 (SELECT CAST(value AS uuid) FROM json_array_elements_text(CAST($1 AS json)))"
            }
            Database::Sqlite(_) => {
                "SELECT DISTINCT event_id FROM shows WHERE show_id IN \
                 (SELECT unhex(value) FROM json_each($1))"
            }
        };
        let ids = listed(shows.iter().map(|show| show.0))?;
        let rows = self.database.fetch(select, &[(&ids).into()]).await?;
        rows.iter()
            .map(|row| Ok(EventId(row.uuid("event_id")?)))
            .collect()
    }

    async fn with_shows(&self, events: Vec<EventRow>) -> Result<Vec<FindableEvent>, StoreError> {
        if events.is_empty() {
            return Ok(Vec::new());
        }
        let ids = listed(events.iter().map(|event| event.event_id.0))?;
        let select = of_list!(zones_of, &self.database);
        let mut zones: HashMap<ShowId, Vec<Zone>> = HashMap::new();
        for row in &self.database.fetch(select, &[(&ids).into()]).await? {
            let of_show = zones.entry(ShowId(row.uuid("show_id")?)).or_default();
            of_show.push(Zone {
                index: row.number("zone")?,
                unit_price: row.signed("unit_price")?,
                currency: row.text("currency")?,
            });
        }
        let select = of_list!(shows_of, &self.database);
        let mut shows: HashMap<EventId, Vec<FindableShow>> = HashMap::new();
        for row in &self.database.fetch(select, &[(&ids).into()]).await? {
            let of_event = shows.entry(EventId(row.uuid("event_id")?)).or_default();
            let show_id = ShowId(row.uuid("show_id")?);
            let zones = zones.remove(&show_id).unwrap_or_default();
            of_event.push(findable_show(row, show_id, &zones)?);
        }
        let findable = events.into_iter().map(|event| FindableEvent {
            shows: shows.remove(&event.event_id).unwrap_or_default(),
            venue: venue_of(&event),
            event,
        });
        Ok(findable.collect())
    }
}

/// The venue of an event that does not say itself where it takes place.
fn venue_of(event: &EventRow) -> Option<FindableVenue> {
    let says_little = event.venue.is_none() || event.city.is_none();
    let known = event.details.known_venue.clone();
    known.filter(|_| says_little)
}

/// A zone as far as its price goes.
struct Zone {
    index: ZoneIndex,
    unit_price: i64,
    currency: String,
}

/// The events of these rows but for those that someone has damaged by hand: they hide no others.
fn readable(rows: &[Row]) -> Result<Vec<EventRow>, StoreError> {
    let mut events = Vec::with_capacity(rows.len());
    for row in rows {
        match event_row(row) {
            Ok(event) => events.push(event),
            Err(StoreError::Corrupt(what)) => tracing::warn!(%what, "an event is not searched"),
            Err(error) => return Err(error),
        }
    }
    Ok(events)
}

fn findable_show(row: &Row, show_id: ShowId, zones: &[Zone]) -> Result<FindableShow, StoreError> {
    // One that someone has damaged by hand is as none: it hides no event.
    let offer = offers::read(row).unwrap_or_else(|error| {
        tracing::warn!(show = %show_id, %error, "an offer is not searched");
        None
    });
    Ok(FindableShow {
        show_id,
        partition: PartitionId(row.number("partition")?),
        starts_at_ms: row.number("starts_at_ms")?,
        sale_closes_at_ms: row.number("sale_closes_at_ms")?,
        status: row.word("status", ShowStatus::parse)?,
        prices: prices(&offer.unwrap_or_default(), zones),
    })
}

/// What anybody pays for places of these zones, by currency. What only a code opens is left out, and ticket types
/// that the public is not shown. Phases, bundles and fees are not counted in: they depend on the order and its time.
fn prices(row: &OfferRow, zones: &[Zone]) -> Vec<ShowPrices> {
    let offer = &row.offer;
    let is_hidden = |id| row.type_name(id).is_some_and(|named| named.is_hidden);
    // Without any type there is number 0.
    let default = offer.types.is_empty().then_some(0);
    let shown = offer.types.iter().filter(|of| !of.code_only);
    let types: Vec<TicketTypeId> = shown
        .map(|of| of.id)
        .chain(default)
        .filter(|id| !is_hidden(*id))
        .collect();
    let mut prices: BTreeMap<&str, (i64, i64)> = BTreeMap::new();
    for zone in zones {
        let needs_code = |rule: &ZoneRule| rule.zone == zone.index && rule.code_only;
        if offer.zones.iter().any(needs_code) {
            continue;
        }
        for id in &types {
            let Some(price) = list_price(offer, zone, *id) else {
                continue;
            };
            let (min, max) = prices.entry(&zone.currency).or_insert((price, price));
            (*min, *max) = ((*min).min(price), (*max).max(price));
        }
    }
    let prices = prices.into_iter().map(|(currency, (min, max))| ShowPrices {
        currency: currency.to_owned(),
        min,
        max,
    });
    prices.collect()
}

/// The price of a ticket type of the offer in a zone, before phases; `None` where it is not sold there. The rules of
/// the machine say so: a type has the price that is listed, and type 0 that of the zone where none is.
fn list_price(offer: &Offer, zone: &Zone, id: TicketTypeId) -> Option<i64> {
    let mut listed = offer.prices.iter();
    let listed = listed.find(|price| price.zone == zone.index && price.ticket_type == id);
    match listed {
        Some(listed) => Some(listed.price),
        None => (id == 0).then_some(zone.unit_price),
    }
}

/// Ids as one JSON text: the statement stays the same however many there are, and both databases read
/// hexadecimal digits without hyphens.
fn listed(ids: impl Iterator<Item = Uuid>) -> Result<String, StoreError> {
    let ids: Vec<String> = ids.map(|id| id.simple().to_string()).collect();
    serde_json::to_string(&ids).map_err(|error| StoreError::Invalid(format!("ids: {error}")))
}

#[cfg(test)]
mod tests {
    use onsale_schemas::offer::{TicketType, TypePrice};

    use super::*;
    use crate::catalog::TypeName;

    fn zone(index: ZoneIndex, unit_price: i64, currency: &str) -> Zone {
        Zone {
            index,
            unit_price,
            currency: currency.to_owned(),
        }
    }

    fn ticket_type(id: TicketTypeId, code_only: bool) -> TicketType {
        TicketType {
            id,
            min: 0,
            max: 0,
            from_ms: 0,
            until_ms: u64::MAX,
            code_only,
            kinds: 0,
        }
    }

    fn told(row: &OfferRow, zones: &[Zone]) -> Vec<(String, i64, i64)> {
        let prices = prices(row, zones).into_iter();
        prices.map(|of| (of.currency, of.min, of.max)).collect()
    }

    #[test]
    fn prices_are_those_of_what_the_public_is_offered() {
        let zones = [zone(0, 500, "THB"), zone(1, 900, "THB"), zone(2, 7, "EUR")];
        let thb = |min, max| ("THB".to_owned(), min, max);
        let eur = |price| ("EUR".to_owned(), price, price);
        let mut row = OfferRow::default();
        assert_eq!(told(&row, &zones), [eur(7), thb(500, 900)]);
        let price = |zone, ticket_type, price| TypePrice {
            zone,
            ticket_type,
            price,
        };
        // The only type has another price in a zone.
        row.offer.prices = vec![price(0, 0, 450)];
        assert_eq!(told(&row, &zones), [eur(7), thb(450, 900)]);
        // Children pay less, in one zone; whoever has a code or knows of a hidden type does not count.
        row.offer.types = vec![
            ticket_type(0, false),
            ticket_type(1, false),
            ticket_type(2, true),
            ticket_type(3, false),
        ];
        row.offer.prices = vec![price(0, 1, 200), price(1, 2, 1), price(1, 3, 99_999)];
        row.types = vec![TypeName {
            id: 3,
            name: "Friends".to_owned(),
            description: None,
            is_hidden: true,
        }];
        assert_eq!(told(&row, &zones), [eur(7), thb(200, 900)]);
        // Type 0 is not sold any more, so what has no price is not sold.
        row.offer.types.remove(0);
        assert_eq!(told(&row, &zones), [thb(200, 200)]);
        // A zone that needs a code.
        row.offer.zones = vec![ZoneRule {
            zone: 0,
            no_single_seats: false,
            code_only: true,
        }];
        assert_eq!(told(&row, &zones), []);
    }
}
