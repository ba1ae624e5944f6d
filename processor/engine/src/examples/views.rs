//! What a partition shows of orders, offers and codes, and what its images keep of them.

use super::*;
use crate::Partition;

fn image(partition: &Partition) -> Vec<u8> {
    let mut bytes = Vec::new();
    partition.encode_image(&mut bytes).unwrap();
    bytes
}

#[test]
fn orders_offers_and_codes_are_seen() {
    let mut m = e5();
    let show = show_id(1);
    let held = m.hold(e5_order());
    let seen = m.partition.order(held.booking).unwrap();
    assert_eq!(seen.lines, held.lines);
    assert_eq!((seen.total, seen.tax, seen.plain), (252_228, 16_502, false));
    assert_eq!(seen.code, Some(code(7)));
    assert_eq!(m.partition.code(show, &code(7)).unwrap().uses, 1);
    assert_eq!(m.partition.code(show, &code(8)), None);
    assert_eq!(m.partition.offer(show).unwrap().tax_bp, 700);
    let stats = m.partition.stats();
    assert_eq!((stats.orders, stats.codes), (1, 1));
    m.run_ok(m.confirm(held.booking, "p"));
    m.returned(give_back(held.booking, &[], &[(0, 1)]));
    let seen = m.partition.order(held.booking).unwrap();
    assert_eq!((seen.total, seen.reserved_total), (155_674, 252_228));
    assert_eq!(m.booking(held.booking).quantity, 2);
    m.run_ok(set_offer(Offer {
        phases: vec![phase(3, 0, PhasePrice::Fixed(1))],
        types: vec![ticket_type(0)],
        ..Offer::default()
    }));
    m.hold(order(1, &[places(0, 4)], None));
    assert_eq!(m.partition.phase_places(show), [(3, 4)]);
    // A plain booking needs none, and what is forgotten is not seen.
    m.run_ok(set_offer(Offer::default()));
    assert_eq!(m.partition.offer(show), None);
    let plain = m.hold_plain(order(1, &[places(0, 1)], None)).booking;
    assert_eq!(m.partition.order(plain), None);
    m.run_ok(Command::Return {
        booking: held.booking,
    });
    assert!(m.partition.order(held.booking).is_some());
    m.advance(onsale_schemas::limits::ENDED_BOOKING_KEPT_MS);
    m.tick();
    assert_eq!(m.partition.order(held.booking), None);
}

/// What is not in the image of a booking is lost with the next restart.
#[test]
fn an_order_is_the_same_after_a_restore() {
    let mut m = e5();
    let paid = m.hold(e5_order()).booking;
    m.run_ok(m.confirm(paid, "p"));
    m.returned(give_back(paid, &[], &[(0, 1)]));
    let held = m.hold(e5_order()).booking;
    let limits = Limits {
        machine_version_known: 3,
        ..Limits::default()
    };
    let id = m.partition.id();
    let back = Partition::decode_image(id, limits, &image(&m.partition)).unwrap();
    back.self_check().unwrap();
    for booking in [paid, held] {
        let seen = back.order(booking);
        assert_eq!(seen, m.partition.order(booking));
        assert_eq!(seen.unwrap().code, Some(code(7)));
    }
    let show = show_id(1);
    let uses = |partition: &Partition| partition.code(show, &code(7)).unwrap().uses;
    assert_eq!((uses(&back), uses(&m.partition)), (2, 2));
    assert_eq!(back.offer(show), m.partition.offer(show));
}

/// The format follows from the machine version in force, not from what the program knows.
#[test]
fn an_image_below_version_3_is_what_older_programs_write() {
    let history = |known| {
        let mut m = Machine::with_limits(Limits {
            machine_version_known: known,
            ..Limits::default()
        });
        m.raise_to_second();
        m.run_ok(Command::OpenShowV2(show_of(vec![
            seated(&[4]),
            general_of(100, 9),
        ])));
        m.reserve_seats(1, 1, 0, &[0, 1]);
        m
    };
    let (old, mut new) = (history(2), history(3));
    let bytes = image(&old.partition);
    assert_eq!(bytes[0], 2);
    assert_eq!(image(&new.partition), bytes);
    new.raise_to_third();
    assert_eq!(image(&new.partition)[0], 3);
    // It is read by a program that knows more, and goes on there.
    let limits = new.partition.state.limits;
    let mut back = Partition::decode_image(new.partition.id(), limits, &bytes).unwrap();
    for entry in new.entries().skip(3) {
        back.apply(entry, &mut Vec::new());
    }
    assert_eq!(image(&back), image(&new.partition));
    // A program that knows less refuses what it cannot know.
    let less = old.partition.state.limits;
    assert!(Partition::decode_image(back.id(), less, &image(&back)).is_err());
}

/// An offer that was taken back leaves nothing behind.
#[test]
fn an_empty_offer_is_none() {
    let open = || {
        let mut m = Machine::at(0);
        m.raise_to_third();
        m.run_ok(Command::OpenShowV2(show_of(vec![general_of(100, 9)])));
        m
    };
    let mut m = open();
    let without = image(&m.partition).len();
    m.run_ok(set_offer(Offer {
        tax_bp: 700,
        ..Offer::default()
    }));
    assert!(image(&m.partition).len() > without);
    m.run_ok(set_offer(Offer::default()));
    assert_eq!(image(&m.partition).len(), without);
}
