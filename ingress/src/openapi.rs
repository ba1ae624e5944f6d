//! All routes and the document that is generated from them.

mod answers;
mod bounds;

use axum::Router;
use utoipa::openapi::OpenApi;
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme,
};
use utoipa::{Modify, OpenApi as _};

use crate::cookies;
use crate::routes;
use crate::rules::RuleBook;
use crate::state::AppState;

/// A token in `Authorization`.
const BEARER: &str = "bearer";
/// A token in the cookie of a browser.
const COOKIE: &str = "cookie";

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Onsale",
        description = "Decides who gets the seats: first come, first served, nothing sold twice, nothing lost.",
    ),
    modifiers(&Credentials),
    tags(
        (name = "accounts", description = "Register, sign in, sessions, profile"),
        (name = "tenants", description = "Houses of organizers, and who belongs to them"),
        (name = "bookings", description = "Quote, hold, confirm, cancel, give places back"),
        (name = "payments", description = "Pay, follow a payment, give money back"),
        (name = "catalog", description = "Events, their shows and places, search, orders of an event"),
        (name = "offers", description = "What a show has for sale: ticket types, prices, codes"),
        (name = "venues", description = "Venues, their halls, charts of seats"),
        (name = "availability", description = "What is free, live"),
        (name = "operation", description = "For operators"),
        (name = "health", description = "For probes"),
    ),
)]
struct Document;

struct Credentials;

impl Modify for Credentials {
    fn modify(&self, openapi: &mut OpenApi) {
        let components = openapi.components.get_or_insert_default();
        components.add_security_scheme(
            BEARER,
            SecurityScheme::Http(
                HttpBuilder::new()
                    .scheme(HttpAuthScheme::Bearer)
                    .bearer_format("JWT")
                    .build(),
            ),
        );
        components.add_security_scheme(
            COOKIE,
            SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::with_description(
                cookies::ACCESS,
                "For pages of this server, set by `/api/v1/auth/cookie/…`. What changes something has to \
                 come from such a page (`Sec-Fetch-Site` or `Origin`): otherwise 403 \
                 `CROSS_SITE_REQUEST`. It is not looked at beside `Authorization`.",
            ))),
        );
    }
}

/// What takes a token in `Authorization` takes it in the cookie of a browser as well.
fn with_cookies(document: &mut OpenApi) {
    for item in document.paths.paths.values_mut() {
        for (_method, operation) in answers::operations(item) {
            let Some(accepted) = &mut operation.security else {
                continue;
            };
            accepted.push(SecurityRequirement::new(COOKIE, Vec::<String>::new()));
        }
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
    with_cookies(&mut document);
    answers::complete(&mut document, &rules);
    // What it does not find fails its test.
    let _ = bounds::apply(&mut document, &rules);
    Documented {
        router,
        document,
        rules,
    }
}
