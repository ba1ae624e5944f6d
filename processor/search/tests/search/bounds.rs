//! No text costs more than the bounds, and none makes it panic.

use onsale_fuzz::Run;
use onsale_search::limits::{
    FIELD_CHARS_MAX, FILTER_CHARS_MAX, PAGE_MAX, QUERY_CHARS_MAX, SUGGESTIONS_MAX,
};
use onsale_search::{Document, Filter, Index, Query, SearchError, Sort};
use proptest::prelude::*;

use crate::support::{index, named, query};

#[test]
fn what_is_out_of_bounds_is_refused_with_a_reason() {
    let index = index();
    let long = "ก".repeat(QUERY_CHARS_MAX + 1);
    let value = "x".repeat(FILTER_CHARS_MAX + 1);
    let with = |filter: Filter<'static>| Query {
        filter,
        ..query("")
    };
    let cases = [
        (
            query(&long),
            "search has 201 characters; at most 200 are allowed",
        ),
        (
            Query {
                filter: Filter {
                    city: Some(&value),
                    ..Filter::default()
                },
                ..query("")
            },
            "city has 201 characters; at most 200 are allowed",
        ),
        (
            with(Filter {
                from_ms: Some(2),
                until_ms: Some(1),
                ..Filter::default()
            }),
            "from is 2, which is after to (1): it must not be",
        ),
        (
            with(Filter {
                price_min: Some(9),
                price_max: Some(8),
                ..Filter::default()
            }),
            "price_min is 9, which is after price_max (8): it must not be",
        ),
        (
            Query {
                limit: 0,
                ..query("")
            },
            "limit is 0: it must be between 1 and 100",
        ),
        (
            Query {
                limit: PAGE_MAX + 1,
                ..query("")
            },
            "limit is 101: it must be between 1 and 100",
        ),
        (
            Query {
                cursor: Some("nonsense"),
                ..query("")
            },
            "cursor does not belong to this query: start again without one",
        ),
    ];
    for (query, reason) in cases {
        assert_eq!(index.search(&query).unwrap_err().to_string(), reason);
    }
    for limit in [0, SUGGESTIONS_MAX + 1] {
        let refused = index.suggest("a", limit).unwrap_err();
        assert_eq!(refused, SearchError::SuggestionLimit { limit });
    }
    let refused = index.suggest(&long, 5).unwrap_err();
    assert_eq!(refused, SearchError::TextTooLong { chars: 201 });
    assert!(index.search(&query(&"ก".repeat(QUERY_CHARS_MAX))).is_ok());
}

#[test]
fn a_cursor_is_of_its_query_alone() {
    let index = index();
    let first = Query {
        limit: 2,
        ..query("concert")
    };
    let page = index.search(&first).unwrap();
    let cursor = page.next_cursor.unwrap();
    let next = |query: Query<'_>| index.search(&query).map(|page| page.hits.len());
    let with = Query {
        cursor: Some(&cursor),
        ..first.clone()
    };
    assert_eq!(next(with.clone()), Ok(2));
    // Another size of the page is no other query.
    let larger = Query {
        limit: 3,
        ..with.clone()
    };
    assert_eq!(next(larger), Ok(3));
    let other_text = Query {
        search: "concerts",
        ..with.clone()
    };
    assert_eq!(next(other_text), Err(SearchError::Cursor));
    let other_order = Query {
        sort: Sort::Date,
        ..with.clone()
    };
    assert_eq!(next(other_order), Err(SearchError::Cursor));
    let other_filter = Query {
        filter: Filter {
            city: Some("London"),
            ..Filter::default()
        },
        ..with.clone()
    };
    assert_eq!(next(other_filter), Err(SearchError::Cursor));
    for length in 0..cursor.len() {
        let cut = Query {
            cursor: Some(&cursor[..length]),
            ..with.clone()
        };
        assert_eq!(next(cut), Err(SearchError::Cursor), "{length}");
    }
    let longer = format!("{cursor}AAAA");
    let longer = Query {
        cursor: Some(&longer),
        ..with
    };
    assert_eq!(next(longer), Err(SearchError::Cursor));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Any text may be searched for, whatever is indexed; and what is indexed is found by its name.
    #[test]
    fn any_text(names in prop::collection::vec("\\PC{0,40}", 1..12), typed in "\\PC{0,60}") {
        let mut index = Index::new();
        for (name, number) in names.iter().zip(1..) {
            index.upsert(&named(number, name)).unwrap();
        }
        index.search(&query(&typed)).unwrap();
        index.suggest(&typed, 5).unwrap();
        for (name, number) in names.iter().zip(1..) {
            let page = index.search(&query(name)).unwrap();
            let is_there = page.hits.iter().any(|hit| hit.event_id == crate::support::id(number));
            prop_assert!(is_there, "{name:?} is not found by its name");
        }
    }
}

/// Bytes of every kind as text, in a document and as query.
#[test]
fn mutated_texts() {
    let corpus: Vec<Vec<u8>> = include_str!("queries.tsv")
        .lines()
        .chain([
            "\u{1}กข",
            "\u{0}",
            "e\u{301}\u{301}",
            "👩‍👩‍👧 ﷽",
            "ᄀᆨᄀ",
            "a'b''c'",
        ])
        .map(|line| line.as_bytes().to_vec())
        .collect();
    let run = Run {
        inputs: 3_000,
        size_max_bytes: 300,
    };
    let mut index = index();
    let mut version = 1;
    onsale_fuzz::run("search", run, &corpus, |bytes| {
        let text = String::from_utf8_lossy(bytes);
        version += 1;
        let document = Document {
            version,
            performers: vec![text.to_string()],
            city: Some(text.to_string()),
            ..named(version % 50, &text)
        };
        index.upsert(&document).unwrap();
        let answer = index.search(&query(&text));
        assert_eq!(answer.is_err(), text.chars().count() > QUERY_CHARS_MAX);
        let answer = index.suggest(&text, 5);
        assert_eq!(answer.is_err(), text.chars().count() > QUERY_CHARS_MAX);
        let cursor = Query {
            cursor: Some(&text),
            ..query("")
        };
        assert_eq!(index.search(&cursor), Err(SearchError::Cursor));
    });
}

#[test]
fn a_document_without_end_is_read_to_its_bound() {
    let mut index = Index::new();
    let endless = "word ".repeat(1_000_000);
    let unlike: String = (0..200_000).map(|n| format!("w{n} ")).collect();
    let document = Document {
        description: Some(format!("{unlike} needle")),
        performers: vec!["somebody ".repeat(1_000); 1_000],
        ..named(1, &endless)
    };
    index.upsert(&document).unwrap();
    let size = index.size();
    assert!(size.terms < FIELD_CHARS_MAX, "{size:?}");
    assert!(size.heap_bytes < 1 << 20, "{size:?}");
    assert_eq!(index.search(&query("needle")).unwrap().total, 0);
    assert_eq!(index.search(&query("word")).unwrap().total, 1);
}
