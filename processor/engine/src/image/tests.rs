use onsale_schemas::command::{AmendEvent, ClaimReference, Describe, Subject};
use onsale_schemas::{Actor, Command, ReferenceHash, Rejection};
use proptest::prelude::*;

use super::*;
use crate::testing::{
    HOLD_MS, Machine, event_id, general, open, open_of, open_v2, seated, show_id,
};

fn image(partition: &Partition) -> Vec<u8> {
    let mut bytes = Vec::new();
    partition.encode_image(&mut bytes).unwrap();
    bytes
}

/// A state with some of everything.
fn machine() -> Machine {
    let mut m = Machine::new();
    m.run_open(open_of(1, 7, vec![seated(&[12, 12]), general(90)]));
    m.run_open(open_of(2, 7, vec![seated(&[70])]));
    m.run_open(open(3, vec![general(5_000)]));
    m.run_ok(m.block_seats(1, 0, &[3, 4, 9]));
    let sale = m.reserve_seats(1, 1, 0, &[0, 1, 2]);
    m.run_ok(m.confirm(sale, "p"));
    let extended = m.reserve_seats(2, 2, 0, &[5, 9, 1, 44]);
    m.run_ok(Command::Extend {
        booking: extended,
        by_ms: 60_000,
    });
    let released = m.reserve_general(1, 3, 1, 4);
    m.run_ok(Command::Release {
        booking: released,
        by: Actor::Staff,
    });
    for user in 0..1_500 {
        m.reserve_general_by(3, user, 0, 2);
    }
    m.advance(u64::from(HOLD_MS));
    m.run_ok(Command::CancelShow { show: show_id(2) });
    m.reserve_seats(1, 4, 0, &[7, 8]);
    m.idempotent(1, 5, m.general(1, 5, 1, 1));
    m.apply_machine(Command::Claim {
        node: onsale_schemas::NodeName("a".into()),
        epoch: 4,
    });
    m
}

fn decode(bytes: &[u8]) -> Result<Partition, ImageError> {
    Partition::decode_image(PartitionId(3), Limits::default(), bytes)
}

#[test]
fn round_trips() {
    let m = machine();
    let bytes = image(&m.partition);
    let back = decode(&bytes).unwrap();
    back.self_check().unwrap();
    assert_eq!(image(&back), bytes);
    assert_eq!(back.digest(), m.partition.digest());
    assert_eq!(back.owner(), m.partition.owner());
    assert!(back.bookings().eq(m.partition.bookings()));
    assert!(back.shows().eq(m.partition.shows()));
}

#[test]
fn other_versions_and_partitions_are_refused() {
    let mut bytes = image(&machine().partition);
    assert!(matches!(
        Partition::decode_image(PartitionId(4), Limits::default(), &bytes),
        Err(ImageError::Partition { .. })
    ));
    bytes[0] = 4;
    assert!(matches!(
        decode(&bytes),
        Err(ImageError::Version { found: 4 })
    ));
    assert!(matches!(decode(&[]), Err(ImageError::Truncated)));
    assert!(matches!(decode(&[1, 2, 3]), Err(ImageError::Truncated)));
}

/// Corrects the checksum, so that the checks behind it are reached.
fn seal(bytes: &mut [u8]) {
    let body = bytes.len() - CHECKSUM_SIZE_BYTES;
    let checksum = xxhash_rust::xxh3::xxh3_64(&bytes[..body]);
    bytes[body..].copy_from_slice(&checksum.to_le_bytes());
}

#[test]
fn the_format_follows_the_machine_version() {
    for (m, format) in [(machine(), FIRST), (second(), SECOND)] {
        let mut bytes = image(&m.partition);
        assert_eq!(bytes[0], format);
        bytes[0] = FIRST + SECOND - format;
        seal(&mut bytes);
        assert!(matches!(decode(&bytes), Err(ImageError::Impossible(_))));
    }
}

/// A state with some of everything that version 2 knows.
fn second() -> Machine {
    let mut m = machine();
    m.raise_to_second();
    m.run_ok(open_v2(4, 7, 10));
    m.run_ok(open_v2(5, 8, 20));
    m.run_ok(Command::AmendEvent(AmendEvent {
        event: event_id(30),
        max_tickets_per_user: 3,
    }));
    for event in [31, 3] {
        m.run_ok(Command::CancelEvent {
            event: event_id(event),
        });
    }
    for reference in 1..4 {
        m.run_ok(Command::ClaimReference(ClaimReference {
            reference: ReferenceHash::from_bytes([reference; 16]),
            partition: PartitionId(reference.into()),
            booking: 7,
        }));
        m.advance(1);
    }
    for n in [9, 4] {
        m.run_ok(Command::Describe(Describe {
            subject: Subject::Event(event_id(n)),
            document: vec![n; 5],
        }));
        m.run_ok(Command::Describe(Describe {
            subject: Subject::Show {
                show: show_id(n),
                event: event_id(7),
            },
            document: vec![n; 7],
        }));
    }
    for user in [1, 2] {
        m.reserve_general(5, 70, 0, user);
    }
    m.reserve_general(5, 71, 0, 1);
    m.advance(u64::from(HOLD_MS));
    m.reserve_general(5, 72, 0, 1);
    let sale = m.reserve_general(5, 73, 0, 1);
    m.run_ok(m.confirm(sale, "p"));
    m.now -= 2 * u64::from(HOLD_MS);
    m.run_ok(Command::ResetClock);
    m
}

#[test]
fn all_of_version_2_round_trips() {
    let m = second();
    let bytes = image(&m.partition);
    let mut back = decode(&bytes).unwrap();
    back.self_check().unwrap();
    assert_eq!(image(&back), bytes);
    assert!(back.bookings().eq(m.partition.bookings()));
    assert!(back.shows().eq(m.partition.shows()));
    assert!(back.documents().eq(m.partition.documents()));
    assert_eq!(back.documents().count(), 4);
    for event in [7, 8, 3, 30, 31] {
        let event = event_id(event);
        assert!(back.event(event).is_some());
        assert_eq!(back.event(event), m.partition.event(event));
    }
    assert_eq!(back.stats().references, 3);
    let late = back
        .bookings()
        .filter(|booking| booking.reserved_at_ms >= booking.expires_at_ms);
    assert_eq!(late.count(), 1);
    // The user who let two holds end is still cooling down, the one of one hold is not.
    let mut went_on = m;
    std::mem::swap(&mut went_on.partition, &mut back);
    let until_ms = went_on.now + 2 * u64::from(HOLD_MS) + 60_000;
    went_on.expect_refusal(
        went_on.general(5, 70, 0, 1),
        Rejection::CoolingDown { until_ms },
    );
    went_on.reserve_general(5, 71, 0, 1);
}

#[test]
fn every_cut_of_version_2_is_noticed() {
    let mut m = Machine::second();
    m.run_ok(open_v2(1, 7, 10));
    m.reserve_general(1, 1, 0, 4);
    m.run_ok(Command::Describe(Describe {
        subject: Subject::Event(event_id(1)),
        document: vec![1; 5],
    }));
    let bytes = image(&m.partition);
    for length in 0..bytes.len() {
        let mut cut = bytes[..length].to_vec();
        assert!(decode(&cut).is_err());
        if length > CHECKSUM_SIZE_BYTES {
            seal(&mut cut);
            assert!(decode(&cut).is_err());
        }
    }
}

#[test]
fn every_cut_is_noticed() {
    let mut m = Machine::new();
    m.run_open(open(1, vec![seated(&[9])]));
    m.reserve_seats(1, 1, 0, &[4]);
    let bytes = image(&m.partition);
    for length in 0..bytes.len() {
        assert!(decode(&bytes[..length]).is_err());
    }
}

thread_local! {
    static SECOND_IMAGE: Vec<u8> = image(&second().partition);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// With a matching checksum, so that the checks behind it are reached: either it is refused or
    /// it is a consistent state.
    #[test]
    fn damage_is_refused_or_harmless(changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4)) {
        let mut m = Machine::new();
        m.run_open(open_of(1, 7, vec![seated(&[12, 12]), general(90)]));
        m.run_open(open_of(2, 7, vec![seated(&[70])]));
        m.run_ok(m.block_seats(1, 0, &[3, 4, 9]));
        let sale = m.reserve_seats(1, 1, 0, &[0, 1, 2]);
        m.run_ok(m.confirm(sale, "p"));
        m.reserve_seats(2, 2, 0, &[5, 9, 1, 44]);
        let released = m.reserve_general(1, 3, 1, 4);
        m.run_ok(Command::Release { booking: released, by: Actor::Staff });
        m.idempotent(1, 5, m.general(1, 5, 1, 1));
        m.run_ok(Command::CancelShow { show: show_id(2) });
        let mut bytes = image(&m.partition);
        let body = bytes.len() - CHECKSUM_SIZE_BYTES;
        for (at, byte) in changes {
            bytes[1 + at.index(body - 1)] = byte;
        }
        seal(&mut bytes);
        if let Ok(partition) = decode(&bytes) {
            prop_assert_eq!(partition.self_check(), Ok(()));
        }
    }

    #[test]
    fn damage_of_version_2_is_refused_or_harmless(
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        at_the_end: bool,
    ) {
        let mut bytes = SECOND_IMAGE.with(Vec::clone);
        let body = bytes.len() - CHECKSUM_SIZE_BYTES;
        // The sections of version 2 are short and at the end.
        let first = if at_the_end { body - 500 } else { 1 };
        for (at, byte) in changes {
            bytes[first + at.index(body - first)] = byte;
        }
        seal(&mut bytes);
        if let Ok(partition) = decode(&bytes) {
            prop_assert_eq!(partition.self_check(), Ok(()));
        }
    }

    #[test]
    fn random_bytes_are_refused(mut bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        if let Some(first) = bytes.first_mut() {
            *first = IMAGE_VERSION;
        }
        prop_assert!(decode(&bytes).is_err());
        let checksum = xxhash_rust::xxh3::xxh3_64(&bytes);
        bytes.extend_from_slice(&checksum.to_le_bytes());
        prop_assert!(decode(&bytes).is_err());
    }
}
