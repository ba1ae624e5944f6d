//! Events as schema.org has them, in JSON-LD.

use onsale_schemas::currencies;
use onsale_store::catalog::{EventRow, EventStatus, ListedShow, ShowRow, ShowStatus};
use serde_json::{Map, Value, json};

use crate::local_time::{told, zone_of_row};
use crate::markdown;
use crate::routes::pictures;
use crate::values::Instant;

/// An event: one `Event` where it has at most one show, otherwise an `EventSeries` of them. Addresses are absolute where
/// the one is known by which browsers reach this installation.
pub(super) fn event(row: &EventRow, shows: &[ListedShow], public_url: Option<&str>) -> Value {
    let mut about = common(row, public_url);
    about.insert("@context".to_owned(), json!("https://schema.org"));
    if let [only] = shows {
        about.extend(performance(row, only));
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
            let mut part = common(row, public_url);
            part.extend(performance(row, listed));
            part.insert("@type".to_owned(), json!("Event"));
            Value::Object(part)
        })
        .collect();
    about.insert("subEvent".to_owned(), Value::Array(parts));
    Value::Object(about)
}

fn common(row: &EventRow, public_url: Option<&str>) -> Map<String, Value> {
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
        let server = public_url.unwrap_or_default().trim_end_matches('/');
        let addresses = files.widths.iter().rev();
        let addresses: Vec<String> = addresses
            .map(|width| format!("{server}{}", pictures::path(files.picture_id, *width)))
            .collect();
        about.insert("image".to_owned(), json!(addresses));
    }
    if row.venue.is_some() || row.city.is_some() {
        let mut place = Map::new();
        place.insert("@type".to_owned(), json!("Place"));
        place.insert(
            "name".to_owned(),
            json!(row.venue.as_ref().or(row.city.as_ref())),
        );
        if let Some(city) = &row.city {
            place.insert(
                "address".to_owned(),
                json!({ "@type": "PostalAddress", "addressLocality": city }),
            );
        }
        about.insert("location".to_owned(), Value::Object(place));
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

/// What is of one show.
fn performance(row: &EventRow, listed: &ListedShow) -> Map<String, Value> {
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
    let offers: Vec<Value> = listed
        .zones
        .iter()
        .map(|zone| {
            json!({
                "@type": "Offer",
                "name": zone.name,
                "price": price(zone.unit_price, &zone.currency),
                "priceCurrency": zone.currency,
                "validFrom": Instant(show.sale_opens_at_ms),
                "validThrough": Instant(show.sale_closes_at_ms),
            })
        })
        .collect();
    if !offers.is_empty() {
        of.insert("offers".to_owned(), Value::Array(offers));
    }
    of
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
    use onsale_schemas::{EventId, UserId};
    use onsale_store::catalog::{EventDetails, EventPicture, PictureFiles, PictureFormat};
    use uuid::Uuid;

    use super::*;

    #[test]
    fn addresses_are_absolute_where_that_of_the_installation_is_known() {
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
            let about = event(&row, &[], public_url);
            assert_eq!(about["image"], json!([format!("{begins}{path}")]));
        }
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
