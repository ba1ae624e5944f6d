//! The endpoints of a noun with their rules.

use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use http::header::ACCEPT_ENCODING;
use http::{HeaderMap, Method};
use utoipa::openapi::{OpenApi, PathItem};
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter, UtoipaMethodRouterExt as _};

use crate::prepared;
use crate::rules::{RuleBook, Rules};
use crate::state::AppState;

/// See the module. An endpoint is one line here; path, method and document stand at its handler.
#[derive(Default)]
pub(crate) struct Endpoints {
    router: OpenApiRouter<AppState>,
    rules: RuleBook,
}

impl Endpoints {
    /// Beginning with a document of none.
    pub(crate) fn new(document: OpenApi) -> Self {
        Self {
            router: OpenApiRouter::with_openapi(document),
            rules: RuleBook::default(),
        }
    }

    /// Adds an endpoint, as `routes!` makes it.
    pub(crate) fn with(mut self, endpoint: UtoipaMethodRouter<AppState>, rules: Rules) -> Self {
        for (path, item) in &endpoint.1.paths {
            for method in methods(item) {
                self.rules.insert(method, path, rules);
            }
        }
        let endpoint = if rules.is_compressed {
            endpoint.layer(from_fn(compressed))
        } else {
            endpoint
        };
        self.router = self.router.routes(endpoint);
        self
    }

    /// Adds those of another noun. Each names its whole path: a nested router would cut the prefix off
    /// every request.
    pub(crate) fn and(mut self, others: Self) -> Self {
        self.router = self.router.merge(others.router);
        self.rules.extend(others.rules);
        self
    }

    /// What they were made into.
    pub(crate) fn into_parts(self) -> (axum::Router<AppState>, OpenApi, RuleBook) {
        let (router, document) = self.router.split_for_parts();
        (router, document, self.rules)
    }
}

fn methods(item: &PathItem) -> impl Iterator<Item = Method> {
    [
        (Method::GET, item.get.is_some()),
        (Method::PUT, item.put.is_some()),
        (Method::POST, item.post.is_some()),
        (Method::DELETE, item.delete.is_some()),
        (Method::PATCH, item.patch.is_some()),
    ]
    .into_iter()
    .filter_map(|(method, is_there)| is_there.then_some(method))
}

/// Compresses answers that are for one client and may be large. Those that many share are
/// compressed once (`prepared`), and around streams and small answers there is nothing.
async fn compressed(request: Request, next: Next) -> Response {
    let mut asked = HeaderMap::new();
    for value in request.headers().get_all(ACCEPT_ENCODING) {
        asked.append(ACCEPT_ENCODING, value.clone());
    }
    prepared::compress(&asked, next.run(request).await).await
}
