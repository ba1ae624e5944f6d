//! The log's disk fills up under a running server: commands get 503, nothing acknowledged is lost,
//! and the sale goes on once there is space again.

use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

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
    // The projection may have a hundred thousand records to catch up with: until then it says so.
    let deadline = Instant::now() + PATIENCE;
    for booking in acknowledged.iter().rev().take(200) {
        let path = format!("/bookings/{booking}");
        let (mut status, mut body) = server.get(&buyer, &path).await;
        while status == 503 && Instant::now() < deadline {
            (status, body) = server.get(&buyer, &path).await;
        }
        assert_eq!(
            status, 200,
            "acknowledged booking {booking} is lost: {body}"
        );
    }
}

/// Size of the disk that log and database share, in MiB.
const SHARED_DISK_MIB: u32 = 60;
/// What is freed of it, in MiB.
const FREED_MIB: usize = 26;
/// Far more than the projection needs to go on, even on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_projection_goes_on_once_a_full_disk_has_room_again() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let Some(_disk) = SmallDisk::mount(&data, SHARED_DISK_MIB) else {
        return;
    };
    let env = [
        ("ONSALE_LOG__SEGMENT_SIZE_MIB", "4"),
        ("ONSALE_TELEMETRY__FILTER", "warn"),
    ];
    let server = Server::start_with(&data, &env).await;
    let organizer = server.token("organizer", "00000000-0000-4000-8000-00000000aaaa");
    let zones = json!([{
        "name": "Floor", "price": { "amount": 100, "currency": "THB" },
        "admission": "general", "capacity": 1_000_000,
    }]);
    let show = server.open_show(&organizer, 0, 3_600, zones).await;
    let buyer = server.token("buyer", "00000000-0000-4000-8000-00000000bbbb");
    let body = json!({ "show_id": show, "quantity": 1 });
    let ballast = data.join("ballast");
    std::fs::write(&ballast, vec![0u8; FREED_MIB << 20]).unwrap();
    fill(&data.join("filler"));

    let (mut sent, mut sold) = (0, 0);
    while !names(&server, "the database does not take the projection").await {
        assert!(sent < REQUESTS_MAX, "the database never ran out of room");
        let batch = (0..PARALLEL).map(|_| server.post(&buyer, "/bookings/reserve", &body));
        for (status, answer) in futures::future::join_all(batch).await {
            sent += 1;
            assert!(matches!(status, 201 | 503), "{status}: {answer}");
            sold += u32::from(status == 201);
        }
    }
    std::fs::remove_file(&ballast).unwrap();
    let deadline = Instant::now() + PATIENCE;
    loop {
        let (status, answer) = server.get(&buyer, "/bookings").await;
        if status == 200 && !names(&server, "the database").await {
            break;
        }
        assert!(
            Instant::now() < deadline,
            "{status}: {answer}\n{}",
            server.log()
        );
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    // Also what is mastered in the database is written again.
    let zones = json!([{
        "name": "Floor", "price": { "amount": 100, "currency": "THB" },
        "admission": "general", "capacity": 10,
    }]);
    server.open_show(&organizer, 0, 3_600, zones).await;
    println!("{sold} sold around a full disk");
}

/// Takes all the room there is.
fn fill(path: &Path) {
    let mut file = std::fs::File::create(path).unwrap();
    for size in [1 << 20, 1 << 12] {
        while file.write_all(&vec![0u8; size]).is_ok() {}
    }
}

/// Whether readiness has a problem with these words.
async fn names(server: &Server, words: &str) -> bool {
    let url = server.url("/../../health/ready");
    let response = server.http.get(url).send().await.unwrap();
    let said: Value = response.json().await.unwrap();
    said["problems"].to_string().contains(words)
}
