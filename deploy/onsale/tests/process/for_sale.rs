//! What a show has for sale, from its offer to a returned place, on the real binary: buyers order over two zones with
//! ticket types and a code while the process is killed again and again. What was answered stands, at the price that
//! was answered; no seat is sold twice, and neither the price phase nor the code gives more than it has.

mod buyer;
mod check;
mod house;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use onsale_load::Random;

use self::buyer::Buyer;
use self::house::House;

const KILLS: u32 = 6;
const BUYERS: u32 = 16;
/// Far more than an answer, a projection or the index of the search takes even on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn orders_stand_as_they_were_answered_whenever_the_process_is_killed() {
    let seed: u64 =
        std::env::var("ONSALE_TEST_SEED").map_or(20_261_130, |text| text.parse().unwrap());
    println!("ONSALE_TEST_SEED={seed}");
    let mut house = House::open().await;
    let mut guest = Buyer::new(&house, BUYERS, seed, Arc::default());
    check::quote_is_what_it_costs(&house, &mut guest, true).await;

    let (stop, repeated) = (
        Arc::new(AtomicBool::new(false)),
        Arc::<AtomicU64>::default(),
    );
    let buyers: Vec<_> = (0..BUYERS)
        .map(|name| {
            let mut buyer = Buyer::new(&house, name, seed, Arc::clone(&repeated));
            let stop = Arc::clone(&stop);
            tokio::spawn(async move {
                while !stop.load(Ordering::Relaxed) {
                    buyer.step().await;
                }
                buyer
            })
        })
        .collect();
    let mut moments = Random::new(seed ^ 0x6b69_6c6c);
    for _ in 0..KILLS {
        tokio::time::sleep(Duration::from_millis(200 + moments.below(800))).await;
        house.server.kill_and_restart().await;
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    stop.store(true, Ordering::Relaxed);
    let mut all = Vec::new();
    for buyer in buyers {
        all.push(buyer.await.unwrap());
    }
    let orders: usize = all.iter().map(|buyer| buyer.orders.len()).sum();
    let returned: u64 = all.iter().map(|buyer| buyer.returned).sum();
    println!("{orders} orders, {returned} places returned");
    assert!(
        orders > 50 && returned > 5,
        "too little load to mean anything: {orders} orders, {returned} returns"
    );
    assert!(
        repeated.load(Ordering::Relaxed) > 0,
        "no kill ever hit a request"
    );
    all.push(guest);

    check::no_more_than_there_is(&all);
    check::used_up(&house, all.last_mut().unwrap()).await;
    check::exactly_what_there_is(&all);
    check::as_it_was_answered(&house, &all).await;

    // And once more from the log alone.
    house.server.kill_and_restart().await;
    for buyer in &all {
        buyer.repeat_all().await;
    }
    check::as_it_was_answered(&house, &all).await;
    house.until_found("Philarmonic").await;
    house.until_found("philharmonc nigth").await;
    check::quote_is_what_it_costs(&house, all.last_mut().unwrap(), false).await;
    check::as_it_was_answered(&house, &all).await;
    house.finds_no_difference();
}
