//! The catalog of the tests: `events.tsv`, three hundred events, English and Thai for the most part.

use std::collections::HashMap;

use onsale_schemas::EventId;
use onsale_search::{Availability, Document, Index, Page, Prices, Query};
use uuid::Uuid;

pub(crate) const NOW_MS: u64 = 1_790_000_000_000;
pub(crate) const DAY_MS: u64 = 86_400_000;

/// The documents with their keys.
pub(crate) fn catalog() -> Vec<(String, Document)> {
    let lines = include_str!("events.tsv").lines();
    lines
        .filter(|line| !line.starts_with('#'))
        .zip(1..)
        .map(|(line, number)| {
            let fields: Vec<&str> = line.split('\t').collect();
            (fields[0].to_owned(), document(number, &fields))
        })
        .collect()
}

fn document(number: u64, fields: &[&str]) -> Document {
    let days: u64 = fields[6].parse().unwrap();
    let min = 10_000 + number * 97 % 300 * 100;
    Document {
        event_id: id(number),
        version: 1,
        tenant: format!("house-{}", number % 7),
        name: fields[1].to_owned(),
        description: Some(fields[8].to_owned()),
        performers: fields[2]
            .split("; ")
            .filter(|name| *name != "-")
            .map(str::to_owned)
            .collect(),
        venue: Some(fields[3].to_owned()),
        city: Some(fields[4].to_owned()),
        category: Some(fields[5].to_owned()),
        first_show_ms: NOW_MS + days * DAY_MS,
        last_show_ms: NOW_MS + (days + number % 3) * DAY_MS,
        prices: (!number.is_multiple_of(11)).then_some(Prices {
            min,
            max: min * 3,
            currency: if number.is_multiple_of(2) {
                *b"THB"
            } else {
                *b"EUR"
            },
        }),
        availability: Availability::Many,
        is_published: true,
        popularity: fields[7].parse().unwrap(),
    }
}

/// A document of a name and nothing else.
pub(crate) fn named(number: u64, name: &str) -> Document {
    Document {
        event_id: id(number),
        version: 1,
        tenant: "house".to_owned(),
        name: name.to_owned(),
        description: None,
        performers: Vec::new(),
        venue: None,
        city: None,
        category: None,
        first_show_ms: NOW_MS,
        last_show_ms: NOW_MS,
        prices: None,
        availability: Availability::Many,
        is_published: true,
        popularity: 0,
    }
}

pub(crate) fn id(number: u64) -> EventId {
    EventId(Uuid::from_u128(u128::from(number)))
}

pub(crate) fn index() -> Index {
    Index::build(catalog().into_iter().map(|(_, document)| document)).unwrap()
}

pub(crate) fn query(search: &str) -> Query<'_> {
    Query {
        search,
        limit: 20,
        now_ms: NOW_MS,
        ..Query::default()
    }
}

/// The keys of the hits of a page.
pub(crate) fn keys(page: &Page) -> Vec<String> {
    let keys: HashMap<EventId, String> = catalog()
        .into_iter()
        .map(|(key, document)| (document.event_id, key))
        .collect();
    page.hits
        .iter()
        .map(|hit| keys[&hit.event_id].clone())
        .collect()
}
