//! A caller may stop waiting at any moment: what it asked for is done or not, never half, and the
//! connections stay.

mod accounts;
mod payments;
mod writes;

use std::future::Future;
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;

use onsale_store::document::CatalogCursor;
use onsale_store::job::JobFilter;
use onsale_store::{Store, StoreError};

use crate::build::{Chain, P, booking_id, event, event_id, filter, show, show_id, user_id};
use crate::harness::{Bench, contract};

contract!(
    a_show_is_added_whole_or_not_at_all,
    a_batch_is_projected_whole_or_not_at_all,
    no_read_takes_the_pool_with_it,
    closing_waits_for_what_nobody_waits_for,
);

/// Nothing here is woken more often.
const POLLS_MAX: usize = 1_000;
/// A bound on a test that hangs.
const PATIENCE: Duration = Duration::from_secs(30);

/// Polls `work` whenever it is woken, then drops it; what it came to, unless it needs more `polls`.
async fn polled<T>(work: impl Future<Output = T>, polls: usize) -> Option<T> {
    if polls == 0 {
        return None;
    }
    let mut work = pin!(work);
    let mut left = polls;
    std::future::poll_fn(|context| {
        left -= 1;
        match work.as_mut().poll(context) {
            Poll::Ready(result) => Poll::Ready(Some(result)),
            Poll::Pending if left == 0 => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

/// Waits until no connection is in use; how many there are.
async fn settled(store: &Store) -> u32 {
    // What was begun takes its connection when it is polled for the first time, which is now.
    tokio::task::yield_now().await;
    let idle = async {
        loop {
            match store.connections() {
                (0, idle) => return idle,
                _ => tokio::task::yield_now().await,
            }
        }
    };
    tokio::time::timeout(PATIENCE, idle)
        .await
        .expect("connections come back")
}

async fn a_show_is_added_whole_or_not_at_all(bench: Bench) {
    bench.store.add_event(&event(1)).await.unwrap();
    let connections = settled(&bench.store).await;
    for polls in 0..POLLS_MAX {
        let show = show(u64::try_from(polls).unwrap(), 1);
        let result = polled(bench.store.add_show(&show), polls).await;
        assert!(settled(&bench.store).await >= connections, "{polls} polls");
        let present = bench.store.show(show.show_id).await.unwrap();
        if polls == 0 {
            assert_eq!(present, None, "nothing was begun");
        } else {
            assert_eq!(present, Some(show), "{polls} polls: what was begun is done");
        }
        if let Some(result) = result {
            result.unwrap();
            return;
        }
    }
    panic!("never done");
}

async fn a_batch_is_projected_whole_or_not_at_all(bench: Bench) {
    bench.store.add_event(&event(1)).await.unwrap();
    bench.store.add_show(&show(1, 1)).await.unwrap();
    let connections = settled(&bench.store).await;
    let mut chain = Chain::default();
    let mut projected = 0;
    for polls in 0..POLLS_MAX {
        let from = chain.next_offset;
        let seat = u32::try_from(from).unwrap();
        for seat in [2 * seat, 2 * seat + 1] {
            chain.reserve(1, 1, &[seat]);
        }
        let batch = chain.batch(projected, chain.next_offset);
        let result = polled(bench.store.project(&batch), polls).await;
        assert!(settled(&bench.store).await >= connections, "{polls} polls");
        let marks = bench.store.watermarks().await.unwrap();
        let reached = marks
            .iter()
            .find(|mark| mark.partition == P)
            .map_or(0, |mark| mark.next_offset);
        assert!(
            reached == projected || reached == chain.next_offset,
            "{polls} polls: {reached}"
        );
        projected = reached;
        for record in &chain.outcomes {
            let row = bench.store.booking(booking_id(record.offset)).await;
            let is_there = row.unwrap().is_some();
            assert_eq!(is_there, record.offset < projected, "{polls} polls");
        }
        if let Some(result) = result {
            assert_eq!(result.unwrap().next_offset, chain.next_offset);
            return;
        }
    }
    panic!("never done");
}

type Call<'a> = Pin<Box<dyn Future<Output = Result<(), StoreError>> + Send + 'a>>;
/// Begins one and the same call.
type Begin<'a> = Box<dyn Fn() -> Call<'a> + Send + Sync + 'a>;

/// A call of the store without what comes of it.
fn call<'a, T>(work: impl Future<Output = Result<T, StoreError>> + Send + 'a) -> Call<'a> {
    Box::pin(async { work.await.map(drop) })
}

/// Drops each call after every number of polls until it is done: no connection is lost.
async fn drop_each(store: &Store, calls: &[(&str, Begin<'_>)]) {
    drop_each_keeping(settled(store).await, store, calls).await;
}

/// Drops each call after every number of polls until it is done; the pool keeps so many connections at least.
async fn drop_each_keeping(connections: u32, store: &Store, calls: &[(&str, Begin<'_>)]) {
    for (name, begin) in calls {
        for polls in 0.. {
            assert!(polls < POLLS_MAX, "{name} is never done");
            let result = polled(begin(), polls).await;
            assert!(
                settled(store).await >= connections,
                "{name} after {polls} polls"
            );
            if let Some(result) = result {
                result.unwrap();
                break;
            }
        }
    }
}

/// Reads may be dropped as well. (A read of PostgreSQL that is dropped while its connection is
/// looked at costs that connection; the pool makes another one.)
async fn no_read_takes_the_pool_with_it(bench: Bench) {
    let store = &bench.store;
    store.add_event(&event(1)).await.unwrap();
    store.add_show(&show(1, 1)).await.unwrap();
    let of_user = filter(user_id(1));
    let jobs = JobFilter {
        limit: 5,
        ..JobFilter::default()
    };
    let reads: Vec<(&str, Begin<'_>)> = vec![
        ("show", Box::new(|| call(store.show(show_id(1))))),
        (
            "show_seats",
            Box::new(|| call(store.show_seats(show_id(1)))),
        ),
        ("bookings", Box::new(|| call(store.bookings(&of_user)))),
        (
            "undescribed",
            Box::new(|| call(store.undescribed(16, &[], CatalogCursor::default(), 5))),
        ),
        ("jobs", Box::new(|| call(store.jobs(&jobs)))),
        ("of_one_moment", Box::new(|| call(store.of_one_moment()))),
    ];
    for (name, begin) in &reads {
        for polls in 0.. {
            assert!(polls < POLLS_MAX, "{name} is never done");
            let result = polled(begin(), polls).await;
            settled(store).await;
            let present = store.show(show_id(1)).await.unwrap();
            assert_eq!(present, Some(show(1, 1)), "{name} after {polls} polls");
            if let Some(result) = result {
                result.unwrap();
                break;
            }
        }
    }
}

async fn closing_waits_for_what_nobody_waits_for(bench: Bench) {
    let other = bench.another_store(4).await;
    assert!(polled(other.add_event(&event(1)), 1).await.is_none());
    other.close().await;
    assert_eq!(
        bench.store.event(event_id(1)).await.unwrap(),
        Some(event(1))
    );
    let error = other.add_event(&event(2)).await.unwrap_err();
    assert!(matches!(error, StoreError::Unreachable(_)), "{error}");
}
