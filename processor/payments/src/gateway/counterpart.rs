//! A gateway for tests: the simulated one behind Stripe's interface, over real HTTP.
//!
//! It holds what it is asked to, remembers answers by key, sends signed notices and fails by its seed. Beside
//! Stripe's endpoints it has a page for buyers (`/pay/{object}`) and what tests need: `GET /_books`,
//! `POST /_buyer/{object}`, `/_dispute/{object}`, `/_faults`. It is for this machine: whoever reaches it may do
//! all of that.

mod calls;
mod control;
mod form;
mod notices;
mod reads;
mod render;
mod validator;

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use bytes::Bytes;
use http::{HeaderMap, Method, Uri};
use onsale_settings::Secret;
use parking_lot::Mutex;
use reqwest::redirect::Policy;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use url::Url;

use self::form::Fields;
use self::notices::Counts;
use self::render::Renderer;
use self::validator::Validator;
use super::simulated::{Faults, Machine, Performed, Problem};
use super::stripe::VERSION;

/// Largest body of a request, in bytes.
const BODY_MAX_BYTES: usize = 65_536;
/// The key that it takes, unless told otherwise.
pub const KEY: &str = "sk_test_counterpart";
/// The secret that it signs with, unless told otherwise.
pub const WEBHOOK_SECRET: &str = "whsec_counterpart";

/// How a counterpart behaves.
#[derive(Clone, Debug)]
pub struct Options {
    /// What goes wrong.
    pub faults: Faults,
    /// The key that requests have to have.
    pub key: Secret,
    /// Where notices go; `None`: nowhere.
    pub webhook_url: Option<Url>,
    /// The secrets that notices are signed with: one, or two while it is exchanged.
    pub webhook_secrets: Vec<Secret>,
    /// A stripe-mock that each request is shown to first.
    pub validator: Option<Url>,
    /// After how many milliseconds buyers pay by themselves; `None`: they do not.
    pub buyers_pay_after_ms: Option<u64>,
    /// How many of 1,000 such buyers have a card that is declined.
    pub buyers_decline: u32,
    /// How many of 1,000 such buyers leave without paying.
    pub buyers_leave: u32,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            faults: Faults::default(),
            key: Secret::new(KEY),
            webhook_url: None,
            webhook_secrets: vec![Secret::new(WEBHOOK_SECRET)],
            validator: None,
            buyers_pay_after_ms: None,
            buyers_decline: 0,
            buyers_leave: 0,
        }
    }
}

struct Shared {
    machine: Mutex<Machine>,
    options: Options,
    /// Where it is, without a slash at the end.
    base: String,
    http: reqwest::Client,
    validator: Option<Validator>,
    notices: Counts,
}

/// A counterpart that serves until it is dropped.
pub struct Counterpart {
    shared: Arc<Shared>,
    url: Url,
    tasks: JoinSet<io::Result<()>>,
}

impl fmt::Debug for Counterpart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Counterpart({})", self.url)
    }
}

impl Counterpart {
    /// Serves at a listener.
    ///
    /// # Errors
    /// When the listener or the client for notices cannot be used.
    pub fn start(listener: TcpListener, options: Options) -> io::Result<Self> {
        let base = format!("http://{}", listener.local_addr()?);
        let url = base.parse().map_err(io::Error::other)?;
        let http = client()?;
        let validator = options.validator.clone();
        let shared = Arc::new(Shared {
            machine: Mutex::new(Machine::new(options.faults)),
            validator: validator.map(|url| Validator::new(http.clone(), url)),
            base,
            http,
            notices: Counts::default(),
            options,
        });
        let router = Router::new()
            .route("/v1/{*path}", any(v1))
            .route("/_books", get(control::books))
            .route("/_buyer/{object}", post(control::buyer))
            .route("/_dispute/{object}", post(control::dispute))
            .route("/_faults", post(control::faults))
            .route("/pay/{object}", get(control::page).post(control::choose))
            .layer(DefaultBodyLimit::max(BODY_MAX_BYTES))
            .with_state(Arc::clone(&shared));
        let mut tasks = JoinSet::new();
        tasks.spawn(async move { axum::serve(listener, router).await });
        if let Some(to) = shared.options.webhook_url.clone() {
            let shared = Arc::clone(&shared);
            tasks.spawn(async move {
                notices::send_all(shared, to).await;
                Ok(())
            });
        }
        Ok(Self { shared, url, tasks })
    }

    /// Where it is.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// The machine itself, to look into or to act on.
    pub fn with_machine<T>(&self, look: impl FnOnce(&mut Machine, u64) -> T) -> T {
        let mut machine = self.shared.machine.lock();
        let now_ms = now_ms();
        machine.advance(now_ms);
        look(&mut machine, now_ms)
    }

    /// What the validator has refused, and how many requests it was shown.
    pub fn validated(&self) -> (u64, Vec<String>) {
        let validator = self.shared.validator.as_ref();
        validator.map(Validator::seen).unwrap_or_default()
    }

    /// Serves for ever.
    ///
    /// # Errors
    /// When it cannot serve any more.
    pub async fn run(mut self) -> io::Result<()> {
        while let Some(ended) = self.tasks.join_next().await {
            ended.map_err(io::Error::other)??;
        }
        Ok(())
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "it asks this machine alone, and the other clients are of the cluster's side"
)]
fn client() -> io::Result<reqwest::Client> {
    let tls = onsale_tls::client_config(None).map_err(io::Error::other)?;
    reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .redirect(Policy::none())
        .no_proxy()
        .build()
        .map_err(io::Error::other)
}

fn now_ms() -> u64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

async fn v1(
    State(shared): State<Arc<Shared>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    match answer(&shared, &method, &uri, &headers, &body).await {
        Ok(response) => response,
        Err(problem) => refused(&problem),
    }
}

async fn answer(
    shared: &Shared,
    method: &Method,
    uri: &Uri,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<Response, Problem> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let expected = format!("Bearer {}", shared.options.key.expose());
    if text("authorization") != Some(expected.as_str()) {
        return Err(Problem {
            status: 401,
            ..Problem::invalid("", "Invalid API Key provided")
        });
    }
    if text("stripe-version") != Some(VERSION) {
        let said = format!("Stripe-Version: expected {VERSION}");
        return Err(Problem::invalid("", said));
    }
    if *method == Method::POST && text("content-type") != Some("application/x-www-form-urlencoded")
    {
        let said = "Content-Type: expected application/x-www-form-urlencoded";
        return Err(Problem::invalid("", said));
    }
    if let Some(validator) = &shared.validator {
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        validator.check(method, path, headers, body).await?;
    }
    let path: Vec<&str> = uri.path().split('/').skip(2).collect();
    match *method {
        Method::GET => {
            let fields = Fields::parse(uri.query().unwrap_or_default().as_bytes())?;
            let mut machine = shared.machine.lock();
            if let Some(performed) = machine.befalls_read(now_ms()) {
                return Ok(performed_answer(shared, &fields, performed));
            }
            let value = reads::read(&machine, &path, &fields, &shared.base)?;
            Ok(json_answer(StatusCode::OK, &value))
        }
        Method::POST => {
            let fields = Fields::parse(body)?;
            let asked = format!("{} {}", uri.path(), fields.canonical());
            let mut machine = shared.machine.lock();
            let now_ms = now_ms();
            let count = u64::try_from(machine.payment_count()).unwrap_or_default();
            let call = calls::call(&path, &fields, &shared.options, (count, now_ms))?;
            let performed = machine.perform(text("idempotency-key"), &asked, &call, now_ms);
            drop(machine);
            Ok(performed_answer(shared, &fields, performed))
        }
        _ => Err(calls::unknown(&path)),
    }
}

fn performed_answer(shared: &Shared, fields: &Fields, performed: Performed) -> Response {
    let (answer, is_replayed) = match performed {
        // The connection breaks off.
        Performed::Nothing => return Response::new(Body::from_stream(Broken)),
        Performed::Answered {
            answer,
            is_replayed,
        } => (answer, is_replayed),
    };
    let base = shared.base.as_str();
    let mut response = match answer {
        Ok(object) => {
            let value = Renderer { base, fields }.object(&object);
            json_answer(StatusCode::OK, &value)
        }
        Err(problem) => refused(&problem),
    };
    if is_replayed {
        let value = http::HeaderValue::from_static("true");
        response.headers_mut().insert("idempotent-replayed", value);
    }
    response
}

fn refused(problem: &Problem) -> Response {
    let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    json_answer(status, &render::problem(problem))
}

fn json_answer(status: StatusCode, value: &Value) -> Response {
    let head = [
        (header::CONTENT_TYPE, "application/json"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    (status, head, value.to_string()).into_response()
}

/// A body that breaks off, and its connection with it.
struct Broken;

impl futures::Stream for Broken {
    type Item = io::Result<Bytes>;

    fn poll_next(
        self: std::pin::Pin<&mut Self>,
        _context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Self::Item>> {
        std::task::Poll::Ready(Some(Err(io::Error::other("the answer is lost"))))
    }
}
