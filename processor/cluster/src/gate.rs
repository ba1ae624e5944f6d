//! Who may ask a node something, and how much of a request is read for it.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::AUTHORIZATION;
use axum::middleware::Next;
use axum::response::Response;
use onsale_auth::PeerGate;
use onsale_processor::clock;

use crate::internal::Refusal;

/// What stands before the calls between nodes.
pub struct Gate {
    /// Knows nodes and operators.
    pub peers: PeerGate,
    /// Largest body, in bytes: a report of a reconciliation.
    pub body_max_bytes: usize,
    /// How long a body may take.
    pub body_timeout: Duration,
}

/// Lets only nodes and operators through, before anything of a body is read; then reads it, within its
/// time and its size. The request then has an [`Admitted`] among its extensions.
///
/// [`Admitted`]: onsale_auth::Admitted
pub(crate) async fn admit(
    State(gate): State<Arc<Gate>>,
    request: Request,
    next: Next,
) -> Result<Response, Refusal> {
    let mut tokens = request.headers().get_all(AUTHORIZATION).iter();
    // Of two it is unclear who asks.
    let token = tokens.next().filter(|_| tokens.next().is_none());
    let admitted = token.and_then(|token| gate.peers.admit(token.as_bytes(), clock::now_ms()));
    let Some(admitted) = admitted else {
        let why = "only nodes and operators may ask this";
        return Err(Refusal::new(StatusCode::UNAUTHORIZED, why));
    };
    let (mut head, body) = request.into_parts();
    head.extensions.insert(admitted);
    let read = axum::body::to_bytes(body, gate.body_max_bytes);
    let body = tokio::time::timeout(gate.body_timeout, read)
        .await
        .map_err(|_| Refusal::new(StatusCode::REQUEST_TIMEOUT, "the body came too slowly"))?
        .map_err(|_| {
            let most = gate.body_max_bytes;
            let why = format!("the body was cut short, or is larger than {most} bytes");
            Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, why)
        })?;
    Ok(next.run(Request::from_parts(head, Body::from(body))).await)
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::middleware::from_fn_with_state;
    use axum::routing::post;
    use onsale_auth::{AuthConfig, Minter};
    use onsale_settings::Secret;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};

    use super::*;

    fn auth() -> AuthConfig {
        AuthConfig {
            hs256_secret: Some(Secret::new("s".repeat(32))),
            ..AuthConfig::default()
        }
    }

    /// What comes of a request whose body is announced and not sent, over a real connection.
    async fn answer(token: &str, announced_bytes: usize) -> String {
        let gate = Gate {
            peers: PeerGate::new(None, &auth()).unwrap(),
            body_max_bytes: 1_000,
            body_timeout: Duration::from_millis(100),
        };
        let routes = Router::new()
            .route("/internal/reconcile", post(async || "done"))
            .route_layer(from_fn_with_state(Arc::new(gate), admit));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut stream = TcpStream::connect(listener.local_addr().unwrap())
            .await
            .unwrap();
        let serving = axum::serve(listener, routes);
        tokio::spawn(async move { serving.await });
        let head = format!(
            "POST /internal/reconcile HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n\
             content-type: application/json\r\nconnection: close\r\n\
             content-length: {announced_bytes}\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        String::from_utf8(answer).unwrap()
    }

    #[tokio::test]
    async fn the_token_comes_before_the_body_and_the_body_in_time() {
        let token = Minter::new(&auth(), None).unwrap();
        let token = token.mint_operator(60, clock::now_ms()).unwrap();
        for (token, announced_bytes, status) in [
            ("none", 8 << 20, 401),
            ("none", 100, 401),
            (&format!("{token}\r\nauthorization: Bearer {token}"), 0, 401),
            (&token, 100, 408),
            (&token, 2_000, 408),
            (&token, 0, 200),
        ] {
            let answer = answer(token, announced_bytes).await;
            let expected = format!("HTTP/1.1 {status} ");
            assert!(answer.starts_with(&expected), "{answer}");
        }
    }
}
