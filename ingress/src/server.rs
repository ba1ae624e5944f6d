//! Connections.

use std::future::Future;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_rustls::server::TlsStream;
use tower::ServiceExt;

use crate::prompt::{HTTP2_PREFACE, Prompt};
use crate::state::{AppState, Shared};
use crate::tls::Tls;

/// Pause after an error of accept, such as no file descriptors left, so that it does not spin.
pub(crate) const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// An idle HTTP/2 connection is probed after this long and closed when nothing comes back.
const HTTP2_KEEP_ALIVE: Duration = Duration::from_secs(30);
const HTTP2_STREAMS_MAX: u32 = 256;
/// Largest head of an HTTP/2 request, in bytes.
const HTTP2_HEADERS_MAX_BYTES: u32 = 32_768;
/// Buffer of an HTTP/1 connection, and with it its largest head, in bytes.
const HTTP1_BUFFER_MAX_BYTES: usize = 65_536;

pub(crate) async fn serve(
    state: &AppState,
    router: Router,
    listener: TcpListener,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()> {
    let builder = Arc::new(builder(state));
    let http1 = Arc::new(http1_builder(state));
    let graceful = GracefulShutdown::new();
    let connections = Arc::new(Semaphore::new(state.config.http.connections_max));
    let mut shutdown = pin!(shutdown);
    loop {
        let permit = tokio::select! {
            biased;
            () = &mut shutdown => break,
            permit = connections.clone().acquire_owned() => permit,
        };
        let accepted = tokio::select! {
            biased;
            () = &mut shutdown => break,
            accepted = listener.accept() => accepted,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!("accept: {error}");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        no_delay(&stream);
        let router = router.clone();
        let service = hyper::service::service_fn(move |request: Request<Incoming>| {
            let mut request = request.map(Body::new);
            request.extensions_mut().insert(ConnectInfo(peer));
            router.clone().oneshot(request)
        });
        let builder = builder.clone();
        let watcher = graceful.watcher();
        let open = state.metrics.connections.clone();
        open.inc();
        if let Some(tls) = state.tls.clone() {
            let state = state.clone();
            tokio::spawn(async move {
                // Within the task: a slow handshake holds up nobody else.
                if let Some(stream) = secured(&state, &tls, stream).await {
                    let stream = Prompt::new(stream, state.config.http.header_timeout());
                    let connection = builder.serve_connection(TokioIo::new(stream), service);
                    if let Err(error) = watcher.watch(connection.into_owned()).await {
                        tracing::debug!("TLS connection: {error}");
                    }
                }
                open.dec();
                drop(permit);
            });
            continue;
        }
        let state = state.clone();
        let http1 = http1.clone();
        tokio::spawn(async move {
            let closed = match spoken(&state, &stream).await {
                Spoken::Nothing => Ok(()),
                Spoken::Http1 => {
                    let connection = http1.serve_connection(TokioIo::new(stream), service);
                    watcher.watch(connection).await.map_err(Into::into)
                }
                // Rare, and several times as large: whoever speaks HTTP/1 need not have room for it.
                Spoken::Either => {
                    let stream = Prompt::new(stream, state.config.http.header_timeout());
                    let connection = builder.serve_connection(TokioIo::new(stream), service);
                    Box::pin(watcher.watch(connection.into_owned())).await
                }
            };
            // How a client leaves is its own business.
            if let Err(error) = closed {
                tracing::debug!("connection: {error}");
            }
            open.dec();
            drop(permit);
        });
    }
    drop(listener);
    // Streams would otherwise keep their connections for ever.
    state.closing.cancel();
    let drained =
        tokio::time::timeout(state.config.http.drain_timeout(), graceful.shutdown()).await;
    if drained.is_err() {
        tracing::warn!("connections were still busy when the drain time was over");
    }
    Ok(())
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
async fn spoken(state: &Shared, stream: &TcpStream) -> Spoken {
    let mut first = [0; 2];
    let peek = stream.peek(&mut first);
    tokio::select! {
        biased;
        said = tokio::time::timeout(state.config.http.header_timeout(), peek) => match said {
            Ok(Ok(0)) | Ok(Err(_)) | Err(_) => Spoken::Nothing,
            Ok(Ok(count)) if HTTP2_PREFACE.starts_with(&first[..count]) => Spoken::Either,
            Ok(Ok(_)) => Spoken::Http1,
        },
        () = state.closing.cancelled() => Spoken::Nothing,
    }
}

/// The stream once TLS is agreed on; `None` when it is not, or when the server stops before.
async fn secured(state: &Shared, tls: &Tls, stream: TcpStream) -> Option<TlsStream<TcpStream>> {
    let accepted = tokio::select! {
        biased;
        // Nothing was asked for yet, so the drain need not wait for this client.
        () = state.closing.cancelled() => return None,
        accepted = tls.accept(stream) => accepted,
    };
    accepted
        .inspect_err(|error| {
            state.metrics.tls_failures.inc();
            tracing::debug!("TLS handshake: {error}");
        })
        .ok()
}

fn http1_builder(state: &AppState) -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(state.config.http.header_timeout())
        .max_buf_size(HTTP1_BUFFER_MAX_BYTES)
        .pipeline_flush(true);
    builder
}

fn builder(state: &AppState) -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(state.config.http.header_timeout())
        .max_buf_size(HTTP1_BUFFER_MAX_BYTES)
        .pipeline_flush(true);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(HTTP2_KEEP_ALIVE)
        .keep_alive_timeout(HTTP2_KEEP_ALIVE)
        .max_concurrent_streams(HTTP2_STREAMS_MAX)
        .max_header_list_size(HTTP2_HEADERS_MAX_BYTES);
    builder
}

/// Answers are small and complete: waiting to fill a segment only makes them late.
fn no_delay(stream: &TcpStream) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!("TCP_NODELAY: {error}");
    }
}
