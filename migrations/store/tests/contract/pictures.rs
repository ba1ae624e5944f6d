//! Pictures of events, and the files of those that no event has any more.

use onsale_store::audit::Unaudited;
use onsale_store::catalog::{
    Deletion, EventDetails, EventPicture, EventRow, EventStatus, PICTURE_SWEEP_KIND, PictureFiles,
    PictureFormat,
};
use onsale_store::document::{Document, Versioned};
use onsale_store::job::{JobFilter, JobState};
use onsale_store::{Scope, Store, StoreError};
use uuid::Uuid;

use crate::build::{event, event_id, id};
use crate::harness::{Bench, contract, on_postgres};

contract!(
    an_event_has_one_picture_and_the_one_before_is_looked_at_again,
    a_document_brings_a_picture_back_and_takes_it_away,
    an_event_that_is_deleted_has_no_picture,
);

/// A picture of that id.
pub(crate) fn picture_of(picture_id: Uuid) -> EventPicture {
    EventPicture {
        files: PictureFiles {
            picture_id,
            format: PictureFormat::Jpeg,
            widths: vec![320, 640],
        },
        height: 480,
        alt: Some("The \"hall\" of Zürich".to_owned()),
    }
}

fn picture(number: u64) -> EventPicture {
    picture_of(id(0x8000 + number))
}

fn by() -> Unaudited {
    Unaudited::Unattended
}

async fn set(store: &Store, picture: Option<EventPicture>) -> Versioned<EventRow> {
    let set = store.set_picture(event_id(1), picture, None, by()).await;
    set.unwrap().unwrap()
}

/// Which pictures are looked at later, and why.
async fn looks(store: &Store) -> Vec<String> {
    let filter = JobFilter {
        kind: Some(PICTURE_SWEEP_KIND.to_owned()),
        limit: 9,
        ..JobFilter::default()
    };
    let jobs = store.jobs(&filter).await.unwrap();
    assert!(jobs.iter().all(|job| job.state == JobState::Waiting));
    let mut keys: Vec<String> = jobs.into_iter().map(|job| job.key).collect();
    keys.sort_unstable();
    keys
}

async fn an_event_has_one_picture_and_the_one_before_is_looked_at_again(bench: Bench) {
    let store = &bench.store;
    store.add_event(&event(1)).await.unwrap();
    let (first, second) = (picture(1), picture(2));
    let (first_id, second_id) = (first.files.picture_id, second.files.picture_id);
    store.announce_picture(&first.files).await.unwrap();
    assert_eq!(store.picture(first_id).await.unwrap(), None);
    let before = store.versioned_event(event_id(1)).await.unwrap().unwrap();
    let with_first = set(store, Some(first.clone())).await;
    assert!(
        with_first.version > before.version,
        "its document is another"
    );
    assert_eq!(with_first.row.details.picture, Some(first.clone()));
    let read = store.versioned_event(event_id(1)).await.unwrap();
    assert_eq!(read, Some(with_first.clone()));
    assert_eq!(
        store.picture(first_id).await.unwrap(),
        Some((event_id(1), first.files.clone()))
    );
    // The same once more is no change.
    let same = set(store, Some(first.clone())).await;
    assert_eq!(same.version, with_first.version);
    assert!(store.forget_picture(first_id).await.unwrap(), "it has it");

    assert!(set(store, Some(second.clone())).await.version > with_first.version);
    // Until its files are deleted it is found.
    assert!(store.picture(first_id).await.unwrap().is_some());
    assert!(!store.forget_picture(first_id).await.unwrap());
    assert_eq!(store.picture(first_id).await.unwrap(), None);
    assert!(!store.forget_picture(first_id).await.unwrap());
    assert!(store.forget_picture(second_id).await.unwrap());
    assert!(store.picture(second_id).await.unwrap().is_some());
    assert_eq!(set(store, None).await.row, event(1));
    assert!(!store.forget_picture(second_id).await.unwrap());
    let present = store.versioned_event(event_id(1)).await.unwrap();
    let present = present.unwrap().version;
    let late = store.set_picture(event_id(1), Some(picture(3)), Some(present - 1), by());
    assert!(matches!(late.await, Err(StoreError::VersionChanged { found }) if found == present));
    let in_time = store.set_picture(event_id(1), None, Some(present), by());
    assert_eq!(in_time.await.unwrap().unwrap().version, present);
    let nobody = store.set_picture(event_id(9), Some(picture(3)), None, by());
    assert_eq!(nobody.await.unwrap(), None);

    let expected = [
        format!("{first_id} announced"),
        format!("{first_id} replaced"),
        format!("{second_id} replaced"),
    ];
    assert_eq!(looks(store).await, expected);
}

async fn a_document_brings_a_picture_back_and_takes_it_away(bench: Bench) {
    let store = &bench.store;
    let of = |version, picture| Document {
        event: Versioned {
            version,
            row: EventRow {
                details: EventDetails {
                    picture,
                    ..EventDetails::default()
                },
                ..event(1)
            },
        },
        show: None,
        as_of: None,
    };
    let (first, second) = (picture(1), picture(2));
    for (version, picture) in [(5, Some(&first)), (6, Some(&second)), (7, None)] {
        let document = of(version, picture.cloned());
        let read = Document::decode(&document.encode().unwrap()).unwrap();
        assert_eq!(read, document);
        assert!(store.restore_document(&read, by()).await.unwrap());
        let row = store.event(event_id(1)).await.unwrap().unwrap();
        assert_eq!(row.details.picture.as_ref(), picture, "{version}");
        if let Some(picture) = picture {
            let found = store.picture(picture.files.picture_id).await.unwrap();
            assert_eq!(found, Some((event_id(1), picture.files.clone())));
        }
    }
    // An older one changes nothing.
    let old = of(6, Some(second.clone()));
    assert!(!store.restore_document(&old, by()).await.unwrap());
    let row = store.event(event_id(1)).await.unwrap().unwrap();
    assert_eq!(row.details.picture, None);
    for picture in [first, second] {
        let id = picture.files.picture_id;
        assert!(!store.forget_picture(id).await.unwrap());
    }
}

async fn an_event_that_is_deleted_has_no_picture(bench: Bench) {
    let store = &bench.store;
    let draft = EventRow {
        status: EventStatus::Draft,
        ..event(1)
    };
    store.add_event(&draft).await.unwrap();
    let picture = picture(1);
    let id = picture.files.picture_id;
    set(store, Some(picture)).await;
    let deleted = store.delete_event(event_id(1), 5, None, by()).await;
    assert_eq!(deleted.unwrap(), Deletion::Done);
    let row = store.event(event_id(1)).await.unwrap().unwrap();
    assert_eq!(row.details.picture, None);
    assert_eq!(looks(store).await, [format!("{id} replaced")]);
    assert!(!store.forget_picture(id).await.unwrap());
    let late = store.set_picture(event_id(1), Some(self::picture(2)), None, by());
    assert_eq!(late.await.unwrap(), None);
}

#[tokio::test]
async fn another_tenant_sees_no_picture_of_a_draft_and_changes_none() {
    on_postgres(|bench| async move {
        let draft = EventRow {
            status: EventStatus::Draft,
            ..event(1)
        };
        bench.store.add_event(&draft).await.unwrap();
        let picture = picture(1);
        let picture_id = picture.files.picture_id;
        let own = bench.store.within(Scope::Caller {
            tenant: Some(id(1)),
            user: Some(id(9)),
        });
        let elsewhere = bench.store.within(Scope::Caller {
            tenant: Some(id(51)),
            user: Some(id(9)),
        });
        set(&own, Some(picture)).await;
        assert!(own.picture(picture_id).await.unwrap().is_some());
        for others in [&elsewhere, &bench.store.within(Scope::PUBLIC)] {
            assert_eq!(others.picture(picture_id).await.unwrap(), None);
        }
        let published = EventRow {
            status: EventStatus::Published,
            details: EventDetails {
                picture: Some(self::picture(1)),
                ..EventDetails::default()
            },
            ..event(1)
        };
        assert!(bench.store.update_event(&published, by()).await.unwrap());
        for others in [&elsewhere, &bench.store.within(Scope::PUBLIC)] {
            assert!(others.picture(picture_id).await.unwrap().is_some());
        }
        let taken = elsewhere.set_picture(event_id(1), None, None, by()).await;
        assert_eq!(taken.unwrap(), None);
        let row = bench.store.event(event_id(1)).await.unwrap();
        assert_eq!(row, Some(published));
    })
    .await;
}
