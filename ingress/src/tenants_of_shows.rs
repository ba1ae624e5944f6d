//! The tenants of shows: a show never changes its tenant, so each is looked up once.
//!
//! Staff who act on a booking must be known to act within its tenant before anything is submitted.
//! The database knows it, and is asked when the first reservation of a show is seen, so that no
//! payment has to wait for it.

use std::collections::HashSet;
use std::sync::Arc;

use onsale_log::OutcomeBatch;
use onsale_schemas::{Outcome, ShowId, TenantId};
use parking_lot::Mutex;

use crate::bounded::Bounded;
use crate::error::ApiError;
use crate::state::AppState;

/// Shows whose tenants are remembered; about 80 bytes each.
const SHOWS_MAX: usize = 262_144;
/// Lookups in flight that were triggered by reservations; beyond that, the next reservation
/// triggers one again.
const LEARNT_AT_ONCE_MAX: usize = 16;

/// See the module.
pub(crate) struct TenantsOfShows {
    known: Mutex<Bounded<ShowId, TenantId>>,
    being_learnt: Mutex<HashSet<ShowId>>,
}

impl TenantsOfShows {
    pub(crate) fn new() -> Self {
        Self {
            known: Mutex::new(Bounded::new(SHOWS_MAX)),
            being_learnt: Mutex::default(),
        }
    }

    /// The tenant of a show, if it was looked up before.
    fn known(&self, show: ShowId) -> Option<TenantId> {
        self.known.lock().get(&show).copied()
    }

    fn note(&self, show: ShowId, tenant: TenantId) {
        self.known.lock().get_or_insert_with(show, || tenant);
    }

    /// The tenant of a show; `NOT_FOUND` when there is none.
    pub(crate) async fn of(state: &AppState, show: ShowId) -> Result<TenantId, ApiError> {
        let tenants = &state.tenants_of_shows;
        if let Some(tenant) = tenants.known(show) {
            return Ok(tenant);
        }
        let tenant = state.charts.chart(show).await?.tenant;
        tenants.note(show, tenant);
        Ok(tenant)
    }

    /// Applies outcomes: looks up the shows whose places are being reserved.
    pub(crate) fn seen(state: &AppState, batch: &OutcomeBatch) {
        for show in state.tenants_of_shows.to_learn(batch) {
            let state = state.clone();
            let learning = Learning {
                tenants: state.tenants_of_shows.clone(),
                show,
            };
            tokio::spawn(async move {
                let _learning = learning;
                if let Err(error) = Self::of(&state, show).await {
                    tracing::debug!(%show, "its tenant is not known yet: {}", error.detail());
                }
            });
        }
    }

    /// The shows of a batch that have not been looked up yet; marks them as being looked up.
    fn to_learn(&self, batch: &OutcomeBatch) -> Vec<ShowId> {
        let mut last = None;
        let mut wanted = Vec::new();
        for record in &batch.records {
            let show = match &record.outcome {
                Outcome::Reserved(reserved) => reserved.show,
                Outcome::ReservedV2(order) => order.show,
                _ => continue,
            };
            // During a rush nearly all records belong to one show.
            if last.replace(show) == Some(show) || self.known(show).is_some() {
                continue;
            }
            let mut being_learnt = self.being_learnt.lock();
            if being_learnt.len() < LEARNT_AT_ONCE_MAX && being_learnt.insert(show) {
                wanted.push(show);
            }
        }
        wanted
    }
}

/// A look-up under way. However it ends, the show may be looked up again.
struct Learning {
    tenants: Arc<TenantsOfShows>,
    show: ShowId,
}

impl Drop for Learning {
    fn drop(&mut self) {
        self.tenants.being_learnt.lock().remove(&self.show);
    }
}

#[cfg(test)]
mod tests {
    use onsale_schemas::outcome::Reserved;
    use onsale_schemas::{EventId, OutcomeRecord, PartitionId, SeatList, UserId};

    use super::*;

    fn show(n: u8) -> ShowId {
        ShowId::from_bytes([n; 16])
    }

    fn batch(shows: impl IntoIterator<Item = u8>) -> OutcomeBatch {
        let reserved = |(offset, n): (u64, u8)| OutcomeRecord {
            offset,
            previous: None,
            log_time_ms: 0,
            request_id: None,
            replay_of: None,
            expired: Vec::new(),
            outcome: Outcome::Reserved(Reserved {
                booking: offset,
                show: show(n),
                event: EventId::from_bytes([1; 16]),
                user: UserId::from_bytes([2; 16]),
                zone: 0,
                seats: SeatList::new(),
                quantity: 1,
                unit_price: 1,
                currency: "THB".parse().unwrap(),
                expires_at_ms: 0,
            }),
        };
        OutcomeBatch {
            partition: PartitionId(1),
            records: (0..).zip(shows).map(reserved).collect(),
        }
    }

    #[test]
    fn a_show_is_asked_for_with_its_first_reservation_and_a_few_at_once() {
        let tenants = TenantsOfShows::new();
        tenants.note(show(1), TenantId::from_bytes([9; 16]));
        assert_eq!(
            tenants.to_learn(&batch([1, 2, 2, 3, 2])),
            [show(2), show(3)]
        );
        assert!(tenants.to_learn(&batch([2, 1])).is_empty());
        let many = tenants.to_learn(&batch(10..100));
        assert_eq!(many.len(), LEARNT_AT_ONCE_MAX - 2);
        let tenants = Arc::new(tenants);
        let learning = Learning {
            tenants: tenants.clone(),
            show: show(2),
        };
        let panicked = std::thread::spawn(move || {
            let _learning = learning;
            panic!("the look-up failed");
        });
        assert!(panicked.join().is_err());
        assert_eq!(tenants.to_learn(&batch([2])), [show(2)]);
        assert_eq!(tenants.known(show(1)), Some(TenantId::from_bytes([9; 16])));
    }
}
