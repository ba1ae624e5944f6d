//! Orders: bookings over several zones and ticket types, and partial returns.

mod counted;
mod migration;
mod refused;

use onsale_schemas::command::Currency;
use onsale_schemas::outcome::{
    ConfirmedV2, EndedBooking, Line, PlacesReturned, PriceRule, ReleasedV2, ReservedV2, ZonePlaces,
};
use onsale_schemas::{CodeHash, Offset, Outcome, SeatList};
use onsale_store::booking::{BookingRow, BookingStatus, OrderRow, ZoneSums};

use crate::build::{
    Chain, HOLD_MS, booking, booking_id, event_id, filter, show_id, time_of, user_id, with_show,
};
use crate::harness::{Bench, contract};

contract!(
    an_order_goes_through_its_life,
    many_records_of_one_order_are_one_row,
    an_order_expires_and_is_revived,
    an_order_is_released,
    a_plain_booking_that_is_returned_in_parts_stays_plain,
    orders_are_listed_with_those_that_are_plain,
    an_order_that_expires_is_written_down_once,
);

/// The code of the orders.
pub(crate) const CODE: CodeHash = CodeHash::from_bytes([0xc0; 16]);
/// The phase that gives the price of some of their places.
pub(crate) const PHASE: u8 = 200;

pub(crate) fn line(
    zone: u16,
    ticket_type: u8,
    seats: &[u32],
    quantity: u32,
    rule: PriceRule,
) -> Line {
    Line {
        zone,
        ticket_type,
        seats: seats.into(),
        quantity,
        rule,
        list_price: 1_000,
        bundle: Some(1),
        bundle_off: 100,
        code_off: 90,
        unit_price: 810,
        unit_fee: 20,
        unit_tax: 54,
    }
}

/// Three types over two zones: seats 5 and 4, seat 9 by the phase, and `general` places by the phase.
pub(crate) fn lines(general: u32) -> Vec<Line> {
    vec![
        line(0, 1, &[5, 4], 2, PriceRule::Type),
        line(1, 3, &[], general, PriceRule::Phase(PHASE)),
        line(0, 2, &[9], 1, PriceRule::Phase(PHASE)),
    ]
}

fn order(lines: Vec<Line>) -> OrderRow {
    let places = lines.iter().map(|line| i64::from(line.quantity));
    let places: i64 = places.sum();
    OrderRow {
        lines,
        order_fee: 50,
        order_fee_tax: 3,
        total: 830 * places + 50,
        tax: 54 * places + 3,
        code: Some(CODE),
    }
}

impl Chain {
    /// An order with the code.
    pub(crate) fn reserve_order(&mut self, user: u64, lines: Vec<Line>) -> Offset {
        let priced = order(lines);
        let booking = self.next_offset;
        self.push(Outcome::ReservedV2(Box::new(ReservedV2 {
            booking,
            show: show_id(1),
            event: event_id(1),
            user: user_id(user),
            lines: priced.lines,
            order_fee: priced.order_fee,
            order_fee_tax: priced.order_fee_tax,
            total: priced.total,
            tax: priced.tax,
            currency: Currency(*b"THB"),
            code: priced.code,
            expires_at_ms: time_of(booking) + HOLD_MS,
        })))
    }

    pub(crate) fn confirm_order(&mut self, booking: Offset, parts: Vec<ZonePlaces>, revived: bool) {
        let at_ms = time_of(self.next_offset);
        self.push(Outcome::ConfirmedV2(ConfirmedV2 {
            booking,
            show: show_id(1),
            user: user_id(1),
            parts,
            total: 1,
            currency: Currency(*b"THB"),
            payment_reference: format!("pay-{booking}"),
            confirmed_at_ms: at_ms,
            first: true,
            revived,
        }));
    }

    pub(crate) fn release_order(&mut self, booking: Offset, parts: Vec<ZonePlaces>) {
        self.push(Outcome::ReleasedV2(ReleasedV2 {
            booking,
            show: show_id(1),
            user: user_id(1),
            parts,
            was_confirmed: false,
        }));
    }

    pub(crate) fn expire_order(&mut self, booking: Offset, parts: Vec<ZonePlaces>) {
        let ended = parts.into_iter().map(|part| EndedBooking {
            booking,
            show: show_id(1),
            user: user_id(1),
            zone: part.zone,
            seats: part.seats,
            quantity: part.quantity,
        });
        self.push_with(ended.collect(), Outcome::Nothing);
    }

    /// `left` is what of the booking is.
    pub(crate) fn give_back(
        &mut self,
        booking: Offset,
        parts: Vec<ZonePlaces>,
        left: Vec<Line>,
    ) -> OrderRow {
        let ended = left.iter().all(|line| line.quantity == 0);
        let mut priced = order(left);
        if ended {
            (priced.order_fee, priced.order_fee_tax) = (0, 0);
            (priced.total, priced.tax) = (0, 0);
        }
        self.push(Outcome::PlacesReturned(Box::new(PlacesReturned {
            booking,
            show: show_id(1),
            user: user_id(1),
            parts,
            refund_price: 810,
            refund_fees: 20,
            lines: priced.lines.clone(),
            order_fee: priced.order_fee,
            order_fee_tax: priced.order_fee_tax,
            total: priced.total,
            tax: priced.tax,
            currency: Currency(*b"THB"),
            ended,
        })));
        priced
    }
}

pub(crate) fn part(zone: u16, seats: &[u32], quantity: u32) -> ZonePlaces {
    ZonePlaces {
        zone,
        seats: seats.into(),
        quantity,
    }
}

/// All places of [`lines`] with two of general admission.
pub(crate) fn all_parts() -> Vec<ZonePlaces> {
    vec![part(0, &[5, 4, 9], 3), part(1, &[], 2)]
}

/// What is left of them without seats 5 and 9 and one of the others.
fn some_left() -> Vec<Line> {
    vec![
        line(0, 1, &[4], 1, PriceRule::Type),
        line(1, 3, &[], 1, PriceRule::Phase(PHASE)),
        line(0, 2, &[], 0, PriceRule::Phase(PHASE)),
    ]
}

fn none_left() -> Vec<Line> {
    let lines = some_left().into_iter();
    let without_places = lines.map(|line| Line {
        seats: SeatList::new(),
        quantity: 0,
        ..line
    });
    without_places.collect()
}

/// Held and sold places of zones 0 and 1, places of the phase, uses of the code, and seats that are held.
pub(crate) async fn counted(bench: &Bench) -> ([(u64, u64); 2], u64, u32, Vec<i64>) {
    let store = &bench.store;
    let sums = store.zone_sums(show_id(1)).await.unwrap();
    let of = |sum: &ZoneSums| (sum.held, sum.sold);
    let phases = store.phase_counts(show_id(1)).await.unwrap();
    let of_phase = match phases[..] {
        [] => 0,
        [(PHASE, places)] => places,
        _ => panic!("{phases:?}"),
    };
    let (uses, of_user) = store
        .code_uses(show_id(1), CODE, Some(user_id(1)))
        .await
        .unwrap();
    assert_eq!(of_user, uses, "they are all of the user");
    // Live views and the feed of Redis count the same.
    let seats = store.show_seats(show_id(1)).await.unwrap();
    let places = store.show_places(show_id(1)).await.unwrap().unwrap();
    for (zone, sum) in sums.iter().enumerate() {
        let counts = places.zones[zone];
        assert_eq!((u64::from(counts.held), u64::from(counts.sold)), of(sum));
        if let Some(seats) = &seats {
            assert_eq!(seats.zones[zone], counts);
        }
    }
    let holders = bench.seat_holders().await;
    let seats = holders.iter().map(|holder| holder.1).collect();
    ([of(&sums[0]), of(&sums[1])], of_phase, uses, seats)
}

async fn an_order_goes_through_its_life(bench: Bench) {
    let store = &bench.store;
    with_show(store).await;
    let mut chain = Chain::default();
    chain.push(Outcome::ShowOpened {
        show: show_id(1),
        event: event_id(1),
    });
    let offset = chain.reserve_order(1, lines(2));
    store.project(&chain.all()).await.unwrap();
    let mut expected = BookingRow {
        booking_id: booking_id(offset),
        request_id: chain.outcomes[1].request_id,
        event_id: event_id(1),
        show_id: show_id(1),
        user_id: user_id(1),
        zone: 0,
        seats: vec![5, 4, 9],
        quantity: 5,
        unit_price: 810,
        currency: "THB".to_owned(),
        status: BookingStatus::Reserved,
        reserved_at_ms: time_of(offset),
        expires_at_ms: time_of(offset) + HOLD_MS,
        confirmed_at_ms: None,
        ended_at_ms: None,
        payment_reference: None,
        updated_offset: offset,
        order: Some(order(lines(2))),
    };
    assert_eq!(booking(store, offset).await, expected);
    let held = ([(3, 0), (2, 0)], 3, 1, vec![4, 5, 9]);
    assert_eq!(counted(&bench).await, held);
    let other = store.code_uses(show_id(1), CODE, Some(user_id(2))).await;
    assert_eq!(other.unwrap(), (1, 0));
    let nobody = store.code_uses(show_id(1), CODE, None).await;
    assert_eq!(nobody.unwrap(), (1, 0));
    let another = store.code_uses(show_id(2), CODE, Some(user_id(1))).await;
    assert_eq!(another.unwrap(), (0, 0));
    assert_eq!(store.phase_counts(show_id(2)).await.unwrap(), []);

    chain.confirm_order(offset, all_parts(), false);
    store.project(&chain.batch(2, 3)).await.unwrap();
    expected.status = BookingStatus::Confirmed;
    expected.confirmed_at_ms = Some(time_of(2));
    expected.payment_reference = Some("pay-1".to_owned());
    expected.updated_offset = 2;
    assert_eq!(booking(store, offset).await, expected);
    let sold = ([(0, 3), (0, 2)], 3, 1, vec![4, 5, 9]);
    assert_eq!(counted(&bench).await, sold);

    let given_back = vec![part(0, &[5, 9], 2), part(1, &[], 1)];
    let left = chain.give_back(offset, given_back, some_left());
    store.project(&chain.batch(3, 4)).await.unwrap();
    expected.seats = vec![4];
    expected.quantity = 2;
    expected.order = Some(left);
    expected.updated_offset = 3;
    assert_eq!(booking(store, offset).await, expected);
    assert_eq!(
        counted(&bench).await,
        ([(0, 1), (0, 1)], 1, 1, vec![4]),
        "the code stays used"
    );

    let given_back = vec![part(0, &[4], 1), part(1, &[], 1)];
    let left = chain.give_back(offset, given_back, none_left());
    store.project(&chain.batch(4, 5)).await.unwrap();
    expected.seats = Vec::new();
    expected.quantity = 0;
    expected.order = Some(left);
    expected.status = BookingStatus::Cancelled;
    expected.ended_at_ms = Some(time_of(4));
    expected.updated_offset = 4;
    assert_eq!(booking(store, offset).await, expected);
    assert_eq!(counted(&bench).await, ([(0, 0), (0, 0)], 0, 0, vec![]));
}

/// The same as record by record, in one batch; and the seats that it gave back are sold in it.
async fn many_records_of_one_order_are_one_row(bench: Bench) {
    let store = &bench.store;
    with_show(store).await;
    let mut chain = Chain::default();
    let offset = chain.reserve_order(1, lines(2));
    chain.expire_order(offset, all_parts());
    chain.confirm_order(offset, all_parts(), true);
    let given_back = vec![part(0, &[5, 9], 2), part(1, &[], 1)];
    let left = chain.give_back(offset, given_back, some_left());
    let next = chain.reserve(1, 1, &[5]);
    store.project(&chain.all()).await.unwrap();
    let row = booking(store, offset).await;
    assert_eq!(
        (row.status, row.ended_at_ms),
        (BookingStatus::Confirmed, None)
    );
    assert_eq!((row.quantity, row.order), (2, Some(left)));
    assert_eq!(counted(&bench).await, ([(1, 1), (0, 1)], 1, 1, vec![4, 5]));
    // Known to the database by now: back in part, released as a whole, and the seat to someone else.
    let one_left = vec![line(0, 1, &[4], 1, PriceRule::Type)];
    let left = chain.give_back(offset, vec![part(1, &[], 1)], one_left);
    chain.release_order(offset, vec![part(0, &[4], 1)]);
    let last = chain.reserve(1, 1, &[4]);
    store
        .project(&chain.batch(5, chain.next_offset))
        .await
        .unwrap();
    let row = booking(store, offset).await;
    assert_eq!(row.status, BookingStatus::Cancelled);
    assert_eq!((row.quantity, row.order), (1, Some(left)));
    assert_eq!(counted(&bench).await, ([(2, 0), (0, 0)], 0, 0, vec![4, 5]));
    for plain in [next, last] {
        assert_eq!(booking(store, plain).await.order, None);
    }
}

async fn an_order_expires_and_is_revived(bench: Bench) {
    let store = &bench.store;
    with_show(store).await;
    let mut chain = Chain::default();
    let offset = chain.reserve_order(1, lines(2));
    store.project(&chain.all()).await.unwrap();
    chain.expire_order(offset, all_parts());
    store.project(&chain.batch(1, 2)).await.unwrap();
    let row = booking(store, offset).await;
    assert_eq!(row.status, BookingStatus::Expired);
    assert_eq!(row.ended_at_ms, Some(time_of(1)));
    assert_eq!((row.quantity, row.order), (5, Some(order(lines(2)))));
    assert_eq!(counted(&bench).await, ([(0, 0), (0, 0)], 0, 0, vec![]));
    chain.confirm_order(offset, all_parts(), true);
    store.project(&chain.batch(2, 3)).await.unwrap();
    let row = booking(store, offset).await;
    assert_eq!(
        (row.status, row.ended_at_ms),
        (BookingStatus::Confirmed, None)
    );
    let sold = ([(0, 3), (0, 2)], 3, 1, vec![4, 5, 9]);
    assert_eq!(counted(&bench).await, sold);
    // An equal answer, and an answer that is remembered, change nothing.
    chain.confirm_order(offset, all_parts(), true);
    if let Outcome::ConfirmedV2(again) = &mut chain.outcomes[3].outcome {
        again.first = false;
    }
    chain.reserve_order(1, lines(2));
    chain.mark_replay(offset);
    store.project(&chain.batch(3, 5)).await.unwrap();
    assert_eq!(booking(store, offset).await, row);
    assert_eq!(counted(&bench).await, sold);
}

async fn an_order_is_released(bench: Bench) {
    let store = &bench.store;
    with_show(store).await;
    let mut chain = Chain::default();
    let offset = chain.reserve_order(1, lines(2));
    store.project(&chain.all()).await.unwrap();
    chain.release_order(offset, all_parts());
    store.project(&chain.batch(1, 2)).await.unwrap();
    let row = booking(store, offset).await;
    assert_eq!(row.status, BookingStatus::Cancelled);
    assert_eq!(row.order, Some(order(lines(2))), "it is still told");
    assert_eq!(counted(&bench).await, ([(0, 0), (0, 0)], 0, 0, vec![]));
}

/// What is left of it looks like an order with one line, and is none.
async fn a_plain_booking_that_is_returned_in_parts_stays_plain(bench: Bench) {
    let store = &bench.store;
    with_show(store).await;
    for together in [false, true] {
        let mut chain = Chain::default();
        let offset = chain.reserve(1, 1, &[7, 8]);
        chain.confirm(1, 1, offset, &[7, 8]);
        chain.give_back(
            offset,
            vec![part(0, &[7], 1)],
            vec![line(0, 0, &[8], 1, PriceRule::Zone)],
        );
        let mut from = 0;
        let cuts: &[u64] = if together { &[3] } else { &[2, 3] };
        for cut in cuts {
            store.project(&chain.batch(from, *cut)).await.unwrap();
            from = *cut;
        }
        let row = booking(store, offset).await;
        assert_eq!((row.seats, row.quantity, row.order), (vec![8], 1, None));
        assert_eq!(row.status, BookingStatus::Confirmed);
        let none = vec![line(0, 0, &[], 0, PriceRule::Zone)];
        chain.give_back(offset, vec![part(0, &[8], 1)], none);
        store.project(&chain.batch(3, 4)).await.unwrap();
        let row = booking(store, offset).await;
        assert_eq!((row.seats, row.quantity, row.order), (vec![], 0, None));
        assert_eq!(row.status, BookingStatus::Cancelled);
        assert!(bench.seat_holders().await.is_empty());
        bench
            .tamper("DELETE FROM bookings; DELETE FROM projector_watermarks")
            .await;
    }
}

/// As the list of a person and the export have them.
async fn orders_are_listed_with_those_that_are_plain(bench: Bench) {
    let store = &bench.store;
    with_show(store).await;
    let mut chain = Chain::default();
    let plain = chain.reserve(1, 1, &[7]);
    let offset = chain.reserve_order(1, lines(2));
    let request = chain.outcomes[1].request_id.unwrap();
    store.project(&chain.all()).await.unwrap();
    let listed = store.bookings(&filter(user_id(1))).await.unwrap();
    let orders: Vec<_> = listed
        .iter()
        .map(|row| (row.booking_id.offset(), row.order.clone()))
        .collect();
    assert_eq!(orders, [(offset, Some(order(lines(2)))), (plain, None)]);
    let made = store.booking_of_request(request).await.unwrap().unwrap();
    assert_eq!(made, listed[0]);
    let partition = crate::build::P;
    let live = store.live_bookings(partition, None, 9).await.unwrap();
    assert_eq!(live[1], listed[0]);
    let stored = store.stored_bookings(partition, None, 9).await.unwrap();
    assert_eq!(stored[1].row.as_ref(), Ok(&listed[0]));
    // One that was changed by hand hides none of the others.
    bench
        .tamper("UPDATE bookings SET order_lines = '[{\"zone\": 1}]' WHERE order_total > 0")
        .await;
    let rest = store.bookings(&filter(user_id(1))).await.unwrap();
    assert_eq!(rest, listed[1..]);
    let stored = store.stored_booking(booking_id(offset)).await;
    let why = stored.unwrap().unwrap().row.unwrap_err();
    assert!(why.starts_with("order_lines: "), "{why}");
}

async fn an_order_that_expires_is_written_down_once(bench: Bench) {
    let store = &bench.store;
    with_show(store).await;
    let mut chain = Chain::default();
    let offset = chain.reserve_order(1, lines(2));
    chain.expire_order(offset, all_parts());
    let plain = chain.reserve(1, 2, &[20]);
    let next = chain.reserve_order(1, lines(1));
    chain.expire(1, 2, plain, &[20]);
    let (first, second) = (part(0, &[5, 4, 9], 3), part(1, &[], 1));
    chain.expire_order(next, vec![first, second]);
    store.project(&chain.all()).await.unwrap();
    let details = "SELECT detail FROM audit WHERE action = 'booking.expire' ORDER BY audit_id";
    let details = bench.texts(details).await;
    let places = [5, 1, 4].map(|places| format!("\"quantity\":{places},"));
    assert_eq!(details.len(), places.len(), "{details:?}");
    for (detail, places) in details.iter().zip(places) {
        assert!(detail.contains(&places), "{details:?}");
    }
}
