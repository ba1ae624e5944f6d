use std::sync::atomic::{AtomicU64, Ordering};

use onsale_schemas::outcome::{ConfirmedV2, EndedBooking, Line, PriceRule, Reserved, ReservedV2};
use onsale_schemas::{Rejection, SeatList, UserId};

use super::*;

struct ManualClock(AtomicU64);

impl Clock for ManualClock {
    fn now_ms(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }
}

const ADDRESS: &str = "203.0.113.7";
const SHOW: ShowId = ShowId::from_bytes([1; 16]);
const EVENT: EventId = EventId::from_bytes([3; 16]);

fn blocks_behind(proxies: u8, mode: AddressBlocksMode) -> (AddressBlocks, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock(AtomicU64::new(1_000_000)));
    let limits = RateLimitConfig {
        address_blocks: AddressBlocksConfig {
            mode,
            places_per_minute: 60,
            places_burst: 10,
            held_places_max: 12,
        },
        ..RateLimitConfig::default()
    };
    let http = HttpConfig {
        trusted_proxies: proxies,
        ..HttpConfig::default()
    };
    (AddressBlocks::new(&limits, &http, clock.clone()), clock)
}

fn blocks() -> (AddressBlocks, Arc<ManualClock>) {
    blocks_behind(0, AddressBlocksMode::Auto)
}

fn ask<'a>(blocks: &'a AddressBlocks, address: &str, places: u32) -> Option<Asking<'a>> {
    let asked = blocks.ask(address.parse().unwrap(), places);
    asked.ok().map(|asking| asking.expect("it is on"))
}

fn grant(blocks: &AddressBlocks, offset: u64, places: u32) -> bool {
    let Some(asking) = ask(blocks, ADDRESS, places) else {
        return false;
    };
    asking.granted(NewHold {
        booking: BookingId::new(PartitionId(0), offset),
        show: SHOW,
        event: EVENT,
        places,
        until_ms: blocks.clock.now_ms() + 30_000,
    });
    true
}

fn released(offset: u64) -> OutcomeBatch {
    let booking = EndedBooking {
        booking: offset,
        show: SHOW,
        user: UserId::from_bytes([2; 16]),
        zone: 0,
        seats: SeatList::new(),
        quantity: 4,
    };
    outcome(Outcome::Released {
        booking,
        was_confirmed: false,
    })
}

fn outcome(outcome: Outcome) -> OutcomeBatch {
    OutcomeBatch {
        partition: PartitionId(0),
        records: vec![OutcomeRecord {
            offset: 1_000,
            previous: None,
            log_time_ms: 0,
            request_id: None,
            replay_of: None,
            expired: Vec::new(),
            outcome,
        }],
    }
}

fn hang_up(mut asking: Asking<'_>, request: u8) {
    asking.handed_in(RequestId::from_bytes([request; 16]));
}

#[test]
fn a_block_reserves_no_faster_than_its_bucket_fills() {
    let (blocks, clock) = blocks();
    assert!(grant(&blocks, 1, 4));
    assert!(grant(&blocks, 2, 4));
    assert!(!grant(&blocks, 3, 4), "two are left");
    assert!(ask(&blocks, "203.0.113.200", 4).is_none(), "the same /24");
    assert!(ask(&blocks, "203.0.114.7", 4).is_some(), "another one");
    clock.0.fetch_add(2_000, Ordering::SeqCst);
    assert!(grant(&blocks, 3, 4), "two more after two seconds");
}

#[test]
fn what_is_held_unpaid_is_bounded_and_ends_with_the_hold() {
    let (blocks, clock) = blocks();
    assert!(grant(&blocks, 1, 4));
    assert!(grant(&blocks, 2, 4));
    clock.0.fetch_add(10_000, Ordering::SeqCst);
    assert!(grant(&blocks, 3, 4));
    assert!(!grant(&blocks, 4, 1), "twelve are held");
    blocks.seen(&released(2));
    assert!(grant(&blocks, 4, 4));
    clock.0.fetch_add(20_000, Ordering::SeqCst);
    assert!(grant(&blocks, 5, 4), "the first has run out");
    assert!(!grant(&blocks, 6, 4), "three are held");
}

#[test]
fn what_was_refused_or_granted_before_does_not_count() {
    let (blocks, _) = blocks();
    for _ in 0..100 {
        drop(ask(&blocks, ADDRESS, 10).expect("nothing was granted"));
    }
    assert!(grant(&blocks, 1, 5));
    for _ in 0..100 {
        assert!(grant(&blocks, 1, 5), "the same booking again");
    }
}

#[test]
fn an_unknown_outcome_counts_for_a_while() {
    let (blocks, clock) = blocks();
    hang_up(ask(&blocks, ADDRESS, 10).unwrap(), 1);
    clock.0.fetch_add(60_000, Ordering::SeqCst);
    assert!(ask(&blocks, ADDRESS, 3).is_none());
    clock
        .0
        .fetch_add(u64::from(HOLD_DEFAULT_MS), Ordering::SeqCst);
    assert!(ask(&blocks, ADDRESS, 3).is_some());
}

#[test]
fn a_disconnected_client_holds_what_it_asked_for_exactly_once() {
    let (blocks, clock) = blocks();
    hang_up(ask(&blocks, ADDRESS, 6).unwrap(), 1);
    clock.0.fetch_add(10_000, Ordering::SeqCst);
    assert!(ask(&blocks, ADDRESS, 7).is_none(), "six are held");
    for _ in 0..100 {
        let again = blocks.ask_again(ADDRESS.parse().unwrap(), 6);
        hang_up(again.unwrap(), 1);
    }
    assert!(ask(&blocks, ADDRESS, 7).is_none(), "six are held");
    let mut refused = ask(&blocks, ADDRESS, 6).unwrap();
    refused.handed_in(RequestId::from_bytes([2; 16]));
    refused.given_back();
    assert!(ask(&blocks, ADDRESS, 6).is_some());
}

#[test]
fn a_request_that_was_decided_before_is_never_refused() {
    let (blocks, _) = blocks();
    assert!(grant(&blocks, 1, 10));
    assert!(ask(&blocks, ADDRESS, 10).is_none());
    for _ in 0..100 {
        let again = blocks.ask_again(ADDRESS.parse().unwrap(), 10);
        again.unwrap().given_back();
    }
    blocks.seen(&released(1));
    assert!(ask(&blocks, ADDRESS, 1).is_none(), "no part came back");
    assert_eq!(held(&blocks), 0);
}

fn held(blocks: &AddressBlocks) -> u32 {
    let mut table = blocks.table.lock();
    table.blocks.values_mut().map(|block| block.held).sum()
}

/// The outcome of the request of [`hang_up`].
fn decided(request: u8, decision: Outcome) -> OutcomeBatch {
    let mut batch = outcome(decision);
    batch.records[0].request_id = Some(RequestId::from_bytes([request; 16]));
    batch
}

#[test]
fn a_disconnected_client_holds_what_was_granted() {
    let (blocks, _) = blocks();
    hang_up(ask(&blocks, ADDRESS, 4).unwrap(), 1);
    hang_up(ask(&blocks, ADDRESS, 3).unwrap(), 2);
    blocks.seen(&decided(9, Outcome::Nothing));
    assert_eq!(held(&blocks), 7);
    blocks.seen(&decided(1, Outcome::Rejected(Rejection::SaleClosed)));
    assert_eq!(held(&blocks), 3);
    let reserved = Outcome::Reserved(Reserved {
        booking: 8,
        show: SHOW,
        event: EVENT,
        user: UserId::from_bytes([2; 16]),
        zone: 0,
        seats: SeatList::new(),
        quantity: 3,
        unit_price: 1,
        currency: "THB".parse().unwrap(),
        expires_at_ms: u64::MAX,
    });
    for _ in 0..2 {
        blocks.seen(&decided(2, reserved.clone()));
        assert_eq!(held(&blocks), 3);
    }
    blocks.seen(&released(8));
    assert_eq!(held(&blocks), 0);
}

#[test]
fn an_order_is_held_with_all_its_lines_until_it_is_paid() {
    let (blocks, _) = blocks();
    hang_up(ask(&blocks, ADDRESS, 3).unwrap(), 1);
    let line = |quantity| Line {
        zone: 0,
        ticket_type: 0,
        seats: SeatList::new(),
        quantity,
        rule: PriceRule::Type,
        list_price: 1,
        bundle: None,
        bundle_off: 0,
        code_off: 0,
        unit_price: 1,
        unit_fee: 0,
        unit_tax: 0,
    };
    let ordered = Outcome::ReservedV2(Box::new(ReservedV2 {
        booking: 8,
        show: SHOW,
        event: EVENT,
        user: UserId::from_bytes([2; 16]),
        lines: vec![line(2), line(1)],
        order_fee: 0,
        order_fee_tax: 0,
        total: 3,
        tax: 0,
        currency: "THB".parse().unwrap(),
        code: None,
        expires_at_ms: u64::MAX,
    }));
    blocks.seen(&decided(1, ordered));
    assert_eq!(held(&blocks), 3);
    blocks.seen(&outcome(Outcome::ConfirmedV2(ConfirmedV2 {
        booking: 8,
        show: SHOW,
        user: UserId::from_bytes([2; 16]),
        parts: Vec::new(),
        total: 3,
        currency: "THB".parse().unwrap(),
        payment_reference: "p".to_owned(),
        confirmed_at_ms: 1,
        first: true,
        revived: false,
    })));
    assert_eq!(held(&blocks), 0);
}

#[test]
fn what_was_cancelled_or_lost_sight_of_is_held_no_more() {
    let (blocks, clock) = blocks();
    let show = SHOW;
    for cancelled in [
        Outcome::ShowCancelled { show },
        Outcome::EventCancelled { event: EVENT },
    ] {
        assert!(grant(&blocks, 1, 10));
        clock.0.fetch_add(10_000, Ordering::SeqCst);
        blocks.seen(&outcome(Outcome::ShowClosed { show }));
        assert!(ask(&blocks, ADDRESS, 3).is_none());
        blocks.seen(&outcome(cancelled));
        assert!(ask(&blocks, ADDRESS, 10).is_some());
    }
    assert!(grant(&blocks, 1, 10));
    clock.0.fetch_add(5_000, Ordering::SeqCst);
    blocks.lost();
    assert!(ask(&blocks, ADDRESS, 6).is_none(), "the bucket has five");
    assert!(ask(&blocks, ADDRESS, 5).is_some(), "nothing is held");
}

#[test]
fn a_subscriber_of_ipv6_is_one_block_and_ipv4_in_ipv6_is_ipv4() {
    let block = |text: &str| AddressBlock::of(text.parse().unwrap());
    assert_eq!(block("2a00:1:2:300::1"), block("2a00:1:2:3ff::2"));
    assert_ne!(block("2a00:1:2:300::1"), block("2a00:1:2:400::1"));
    assert_eq!(block("10.1.2.3"), block("::ffff:10.1.2.250"));
    assert_ne!(block("10.1.2.3"), block("10.1.3.3"));
}

#[test]
fn behind_a_proxy_it_is_off_unless_asked_for() {
    let off = |proxies, mode| {
        let (blocks, _) = blocks_behind(proxies, mode);
        blocks
            .ask(ADDRESS.parse().unwrap(), 1_000)
            .is_ok_and(|asking| asking.is_none())
    };
    assert!(off(1, AddressBlocksMode::Auto));
    assert!(!off(1, AddressBlocksMode::On));
    assert!(off(0, AddressBlocksMode::Off));
    assert!(!off(0, AddressBlocksMode::Auto));
}
