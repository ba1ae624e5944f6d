//! What the index is told of an event.

use onsale_search::limits::FIELD_CHARS_MAX;
use onsale_search::{Availability, Document, Prices};
use onsale_store::catalog::{FindableEvent, FindableShow, ShowPrices, ShowStatus};

use super::remaining::{Left, on_sale};

/// The document of a published event, without its version. What else of an event is to be found belongs
/// here.
pub(super) fn document(found: &FindableEvent, left: Left, now_ms: u64) -> Document {
    let event = &found.event;
    // What the event does not say of where it takes place, its venue says.
    let place = found.venue.as_ref();
    let is_on_sale = on_sale(found, now_ms).next().is_some();
    let starts = || to_come(found).map(|show| show.starts_at_ms);
    Document {
        event_id: event.event_id,
        version: 0,
        // Nothing filters by it: the public catalog is that of all tenants.
        tenant: event.tenant_id.to_string(),
        name: event.name.clone(),
        description: event.description.as_deref().map(searched),
        performers: event.details.performers.clone(),
        venue: event.venue.clone().or_else(|| Some(place?.name.clone())),
        city: event.city.clone().or_else(|| place?.city.clone()),
        category: event.category.clone(),
        first_show_ms: starts().min().unwrap_or(event.starts_at_ms),
        last_show_ms: starts().max().unwrap_or(event.starts_at_ms),
        prices: prices(found),
        availability: if is_on_sale {
            left.availability
        } else {
            Availability::None
        },
        is_published: true,
        popularity: left.taken,
    }
}

/// Bytes of the texts of a document, which decide how much of the index it takes.
pub(super) fn text_bytes(document: &Document) -> usize {
    let places = [
        &document.description,
        &document.venue,
        &document.city,
        &document.category,
    ];
    let places = places.into_iter().flatten();
    document.name.len()
        + document.performers.iter().map(String::len).sum::<usize>()
        + places.map(String::len).sum::<usize>()
}

/// What of a long text is searched: the rest is not worth its memory.
fn searched(text: &str) -> String {
    text.chars().take(FIELD_CHARS_MAX).collect()
}

/// The shows that take place, as far as anybody knows.
fn to_come(found: &FindableEvent) -> impl Iterator<Item = &FindableShow> {
    let shows = found.shows.iter();
    shows.filter(|show| show.status != ShowStatus::Cancelled)
}

/// What the cheapest and the dearest ticket of all shows cost. Where shows are sold in several currencies,
/// those of the first show count: amounts of others cannot be compared with them.
fn prices(found: &FindableEvent) -> Option<Prices> {
    let all: Vec<&ShowPrices> = to_come(found).flat_map(|show| &show.prices).collect();
    let currency = &all.first()?.currency;
    let is_same = |prices: &&&ShowPrices| prices.currency == *currency;
    let min = all.iter().filter(is_same).map(|prices| prices.min).min()?;
    let max = all.iter().filter(is_same).map(|prices| prices.max).max()?;
    let amount = |amount: i64| u64::try_from(amount).unwrap_or(0);
    Some(Prices {
        min: amount(min),
        max: amount(max),
        currency: currency.as_bytes().try_into().ok()?,
    })
}

#[cfg(test)]
pub(super) mod tests {
    use onsale_schemas::{EventId, PartitionId, ShowId, UserId};
    use onsale_store::catalog::{EventRow, EventStatus, FindableVenue};
    use uuid::Uuid;

    use super::*;

    pub(in crate::finder) fn event(number: u128, name: &str) -> EventRow {
        EventRow {
            event_id: EventId(Uuid::from_u128(number)),
            tenant_id: Uuid::from_u128(1),
            organizer_id: UserId(Uuid::from_u128(2)),
            name: name.to_owned(),
            description: None,
            venue: None,
            city: None,
            category: None,
            starts_at_ms: 5_000,
            max_tickets_per_user: 4,
            minimum_age: None,
            requires_verified_account: false,
            status: EventStatus::Published,
            created_at_ms: 1,
            details: onsale_store::catalog::EventDetails::default(),
        }
    }

    fn show(number: u8, starts_at_ms: u64, prices: &[(&str, i64, i64)]) -> FindableShow {
        let prices = prices.iter().map(|(currency, min, max)| ShowPrices {
            currency: (*currency).to_owned(),
            min: *min,
            max: *max,
        });
        FindableShow {
            show_id: ShowId::from_bytes([number; 16]),
            partition: PartitionId(0),
            starts_at_ms,
            sale_closes_at_ms: starts_at_ms,
            status: ShowStatus::Open,
            prices: prices.collect(),
        }
    }

    #[test]
    fn times_and_prices_are_those_of_the_shows_that_take_place() {
        let mut cancelled = show(3, 90_000, &[("THB", 1, 9_999)]);
        cancelled.status = ShowStatus::Cancelled;
        let found = FindableEvent {
            event: event(1, "Opera"),
            shows: vec![
                show(1, 10_000, &[("THB", 500, 900)]),
                show(2, 20_000, &[("EUR", 1, 2), ("THB", 300, 700)]),
                cancelled,
            ],
            venue: None,
        };
        let made = document(&found, Left::UNKNOWN, 0);
        assert_eq!((made.first_show_ms, made.last_show_ms), (10_000, 20_000));
        let prices = Prices {
            min: 300,
            max: 900,
            currency: *b"THB",
        };
        assert_eq!(made.prices, Some(prices));
        assert_eq!(made.availability, Availability::Many);
        // The sale of the last one has ended.
        let made = document(&found, Left::UNKNOWN, 20_000);
        assert_eq!(made.availability, Availability::None);
    }

    #[test]
    fn where_it_takes_place_is_said_by_the_event_or_by_its_venue() {
        let place = |venue: Option<&str>, city: Option<&str>, of_venue| {
            let mut row = event(1, "Opera");
            row.venue = venue.map(str::to_owned);
            row.city = city.map(str::to_owned);
            let found = FindableEvent {
                event: row,
                shows: Vec::new(),
                venue: of_venue,
            };
            let made = document(&found, Left::UNKNOWN, 0);
            (made.venue, made.city)
        };
        let lyric = |city: Option<&str>| {
            Some(FindableVenue {
                name: "Lyric".to_owned(),
                city: city.map(str::to_owned),
            })
        };
        let told = |venue: Option<&str>, city: Option<&str>| {
            (venue.map(str::to_owned), city.map(str::to_owned))
        };
        assert_eq!(place(None, None, None), told(None, None));
        assert_eq!(
            place(None, None, lyric(Some("Oslo"))),
            told(Some("Lyric"), Some("Oslo"))
        );
        assert_eq!(
            place(Some("The Lyric"), None, lyric(Some("Oslo"))),
            told(Some("The Lyric"), Some("Oslo"))
        );
        assert_eq!(
            place(None, Some("Bergen"), lyric(None)),
            told(Some("Lyric"), Some("Bergen"))
        );
    }

    #[test]
    fn an_event_without_shows_is_at_its_own_time_and_not_on_sale() {
        let mut row = event(1, "Opera");
        row.description = Some("ก".repeat(FIELD_CHARS_MAX + 1));
        let found = FindableEvent {
            event: row,
            shows: Vec::new(),
            venue: None,
        };
        let made = document(&found, Left::UNKNOWN, 0);
        assert_eq!((made.first_show_ms, made.last_show_ms), (5_000, 5_000));
        assert_eq!((made.prices, made.availability), (None, Availability::None));
        assert_eq!(text_bytes(&made), "Opera".len() + 3 * FIELD_CHARS_MAX);
    }
}
