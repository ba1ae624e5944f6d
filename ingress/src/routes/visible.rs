//! Who sees what: a draft, with its shows, is its organizer's and its admins'; to others it is not
//! there.

use std::sync::Arc;
use std::time::Duration;

use onsale_schemas::{EventId, ShowId};
use onsale_store::catalog::{EventRow, EventStatus};

use super::managers::sees_all_of;
use crate::auth::Caller;
use crate::charts::Chart;
use crate::error::{ApiError, Code};
use crate::state::AppState;

/// An event that the caller may see.
pub(super) async fn event(
    state: &AppState,
    caller: Option<&Caller>,
    event: EventId,
) -> Result<EventRow, ApiError> {
    state
        .store
        .event(event)
        .await?
        .filter(|row| is_visible(caller, row))
        .ok_or_else(|| ApiError::not_found("event"))
}

/// Whether the caller may see an event. One that was deleted nobody sees.
pub(super) fn is_visible(caller: Option<&Caller>, row: &EventRow) -> bool {
    let is_public = row.status != EventStatus::Draft;
    !row.is_deleted() && (is_public || caller.is_some_and(|caller| sees_all_of(caller, row)))
}

/// From one look at whether a public show is still there to the next.
const LOOK_PAUSE: Duration = Duration::from_secs(2);
/// How long such a look may keep its reader waiting. The others do not wait.
const LOOK_PATIENCE: Duration = Duration::from_secs(1);

/// The chart of a show that the caller may see. One that was withdrawn nobody sees.
pub(super) async fn chart(
    state: &AppState,
    caller: Option<&Caller>,
    show: ShowId,
) -> Result<Arc<Chart>, ApiError> {
    let chart = state.charts.chart(show).await?;
    if chart.is_public() && chart.is_look_due(LOOK_PAUSE) {
        let looking = state.charts.is_withdrawn(&chart);
        // While the database is away, what is public stays so.
        if let Ok(Ok(true)) = tokio::time::timeout(LOOK_PATIENCE, looking).await {
            chart.hide();
        }
    }
    visible(state, caller, chart).await
}

/// A chart that the caller may see.
async fn visible(
    state: &AppState,
    caller: Option<&Caller>,
    chart: Arc<Chart>,
) -> Result<Arc<Chart>, ApiError> {
    if !chart.is_public() {
        if state.charts.is_withdrawn(&chart).await? {
            return Err(ApiError::not_found("show"));
        }
        // Maybe it was published since.
        let row = event(state, caller, chart.event).await;
        let row = row.map_err(hidden)?;
        chart.note(row.status);
        // So that the first reservation does not have to ask again.
        state.sold_to.note(&row);
    }
    Ok(chart)
}

/// The chart of a show that is on sale to the public; of a draft nothing is sold to anybody. Of one that was
/// withdrawn the log sells nothing, so no sale waits for the catalog.
pub(super) async fn chart_on_sale(state: &AppState, show: ShowId) -> Result<Arc<Chart>, ApiError> {
    let chart = state.charts.chart(show).await?;
    visible(state, None, chart).await
}

/// Refuses what is asked of a show that was taken out of every list, whoever asks.
pub(super) async fn ensure_listed(state: &AppState, show: ShowId) -> Result<(), ApiError> {
    if state.store.is_show_removed(show).await? {
        return Err(ApiError::not_found("show"));
    }
    Ok(())
}

/// Says no more than of a show that is not there.
fn hidden(error: ApiError) -> ApiError {
    match error.code() {
        Code::NotFound => ApiError::not_found("show"),
        _ => error,
    }
}
