//! Random histories of machine version 3: every replica comes to the same state, whichever way it
//! went, and the state is never one that contradicts itself.

#![expect(clippy::unwrap_used, reason = "a panic is how a test reports")]

use std::collections::BTreeMap;

use onsale_engine::{Batch, Limits, Partition};
use onsale_schemas::command::{Pick, Reserve};
use onsale_schemas::order::{Item, PickV2, ReserveV2};
use onsale_schemas::seating::SeatKind;
use onsale_schemas::{Command, Entry, Envelope, Outcome, OutcomeRecord, PartitionId, codec};
use proptest::prelude::*;

use history::history;

mod history;

const ID: PartitionId = PartitionId(5);
/// Small, so that every table fills up now and then.
const LIMITS: Limits = Limits {
    shows_max: 3,
    bookings_max: 120,
    remembered_answers_max: 28,
    references_max: 4,
    documents_max_bytes: 60,
    codes_max: 18,
    machine_version_known: 3,
};

fn entry(log: &[(u64, Vec<u8>)], offset: u64) -> Entry<'_> {
    let (log_time_ms, payload) = &log[usize::try_from(offset).unwrap()];
    Entry {
        offset,
        log_time_ms: *log_time_ms,
        payload,
    }
}

fn image(partition: &Partition) -> Vec<u8> {
    let mut bytes = Vec::new();
    partition.encode_image(&mut bytes).unwrap();
    bytes
}

/// What was reserved, and what has come back of it.
#[derive(Default)]
struct Money(BTreeMap<u64, (i64, i64)>);

impl Money {
    /// Over the life of a sale, refunds and what is left add up to the total as reserved.
    fn look_at(&mut self, record: &OutcomeRecord) {
        if record.replay_of.is_some() {
            return;
        }
        match &record.outcome {
            Outcome::Reserved(reserved) => {
                let total = reserved.unit_price * i64::from(reserved.quantity);
                self.0.insert(reserved.booking, (total, 0));
            }
            Outcome::ReservedV2(reserved) => {
                self.0.insert(reserved.booking, (reserved.total, 0));
            }
            Outcome::PlacesReturned(returned) => {
                let (total, refunded) = self.0.get_mut(&returned.booking).unwrap();
                *refunded += returned.refund_price + returned.refund_fees;
                assert_eq!(*refunded + returned.total, *total);
                assert_eq!(returned.ended, returned.total == 0 && refunded == total);
            }
            _ => {}
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn all_ways_lead_to_the_same_state(seed: u64, freeze_at in 5u64..400) {
        let log = history(seed, 400);
        let mut outcomes: Vec<OutcomeRecord> = Vec::new();
        let mut money = Money::default();
        let mut one = Partition::new(ID, LIMITS);
        let mut frozen = None;
        for offset in 0..400 {
            if offset == freeze_at {
                let bytes = image(&one);
                let back = Partition::decode_image(ID, LIMITS, &bytes).unwrap();
                prop_assert_eq!(image(&back), bytes);
                back.self_check().unwrap();
                frozen = Some((back, outcomes.len()));
            }
            let before = outcomes.len();
            one.apply(entry(&log, offset), &mut outcomes);
            if let Err(error) = one.self_check() {
                prop_assert!(false, "record {offset}, {:?}: {error}", outcomes.last());
            }
            outcomes[before..].iter().for_each(|record| money.look_at(record));
        }
        let (mut restored, seen) = frozen.unwrap();
        let mut later: Vec<OutcomeRecord> = Vec::new();
        for offset in freeze_at..400 {
            restored.apply(entry(&log, offset), &mut later);
        }
        prop_assert_eq!(&later, &outcomes[seen..]);
        restored.self_check().unwrap();
        let mut together = Partition::new(ID, LIMITS);
        let mut all: Vec<OutcomeRecord> = Vec::new();
        let entries = (0..400).map(|offset| entry(&log, offset));
        together.apply_all(entries, &mut Batch::default(), &mut all);
        prop_assert_eq!(all, outcomes);
        for other in [&restored, &together] {
            prop_assert_eq!(other.digest(), one.digest());
            prop_assert_eq!(image(other), image(&one));
        }
    }

    /// `Reserve` is `ReserveV2` with one item, without types and code: on shows that have nothing of
    /// version 3 too, where it takes a shorter way.
    #[test]
    fn either_command_reserves_the_same(seed: u64) {
        let log = history(seed, 300);
        let mut reserved = 0;
        let mut run = |change: &dyn Fn(Command) -> Command| {
            let mut partition = Partition::new(ID, LIMITS);
            let mut outcomes: Vec<OutcomeRecord> = Vec::new();
            for offset in 0..300 {
                let written = entry(&log, offset);
                let mut envelope = codec::decode::<Envelope>(written.payload).unwrap();
                let before = envelope.command.clone();
                envelope.command = change(envelope.command);
                reserved += u32::from(envelope.command != before);
                let payload = codec::encode(&envelope).unwrap();
                let entry = Entry { payload: &payload, ..written };
                partition.apply(entry, &mut outcomes);
            }
            (outcomes, partition.digest())
        };
        let as_written = run(&|command| command);
        prop_assert_eq!(run(&to_new), as_written.clone());
        prop_assert_eq!(run(&to_old), as_written);
        prop_assert!(reserved > 5);
    }

    /// Damage is found out, or gives a state that does not contradict itself.
    #[test]
    fn a_damaged_image_is_refused_or_possible(seed: u64, at: prop::sample::Index, bit in 0u8..8) {
        let log = history(seed, 150);
        let mut partition = Partition::new(ID, LIMITS);
        for offset in 0..150 {
            partition.apply(entry(&log, offset), &mut Vec::new());
        }
        let mut bytes = image(&partition);
        let body = bytes.len() - 8;
        bytes[at.index(body)] ^= 1u8 << bit;
        let checksum = xxhash(&bytes[..body]);
        bytes[body..].copy_from_slice(&checksum);
        if let Ok(back) = Partition::decode_image(ID, LIMITS, &bytes) {
            back.self_check().unwrap();
            let again = Partition::decode_image(ID, LIMITS, &image(&back)).unwrap();
            prop_assert_eq!(image(&again), image(&back));
        }
    }
}

fn to_new(command: Command) -> Command {
    let Command::Reserve(Reserve {
        show,
        user,
        zone,
        pick,
        expected_unit_price: None,
    }) = command
    else {
        return command;
    };
    let pick = match pick {
        Pick::Seats(seats) => PickV2::Seats(seats),
        Pick::BestAvailable { quantity, together } => PickV2::BestAvailable {
            quantity,
            together,
            kind: SeatKind::Ordinary,
        },
        Pick::General { quantity } => PickV2::General { quantity },
    };
    Command::ReserveV2(ReserveV2 {
        show,
        user,
        items: vec![Item {
            zone,
            pick,
            types: vec![],
        }],
        code: None,
        expected_total: None,
    })
}

fn to_old(command: Command) -> Command {
    let Command::ReserveV2(ReserveV2 {
        show,
        user,
        items,
        code: None,
        expected_total: None,
    }) = &command
    else {
        return command;
    };
    let [Item { zone, pick, types }] = &items[..] else {
        return command;
    };
    let pick = match pick {
        PickV2::Seats(seats) => Pick::Seats(seats.clone()),
        &PickV2::BestAvailable {
            quantity,
            together,
            kind: SeatKind::Ordinary,
        } => Pick::BestAvailable { quantity, together },
        &PickV2::General { quantity } => Pick::General { quantity },
        PickV2::BestAvailable { .. } => return command,
    };
    if !types.is_empty() {
        return command;
    }
    Command::Reserve(Reserve {
        show: *show,
        user: *user,
        zone: *zone,
        pick,
        expected_unit_price: None,
    })
}

fn xxhash(bytes: &[u8]) -> [u8; 8] {
    xxhash_rust::xxh3::xxh3_64(bytes).to_le_bytes()
}

/// The histories do what they are for.
#[test]
fn histories_have_some_of_everything() {
    let mut kinds: BTreeMap<String, u32> = BTreeMap::new();
    for seed in 0..60 {
        let log = history(seed, 400);
        let mut partition = Partition::new(ID, LIMITS);
        let mut outcomes: Vec<OutcomeRecord> = Vec::new();
        for offset in 0..400 {
            partition.apply(entry(&log, offset), &mut outcomes);
        }
        for record in outcomes {
            let told = match &record.outcome {
                Outcome::Rejected(rejection) => format!("{rejection:?}"),
                other => format!("{other:?}"),
            };
            let name = told.split([' ', '(']).next().unwrap_or_default().to_owned();
            *kinds.entry(name).or_default() += 1;
        }
    }
    for name in [
        "ReservedV2",
        "ConfirmedV2",
        "ReleasedV2",
        "PlacesReturned",
        "OfferSet",
        "CodesCreated",
        "CodesAmended",
        "CodesEnded",
        "SeatsAdded",
        "SeatsTaken",
        "TypeNotOffered",
        "CodeRefused",
        "AccessCodeRequired",
        "TypeQuantity",
        "WrongSeatKind",
        "CompanionAlone",
        "SeatInOwnHold",
        "LeavesSingleSeat",
        "InsufficientStockOf",
        "CodeExists",
        "UnknownCode",
        "NotConfirmed",
        "PlacesNotOfBooking",
        "LayoutChanged",
    ] {
        assert!(
            kinds.get(name).is_some_and(|&count| count > 1),
            "{name} in {kinds:?}"
        );
    }
}
