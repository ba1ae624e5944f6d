//! The log's disk fills up under a running server: commands get 503, nothing acknowledged is lost,
//! and the sale goes on once there is space again.

use serde_json::json;

use crate::small_disk::SmallDisk;
use crate::support::Server;

/// Size of the small disk, in MiB: a few of the smallest segments.
const DISK_MIB: u32 = 28;
/// More requests than the small disk can hold.
const REQUESTS_MAX: u32 = 200_000;
/// Requests in flight at once.
const PARALLEL: u32 = 64;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_is_answered_with_503_and_the_sale_goes_on_after() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let Some(_disk) = SmallDisk::mount(&data, DISK_MIB) else {
        return;
    };
    let database = format!("sqlite://{}", folder.path().join("onsale.sqlite").display());
    let env = [
        ("ONSALE_DATABASE__URL", database.as_str()),
        ("ONSALE_LOG__SEGMENT_SIZE_MIB", "4"),
        ("ONSALE_TELEMETRY__FILTER", "warn"),
    ];
    let mut server = Server::start_with(&data, &env).await;
    let organizer = server.token("organizer", "00000000-0000-4000-8000-00000000aaaa");
    let zones = json!([{
        "name": "Floor", "price": { "amount": 100, "currency": "THB" },
        "admission": "general", "capacity": 1_000_000,
    }]);
    let show = server.open_show(&organizer, 0, 3_600, zones).await;
    let buyer = server.token("buyer", "00000000-0000-4000-8000-00000000bbbb");
    let ballast = data.join("ballast");
    std::fs::write(&ballast, vec![0u8; 12 << 20]).unwrap();

    let body = json!({ "show_id": show, "quantity": 1 });
    let mut acknowledged = Vec::new();
    // The last small batches may still fit where a larger one did not: full is when none does.
    let mut refused = 0u32;
    let mut sent = 0u32;
    while refused < PARALLEL && sent < REQUESTS_MAX {
        refused = 0;
        let batch = (0..PARALLEL).map(|_| server.post(&buyer, "/bookings/reserve", &body));
        for (status, answer) in futures::future::join_all(batch).await {
            sent += 1;
            match status {
                201 => acknowledged.push(answer["data"]["booking_id"].as_str().unwrap().to_owned()),
                503 => refused += 1,
                other => panic!("{other}: {answer}"),
            }
        }
    }
    println!(
        "{} acknowledged before the disk was full",
        acknowledged.len()
    );
    assert_eq!(refused, PARALLEL, "the disk never filled up");
    assert!(!acknowledged.is_empty());
    let response = server
        .http
        .get(server.url("/../../health/ready"))
        .send()
        .await
        .unwrap();
    assert_eq!(
        response.status(),
        503,
        "readiness says that the disk is full"
    );

    std::fs::remove_file(&ballast).unwrap();
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
    loop {
        let (status, answer) = server.post(&buyer, "/bookings/reserve", &body).await;
        if status == 201 {
            acknowledged.push(answer["data"]["booking_id"].as_str().unwrap().to_owned());
            break;
        }
        assert_eq!(status, 503, "{answer}");
        assert!(
            std::time::Instant::now() < deadline,
            "still refused 30 s after there is space"
        );
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }

    server.kill_and_restart().await;
    let (_, zones) = server.get("", &format!("/shows/{show}/zones")).await;
    let held = zones["data"][0]["held_seats"].as_u64().unwrap();
    assert_eq!(
        held,
        acknowledged.len() as u64,
        "held is just what was acknowledged"
    );
    for booking in acknowledged.iter().rev().take(200) {
        let (status, body) = server.get(&buyer, &format!("/bookings/{booking}")).await;
        assert_eq!(
            status, 200,
            "acknowledged booking {booking} is lost: {body}"
        );
    }
}
