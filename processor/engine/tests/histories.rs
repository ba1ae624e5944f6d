//! Random histories: the tables agree with each other after every record, a partition that is
//! restored from images continues like one that is not, and clones do not affect each other.
#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests are not seen as tests by the lint"
)]

use onsale_engine::{Batch, Limits, MACHINE_VERSION_KNOWN, NullSink, Partition};
use onsale_schemas::command::{
    Actor, Admission, AmendEvent, AmendShow, BlockPlaces, ClaimReference, Confirm, ConfirmV2,
    Currency, Describe, OpenShow, OpenShowV2, Pick, Reserve, SeatBlock, Subject, ZoneLayout,
};
use onsale_schemas::limits::{ENDED_BOOKING_KEPT_MS, IDEMPOTENCY_WINDOW_MS, REFERENCE_KEPT_MS};
use onsale_schemas::{
    Command, Entry, Envelope, EventId, NodeName, OutcomeRecord, PartitionId, ReferenceHash,
    RequestId, ShowId, Staff, TenantId, UserId, codec,
};
use proptest::prelude::*;

const ID: PartitionId = PartitionId(5);
/// Small, so that every table fills up now and then.
const LIMITS: Limits = Limits {
    shows_max: 3,
    bookings_max: 40,
    remembered_answers_max: 20,
    references_max: 4,
    documents_max_bytes: 60,
    codes_max: 60,
    machine_version_known: MACHINE_VERSION_KNOWN,
};

fn show(n: u8) -> ShowId {
    ShowId::from_bytes([n; 16])
}

fn user(n: u8) -> UserId {
    UserId::from_bytes([n; 16])
}

fn event(n: u8) -> EventId {
    EventId::from_bytes([n; 16])
}

fn tenant(n: u8) -> TenantId {
    TenantId::from_bytes([n; 16])
}

/// A show of the event 0 or 1 with two seated zones and a general one.
fn open(n: u8, hold_ms: u32) -> Command {
    Command::OpenShow(show_to_open(n, hold_ms))
}

/// The same of a tenant, with a cool-down.
fn open_of_tenant(n: u8, tenant_number: u8, cooldown_ms: u32) -> Command {
    Command::OpenShowV2(OpenShowV2 {
        show: show_to_open(n, 5_000),
        tenant: tenant(tenant_number),
        cooldown_ms,
    })
}

fn show_to_open(n: u8, hold_ms: u32) -> OpenShow {
    let zone = |admission| ZoneLayout {
        unit_price: 500,
        currency: Currency(*b"THB"),
        admission,
    };
    OpenShow {
        show: show(n),
        event: event(n % 2),
        max_tickets_per_user: 6,
        sale_opens_at_ms: 0,
        sale_closes_at_ms: u64::MAX,
        hold_ms,
        zones: vec![
            zone(Admission::Seated {
                rows: vec![5, 7, 3],
            }),
            zone(Admission::General { capacity: 12 }),
            zone(Admission::Seated { rows: vec![70] }),
        ],
    }
}

fn pick() -> impl Strategy<Value = (u16, Pick)> {
    prop_oneof![
        proptest::collection::vec(0u32..15, 1..5)
            .prop_map(|seats| (0, Pick::Seats(seats.into_iter().collect()))),
        (15u32..80, 1u32..6).prop_map(|(seat, n)| (2, Pick::Seats((seat..seat + n).collect()))),
        (prop_oneof![Just(0u16), Just(2)], 1u32..7, any::<bool>()).prop_map(
            |(zone, quantity, together)| (zone, Pick::BestAvailable { quantity, together })
        ),
        (1u32..6).prop_map(|quantity| (1, Pick::General { quantity })),
    ]
}

fn places() -> impl Strategy<Value = (u16, BlockPlaces)> {
    prop_oneof![
        proptest::collection::vec(0u32..15, 1..4)
            .prop_map(|seats| (0, BlockPlaces::Seats(seats.into_iter().collect()))),
        (1u32..5).prop_map(|quantity| (1, BlockPlaces::Quantity(quantity))),
    ]
}

/// Bookings are named by how far back they are, so most of them exist.
fn command() -> impl Strategy<Value = (Command, u64)> {
    let shows = 0u8..4;
    let command = prop_oneof![
        8 => (shows.clone(), 0u8..6, pick()).prop_map(|(n, u, (zone, pick))| Command::Reserve(Reserve {
            show: show(n),
            user: user(u),
            zone,
            pick,
            expected_unit_price: None,
        })),
        4 => (prop::bool::ANY, 0u8..3).prop_map(|(by_staff, reference)| Command::Confirm(Confirm {
            booking: 0,
            by: if by_staff { Actor::Staff } else { Actor::Buyer(user(1)) },
            payment_reference: "p".repeat(usize::from(reference)),
        })),
        2 => Just(Command::Release { booking: 0, by: Actor::Staff }),
        1 => Just(Command::Return { booking: 0 }),
        2 => (1u32..9_000).prop_map(|by_ms| Command::Extend { booking: 0, by_ms }),
        1 => (shows.clone(), places())
            .prop_map(|(n, (zone, places))| Command::Block(SeatBlock { show: show(n), zone, places })),
        1 => (shows.clone(), places())
            .prop_map(|(n, (zone, places))| Command::Unblock(SeatBlock { show: show(n), zone, places })),
        1 => (shows.clone(), 1_000u32..9_000).prop_map(|(n, hold_ms)| Command::AmendShow(AmendShow {
            show: show(n),
            max_tickets_per_user: Some(5),
            sale_opens_at_ms: None,
            sale_closes_at_ms: None,
            hold_ms: Some(hold_ms),
            prices: vec![(1, i64::from(hold_ms))],
        })),
        1 => shows.prop_map(|n| Command::CancelShow { show: show(n) }),
        1 => (0u8..5).prop_map(|n| open(n, 5_000)),
        1 => (0u64..4).prop_map(|epoch| Command::Claim { node: NodeName("n".into()), epoch }),
        2 => Just(Command::Tick { epoch: 0 }),
    ];
    (command, 1u64..30)
}

/// What only machine version 2 knows.
fn second_command() -> impl Strategy<Value = (Command, u64)> {
    let subject = prop_oneof![
        (0u8..3).prop_map(|n| Subject::Event(event(n))),
        (0u8..3, 0u8..2).prop_map(|(n, of)| Subject::Show {
            show: show(n),
            event: event(of),
        }),
    ];
    let command = prop_oneof![
        2 => (0u8..5, 1u8..3, 0u32..2).prop_map(|(n, of, cooldown)| {
            open_of_tenant(n, of, cooldown * 4_000)
        }),
        1 => (0u8..3, 0u16..7).prop_map(|(n, max_tickets_per_user)| Command::AmendEvent(
            AmendEvent { event: event(n), max_tickets_per_user }
        )),
        1 => (0u8..12).prop_map(|n| Command::CancelEvent { event: event(n) }),
        4 => (prop::bool::ANY, 0i64..3).prop_map(|(by_staff, paid)| Command::ConfirmV2(ConfirmV2 {
            confirm: Confirm {
                booking: 0,
                by: if by_staff { Actor::Staff } else { Actor::Buyer(user(1)) },
                payment_reference: "p".to_owned(),
            },
            paid: (paid > 0).then_some((500 * paid, Currency(*b"THB"))),
        })),
        6 => (0u8..6).prop_map(|u| Command::Release { booking: 0, by: Actor::Buyer(user(u)) }),
        2 => (0u8..6, 0u64..2).prop_map(|(n, booking)| Command::ClaimReference(ClaimReference {
            reference: ReferenceHash::from_bytes([n; 16]),
            partition: PartitionId(1),
            booking,
        })),
        2 => (subject, 0usize..30).prop_map(|(subject, bytes)| Command::Describe(Describe {
            subject,
            document: vec![7; bytes],
        })),
        2 => Just(Command::ResetClock),
    ];
    (command, 1u64..30)
}

/// One record: what, how long after the one before, under which idempotency key, damaged or not.
#[derive(Clone, Debug)]
struct Step {
    command: Command,
    back: u64,
    later_ms: u64,
    /// How far the log's clock goes back before.
    earlier_ms: u64,
    key: Option<(u8, u64)>,
    damaged: bool,
    /// Staff of a tenant, or of the installation.
    by: Option<Option<u8>>,
}

impl Step {
    /// The log's time of the record after one of that time.
    fn time_after(&self, now: u64) -> u64 {
        (now + self.later_ms).saturating_sub(self.earlier_ms)
    }
}

/// A machine version and what it is given.
#[derive(Clone, Debug)]
struct History {
    version: u16,
    steps: Vec<Step>,
}

fn history(length: std::ops::Range<usize>) -> impl Strategy<Value = History> {
    prop_oneof![
        proptest::collection::vec(step(), length.clone())
            .prop_map(|steps| History { version: 1, steps }),
        proptest::collection::vec(second_step(), length)
            .prop_map(|steps| History { version: 2, steps }),
    ]
}

/// A record of a log of machine version 2.
fn second_step() -> impl Strategy<Value = Step> {
    let plain = (
        step(),
        proptest::option::weighted(0.2, proptest::option::of(1u8..3)),
    )
        .prop_map(|(step, by)| Step { by, ..step });
    let later = prop_oneof![
        12 => 0u64..50,
        8 => 1_000u64..9_000,
        1 => (REFERENCE_KEPT_MS - 1)..(REFERENCE_KEPT_MS + 2),
    ];
    let earlier = prop_oneof![
        4 => Just(0u64),
        2 => 1u64..20_000,
        1 => Just(ENDED_BOOKING_KEPT_MS),
        1 => Just(REFERENCE_KEPT_MS),
    ];
    let key = proptest::option::weighted(0.2, (0u8..12, 0u64..2));
    let by = proptest::option::weighted(0.3, proptest::option::of(1u8..3));
    let new = (second_command(), later, earlier, key, by).prop_map(
        |((command, back), later_ms, earlier_ms, key, by)| {
            let resets = matches!(command, Command::ResetClock);
            Step {
                command,
                back,
                later_ms,
                earlier_ms: if resets { earlier_ms } else { 0 },
                key,
                damaged: false,
                by,
            }
        },
    );
    prop_oneof![2 => plain, 1 => new]
}

fn step() -> impl Strategy<Value = Step> {
    let later = prop_oneof![
        6 => 0u64..50,
        3 => 900u64..6_000,
        1 => (ENDED_BOOKING_KEPT_MS - 1)..(ENDED_BOOKING_KEPT_MS + 2),
        1 => (IDEMPOTENCY_WINDOW_MS - 1)..(IDEMPOTENCY_WINDOW_MS + 2),
    ];
    let key = proptest::option::weighted(0.3, (0u8..12, 0u64..2));
    (command(), later, key, prop::bool::weighted(0.02)).prop_map(
        |((command, back), later_ms, key, damaged)| Step {
            command,
            back,
            later_ms,
            earlier_ms: 0,
            key,
            damaged,
            by: None,
        },
    )
}

fn payload(step: &Step, offset: u64) -> Vec<u8> {
    let mut command = step.command.clone();
    if let Command::Confirm(Confirm { booking, .. })
    | Command::ConfirmV2(ConfirmV2 {
        confirm: Confirm { booking, .. },
        ..
    })
    | Command::Release { booking, .. }
    | Command::Return { booking }
    | Command::Extend { booking, .. } = &mut command
    {
        *booking = offset.saturating_sub(step.back);
    }
    let mut payload = codec::encode(&Envelope {
        request_id: step.key.map(|(id, _)| RequestId::from_bytes([id; 16])),
        idempotency: step.key.map(|(_, fingerprint)| fingerprint),
        trace: None,
        command,
        by: step.by.map(|of| Staff {
            user: user(99),
            tenant: of.map(tenant),
        }),
    })
    .unwrap();
    if step.damaged {
        payload.truncate(payload.len() / 2);
    }
    payload
}

fn image(partition: &Partition) -> Vec<u8> {
    let mut bytes = Vec::new();
    partition.encode_image(&mut bytes).unwrap();
    bytes
}

/// Opens three shows at a machine version and gives the partition and its time.
fn opened(version: u16) -> (Partition, u64) {
    let mut partition = Partition::new(ID, LIMITS);
    let barrier = Command::Barrier {
        machine_version: version,
    };
    apply_command(&mut partition, 1_000, barrier);
    for n in 0..3 {
        let command = if version == 2 && n < 2 {
            open_of_tenant(n, n + 1, 4_000)
        } else {
            open(n, 5_000)
        };
        apply_command(&mut partition, 1_000, command);
    }
    (partition, 1_000)
}

fn apply_command(partition: &mut Partition, log_time_ms: u64, command: Command) {
    let entry = Entry {
        offset: partition.next_offset(),
        log_time_ms,
        payload: &codec::encode(&Envelope::machine(command)).unwrap(),
    };
    partition.apply(entry, &mut NullSink);
}

fn apply(partition: &mut Partition, step: &Step, now: u64) -> Vec<OutcomeRecord> {
    let offset = partition.next_offset();
    let payload = payload(step, offset);
    let mut records = Vec::new();
    partition.apply(
        Entry {
            offset,
            log_time_ms: now,
            payload: &payload,
        },
        &mut records,
    );
    records
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn tables_agree_after_every_record(History { version, steps } in history(1..150)) {
        let (mut partition, mut now) = opened(version);
        for step in &steps {
            now = step.time_after(now);
            let before = partition.last_outcome();
            let digest = partition.digest();
            let records = apply(&mut partition, step, now);
            prop_assert_eq!(partition.self_check(), Ok(()));
            prop_assert!(records.len() <= 1);
            for record in &records {
                prop_assert_eq!(record.previous, before);
            }
            prop_assert_ne!(partition.digest(), digest);
            if let Some(at) = partition.next_expiry_ms() {
                prop_assert_eq!(at <= partition.log_time_ms(), partition.has_backlog());
            }
        }
    }

    /// One partition is restored from an image before every record, the other never.
    #[test]
    fn images_change_nothing(History { version, steps } in history(1..120)) {
        let (mut plain, mut now) = opened(version);
        let mut imaged = plain.clone();
        for step in &steps {
            now = step.time_after(now);
            let bytes = image(&plain);
            prop_assert_eq!(&image(&imaged), &bytes);
            imaged = Partition::decode_image(ID, LIMITS, &bytes).unwrap();
            prop_assert_eq!(imaged.self_check(), Ok(()));
            prop_assert_eq!(&image(&imaged), &bytes);
            prop_assert_eq!(apply(&mut plain, step, now), apply(&mut imaged, step, now));
            prop_assert_eq!(plain.digest(), imaged.digest());
            prop_assert!(plain.bookings().eq(imaged.bookings()));
            prop_assert!(plain.shows().eq(imaged.shows()));
            prop_assert!(plain.documents().eq(imaged.documents()));
            for n in 0..3 {
                prop_assert_eq!(plain.event(event(n)), imaged.event(event(n)));
            }
        }
    }

    /// One partition gets its records one by one, the other in batches, where what was found ahead
    /// is often out of date when its turn comes.
    #[test]
    fn batches_change_nothing(
        History { version, steps } in history(1..200),
        ends in proptest::collection::vec(prop::bool::weighted(0.05), 200),
    ) {
        let (mut plain, mut now) = opened(version);
        let mut batched = plain.clone();
        let mut batch = Batch::default();
        let mut expected = Vec::new();
        let mut outcomes = Vec::new();
        for (step, ends) in steps.iter().zip(ends) {
            now = step.time_after(now);
            let offset = plain.next_offset();
            let payload = payload(step, offset);
            batch.push(&Entry { offset, log_time_ms: now, payload: &payload });
            expected.extend(apply(&mut plain, step, now));
            if batch.is_full() || ends {
                batched.apply_batch(&mut batch, &mut outcomes);
                prop_assert_eq!(batched.self_check(), Ok(()));
            }
        }
        batched.apply_batch(&mut batch, &mut outcomes);
        prop_assert_eq!(outcomes, expected);
        prop_assert_eq!(batched.digest(), plain.digest());
        prop_assert_eq!(image(&batched), image(&plain));
    }

    /// A clone taken on the way is not affected by what follows, and can continue by itself.
    #[test]
    fn clones_do_not_feel_each_other(
        History { version, steps } in history(2..120),
        others in proptest::collection::vec(second_step(), 1..60),
        at in any::<prop::sample::Index>(),
    ) {
        let (mut partition, mut now) = opened(version);
        let (first, rest) = steps.split_at(at.index(steps.len()));
        for step in first {
            now = step.time_after(now);
            apply(&mut partition, step, now);
        }
        let mut frozen = partition.clone();
        let bytes = image(&partition);
        let mut later = now;
        for step in rest {
            later = step.time_after(later);
            apply(&mut partition, step, later);
        }
        prop_assert_eq!(&image(&frozen), &bytes);
        let after = image(&partition);
        for step in &others {
            now = step.time_after(now);
            apply(&mut frozen, step, now);
        }
        prop_assert_eq!(frozen.self_check(), Ok(()));
        prop_assert_eq!(image(&partition), after);
    }

    /// A log with records of version 2 before and after the barrier that makes them count. Up to it
    /// the state is the one of a program that knows version 1 only, whose image the next program
    /// goes on from.
    #[test]
    fn an_upgrade_in_the_middle_of_a_log(
        steps in proptest::collection::vec(second_step(), 2..150),
        at in any::<prop::sample::Index>(),
    ) {
        let (mut newer, mut now) = opened(1);
        let (first, rest) = steps.split_at(at.index(steps.len()));
        let only_first = Limits { machine_version_known: 1, ..LIMITS };
        let mut older = Partition::decode_image(ID, only_first, &image(&newer)).unwrap();
        for step in first {
            now = step.time_after(now);
            prop_assert_eq!(apply(&mut newer, step, now), apply(&mut older, step, now));
        }
        prop_assert_eq!(newer.documents().count(), 0);
        let bytes = image(&older);
        prop_assert_eq!(&image(&newer), &bytes);
        let mut upgraded = Partition::decode_image(ID, LIMITS, &bytes).unwrap();
        for partition in [&mut newer, &mut older, &mut upgraded] {
            apply_command(partition, now, Command::Barrier { machine_version: 2 });
        }
        prop_assert_eq!(older.unsupported_version(), Some(2));
        prop_assert_eq!(newer.unsupported_version(), None);
        let is_refused = Partition::decode_image(ID, only_first, &image(&newer)).is_err();
        prop_assert!(is_refused);
        for step in rest {
            now = step.time_after(now);
            prop_assert_eq!(apply(&mut newer, step, now), apply(&mut upgraded, step, now));
        }
        prop_assert_eq!(newer.self_check(), Ok(()));
        prop_assert_eq!(newer.digest(), upgraded.digest());
        prop_assert_eq!(image(&newer), image(&upgraded));
    }

    /// Whatever the log contains, and whatever its clock does.
    #[test]
    fn apply_is_total(
        payloads in proptest::collection::vec(
            (proptest::collection::vec(any::<u8>(), 0..80), any::<u64>(), prop::bool::ANY),
            1..60,
        ),
        steps in proptest::collection::vec(second_step(), 60),
        version in 1u16..3,
    ) {
        let (mut partition, _) = opened(version);
        for ((bytes, log_time_ms, is_command), step) in payloads.iter().zip(&steps) {
            let offset = partition.next_offset();
            let mut bytes = bytes.clone();
            if *is_command {
                bytes = payload(step, offset);
            } else if let [kind, layout, ..] = &mut bytes[..] {
                // Past the header, so that the body is looked at.
                (*kind, *layout) = (1, 1 + *layout % 2);
            }
            partition.apply(
                Entry { offset, log_time_ms: *log_time_ms, payload: &bytes },
                &mut NullSink,
            );
            prop_assert_eq!(partition.self_check(), Ok(()));
        }
    }
}
