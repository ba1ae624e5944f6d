//! What calls that add a map have in common.

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, StatusCode};
use onsale_store::StoreError;
use onsale_store::venue::{MapId, MapRow, StoredHall, VenueRow};
use serde::Serialize;
use serde_json::json;

use super::nothing;
use crate::audit;
use crate::error::{ApiError, Code};
use crate::extract;
use crate::idempotency::Identity;
use crate::large_bodies::Share;
use crate::routes::call::Call;
use crate::routes::catalog_call::{derived_id, key_reused, remember};
use crate::submit::Final;

/// The body of a call, which is a file, with its share of the memory for large bodies. Whoever may not send it was
/// refused before.
pub(super) async fn sent(
    call: &Call,
    request: axum::extract::Request,
) -> Result<(Bytes, Option<Share>), ApiError> {
    let max_bytes = call.state.config.http.layout_body_max_bytes;
    extract::file(request, max_bytes, &call.caller, &call.state).await
}

/// The kind of a body, without its parameters and in small letters.
pub(super) fn kind(headers: &HeaderMap) -> String {
    let value = headers.get(CONTENT_TYPE);
    let text = value.and_then(|value| value.to_str().ok());
    let kind = text.unwrap_or_default().split(';').next();
    kind.unwrap_or_default().trim().to_ascii_lowercase()
}

/// Refuses a body of another kind than JSON.
pub(super) fn check_json(headers: &HeaderMap) -> Result<(), ApiError> {
    if kind(headers) == "application/json" {
        return Ok(());
    }
    Err(ApiError::new(
        Code::UnsupportedMediaType,
        "Send the hall as `Content-Type: application/json`.",
    ))
}

/// Adds a map and answers with what `body` makes of it.
pub(super) async fn add<T: Serialize>(
    call: &Call,
    venue: &VenueRow,
    identity: Identity,
    hall: &StoredHall,
    body: impl FnOnce(MapRow) -> T,
) -> Result<Final, ApiError> {
    let state = &call.state;
    let id = MapId {
        venue_id: venue.venue_id,
        map_id: derived_id("map", identity.request_id),
    };
    let entry = audit::actor(&call.caller, &call.context)
        .did("map.create", "map", id.map_id)
        .of_tenant(venue.tenant_id)
        .with(json!({ "venue_id": id.venue_id }));
    let now_ms = state.clock.now_ms();
    let row = match state.store.add_map(id, hall, now_ms, entry).await {
        Ok(row) => row.ok_or_else(nothing)?,
        // An earlier attempt came as far as the row.
        Err(StoreError::Exists(_)) => {
            let present = state.store.map_version(id, Some(1)).await?;
            present
                .map(|present| present.row)
                .filter(|row| row.address == hall.address)
                .ok_or_else(key_reused)?
        }
        Err(error) => return Err(error.into()),
    };
    let answer = Final::new(StatusCode::CREATED, &body(row))?;
    remember(state, identity, answer).await
}
