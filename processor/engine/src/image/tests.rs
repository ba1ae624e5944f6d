use onsale_schemas::{Actor, Command};
use proptest::prelude::*;

use super::*;
use crate::testing::{HOLD_MS, Machine, general, open, open_of, seated, show_id};

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
    back.audit().unwrap();
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
    bytes[0] = 2;
    assert!(matches!(
        decode(&bytes),
        Err(ImageError::Version { found: 2 })
    ));
    assert!(matches!(decode(&[]), Err(ImageError::Truncated)));
    assert!(matches!(decode(&[1, 2, 3]), Err(ImageError::Truncated)));
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

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// With the checksum made to match, so that the checks behind it are reached: either it is
    /// refused or it is a state that contradicts itself nowhere.
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
        let checksum = xxhash_rust::xxh3::xxh3_64(&bytes[..body]);
        bytes[body..].copy_from_slice(&checksum.to_le_bytes());
        if let Ok(partition) = decode(&bytes) {
            prop_assert_eq!(partition.audit(), Ok(()));
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
