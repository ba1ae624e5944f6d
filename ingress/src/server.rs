//! Connections.

mod addresses;
mod alarm;
mod connection;
mod frames;
mod host;
mod lengths;
mod line;
mod outgoing;
mod paced;
mod pressure;
mod prompt;
mod refusal;
mod room;
mod streams;
mod watched;

use std::future::Future;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::TokioTimer;
use hyper_util::server::conn::auto;
use prometheus::Registry;
use socket2::SockRef;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::addresses::Addresses;
use self::connection::Connection;
use self::pressure::Pressure;
use self::room::Room;
use self::streams::Streams;
use crate::config::HttpConfig;
use crate::patience::Pace;
use crate::tls::{Tls, TlsError};

/// Pause after an error of accept, such as no file descriptors left, so that it does not spin, and
/// before another connection is closed because the one chosen first did not end.
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
/// What the system takes beyond what is on its way to the client, in bytes. It tells that there is room
/// again in steps of about as much.
const UNSENT_MAX_BYTES: u32 = 16 << 10;
/// Connections to the operations listener at once: probes, scrapers, other nodes.
const OPERATIONS_CONNECTIONS_MAX: usize = 64;

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
    room: Arc<Room>,
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
    #[error("the metrics of connections cannot be registered")]
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
            room: Room::new(),
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
        let http1 = Arc::new(http1_builder(&inner.http));
        let running = TaskTracker::new();
        let connections = Arc::new(Semaphore::new(inner.connections_max));
        let mut shutdown = pin!(shutdown);
        loop {
            inner.pressure.is_full(connections.available_permits() == 0);
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
            let Some(permit) = inner.room_for_one(&connections, shutdown.as_mut()).await else {
                break;
            };
            tune(&stream);
            let connection = Connection {
                inner: inner.clone(),
                router: router.clone(),
                peer,
                connected,
                slot: inner.room.enter(&inner.closing),
            };
            let http1 = http1.clone();
            let open = inner.pressure.opened();
            running.spawn(async move {
                let _open = open;
                // How a client leaves is its own business.
                if let Err(error) = connection.run(stream, &http1).await {
                    tracing::debug!("connection: {error}");
                }
                drop(permit);
            });
        }
        drop(listener);
        // Streams would otherwise keep their connections for ever.
        inner.closing.cancel();
        running.close();
        let drained = tokio::time::timeout(inner.http.drain_timeout(), running.wait()).await;
        if drained.is_err() {
            tracing::warn!("connections were still busy when the drain time was over");
        }
        Ok(())
    }
}

impl Inner {
    /// Waits until one more connection may be open, for which idle ones are closed; `None` when the
    /// server stops before.
    async fn room_for_one(
        &self,
        connections: &Arc<Semaphore>,
        mut shutdown: Pin<&mut impl Future<Output = ()>>,
    ) -> Option<OwnedSemaphorePermit> {
        if let Ok(permit) = connections.clone().try_acquire_owned() {
            return Some(permit);
        }
        self.pressure.is_full(true);
        let mut is_made = false;
        loop {
            if !is_made && self.room.make() {
                self.pressure.given_up.inc();
                is_made = true;
            }
            tokio::select! {
                biased;
                () = &mut shutdown => return None,
                permit = connections.clone().acquire_owned() => return permit.ok(),
                () = self.room.became_idle(), if !is_made => {}
                // It was asked for something after all.
                () = tokio::time::sleep(ACCEPT_PAUSE), if is_made => is_made = false,
            }
        }
    }

    fn pace(&self) -> Pace {
        Pace {
            timeout: self.http.write_timeout(),
            bytes_per_second: self.http.write_rate_min_bytes_per_second,
        }
    }
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

fn builder(http: &HttpConfig, streams: Streams) -> auto::Builder<Streams> {
    let mut builder = auto::Builder::new(streams);
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
    let socket = SockRef::from(stream);
    if let Err(error) = socket.set_send_buffer_size(SEND_BUFFER_BYTES) {
        tracing::debug!("SO_SNDBUF: {error}");
    }
    #[cfg(any(target_os = "android", target_os = "linux"))]
    if let Err(error) = socket.set_tcp_notsent_lowat(UNSENT_MAX_BYTES) {
        tracing::debug!("TCP_NOTSENT_LOWAT: {error}");
    }
}
