//! A log of machine version 1 always leads to the same outcomes, digest and image.
#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests are not seen as tests by the lint"
)]

use onsale_engine::{Limits, Partition};
use onsale_schemas::command::{
    Actor, Admission, AmendShow, BlockPlaces, Confirm, Currency, OpenShow, Pick, Reserve,
    SeatBlock, ZoneLayout,
};
use onsale_schemas::{
    Command, Entry, Envelope, EventId, NodeName, OutcomeRecord, PartitionId, RequestId, ShowId,
    UserId, codec,
};
use xxhash_rust::xxh3::{Xxh3, xxh3_64};

const RECORDS: u64 = 4_000;
const HOLD_MS: u32 = 50_000;

/// A generator that never changes, on any platform.
struct Rng(u64);

impl Rng {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n
    }

    fn small(&mut self, n: u8) -> u8 {
        u8::try_from(self.below(n.into())).unwrap()
    }
}

fn show(n: u8) -> ShowId {
    ShowId::from_bytes([n; 16])
}

fn open(n: u8) -> Command {
    let zone = |admission| ZoneLayout {
        unit_price: 1_500,
        currency: Currency(*b"THB"),
        admission,
    };
    Command::OpenShow(OpenShow {
        show: show(n),
        event: EventId::from_bytes([n % 3; 16]),
        max_tickets_per_user: 6,
        sale_opens_at_ms: 0,
        sale_closes_at_ms: 1 << 50,
        hold_ms: HOLD_MS + u32::from(n),
        zones: vec![
            zone(Admission::Seated {
                rows: vec![12, 9, 14, 9],
            }),
            zone(Admission::General { capacity: 60 }),
        ],
    })
}

fn command(rng: &mut Rng, offset: u64) -> Command {
    let n = rng.small(8);
    let booking = offset.saturating_sub(rng.below(25));
    let zone = u16::from(n % 2);
    match rng.below(40) {
        0..=14 => {
            let quantity = 1 + u32::from(rng.small(4));
            Command::Reserve(Reserve {
                show: show(n),
                user: UserId::from_bytes([rng.small(30); 16]),
                zone,
                pick: match (zone, rng.below(2)) {
                    (1, _) => Pick::General { quantity },
                    (_, 0) => Pick::BestAvailable {
                        quantity,
                        together: n > 3,
                    },
                    _ => {
                        let seat = u32::from(rng.small(44));
                        Pick::Seats((seat..seat + quantity).collect())
                    }
                },
                expected_unit_price: (n > 6).then_some(1_500),
            })
        }
        15..=21 => Command::Confirm(Confirm {
            booking,
            by: Actor::Staff,
            payment_reference: "p".repeat(1 + usize::from(rng.small(2))),
        }),
        22..=24 => Command::Release {
            booking,
            by: Actor::Staff,
        },
        25 => Command::Return { booking },
        26 | 27 => Command::Extend {
            booking,
            by_ms: 700,
        },
        28 => Command::Block(SeatBlock {
            show: show(n),
            zone: 1,
            places: BlockPlaces::Quantity(2),
        }),
        29 => Command::Unblock(SeatBlock {
            show: show(n),
            zone: 1,
            places: BlockPlaces::Quantity(1),
        }),
        30 => Command::AmendShow(AmendShow {
            show: show(n),
            max_tickets_per_user: Some(4 + u16::from(n)),
            sale_opens_at_ms: None,
            sale_closes_at_ms: None,
            hold_ms: Some(HOLD_MS + 100 * u32::from(n)),
            prices: vec![(zone, 1_500 + i64::from(n % 3))],
        }),
        31 if n == 0 => Command::CancelShow {
            show: show(rng.small(8)),
        },
        32 | 33 => open(rng.small(12)),
        34 => Command::Claim {
            node: NodeName("n".to_owned()),
            epoch: offset / 50,
        },
        35 => Command::Barrier { machine_version: 1 },
        _ => Command::Tick { epoch: 0 },
    }
}

#[test]
fn a_log_of_version_1() {
    let mut rng = Rng(20_260_101);
    let mut partition = Partition::new(PartitionId(5), Limits::default());
    let mut outcomes = Xxh3::new();
    let mut emitted = 0;
    let mut now = 1_000_000;
    for offset in 0..RECORDS {
        now += match rng.below(400) {
            0 if offset < RECORDS - 600 => 3_600_000,
            1..=40 => 2_000,
            n => n % 50,
        };
        let keyed = rng.below(3) == 0;
        let command = if offset < 8 {
            open(u8::try_from(offset).unwrap())
        } else {
            command(&mut rng, offset)
        };
        let payload = codec::encode(&Envelope {
            request_id: keyed.then(|| RequestId::from_bytes([rng.small(200); 16])),
            idempotency: keyed.then(|| rng.below(2)),
            ..Envelope::machine(command)
        })
        .unwrap();
        let mut records: Vec<OutcomeRecord> = Vec::new();
        let entry = Entry {
            offset,
            log_time_ms: now,
            payload: &payload,
        };
        partition.apply(entry, &mut records);
        for record in records {
            outcomes.update(&codec::encode(&record).unwrap());
            emitted += 1;
        }
    }
    partition.self_check().unwrap();
    let mut image = Vec::new();
    partition.encode_image(&mut image).unwrap();
    let stats = partition.stats();
    assert!(
        stats.confirmed > 10 && stats.live_holds > 3 && stats.ended > 3,
        "{stats:?}"
    );
    let found = (
        emitted,
        outcomes.digest(),
        partition.digest(),
        image.len(),
        xxh3_64(&image),
    );
    assert_eq!(found, GOLDEN);
}

/// Outcomes, hash of their bytes, digest, length and hash of the image.
const GOLDEN: (u64, u64, u64, usize, u64) = (
    3_644,
    2_175_862_994_496_083_469,
    5_186_265_652_337_392_841,
    12_794,
    11_548_690_581_645_258_655,
);
