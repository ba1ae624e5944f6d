//! `POST /venues/{id}/maps/generate`

use axum::response::Response;
use onsale_halls::generate::{Shape, generate as make};
use onsale_halls::limits::NAME_MAX_CHARS;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use super::map_body::MapBody;
use super::{managed, new_map};
use crate::auth::Caller;
use crate::bounds::{Bound, Bounds, Of};
use crate::envelope::{Problem, Success};
use crate::error::ApiError;
use crate::extract::{JsonBody, PathId, RequestBody};
use crate::halls;
use crate::idempotency::IdempotencyKey;
use crate::routes::call::Call;
use crate::routes::catalog_call::recall;
use crate::routes::managers::MANAGE_EVENTS;
use crate::state::AppState;

const SCHEMA: &str = "GenerateRequest";
/// Shapes that there are.
const SHAPES: &[&str] = &["theatre", "arena", "club", "rectangle"];

pub(super) const BOUNDS: Bounds = &[
    (Of::Field(SCHEMA, "name"), Bound::Line(NAME_MAX_CHARS)),
    (Of::Field(SCHEMA, "shape"), Bound::OneOf(SHAPES)),
];

/// A hall of a common shape. Numbers that are left out have their defaults; each shape knows its own.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "shape": "theatre", "name": "Great House", "stalls_seats": 928, "balcony_seats": 560,
}))]
pub(crate) struct GenerateRequest {
    /// `theatre`, `arena`, `club` or `rectangle`.
    shape: String,
    /// What the hall is called; as the venue when left out.
    name: Option<String>,
    /// Of a theatre.
    stalls_seats: Option<u32>,
    /// Of a theatre; 0 for none.
    balcony_seats: Option<u32>,
    /// Of a theatre.
    stalls_aisles: Option<u32>,
    /// Of a theatre.
    balcony_aisles: Option<u32>,
    /// Of a theatre, each with a companion's seat.
    wheelchairs: Option<u32>,
    /// Of an arena.
    seats: Option<u32>,
    /// Of an arena, in each of its two tiers.
    sections: Option<u32>,
    /// Of an arena: rows of its lower tier.
    lower_rows: Option<u32>,
    /// Of a club: people on its floor.
    standing: Option<u32>,
    /// Of a club.
    tables: Option<u32>,
    /// Of a club.
    chairs_per_table: Option<u32>,
    /// Of a rectangle.
    rows: Option<u32>,
    /// Of a rectangle.
    seats_per_row: Option<u32>,
    /// Of a rectangle.
    aisles: Option<u32>,
}

impl RequestBody for GenerateRequest {
    fn admit(caller: &Caller, _state: &AppState) -> Result<(), ApiError> {
        caller.permit(&MANAGE_EVENTS)
    }
}

impl GenerateRequest {
    /// The shape with its numbers.
    fn shape(&self) -> Result<Shape, ApiError> {
        let numbers = Self::numbers(&self.shape).ok_or_else(|| {
            let expected = format!("one of {}", SHAPES.join(", "));
            ApiError::invalid("shape", &self.shape, &expected)
        })?;
        for (name, number) in self.all() {
            if number.is_some() && !numbers.contains(&name) {
                return Err(ApiError::wrong(
                    name,
                    number,
                    &format!("a {} has no such number", self.shape),
                    &format!("some of {}", numbers.join(", ")),
                ));
            }
        }
        let given = self.all().into_iter().filter_map(|(name, number)| {
            let number = number?;
            Some((name.to_owned(), json!(number)))
        });
        let mut whole: Map<String, Value> = given.collect();
        whole.insert("shape".to_owned(), json!(self.shape));
        serde_json::from_value(Value::Object(whole)).map_err(|error| {
            let expected = "numbers that such a hall can have";
            ApiError::wrong("body", Value::Null, &error.to_string(), expected)
        })
    }

    /// What numbers a shape has; `None` for one that there is not.
    fn numbers(shape: &str) -> Option<&'static [&'static str]> {
        match shape {
            "theatre" => Some(&[
                "stalls_seats",
                "balcony_seats",
                "stalls_aisles",
                "balcony_aisles",
                "wheelchairs",
            ]),
            "arena" => Some(&["seats", "sections", "lower_rows"]),
            "club" => Some(&["standing", "tables", "chairs_per_table"]),
            "rectangle" => Some(&["rows", "seats_per_row", "aisles"]),
            _ => None,
        }
    }

    fn all(&self) -> [(&'static str, Option<u32>); 14] {
        [
            ("stalls_seats", self.stalls_seats),
            ("balcony_seats", self.balcony_seats),
            ("stalls_aisles", self.stalls_aisles),
            ("balcony_aisles", self.balcony_aisles),
            ("wheelchairs", self.wheelchairs),
            ("seats", self.seats),
            ("sections", self.sections),
            ("lower_rows", self.lower_rows),
            ("standing", self.standing),
            ("tables", self.tables),
            ("chairs_per_table", self.chairs_per_table),
            ("rows", self.rows),
            ("seats_per_row", self.seats_per_row),
            ("aisles", self.aisles),
        ]
    }
}

/// Give a venue a map of a common shape by a few numbers.
#[utoipa::path(
    post, path = "/api/v1/venues/{id}/maps/generate", operation_id = "generate_map", tag = "venues",
    request_body = GenerateRequest,
    params(
        ("id" = Uuid, Path, description = "The venue"),
        IdempotencyKey,
    ),
    security(("bearer" = [])),
    responses(
        (status = 201, description = "The new map at its version 1", body = Success<MapBody>),
        (status = 400, description = "`VALIDATION_ERROR`", body = Problem),
        (status = 403, description = "`FORBIDDEN`", body = Problem),
        (status = 404, description = "`NOT_FOUND`", body = Problem),
        (status = 409, description = "`QUOTA_EXCEEDED`", body = Problem),
        (status = 422, description = "`IDEMPOTENCY_KEY_REUSED`", body = Problem),
    ),
)]
pub(crate) async fn generate(
    call: Call,
    PathId(id): PathId,
    mut body: JsonBody<GenerateRequest>,
) -> Result<Response, ApiError> {
    let venue = managed(&call.state, &call.caller, id).await?;
    let identity = call.identity("generate map", id, &body.bytes);
    let shape = body.value.shape()?;
    let name = body.value.name.take();
    let name = name.unwrap_or_else(|| venue.venue.name.clone());
    if let Some(answer) = recall(&call.state, identity).await? {
        return Ok(answer.into_response(&call.context));
    }
    let hall = call
        .state
        .halls
        .work(move || {
            let hall = make(&name, &shape).map_err(|faults| halls::of_faults(&faults))?;
            halls::stored(&hall)
        })
        .await?;
    let answer = new_map::add(&call, &venue, identity, &hall, MapBody::from).await?;
    Ok(answer.into_response(&call.context))
}
