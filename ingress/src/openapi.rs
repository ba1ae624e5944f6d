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
    bookings, clock, events, health, partitions, reconciliation, requests, shows, snapshots,
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
        .routes(routes!(bookings::reserve::reserve))
        .routes(routes!(bookings::confirm::confirm))
        .routes(routes!(bookings::cancel::cancel))
        .routes(routes!(bookings::extend::extend))
        .routes(routes!(bookings::one::one))
        .routes(routes!(bookings::receipt::receipt))
        .routes(routes!(requests::one::one))
        .routes(routes!(requests::explanation::explanation))
        .routes(routes!(shows::seats::seats))
        .routes(routes!(shows::availability::availability))
        .routes(routes!(shows::stream::events))
        .routes(routes!(shows::close::close))
        .routes(routes!(shows::cancel::cancel))
        .routes(routes!(shows::block::block))
        .routes(routes!(shows::unblock::unblock))
        .routes(routes!(partitions::failover::failover))
        .routes(routes!(clock::status::status))
        .routes(routes!(clock::reset::reset));
    let large = OpenApiRouter::new()
        .routes(routes!(bookings::list::list))
        .routes(routes!(bookings::pending::pending))
        .routes(routes!(events::list::list, events::create::create))
        .routes(routes!(events::one::one, events::update::update))
        .routes(routes!(shows::list::shows, shows::create::create))
        .routes(routes!(shows::one::one, shows::amend::amend))
        .routes(routes!(shows::zones::zones))
        .routes(routes!(partitions::list::partitions))
        .routes(routes!(snapshots::list::list, snapshots::create::create))
        .routes(routes!(reconciliation::report::report))
        .routes(routes!(reconciliation::apply::apply))
        .layer(axum::middleware::from_fn(compressed));
    let (router, mut document) = OpenApiRouter::with_openapi(Document::openapi())
        // Each names its whole path: a nested router would cut the prefix off every request.
        .merge(small)
        .merge(large)
        .routes(routes!(health::live::live))
        .routes(routes!(health::ready::ready))
        .split_for_parts();
    answers::complete(&mut document);
    // A field that it does not find fails its test.
    let _ = bounds::apply(&mut document);
    (router, document)
}
