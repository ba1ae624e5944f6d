//! The operator's HTTP client.

use std::time::Duration;

use anyhow::{Context, anyhow};
use onsale_cluster::http_client;
use serde_json::Value;

use crate::cli::{ConfigArgs, ServerArgs};
use crate::config::Config;
use crate::exit::{Failure, OrFail};
use crate::secrets;

/// How long an ordinary call may take.
const TIMEOUT: Duration = Duration::from_secs(10);
/// How long a call may take that processes a whole state.
pub(crate) const TIMEOUT_LONG: Duration = Duration::from_secs(600);
/// Lifetime of a token that a verb mints for itself, in seconds.
const TOKEN_TTL_S: u64 = 300;

/// A client of one server, as an operator.
#[derive(Debug)]
pub(crate) struct Client {
    base: String,
    token: String,
    http: reqwest::Client,
}

impl Client {
    /// The client that flags and configuration describe.
    pub(crate) fn new(server: &ServerArgs, config: &ConfigArgs) -> Result<Self, Failure> {
        let config = Config::for_operator(config)?;
        let base = match &server.server {
            Some(url) => url.trim_end_matches('/').to_owned(),
            None => config.server_url(),
        };
        let token = match (&server.token, &server.token_file) {
            (_, Some(file)) => std::fs::read_to_string(file)
                .with_context(|| format!("--token-file {}", file.display()))
                .or_use()?
                .trim()
                .to_owned(),
            (Some(token), None) => token.clone(),
            (None, None) => secrets::mint_operator(&config, TOKEN_TTL_S)
                .context("no --token given, and none can be minted")
                .or_use()?,
        };
        let http = server.trust.client(&config)?;
        Ok(Self { base, token, http })
    }

    /// Where it asks.
    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    /// `data` of the answer to a GET.
    pub(crate) async fn get(&self, path: &str) -> Result<Value, Failure> {
        self.send(self.http.get(self.url(path)).timeout(TIMEOUT))
            .await
    }

    /// The problems that the server reports, one sentence each; none when it reports none.
    pub(crate) async fn problems(&self) -> Vec<String> {
        let url = format!("{}/health/ready", self.base);
        let asked = self.http.get(url).timeout(TIMEOUT).send().await;
        let Ok(response) = asked else {
            return Vec::new();
        };
        let body: Value = response.json().await.unwrap_or_default();
        let problems = body["problems"].as_array().into_iter().flatten();
        problems
            .filter_map(|problem| Some(problem.as_str()?.to_owned()))
            .collect()
    }

    /// `data` of the answer to a POST with a JSON body.
    pub(crate) async fn post(
        &self,
        path: &str,
        body: &Value,
        timeout: Duration,
    ) -> Result<Value, Failure> {
        self.send(self.http.post(self.url(path)).json(body).timeout(timeout))
            .await
    }

    fn url(&self, path: &str) -> String {
        format!("{}/api/v1{path}", self.base)
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> Result<Value, Failure> {
        let response = answer(request, &self.token, &self.base).await.or_reach()?;
        let status = response.status();
        let mut body: Value = response
            .json()
            .await
            .with_context(|| {
                format!(
                    "{} answered {status}, unlike an ingress of onsale: ask an ingress",
                    self.base
                )
            })
            .or_reach()?;
        if status.is_success() {
            return Ok(body["data"].take());
        }
        let code = body["error"]["code"].as_str().unwrap_or("?");
        let message = body["error"]["message"].as_str().unwrap_or("?");
        let error = anyhow!("{} answered {status} {code}: {message}", self.base);
        Err(if status == reqwest::StatusCode::NOT_IMPLEMENTED {
            // This installation will never have it.
            Failure::Use(error)
        } else if status.is_server_error() {
            Failure::Reach(error)
        } else {
            Failure::Found(error)
        })
    }
}

/// What the server at `base` answers to the holder of a token. An error says what to do about it.
pub(crate) async fn answer(
    request: reqwest::RequestBuilder,
    token: &str,
    base: &str,
) -> anyhow::Result<reqwest::Response> {
    request.bearer_auth(token).send().await.map_err(|error| {
        let mut why = http_client::explain(&error, base);
        if http_client::is_not_listening(&error) {
            why.push_str(" (--server names another)");
        }
        anyhow::Error::new(error).context(why)
    })
}

/// Runs a future to its end on a small runtime of its own.
pub(crate) fn block_on<T>(future: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .or_found()?;
    runtime.block_on(future)
}
