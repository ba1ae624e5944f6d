//! Filters, facets, orders and cursors against a scan of all documents.

use std::collections::{BTreeMap, BTreeSet};

use onsale_schemas::EventId;
use onsale_search::{Availability, Document, FacetValue, Filter, Index, Prices, Query, Sort};
use proptest::prelude::*;

use crate::support::{NOW_MS, named};

const CITIES: [&str; 4] = ["Zürich", "zurich", "Bangkok", "กรุงเทพ"];
const CATEGORIES: [&str; 3] = ["Jazz", "JAZZ", "Opera"];
const VENUES: [&str; 2] = ["Old Hall", "New Hall"];
const TENANTS: [&str; 2] = ["north", "south"];
const NAMES: [&str; 4] = ["Red Lion", "Red Moon", "Blue Lion", "งานดนตรี"];
const CURRENCIES: [[u8; 3]; 3] = [*b"EUR", *b"JPY", *b"KWD"];

fn documents() -> impl Strategy<Value = Vec<Document>> {
    let prices = prop::option::of((0_u64..30, 0_u64..30, 0_usize..3));
    let texts = (
        0_usize..4,
        prop::option::of(0_usize..4),
        prop::option::of(0_usize..3),
        prop::option::of(0_usize..2),
        0_usize..2,
    );
    let document = (
        texts,
        prices,
        0_u64..20,
        0_u64..5,
        0_u8..3,
        0_u8..5,
        0_u32..4,
    );
    let document = document.prop_map(
        |(texts, prices, first, more, left, published, popularity)| {
            let (name, city, category, venue, tenant) = texts;
            Document {
                tenant: TENANTS[tenant].to_owned(),
                city: city.map(|at| CITIES[at].to_owned()),
                category: category.map(|at| CATEGORIES[at].to_owned()),
                venue: venue.map(|at| VENUES[at].to_owned()),
                first_show_ms: NOW_MS + first,
                last_show_ms: NOW_MS + first + more,
                prices: prices.map(|(min, more, currency)| Prices {
                    min,
                    max: min + more,
                    currency: CURRENCIES[currency],
                }),
                availability: [Availability::None, Availability::Few, Availability::Many]
                    [usize::from(left)],
                is_published: published > 0,
                popularity,
                ..named(0, NAMES[name])
            }
        },
    );
    prop::collection::vec(document, 0..60).prop_map(|mut documents| {
        for (document, number) in documents.iter_mut().zip(1..) {
            document.event_id = crate::support::id(number);
        }
        documents
    })
}

fn filters() -> impl Strategy<Value = Filter<'static>> {
    let names = (
        prop::option::of(0_usize..2),
        prop::option::of(0_usize..4),
        prop::option::of(0_usize..2),
        prop::option::of(0_usize..3),
    );
    let range = || prop::option::of(0_u64..25);
    let others = (
        range(),
        range(),
        range(),
        range(),
        prop::option::of(0_usize..3),
        prop::option::of(any::<bool>()),
    );
    (names, others).prop_map(|(names, others)| {
        let (tenant, city, venue, category) = names;
        let (from, until, min, max, currency, available) = others;
        Filter {
            tenant: tenant.map(|at| TENANTS[at]),
            city: city.map(|at| CITIES[at]),
            venue: venue.map(|at| VENUES[at]),
            category: category.map(|at| CATEGORIES[at]),
            from_ms: from.map(|from| NOW_MS + from),
            until_ms: until.map(|until| NOW_MS + from.unwrap_or(0).max(until)),
            price_min: min,
            price_max: max.map(|max| max.max(min.unwrap_or(0))),
            currency: currency.map(|at| CURRENCIES[at]),
            available,
        }
    })
}

/// Equal without case and diacritics, for the few values of this test.
fn plain(text: &str) -> String {
    text.to_lowercase().replace('ü', "u")
}

fn is_like(value: Option<&String>, wanted: Option<&str>) -> bool {
    wanted.is_none_or(|wanted| value.is_some_and(|value| plain(value) == plain(wanted)))
}

fn holds(document: &Document, filter: &Filter<'_>, city: bool, category: bool) -> bool {
    let prices = document.prices;
    document.is_published
        && filter.tenant.is_none_or(|tenant| document.tenant == tenant)
        && is_like(document.venue.as_ref(), filter.venue)
        && (!city || is_like(document.city.as_ref(), filter.city))
        && (!category || is_like(document.category.as_ref(), filter.category))
        && filter
            .from_ms
            .is_none_or(|from| document.last_show_ms >= from)
        && filter
            .until_ms
            .is_none_or(|until| document.first_show_ms < until)
        && filter
            .price_min
            .is_none_or(|min| prices.is_some_and(|prices| prices.max >= min))
        && filter
            .price_max
            .is_none_or(|max| prices.is_some_and(|prices| prices.min <= max))
        && filter
            .currency
            .is_none_or(|code| prices.is_some_and(|prices| prices.currency == code))
        && filter
            .available
            .is_none_or(|available| available == (document.availability != Availability::None))
}

fn facet(values: &[FacetValue]) -> BTreeMap<String, usize> {
    values
        .iter()
        .map(|one| (plain(&one.value), one.count))
        .collect()
}

fn counts<'a>(values: impl Iterator<Item = &'a String>) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for value in values {
        *counts.entry(plain(value)).or_default() += 1;
    }
    counts
}

/// All hits, page by page.
fn walk(index: &Index, query: &Query<'_>) -> Vec<EventId> {
    let mut hits = Vec::new();
    let mut cursor: Option<String> = None;
    loop {
        let page = index
            .search(&Query {
                cursor: cursor.as_deref(),
                // Later pages do not depend on the time at which they are asked for.
                now_ms: query.now_ms + hits.len() as u64,
                ..query.clone()
            })
            .unwrap();
        assert!(page.hits.len() <= query.limit);
        hits.extend(page.hits.iter().map(|hit| hit.event_id));
        if page.next_cursor.is_none() {
            assert_eq!(page.total, hits.len());
            check_pages_by_number(index, query, &hits);
            return hits;
        }
        assert_eq!(page.hits.len(), query.limit);
        cursor = page.next_cursor;
    }
}

/// Pages by their numbers are those behind cursors, and behind the last one there is nothing.
fn check_pages_by_number(index: &Index, query: &Query<'_>, hits: &[EventId]) {
    let by_number = |skip| {
        let query = Query {
            skip,
            ..query.clone()
        };
        let page = index.search(&query).unwrap();
        assert_eq!(page.total, hits.len());
        let has_more = page.next_cursor.is_some();
        let found: Vec<EventId> = page.hits.iter().map(|hit| hit.event_id).collect();
        (found, has_more)
    };
    let pages = hits.chunks(query.limit).zip((0..).step_by(query.limit));
    for (expected, skip) in pages {
        let has_more = skip + query.limit < hits.len();
        assert_eq!(by_number(skip), (expected.to_vec(), has_more));
    }
    for beyond in [hits.len(), usize::MAX] {
        assert_eq!(by_number(beyond), (Vec::new(), false));
    }
}

fn price(document: &Document) -> (bool, u64) {
    let Some(prices) = document.prices else {
        return (true, 0);
    };
    let thousandths = match &prices.currency {
        b"EUR" => 10,
        b"JPY" => 1_000,
        _ => 1,
    };
    (false, prices.min * thousandths)
}

proptest! {
    #[test]
    fn hits_are_those_of_a_scan(
        documents in documents(),
        filter in filters(),
        sort in 0_usize..4,
        limit in 1_usize..9,
        text in prop::option::of(0_usize..4),
    ) {
        let index = Index::build(documents.iter().cloned()).unwrap();
        let sort = [Sort::Relevance, Sort::Date, Sort::Price, Sort::Popularity][sort];
        let word = text.map(|at| ["red", "lion", "blue lion ", "ดนตรี"][at]);
        let fits = |document: &&Document| {
            word.is_none_or(|word| plain(&document.name).contains(word.trim()))
        };
        // Where so few fit that typos are looked for, what else is found is not this test's.
        let of_tenant = documents.iter().filter(fits).filter(|document| {
            document.is_published && filter.tenant.is_none_or(|tenant| document.tenant == tenant)
        });
        prop_assume!(word.is_none() || of_tenant.count() >= 3);

        let query = Query {
            search: word.unwrap_or_default(),
            filter: filter.clone(),
            sort,
            cursor: None,
            skip: 0,
            limit,
            now_ms: NOW_MS,
        };
        let fitting: Vec<&Document> = documents.iter().filter(fits).collect();
        let mut expected: Vec<&Document> = fitting
            .iter()
            .copied()
            .filter(|document| holds(document, &filter, true, true))
            .collect();
        let hits = walk(&index, &query);
        if sort == Sort::Relevance {
            let hits: BTreeSet<EventId> = hits.iter().copied().collect();
            prop_assert_eq!(hits, expected.iter().map(|one| one.event_id).collect());
        } else {
            expected.sort_by_key(|one| {
                let key = match sort {
                    Sort::Date => (false, one.first_show_ms),
                    Sort::Price => price(one),
                    _ => (false, u64::from(u32::MAX - one.popularity)),
                };
                (key, one.event_id)
            });
            let expected: Vec<EventId> = expected.iter().map(|one| one.event_id).collect();
            prop_assert_eq!(hits, expected);
        }

        let page = index.search(&query).unwrap();
        let cities = fitting
            .iter()
            .filter(|one| holds(one, &filter, false, true))
            .filter_map(|one| one.city.as_ref());
        prop_assert_eq!(facet(&page.cities), counts(cities));
        let categories = fitting
            .iter()
            .filter(|one| holds(one, &filter, true, false))
            .filter_map(|one| one.category.as_ref());
        prop_assert_eq!(facet(&page.categories), counts(categories));
    }
}
