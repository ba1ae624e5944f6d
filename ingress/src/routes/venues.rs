//! Venues of a tenant, and the maps of their halls.

mod body;
mod create;
mod create_map;
mod delete;
mod generate_map;
mod import_map;
mod list;
mod list_maps;
mod map_body;
mod new_map;
mod one;
mod one_map;
mod update;
mod update_map;

use onsale_accounts::Action;
use onsale_schemas::TenantId;
use onsale_store::venue::VenueRow;
use utoipa_axum::routes;
use uuid::Uuid;

use super::managers::MANAGE_EVENTS;
use super::paging;
use crate::auth::{Caller, Role};
use crate::error::ApiError;
use crate::routes::endpoints::Endpoints;
use crate::rules::Rules;
use crate::state::AppState;

/// The endpoints with their rules.
pub(super) fn endpoints() -> Endpoints {
    Endpoints::default()
        .with(
            routes!(list::list),
            Rules::DEFAULT.compressed().bounds(paging::BOUNDS),
        )
        .with(routes!(create::create), Rules::DEFAULT.bounds(body::BOUNDS))
        .with(routes!(one::one), Rules::DEFAULT)
        .with(routes!(update::update), Rules::DEFAULT)
        .with(routes!(delete::delete), Rules::DEFAULT)
        .with(routes!(list_maps::list), Rules::DEFAULT.compressed())
        .with(routes!(create_map::create), Rules::DEFAULT.large_body())
        .with(
            routes!(one_map::one),
            Rules::DEFAULT.compressed().bounds(one_map::BOUNDS),
        )
        .with(routes!(update_map::update), Rules::DEFAULT.large_body())
        .with(
            routes!(import_map::import),
            Rules::DEFAULT.large_body().bounds(import_map::BOUNDS),
        )
        .with(
            routes!(generate_map::generate),
            Rules::DEFAULT.bounds(generate_map::BOUNDS),
        )
}

fn nothing() -> ApiError {
    ApiError::not_found("venue")
}

/// A venue of the tenant that the caller manages. To others there is no such venue.
async fn managed(state: &AppState, caller: &Caller, id: Uuid) -> Result<VenueRow, ApiError> {
    caller.permit(&MANAGE_EVENTS)?;
    let row = state.store.venue(id).await?.ok_or_else(nothing)?;
    caller.authority_over(TenantId(row.tenant_id), &MANAGE_EVENTS, nothing)?;
    Ok(row)
}

/// Whether the caller sees a venue that no public show takes place in: its tenant's staff, and operators.
fn sees(caller: &Caller, venue: &VenueRow) -> bool {
    let is_within = caller.scope().holds(venue.tenant_id);
    match caller.role {
        Role::Admin | Role::Operator => is_within,
        Role::Organizer => is_within && caller.may_for_tenant(Action::ReadSales).unwrap_or(true),
        Role::Buyer | Role::Service | Role::Platform => false,
    }
}

/// A venue with all of its maps, for those who see it. To others there is no such venue.
async fn seen(state: &AppState, caller: &Caller, id: Uuid) -> Result<VenueRow, ApiError> {
    let row = state.store.venue(id).await?;
    row.filter(|row| sees(caller, row)).ok_or_else(nothing)
}
