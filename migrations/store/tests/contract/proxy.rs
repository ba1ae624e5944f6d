//! A proxy in front of a server that can fall silent without closing anything, as a machine does that
//! loses power, or a firewall that forgets its connections.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Passes everything on, except while it is silent and on connections that have seen that.
pub(crate) struct Proxy {
    url: String,
    address: String,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    upstream: String,
    /// Even while it speaks. A connection belongs to the era in which it was made.
    era: AtomicU64,
    stops: AtomicBool,
}

impl Proxy {
    /// In front of the server of this URL.
    pub(crate) fn to(url: &str) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (_, rest) = url.rsplit_once('@').or(url.split_once("://")).unwrap();
        let (upstream, _) = rest.split_once('/').unwrap();
        let state = Arc::new(State {
            upstream: upstream.to_owned(),
            ..State::default()
        });
        let accepting = Arc::clone(&state);
        std::thread::spawn(move || {
            for client in listener.incoming() {
                if accepting.stops.load(Ordering::Relaxed) {
                    return;
                }
                // One that fails is closed: clients connect again.
                let _failed = client.is_ok_and(|client| accepting.connect(client).is_err());
            }
        });
        Self {
            url: url.replacen(upstream, &address, 1),
            address,
            state,
        }
    }

    /// Where clients reach the server through it.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Takes what is sent and answers nothing, for ever on the connections that there are.
    pub(crate) fn fall_silent(&self) {
        self.state.era.fetch_add(1, Ordering::SeqCst);
    }

    /// Serves new connections again.
    pub(crate) fn come_back(&self) {
        self.state.era.fetch_add(1, Ordering::SeqCst);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.state.stops.store(true, Ordering::Relaxed);
        // Wakes the thread that accepts.
        drop(TcpStream::connect(&self.address));
    }
}

impl State {
    fn connect(self: &Arc<Self>, client: TcpStream) -> std::io::Result<()> {
        let era = self.era.load(Ordering::SeqCst);
        let server = TcpStream::connect(&self.upstream)?;
        for stream in [&client, &server] {
            stream.set_nodelay(true)?;
        }
        self.pass(era, client.try_clone()?, server.try_clone()?);
        self.pass(era, server, client);
        Ok(())
    }

    /// Passes bytes on until either side closes; drops them while it is silent, and afterwards.
    fn pass(self: &Arc<Self>, era: u64, mut from: TcpStream, mut to: TcpStream) {
        let state = Arc::clone(self);
        std::thread::spawn(move || {
            let mut buffer = vec![0; 1 << 16];
            while let Ok(read @ 1..) = from.read(&mut buffer) {
                let speaks = era.is_multiple_of(2) && state.era.load(Ordering::SeqCst) == era;
                if speaks && to.write_all(&buffer[..read]).is_err() {
                    break;
                }
            }
            for stream in [&from, &to] {
                // It may be closed already.
                let _closed = stream.shutdown(Shutdown::Both).is_err();
            }
        });
    }
}
