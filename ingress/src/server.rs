//! Connections.

mod addresses;
mod outgoing;
mod paced;
mod pressure;
mod prompt;
mod refusal;

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use http::{Request, Version};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use prometheus::Registry;
use socket2::SockRef;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use self::addresses::{Addresses, Connected};
use self::outgoing::{Dates, Outbound, Outgoing};
use self::paced::{Pace, Paced};
use self::pressure::Pressure;
use self::prompt::{HTTP2_PREFACE, Prompt};
use crate::config::HttpConfig;
use crate::tls::{Tls, TlsError};

/// Pause after an error of accept, such as no file descriptors left, so that it does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// An idle HTTP/2 connection is probed after this long and closed when nothing comes back.
const HTTP2_KEEP_ALIVE: Duration = Duration::from_secs(30);
const HTTP2_STREAMS_MAX: u32 = 32;
/// Largest head of an HTTP/2 request, in bytes.
const HTTP2_HEADERS_MAX_BYTES: u32 = 32_768;
/// What HTTP/2 keeps of a stream that its client does not take, in bytes.
const HTTP2_SEND_BUFFER_MAX_BYTES: usize = 2 * outgoing::PIECE_MAX_BYTES;
/// What a client of HTTP/2 may send of one body before anybody reads it, in bytes.
const HTTP2_STREAM_WINDOW_BYTES: u32 = 128 << 10;
/// What it may send of all its bodies so, in bytes.
const HTTP2_CONNECTION_WINDOW_BYTES: u32 = 256 << 10;
/// Buffer of an HTTP/1 connection, and with it its largest head, in bytes.
const HTTP1_BUFFER_MAX_BYTES: usize = 65_536;
/// Headers of an HTTP/1 request.
const HTTP1_HEADERS_MAX: usize = 100;
/// What the system keeps for a client that does not read, in bytes. (Linux doubles it for its own
/// books.) Half a second of a fast line around the world; answers are small.
const SEND_BUFFER_BYTES: usize = 64 << 10;
/// Connections to the operations listener at once: probes, scrapers, other nodes.
pub const OPERATIONS_CONNECTIONS_MAX: usize = 64;
/// What a client can make the process keep for a connection by not reading, in bytes, beside bodies
/// that it shares with others: what HTTP/2 keeps of every stream with its bookkeeping, or the two
/// buffers of HTTP/1.
pub const CONNECTION_MEMORY_MAX_BYTES: usize = HTTP2_STREAMS_MAX as usize
    * (HTTP2_SEND_BUFFER_MAX_BYTES + HTTP2_STREAM_KEPT_BYTES)
    + HTTP2_CONNECTION_WINDOW_BYTES as usize;
/// Bookkeeping of a stream of HTTP/2: its task, its request, the head of its answer, in bytes.
const HTTP2_STREAM_KEPT_BYTES: usize = 32 << 10;

/// Takes connections and lets no client keep more than its share: of connections, of time, of
/// memory. Cheap to clone.
#[derive(Clone)]
pub struct Transport(Arc<Inner>);

struct Inner {
    http: HttpConfig,
    /// `None`: connections are plain.
    tls: Option<Tls>,
    connections_max: usize,
    addresses: Arc<Addresses>,
    pressure: Pressure,
    /// Cancelled when the process stops: streams end, connections that ask for nothing too.
    closing: CancellationToken,
}

/// Why connections cannot be taken.
#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    /// Certificate or key cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The registry has metrics of the same names already.
    #[error("metrics: {0}")]
    Metrics(#[from] prometheus::Error),
}

impl std::fmt::Debug for Transport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Transport").finish_non_exhaustive()
    }
}

impl Transport {
    /// For the public listener; its metrics go to the registry.
    ///
    /// # Errors
    /// When certificate, key or registry cannot be used.
    pub fn public(config: &HttpConfig, registry: &Registry) -> Result<Self, TransportError> {
        let per_address =
            (config.trusted_proxies == 0).then_some(config.connections_per_address_max);
        Self::new(config, config.connections_max, per_address, Some(registry))
    }

    /// For the operations listener: a few connections from wherever, and the same time-outs.
    ///
    /// # Errors
    /// When certificate or key cannot be used.
    pub fn operations(config: &HttpConfig) -> Result<Self, TransportError> {
        Self::new(config, OPERATIONS_CONNECTIONS_MAX, None, None)
    }

    fn new(
        config: &HttpConfig,
        connections_max: usize,
        per_address_max: Option<usize>,
        registry: Option<&Registry>,
    ) -> Result<Self, TransportError> {
        Ok(Self(Arc::new(Inner {
            http: config.clone(),
            tls: Tls::new(config)?,
            connections_max,
            addresses: Addresses::new(per_address_max),
            pressure: Pressure::new(connections_max, registry)?,
            closing: CancellationToken::new(),
        })))
    }

    /// What keeps clients from connecting now, one sentence each.
    pub fn problems(&self) -> Vec<String> {
        self.0.pressure.problems()
    }

    /// Cancelled when this stops serving.
    pub(crate) fn closing(&self) -> &CancellationToken {
        &self.0.closing
    }

    /// Serves until `shutdown` is ready; then streams end, requests in flight finish, and it
    /// returns, at the latest after the configured drain time.
    ///
    /// # Errors
    /// When the listener cannot be used at all.
    pub async fn serve(
        &self,
        router: Router,
        listener: TcpListener,
        shutdown: impl Future<Output = ()>,
    ) -> io::Result<()> {
        let inner = &self.0;
        let builder = Arc::new(builder(&inner.http));
        let http1 = Arc::new(http1_builder(&inner.http));
        let graceful = GracefulShutdown::new();
        let connections = Arc::new(Semaphore::new(inner.connections_max));
        let mut shutdown = pin!(shutdown);
        loop {
            inner.pressure.is_full(connections.available_permits() == 0);
            let permit = tokio::select! {
                biased;
                () = &mut shutdown => break,
                permit = connections.clone().acquire_owned() => permit,
            };
            inner.pressure.is_full(false);
            let accepted = tokio::select! {
                biased;
                () = &mut shutdown => break,
                accepted = listener.accept() => accepted,
            };
            let (stream, peer) = match accepted {
                Ok(accepted) => accepted,
                Err(error) if pressure::is_the_clients(&error) => {
                    tracing::debug!("accept: {error}");
                    continue;
                }
                Err(error) => {
                    inner.pressure.accept_failed(&error);
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            let Some(connected) = inner.addresses.connect(peer.ip()) else {
                inner.pressure.address_refused(peer.ip());
                continue;
            };
            tune(&stream);
            let connection = Connection {
                inner: inner.clone(),
                router: router.clone(),
                peer,
                connected,
            };
            let (builder, http1) = (builder.clone(), http1.clone());
            let watcher = graceful.watcher();
            let open = inner.pressure.opened();
            tokio::spawn(async move {
                let _open = open;
                // How a client leaves is its own business.
                if let Err(error) = connection.run(stream, &builder, &http1, watcher).await {
                    tracing::debug!("connection: {error}");
                }
                drop(permit);
            });
        }
        drop(listener);
        // Streams would otherwise keep their connections for ever.
        inner.closing.cancel();
        let drained = tokio::time::timeout(inner.http.drain_timeout(), graceful.shutdown()).await;
        if drained.is_err() {
            tracing::warn!("connections were still busy when the drain time was over");
        }
        Ok(())
    }
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// A connection that was accepted.
struct Connection {
    inner: Arc<Inner>,
    router: Router,
    peer: SocketAddr,
    /// Counted until the connection ends.
    connected: Connected,
}

impl Connection {
    async fn run(
        self,
        stream: TcpStream,
        builder: &auto::Builder<TokioExecutor>,
        http1: &http1::Builder,
        watcher: hyper_util::server::graceful::Watcher,
    ) -> Result<(), Failure> {
        let inner = self.inner.clone();
        if let Some(tls) = &inner.tls {
            // Within the task: a slow handshake holds up nobody else.
            let Some(stream) = secured(&inner, tls, self.paced(stream)).await else {
                return Ok(());
            };
            return self.run_either(stream, builder, watcher).await;
        }
        match spoken(&inner, &stream).await {
            Spoken::Nothing => Ok(()),
            Spoken::Http1 => {
                let stream = TokioIo::new(self.paced(stream));
                let service = self.service(None);
                let service = hyper::service::service_fn(service);
                let connection = http1.serve_connection(stream, service);
                watcher.watch(connection).await.map_err(Into::into)
            }
            // Rare, and several times as large: whoever speaks HTTP/1 need not have room for it.
            Spoken::Either => {
                let stream = self.paced(stream);
                Box::pin(self.run_either(stream, builder, watcher)).await
            }
        }
    }

    /// HTTP/1 or HTTP/2, as the client wishes.
    async fn run_either<S>(
        self,
        stream: S,
        builder: &auto::Builder<TokioExecutor>,
        watcher: hyper_util::server::graceful::Watcher,
    ) -> Result<(), Failure>
    where
        S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
    {
        let http = &self.inner.http;
        let dates = Arc::new(Dates::default());
        let stream = TokioIo::new(Prompt::new(stream, http.header_timeout()));
        let service = hyper::service::service_fn(self.service(Some(dates.clone())));
        let connection = builder.serve_connection(stream, service).into_owned();
        tokio::select! {
            biased;
            ended = watcher.watch(connection) => ended,
            () = dates.stalled(http.write_timeout()) => {
                self.inner.pressure.stalled.inc();
                Err("the client does not take what it asked for".into())
            }
        }
    }

    fn paced(&self, stream: TcpStream) -> Paced {
        let http = &self.inner.http;
        let pace = Pace {
            timeout: http.write_timeout(),
            bytes_min: http.write_bytes_min(),
        };
        Paced::new(stream, pace, self.inner.pressure.stalled.clone())
    }

    /// Answers requests of this connection.
    fn service(
        &self,
        dates: Option<Arc<Dates>>,
    ) -> impl Fn(Request<Incoming>) -> Answering + Clone + Send + use<> {
        let outbound = Outbound {
            unsent: self.connected.unsent.clone(),
            unsent_in_all: self.inner.pressure.unsent_bytes.clone(),
            dates,
        };
        let (inner, router, peer) = (self.inner.clone(), self.router.clone(), self.peer);
        move |request: Request<Incoming>| {
            let refusal = refusal::malformed(&request).or_else(|| {
                let refusal = inner.over_budget(&request, &outbound);
                refusal.inspect(|_| inner.pressure.answers_refused.inc())
            });
            let mut outbound = outbound.clone();
            if request.version() != Version::HTTP_2 {
                // A write of its own waits there, and is seen to.
                outbound.dates = None;
            }
            let answer = match refusal {
                Some(error) => Err(refusal::answer(&request, &error)),
                None => {
                    let mut request = request.map(Body::new);
                    request.extensions_mut().insert(ConnectInfo(peer));
                    Ok(router.clone().oneshot(request))
                }
            };
            Box::pin(async move {
                let response = match answer {
                    Ok(routed) => routed.await?,
                    Err(refused) => refused,
                };
                Ok(response.map(|body| Outgoing::new(body, outbound)))
            })
        }
    }
}

type Answering =
    std::pin::Pin<Box<dyn Future<Output = Result<http::Response<Outgoing>, Infallible>> + Send>>;

impl Inner {
    fn over_budget(
        &self,
        request: &Request<Incoming>,
        outbound: &Outbound,
    ) -> Option<crate::error::ApiError> {
        // Behind our own proxies the address is theirs, and they do the waiting.
        if self.http.trusted_proxies > 0 {
            return None;
        }
        let max_bytes = self.http.unsent_per_address_max_bytes;
        refusal::too_much_unsent(request, outbound.unsent.bytes(), max_bytes)
    }
}

/// What the first bytes of a connection tell.
enum Spoken {
    /// None came in time.
    Nothing,
    Http1,
    /// It may still become the preface of HTTP/2.
    Either,
}

/// Waits for the first bytes, so that the drain need not wait for a client that asks for nothing.
async fn spoken(inner: &Inner, stream: &TcpStream) -> Spoken {
    let mut first = [0; 2];
    let peek = stream.peek(&mut first);
    tokio::select! {
        biased;
        said = tokio::time::timeout(inner.http.header_timeout(), peek) => match said {
            Ok(Ok(0)) | Ok(Err(_)) | Err(_) => Spoken::Nothing,
            Ok(Ok(count)) if HTTP2_PREFACE.starts_with(&first[..count]) => Spoken::Either,
            Ok(Ok(_)) => Spoken::Http1,
        },
        () = inner.closing.cancelled() => Spoken::Nothing,
    }
}

/// The stream once TLS is agreed on; `None` when it is not, or when the server stops before.
async fn secured(inner: &Inner, tls: &Tls, stream: Paced) -> Option<TlsStream<Paced>> {
    let accepted = tokio::select! {
        biased;
        // Nothing was asked for yet, so the drain need not wait for this client.
        () = inner.closing.cancelled() => return None,
        accepted = tls.accept(stream) => accepted,
    };
    accepted
        .inspect_err(|error| {
            inner.pressure.tls_failures.inc();
            tracing::debug!("TLS handshake: {error}");
        })
        .ok()
}

// Neither flushes a pipeline as a whole: for that hyper copies every body into its buffer, however
// large, and leaves the answer to what it cannot parse there.

fn http1_builder(http: &HttpConfig) -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(http.header_timeout())
        .max_headers(HTTP1_HEADERS_MAX)
        .max_buf_size(HTTP1_BUFFER_MAX_BYTES);
    builder
}

fn builder(http: &HttpConfig) -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(http.header_timeout())
        .max_headers(HTTP1_HEADERS_MAX)
        .max_buf_size(HTTP1_BUFFER_MAX_BYTES);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(HTTP2_KEEP_ALIVE)
        .keep_alive_timeout(HTTP2_KEEP_ALIVE)
        .max_concurrent_streams(HTTP2_STREAMS_MAX)
        .max_send_buf_size(HTTP2_SEND_BUFFER_MAX_BYTES)
        .initial_stream_window_size(HTTP2_STREAM_WINDOW_BYTES)
        .initial_connection_window_size(HTTP2_CONNECTION_WINDOW_BYTES)
        .max_header_list_size(HTTP2_HEADERS_MAX_BYTES);
    builder
}

/// Answers are small and complete: waiting to fill a segment only makes them late. And what a client
/// does not take stays here, where it is seen, not in the system.
fn tune(stream: &TcpStream) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!("TCP_NODELAY: {error}");
    }
    if let Err(error) = SockRef::from(stream).set_send_buffer_size(SEND_BUFFER_BYTES) {
        tracing::debug!("SO_SNDBUF: {error}");
    }
}
