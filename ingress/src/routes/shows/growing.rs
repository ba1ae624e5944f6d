//! What the calls have in common by which a show gets and loses places.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use http::StatusCode;
use onsale_schemas::limits::{ADDITIONS_PER_ZONE_MAX, ROWS_PER_ZONE_MAX, SEATS_PER_SHOW_MAX};
use onsale_schemas::rejection::InvalidReason;
use onsale_schemas::{
    Offset, Outcome, OutcomeRecord, PartitionId, Rejection, ShowId, TenantId, ZoneIndex,
};
use onsale_store::catalog::{SeatIndexes, ShowRow};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::auth::Caller;
use crate::charts::Chart;
use crate::error::{ApiError, Code};
use crate::idempotency::Identity;
use crate::rejection;
use crate::routes::call::Call;
use crate::routes::managers::{MANAGE_EVENTS, Managed, managed_event};
use crate::routes::projected::wait_for;
use crate::routes::visible;
use crate::state::AppState;
use crate::submit::{Answering, Final, unexpected};

/// How long the chart is looked for once the catalog has it: others may just have read the one before.
const CHART_PATIENCE: Duration = Duration::from_millis(300);

/// How long seats are waited for that a caller knows of and the catalog does not have.
const SEATS_PATIENCE: Duration = Duration::from_secs(2);
/// From one look at the catalog for them to the next.
const SEATS_PAUSE: Duration = Duration::from_millis(100);

/// A show whose places the caller may change, as the catalog has it now.
pub(super) struct Growing {
    pub(super) row: ShowRow,
    pub(super) managed: Managed,
    pub(super) chart: Arc<Chart>,
    pub(super) indexes: SeatIndexes,
}

impl Growing {
    /// The show, when the caller manages its event.
    pub(super) async fn of(
        state: &AppState,
        caller: &Caller,
        show: ShowId,
    ) -> Result<Self, ApiError> {
        let row = state.store.show(show).await?;
        let row = row.ok_or_else(|| ApiError::not_found("show"))?;
        let managed = managed_event(state, caller, row.event_id, &MANAGE_EVENTS).await?;
        visible::ensure_listed(state, show).await?;
        let chart = Arc::new(Chart::new(&row, TenantId(managed.row.tenant_id)));
        let indexes = SeatIndexes::of(&row.zones);
        Ok(Self {
            row,
            managed,
            chart,
            indexes,
        })
    }

    /// The same show as the catalog has it once that has this many seats, which the caller knows of from the
    /// log; as it is when the patience is over.
    pub(super) async fn with_seats(self, call: &Call, seats: u32) -> Result<Self, ApiError> {
        let begun = Instant::now();
        let mut growing = self;
        while growing.indexes.end() < seats && begun.elapsed() < SEATS_PATIENCE {
            tokio::time::sleep(SEATS_PAUSE).await;
            growing = Self::of(&call.state, &call.caller, growing.row.show_id).await?;
        }
        Ok(growing)
    }

    /// The place of a zone in the list.
    pub(super) fn zone(&self, id: Uuid) -> Result<usize, ApiError> {
        let mut zones = self.row.zones.iter();
        zones
            .position(|zone| zone.zone_id == id)
            .ok_or_else(|| ApiError::not_found("zone"))
    }
}

/// More than any show has of anything: an addition that expects it is refused, unless it is a repetition, which
/// the log answers as it did before.
pub(super) const NEVER: u32 = u32::MAX;

/// Why an addition may be nothing but a repetition.
pub(super) struct Unfit {
    /// Said only where the log has as much as this.
    at: Option<u32>,
    why: ApiError,
}

impl Unfit {
    /// The refusal of what the show has already. A request without a key is no repetition.
    pub(super) fn unless_again(why: ApiError, identity: &Identity) -> Result<Self, ApiError> {
        if identity.fingerprint.is_some() {
            Ok(Self { at: None, why })
        } else {
            Err(why)
        }
    }

    /// The catalog has lost names of the show, and not all of them are back.
    pub(super) fn lacking() -> Self {
        Self {
            at: None,
            why: ApiError::overloaded(
                "The database does not have the names of all places of the show again. Nothing was changed; try \
                 again later.",
            ),
        }
    }

    /// The client is right about what the show has, and the catalog is behind.
    pub(super) fn behind(expected: u32) -> Self {
        Self {
            at: Some(expected),
            why: ApiError::overloaded(
                "The database is behind the log right now. Nothing was changed; try again.",
            ),
        }
    }
}

/// Places that a show got.
#[derive(Serialize, ToSchema)]
pub(crate) struct AddedPlaces {
    show_id: Uuid,
    zone_id: Uuid,
    /// How many were added.
    added: u32,
    /// Places of the zone now.
    total_seats: u32,
    /// `false`: the chart of the hall, which was made before, does not draw them. They are in `/seats` and
    /// `/availability` in their zone. `null`: the show was not made from a map and has no such chart.
    is_drawn: Option<bool>,
}

/// Answers an addition, with the chart as it is then.
pub(super) struct Adding {
    /// Its id for clients, of a new zone too.
    pub(super) zone_id: Uuid,
    /// Places of the zone before.
    pub(super) had: u32,
    pub(super) status: StatusCode,
    /// Set where it was handed in as a repetition alone.
    pub(super) unfit: Option<Unfit>,
}

impl Adding {
    fn refusal(&self, why: &Rejection) -> ApiError {
        match (&self.unfit, why) {
            (Some(unfit), Rejection::LayoutChanged { now })
                if unfit.at.is_none_or(|at| at == *now) =>
            {
                unfit.why.clone()
            }
            // Only places are added with what their sender expects; of zones it is counted here.
            (_, Rejection::LayoutChanged { now }) if self.status == StatusCode::OK => {
                let detail = format!(
                    "There are other places by now than `expected` says. For rows it is how many seats the show \
                     has had, for general admission how many places the zone has: {now}. Send that where they are \
                     still to be added. Nothing was changed."
                );
                ApiError::new(Code::LayoutChanged, detail).with_details(json!({ "now": now }))
            }
            _ => refused(why),
        }
    }
}

#[async_trait]
impl Answering for Adding {
    async fn answer(
        &self,
        state: &AppState,
        partition: PartitionId,
        record: &OutcomeRecord,
    ) -> Result<Final, ApiError> {
        let (show, zone, added) = match &record.outcome {
            Outcome::SeatsAdded {
                show, zone, places, ..
            } => (*show, *zone, *places),
            Outcome::Rejected(why) => return Err(self.refusal(why)),
            other => return Err(unexpected("adding places", other)),
        };
        let total = total_since(state, partition, record, (show, zone)).await;
        let chart = state.charts.chart(show).await.ok();
        let has_chart = chart.is_some_and(|chart| chart.drawn.is_some());
        Final::new(
            self.status,
            &AddedPlaces {
                show_id: show.0,
                zone_id: self.zone_id,
                added,
                total_seats: total.unwrap_or(self.had.saturating_add(added)),
                is_drawn: has_chart.then_some(false),
            },
        )
    }
}

/// A refusal by the limits of a layout names those that only the log counts.
fn refused(why: &Rejection) -> ApiError {
    let Rejection::Invalid {
        reason: InvalidReason::Layout,
    } = why
    else {
        return rejection::to_error(why, None, None);
    };
    let expected = format!(
        "at most {ADDITIONS_PER_ZONE_MAX} additions of rows to one zone, {ROWS_PER_ZONE_MAX} rows in it, and \
         {SEATS_PER_SHOW_MAX} seats in the whole show"
    );
    ApiError::new(Code::ValidationError, format!("rows: expected {expected}"))
        .with_details(json!({ "field": "rows", "expected": expected }))
}

/// Where the record is that decided: the first one with its key.
pub(super) fn decided_at(record: &OutcomeRecord) -> Offset {
    record.replay_of.map_or(record.offset, |first| first.offset)
}

/// Waits until the catalog has what the record did, so that whoever asked for it finds it there. Gives the
/// places of the zone then; `None` when the projection is behind, which is no reason to call it failed.
pub(super) async fn total_since(
    state: &AppState,
    partition: PartitionId,
    record: &OutcomeRecord,
    (show, zone): (ShowId, ZoneIndex),
) -> Option<u32> {
    let at = decided_at(record);
    state.charts.note_grown(show, at);
    wait_for(state, partition, record.offset).await.ok()?;
    let chart = state.charts.chart_since(show, at, CHART_PATIENCE).await;
    state.charts.forget_show(show).await;
    let chart = chart.ok().filter(|chart| chart.version >= Some(at))?;
    if let Some(live) = state.live.get(show) {
        live.renew(&chart);
    }
    chart.zone(zone).map(crate::charts::ChartZone::total)
}
