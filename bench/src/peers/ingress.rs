//! The minimal server in front of every peer, a separate process like Onsale's: hyper, HTTP/1, the
//! body read as JSON, an answer of the same length. It checks no token and counts no rates.

use std::convert::Infallible;
use std::future::Future;
use std::process::Command;
use std::sync::Arc;

use anyhow::Context;
use bytes::Bytes;
use clap::{Args, ValueEnum};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use onsale_load::Target;
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;
use uuid::Uuid;

use super::{postgres, redis};
use crate::side::child::Process;
use crate::side::job::{TICKETS_PER_USER, USER_HEADER};
use crate::side::say;

/// Length of a hold, in milliseconds.
const HOLD_MS: u64 = 600_000;

/// Options of the minimal server.
#[derive(Args)]
pub(crate) struct PeerIngressArgs {
    /// The backend behind it.
    #[arg(long, value_enum)]
    backend: BackendKind,
    /// The backend's address.
    #[arg(long, default_value = "")]
    url: String,
}

/// The backend of the minimal server.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum BackendKind {
    /// Nothing.
    Echo,
    /// Redis, a script.
    Redis,
    /// PostgreSQL, `SELECT … FOR UPDATE`.
    PostgresForUpdate,
    /// PostgreSQL, a stored function.
    PostgresFunction,
    /// PostgreSQL, `SKIP LOCKED`.
    PostgresSkipLocked,
    /// PostgreSQL, a version column.
    PostgresOptimistic,
}

/// What a client asks for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ask {
    pub(crate) booking: Uuid,
    pub(crate) user: Uuid,
    pub(crate) show: Uuid,
    pub(crate) zone: Uuid,
    pub(crate) quantity: i32,
    /// Tickets that the user may take altogether.
    pub(crate) limit: i32,
    /// End of the hold, in Unix milliseconds.
    pub(crate) expires_at_ms: u64,
}

/// The result.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Verdict {
    /// Held, as durably as the peer is configured to.
    Reserved,
    /// Not enough left.
    SoldOut,
    /// The user has as many as allowed.
    Limit,
}

/// What decides and remembers.
pub(crate) trait Backend: Send + Sync + 'static {
    /// Takes the tickets or returns why not.
    fn reserve(&self, ask: Ask) -> impl Future<Output = anyhow::Result<Verdict>> + Send;
}

#[derive(Deserialize)]
struct Body {
    show_id: Uuid,
    zone_id: Uuid,
    quantity: i32,
}

#[derive(Serialize)]
struct Envelope<T> {
    success: bool,
    data: T,
    meta: Meta,
}

#[derive(Serialize)]
struct Meta {
    request_id: Uuid,
}

#[derive(Serialize)]
struct Reserved {
    booking_id: Uuid,
    status: &'static str,
    show_id: Uuid,
    zone_id: Uuid,
    seats: [&'static str; 0],
    quantity: i32,
    expires_at_ms: u64,
}

#[derive(Serialize)]
struct Refused {
    success: bool,
    code: &'static str,
}

/// Starts this program again as the minimal server of a backend.
///
/// # Errors
/// When it does not start, for example because the backend cannot be reached.
pub(super) fn start(backend: BackendKind, url: Option<&str>) -> anyhow::Result<(Process, Target)> {
    let program = std::env::current_exe().context("path of this program")?;
    let name = backend
        .to_possible_value()
        .context("a backend without a name")?;
    let mut command = Command::new(program);
    command.args(["peer-ingress", "--backend", name.get_name()]);
    command.args(["--url", url.unwrap_or("")]);
    let (process, address) = Process::start_with_address("the minimal server", &mut command)?;
    Ok((process, Target::parse(&format!("http://{address}"))?))
}

/// Serves until it is killed.
///
/// # Errors
/// When the backend cannot be reached or no port is free.
pub(crate) fn run(args: &PeerIngressArgs) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        use postgres::{for_update, function, optimistic, server, skip_locked};
        let url = &args.url;
        match args.backend {
            BackendKind::Echo => serve(Nothing).await,
            BackendKind::Redis => serve(redis::Scripted::connect(url).await?).await,
            BackendKind::PostgresForUpdate => {
                serve(for_update::ForUpdate(server::pool(url).await?)).await
            }
            BackendKind::PostgresFunction => {
                serve(function::Function(server::pool(url).await?)).await
            }
            BackendKind::PostgresSkipLocked => {
                serve(skip_locked::SkipLocked(server::pool(url).await?)).await
            }
            BackendKind::PostgresOptimistic => {
                serve(optimistic::Optimistic(server::pool(url).await?)).await
            }
        }
    })
}

struct Nothing;

impl Backend for Nothing {
    async fn reserve(&self, _ask: Ask) -> anyhow::Result<Verdict> {
        Ok(Verdict::Reserved)
    }
}

async fn serve<B: Backend>(backend: B) -> anyhow::Result<()> {
    let backend = Arc::new(backend);
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    say::line(listener.local_addr()?);
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let backend = Arc::clone(&backend);
        tokio::spawn(async move {
            let service = hyper::service::service_fn(move |request| {
                let backend = Arc::clone(&backend);
                async move { Ok::<_, Infallible>(answer(&*backend, request).await) }
            });
            // How a client disconnects does not matter.
            let _ = hyper::server::conn::http1::Builder::new()
                .pipeline_flush(true)
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

async fn answer<B: Backend>(backend: &B, request: Request<Incoming>) -> Response<Full<Bytes>> {
    match decide(backend, request).await {
        Ok((ask, Verdict::Reserved)) => json(
            StatusCode::CREATED,
            &Envelope {
                success: true,
                data: Reserved {
                    booking_id: ask.booking,
                    status: "reserved",
                    show_id: ask.show,
                    zone_id: ask.zone,
                    seats: [],
                    quantity: ask.quantity,
                    expires_at_ms: ask.expires_at_ms,
                },
                meta: Meta {
                    request_id: ask.booking,
                },
            },
        ),
        Ok((_, Verdict::SoldOut)) => refused(StatusCode::CONFLICT, "INSUFFICIENT_STOCK"),
        Ok((_, Verdict::Limit)) => refused(StatusCode::CONFLICT, "MAX_PER_USER_EXCEEDED"),
        Err(error) => {
            say::progress(format_args!("the minimal server: {error:#}"));
            refused(StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL_ERROR")
        }
    }
}

async fn decide<B: Backend>(
    backend: &B,
    request: Request<Incoming>,
) -> anyhow::Result<(Ask, Verdict)> {
    let user = request
        .headers()
        .get(USER_HEADER)
        .context("no user")?
        .to_str()?
        .parse()?;
    let body = request.into_body().collect().await?.to_bytes();
    let body: Body = serde_json::from_slice(&body)?;
    let now_ms = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(0));
    let ask = Ask {
        // Ordered by time, so that an index grows at its end.
        booking: Uuid::now_v7(),
        user,
        show: body.show_id,
        zone: body.zone_id,
        quantity: body.quantity,
        limit: i32::from(TICKETS_PER_USER),
        expires_at_ms: now_ms + HOLD_MS,
    };
    Ok((ask, backend.reserve(ask).await?))
}

fn refused(status: StatusCode, code: &'static str) -> Response<Full<Bytes>> {
    let refused = Refused {
        success: false,
        code,
    };
    json(status, &refused)
}

fn json(status: StatusCode, body: &impl Serialize) -> Response<Full<Bytes>> {
    let bytes = serde_json::to_vec(body).unwrap_or_default();
    let mut response = Response::new(Full::new(Bytes::from(bytes)));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
