//! What a page about an event says, who changes it, and what is deleted of the catalog.

mod places;
mod reads;

use onsale_schemas::Outcome;
use onsale_store::StoreError;
use onsale_store::audit::Unaudited;
use onsale_store::catalog::{
    CategoryRow, Deletion, DetailsChange, EventChange, EventDetails, EventEdit, EventRow,
    EventStatus, FORMER_SLUGS_MAX, FindableVenue, Quotas, ShowStatus, TenantScope,
};
use onsale_store::document::{Document, Versioned};

use crate::build::{Chain, event, event_id, id, show, show_id, with_show};
use crate::harness::{Bench, contract};

contract!(
    shows_that_were_removed_make_room_for_others,
    a_name_in_addresses_leads_to_one_event_of_its_tenant,
    drafts_of_others_do_not_hide_where_a_name_leads_to,
    names_before_lead_to_an_event_until_there_are_too_many,
    an_edit_is_of_one_version_and_touches_what_it_names,
    a_document_brings_back_what_a_page_says,
    what_is_on_sale_or_sold_is_not_deleted,
    a_deleted_event_is_found_by_nobody_who_looks,
    an_event_ends_with_its_last_show_and_begins_again_with_another,
    events_get_the_name_of_their_category,
    a_new_installation_has_categories_once,
);

fn named(number: u64, slug: &str) -> EventRow {
    EventRow {
        details: EventDetails {
            slug: Some(slug.to_owned()),
            ..EventDetails::default()
        },
        ..event(number)
    }
}

fn to_slug(slug: &str) -> EventEdit {
    EventEdit {
        details: DetailsChange {
            slug: Some(slug.to_owned()),
            ..DetailsChange::default()
        },
        ..EventEdit::default()
    }
}

async fn edit(bench: &Bench, number: u64, edit: &EventEdit) -> Result<EventRow, StoreError> {
    let edited = bench
        .store
        .edit_event(event_id(number), edit, Unaudited::Unattended)
        .await?;
    Ok(edited.unwrap().row)
}

async fn led_to(bench: &Bench, scope: TenantScope, slug: &str) -> Vec<u64> {
    let found = bench.store.events_by_slug(scope, None, slug).await.unwrap();
    let number = |row: EventRow| (1..99).find(|number| event_id(*number) == row.event_id);
    found.into_iter().filter_map(number).collect()
}

async fn a_name_in_addresses_leads_to_one_event_of_its_tenant(bench: Bench) {
    let store = &bench.store;
    store.add_event(&named(1, "opera")).await.unwrap();
    let refused = store.add_event(&named(2, "opera")).await;
    assert!(
        matches!(refused, Err(StoreError::Exists("slug"))),
        "{refused:?}"
    );
    assert!(store.event(event_id(2)).await.unwrap().is_none());
    let elsewhere = EventRow {
        tenant_id: id(2),
        ..named(3, "opera")
    };
    store.add_event(&elsewhere).await.unwrap();
    store.add_event(&named(2, "ballet")).await.unwrap();
    let own = TenantScope::One(id(1));
    assert_eq!(led_to(&bench, own, "opera").await, [1]);
    assert_eq!(led_to(&bench, TenantScope::One(id(2)), "opera").await, [3]);
    assert_eq!(led_to(&bench, TenantScope::All, "opera").await.len(), 2);
    assert!(led_to(&bench, own, "nothing").await.is_empty());
    // It goes on leading to the event that had it, and nobody else gets it.
    edit(&bench, 1, &to_slug("opera-ii")).await.unwrap();
    assert_eq!(led_to(&bench, own, "opera").await, [1]);
    assert_eq!(led_to(&bench, own, "opera-ii").await, [1]);
    let refused = edit(&bench, 2, &to_slug("opera")).await;
    assert!(
        matches!(refused, Err(StoreError::Exists("slug"))),
        "{refused:?}"
    );
    let kept = store.event(event_id(2)).await.unwrap().unwrap();
    assert_eq!(kept.details.slug.as_deref(), Some("ballet"));
    let back = edit(&bench, 1, &to_slug("opera")).await.unwrap();
    assert_eq!(back.details.former_slugs, ["opera-ii"]);
}

async fn drafts_of_others_do_not_hide_where_a_name_leads_to(bench: Bench) {
    let store = &bench.store;
    // Those of tenants with smaller ids come first.
    for number in 1..=4 {
        let draft = EventRow {
            tenant_id: id(number),
            status: EventStatus::Draft,
            ..named(number, "gala")
        };
        store.add_event(&draft).await.unwrap();
    }
    let published = EventRow {
        tenant_id: id(9),
        ..named(9, "gala")
    };
    store.add_event(&published).await.unwrap();
    assert_eq!(led_to(&bench, TenantScope::All, "gala").await, [9]);
    assert_eq!(led_to(&bench, TenantScope::One(id(2)), "gala").await, [2]);
    let own = store.events_by_slug(TenantScope::All, Some(id(3)), "gala");
    let found: Vec<_> = own.await.unwrap().iter().map(|row| row.event_id).collect();
    assert_eq!(found, [event_id(3), event_id(9)]);
}

async fn names_before_lead_to_an_event_until_there_are_too_many(bench: Bench) {
    let own = TenantScope::One(id(1));
    bench.store.add_event(&named(1, "night-0")).await.unwrap();
    for number in 1..=FORMER_SLUGS_MAX + 1 {
        let slug = format!("night-{number}");
        edit(&bench, 1, &to_slug(&slug)).await.unwrap();
    }
    assert!(led_to(&bench, own, "night-0").await.is_empty());
    assert_eq!(led_to(&bench, own, "night-1").await, [1]);
    // What was given up is another's to have.
    bench.store.add_event(&named(2, "night-0")).await.unwrap();
    assert_eq!(led_to(&bench, own, "night-0").await, [2]);
}

async fn an_edit_is_of_one_version_and_touches_what_it_names(bench: Bench) {
    let store = &bench.store;
    store.add_event(&event(1)).await.unwrap();
    let venue = crate::venues::venue(77);
    store
        .add_venue(&venue, Unaudited::Unattended)
        .await
        .unwrap();
    let before = store.versioned_event(event_id(1)).await.unwrap().unwrap();
    let wanted = EventEdit {
        requires_verified_account: Some(true),
        details: DetailsChange {
            performers: Some(vec!["Ada".to_owned(), "Bo".to_owned()]),
            venue_id: Some(Some(id(77))),
            time_zone: Some(Some("Europe/Zurich".to_owned())),
            ..DetailsChange::default()
        },
        expected_version: Some(before.version),
        ..EventEdit::default()
    };
    let after = store
        .edit_event(event_id(1), &wanted, Unaudited::Unattended)
        .await
        .unwrap()
        .unwrap();
    assert!(after.version > before.version);
    let expected = EventRow {
        requires_verified_account: true,
        details: EventDetails {
            performers: vec!["Ada".to_owned(), "Bo".to_owned()],
            venue_id: Some(id(77)),
            time_zone: Some("Europe/Zurich".to_owned()),
            known_venue: Some(FindableVenue {
                name: venue.venue.name.clone(),
                city: venue.venue.city.clone(),
            }),
            ..EventDetails::default()
        },
        ..event(1)
    };
    assert_eq!(after.row, expected);
    assert_eq!(store.event(event_id(1)).await.unwrap(), Some(expected));
    // Someone who has read the row before is refused, whatever it was.
    let refused = store
        .edit_event(event_id(1), &wanted, Unaudited::Unattended)
        .await;
    let found = after.version;
    assert!(
        matches!(refused, Err(StoreError::VersionChanged { found: now }) if now == found),
        "{refused:?}"
    );
    // What changes nothing is no version of its own.
    let same = EventEdit {
        expected_version: Some(found),
        ..wanted
    };
    let same = store
        .edit_event(event_id(1), &same, Unaudited::Unattended)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(same.version, found);
    let nobody = store
        .edit_event(event_id(9), &EventEdit::default(), Unaudited::Unattended)
        .await;
    assert!(nobody.unwrap().is_none());
}

async fn a_document_brings_back_what_a_page_says(bench: Bench) {
    let store = &bench.store;
    let row = EventRow {
        details: EventDetails {
            slug: Some("opera".to_owned()),
            former_slugs: vec!["oper".to_owned()],
            performers: vec!["Ada".to_owned()],
            venue_id: Some(id(77)),
            time_zone: Some("Asia/Bangkok".to_owned()),
            ..EventDetails::default()
        },
        ..event(1)
    };
    let document = Document {
        event: Versioned {
            version: 5,
            row: row.clone(),
        },
        show: None,
        as_of: None,
    };
    let read = Document::decode(&document.encode().unwrap()).unwrap();
    assert_eq!(read, document);
    // One of the same name is there already: it keeps it, and nothing is held up.
    store.add_event(&named(2, "oper")).await.unwrap();
    assert!(
        store
            .restore_document(&read, Unaudited::Unattended)
            .await
            .unwrap()
    );
    assert_eq!(store.event(event_id(1)).await.unwrap(), Some(row));
    let own = TenantScope::One(id(1));
    assert_eq!(led_to(&bench, own, "opera").await, [1]);
    assert_eq!(led_to(&bench, own, "oper").await, [2]);
    // As an earlier program wrote it.
    let mut old = serde_json::to_value(&document).unwrap();
    old["event"]["row"]
        .as_object_mut()
        .unwrap()
        .remove("details");
    let old: Document = serde_json::from_value(old).unwrap();
    assert_eq!(old.event.row.details, EventDetails::default());
}

async fn delete(bench: &Bench, number: u64) -> Deletion {
    bench
        .store
        .delete_event(event_id(number), 5, None, Unaudited::Unattended)
        .await
        .unwrap()
}

async fn remove(bench: &Bench, number: u64) -> Deletion {
    bench
        .store
        .remove_show(event_id(1), show_id(number), 5, Unaudited::Unattended)
        .await
        .unwrap()
}

async fn shows_that_were_removed_make_room_for_others(bench: Bench) {
    let store = &bench.store;
    with_show(store).await;
    let quotas = Quotas {
        shows_per_event_max: 1,
        ..Quotas::UNLIMITED
    };
    for number in 2..=5 {
        let one = show(number, 1);
        let refused = store.add_show_within(&one, &quotas, Unaudited::Unattended);
        let refused = refused.await.unwrap_err();
        assert!(matches!(refused, StoreError::Quota { .. }), "{refused}");
        let last = show_id(number - 1);
        let cancelled = store.set_show_status(last, ShowStatus::Cancelled, Unaudited::Unattended);
        assert!(cancelled.await.unwrap());
        assert_eq!(remove(&bench, number - 1).await, Deletion::Done);
        let added = store.add_show_within(&one, &quotas, Unaudited::Unattended);
        let added = added.await;
        // Three times as many as there may be; their rows stay.
        assert_eq!(added.is_ok(), number < 5, "{number}: {added:?}");
    }
}

async fn what_is_on_sale_or_sold_is_not_deleted(bench: Bench) {
    let store = &bench.store;
    with_show(store).await;
    store.add_show(&show(2, 1)).await.unwrap();
    for number in 1..=2 {
        let opened =
            store.set_show_status(show_id(number), ShowStatus::Open, Unaudited::Unattended);
        assert!(opened.await.unwrap());
    }
    assert_eq!(delete(&bench, 1).await, Deletion::OnSale);
    assert_eq!(remove(&bench, 1).await, Deletion::OnSale);
    let mut chain = Chain::default();
    let sold = chain.reserve(1, 1, &[1]);
    chain.confirm(1, 1, sold, &[1]);
    chain.reserve(2, 1, &[1]);
    for number in 1..=2 {
        chain.push(Outcome::ShowCancelled {
            show: show_id(number),
        });
    }
    store.project(&chain.all()).await.unwrap();
    for number in 1..=2 {
        let row = store.show(show_id(number)).await.unwrap().unwrap();
        assert_eq!(row.status, ShowStatus::Cancelled);
    }
    // Paid for, although it was cancelled.
    assert_eq!(remove(&bench, 1).await, Deletion::Sold);
    assert_eq!(delete(&bench, 1).await, Deletion::Sold);
    // Held and never paid for.
    assert_eq!(remove(&bench, 2).await, Deletion::Done);
    assert_eq!(remove(&bench, 2).await, Deletion::Missing);
    assert!(store.is_show_removed(show_id(2)).await.unwrap());
    assert!(!store.is_show_removed(show_id(1)).await.unwrap());
    let listed = store.list_shows(event_id(1), 1, 9).await.unwrap();
    assert_eq!((listed.rows.len(), listed.total), (1, 1));
    // The log knows of it, and so does the catalog.
    assert!(store.has_show(show_id(2)).await.unwrap());
    assert_eq!(remove(&bench, 9).await, Deletion::Missing);
}

async fn a_deleted_event_is_found_by_nobody_who_looks(bench: Bench) {
    let store = &bench.store;
    store.add_event(&named(1, "opera")).await.unwrap();
    store.add_event(&event(2)).await.unwrap();
    let wrong = store
        .delete_event(event_id(1), 5, Some(99), Unaudited::Unattended)
        .await;
    assert!(
        matches!(wrong, Err(StoreError::VersionChanged { .. })),
        "{wrong:?}"
    );
    assert_eq!(delete(&bench, 1).await, Deletion::Done);
    assert_eq!(delete(&bench, 1).await, Deletion::Missing);
    let row = store.event(event_id(1)).await.unwrap().unwrap();
    assert!(row.is_deleted());
    assert_eq!(row.status, EventStatus::Draft, "for programs of before");
    let all = onsale_store::catalog::EventFilter {
        unpublished: true,
        ..onsale_store::catalog::EventFilter::default()
    };
    let listed = store.events(&all, 1, 9).await.unwrap();
    let ids: Vec<_> = listed.rows.iter().map(|row| row.event_id).collect();
    assert_eq!(ids, [event_id(2)]);
    assert!(led_to(&bench, TenantScope::All, "opera").await.is_empty());
    let edited = store
        .edit_event(event_id(1), &to_slug("x"), Unaudited::Unattended)
        .await;
    assert!(edited.unwrap().is_none());
    let refused = store.add_show(&show(1, 1)).await;
    assert!(
        matches!(refused, Err(StoreError::NotPublished)),
        "{refused:?}"
    );
    // Its name stays its own.
    let refused = store.add_event(&named(3, "opera")).await;
    assert!(
        matches!(refused, Err(StoreError::Exists("slug"))),
        "{refused:?}"
    );
    // What the log keeps of it says so too.
    let version = store.versioned_event(event_id(1)).await.unwrap().unwrap();
    let document = Document {
        event: version,
        show: None,
        as_of: None,
    };
    let read = Document::decode(&document.encode().unwrap()).unwrap();
    assert!(read.event.row.is_deleted());
}

async fn an_event_ends_with_its_last_show_and_begins_again_with_another(bench: Bench) {
    let store = &bench.store;
    with_show(store).await;
    let at = event(1).starts_at_ms;
    let is_ended = async || {
        let row = store.event(event_id(1)).await.unwrap().unwrap();
        row.is_ended()
    };
    let version = async || {
        let found = store.versioned_event(event_id(1)).await.unwrap();
        found.unwrap().version
    };
    let before = version().await;
    assert_eq!(store.note_ended_events(9, at).await.unwrap(), 0);
    assert!(!is_ended().await);
    assert_eq!(store.note_ended_events(9, at + 1).await.unwrap(), 1);
    assert_eq!(store.note_ended_events(9, at + 1).await.unwrap(), 0);
    assert!(is_ended().await);
    // It follows from the rest, so it is no version of the row.
    assert_eq!(version().await, before);
    // Another show.
    let later = onsale_store::catalog::ShowRow {
        starts_at_ms: at + 100,
        ..show(2, 1)
    };
    store.add_show(&later).await.unwrap();
    assert!(!is_ended().await);
    assert_eq!(store.note_ended_events(9, at + 50).await.unwrap(), 0);
    // One that is cancelled is none.
    let cancelled = store.set_show_status(show_id(2), ShowStatus::Cancelled, Unaudited::Unattended);
    assert!(cancelled.await.unwrap());
    assert_eq!(store.note_ended_events(9, at + 50).await.unwrap(), 1);
    assert!(is_ended().await);
    // And it is moved.
    let moved = EventChange {
        name: "Event 1".to_owned(),
        description: None,
        venue: None,
        city: None,
        category: None,
        starts_at_ms: at + 60,
        minimum_age: None,
        publish: false,
    };
    let moved = EventEdit {
        change: Some(moved),
        ..EventEdit::default()
    };
    edit(&bench, 1, &moved).await.unwrap();
    assert!(!is_ended().await);
    assert_eq!(store.note_ended_events(9, at + 50).await.unwrap(), 0);
}

async fn events_get_the_name_of_their_category(bench: Bench) {
    let store = &bench.store;
    let of = |number: u64, category: &str| EventRow {
        category: Some(category.to_owned()),
        ..event(number)
    };
    for (number, category) in [(1, "CONCERT"), (2, "คอนเสิร์ต"), (3, "sport")] {
        store.add_event(&of(number, category)).await.unwrap();
    }
    let row = CategoryRow {
        category_id: id(50),
        slug: "concert".to_owned(),
        name: "Concert".to_owned(),
        aliases: vec!["คอนเสิร์ต".to_owned()],
        place: 1,
        created_at_ms: 1,
    };
    store
        .add_category(&row, Unaudited::Unattended)
        .await
        .unwrap();
    assert_eq!(
        store.categories().await.unwrap(),
        std::slice::from_ref(&row)
    );
    let categories = async || {
        let mut names = Vec::new();
        for number in 1..=3 {
            let row = store.event(event_id(number)).await.unwrap().unwrap();
            names.push(row.category.unwrap());
        }
        names
    };
    assert_eq!(categories().await, ["Concert", "Concert", "sport"]);
    let called = store.category_called(" concert ").await.unwrap();
    assert_eq!(called.as_deref(), Some("Concert"));
    assert_eq!(store.category_called("sport").await.unwrap(), None);
    let names = store.category_names().await.unwrap();
    for (text, name) in [
        (" CONCERT ", Some("Concert")),
        ("คอนเสิร์ต", Some("Concert")),
        ("sport", None),
    ] {
        assert_eq!(names.called(text), name, "{text}");
    }
    // Of two, each name is one's.
    let other = CategoryRow {
        category_id: id(51),
        slug: "sport".to_owned(),
        name: "Concert".to_owned(),
        ..row.clone()
    };
    let refused = store.add_category(&other, Unaudited::Unattended).await;
    assert!(
        matches!(refused, Err(StoreError::Exists("category"))),
        "{refused:?}"
    );
    assert_eq!(store.categories().await.unwrap().len(), 1);
    // Renamed, it is still taken for what it was.
    let renamed = CategoryRow {
        name: "Music".to_owned(),
        ..row.clone()
    };
    let replaced = store.replace_category(&renamed, Unaudited::Unattended);
    assert!(replaced.await.unwrap());
    assert_eq!(categories().await, ["Music", "Music", "sport"]);
    let called = store.category_called("Concert").await.unwrap();
    assert_eq!(called.as_deref(), Some("Music"));
    let names = store.category_names().await.unwrap();
    for text in ["Concert", "music", "คอนเสิร์ต"] {
        assert_eq!(names.called(text), Some("Music"), "{text}");
    }
    // Removed, its events keep its name.
    let removed = store.remove_category(id(50), Unaudited::Unattended);
    assert!(removed.await.unwrap());
    assert_eq!(categories().await, ["Music", "Music", "sport"]);
    assert_eq!(store.category_called("music").await.unwrap(), None);
    let again = store.remove_category(id(50), Unaudited::Unattended);
    assert!(!again.await.unwrap());
    let replaced = store.replace_category(&row, Unaudited::Unattended);
    assert!(!replaced.await.unwrap());
    // Those to begin with are for an installation that is new.
    assert!(!store.add_first_categories(&[row]).await.unwrap());
    assert!(store.categories().await.unwrap().is_empty());
}

async fn a_new_installation_has_categories_once(bench: Bench) {
    let store = &bench.store;
    let rows: Vec<CategoryRow> = (0..3)
        .map(|number| CategoryRow {
            category_id: id(60 + u64::from(number)),
            slug: format!("kind-{number}"),
            name: format!("Kind {number}"),
            aliases: vec![format!("ชนิด {number}")],
            place: number,
            created_at_ms: 1,
        })
        .collect();
    assert!(store.add_first_categories(&rows).await.unwrap());
    assert_eq!(store.categories().await.unwrap(), rows);
    // Not beside others, however few are left.
    let removed = store.remove_category(id(60), Unaudited::Unattended);
    assert!(removed.await.unwrap());
    assert!(!store.add_first_categories(&rows).await.unwrap());
    assert_eq!(store.categories().await.unwrap(), rows[1..]);
    let called = store.category_called("ชนิด 2").await.unwrap();
    assert_eq!(called.as_deref(), Some("Kind 2"));
}
