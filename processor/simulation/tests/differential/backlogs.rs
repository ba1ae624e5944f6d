//! More falls due at once than one record may clear: the bound must not be visible.

use onsale_schemas::command::{
    Actor, Admission, Confirm, Currency, OpenShow, Pick, Reserve, ZoneLayout,
};
use onsale_schemas::limits::{
    ENDED_BOOKING_KEPT_MS, EXPIRIES_PER_ENTRY_MAX, IDEMPOTENCY_WINDOW_MS,
};
use onsale_schemas::{
    Command, Envelope, EventId, Offset, Outcome, OutcomeRecord, Rejection, RequestId, ShowId,
    UserId, codec,
};
use onsale_simulation::model::ModelLimits;
use onsale_simulation::workload::Generated;

use crate::pair::{Also, Pair};

const HOLD_MS: u32 = 60_000;
const START_MS: u64 = 1_000_000;
/// Well above every bound of work per record.
const MANY: u64 = 6_000;
/// The bound.
const MAX: u64 = EXPIRIES_PER_ENTRY_MAX as u64;

fn id(kind: u8, number: u64) -> [u8; 16] {
    let mut bytes = [kind; 16];
    bytes[8..].copy_from_slice(&number.to_be_bytes());
    bytes
}

fn show(number: u64) -> ShowId {
    ShowId::from_bytes(id(b's', number))
}

struct Scene {
    pair: Pair,
    now: u64,
}

impl Scene {
    /// Two shows of one event with a general zone each, limit 3.
    fn new(limits: ModelLimits) -> Self {
        let mut scene = Self {
            pair: Pair::new(limits),
            now: START_MS,
        };
        for number in 1..=2 {
            scene.run(Command::OpenShow(OpenShow {
                show: show(number),
                event: EventId::from_bytes(id(b'e', 0)),
                max_tickets_per_user: 3,
                sale_opens_at_ms: 0,
                sale_closes_at_ms: u64::MAX,
                hold_ms: HOLD_MS,
                zones: vec![ZoneLayout {
                    unit_price: 1,
                    currency: Currency(*b"THB"),
                    admission: Admission::General { capacity: 50_000 },
                }],
            }));
        }
        scene
    }

    fn run(&mut self, command: Command) -> OutcomeRecord {
        self.pair.command(self.now, command).unwrap()
    }

    fn tick(&mut self) -> Option<OutcomeRecord> {
        let tick = Envelope::machine(Command::Tick { epoch: 0 });
        self.pair.envelope(self.now, &tick).unwrap()
    }

    fn reserve(&mut self, of: u64, user: u64) -> OutcomeRecord {
        self.run(reserve(of, user, 1))
    }

    /// One place each for many users, the first booking's offset.
    fn reserve_many(&mut self, of: u64, users: u64) -> Offset {
        let first = self.pair.model().next_offset();
        for user in 0..users {
            let record = self.reserve(of, user);
            assert!(matches!(record.outcome, Outcome::Reserved(_)));
        }
        first
    }
}

fn reserve(of: u64, user: u64, quantity: u32) -> Command {
    Command::Reserve(Reserve {
        show: show(of),
        user: UserId::from_bytes(id(b'u', user)),
        zone: 0,
        pick: Pick::General { quantity },
        expected_unit_price: None,
    })
}

fn tick(log_time_ms: u64) -> Generated {
    let envelope = Envelope::machine(Command::Tick { epoch: 0 });
    Generated {
        log_time_ms,
        payload: codec::encode(&envelope).unwrap(),
    }
}

fn release(booking: Offset) -> Command {
    Command::Release {
        booking,
        by: Actor::Staff,
    }
}

fn confirm(booking: Offset, by: Actor) -> Command {
    Command::Confirm(Confirm {
        booking,
        by,
        payment_reference: "p".to_owned(),
    })
}

fn limits(bookings_max: u64) -> ModelLimits {
    ModelLimits {
        bookings_max: u32::try_from(bookings_max).unwrap(),
        ..ModelLimits::default()
    }
}

/// A due hold that was not swept yet is expired by a valid command of a caller who may touch it.
#[test]
fn due_holds_that_are_named() {
    let stranger = Actor::Buyer(UserId::from_bytes(id(b'?', 0)));
    type Make = fn(Offset, Actor) -> Command;
    let commands: [Make; 8] = [
        |booking, _| confirm(booking, Actor::Staff),
        |booking, _| release(booking),
        |booking, _| Command::Return { booking },
        |booking, _| Command::Extend { booking, by_ms: 1 },
        |booking, _| Command::Extend { booking, by_ms: 0 },
        confirm,
        |booking, by| Command::Release { booking, by },
        |booking, by| {
            Command::Confirm(Confirm {
                booking,
                by,
                payment_reference: String::new(),
            })
        },
    ];
    for (number, make) in commands.iter().enumerate() {
        let mut scene = Scene::new(limits(MANY));
        let first = scene.reserve_many(1, MAX + 20);
        scene.now += u64::from(HOLD_MS);
        let named = first + MAX + 7;
        let record = scene.run(make(named, stranger));
        let expired: Vec<Offset> = record.expired.iter().map(|e| e.booking).collect();
        assert_eq!(
            expired[..EXPIRIES_PER_ENTRY_MAX].last(),
            Some(&(first + MAX - 1))
        );
        let named_too = expired.last() == Some(&named);
        assert_eq!(named_too, number < 4, "command {number}");
        scene.tick();
        scene.tick();
    }
}

/// Unswept holds keep their places and their users' tickets.
#[test]
fn due_holds_that_are_not_named() {
    let mut scene = Scene::new(limits(MANY));
    for _ in 0..3 {
        scene.reserve_many(1, MAX);
    }
    scene.now += u64::from(HOLD_MS);
    for user in [0, 5, MAX - 1, 5] {
        scene.run(reserve(2, user, 2));
    }
}

#[test]
fn ended_bookings_beyond_the_kept_time_are_unknown_and_make_room() {
    let mut scene = Scene::new(limits(MANY));
    let first = scene.reserve_many(1, MANY);
    for booking in first..first + MANY {
        scene.run(release(booking));
    }
    assert!(matches!(
        scene.reserve(1, 0).outcome,
        Outcome::Rejected(Rejection::Full { .. })
    ));
    scene.now += ENDED_BOOKING_KEPT_MS;
    for booking in [first + MANY - 1, first, first + MANY / 2] {
        let got = scene.run(release(booking)).outcome;
        assert_eq!(got, Outcome::Rejected(Rejection::UnknownBooking));
    }
    scene.reserve_many(1, 10);
}

/// The first record after the kept time finds room at once.
#[test]
fn a_full_table_has_room_at_the_very_record_at_which_its_rows_are_too_old() {
    let mut scene = Scene::new(limits(MANY));
    let first = scene.reserve_many(1, MANY);
    for booking in first..first + MANY {
        scene.run(release(booking));
    }
    scene.now += ENDED_BOOKING_KEPT_MS - 1;
    scene.reserve(1, 0);
    scene.now += 1;
    scene.reserve_many(1, MANY);
    scene.reserve(1, 1);
}

#[test]
fn answers_beyond_their_window_are_not_given_again_and_make_room() {
    let mut scene = Scene::new(ModelLimits {
        remembered_answers_max: u32::try_from(MANY).unwrap(),
        ..ModelLimits::default()
    });
    let ask = |key: u64| Envelope {
        request_id: Some(RequestId::from_bytes(id(b'k', key))),
        idempotency: Some(1),
        trace: None,
        command: Command::CloseShow { show: show(9) },
        by: None,
    };
    let start = scene.now;
    for key in 0..MANY {
        scene.pair.envelope(scene.now, &ask(key)).unwrap();
    }
    scene.now = start + IDEMPOTENCY_WINDOW_MS - 1;
    for key in [0, MANY - 1, MANY] {
        scene.pair.envelope(scene.now, &ask(key)).unwrap();
    }
    scene.now += 1;
    for key in (0..MANY).rev() {
        let record = scene.pair.envelope(scene.now, &ask(key)).unwrap().unwrap();
        assert_eq!(record.replay_of, None);
        assert!(matches!(
            record.outcome,
            Outcome::Rejected(Rejection::UnknownShow)
        ));
    }
}

/// However large it was.
#[test]
fn a_cancelled_show_gives_its_tickets_back_at_once() {
    let mut scene = Scene::new(limits(3 * MANY));
    let first = scene.reserve_many(1, MANY);
    for booking in first..first + MANY / 2 {
        scene.run(confirm(booking, Actor::Staff));
    }
    for booking in first + MANY / 2..first + MANY / 2 + 50 {
        scene.run(release(booking));
    }
    scene.run(Command::CancelShow { show: show(1) });
    for user in [0, MANY - 1, MANY / 2, 1, MANY - 2, 2 * MAX] {
        let record = scene.run(reserve(2, user, 3));
        assert!(matches!(record.outcome, Outcome::Reserved(_)), "{record:?}");
    }
    for booking in [first, first + MANY / 2, first + MANY - 1] {
        let got = scene.run(confirm(booking, Actor::Staff)).outcome;
        assert_eq!(got, Outcome::Rejected(Rejection::ShowCancelled));
    }
    // Nor do its holds expire any more.
    scene.now += u64::from(HOLD_MS);
    let record = scene.run(release(first));
    assert_eq!(record.expired.len(), 6);
    let record = scene.run(reserve(2, MANY - 1, 3));
    assert!(matches!(record.outcome, Outcome::Reserved(_)), "{record:?}");
    scene.now += ENDED_BOOKING_KEPT_MS;
    for booking in [first, first + MANY / 2, first + MANY - 1] {
        scene.run(confirm(booking, Actor::Staff));
    }
}

/// However many holds of a cancelled show would expire now, those of others expire in time.
#[test]
fn void_holds_do_not_hold_up_others() {
    for (ended, live) in [
        (0, 3 * MAX),
        (MAX / 2, 2 * MAX),
        (3 * MAX, 100),
        (2 * MAX, 2 * MAX),
    ] {
        let mut scene = Scene::new(limits(10 * MANY));
        let first = scene.reserve_many(1, ended);
        for booking in first..first + ended {
            scene.run(release(booking));
        }
        scene.reserve_many(1, live);
        scene.reserve_many(2, MAX / 2);
        scene.run(Command::CancelShow { show: show(1) });
        scene.now += u64::from(HOLD_MS);
        let first_tick = scene.tick();
        assert_eq!(
            first_tick.map(|record| record.expired.len()),
            Some(EXPIRIES_PER_ENTRY_MAX / 2)
        );
        scene.tick();
        scene.reserve_many(2, MAX);
    }
}

/// One after the other, with every kind of booking in them, through snapshots.
#[test]
fn two_large_shows_are_cancelled() {
    let mut scene = Scene::new(limits(10 * MANY));
    let first = scene.reserve_many(1, 3 * MAX);
    let second = scene.reserve_many(2, 3 * MAX);
    for booking in (first..first + 3 * MAX).step_by(7) {
        scene.run(confirm(booking, Actor::Staff));
    }
    scene.now += u64::from(HOLD_MS);
    scene.tick();
    // Late confirms among them, so that there is every kind of booking.
    for booking in (second..second + 3 * MAX).step_by(5) {
        scene.run(confirm(booking, Actor::Staff));
    }
    scene.reserve_many(2, MAX);
    scene.run(Command::CancelShow { show: show(2) });
    scene.run(Command::CancelShow { show: show(1) });
    scene.run(Command::CancelShow { show: show(2) });
    for wait in [
        0,
        u64::from(HOLD_MS),
        ENDED_BOOKING_KEPT_MS - 1,
        0,
        1,
        0,
        0,
        0,
    ] {
        scene.now += wait;
        let tick = tick(scene.now);
        let all = Also {
            self_check: true,
            snapshot: true,
        };
        scene.pair.step(&tick, all).unwrap();
    }
}

/// The kept time of a large cancelled show runs out with the very next record.
#[test]
fn void_bookings_are_forgotten() {
    for ended in [0, MAX] {
        let mut scene = Scene::new(limits(5 * MAX));
        let first = scene.reserve_many(1, 5 * MAX);
        for booking in first..first + ended {
            scene.run(release(booking));
        }
        scene.run(Command::CancelShow { show: show(1) });
        scene.now += ENDED_BOOKING_KEPT_MS;
        for user in [0, 5 * MAX - 1, 2 * MAX, 1, 5 * MAX - 2] {
            scene.run(reserve(2, user, 3));
            scene.run(confirm(first + user, Actor::Staff));
        }
    }
}

/// Bookings of a cancelled show count in the table until they are forgotten, like any ended one.
#[test]
fn a_cancelled_show_leaves_its_bookings_in_the_table() {
    let mut scene = Scene::new(limits(MANY));
    scene.reserve_many(1, MANY);
    scene.run(Command::CancelShow { show: show(1) });
    for _ in 0..10 {
        scene.reserve(2, 0);
        scene.tick();
    }
    scene.now += ENDED_BOOKING_KEPT_MS;
    scene.reserve(2, 0);
}

/// A snapshot in the middle of each backlog carries the rest of it.
#[test]
fn backlogs_survive_snapshots() {
    let mut scene = Scene::new(limits(4 * MANY));
    let first = scene.reserve_many(1, MANY / 2);
    scene.reserve_many(2, MANY / 2);
    for booking in first..first + MANY / 4 {
        scene.run(release(booking));
    }
    scene.run(Command::CancelShow { show: show(1) });
    scene.now += u64::from(HOLD_MS);
    let all = Also {
        self_check: true,
        snapshot: true,
    };
    for step in 0..12 {
        if step == 8 {
            scene.now += ENDED_BOOKING_KEPT_MS;
        }
        let tick = tick(scene.now);
        scene.pair.step(&tick, all).unwrap();
    }
}
