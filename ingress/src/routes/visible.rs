//! Who sees what: a draft, with its shows, is its organizer's and its admins'; to others it is not
//! there.

use std::sync::Arc;

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

/// The chart of a show that the caller may see.
pub(super) async fn chart(
    state: &AppState,
    caller: Option<&Caller>,
    show: ShowId,
) -> Result<Arc<Chart>, ApiError> {
    let chart = state.charts.chart(show).await?;
    if !chart.is_public() {
        // Maybe it was published since.
        let row = event(state, caller, chart.event).await;
        let row = row.map_err(hidden)?;
        chart.note(row.status);
        // So that the first reservation does not have to ask again.
        state.sold_to.note(&row);
    }
    Ok(chart)
}

/// The chart of a show that is on sale to the public; of a draft nothing is sold to anybody.
pub(super) async fn chart_on_sale(state: &AppState, show: ShowId) -> Result<Arc<Chart>, ApiError> {
    chart(state, None, show).await
}

/// Says no more than of a show that is not there.
fn hidden(error: ApiError) -> ApiError {
    match error.code() {
        Code::NotFound => ApiError::not_found("show"),
        _ => error,
    }
}
