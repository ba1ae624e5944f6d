//! `POST /venues/{id}/maps/import`

use axum::extract::Request;
use axum::response::Response;
use http::HeaderMap;
use onsale_halls::format::Document;
use onsale_halls::limits::NAME_MAX_CHARS;
use onsale_halls::{Hall, HallError, csv, pretix};
use onsale_store::venue::{MapRow, StoredHall};
use serde::Deserialize;
use utoipa::IntoParams;

use super::map_body::{HallDocument, ImportedBody, MapBody};
use super::{managed, new_map};
use crate::bounds::{Bound, Bounds, Of};
use crate::envelope::{Problem, Success};
use crate::error::{ApiError, Code};
use crate::extract::{PathId, Query};
use crate::halls;
use crate::idempotency::IdempotencyKey;
use crate::routes::call::Call;
use crate::routes::catalog_call::recall;
use crate::values::FileBody;

const HALL: &str = "onsale-hall";
const PRETIX: &str = "pretix";
const CSV: &str = "csv";
/// Formats that are read.
const FORMATS: &[&str] = &[HALL, PRETIX, CSV];

pub(super) const BOUNDS: Bounds = &[
    (Of::Parameter("format"), Bound::OneOf(FORMATS)),
    (Of::Parameter("name"), Bound::Line(NAME_MAX_CHARS)),
];

/// How a file is read.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ImportQuery {
    /// What the file is; when left out, `csv` for a body of the type `text/csv`, else `onsale-hall`.
    format: Option<String>,
    /// What the hall is called; a table has no name, and takes that of the venue when left out.
    name: Option<String>,
}

/// What the file is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Hall,
    Pretix,
    Csv,
}

impl Kind {
    fn of(format: Option<&str>, headers: &HeaderMap) -> Result<Self, ApiError> {
        match (format, new_map::kind(headers).as_str()) {
            (Some(HALL), _) | (None, "application/json") => Ok(Self::Hall),
            (Some(PRETIX), _) => Ok(Self::Pretix),
            (Some(CSV), _) | (None, "text/csv") => Ok(Self::Csv),
            (Some(other), _) => {
                let expected = format!("one of {}", FORMATS.join(", "));
                Err(ApiError::invalid("format", other, &expected))
            }
            (None, _) => Err(ApiError::new(
                Code::UnsupportedMediaType,
                "Send a hall as `Content-Type: application/json`, a table as `text/csv`, or say what it is in \
                 `format`.",
            )),
        }
    }

    /// What a file says, with notes about it.
    fn read(self, file: &[u8], name: &str) -> Result<(Document, Vec<String>, u64), HallError> {
        match self {
            Self::Hall => {
                let hall = Hall::from_json(file)?;
                Ok((hall.document().clone(), Vec::new(), 0))
            }
            Self::Pretix => {
                let read = pretix::import(file, pretix::Options::default())?;
                Ok((read.document, read.notes, read.more_notes))
            }
            Self::Csv => Ok((csv::import(file, name)?, Vec::new(), 0)),
        }
    }
}

/// A hall that was read, with notes about it.
struct Read {
    hall: StoredHall,
    notes: Vec<String>,
    more_notes: u64,
}

fn read(kind: Kind, file: &[u8], query: &ImportQuery, venue: &str) -> Result<Read, ApiError> {
    let name = query.name.as_deref().unwrap_or(venue);
    let read = kind.read(file, name);
    let (mut document, notes, more_notes) = read.map_err(|error| halls::refused(&error))?;
    if let Some(name) = &query.name {
        document.name.clone_from(name);
    }
    let hall = Hall::new(document).map_err(|faults| halls::of_faults(&faults))?;
    Ok(Read {
        hall: halls::stored(&hall)?,
        notes,
        more_notes,
    })
}

/// Give a venue a map from a file.
///
/// The file is a seating plan in the public format of pretix, a table (CSV, one line for each seat), or a hall in the
/// format `onsale-hall/1`.
///
/// What has no counterpart is in `notes`. What is wrong is said with its place: section and row, or line and column.
#[utoipa::path(
    post, path = "/api/v1/venues/{id}/maps/import", operation_id = "import_map", tag = "venues",
    request_body(
        description = "The file as it is. Without `format`, a table as `text/csv` and a hall as `application/json`; with it, whatever the type says",
        content((FileBody = "text/csv"), (HallDocument = "application/json"), (FileBody = "application/octet-stream"))
    ),
    params(
        ("id" = Uuid, Path, description = "The venue"),
        ImportQuery,
        IdempotencyKey,
    ),
    security(("bearer" = [])),
    responses(
        (status = 201, description = "The new map at its version 1", body = Success<ImportedBody>),
        (status = 400, description = "`VALIDATION_ERROR`", body = Problem),
        (status = 403, description = "`FORBIDDEN`", body = Problem),
        (status = 404, description = "`NOT_FOUND`", body = Problem),
        (status = 409, description = "`QUOTA_EXCEEDED`", body = Problem),
        (status = 415, description = "`UNSUPPORTED_MEDIA_TYPE`: the type is neither of these, and `format` does not say what the file is", body = Problem),
        (status = 422, description = "`IDEMPOTENCY_KEY_REUSED`", body = Problem),
    ),
)]
pub(crate) async fn import(
    call: Call,
    PathId(id): PathId,
    Query(query): Query<ImportQuery>,
    headers: HeaderMap,
    request: Request,
) -> Result<Response, ApiError> {
    let venue = managed(&call.state, &call.caller, id).await?;
    let kind = Kind::of(query.format.as_deref(), &headers)?;
    let (sent, share) = new_map::sent(&call, request).await?;
    let asked = format!(
        "{id} {kind:?} {}",
        query.name.as_deref().unwrap_or_default()
    );
    let identity = call.identity("import map", asked, &sent);
    if let Some(answer) = recall(&call.state, identity).await? {
        return Ok(answer.into_response(&call.context));
    }
    let named = venue.venue.name.clone();
    let read = call
        .state
        .halls
        .work(move || read(kind, &sent, &query, &named))
        .await?;
    drop(share);
    let Read {
        hall,
        notes,
        more_notes,
    } = read;
    let body = |row: MapRow| ImportedBody {
        map: MapBody::from(row),
        notes,
        more_notes,
    };
    let answer = new_map::add(&call, &venue, identity, &hall, body).await?;
    Ok(answer.into_response(&call.context))
}
