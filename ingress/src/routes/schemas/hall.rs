//! `GET /schemas/hall.json`

use std::borrow::Cow;
use std::sync::{Arc, LazyLock};

use axum::response::Response;
use bytes::Bytes;
use http::header::CACHE_CONTROL;
use http::{HeaderMap, HeaderValue, StatusCode};
use onsale_halls::format::SCHEMA;
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use crate::error::ApiError;
use crate::prepared::Prepared;
use crate::versions;

/// Another version of the program may have another one.
const CACHE: HeaderValue = HeaderValue::from_static("public, max-age=3600");
const SCHEMA_JSON: HeaderValue = HeaderValue::from_static("application/schema+json");
/// Digits of its tag.
const DIGITS: usize = 32;

/// The schema with its tag.
static HALL: LazyLock<(String, Arc<Prepared>)> = LazyLock::new(|| {
    let hash = blake3::hash(SCHEMA.as_bytes()).to_hex();
    let digits = hash.as_str().get(..DIGITS).unwrap_or_default();
    let schema = Prepared::new(Bytes::from_static(SCHEMA.as_bytes())).kept();
    (format!("\"{digits}\""), Arc::new(schema))
});

/// A JSON Schema, for the document alone.
pub(crate) enum JsonSchema {}

impl PartialSchema for JsonSchema {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::Object)
            .description(Some("A JSON Schema (2020-12)"))
            .into()
    }
}

impl ToSchema for JsonSchema {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("JsonSchema")
    }
}

/// The JSON Schema of a hall, as `PUT /venues/{id}/maps/{map_id}` takes it (`onsale-hall/1`).
///
/// With every limit. What a schema cannot say is checked when a hall is read.
#[utoipa::path(
    get, path = "/api/v1/schemas/hall.json", operation_id = "get_hall_schema", tag = "venues",
    params(("If-None-Match" = Option<String>, Header, description = "The `ETag` of an earlier answer")),
    responses(
        (status = 200, description = "The schema", content_type = "application/schema+json", body = JsonSchema, headers(("ETag" = String))),
        (status = 304, description = "The schema is the one you have"),
    ),
)]
pub(crate) async fn hall(headers: HeaderMap) -> Result<Response, ApiError> {
    let (tag, schema) = &*HALL;
    let mut response = if versions::is_known(&headers, tag) {
        let mut response = Response::default();
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        response
    } else {
        schema.response(SCHEMA_JSON, Vec::new(), &headers).await?
    };
    versions::set_tag(response.headers_mut(), tag)?;
    response.headers_mut().insert(CACHE_CONTROL, CACHE);
    Ok(response)
}
