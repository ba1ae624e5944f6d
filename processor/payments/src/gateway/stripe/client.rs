//! Asks Stripe: one address, bounded in time and size, following nothing.

use std::fmt;
use std::time::Duration;

use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue};
use onsale_settings::Secret;
use reqwest::redirect::Policy;
use reqwest::{RequestBuilder, Response};
use serde::de::DeserializeOwned;
use url::{Url, form_urlencoded};

use super::failure;
use crate::gateway::GatewayError;

/// How long a connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// Largest answer, in bytes: a page of 100 intents with their charges has about 1 MiB.
const ANSWER_MAX_BYTES: usize = 4_194_304;
const FORM: &str = "application/x-www-form-urlencoded";
const VERSION: HeaderName = HeaderName::from_static("stripe-version");
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// A form, in the order in which it is sent.
#[derive(Default)]
pub(super) struct Form(Vec<(String, String)>);

impl Form {
    pub(super) fn set(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.0.push((name.into(), value.into()));
        self
    }

    /// What must not come back in an error: addresses of people.
    fn private(&self) -> impl Iterator<Item = &str> {
        let fields = self.0.iter();
        let private = fields.filter(|(name, _)| name.contains("email"));
        private.map(|(_, value)| value.as_str())
    }

    fn encoded(&self) -> String {
        let mut encoder = form_urlencoded::Serializer::new(String::new());
        encoder.extend_pairs(&self.0);
        encoder.finish()
    }
}

/// See the module.
#[derive(Clone)]
pub(super) struct Client {
    http: reqwest::Client,
    base: Url,
    key: Secret,
    authorization: HeaderValue,
    version: HeaderValue,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Client({})", self.base)
    }
}

impl Client {
    /// # Errors
    /// When TLS cannot be set up or the key is no header's value, in words without the key.
    #[expect(
        clippy::disallowed_methods,
        reason = "it follows nothing and uses no proxy, and the other clients are of the cluster's side"
    )]
    pub(super) fn new(
        base: &Url,
        key: &Secret,
        version: &'static str,
        timeout: Duration,
    ) -> Result<Self, String> {
        let tls = onsale_tls::client_config(None).map_err(|error| error.to_string())?;
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .redirect(Policy::none())
            .referer(false)
            .no_proxy()
            .connect_timeout(CONNECT_TIMEOUT.min(timeout))
            .timeout(timeout)
            .build()
            .map_err(|error| error.to_string())?;
        let mut authorization = HeaderValue::from_str(&format!("Bearer {}", key.expose()))
            .map_err(|_| "the key has characters that no key has".to_owned())?;
        authorization.set_sensitive(true);
        Ok(Self {
            http,
            base: base.clone(),
            key: key.clone(),
            authorization,
            version: HeaderValue::from_static(version),
        })
    }

    /// What lies at a path, with a query.
    pub(super) async fn get<T: DeserializeOwned>(
        &self,
        path: &[&str],
        query: Form,
    ) -> Result<T, GatewayError> {
        let mut url = self.url(path)?;
        if !query.0.is_empty() {
            url.set_query(Some(&query.encoded()));
        }
        self.send(self.http.get(url), &query).await
    }

    /// The answer to a form, once for its key. What has none is done however often it is sent.
    pub(super) async fn post<T: DeserializeOwned>(
        &self,
        path: &[&str],
        key: Option<&str>,
        form: Form,
    ) -> Result<T, GatewayError> {
        let mut request = self.http.post(self.url(path)?);
        if let Some(key) = key {
            let key = HeaderValue::from_str(key).map_err(|_| {
                GatewayError::refused("key", "the idempotency key is no header's value")
            })?;
            request = request.header(IDEMPOTENCY_KEY, key);
        }
        let request = request.header(CONTENT_TYPE, FORM).body(form.encoded());
        self.send(request, &form).await
    }

    /// The address of a path, each part of it encoded.
    fn url(&self, path: &[&str]) -> Result<Url, GatewayError> {
        let mut url = self.base.clone();
        url.path_segments_mut()
            .map_err(|()| GatewayError::refused("url", "the gateway's address has no paths"))?
            .pop_if_empty()
            .push("v1")
            .extend(path);
        Ok(url)
    }

    async fn send<T: DeserializeOwned>(
        &self,
        request: RequestBuilder,
        form: &Form,
    ) -> Result<T, GatewayError> {
        let sent = request
            .header(AUTHORIZATION, self.authorization.clone())
            .header(VERSION, self.version.clone())
            .header(ACCEPT, "application/json")
            .send()
            .await;
        let mut response = sent.map_err(failure::of_transport)?;
        let (status, headers) = (response.status(), response.headers().clone());
        let body = read(&mut response).await;
        if !status.is_success() {
            // The status says more than a body that broke off.
            let body = body.unwrap_or_default();
            let hidden: Vec<_> = form.private().chain([self.key.expose()]).collect();
            return Err(failure::of_answer(status, &headers, &body, &hidden));
        }
        serde_json::from_slice(&body?).map_err(|error| {
            // Without what it holds: where and of which kind the error is.
            let (line, column) = (error.line(), error.column());
            GatewayError::Unknown(format!(
                "Stripe's answer is not what was expected (at {line}:{column})"
            ))
        })
    }
}

async fn read(response: &mut Response) -> Result<Vec<u8>, GatewayError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(failure::of_transport)? {
        if body.len() + chunk.len() > ANSWER_MAX_BYTES {
            return Err(GatewayError::Unknown(format!(
                "Stripe's answer has more than {ANSWER_MAX_BYTES} bytes"
            )));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}
