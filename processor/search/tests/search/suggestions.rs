//! Completions.

use onsale_search::{Document, Index, SuggestionKind};

use crate::support::{index, named};

#[test]
fn the_best_completion_comes_first() {
    let index = index();
    for (typed, first, kind) in [
        ("ham", "Hamlet", SuggestionKind::Event),
        ("hamlte", "Hamlet", SuggestionKind::Event),
        ("amber k", "The Amber Kites", SuggestionKind::Performer),
        ("ambre kit", "The Amber Kites", SuggestionKind::Performer),
        ("lond", "London", SuggestionKind::City),
        ("londno", "London", SuggestionKind::City),
        ("marlow ar", "Marlow Arena", SuggestionKind::Venue),
        ("zuri", "Zürich", SuggestionKind::City),
        ("เชียง", "เชียงใหม่", SuggestionKind::City),
        ("วงฟ้าคำ", "วงฟ้าคำราม", SuggestionKind::Performer),
        ("ฟาคำราม", "วงฟ้าคำราม", SuggestionKind::Performer),
        ("東", "東京", SuggestionKind::City),
        ("한빛", "한빛 돔", SuggestionKind::Venue),
    ] {
        let suggestions = index.suggest(typed, 5).unwrap();
        let got = suggestions.first().map(|one| (one.text.as_str(), one.kind));
        assert_eq!(got, Some((first, kind)), "{typed}: {suggestions:?}");
    }
}

#[test]
fn nothing_is_suggested_twice_or_from_nothing() {
    let index = index();
    for typed in ["", " ", "-", "!?"] {
        assert_eq!(index.suggest(typed, 5), Ok(Vec::new()));
    }
    let suggestions = index.suggest("paper foxes", 20).unwrap();
    let same = suggestions.iter().filter(|one| one.text == "Paper Foxes");
    assert_eq!(same.count(), 1, "{suggestions:?}");
}

#[test]
fn it_says_how_many_events_have_it() {
    let mut index = Index::new();
    let in_city = |number, city: &str| Document {
        city: Some(city.to_owned()),
        ..named(number, &format!("Event {number}"))
    };
    for (number, city) in [(1, "Riverton"), (2, "RIVERTON "), (3, "Rivérton")] {
        index.upsert(&in_city(number, city)).unwrap();
    }
    let suggestions = index.suggest("river", 5).unwrap();
    assert_eq!(suggestions.len(), 1);
    assert_eq!(suggestions[0].events, 3);
    assert_eq!(suggestions[0].text, "Riverton");
}
