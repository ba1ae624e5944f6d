//! Takes payments and refunds on, one step after the other, as jobs and at once for whoever waits.
//!
//! A step loads the row, asks the [saga](crate::saga) what is due, does it at the gateway or in the log, and writes
//! down what was seen by compare-and-set on the row's version. Nothing is held meanwhile: neither a lock nor a
//! transaction. What is lost with a crash is done again under the same key, because all keys follow from the row; and
//! where two take the same payment on at once, both do the same thing and one of them writes it down.
//!
//! A payment that waits has a job that wakes it, enqueued in the transaction of the move that made it wait. While
//! something is due at once there is none: the job at hand is the one that is run again after a crash, and behind all
//! of them the poll looks once a minute at what nobody has woken ([`kinds`]).
//!
//! What is sold over the counter, and what costs nothing, has no gateway and goes the same way (`counter`).

mod addresses;
mod ask_gateway;
mod ask_log;
mod counter;
mod ids;
mod jobs;
mod payments;
mod refunds;
mod siblings;
mod watch;
mod webhooks;

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use onsale_log::CommandLog;
use onsale_private::KeyRing;
use onsale_store::payment::Payment;
use onsale_store::{Store, StoreError};

pub use self::counter::{CASH, NOTHING_DUE};
pub use self::jobs::{kinds, schedule};
pub use self::watch::watch;
use crate::gateway::Gateway;
use crate::saga::Terms;

/// Most steps of one payment at a time: more than its longest way has, so what needs more goes round in circles.
const STEPS_MAX: u32 = 40;

/// Who tells the time, in milliseconds since 1970.
pub type Clock = Arc<dyn Fn() -> u64 + Send + Sync>;

/// Takes payments on. Cheap to clone.
#[derive(Clone)]
pub struct Executor {
    /// Of the installation: nobody in particular asks.
    store: Store,
    log: Arc<dyn CommandLog>,
    /// `None` where only cash and what costs nothing is settled.
    gateway: Option<Arc<dyn Gateway>>,
    terms: Arc<Terms>,
    clock: Clock,
    /// Where browsers reach this installation, without a slash at its end.
    pages_url: Arc<str>,
    /// Opens the addresses of buyers, where a method needs them.
    ring: Option<Arc<KeyRing>>,
}

/// What is left to do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Rest {
    /// There is no such row.
    Unknown,
    /// Nothing, ever.
    Over,
    /// Nothing until then.
    Waits {
        /// The version of the row.
        version: i64,
        /// Until when, in milliseconds since 1970.
        until_ms: u64,
        /// Whether a job that wakes it was left with the last move.
        is_left: bool,
    },
}

/// Why a payment could not be taken on. It stands where it stood, and is taken up again.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The gateway, where a job cannot go on without its answer.
    #[error("the gateway did not answer: {0}")]
    Gateway(String),
    /// It does not come to rest, which is a defect.
    #[error("{0} did not come to rest within {max} steps", max = STEPS_MAX)]
    Restless(String),
}

impl Executor {
    /// Of what is in this database, with a log that decides and a gateway that has the money. Buyers whom a gateway
    /// has sent away come back to `pages_url`.
    pub fn new(
        store: &Store,
        log: Arc<dyn CommandLog>,
        gateway: Option<Arc<dyn Gateway>>,
        terms: Terms,
        pages_url: &str,
        clock: Clock,
    ) -> Self {
        Self {
            store: store.for_installation(),
            log,
            gateway,
            terms: Arc::new(terms),
            clock,
            pages_url: pages_url.trim_end_matches('/').into(),
            ring: None,
        }
    }

    /// Lets it open the addresses of buyers, for methods whose gateway needs them.
    #[must_use]
    pub fn with_addresses(mut self, ring: Arc<KeyRing>) -> Self {
        self.ring = Some(ring);
        self
    }

    /// Whether it opens addresses. Without that, payments by methods that need them wait for a process that does.
    pub fn opens_addresses(&self) -> bool {
        self.ring.is_some()
    }

    /// The gateway that new payments go through.
    pub fn gateway(&self) -> Option<&Arc<dyn Gateway>> {
        self.gateway.as_ref()
    }

    /// Where a gateway sends the buyer back to.
    fn return_url(&self, payment: &Payment) -> String {
        let Payment { id, booking, .. } = payment;
        format!("{}/bookings/{booking}?payment={id}", self.pages_url)
    }

    fn now_ms(&self) -> u64 {
        (self.clock)()
    }
}

/// The clock of the operating system.
pub fn system_clock() -> Clock {
    Arc::new(|| {
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| {
                u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
            })
    })
}
