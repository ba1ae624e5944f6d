//! `GET /payments`

use axum::extract::{RawQuery, State};
use axum::response::Response;
use onsale_accounts::Action;
use onsale_schemas::{EventId, ShowId};
use onsale_store::catalog::TenantScope;
use onsale_store::payment::PaymentFilter;
use serde::Deserialize;
use serde_json::Value;
use utoipa::IntoParams;
use uuid::Uuid;

use super::body::{PaymentBody, STATUSES};
use crate::auth::{Caller, Right, Role};
use crate::bounds::{Bound, Bounds, Of};
use crate::context::RequestContext;
use crate::envelope::{self, Problem, Success};
use crate::error::ApiError;
use crate::extract::Query;
use crate::payments::cards;
use crate::routes::cursor::{self, CursorMeta};
use crate::routes::still;
use crate::state::AppState;

/// What its requests may hold.
pub(super) const BOUNDS: Bounds = &[
    (Of::Parameter("state"), Bound::OneOf(STATES)),
    cursor::LIMIT,
];
