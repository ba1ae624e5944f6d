//! A connection from its first byte to its last.

use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::net::{IpAddr, SocketAddr};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::server::graceful::GracefulConnection;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;
use tower::ServiceExt as _;

use super::addresses::{Block, Connected};
use super::frames::Frames;
use super::lengths::Lengths;
use super::line::Line;
use super::outgoing::{Outbound, Outgoing};
use super::paced::Paced;
use super::prompt::{HTTP2_PREFACE, Prompt};
use super::room::{OccupiedSlot, Slot};
use super::streams::{Stream, Streams};
use super::watched::Watched;
use super::{Inner, builder, refusal};
use crate::client_address::ClientAddress;
use crate::error::ApiError;
use crate::tls::Tls;

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// A connection that was accepted.
pub(super) struct Connection {
    pub(super) inner: Arc<Inner>,
    pub(super) router: Router,
    pub(super) peer: SocketAddr,
    /// Counted until the connection ends.
    pub(super) connected: Connected,
    pub(super) slot: OccupiedSlot,
}

impl Connection {
    /// Serves it until it ends.
    pub(super) async fn run(
        self,
        stream: TcpStream,
        http1: &http1::Builder,
    ) -> Result<(), Failure> {
        let line = Arc::new(Line::new());
        if let Some(tls) = &self.inner.tls {
            // Within the task: a slow handshake delays no other client.
            let stream = self.paced(stream, &line);
            let Some(stream) = secured(&self.inner, tls, &self.slot, stream).await else {
                return Ok(());
            };
            return self.run_either(stream, line).await;
        }
        match spoken(&self.inner, &self.slot, &stream).await {
            Spoken::Nothing => Ok(()),
            Spoken::Http1 => {
                let stream =
                    TokioIo::new(Watched::new(self.paced(stream, &line), Lengths::default()));
                let service = hyper::service::service_fn(self.service(line.clone()));
                let connection = http1.serve_connection(stream, service);
                self.run_until_asked_to_leave(connection, &line).await
            }
            // Rare, and several times as large: connections of HTTP/1 need no room for it.
            Spoken::Either => {
                let stream = self.paced(stream, &line);
                Box::pin(self.run_either(stream, line)).await
            }
        }
    }

    /// HTTP/1 or HTTP/2, as the client wishes.
    async fn run_either<S>(&self, stream: S, line: Arc<Line>) -> Result<(), Failure>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let inner = &self.inner;
        let streams = Streams {
            line: line.clone(),
            pace: inner.pace(),
            stalled: inner.pressure.streams_stalled.clone(),
        };
        let builder = builder(&inner.http, streams);
        let stream = Watched::new(stream, Lengths::default());
        let stream = Watched::new(stream, Prompt::new(inner.http.header_timeout()));
        let frames = Frames::new(line.clone(), inner.pressure.slowed.clone());
        let stream = TokioIo::new(Watched::new(stream, frames));
        let service = hyper::service::service_fn(self.service(line.clone()));
        let connection = builder.serve_connection(stream, service);
        tokio::select! {
            biased;
            ended = self.run_until_asked_to_leave(connection, &line) => ended,
            () = line.ended() => {
                inner.pressure.stalled.inc();
                Err("the client does not read what it asked for".into())
            }
        }
    }

    /// Runs it until it ends or has to end: then the requests under way still finish.
    async fn run_until_asked_to_leave<C>(&self, connection: C, line: &Line) -> Result<(), Failure>
    where
        C: GracefulConnection<Error: Into<Failure>>,
    {
        let mut connection = pin!(connection);
        tokio::select! {
            biased;
            ended = connection.as_mut() => return ended.map_err(Into::into),
            () = self.slot.asked_to_leave() => {}
        }
        let is_for_another = !self.inner.closing.is_cancelled();
        if is_for_another && !self.slot.has_asked() {
            return Ok(());
        }
        connection.as_mut().graceful_shutdown();
        // GOAWAY is on its way then; the client may take its time to leave by itself, or never finish
        // the head of a request.
        tokio::select! {
            biased;
            ended = connection.as_mut() => return ended.map_err(Into::into),
            () = tokio::task::yield_now() => {}
        }
        poll_fn(|context| self.poll_leave(connection.as_mut(), line, context)).await
    }

    /// Ready when it has ended, or nothing is in progress and its client was sent all there was.
    fn poll_leave<C>(
        &self,
        mut connection: Pin<&mut C>,
        line: &Line,
        context: &mut Context<'_>,
    ) -> Poll<Result<(), Failure>>
    where
        C: GracefulConnection<Error: Into<Failure>>,
    {
        self.slot.wake_at_rest(context.waker());
        loop {
            let was_busy = self.slot.is_busy();
            if let Poll::Ready(ended) = connection.as_mut().poll(context) {
                return Poll::Ready(ended.map_err(Into::into));
            }
            if self.slot.is_busy() {
                return Poll::Pending;
            }
            // An answer that ended meanwhile may have left its last bytes to the connection, which
            // writes what it has whenever it is polled.
            if !was_busy {
                break;
            }
        }
        if line.is_unflushed() {
            return Poll::Pending;
        }
        Poll::Ready(Ok(()))
    }

    fn paced(&self, stream: TcpStream, line: &Arc<Line>) -> Paced<TcpStream> {
        let stalled = self.inner.pressure.stalled.clone();
        Paced::new(stream, line.clone(), self.inner.pace(), stalled)
    }

    /// Answers requests of this connection.
    fn service(
        &self,
        line: Arc<Line>,
    ) -> impl Fn(Request<Incoming>) -> Answering + Clone + Send + use<> {
        let (inner, router, peer) = (self.inner.clone(), self.router.clone(), self.peer);
        let (block, slot) = (self.connected.block().clone(), Arc::clone(&self.slot));
        move |mut request: Request<Incoming>| {
            let busy = slot.begin();
            line.request_begins();
            request.extensions_mut().insert(ConnectInfo(peer));
            let block = inner.asked_by(&request, peer.ip(), &block);
            let malformed = refusal::malformed(&request);
            let refusal = malformed
                .inspect(|_| inner.pressure.malformed.inc())
                .or_else(|| {
                    let refusal = inner.over_budget(&request, &block);
                    refusal.inspect(|_| inner.pressure.answers_refused.inc())
                });
            let unsent_in_all = inner.pressure.unsent_bytes.clone();
            let answer = match refusal {
                Some(error) => Err(refusal::answer(&request, &error)),
                None => Ok(router.clone().oneshot(request.map(Body::new))),
            };
            Box::pin(async move {
                let response = match answer {
                    Ok(routed) => routed.await?,
                    Err(refused) => refused,
                };
                let outbound = Outbound {
                    block,
                    unsent_in_all,
                    stream: Stream::current(),
                    _busy: busy,
                };
                Ok(response.map(|body| Outgoing::new(body, outbound)))
            })
        }
    }
}

type Answering = Pin<Box<dyn Future<Output = Result<http::Response<Outgoing>, Infallible>> + Send>>;

impl Inner {
    /// The block of addresses that asks: that of the connection, or behind our own proxies that of
    /// their client.
    fn asked_by(
        &self,
        request: &Request<Incoming>,
        peer: IpAddr,
        connected: &Arc<Block>,
    ) -> Arc<Block> {
        if self.http.trusted_proxies == 0 {
            return connected.clone();
        }
        let ClientAddress(client) =
            ClientAddress::of(&self.http, request.extensions(), request.headers());
        if client == peer {
            return connected.clone();
        }
        self.addresses.block(client)
    }

    fn over_budget(&self, request: &Request<Incoming>, block: &Block) -> Option<ApiError> {
        let max_bytes = self.http.unsent_per_address_max_bytes;
        refusal::too_much_unsent(request, block.unsent_bytes(), max_bytes)
    }
}

/// What the first bytes of a connection say.
enum Spoken {
    /// None came in time.
    Nothing,
    Http1,
    /// It may still become the preface of HTTP/2.
    Either,
}

/// Waits for the first bytes, so that nothing waits for a client that asks for nothing.
async fn spoken(inner: &Inner, slot: &Slot, stream: &TcpStream) -> Spoken {
    let mut first = [0; 2];
    let peek = stream.peek(&mut first);
    tokio::select! {
        biased;
        said = tokio::time::timeout(inner.http.header_timeout(), peek) => match said {
            Ok(Ok(0)) | Ok(Err(_)) | Err(_) => Spoken::Nothing,
            Ok(Ok(count)) if HTTP2_PREFACE.starts_with(&first[..count]) => Spoken::Either,
            Ok(Ok(_)) => Spoken::Http1,
        },
        () = slot.asked_to_leave() => Spoken::Nothing,
    }
}

/// The stream once TLS is agreed on; `None` when it is not, or when it has to end before.
async fn secured(
    inner: &Inner,
    tls: &Tls,
    slot: &Slot,
    stream: Paced<TcpStream>,
) -> Option<TlsStream<Paced<TcpStream>>> {
    let accepted = tokio::select! {
        biased;
        // Nothing was asked for yet, so nothing needs to wait for this client.
        () = slot.asked_to_leave() => return None,
        accepted = tls.accept(stream) => accepted,
    };
    accepted
        .inspect_err(|error| {
            inner.pressure.tls_failures.inc();
            tracing::debug!("TLS handshake: {error}");
        })
        .ok()
}
