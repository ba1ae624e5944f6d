//! A provider of OpenID Connect, and of OAuth2 alone, that answers whatever a test wants.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use http::header::LOCATION;
use http::{HeaderMap, StatusCode};
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use parking_lot::Mutex;
use serde_json::{Value, json};

use crate::support::NOW_MS;

pub(crate) const CLIENT_ID: &str = "onsale";
pub(crate) const CLIENT_SECRET: &str = "between us";
/// More than any document of a provider may have.
const HUGE_BYTES: usize = 300_000;

/// What is answered.
#[derive(Clone)]
pub(crate) enum Answer {
    Json(Value),
    /// The same, with white space behind it without end, as far as a client reads.
    Huge(Value),
    Redirect(String),
    Status(u16),
    /// Never.
    Silence,
}

/// What the provider answers now, and what it was asked.
pub(crate) struct Shared {
    pub(crate) discovery: Answer,
    pub(crate) keys: Answer,
    pub(crate) token: Answer,
    pub(crate) user: Answer,
    /// The forms that came for codes, with the header beside them.
    pub(crate) exchanges: Vec<(String, Option<String>)>,
    pub(crate) discovery_fetches: u32,
    pub(crate) key_fetches: u32,
    /// What the user's endpoint was asked with.
    pub(crate) bearer: Option<String>,
}

pub(crate) struct House {
    pub(crate) url: String,
    pub(crate) shared: Arc<Mutex<Shared>>,
    key: SigningKey,
}

/// A key that signs tokens.
pub(crate) struct SigningKey {
    private: EncodingKey,
    pub(crate) public: Value,
    id: String,
}

impl SigningKey {
    pub(crate) fn new(id: &str) -> Self {
        let pair = rcgen::KeyPair::generate().unwrap();
        let private = EncodingKey::from_ec_pem(pair.serialize_pem().as_bytes()).unwrap();
        let mut public = Jwk::from_encoding_key(&private, Algorithm::ES256).unwrap();
        public.common.key_id = Some(id.to_owned());
        Self {
            private,
            public: serde_json::to_value(public).unwrap(),
            id: id.to_owned(),
        }
    }

    pub(crate) fn sign(&self, claims: &Value) -> String {
        let mut head = Header::new(Algorithm::ES256);
        head.kid = Some(self.id.clone());
        jsonwebtoken::encode(&head, claims, &self.private).unwrap()
    }
}

impl House {
    /// Listens until the test ends.
    pub(crate) async fn open() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let key = SigningKey::new("one");
        let shared = Arc::new(Mutex::new(Shared {
            discovery: Answer::Json(discovery(&url)),
            keys: Answer::Json(json!({ "keys": [key.public] })),
            token: Answer::Status(400),
            user: Answer::Status(400),
            exchanges: Vec::new(),
            discovery_fetches: 0,
            key_fetches: 0,
            bearer: None,
        }));
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(answer_discovery))
            .route("/keys", get(answer_keys))
            .route("/token", post(answer_token))
            .route("/me", get(answer_user))
            .with_state(shared.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, shared, key }
    }

    /// What a token says that is right, for a sign-in with this nonce.
    pub(crate) fn claims(&self, nonce: &str) -> Value {
        let now_seconds = NOW_MS / 1_000;
        json!({
            "iss": self.url,
            "aud": CLIENT_ID,
            "sub": "person 1",
            "exp": now_seconds + 300,
            "iat": now_seconds,
            "nonce": nonce,
            "email": "nobody@example.test",
            "email_verified": true,
            "name": "No Body",
        })
    }

    pub(crate) fn sign(&self, claims: &Value) -> String {
        self.key.sign(claims)
    }

    /// The public key that everybody knows.
    pub(crate) fn public_key(&self) -> &Value {
        &self.key.public
    }

    /// From now on codes are worth this token.
    pub(crate) fn gives(&self, id_token: &str) {
        let body =
            json!({ "access_token": "access", "token_type": "Bearer", "id_token": id_token });
        self.shared.lock().token = Answer::Json(body);
    }
}

pub(crate) fn discovery(url: &str) -> Value {
    json!({
        "issuer": url,
        "authorization_endpoint": format!("{url}/authorize"),
        "token_endpoint": format!("{url}/token"),
        "jwks_uri": format!("{url}/keys"),
    })
}

type Of = State<Arc<Mutex<Shared>>>;

async fn answer_discovery(State(shared): Of) -> Response {
    let answer = {
        let mut shared = shared.lock();
        shared.discovery_fetches += 1;
        shared.discovery.clone()
    };
    given(answer).await
}

async fn answer_keys(State(shared): Of) -> Response {
    let answer = {
        let mut shared = shared.lock();
        shared.key_fetches += 1;
        shared.keys.clone()
    };
    given(answer).await
}

async fn answer_token(State(shared): Of, headers: HeaderMap, body: Bytes) -> Response {
    let answer = {
        let mut shared = shared.lock();
        let form = String::from_utf8(body.to_vec()).unwrap();
        let secret = headers.get("authorization");
        let secret = secret.map(|value| value.to_str().unwrap().to_owned());
        shared.exchanges.push((form, secret));
        shared.token.clone()
    };
    given(answer).await
}

async fn answer_user(State(shared): Of, headers: HeaderMap) -> Response {
    let answer = {
        let mut shared = shared.lock();
        let bearer = headers.get("authorization");
        shared.bearer = bearer.map(|value| value.to_str().unwrap().to_owned());
        shared.user.clone()
    };
    given(answer).await
}

async fn given(answer: Answer) -> Response {
    match answer {
        Answer::Json(value) => value.to_string().into_response(),
        Answer::Huge(value) => {
            let padding = " ".repeat(HUGE_BYTES);
            format!("{value}{padding}").into_response()
        }
        Answer::Redirect(to) => (StatusCode::FOUND, [(LOCATION, to)]).into_response(),
        Answer::Status(status) => StatusCode::from_u16(status).unwrap().into_response(),
        Answer::Silence => std::future::pending().await,
    }
}
