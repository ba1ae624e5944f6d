//! Events as schema.org has them, in JSON-LD.

use std::collections::{BTreeMap, HashMap};

use onsale_schemas::{ShowId, currencies};
use onsale_store::Store;
use onsale_store::catalog::{
    EventRow, EventStatus, ListedShow, ListedZone, OfferRow, PublicPrices, ShowRow, ShowStatus,
    ZonePrices,
};
use onsale_store::venue::Venue;
use serde_json::{Map, Value, json};

use crate::error::ApiError;
use crate::local_time::{told, zone_of_row};
use crate::markdown;
use crate::routes::pictures;
use crate::values::Instant;

/// Of a degree: positions are kept in these.
const MILLIONTHS: f64 = 1e6;
/// Offers of one answer; beyond, each show has them added up.
const OFFERS_MAX: usize = 400;
/// Currencies of a show that are added up.
const CURRENCIES_MAX: usize = 4;

/// What is told of an event beside its own row and its shows.
#[derive(Clone, Copy, Default)]
pub(super) struct Around<'a> {
    /// Where it takes place, as far as the event does not say so itself.
    pub(super) venue: Option<&'a Venue>,
    /// The address by which browsers reach this installation; without it addresses are relative.
    pub(super) public_url: Option<&'a str>,
    /// What is for sale in those of its shows that have an offer.
    pub(super) offers: Option<&'a HashMap<ShowId, OfferRow>>,
}

/// The venue of an event, if it has one of its tenant.
///
/// # Errors
/// As every read of the database.
pub(super) async fn venue_of(store: &Store, row: &EventRow) -> Result<Option<Venue>, ApiError> {
    let venue = match row.details.venue_id {
        Some(id) => store.venue(id).await?,
        None => None,
    };
    let venue = venue.filter(|found| found.tenant_id == row.tenant_id);
    Ok(venue.map(|found| found.venue))
}

/// An event: one `Event` where it has at most one show, otherwise an `EventSeries` of them.
pub(super) fn event(row: &EventRow, shows: &[ListedShow], around: Around<'_>) -> Value {
    let offers: usize = shows.iter().map(|listed| listed.zones.len()).sum();
    let is_each = offers <= OFFERS_MAX;
    let mut about = common(row, around);
    about.insert("@context".to_owned(), json!("https://schema.org"));
    if let [only] = shows {
        about.extend(performance(row, only, is_each, around));
        about.insert("@type".to_owned(), json!("Event"));
        return Value::Object(about);
    }
    about.insert("startDate".to_owned(), starts(row, row.starts_at_ms));
    about.insert("eventStatus".to_owned(), status(row, None));
    if shows.is_empty() {
        about.insert("@type".to_owned(), json!("Event"));
        return Value::Object(about);
    }
    about.insert("@type".to_owned(), json!("EventSeries"));
    let parts: Vec<Value> = shows
        .iter()
        .map(|listed| {
            let mut part = common(row, around);
            // Once is enough: it may be long, and shows are many.
            part.remove("description");
            part.extend(performance(row, listed, is_each, around));
            part.insert("@type".to_owned(), json!("Event"));
            Value::Object(part)
        })
        .collect();
    about.insert("subEvent".to_owned(), Value::Array(parts));
    Value::Object(about)
}

fn common(row: &EventRow, around: Around<'_>) -> Map<String, Value> {
    let mut about = Map::new();
    about.insert(
        "identifier".to_owned(),
        json!(format!("urn:uuid:{}", row.event_id.0)),
    );
    about.insert("name".to_owned(), json!(row.name));
    if let Some(description) = &row.description {
        let text = markdown::to_text(description);
        about.insert("description".to_owned(), json!(text));
    }
    if let Some(picture) = &row.details.picture {
        // The widest first: one is shown, and the first is meant most.
        let files = &picture.files;
        let server = around.public_url.unwrap_or_default().trim_end_matches('/');
        let addresses = files.widths.iter().rev();
        let addresses: Vec<String> = addresses
            .map(|width| format!("{server}{}", pictures::path(files.picture_id, *width)))
            .collect();
        about.insert("image".to_owned(), json!(addresses));
    }
    if let Some(place) = place(row, around.venue) {
        about.insert("location".to_owned(), place);
    }
    let performers = &row.details.performers;
    if !performers.is_empty() {
        let named = |name: &String| json!({ "@type": "PerformingGroup", "name": name });
        let performers: Vec<Value> = performers.iter().map(named).collect();
        about.insert("performer".to_owned(), Value::Array(performers));
    }
    if let Some(age) = row.minimum_age.filter(|age| *age > 0) {
        about.insert("typicalAgeRange".to_owned(), json!(format!("{age}-")));
    }
    about
}

/// Where it is: what the event does not say of that, its venue says.
fn place(row: &EventRow, venue: Option<&Venue>) -> Option<Value> {
    let city = row
        .city
        .as_ref()
        .or(venue.and_then(|venue| venue.city.as_ref()));
    let name = row.venue.as_ref().or(venue.map(|venue| &venue.name));
    let mut place = Map::new();
    place.insert("@type".to_owned(), json!("Place"));
    place.insert("name".to_owned(), json!(name.or(city)?));
    let mut address = Map::new();
    for (property, value) in [
        (
            "streetAddress",
            venue.and_then(|venue| venue.address.as_ref()),
        ),
        ("addressLocality", city),
        (
            "addressCountry",
            venue.and_then(|venue| venue.country.as_ref()),
        ),
    ] {
        if let Some(value) = value {
            address.insert(property.to_owned(), json!(value));
        }
    }
    if !address.is_empty() {
        address.insert("@type".to_owned(), json!("PostalAddress"));
        place.insert("address".to_owned(), Value::Object(address));
    }
    if let Some(position) = venue.and_then(|venue| venue.position) {
        let degrees = |millionths: i32| f64::from(millionths) / MILLIONTHS;
        place.insert(
            "geo".to_owned(),
            json!({
                "@type": "GeoCoordinates",
                "latitude": degrees(position.latitude_e6),
                "longitude": degrees(position.longitude_e6),
            }),
        );
    }
    Some(Value::Object(place))
}

/// What is of one show.
fn performance(
    row: &EventRow,
    listed: &ListedShow,
    is_each: bool,
    around: Around<'_>,
) -> Map<String, Value> {
    let show = &listed.show;
    let mut of = Map::new();
    of.insert(
        "identifier".to_owned(),
        json!(format!("urn:uuid:{}", show.show_id.0)),
    );
    if let Some(name) = &show.name {
        of.insert("name".to_owned(), json!(format!("{} – {name}", row.name)));
    }
    of.insert("startDate".to_owned(), starts(row, show.starts_at_ms));
    of.insert("eventStatus".to_owned(), status(row, Some(show)));
    let priced = priced(listed, around);
    let offers = if is_each {
        offers(show, &priced)
    } else {
        aggregates(show, &priced)
    };
    if !offers.is_empty() {
        of.insert("offers".to_owned(), Value::Array(offers));
    }
    of
}

/// The zones where something is for sale to everybody, with what it costs there by ticket type.
fn priced<'a>(listed: &'a ListedShow, around: Around<'_>) -> Vec<(&'a ListedZone, ZonePrices)> {
    let offer = around.offers.and_then(|of| of.get(&listed.show.show_id));
    let none = OfferRow::default();
    let public = PublicPrices::of(offer.unwrap_or(&none));
    let zones = listed.zones.iter();
    let priced = zones.filter_map(|zone| {
        let prices = public.in_zone(zone.index, zone.unit_price)?;
        Some((zone, prices))
    });
    priced.collect()
}

/// An offer for each of these zones, for what its cheapest ticket costs.
fn offers(show: &ShowRow, priced: &[(&ListedZone, ZonePrices)]) -> Vec<Value> {
    let of_zone = |(zone, prices): &(&ListedZone, ZonePrices)| {
        json!({
            "@type": "Offer",
            "name": zone.name,
            "price": price(prices.min, &zone.currency),
            "priceCurrency": zone.currency,
            "validFrom": Instant(show.sale_opens_at_ms),
            "validThrough": Instant(show.sale_closes_at_ms),
        })
    };
    priced.iter().map(of_zone).collect()
}

/// What all of these zones of a currency cost, from the lowest to the highest price.
fn aggregates(show: &ShowRow, priced: &[(&ListedZone, ZonePrices)]) -> Vec<Value> {
    let mut all: BTreeMap<&str, (i64, i64, u32)> = BTreeMap::new();
    for (zone, prices) in priced {
        let of = all.entry(&zone.currency);
        let (low, high, count) = of.or_insert((prices.min, prices.max, 0));
        *low = prices.min.min(*low);
        *high = prices.max.max(*high);
        *count += 1;
    }
    let aggregate = |(currency, (low, high, count)): (&str, (i64, i64, u32))| {
        json!({
            "@type": "AggregateOffer",
            "lowPrice": price(low, currency),
            "highPrice": price(high, currency),
            "priceCurrency": currency,
            "offerCount": count,
            "validFrom": Instant(show.sale_opens_at_ms),
            "validThrough": Instant(show.sale_closes_at_ms),
        })
    };
    let all = all.into_iter().take(CURRENCIES_MAX);
    all.map(aggregate).collect()
}

/// JSON that may stand in a page of HTML as it is, whoever wrote its texts: what begins or ends an element is escaped,
/// which changes nothing for who reads it as JSON. Outside of texts it has none of these.
pub(super) fn for_pages(json: &[u8]) -> Vec<u8> {
    let mut safe = Vec::with_capacity(json.len());
    for byte in json {
        match byte {
            b'<' => safe.extend_from_slice(br"\u003c"),
            b'>' => safe.extend_from_slice(br"\u003e"),
            b'&' => safe.extend_from_slice(br"\u0026"),
            other => safe.push(*other),
        }
    }
    safe
}

/// As clocks there show it, where the zone is known.
fn starts(row: &EventRow, at_ms: u64) -> Value {
    zone_of_row(row.details.time_zone.as_deref())
        .and_then(|zone| told(at_ms, &zone))
        .map_or_else(|| json!(Instant(at_ms)), Value::String)
}

fn status(row: &EventRow, show: Option<&ShowRow>) -> Value {
    let is_cancelled = row.status == EventStatus::Cancelled
        || show.is_some_and(|show| show.status == ShowStatus::Cancelled);
    json!(if is_cancelled {
        "https://schema.org/EventCancelled"
    } else {
        "https://schema.org/EventScheduled"
    })
}

/// An amount in major units, with as many decimals as the currency has.
fn price(minor: i64, currency: &str) -> String {
    let decimals = currencies::minor_digits(currency);
    let unit = 10_u64.pow(u32::from(decimals));
    let (sign, amount) = (if minor < 0 { "-" } else { "" }, minor.unsigned_abs());
    if decimals == 0 {
        return format!("{sign}{amount}");
    }
    let width = usize::from(decimals);
    format!("{sign}{}.{:0width$}", amount / unit, amount % unit)
}

#[cfg(test)]
mod tests {
    use onsale_schemas::offer::{TicketType, TypePrice, ZoneRule};
    use onsale_schemas::{EventId, UserId};
    use onsale_store::catalog::{EventDetails, EventPicture, PictureFiles, PictureFormat};
    use onsale_store::venue::Position;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn an_event_has_its_picture_and_its_place() {
        let row = EventRow {
            event_id: EventId(Uuid::from_u128(1)),
            tenant_id: Uuid::from_u128(2),
            organizer_id: UserId(Uuid::from_u128(3)),
            name: "Oper".to_owned(),
            description: None,
            venue: None,
            city: None,
            category: None,
            starts_at_ms: 0,
            max_tickets_per_user: 0,
            minimum_age: None,
            requires_verified_account: false,
            status: EventStatus::Published,
            created_at_ms: 0,
            details: EventDetails {
                picture: Some(EventPicture {
                    files: PictureFiles {
                        picture_id: Uuid::nil(),
                        format: PictureFormat::Jpeg,
                        widths: vec![320],
                    },
                    height: 180,
                    alt: None,
                }),
                ..EventDetails::default()
            },
        };
        let path = pictures::path(Uuid::nil(), 320);
        for (public_url, begins) in [
            (None, ""),
            (Some("https://tickets.example"), "https://tickets.example"),
            (Some("https://tickets.example/"), "https://tickets.example"),
        ] {
            let around = Around {
                public_url,
                ..Around::default()
            };
            let about = event(&row, &[], around);
            assert_eq!(about["image"], json!([format!("{begins}{path}")]));
            assert!(about.get("location").is_none());
        }
        // It is where its venue is, and is called what the event calls it.
        let venue = Venue {
            name: "Lyric".to_owned(),
            address: Some("7 Harbour Road".to_owned()),
            city: Some("Bangkok".to_owned()),
            country: Some("TH".to_owned()),
            position: Some(Position {
                latitude_e6: 13_730_800,
                longitude_e6: -500_000,
            }),
            time_zone: "Asia/Bangkok".to_owned(),
            website: None,
        };
        let around = Around {
            venue: Some(&venue),
            ..Around::default()
        };
        let about = event(&row, &[], around);
        assert_eq!(
            about["location"],
            json!({
                "@type": "Place",
                "name": "Lyric",
                "address": {
                    "@type": "PostalAddress", "streetAddress": "7 Harbour Road",
                    "addressLocality": "Bangkok", "addressCountry": "TH",
                },
                "geo": { "@type": "GeoCoordinates", "latitude": 13.7308, "longitude": -0.5 },
            })
        );
        let named = EventRow {
            venue: Some("Lyric, small stage".to_owned()),
            ..row
        };
        let about = event(&named, &[], around);
        assert_eq!(about["location"]["name"], "Lyric, small stage");
    }

    /// An adult, a child in the first zone alone, and a type for who has a code; the last zone needs a code.
    fn offered() -> OfferRow {
        let ticket_type = |id, code_only| TicketType {
            id,
            min: 0,
            max: 0,
            from_ms: 0,
            until_ms: u64::MAX,
            code_only,
            kinds: 0,
        };
        let price = |zone, ticket_type, price| TypePrice {
            zone,
            ticket_type,
            price,
        };
        let mut offered = OfferRow::default();
        offered.offer.types = vec![
            ticket_type(1, false),
            ticket_type(2, false),
            ticket_type(3, true),
        ];
        offered.offer.prices = vec![
            price(0, 1, 6_000),
            price(0, 2, 1_500),
            price(0, 3, 1),
            price(3, 1, 7),
        ];
        offered.offer.zones = vec![ZoneRule {
            zone: 3,
            no_single_seats: false,
            code_only: true,
        }];
        offered
    }

    /// Zones of these prices.
    fn listed(prices: &[i64]) -> ListedShow {
        let zones = (0_u16..).zip(prices).map(|(index, price)| ListedZone {
            zone_id: Uuid::from_u128(index.into()),
            index,
            name: format!("Zone {index}"),
            unit_price: *price,
            currency: "THB".to_owned(),
            is_seated: false,
            places: 1,
        });
        ListedShow {
            show: crate::charts::show_of(Vec::new()),
            zones: zones.collect(),
        }
    }

    #[test]
    fn prices_are_those_that_everybody_pays() {
        let show = listed(&[50_000, 1_000, 2_000, 3_000]);
        let shown = |around: Around<'_>| -> Vec<(String, String)> {
            let priced = priced(&show, around);
            let offers = offers(&show.show, &priced).into_iter();
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let told = offers.map(|offer| (text(&offer["name"]), text(&offer["price"])));
            told.collect()
        };
        let pair = |name: &str, price: &str| (name.to_owned(), price.to_owned());
        // Without an offer a zone costs what it says.
        assert_eq!(
            shown(Around::default()),
            [
                pair("Zone 0", "500.00"),
                pair("Zone 1", "10.00"),
                pair("Zone 2", "20.00"),
                pair("Zone 3", "30.00"),
            ]
        );
        // With one, in zones 1 and 2 nothing is sold, and in zone 3 nothing to everybody.
        let offers = HashMap::from([(show.show.show_id, offered())]);
        let around = Around {
            offers: Some(&offers),
            ..Around::default()
        };
        assert_eq!(shown(around), [pair("Zone 0", "15.00")]);
        let added_up = aggregates(&show.show, &priced(&show, around));
        assert_eq!(added_up.len(), 1);
        assert_eq!(added_up[0]["lowPrice"], "15.00");
        assert_eq!(added_up[0]["highPrice"], "60.00");
        assert_eq!(added_up[0]["offerCount"], 1);
        // Of another show.
        let offers = HashMap::from([(ShowId(Uuid::from_u128(99)), offered())]);
        let around = Around {
            offers: Some(&offers),
            ..Around::default()
        };
        assert_eq!(shown(around).len(), 4);
    }

    #[test]
    fn what_stands_in_a_page_ends_no_element() {
        let name = "</script><script>alert(\"1 & 2\")</script>";
        let json = serde_json::to_vec(&json!({ "name": name })).unwrap();
        let safe = String::from_utf8(for_pages(&json)).unwrap();
        assert!(!safe.contains(['<', '>', '&']), "{safe}");
        let read: Value = serde_json::from_str(&safe).unwrap();
        assert_eq!(read["name"], name);
    }

    #[test]
    fn a_price_has_the_decimals_of_its_currency() {
        for (minor, currency, expected) in [
            (250_000, "THB", "2500.00"),
            (5, "EUR", "0.05"),
            (900, "JPY", "900"),
            (1_234, "KWD", "1.234"),
            (-150, "EUR", "-1.50"),
        ] {
            assert_eq!(price(minor, currency), expected, "{minor} {currency}");
        }
    }
}
