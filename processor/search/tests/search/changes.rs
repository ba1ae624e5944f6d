//! How the index follows the catalog.

use onsale_schemas::EventId;
use onsale_search::{Applied, Document, Index, Query, Sort};
use proptest::prelude::*;

use crate::support::{NOW_MS, catalog, id, index, named, query};

fn total(index: &Index, text: &str) -> usize {
    index.search(&query(text)).unwrap().total
}

#[test]
fn an_older_write_changes_nothing() {
    let mut index = Index::new();
    let version = |version, name: &str| Document {
        version,
        ..named(1, name)
    };
    assert_eq!(
        index.upsert(&version(5, "Lighthouse")),
        Ok(Applied::Changed)
    );
    assert_eq!(index.upsert(&version(4, "Windmill")), Ok(Applied::Outdated));
    assert_eq!(index.upsert(&version(5, "Windmill")), Ok(Applied::Outdated));
    assert_eq!(total(&index, "lighthouse"), 1);
    assert_eq!(total(&index, "windmill"), 0);
    assert_eq!(index.upsert(&version(6, "Windmill")), Ok(Applied::Changed));
    assert_eq!(total(&index, "lighthouse"), 0);
    assert_eq!(total(&index, "windmill"), 1);
    assert_eq!(index.remove(id(1), 6), Applied::Outdated);
    assert_eq!(index.remove(id(1), 7), Applied::Changed);
    assert_eq!(index.upsert(&version(6, "Windmill")), Ok(Applied::Outdated));
    assert_eq!(index.upsert(&version(7, "Windmill")), Ok(Applied::Outdated));
    assert_eq!(total(&index, "windmill"), 0);
    assert_eq!(index.upsert(&version(8, "Windmill")), Ok(Applied::Changed));
    assert_eq!(total(&index, "windmill"), 1);
    assert_eq!(index.version(id(1)), Some(8));
    assert_eq!(index.version(id(2)), None);
    // What is removed before it was ever seen stays away too.
    assert_eq!(index.remove(id(2), 3), Applied::Changed);
    assert_eq!(index.upsert(&named(2, "Windmill")), Ok(Applied::Outdated));
    assert_eq!(index.len(), 1);
}

#[test]
fn what_is_not_published_is_not_found() {
    let mut index = Index::new();
    let mut document = Document {
        city: Some("Riverton".to_owned()),
        is_published: false,
        ..named(1, "Lighthouse")
    };
    index.upsert(&document).unwrap();
    assert_eq!(total(&index, "lighthouse"), 0);
    assert_eq!(total(&index, ""), 0);
    assert_eq!(index.suggest("light", 5), Ok(Vec::new()));
    document.version = 2;
    document.is_published = true;
    index.upsert(&document).unwrap();
    assert_eq!(total(&index, "lighthouse"), 1);
    assert_eq!(index.search(&query("")).unwrap().cities.len(), 1);
    document.version = 3;
    document.is_published = false;
    index.upsert(&document).unwrap();
    assert_eq!(total(&index, "lighthouse"), 0);
    assert!(index.search(&query("")).unwrap().cities.is_empty());
    assert_eq!(index.suggest("light", 5), Ok(Vec::new()));
}

/// What a search and a suggestion answer to some texts.
fn answers(index: &Index) -> String {
    let mut all = String::new();
    for text in ["", "lantern", "jaz", "londn", "ดนตรี", "คอนเสิต", "the m"]
    {
        for sort in [Sort::Relevance, Sort::Date, Sort::Price, Sort::Popularity] {
            let page = index
                .search(&Query {
                    sort,
                    ..query(text)
                })
                .unwrap();
            let (hits, total) = (page.hits, page.total);
            all.push_str(&format!("{text} {sort:?}: {total} {hits:?}\n"));
        }
        let mut suggestions = index.suggest(text, 20).unwrap();
        suggestions.sort_by(|a, b| a.text.cmp(&b.text));
        if suggestions.len() < 20 {
            all.push_str(&format!("{suggestions:?}\n"));
        }
    }
    all
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// In whatever order changes arrive, and however often: the newest of each event counts.
    #[test]
    fn any_order_leads_to_the_same(
        changes in prop::collection::vec((0_usize..60, 1_u64..6, 0_u8..4), 1..150),
    ) {
        let documents: Vec<Document> =
            catalog().into_iter().map(|(_, document)| document).take(60).collect();
        let mut followed = Index::new();
        let mut newest: Vec<Option<(u64, Option<Document>)>> = vec![None; documents.len()];
        for (at, version, kind) in changes {
            // The text follows from the version; half of the events change places.
            let version = version * 4 + u64::from(kind);
            let mut document = documents[(at + usize::from(version.is_multiple_of(2))) % 60].clone();
            document.event_id = documents[at].event_id;
            document.version = version;
            document.is_published = kind != 1;
            let is_newer = newest[at].as_ref().is_none_or(|(known, _)| *known < version);
            let applied = if kind == 0 {
                followed.remove(document.event_id, version)
            } else {
                followed.upsert(&document).unwrap()
            };
            prop_assert_eq!(applied == Applied::Changed, is_newer);
            if is_newer {
                newest[at] = Some((version, (kind != 0).then_some(document)));
            }
        }
        let left = newest.into_iter().flatten().filter_map(|(_, document)| document);
        let built = Index::build(left).unwrap();
        prop_assert_eq!(followed.len(), built.len());
        prop_assert_eq!(filtered(&followed), filtered(&built));
    }
}

/// Rarity of words depends on the slots that were ever used, so scores may differ; what is found may
/// not.
fn filtered(index: &Index) -> String {
    let mut all = String::new();
    for text in ["", "lantern", "jaz", "londn", "ดนตรี", "คอนเสิต", "the m"]
    {
        for sort in [Sort::Date, Sort::Price, Sort::Popularity] {
            let page = index
                .search(&Query {
                    sort,
                    ..query(text)
                })
                .unwrap();
            all.push_str(&format!(
                "{text} {sort:?}: {:?} {}\n",
                page.hits, page.total
            ));
        }
        let mut texts: Vec<_> = index.suggest(text, 20).unwrap();
        if texts.len() < 20 {
            texts.sort_by(|a, b| a.text.cmp(&b.text));
            all.push_str(&format!("{texts:?}\n"));
        }
    }
    all
}

#[test]
fn removing_and_adding_again_leaves_the_same() {
    let mut index = index();
    let before = answers(&index);
    let size = index.size();
    for (_, mut document) in catalog() {
        index.remove(document.event_id, 2);
        document.version = 3;
        index.upsert(&document).unwrap();
    }
    let after = answers(&index).replace("version: 3", "version: 1");
    assert_eq!(after, before);
    assert_eq!(index.size().terms, size.terms);
    assert_eq!(index.size().phrases, size.phrases);
    assert_eq!(index.len(), 300);
    for (_, document) in catalog() {
        index.remove(document.event_id, 4);
    }
    assert!(index.is_empty());
    assert_eq!(total(&index, ""), 0);
    assert_eq!(index.size().phrases, 0);
}

/// Pages go on where they were, though other events come, go and change between them.
#[test]
fn others_do_not_move_the_hits_of_a_walk() {
    let undisturbed = walk(&mut index(), |_, _| {});
    assert!(undisturbed.len() > 30, "{}", undisturbed.len());
    let mut unique = undisturbed.clone();
    unique.sort_unstable();
    unique.dedup();
    assert_eq!(unique.len(), undisturbed.len());
    let disturbed = walk(&mut index(), |index, page| {
        // Some that are found too, and would have been on pages before.
        for number in 0..5 {
            let number = 1_000 + page * 10 + number;
            index.upsert(&named(number, "Lantern procession")).unwrap();
            index.upsert(&named(number + 5, "Concert")).unwrap();
        }
        index.remove(id(1_000 + page * 10), 2);
    });
    let known = disturbed.into_iter().filter(|id| undisturbed.contains(id));
    assert_eq!(known.collect::<Vec<_>>(), undisturbed);
}

/// All hits for a word, three to a page, with something done between pages.
fn walk(index: &mut Index, mut between: impl FnMut(&mut Index, u64)) -> Vec<EventId> {
    let mut hits = Vec::new();
    let mut cursor: Option<String> = None;
    for number in 0.. {
        let page = index
            .search(&Query {
                cursor: cursor.as_deref(),
                limit: 3,
                ..query("concert")
            })
            .unwrap();
        hits.extend(page.hits.iter().map(|hit| hit.event_id));
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
        if number < 4 {
            between(index, number);
        }
    }
    hits
}

#[test]
fn an_index_of_what_is_gone_says_so() {
    let mut index = Index::new();
    for number in 0..120 {
        let texts: String = (0..900)
            .map(|n| format!("w{} ", number * 900 + n))
            .collect();
        let document = Document {
            description: Some(texts),
            ..named(number, "Lantern")
        };
        index.upsert(&document).unwrap();
    }
    assert!(!index.is_worth_rebuilding());
    for number in 0..110 {
        index.remove(id(number), 2);
    }
    assert!(index.is_worth_rebuilding());
    assert_eq!(total(&index, "lantern"), 10);
    fn is_shared<T: Send + Sync>(_: &T) {}
    is_shared(&index);
}

#[test]
fn what_is_over_and_what_is_sold_out_rank_last() {
    let mut index = Index::new();
    let lantern = |number, days: i64, availability| Document {
        first_show_ms: NOW_MS.saturating_add_signed(days * 86_400_000),
        last_show_ms: NOW_MS.saturating_add_signed(days * 86_400_000),
        availability,
        ..named(number, "Lantern")
    };
    use onsale_search::Availability::{Few, Many, None};
    for document in [
        lantern(1, -2, Many),
        lantern(2, 3, None),
        lantern(3, 200, Many),
        lantern(4, 2, Many),
        lantern(5, 2, Few),
    ] {
        index.upsert(&document).unwrap();
    }
    let page = index.search(&query("lantern")).unwrap();
    let ids: Vec<_> = page.hits.iter().map(|hit| hit.event_id).collect();
    assert_eq!(ids, [4, 5, 3, 2, 1].map(id));
}
