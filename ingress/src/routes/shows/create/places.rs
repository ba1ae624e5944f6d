//! Where the places of a new show come from.

use onsale_schemas::ShowId;
use onsale_store::catalog::EventRow;
use serde_json::Value;
use uuid::Uuid;

use super::ShowRequest;
use crate::error::ApiError;
use crate::routes::shows::layout::{self, Layout, MapRequest};
use crate::state::AppState;

/// The places of a new show: zones that were listed, or those of a map.
///
/// # Errors
/// `VALIDATION_ERROR`; `NOT_FOUND` for a map that the tenant does not have.
pub(super) async fn places(
    state: &AppState,
    event: &EventRow,
    show: Uuid,
    request: &mut ShowRequest,
) -> Result<Layout, ApiError> {
    let prices = request.prices.take();
    let not_for_sale = request.not_for_sale.take();
    match (request.zones.take(), request.map_id) {
        (Some(zones), None) => {
            for (field, is_given) in [
                ("map_version", request.map_version.is_some()),
                ("prices", prices.is_some()),
                ("not_for_sale", not_for_sale.is_some()),
            ] {
                if is_given {
                    let expected = "map_id beside it, and no zones";
                    return Err(ApiError::wrong(
                        field,
                        Value::Null,
                        "is about a map",
                        expected,
                    ));
                }
            }
            Ok(Layout {
                zones: layout::zones(show, zones)?,
                of: None,
            })
        }
        (None, Some(map_id)) => {
            let version = match request.map_version {
                Some(version) => Some(version),
                // A call that is made again makes no other show where the map has another version by now.
                None => {
                    let present = state.store.show(ShowId(show)).await?;
                    present.and_then(|show| show.map).map(|map| map.version)
                }
            };
            let map = MapRequest {
                map_id,
                version,
                prices: prices.unwrap_or_default(),
                not_for_sale: not_for_sale.unwrap_or_default(),
            };
            let made = layout::of_map(state, event.tenant_id, show, map).await?;
            Ok(Layout {
                zones: made.zones,
                of: Some((made.map, made.chart)),
            })
        }
        (Some(_), Some(_)) => Err(ApiError::wrong(
            "zones",
            Value::Null,
            "a show of a map has the zones of the map",
            "either zones or map_id",
        )),
        (None, None) => Err(ApiError::wrong(
            "zones",
            Value::Null,
            "is required",
            "zones, or map_id with prices",
        )),
    }
}
