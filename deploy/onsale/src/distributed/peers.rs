//! Calls to other nodes.

use std::time::Duration;

use anyhow::{Context, anyhow};
use onsale_auth::PeerTokens;
use onsale_processor::clock;
use onsale_processor::node::status::NodeStatus;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::config::Config;
use crate::http_client;

/// How long a call may take that works through a whole state.
const TIMEOUT: Duration = Duration::from_secs(300);

/// Calls to other nodes, each with a token of this node.
#[derive(Debug)]
pub(crate) struct Peers {
    tokens: PeerTokens,
    http: reqwest::Client,
}

impl Peers {
    pub(crate) fn new(config: &Config) -> anyhow::Result<Self> {
        Ok(Self {
            tokens: PeerTokens::new(
                &config.node.id,
                config.cluster.shared_secret()?.as_ref(),
                &config.auth,
            )
            .context("nodes cannot be asked")?,
            http: http_client::build(config.http.tls_ca_file.as_deref())?,
        })
    }

    /// The answer to a POST.
    pub(crate) async fn post<T: DeserializeOwned>(
        &self,
        node: &NodeStatus,
        path: &str,
        body: &(impl Serialize + Sync),
    ) -> anyhow::Result<T> {
        let url = format!("{}{path}", node.operations_url());
        self.send(node, self.http.post(url).json(body)).await
    }

    /// The answer to a GET.
    pub(crate) async fn get<T: DeserializeOwned>(
        &self,
        node: &NodeStatus,
        path: &str,
    ) -> anyhow::Result<T> {
        let url = format!("{}{path}", node.operations_url());
        self.send(node, self.http.get(url)).await
    }

    async fn send<T: DeserializeOwned>(
        &self,
        node: &NodeStatus,
        request: reqwest::RequestBuilder,
    ) -> anyhow::Result<T> {
        let (name, url) = (&node.node, node.operations_url());
        let token = self
            .tokens
            .mint(clock::now_ms())
            .with_context(|| format!("node {name} cannot be asked"))?;
        let response = request
            .bearer_auth(token)
            .timeout(TIMEOUT)
            .send()
            .await
            .map_err(|error| {
                let why = http_client::explain(&error, url);
                anyhow::Error::new(error).context(format!("node {name}: {why}"))
            })?;
        let status = response.status();
        if status.is_success() {
            return response
                .json()
                .await
                .with_context(|| format!("node {name} at {url} does not answer as one"));
        }
        let body: serde_json::Value = response.json().await.unwrap_or_default();
        let why = body["error"]["message"]
            .as_str()
            .unwrap_or("no reason given");
        Err(anyhow!("node {name} at {url} answered {status}: {why}"))
    }
}
