//! What the calls have in common by which a show gets and loses places.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use http::StatusCode;
use onsale_schemas::{Offset, Outcome, OutcomeRecord, PartitionId, ShowId, TenantId, ZoneIndex};
use onsale_store::catalog::{SeatIndexes, ShowRow};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::auth::Caller;
use crate::charts::Chart;
use crate::error::ApiError;
use crate::rejection;
use crate::routes::managers::{MANAGE_EVENTS, Managed, managed_event};
use crate::routes::projected::wait_for;
use crate::state::AppState;
use crate::submit::{Answering, Final, unexpected};

/// How long the chart is looked for once the catalog has it: others may just have read the one before.
const CHART_PATIENCE: Duration = Duration::from_millis(300);

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
        let chart = Arc::new(Chart::new(&row, TenantId(managed.row.tenant_id)));
        let indexes = SeatIndexes::of(&row.zones);
        Ok(Self {
            row,
            managed,
            chart,
            indexes,
        })
    }

    /// The place of a zone in the list.
    pub(super) fn zone(&self, id: Uuid) -> Result<usize, ApiError> {
        let mut zones = self.row.zones.iter();
        zones
            .position(|zone| zone.zone_id == id)
            .ok_or_else(|| ApiError::not_found("zone"))
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
            Outcome::Rejected(why) => return Err(rejection::to_error(why, None, None)),
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

/// Where the record is that decided: the first one with its key.
fn decided_at(record: &OutcomeRecord) -> Offset {
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
