//! Calls to other nodes.

use std::time::Duration;

use onsale_auth::{MintError, PeerTokens};
use onsale_processor::clock;
use onsale_processor::node::status::NodeStatus;
use onsale_schemas::NodeName;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::http_client;

/// How long a call may take that works through a whole state.
const TIMEOUT: Duration = Duration::from_secs(300);

/// Why another node did not do what it was asked for.
#[derive(Debug, thiserror::Error)]
pub enum PeerError {
    /// No token can be minted for the call.
    #[error("node {node} cannot be asked")]
    Token {
        /// The node.
        node: NodeName,
        /// Why.
        source: MintError,
    },
    /// It was not reached.
    #[error("node {node}: {why}")]
    Unreachable {
        /// The node.
        node: NodeName,
        /// What to do about it.
        why: String,
        /// What went wrong.
        source: reqwest::Error,
    },
    /// What answers there is no node.
    #[error("node {node} at {url} does not answer as one")]
    NoNode {
        /// The node.
        node: NodeName,
        /// Where it was asked.
        url: String,
        /// What is wrong with the answer.
        source: reqwest::Error,
    },
    /// It said no.
    #[error("node {node} at {url} answered {status}: {why}")]
    Refused {
        /// The node.
        node: NodeName,
        /// Where it was asked.
        url: String,
        /// The status of its answer.
        status: reqwest::StatusCode,
        /// The reason it gave.
        why: String,
    },
}

/// Calls to other nodes, each with a token of this node.
#[derive(Debug)]
pub struct Peers {
    tokens: PeerTokens,
    http: reqwest::Client,
}

impl Peers {
    /// With a client that trusts what the certificates of nodes are checked against.
    pub fn new(http: reqwest::Client, tokens: PeerTokens) -> Self {
        Self { tokens, http }
    }

    /// The answer to a POST.
    pub(crate) async fn post<T: DeserializeOwned>(
        &self,
        node: &NodeStatus,
        path: &str,
        body: &(impl Serialize + Sync),
    ) -> Result<T, PeerError> {
        let url = format!("{}{path}", node.operations_url());
        self.send(node, self.http.post(url).json(body)).await
    }

    /// The answer to a GET.
    pub(crate) async fn get<T: DeserializeOwned>(
        &self,
        node: &NodeStatus,
        path: &str,
    ) -> Result<T, PeerError> {
        let url = format!("{}{path}", node.operations_url());
        self.send(node, self.http.get(url)).await
    }

    async fn send<T: DeserializeOwned>(
        &self,
        node: &NodeStatus,
        request: reqwest::RequestBuilder,
    ) -> Result<T, PeerError> {
        let (name, url) = (&node.node, node.operations_url());
        let token = self
            .tokens
            .mint(clock::now_ms())
            .map_err(|source| PeerError::Token {
                node: name.clone(),
                source,
            })?;
        let response = request
            .bearer_auth(token)
            .timeout(TIMEOUT)
            .send()
            .await
            .map_err(|source| PeerError::Unreachable {
                node: name.clone(),
                why: http_client::explain(&source, url),
                source,
            })?;
        let status = response.status();
        if status.is_success() {
            let answer = response.json().await;
            return answer.map_err(|source| PeerError::NoNode {
                node: name.clone(),
                url: url.to_owned(),
                source,
            });
        }
        let body: serde_json::Value = response.json().await.unwrap_or_default();
        let why = body["error"]["message"]
            .as_str()
            .unwrap_or("no reason given");
        Err(PeerError::Refused {
            node: name.clone(),
            url: url.to_owned(),
            status,
            why: why.to_owned(),
        })
    }
}
