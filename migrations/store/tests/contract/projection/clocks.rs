//! Clocks that were wrong.

use onsale_schemas::{Offset, Outcome};
use onsale_store::Store;
use onsale_store::booking::BookingStatus;
use onsale_store::projection::ProjectionBatch;

use super::status;
use crate::build::{Chain, HOLD_MS, booking, show_id, time_of, user_id, with_show};
use crate::harness::{Bench, contract};

contract!(
    a_sweep_takes_the_time_that_it_needs,
    a_clock_reset_takes_times_back_with_the_machine,
    a_clock_reset_comes_between_what_is_before_and_after_it,
    a_remembered_clock_reset_changes_nothing,
);

const YEAR_MS: u64 = 365 * 86_400_000;

/// Records of a clock that was a year ahead, and the one that set it right.
struct WrongClock {
    chain: Chain,
    /// Reserved and sold before, by the right clock.
    early: Offset,
    sold: Offset,
    /// Reserved, and released, by the wrong one.
    held: Offset,
    released: Offset,
    reset: Offset,
    to_ms: u64,
}

impl WrongClock {
    pub(super) fn new() -> Self {
        let mut chain = Chain::default();
        let early = chain.reserve(1, 1, &[1]);
        let sold = chain.reserve(1, 1, &[2]);
        chain.confirm(1, 1, sold, &[2]);
        let ahead_from = chain.next_offset;
        let held = chain.reserve(1, 1, &[3]);
        let released = chain.reserve(1, 1, &[4]);
        chain.release(1, 1, released, &[4]);
        let reset = chain.next_offset;
        let to_ms = time_of(reset);
        let from_ms = to_ms + YEAR_MS;
        chain.push(Outcome::ClockReset { from_ms, to_ms });
        for record in &mut chain.outcomes[usize::try_from(ahead_from).unwrap()..] {
            record.log_time_ms += YEAR_MS;
            if let Outcome::Reserved(reserved) = &mut record.outcome {
                reserved.expires_at_ms += YEAR_MS;
            }
        }
        Self {
            chain,
            early,
            sold,
            held,
            released,
            reset,
            to_ms,
        }
    }

    /// The records from `from` on before the reset, by the wrong clock.
    fn before(&self, from: Offset) -> ProjectionBatch {
        let mut batch = self.chain.batch(from, self.reset);
        batch.log_time_ms += YEAR_MS;
        batch
    }

    async fn check(&self, store: &Store) {
        let held = booking(store, self.held).await;
        assert_eq!(held.status, BookingStatus::Reserved);
        assert_eq!(held.expires_at_ms, self.to_ms + HOLD_MS);
        assert_eq!(held.reserved_at_ms, time_of(self.held) + YEAR_MS);
        assert_eq!(held.updated_offset, self.reset);
        let early = booking(store, self.early).await;
        assert_eq!(early.expires_at_ms, time_of(self.early) + HOLD_MS);
        assert_eq!(early.updated_offset, self.early);
        let sold = booking(store, self.sold).await;
        assert_eq!(
            status(&sold),
            (BookingStatus::Confirmed, Some(time_of(2)), None)
        );
        assert_eq!(
            status(&booking(store, self.released).await),
            (BookingStatus::Cancelled, None, Some(self.to_ms))
        );
    }
}

/// Notes which time limit each statement has that changes bookings, and makes the sweep take longer than
/// any other statement may, on either side. Only PostgreSQL has limits.
const NOTE_TIME_LIMITS: &str = "CREATE TABLE noted (time_limit text NOT NULL); GRANT INSERT ON noted TO PUBLIC; \
    CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
    INSERT INTO noted SELECT current_setting('statement_timeout'); \
    IF current_setting('statement_timeout') = '1h' THEN PERFORM pg_sleep(16); END IF; \
    RETURN NULL; END $$; \
    CREATE TRIGGER note AFTER UPDATE ON bookings FOR EACH STATEMENT EXECUTE FUNCTION note();";

/// Fails unless the sweep had an hour, and what came before and after it the usual.
const CHECK_TIME_LIMITS: &str = "DO $$ BEGIN \
    ASSERT (SELECT array_agg(time_limit) FROM noted) = ARRAY['10s', '1h', '10s'], \
    (SELECT array_agg(time_limit) FROM noted); END $$";

async fn a_sweep_takes_the_time_that_it_needs(bench: Bench) {
    let is_postgres = !bench.url.starts_with("sqlite");
    let store = &bench.store;
    let mut chain = Chain::default();
    let sold = chain.reserve(1, 1, &[1]);
    let held = chain.reserve(2, 2, &[2]);
    store.project(&chain.all()).await.unwrap();
    if is_postgres {
        bench.tamper(NOTE_TIME_LIMITS).await;
    }
    let before = chain.next_offset;
    chain.confirm(1, 1, sold, &[1]);
    chain.push(Outcome::ShowCancelled { show: show_id(1) });
    chain.push(Outcome::Extended {
        booking: held,
        show: show_id(2),
        user: user_id(2),
        expires_at_ms: time_of(held) + HOLD_MS,
    });
    chain.expire(2, 2, held, &[2]);
    let batch = chain.batch(before, chain.next_offset);
    store.project(&batch).await.unwrap();
    if is_postgres {
        bench.tamper(CHECK_TIME_LIMITS).await;
    }
}

async fn a_clock_reset_takes_times_back_with_the_machine(bench: Bench) {
    let store = &bench.store;
    with_show(store).await;
    let story = WrongClock::new();
    let ahead = store.project(&story.before(0)).await.unwrap();
    assert_eq!(ahead.log_time_ms, time_of(story.reset - 1) + YEAR_MS);
    let held = booking(store, story.held).await;
    assert_eq!(
        held.expires_at_ms,
        time_of(story.held) + YEAR_MS + HOLD_MS,
        "as the log has it so far"
    );
    let rest = story.chain.batch(story.reset, story.chain.next_offset);
    for _ in 0..2 {
        let watermark = store.project(&rest).await.unwrap();
        assert_eq!(watermark.log_time_ms, story.to_ms);
        story.check(store).await;
    }
    // What comes next is by the right clock, and moves the watermark on with it.
    let mut chain = story.chain;
    let next = chain.reserve(1, 2, &[4]);
    let batch = chain.batch(next, next + 1);
    let watermark = store.project(&batch).await.unwrap();
    assert_eq!(watermark.log_time_ms, time_of(next));
}

async fn a_clock_reset_comes_between_what_is_before_and_after_it(bench: Bench) {
    let store = &bench.store;
    with_show(store).await;
    let mut story = WrongClock::new();
    // Longer than a hold that begins now, on purpose and after the clock was right again.
    let extended = story.to_ms + 3 * HOLD_MS;
    let other = story.chain.reserve(1, 2, &[5]);
    story.chain.push(Outcome::Extended {
        booking: other,
        show: show_id(1),
        user: user_id(2),
        expires_at_ms: extended,
    });
    let watermark = store.project(&story.chain.all()).await.unwrap();
    assert_eq!(watermark, story.chain.watermark(story.chain.next_offset));
    story.check(store).await;
    assert_eq!(booking(store, other).await.expires_at_ms, extended);
}

async fn a_remembered_clock_reset_changes_nothing(bench: Bench) {
    let store = &bench.store;
    with_show(store).await;
    let mut story = WrongClock::new();
    let again = story.chain.outcomes.last().unwrap().outcome.clone();
    let other = story.chain.reserve(1, 2, &[5]);
    let extended = story.to_ms + 3 * HOLD_MS;
    story.chain.push(Outcome::Extended {
        booking: other,
        show: show_id(1),
        user: user_id(2),
        expires_at_ms: extended,
    });
    story.chain.push(again);
    story.chain.mark_replay(story.reset);
    store.project(&story.chain.all()).await.unwrap();
    assert_eq!(booking(store, other).await.expires_at_ms, extended);
}
