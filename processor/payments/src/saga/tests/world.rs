//! One booking, its payments and refunds, a gateway, the log, the database, and workers that die at any point.

mod gateway;
mod log;
mod workers;

use onsale_fuzz::Random;
use onsale_schemas::command::Currency;
use onsale_schemas::{BookingId, EventId, PartitionId, ShowId, UserId};
use onsale_store::payment::{
    Account, Moved, Payment, PaymentState, Posting, Refund, RefundOf, RefundState,
};
use uuid::Uuid;

use self::gateway::{DAY_MS, Gateway, Habits};
use self::log::Log;
use self::workers::Flight;
use crate::saga::refund::{RefundDue, RefundSeen, decide_refund, observe_refund};
use crate::saga::{Due, Phase, Seen, Terms, decide, leaves_its_sale, observe};

pub(super) const START_MS: u64 = 1_800_000_000_000;
pub(super) const PRICE: i64 = 250_000;
const ATTEMPTS: usize = 6;

type Observe = fn(&Payment, Seen, &Terms, u64) -> Option<(Payment, Moved)>;
type ObserveRefund = fn(&Refund, &Payment, RefundSeen, &Terms, u64) -> Option<(Refund, Moved)>;

/// The code that is held to the rules, or a copy of it with a bug.
#[derive(Clone, Copy)]
pub(super) struct Saga {
    pub(super) decide: fn(&Payment, &Terms, u64) -> Due,
    pub(super) observe: Observe,
    pub(super) decide_refund: fn(&Refund, &Payment, &Terms, u64) -> RefundDue,
    pub(super) observe_refund: ObserveRefund,
    pub(super) leaves_its_sale: fn(&Payment) -> bool,
    /// What is behind the payment's id in a key of the gateway's.
    pub(super) key: fn(&Payment, &'static str) -> String,
}

impl Default for Saga {
    fn default() -> Self {
        Self {
            decide,
            observe,
            decide_refund,
            observe_refund,
            leaves_its_sale,
            key: |_, what| what.to_owned(),
        }
    }
}

/// A payment as it was just opened.
pub(super) fn opened(attempt: u32, amount: i64, hold_ends_ms: u64, now_ms: u64) -> Payment {
    Payment {
        id: Uuid::from_u128(0x0190_0000 + u128::from(attempt)),
        tenant: Uuid::from_u128(1),
        event: EventId(Uuid::from_u128(2)),
        show: ShowId(Uuid::from_u128(3)),
        booking: BookingId::new(PartitionId(0), 7),
        user: UserId(Uuid::from_u128(4)),
        attempt,
        amount,
        currency: Currency(*b"THB"),
        method: "card".to_owned(),
        gateway: "simulated".to_owned(),
        state: PaymentState::Pending,
        version: 1,
        object: None,
        next_action: None,
        failure: None,
        captured: 0,
        refunded: 0,
        hold_ends_ms,
        extended_ms: 0,
        deadline_ms: now_ms + Terms::default().payment_ms,
        tries: 0,
        wake_at_ms: Some(now_ms),
        asked_at_ms: None,
        cancel_asked_at_ms: None,
        created_at_ms: now_ms,
        updated_at_ms: now_ms,
    }
}

/// What happens in one world, which has gone wrong if it says so.
pub(super) struct World {
    random: Random,
    now_ms: u64,
    terms: Terms,
    saga: Saga,
    gateway: Gateway,
    log: Log,
    rows: Vec<Payment>,
    refunds: Vec<Refund>,
    books: Vec<(Uuid, Posting)>,
    flights: Vec<Flight>,
    has_faults: bool,
    /// Whether notices of the gateway arrive.
    has_notices: bool,
    /// Whether anybody asks for refunds: what they explain cannot tell of a ticket that was lost.
    has_refunds: bool,
    /// What happened, for whoever has to find out.
    story: Vec<String>,
    wrong: Option<String>,
}

impl World {
    pub(super) fn new(seed: u64, saga: Saga) -> Self {
        let mut random = Random::new(seed);
        let has_notices = random.below(3) != 0;
        let habits = Habits {
            is_odd: random.below(5) == 0,
            refuses_one_in: [2, 6, 6][random.below(3)],
            refuses_first: random.below(4) == 0,
            lags: random.below(2) == 0,
            pays_late: has_notices && random.below(2) == 0,
        };
        let terms = Terms {
            capture_grace_ms: [600_000, 60_000][random.below(2)],
            ..Terms::default()
        };
        Self {
            gateway: Gateway::new(habits),
            has_notices,
            has_refunds: random.below(2) == 0,
            random,
            now_ms: START_MS,
            terms,
            saga,
            log: Log::new(START_MS + 600_000),
            rows: Vec::new(),
            refunds: Vec::new(),
            books: Vec::new(),
            flights: Vec::new(),
            has_faults: true,
            story: Vec::new(),
            wrong: None,
        }
    }

    /// Lets things happen, then lets them come to rest, and says what is wrong.
    pub(super) fn run(mut self, steps: usize) -> Result<Vec<PaymentState>, String> {
        for _ in 0..steps {
            self.step();
            self.look();
            if self.wrong.is_some() {
                break;
            }
        }
        if self.wrong.is_none() {
            self.come_to_rest();
            self.look_at_rest();
        }
        match self.wrong {
            None => Ok(self.rows.iter().map(|row| row.state).collect()),
            Some(wrong) => {
                let rows: Vec<String> = self.rows.iter().map(|row| format!("{row:?}")).collect();
                let refunds: Vec<String> =
                    self.refunds.iter().map(|row| format!("{row:?}")).collect();
                Err(format!(
                    "{wrong}\n{}\nrows:\n{}\n{}\ngateway: {:?}\nlog: {:?}",
                    self.story.join("\n"),
                    rows.join("\n"),
                    refunds.join("\n"),
                    self.gateway.objects,
                    self.log,
                ))
            }
        }
    }

    fn tell(&mut self, what: impl Into<String>) {
        let at_ms = self.now_ms - START_MS;
        self.story.push(format!("{at_ms:>10} {}", what.into()));
    }

    fn fails(&mut self, what: impl Into<String>) {
        self.wrong.get_or_insert(what.into());
    }

    fn step(&mut self) {
        let waits = |row: &Payment| row.state == PaymentState::CaptureFailed;
        if self.rows.iter().any(waits) {
            // This is seldom, and short.
            match self.random.below(24) {
                0..=2 => self.open_payment(),
                3 => self.pass(self.terms.capture_grace_ms / 3),
                4..=15 => self.work_on_the_sale(),
                _ => {}
            }
        }
        let is_free = self.log.booking == log::Booking::Held && self.now_ms >= self.log.ends_ms;
        if is_free && self.random.below(30) == 0 {
            self.log.others_take(self.now_ms);
        }
        match self.random.below(100) {
            0..=59 => self.work(),
            60..=67 => self.webhook(),
            68..=73 => self.buyer_pays(),
            74..=75 => self.open_payment(),
            76 => self.buyer_cancels(),
            77..=78 => self.open_refund(),
            79..=80 => self.gateway.arrive(self.now_ms, &mut self.random),
            81..=82 => self.log.arrive(self.now_ms),
            83..=94 | 96..=99 if self.gateway.habits.refuses_first => {
                let by_ms = [5, 200, 1_500, 9_000][self.random.below(4)];
                self.pass(by_ms);
            }
            83..=94 => {
                let by_ms = [5, 200, 1_500, 9_000][self.random.below(4)];
                self.pass(by_ms);
            }
            95..=97 => self.pass(60_000),
            98 => match self.random.below(10) {
                0..=3 => self.log.others_take(self.now_ms),
                4 => {
                    self.tell("the show is cancelled");
                    self.log.is_show_cancelled = true;
                }
                5 => {
                    let by_hand = log::Command::Return;
                    if self.log.booking == log::Booking::Held {
                        self.tell("the buyer gives the hold back");
                        self.log.apply("by hand", by_hand, self.now_ms);
                    }
                }
                6 => self.pass(26 * 3_600_000),
                _ => self.pass(300_000),
            },
            _ => {
                if self.random.below(20) == 0 {
                    self.pass(7 * DAY_MS);
                    self.gateway.authorisations_lapse();
                }
            }
        }
    }

    fn pass(&mut self, by_ms: u64) {
        if by_ms >= 60_000 {
            // Nothing stays on its way for longer.
            self.gateway.arrive(self.now_ms, &mut self.random);
            self.log.arrive(self.now_ms);
        }
        self.now_ms += by_ms;
    }

    fn open_payment(&mut self) {
        let is_taken = self.rows.iter().any(|row| row.state.is_live());
        let is_needed = match self.log.booking {
            log::Booking::Held => self.now_ms < self.log.ends_ms,
            // Another payment is waited for.
            log::Booking::Confirmed { .. } => self.rows.iter().any(|row| {
                row.state == PaymentState::CaptureFailed && self.now_ms < row.deadline_ms
            }),
            log::Booking::Cancelled => false,
        };
        if is_taken || !is_needed || self.rows.len() >= ATTEMPTS {
            return;
        }
        let attempt = u32::try_from(self.rows.len() + 1).unwrap();
        self.tell(format!("payment {attempt} is opened"));
        let waited_for = self
            .rows
            .iter()
            .find(|row| row.state == PaymentState::CaptureFailed);
        // Of what is sold already there is no hold: it may take as long as the sale is waited with.
        let ends_ms = waited_for.map_or(self.log.ends_ms, |row| {
            row.deadline_ms + self.terms.cancel_before_end_ms
        });
        let row = opened(attempt, PRICE, ends_ms, self.now_ms);
        self.rows.push(row);
    }

    fn buyer_pays(&mut self) {
        let objects = self.gateway.objects.len();
        if objects > 0 {
            let index = self.random.below(objects);
            self.gateway.buyer_acts(index, &mut self.random);
            let phase = self.gateway.objects[index].state.phase;
            self.tell(format!("the buyer pays: object {index} is {phase:?}"));
        }
    }

    fn buyer_cancels(&mut self) {
        if !self.rows.is_empty() {
            let index = self.random.below(self.rows.len());
            self.tell(format!("the buyer cancels {index}"));
            self.observed(index, Seen::CancelAsked);
        }
    }

    fn open_refund(&mut self) {
        let paid = self
            .rows
            .iter()
            .find(|row| row.state == PaymentState::Succeeded);
        let Some(row) = paid.filter(|_| self.has_refunds && self.refunds.len() < 6) else {
            return;
        };
        let (payment, tenant) = (row.id, row.tenant);
        let asked: i64 = self
            .refunds
            .iter()
            .filter(|refund| refund.payment == payment && refund.state != RefundState::Refused)
            .map(|refund| refund.amount)
            .sum();
        let left = row.captured - asked;
        let (of, amount) = match self.random.below(5) {
            0 => (RefundOf::Booking, left),
            1 => (RefundOf::Booking, left / 2),
            2 => (RefundOf::Amount, left.min(PRICE / 10)),
            _ => {
                let place = u32::try_from(self.random.below(4)).unwrap();
                (RefundOf::Places(vec![place]), left.min(PRICE / 4))
            }
        };
        let number = u32::try_from(self.refunds.len() + 1).unwrap();
        self.tell(format!("refund {number} of {of:?}, {amount}"));
        self.refunds.push(Refund {
            id: Uuid::from_u128(0x0290_0000 + u128::from(number)),
            payment,
            number,
            tenant,
            of,
            amount,
            compensation: 0,
            rule: "amount".to_owned(),
            reason: None,
            state: RefundState::Approved,
            version: 1,
            object: None,
            failure: None,
            tries: 0,
            wake_at_ms: Some(self.now_ms),
            asked_by: None,
            created_at_ms: self.now_ms,
            updated_at_ms: self.now_ms,
        });
    }

    /// What holds at any time.
    fn look(&mut self) {
        let live = self.rows.iter().filter(|row| row.state.is_live()).count();
        if live > 1 {
            self.fails("two payments of the booking are live");
        }
        let is_unbalanced = |(_, posting): &(Uuid, Posting)| !posting.is_balanced();
        if self.books.iter().any(is_unbalanced) {
            self.fails("an entry of the books does not balance");
        }
        for (index, row) in self.rows.iter().enumerate() {
            let of_it = |object: &&gateway::Object| object.payment == index;
            if self.gateway.objects.iter().filter(of_it).count() > 1 {
                self.wrong
                    .get_or_insert(format!("two objects were made for {}", row.id));
            }
        }
        let has_sold_back = self.refunds.iter().any(|refund| {
            let key = format!("{}:refund:{}", refund.payment, refund.number);
            let is_paid_back = self.gateway.refunds.iter().any(|(of, _)| *of == key);
            refund.of == RefundOf::Booking && is_paid_back
        });
        if has_sold_back && self.log.is_ticket() {
            self.fails("paid back before the places were");
        }
    }

    fn come_to_rest(&mut self) {
        self.tell("no more faults");
        self.has_faults = false;
        self.gateway.habits.lags = false;
        self.gateway.habits.pays_late = false;
        self.flights.clear();
        self.gateway.arrive(self.now_ms, &mut self.random);
        self.log.arrive(self.now_ms);
        for _ in 0..300 {
            for index in 0..self.rows.len() {
                for _ in 0..30 {
                    if !self.take_on(index) {
                        break;
                    }
                }
            }
            for index in 0..self.refunds.len() {
                for _ in 0..30 {
                    if !self.take_refund_on(index) {
                        break;
                    }
                }
            }
            // Banks have done with what they work on.
            for index in 0..self.gateway.objects.len() {
                if self.gateway.objects[index].state.phase == Phase::Processing {
                    self.gateway.buyer_acts(index, &mut self.random);
                }
            }
            if self.has_notices {
                // They are repeated for days.
                for index in 0..self.gateway.objects.len() {
                    self.notice_of(index);
                }
            }
            self.now_ms += 600_000;
        }
    }

    /// What holds when nothing is under way any more.
    fn look_at_rest(&mut self) {
        let states: Vec<PaymentState> = self.rows.iter().map(|row| row.state).collect();
        if let Some(state) = states.iter().find(|state| !state.is_final()) {
            self.fails(format!("a payment stays {state:?}"));
        }
        let is_open =
            |refund: &Refund| !matches!(refund.state, RefundState::Done | RefundState::Refused);
        if let Some(open) = self.refunds.iter().find(|refund| is_open(refund)) {
            let number = open.number;
            self.fails(format!("refund {number} is not over"));
        }
        let paid: Vec<usize> = (0..states.len())
            .filter(|index| states[*index] == PaymentState::Succeeded)
            .collect();
        if paid.len() > 1 {
            self.fails("two payments succeeded");
        }
        if self.log.is_ticket() && paid.is_empty() {
            self.fails("a ticket without money");
        }
        let given = |refund: &&Refund| refund.state == RefundState::Done;
        let back: i64 = self.refunds.iter().filter(given).map(|r| r.amount).sum();
        let is_given_up = self.log.is_show_cancelled
            || self
                .refunds
                .iter()
                .any(|refund| given(&refund) && refund.of != RefundOf::Amount);
        if !paid.is_empty() && !self.log.is_ticket() && !is_given_up {
            self.fails("money without a ticket");
        }
        let owed = i64::try_from(paid.len()).unwrap() * PRICE - back;
        if self.gateway.net() != owed {
            let net = self.gateway.net();
            self.fails(format!("the gateway has {net}, and {owed} was paid for"));
        }
        let is_open = |phase: Phase| !matches!(phase, Phase::Captured | Phase::Cancelled);
        let mut objects = self.gateway.objects.iter();
        if let Some(open) = objects.find(|object| is_open(object.state.phase)) {
            let phase = open.state.phase;
            self.fails(format!("something is {phase:?} at the gateway for ever"));
        }
        let balance = |account: Account| -> i64 {
            let lines = self.books.iter().flat_map(|(_, posting)| &posting.lines);
            let of_it = lines.filter(|(of, _)| *of == account);
            of_it.map(|(_, amount)| amount).sum()
        };
        let [booked, owed_to_buyers] = [Account::Gateway, Account::OwedToBuyers].map(balance);
        if booked != self.gateway.net() {
            self.fails(format!("the books say {booked}"));
        }
        if owed_to_buyers != 0 {
            self.fails(format!("the books owe buyers {owed_to_buyers}"));
        }
        for row in &self.rows {
            let objects = self.gateway.objects.iter();
            let its = objects.filter(|object| Some(&object.state.object) == row.object.as_ref());
            let there: (i64, i64) = its.fold((0, 0), |(captured, refunded), object| {
                let state = &object.state;
                (captured + state.captured, refunded + state.refunded)
            });
            if there != (row.captured, row.refunded) {
                self.wrong
                    .get_or_insert(format!("{}: the gateway has {there:?}", row.id));
            }
        }
    }
}
