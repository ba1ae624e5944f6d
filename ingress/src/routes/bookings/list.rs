//! `GET /bookings`

use axum::extract::State;
use axum::response::Response;
use onsale_schemas::BookingId;
use onsale_store::booking::{BookingFilter, BookingStatus};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::body::BookingBody;
use crate::auth::Caller;
use crate::bounds::{Bound, Bounds, Of};
use crate::context::RequestContext;
use crate::envelope::{self, Problem, Success};
use crate::error::ApiError;
use crate::extract::Query;
use crate::routes::{ownership, projected};
use crate::state::AppState;

/// Bookings of one page.
pub(super) const LIMIT_MAX: u32 = 100;
const LIMIT_DEFAULT: u32 = 20;

/// What its requests may hold.
pub(super) const BOUNDS: Bounds = &[
    (Of::Parameter("limit"), Bound::Range(1, LIMIT_MAX as u64)),
    (
        Of::Parameter("status"),
        Bound::OneOf(&["reserved", "confirmed", "cancelled", "expired"]),
    ),
];

/// Which of the caller's bookings.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListQuery {
    /// `reserved`, `confirmed`, `cancelled` or `expired`.
    #[param(value_type = Option<String>)]
    status: Option<BookingStatus>,
    /// `meta.next_cursor` of the page before.
    cursor: Option<String>,
    /// Bookings per page, 1 to 100 (default 20).
    limit: Option<u32>,
}

/// Added to `meta`.
#[derive(Serialize, ToSchema)]
pub(super) struct CursorMeta {
    /// Where the next page begins; `null` on the last one.
    next_cursor: Option<String>,
}

/// The caller's bookings, newest first, with those that it made as a guest and has taken over.
#[utoipa::path(
    get, path = "/api/v1/bookings", operation_id = "list_bookings", tag = "bookings", params(ListQuery),
    security(("bearer" = [])),
    responses(
        (status = 200, description = "`meta.next_cursor` leads to the next page", body = Success<Vec<BookingBody>>),
        (status = 400, description = "`VALIDATION_ERROR`", body = Problem),
    ),
)]
pub(crate) async fn list(
    State(state): State<AppState>,
    context: RequestContext,
    caller: Caller,
    Query(query): Query<ListQuery>,
) -> Result<Response, ApiError> {
    let after = match &query.cursor {
        Some(cursor) => Some(read_cursor(cursor).ok_or_else(|| {
            ApiError::invalid("cursor", cursor, "a next_cursor of an earlier answer")
        })?),
        None => None,
    };
    page(
        &state,
        &context,
        BookingFilter {
            user_id: caller.user,
            status: query.status,
            expires_after_ms: None,
            after,
            limit: limit(query.limit)?,
        },
    )
    .await
}

pub(super) fn limit(asked: Option<u32>) -> Result<u32, ApiError> {
    let limit = asked.unwrap_or(LIMIT_DEFAULT);
    if (1..=LIMIT_MAX).contains(&limit) {
        Ok(limit)
    } else {
        Err(ApiError::invalid(
            "limit",
            limit,
            &format!("1 to {LIMIT_MAX}"),
        ))
    }
}

/// A page of bookings, not older than what their owner has been answered.
pub(super) async fn page(
    state: &AppState,
    context: &RequestContext,
    mut filter: BookingFilter,
) -> Result<Response, ApiError> {
    let taken_over = ownership::guests_of(state, filter.user_id).await?;
    projected::wait_for_all(state, filter.user_id).await?;
    for guest in &taken_over {
        projected::wait_for_all(state, *guest).await?;
    }
    let limit = usize::try_from(filter.limit).unwrap_or(usize::MAX);
    // One more than the page, to know whether there is a next one.
    filter.limit += 1;
    let mut rows = state.store.bookings_together(&filter, &taken_over).await?;
    let more = rows.len() > limit;
    rows.truncate(limit);
    let next_cursor = rows
        .last()
        .filter(|_| more)
        .map(|row| write_cursor(row.reserved_at_ms, row.booking_id));
    let mut bodies = Vec::with_capacity(rows.len());
    for row in rows {
        bodies.push(BookingBody::of(state, row).await?);
    }
    envelope::success_page(context, &bodies, &CursorMeta { next_cursor })
}

fn write_cursor(reserved_at_ms: u64, booking: BookingId) -> String {
    format!("{reserved_at_ms:x}.{}", booking.as_uuid().simple())
}

fn read_cursor(cursor: &str) -> Option<(u64, BookingId)> {
    let (time, id) = cursor.split_once('.')?;
    Some((
        u64::from_str_radix(time, 16).ok()?,
        BookingId::from_uuid(Uuid::try_parse(id).ok()?)?,
    ))
}

#[cfg(test)]
mod tests {
    use onsale_schemas::PartitionId;

    use super::*;

    #[test]
    fn a_cursor_leads_back_and_a_made_up_one_nowhere() {
        let booking = BookingId::new(PartitionId(3), 99);
        assert_eq!(
            read_cursor(&write_cursor(1_234, booking)),
            Some((1_234, booking))
        );
        for bad in [
            "",
            ".",
            "12",
            "x.00030000-0000-8053-b471-7c6100003039",
            "1.abc",
        ] {
            assert_eq!(read_cursor(bad), None, "{bad}");
        }
    }
}
