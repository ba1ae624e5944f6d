//! Scenes of machine version 3 that histories made by chance have hardly ever.

use onsale_schemas::code::{AmendCodes, CodeTerms, CreateCodes, Discount, EndedCodes};
use onsale_schemas::command::{
    Actor, Admission, Confirm, Currency, OpenShow, OpenShowV2, ZoneLayout,
};
use onsale_schemas::limits::EXPIRIES_PER_ENTRY_MAX;
use onsale_schemas::offer::{Offer, Scope};
use onsale_schemas::order::{Item, PickV2, ReserveV2};
use onsale_schemas::rejection::CodeRefusal;
use onsale_schemas::seating::{OpenShowV3, RowPlan, SeatKind, Special, ZonePlan};
use onsale_schemas::{
    CodeHash, Command, Envelope, EventId, Offset, Outcome, Rejection, SeatIndex, ShowId, TenantId,
    UserId, ZoneIndex, codec,
};
use onsale_simulation::model::ModelLimits;
use onsale_simulation::workload::Generated;

use crate::pair::{Also, Pair};

const HOLD_MS: u32 = 60_000;
const SHOW: ShowId = ShowId::from_bytes([1; 16]);

struct Scene {
    pair: Pair,
    now: u64,
}

impl Scene {
    /// A show without a limit, on sale for ever.
    fn new(admissions: Vec<Admission>, plans: Vec<ZonePlan>) -> Self {
        let mut scene = Self {
            pair: Pair::new(ModelLimits {
                machine_version_known: 3,
                ..ModelLimits::default()
            }),
            now: 1_000_000,
        };
        let barrier = Envelope::machine(Command::Barrier { machine_version: 3 });
        scene.pair.envelope(scene.now, &barrier).unwrap();
        let zone = |admission| ZoneLayout {
            unit_price: 1_000,
            currency: Currency(*b"THB"),
            admission,
        };
        let show = OpenShow {
            show: SHOW,
            event: EventId::from_bytes([2; 16]),
            max_tickets_per_user: 0,
            sale_opens_at_ms: 0,
            sale_closes_at_ms: u64::MAX,
            hold_ms: HOLD_MS,
            zones: admissions.into_iter().map(zone).collect(),
        };
        let opened = scene.run(Command::OpenShowV3(Box::new(OpenShowV3 {
            show: OpenShowV2 {
                show,
                tenant: TenantId::from_bytes([3; 16]),
                cooldown_ms: 0,
            },
            plans,
            companions_per_accessible: 1,
            offer: Offer::default(),
        })));
        assert!(matches!(opened, Outcome::ShowOpened { .. }), "{opened:?}");
        scene
    }

    fn run(&mut self, command: Command) -> Outcome {
        self.pair.command(self.now, command).unwrap().outcome
    }

    /// The booking of an order that is held.
    #[track_caller]
    fn hold(&mut self, command: Command) -> Offset {
        match self.run(command) {
            Outcome::Reserved(reserved) => reserved.booking,
            Outcome::ReservedV2(reserved) => reserved.booking,
            other => panic!("{other:?}"),
        }
    }

    #[track_caller]
    fn refuse(&mut self, command: Command, expected: &Rejection) {
        assert_eq!(self.run(command), Outcome::Rejected(expected.clone()));
    }

    /// A tick, after which everything is counted again and restored. How many entries expire.
    fn tick(&mut self) -> usize {
        let tick = Envelope::machine(Command::Tick { epoch: 0 });
        let record = Generated {
            log_time_ms: self.now,
            payload: codec::encode(&tick).unwrap(),
        };
        let all = Also {
            self_check: true,
            snapshot: true,
        };
        let outcome = self.pair.step(&record, all).unwrap();
        outcome.map_or(0, |record| record.expired.len())
    }
}

fn general() -> Admission {
    Admission::General { capacity: 2_000 }
}

fn code(n: u8) -> CodeHash {
    CodeHash::from_bytes([n; 16])
}

fn order(user: u16, items: Vec<Item>, with: Option<u8>) -> Command {
    let mut id = [4; 16];
    id[14..].copy_from_slice(&user.to_be_bytes());
    Command::ReserveV2(ReserveV2 {
        show: SHOW,
        user: UserId::from_bytes(id),
        items,
        code: with.map(code),
        expected_total: None,
    })
}

fn item(zone: ZoneIndex, pick: PickV2) -> Item {
    Item {
        zone,
        pick,
        types: vec![],
    }
}

fn place(zone: ZoneIndex) -> Item {
    item(zone, PickV2::General { quantity: 1 })
}

/// One of many codes, none of which is [`code`].
fn many(n: u32) -> CodeHash {
    let mut id = [0xff; 16];
    id[12..].copy_from_slice(&n.to_be_bytes());
    CodeHash::from_bytes(id)
}

fn create(codes: &[u8], uses_max: u32, uses_per_user_max: u16) -> Command {
    let codes = codes.iter().copied().map(code).collect();
    create_all(codes, uses_max, uses_per_user_max)
}

fn create_all(codes: Vec<CodeHash>, uses_max: u32, uses_per_user_max: u16) -> Command {
    Command::CreateCodes(Box::new(CreateCodes {
        show: SHOW,
        group: 1,
        terms: terms(uses_max, uses_per_user_max),
        codes,
    }))
}

fn terms(uses_max: u32, uses_per_user_max: u16) -> CodeTerms {
    CodeTerms {
        discount: Some(Discount::OffBp(1_000)),
        presale: false,
        opens: false,
        uses_max,
        uses_per_user_max,
        places_max: 0,
        from_ms: 0,
        until_ms: u64::MAX,
        scope: Scope::default(),
    }
}

fn release(booking: Offset) -> Command {
    Command::Release {
        booking,
        by: Actor::Staff,
    }
}

fn confirm(booking: Offset) -> Command {
    Command::Confirm(Confirm {
        booking,
        by: Actor::Staff,
        payment_reference: "p".to_owned(),
    })
}

/// A late payment asks for a use like an order does: of all users, and of its own.
#[test]
fn a_late_payment_needs_a_use() {
    for (uses_max, of_user, second) in [(1, 0, 2), (0, 1, 1)] {
        let mut scene = Scene::new(vec![general()], vec![]);
        scene.run(create(&[1], uses_max, of_user));
        let with_code = |user| order(user, vec![place(0)], Some(1));
        let first = scene.hold(with_code(1));
        scene.now += u64::from(HOLD_MS);
        let in_the_way = scene.hold(with_code(second));
        scene.refuse(confirm(first), &Rejection::ReservationExpired);
        scene.refuse(release(first), &Rejection::ReservationExpired);
        scene.tick();
        scene.run(release(in_the_way));
        let confirmed = scene.run(confirm(first));
        let Outcome::ConfirmedV2(confirmed) = confirmed else {
            panic!("{confirmed:?}");
        };
        assert!(confirmed.revived);
        scene.tick();
        let why = if of_user > 0 {
            CodeRefusal::UsedUpByUser
        } else {
            CodeRefusal::UsedUp
        };
        scene.refuse(with_code(1), &Rejection::CodeRefused { why });
    }
}

/// It asks for no more than a use: the window of the code may be over, and the code be for another
/// zone by now.
#[test]
fn a_late_payment_looks_at_no_window_and_no_scope() {
    let mut scene = Scene::new(vec![general(), general()], vec![]);
    scene.run(create(&[1], 1, 0));
    let held = scene.hold(order(1, vec![place(0)], Some(1)));
    let amended = scene.run(Command::AmendCodes(Box::new(AmendCodes {
        show: SHOW,
        group: 1,
        terms: CodeTerms {
            until_ms: 1,
            scope: Scope {
                zones: vec![1],
                types: 0,
            },
            ..terms(1, 0)
        },
    })));
    assert!(matches!(amended, Outcome::CodesAmended { .. }));
    scene.now += u64::from(HOLD_MS);
    let confirmed = scene.run(confirm(held));
    let Outcome::ConfirmedV2(confirmed) = confirmed else {
        panic!("{confirmed:?}");
    };
    assert_eq!((confirmed.total, confirmed.revived), (900, true));
    let over = Rejection::CodeRefused {
        why: CodeRefusal::Over,
    };
    scene.refuse(order(2, vec![place(1)], Some(1)), &over);
    scene.tick();
}

/// The number of a group that was ended may be used again; its codes of then stay unknown, and the
/// bookings that have them count for nothing.
#[test]
fn a_group_that_begins_again_has_new_codes_only() {
    let mut scene = Scene::new(vec![general()], vec![]);
    scene.run(create(&[1, 2], 1, 0));
    // So many that the engine has not cleared them all away when the group begins again.
    for thousand in 0..10u32 {
        let codes = (0..1_000).map(|n| many(1_000 * thousand + n)).collect();
        scene.run(create_all(codes, 1, 0));
    }
    let of_old = scene.hold(order(1, vec![place(0)], Some(1)));
    let ended = scene.run(Command::EndCodes {
        show: SHOW,
        which: EndedCodes::Group(1),
    });
    assert!(matches!(ended, Outcome::CodesEnded { ended: 10_002, .. }));
    scene.run(create(&[1, 3], 1, 0));
    let unknown = Rejection::CodeRefused {
        why: CodeRefusal::Unknown,
    };
    scene.refuse(order(2, vec![place(0)], Some(2)), &unknown);
    scene.tick();
    // The booking with the old code neither counts for the new one nor gives a use of it back.
    scene.hold(order(2, vec![place(0)], Some(1)));
    scene.run(release(of_old));
    scene.tick();
    let used_up = Rejection::CodeRefused {
        why: CodeRefusal::UsedUp,
    };
    scene.refuse(order(3, vec![place(0)], Some(1)), &used_up);
}

/// The nearest companion seat is not the first one of the zone.
#[test]
fn a_companion_seat_is_near_the_accessible_one() {
    let special = |first, kind| Special {
        first,
        count: 1,
        kind,
    };
    let row = |special| RowPlan {
        special,
        ..RowPlan::default()
    };
    let plan = ZonePlan {
        zone: 0,
        rows: vec![
            row(vec![special(3, SeatKind::Companion)]),
            row(vec![
                special(0, SeatKind::Companion),
                special(2, SeatKind::Accessible),
                special(3, SeatKind::Companion),
            ]),
        ],
    };
    let seated = Admission::Seated { rows: vec![4, 4] };
    let mut scene = Scene::new(vec![seated], vec![plan]);
    let best = |kind| {
        let pick = PickV2::BestAvailable {
            quantity: 1,
            together: false,
            kind,
        };
        item(0, pick)
    };
    let both = vec![best(SeatKind::Accessible), best(SeatKind::Companion)];
    let held = scene.run(order(1, both, None));
    let Outcome::Reserved(reserved) = held else {
        panic!("{held:?}");
    };
    let expected: [SeatIndex; 2] = [6, 7];
    assert_eq!(reserved.seats[..], expected);
    scene.tick();
}

/// An order counts for as many entries of what expires as it has zones, and is not cut in two.
#[test]
fn orders_do_not_expire_by_halves() {
    let mut scene = Scene::new(vec![general(), general()], vec![]);
    scene.hold(order(0, vec![place(0)], None));
    let orders = 600;
    for user in 1..=orders {
        scene.hold(order(user, vec![place(1), place(0)], None));
    }
    scene.now += u64::from(HOLD_MS);
    let first = EXPIRIES_PER_ENTRY_MAX - 1;
    assert_eq!(first % 2, 1, "one more order would be one entry too many");
    assert_eq!(scene.tick(), first);
    assert_eq!(scene.tick(), 1 + 2 * usize::from(orders) - first);
}
