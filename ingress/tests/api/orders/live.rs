//! What readers of live availability see of an order.

use std::time::Duration;

use super::*;

/// Longer than anything takes that is not broken.
const DEADLINE: Duration = Duration::from_secs(20);

/// The places that each zone has free, and the seats that are not.
async fn seen(world: &World) -> (Vec<u64>, Vec<Value>) {
    let path = format!("/api/v1/shows/{OFFERED}/availability");
    let data = world.get(&path).send().await.data(200);
    let free = data["zones"].as_array().unwrap().iter();
    let free = free.map(|zone| zone["available_seats"].as_u64().unwrap());
    let unavailable = data["unavailable"].as_array().unwrap().clone();
    (free.collect(), unavailable)
}

/// Waits until readers see this.
async fn wait_for(world: &World, free: [u64; 3], unavailable: usize) {
    let shown = async {
        loop {
            let (now, seats) = seen(world).await;
            if now == free && seats.len() == unavailable {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let shown = tokio::time::timeout(DEADLINE, shown).await;
    assert!(shown.is_ok(), "{:?}", seen(world).await);
}

#[tokio::test]
async fn an_order_changes_all_its_zones_and_gives_them_back() {
    let world = world().await;
    // The view is there before.
    assert_eq!(seen(&world).await, (vec![16, 10, 8], Vec::new()));
    let items = json!([
        {"zone_id": PIT, "seats": ["A-1", "A-2"]},
        {"zone_id": STANDING, "quantity": 3},
    ]);
    let held = order(&world, items, no_more()).await.data(201);
    wait_for(&world, [14, 7, 8], 2).await;
    let path = format!("/api/v1/bookings/{}/cancel", booking_of(&held));
    let cancelled = world.post(&path).by_role("buyer").send().await.data(200);
    assert_eq!(cancelled["was_confirmed"], false);
    wait_for(&world, [16, 10, 8], 0).await;
}
