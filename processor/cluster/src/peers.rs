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
        self.post_within(TIMEOUT, node, path, body).await
    }

    /// The answer to a POST that has to come within `limit`.
    pub(crate) async fn post_within<T: DeserializeOwned>(
        &self,
        limit: Duration,
        node: &NodeStatus,
        path: &str,
        body: &(impl Serialize + Sync),
    ) -> Result<T, PeerError> {
        let url = format!("{}{path}", node.operations_url());
        let request = self.http.post(url).json(body);
        self.send(node, request, limit).await
    }

    /// The answer to a GET.
    pub(crate) async fn get<T: DeserializeOwned>(
        &self,
        node: &NodeStatus,
        path: &str,
    ) -> Result<T, PeerError> {
        let url = format!("{}{path}", node.operations_url());
        self.send(node, self.http.get(url), TIMEOUT).await
    }

    async fn send<T: DeserializeOwned>(
        &self,
        node: &NodeStatus,
        request: reqwest::RequestBuilder,
        limit: Duration,
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
            .timeout(limit)
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use axum::middleware::from_fn_with_state;
    use axum::routing::get;
    use axum::{Json, Router};
    use onsale_auth::{AuthConfig, PeerGate};
    use onsale_settings::Secret;
    use serde_json::json;

    use super::*;
    use crate::gate::{Gate, admit};

    /// A node that admits those with this secret, over a real connection.
    async fn node(cluster: &Secret, auth: &AuthConfig) -> NodeStatus {
        let gate = Gate {
            peers: PeerGate::new(Some(cluster), auth).unwrap(),
            body_max_bytes: 1_000,
            body_timeout: Duration::from_secs(10),
        };
        let routes = Router::new()
            .route("/internal/snapshots", get(async || Json(json!(["one"]))))
            .route_layer(from_fn_with_state(Arc::new(gate), admit));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let serving = axum::serve(listener, routes);
        tokio::spawn(async move { serving.await });
        serde_json::from_value(json!({
            "node": "processor-1", "roles": ["processor"], "version": "", "url": url,
            "operations_url": url, "clock_ms": 0, "disk_free_bytes": null, "problems": [],
            "partitions": [], "projected": [], "stopping": false,
        }))
        .unwrap()
    }

    #[tokio::test]
    async fn nodes_that_verify_tokens_with_a_public_key_only_ask_each_other() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("tokens.pem");
        let issuer = rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap();
        std::fs::write(&file, issuer.public_key_pem()).unwrap();
        let auth = AuthConfig {
            ed25519_public_key_file: Some(file),
            ..AuthConfig::default()
        };
        let (ours, theirs) = (Secret::new("c".repeat(32)), Secret::new("d".repeat(32)));
        let node = node(&ours, &auth).await;
        let asked_with = async |secret: &Secret| {
            let tokens = PeerTokens::new("ingress-1", Some(secret), &auth).unwrap();
            let peers = Peers::new(http_client::build(None).unwrap(), tokens);
            peers.get::<Vec<String>>(&node, "/internal/snapshots").await
        };
        assert_eq!(asked_with(&ours).await.unwrap(), ["one"]);
        let refused = asked_with(&theirs).await.unwrap_err();
        assert!(
            matches!(&refused, PeerError::Refused { status, .. } if status.as_u16() == 401),
            "{refused}"
        );
    }
}
