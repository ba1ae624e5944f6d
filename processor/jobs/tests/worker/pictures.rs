//! Pictures that no event has any more.

use bytes::Bytes;
use onsale_schemas::{EventId, UserId};
use onsale_store::audit::Unaudited;
use onsale_store::catalog::{
    EventDetails, EventPicture, EventRow, EventStatus, PictureFiles, PictureFormat, Quotas,
};
use onsale_store::job::JobState;
use onsale_uploads::{Uploads, UploadsConfig};
use uuid::Uuid;

use super::Queue;

const EVENT: EventId = EventId::from_bytes([0xe0; 16]);

fn picture(number: u128) -> EventPicture {
    EventPicture {
        files: PictureFiles {
            picture_id: Uuid::from_u128(number),
            format: PictureFormat::Png,
            widths: vec![320, 640, 700],
        },
        height: 100,
        alt: None,
    }
}

fn event() -> EventRow {
    EventRow {
        event_id: EVENT,
        tenant_id: Uuid::from_u128(7),
        organizer_id: UserId::from_bytes([1; 16]),
        name: "Opera".to_owned(),
        description: None,
        venue: None,
        city: None,
        category: None,
        starts_at_ms: 1_800_000_000_000,
        max_tickets_per_user: 4,
        minimum_age: None,
        requires_verified_account: false,
        status: EventStatus::Published,
        created_at_ms: 1,
        details: EventDetails::default(),
    }
}

#[tokio::test]
async fn a_picture_that_no_event_has_is_deleted_in_all_its_widths_and_one_in_use_stays() {
    let queue = Queue::new().await;
    let place = queue.folder.path().join("uploads");
    let config = UploadsConfig {
        location: Some(place.display().to_string()),
        ..UploadsConfig::default()
    };
    let uploads = Uploads::new(&config).unwrap().unwrap();
    let (store, by) = (&queue.store, Unaudited::Unattended);
    let row = event();
    let added = store.add_event_within(&row, &Quotas::UNLIMITED, by);
    added.await.unwrap();
    // One that never became a picture, one that another took the place of, and that other.
    for number in 1..=3 {
        let files = picture(number).files;
        store.announce_picture(&files).await.unwrap();
        for name in files.names() {
            let put = uploads.put(&name, Bytes::from_static(b"png")).await;
            put.unwrap();
        }
    }
    for number in 2..=3 {
        let set = store.set_picture(EVENT, Some(picture(number)), None, by);
        assert!(set.await.unwrap().is_some());
    }
    // A sweep that comes twice, as after the death of a worker, finds nothing and is content.
    store.announce_picture(&picture(9).files).await.unwrap();
    let left = async |number: u128| {
        let mut left = 0;
        for name in picture(number).files.names() {
            left += usize::from(uploads.get(&name).await.unwrap().is_some());
        }
        left
    };
    assert_eq!((left(1).await, left(2).await, left(3).await), (3, 3, 3));
    queue
        .tamper("UPDATE jobs SET due_at_ms = created_at_ms")
        .await;
    let kind = onsale_jobs::pictures::kind(store, uploads.clone());
    let worker = queue.start_as("w1", vec![kind], Vec::new());
    queue.until(|job| job.state == JobState::Done).await;
    worker.stop().await;
    assert_eq!(queue.jobs().await.len(), 5);
    assert_eq!((left(1).await, left(2).await, left(3).await), (0, 0, 3));
    let gone = store.picture(picture(2).files.picture_id).await;
    assert_eq!(gone.unwrap(), None);
    let kept = store.picture(picture(3).files.picture_id).await;
    assert!(kept.unwrap().is_some());
}
