//! TLS for routers that are served without an ingress: those of processors and projectors.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc};
use tokio_rustls::server::TlsStream;
use tokio_util::task::AbortOnDropHandle;

use crate::server::ACCEPT_PAUSE;
use crate::tls::Tls;

/// Handshakes under way at once; further connections wait.
const HANDSHAKES_MAX: usize = 256;

type Accepted = (TlsStream<TcpStream>, SocketAddr);

/// A listener that hands out connections on which TLS is agreed on. A client that is slow about it
/// holds up nobody else.
#[derive(Debug)]
pub struct TlsListener {
    accepted: mpsc::Receiver<Accepted>,
    address: SocketAddr,
    _accepting: AbortOnDropHandle<()>,
}

impl TlsListener {
    pub(crate) fn new(tls: Tls, listener: TcpListener) -> io::Result<Self> {
        let address = listener.local_addr()?;
        let (ready, accepted) = mpsc::channel(1);
        let accepting = tokio::spawn(accept_all(tls, listener, ready));
        Ok(Self {
            accepted,
            address,
            _accepting: AbortOnDropHandle::new(accepting),
        })
    }
}

async fn accept_all(tls: Tls, listener: TcpListener, ready: mpsc::Sender<Accepted>) {
    let handshakes = Arc::new(Semaphore::new(HANDSHAKES_MAX));
    while let Ok(permit) = handshakes.clone().acquire_owned().await {
        let (stream, peer) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!("accept: {error}");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let (tls, ready) = (tls.clone(), ready.clone());
        tokio::spawn(async move {
            match tls.accept(stream).await {
                // Nobody takes it any more when the server stops.
                Ok(stream) => drop(ready.send((stream, peer)).await),
                Err(error) => tracing::debug!("TLS handshake: {error}"),
            }
            drop(permit);
        });
    }
}

impl axum::serve::Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        match self.accepted.recv().await {
            Some(accepted) => accepted,
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        Ok(self.address)
    }
}
