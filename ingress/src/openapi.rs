//! All routes and the document that is generated from them.

mod answers;
mod bounds;

use axum::Router;
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use tower_http::CompressionLevel;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{NotForContentType, Predicate, SizeAbove};
use utoipa::openapi::OpenApi;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi as _};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use utoipa_swagger_ui::SwaggerUi;

use crate::error::ApiError;

use crate::routes::{
    admin_clock, admin_failover, admin_partitions, admin_reconcile, admin_snapshots,
    bookings_cancel, bookings_confirm, bookings_extend, bookings_list, bookings_one,
    bookings_pending, bookings_receipt, bookings_reserve, events_create, events_list, events_one,
    events_shows, events_update, health, requests_explanation, requests_one, shows_amend,
    shows_availability, shows_block, shows_cancel, shows_close, shows_create, shows_one,
    shows_seats, shows_zones,
};
use crate::state::AppState;

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Onsale",
        description = "Decides who gets the seats: first come, first served, nothing sold twice, nothing lost.",
    ),
    modifiers(&Bearer),
    tags(
        (name = "bookings", description = "Hold, confirm, cancel"),
        (name = "catalog", description = "Events, shows, charts"),
        (name = "availability", description = "What is free, live"),
        (name = "operation", description = "For operators"),
        (name = "health", description = "For probes"),
    ),
)]
struct Document;

struct Bearer;

impl Modify for Bearer {
    fn modify(&self, openapi: &mut OpenApi) {
        openapi
            .components
            .get_or_insert_default()
            .add_security_scheme(
                "bearer",
                SecurityScheme::Http(
                    HttpBuilder::new()
                        .scheme(HttpAuthScheme::Bearer)
                        .bearer_format("JWT")
                        .build(),
                ),
            );
    }
}

/// Smaller answers are sent as they are: compressing them costs more than it saves.
const COMPRESS_MIN_BYTES: u16 = 4_096;

/// Compresses large answers. Not around routes that only have small ones, or streams: each answer
/// is moved into a body that has room for an encoder, which is several kilobytes.
pub(crate) fn compression() -> CompressionLayer<impl Predicate> {
    CompressionLayer::new()
        .quality(CompressionLevel::Fastest)
        .compress_when(SizeAbove::new(COMPRESS_MIN_BYTES.into()).and(NotForContentType::SSE))
}

/// Largest page of the documentation whose title is set, in bytes; the page itself is small.
const PAGE_MAX_BYTES: usize = 65_536;

/// The documentation to read and to try, and the document.
pub(crate) fn pages(document: OpenApi) -> Router<AppState> {
    Router::from(SwaggerUi::new("/docs").url("/api/v1/openapi.json", document))
        .layer(axum::middleware::map_response(titled))
        .layer(compression())
}

/// The page says whose interface it is, not which tool draws it.
async fn titled(response: Response) -> Response {
    let headers = response.headers();
    let is_page = headers
        .get(CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
    if !is_page {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let Ok(page) = axum::body::to_bytes(body, PAGE_MAX_BYTES).await else {
        return ApiError::internal("a page of the documentation is too large").into_response();
    };
    let page = String::from_utf8_lossy(&page)
        .replace("<title>Swagger UI</title>", "<title>Onsale API</title>");
    parts.headers.remove(CONTENT_LENGTH);
    Response::from_parts(parts, Body::from(page))
}

/// Every documented route and the document.
pub(crate) fn documented() -> (Router<AppState>, OpenApi) {
    let small = OpenApiRouter::new()
        .routes(routes!(bookings_reserve::reserve))
        .routes(routes!(bookings_confirm::confirm))
        .routes(routes!(bookings_cancel::cancel))
        .routes(routes!(bookings_extend::extend))
        .routes(routes!(bookings_one::one))
        .routes(routes!(bookings_receipt::receipt))
        .routes(routes!(requests_one::one))
        .routes(routes!(requests_explanation::explanation))
        .routes(routes!(shows_availability::events))
        .routes(routes!(shows_close::close))
        .routes(routes!(shows_cancel::cancel))
        .routes(routes!(shows_block::block))
        .routes(routes!(shows_block::unblock))
        .routes(routes!(admin_failover::failover))
        .routes(routes!(admin_clock::status))
        .routes(routes!(admin_clock::reset));
    let large = OpenApiRouter::new()
        .routes(routes!(bookings_list::list))
        .routes(routes!(bookings_pending::pending))
        .routes(routes!(events_list::list, events_create::create))
        .routes(routes!(events_one::one, events_update::update))
        .routes(routes!(events_shows::shows, shows_create::create))
        .routes(routes!(shows_one::one, shows_amend::amend))
        .routes(routes!(shows_zones::zones))
        .routes(routes!(shows_seats::seats))
        .routes(routes!(shows_availability::availability))
        .routes(routes!(admin_partitions::partitions))
        .routes(routes!(admin_snapshots::list, admin_snapshots::create))
        .routes(routes!(admin_reconcile::report))
        .routes(routes!(admin_reconcile::apply))
        .layer(compression());
    let (router, mut document) = OpenApiRouter::with_openapi(Document::openapi())
        // Each names its whole path: a nested router would cut the prefix off every request.
        .merge(small)
        .merge(large)
        .routes(routes!(health::live))
        .routes(routes!(health::ready))
        .routes(routes!(health::metrics))
        .split_for_parts();
    answers::complete(&mut document);
    // A field that it does not find fails its test.
    let _ = bounds::apply(&mut document);
    (router, document)
}
