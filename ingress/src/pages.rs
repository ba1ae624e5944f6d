//! The interactive documentation: its files and the document, each kept once.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::Path;
use axum::response::{Redirect, Response};
use axum::routing::get;
use axum::{Extension, Router};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue};
use parking_lot::Mutex;
use utoipa::openapi::OpenApi;
use utoipa_swagger_ui::{Config, SwaggerFile};

use crate::edge;
use crate::error::ApiError;
use crate::prepared::Prepared;
use crate::state::AppState;

const DOCUMENT: &str = "/api/v1/openapi.json";

struct Pages {
    config: Arc<Config<'static>>,
    /// Only existing files, so it stays small.
    files: Mutex<HashMap<String, File>>,
}

#[derive(Clone)]
struct File {
    content_type: HeaderValue,
    body: Arc<Prepared>,
}

/// `/docs` and the document.
pub(crate) fn router(document: &OpenApi) -> Router<AppState> {
    let document = document.to_json().unwrap_or_default();
    let pages = Pages {
        config: Arc::new(Config::from(DOCUMENT)),
        files: Mutex::default(),
    };
    let document = File {
        content_type: HeaderValue::from_static("application/json"),
        body: Arc::new(Prepared::new(document.into())),
    };
    Router::new()
        .route(
            DOCUMENT,
            get(move |headers: HeaderMap| async move { document.response(&headers).await }),
        )
        .route("/docs", get(|| async { Redirect::to("/docs/") }))
        .route("/docs/", get(index))
        .route("/docs/{*file}", get(file))
        .layer(Extension(Arc::new(pages)))
}

async fn index(
    Extension(pages): Extension<Arc<Pages>>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    pages.answer("index.html", &headers).await
}

async fn file(
    Extension(pages): Extension<Arc<Pages>>,
    Path(file): Path<String>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    pages.answer(&file, &headers).await
}

impl Pages {
    async fn answer(&self, name: &str, headers: &HeaderMap) -> Result<Response, ApiError> {
        let kept = self.files.lock().get(name).cloned();
        let file = match kept {
            Some(file) => file,
            None => {
                let file = utoipa_swagger_ui::serve(name, self.config.clone())
                    .map_err(ApiError::internal)?;
                match file {
                    Some(file) => self.keep(name, file)?,
                    None => return Err(edge::not_found().await),
                }
            }
        };
        file.response(headers).await
    }

    fn keep(&self, name: &str, file: SwaggerFile<'_>) -> Result<File, ApiError> {
        let content_type = HeaderValue::from_str(&file.content_type).map_err(ApiError::internal)?;
        let bytes = if file.content_type.starts_with("text/html") {
            // The page names the product, not the tool that renders it.
            let page = String::from_utf8_lossy(&file.bytes);
            Bytes::from(page.replace("<title>Swagger UI</title>", "<title>Onsale API</title>"))
        } else {
            Bytes::from(file.bytes.into_owned())
        };
        let file = File {
            content_type,
            body: Arc::new(Prepared::new(bytes)),
        };
        self.files.lock().insert(name.to_owned(), file.clone());
        Ok(file)
    }
}

impl File {
    async fn response(&self, headers: &HeaderMap) -> Result<Response, ApiError> {
        self.body
            .response(self.content_type.clone(), Vec::new(), headers)
            .await
    }
}
