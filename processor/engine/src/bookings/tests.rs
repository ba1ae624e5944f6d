use super::*;

fn new(offset: Offset, seats: &[SeatIndex]) -> NewBooking<'_> {
    NewBooking {
        offset,
        reserved_at_ms: 5,
        hold_ms: 7,
        show: 1,
        user: 2,
        user_next: NONE,
        zone: 255,
        quantity: u8::try_from(seats.len()).unwrap(),
        unit_price: onsale_schemas::limits::UNIT_PRICE_MAX_MINOR,
        seats,
    }
}

#[test]
fn a_record_is_small() {
    assert_eq!(size_of::<Booking>(), 72);
}

#[test]
fn keeps_seats_of_every_number_in_order() {
    let all: Vec<SeatIndex> = (0..100).map(|i| 249_999 - i * 7).collect();
    let mut bookings = Bookings::new();
    for round in 0..3 {
        for n in 1..=100usize {
            let slot = bookings.insert(&new(round * 1_000 + n as u64, &all[..n]));
            let booking = bookings.get(slot);
            assert_eq!(&bookings.seats(booking)[..], &all[..n]);
            assert_eq!(
                booking.unit_price(),
                onsale_schemas::limits::UNIT_PRICE_MAX_MINOR
            );
            assert_eq!(booking.zone(), 255);
        }
        let used = (bookings.made, bookings.blocks_made);
        for n in 1..=100u64 {
            let slot = bookings.find(round * 1_000 + n).unwrap();
            bookings.remove(slot, true);
        }
        assert_eq!(bookings.len(), 0);
        // Later rounds reuse what the first one made.
        assert_eq!(used.0, 100);
        assert_eq!(used, (bookings.made, bookings.blocks_made));
    }
}

#[test]
fn a_confirmation_time_keeps_all_its_bits() {
    let mut booking = Booking::default();
    booking.become_confirmed(3, u64::MAX - 12_345);
    assert_eq!(booking.confirmed_at_ms(), u64::MAX - 12_345);
}

#[test]
fn a_hold_may_end_before_it_was_reserved() {
    let mut bookings = Bookings::new();
    let slot = bookings.insert(&new(8, &[1]));
    let times = |bookings: &Bookings| {
        let booking = bookings.get(slot);
        (bookings.reserved_at_ms(booking), booking.expires_at_ms())
    };
    for (end, late) in [(3, 1), (5, 1), (6, 0), (2, 1), (900, 0), (0, 1)] {
        bookings.set_end(slot, end);
        assert_eq!(times(&bookings), (5, end));
        assert_eq!(bookings.reserved_late().len(), late);
    }
    bookings.remove(slot, true);
    assert!(bookings.reserved_late().is_empty());
}
