//! All routes and the document that is generated from them.

mod answers;
mod bounds;

use axum::Router;
use utoipa::openapi::OpenApi;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi as _};

use crate::routes;
use crate::rules::RuleBook;
use crate::state::AppState;

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Onsale",
        description = "Decides who gets the seats: first come, first served, nothing sold twice, nothing lost.",
    ),
    modifiers(&Bearer),
    tags(
        (name = "accounts", description = "Register, sign in, sessions, profile"),
        (name = "tenants", description = "Houses of organizers, and who belongs to them"),
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

/// The routes of all endpoints, the document of them, and their rules.
pub(crate) struct Documented {
    pub(crate) router: Router<AppState>,
    pub(crate) document: OpenApi,
    pub(crate) rules: RuleBook,
}

/// Puts the endpoints and their document together.
pub(crate) fn documented() -> Documented {
    let endpoints = routes::endpoints(Document::openapi());
    let (router, mut document, rules) = endpoints.into_parts();
    answers::complete(&mut document, &rules);
    // What it does not find fails its test.
    let _ = bounds::apply(&mut document, &rules);
    Documented {
        router,
        document,
        rules,
    }
}
