//! Logos that nobody has any more.

use bytes::Bytes;
use onsale_store::account::TenantRow;
use onsale_store::audit::Unaudited;
use onsale_store::branding::{Logo, logo_name};
use onsale_store::job::JobState;
use onsale_uploads::{Uploads, UploadsConfig};
use uuid::Uuid;

use super::Queue;

#[tokio::test]
async fn a_logo_that_no_tenant_has_is_deleted_and_one_in_use_stays() {
    let queue = Queue::new().await;
    let place = queue.folder.path().join("uploads");
    let config = UploadsConfig {
        location: Some(place.display().to_string()),
        ..UploadsConfig::default()
    };
    let uploads = Uploads::new(&config).unwrap().unwrap();
    let logo = |number: u128| Logo {
        logo_id: Uuid::from_u128(number),
        width: 1,
        height: 1,
    };
    let name = |number: u128| logo_name(logo(number).logo_id);
    let by = Unaudited::Unattended;
    let tenant = TenantRow {
        tenant_id: Uuid::from_u128(7),
        slug: "opera".to_owned(),
        name: "Opera".to_owned(),
        created_at_ms: 1,
        closed_at_ms: None,
    };
    queue.store.add_tenant(&tenant, None, by).await.unwrap();
    // One that never became a logo, one that another took the place of, and that other.
    for number in 1..=3 {
        let logo_id = logo(number).logo_id;
        queue.store.announce_logo(logo_id).await.unwrap();
        let put = uploads.put(&name(number), Bytes::from_static(b"png")).await;
        put.unwrap();
    }
    for number in 2..=3 {
        let set = queue
            .store
            .set_logo(tenant.tenant_id, Some(logo(number)), 1, by);
        assert!(set.await.unwrap().is_some());
    }
    // A sweep that comes twice, as after the death of a worker, finds nothing and is content.
    queue.store.announce_logo(Uuid::from_u128(9)).await.unwrap();
    let is_there = async |number| uploads.get(&name(number)).await.unwrap().is_some();
    assert!(is_there(1).await && is_there(2).await && is_there(3).await);
    queue
        .tamper("UPDATE jobs SET due_at_ms = created_at_ms")
        .await;
    let kind = onsale_jobs::uploads::kind(&queue.store, uploads.clone());
    let worker = queue.start_as("w1", vec![kind], Vec::new());
    queue.until(|job| job.state == JobState::Done).await;
    worker.stop().await;
    assert_eq!(queue.jobs().await.len(), 5);
    assert!(
        !is_there(1).await && !is_there(2).await,
        "nothing refers to them"
    );
    assert!(is_there(3).await);
}
