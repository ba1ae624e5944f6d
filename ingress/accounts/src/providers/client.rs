//! Asks providers: only the addresses that are handed in, following nothing, within time and size.

use std::sync::Arc;
use std::time::Duration;

use onsale_private::Private;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use reqwest::redirect::Policy;
use reqwest::{RequestBuilder, Response, StatusCode, Url};
use rustls_platform_verifier::BuilderVerifierExt as _;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::error::ProviderError;

/// Largest document of a provider, in bytes. A set of keys of the largest ones has 10 KiB.
const DOCUMENT_MAX_BYTES: usize = 262_144;
/// How long a connection may take; the whole takes as long as the configuration says.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
const JSON: &str = "application/json";

/// See the module.
#[derive(Clone, Debug)]
pub(super) struct Client {
    http: reqwest::Client,
}

impl Client {
    /// Trusts the authorities that the system trusts.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    #[expect(
        clippy::disallowed_methods,
        reason = "it follows nothing, and the other clients are of the processor's side"
    )]
    pub(super) fn new(timeout: Duration) -> Result<Self, std::io::Error> {
        let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(std::io::Error::other)?;
        let tls = match builder.clone().with_platform_verifier() {
            Ok(builder) => builder,
            // A machine without authorities: nothing that needs one is trusted.
            Err(error) => {
                tracing::warn!(%error, "the system has no authorities that could be read");
                builder.with_root_certificates(RootCertStore::empty())
            }
        }
        .with_no_client_auth();
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .redirect(Policy::none())
            .referer(false)
            .no_proxy()
            .connect_timeout(CONNECT_TIMEOUT.min(timeout))
            .timeout(timeout)
            .build()
            .map_err(std::io::Error::other)?;
        Ok(Self { http })
    }

    /// A document.
    ///
    /// # Errors
    /// [`ProviderError`].
    pub(super) async fn get(
        &self,
        url: &Url,
        bearer: Option<&Private>,
    ) -> Result<Vec<u8>, ProviderError> {
        let mut request = self.http.get(url.clone());
        if let Some(token) = bearer {
            request = request.header(AUTHORIZATION, format!("Bearer {}", token.expose()));
        }
        send(request).await
    }

    /// The answer to a form.
    ///
    /// # Errors
    /// [`ProviderError`].
    pub(super) async fn post(
        &self,
        url: &Url,
        form: String,
        authorization: Option<Private>,
    ) -> Result<Vec<u8>, ProviderError> {
        let mut request = self
            .http
            .post(url.clone())
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(form);
        if let Some(value) = authorization {
            request = request.header(AUTHORIZATION, value.expose());
        }
        send(request).await
    }
}

async fn send(request: RequestBuilder) -> Result<Vec<u8>, ProviderError> {
    let sent = request.header(ACCEPT, JSON).send().await;
    let mut response = sent.map_err(failed)?;
    // A redirection, too: whatever it names was not configured.
    if response.status() != StatusCode::OK {
        return Err(ProviderError::Status(response.status().as_u16()));
    }
    read(&mut response).await
}

async fn read(response: &mut Response) -> Result<Vec<u8>, ProviderError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(failed)? {
        if body.len() + chunk.len() > DOCUMENT_MAX_BYTES {
            return Err(ProviderError::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

fn failed(error: reqwest::Error) -> ProviderError {
    if error.is_timeout() {
        ProviderError::Slow
    } else {
        // Its address may hold what is not for logs.
        ProviderError::Unreachable(error.without_url())
    }
}
