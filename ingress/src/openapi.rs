//! All routes and the document that is generated from them.

mod answers;
mod bounds;

use axum::Router;
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use http::HeaderMap;
use http::header::ACCEPT_ENCODING;
use utoipa::openapi::OpenApi;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi as _};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::prepared;
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

/// Compresses answers that are made for one client and may be large. Those that many share are
/// compressed once (`prepared`), and around streams and small answers there is nothing.
async fn compressed(request: Request, next: Next) -> Response {
    let mut asked = HeaderMap::new();
    for value in request.headers().get_all(ACCEPT_ENCODING) {
        asked.append(ACCEPT_ENCODING, value.clone());
    }
    prepared::compress(&asked, next.run(request).await).await
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
        .routes(routes!(shows_seats::seats))
        .routes(routes!(shows_availability::availability))
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
        .routes(routes!(admin_partitions::partitions))
        .routes(routes!(admin_snapshots::list, admin_snapshots::create))
        .routes(routes!(admin_reconcile::report))
        .routes(routes!(admin_reconcile::apply))
        .layer(axum::middleware::from_fn(compressed));
    let (router, mut document) = OpenApiRouter::with_openapi(Document::openapi())
        // Each names its whole path: a nested router would cut the prefix off every request.
        .merge(small)
        .merge(large)
        .routes(routes!(health::live))
        .routes(routes!(health::ready))
        .split_for_parts();
    answers::complete(&mut document);
    // A field that it does not find fails its test.
    let _ = bounds::apply(&mut document);
    (router, document)
}
