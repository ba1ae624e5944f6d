//! One kept-alive connection with at most one request on it.

use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::time::Duration;

use mio::net::TcpStream;
use mio::{Interest, Registry, Token};

use crate::draft::Draft;

/// First size of the buffer for answers, in bytes; it grows with the answers.
const INPUT_BYTES: usize = 4 << 10;
/// How long the first connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// What a connection is doing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum State {
    /// Being made.
    Connecting,
    /// Ready for a request.
    Idle,
    /// Waiting for an answer.
    Busy,
    /// Broken; reconnected at the next opportunity.
    Down,
}

/// The request in flight.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sent {
    pub(crate) id: u64,
    pub(crate) intended_ns: u64,
    pub(crate) sent_ns: u64,
}

pub(crate) struct Connection {
    stream: Option<TcpStream>,
    pub(crate) state: State,
    pub(crate) draft: Draft,
    pub(crate) sent: Sent,
    /// The request in bytes.
    pub(crate) output: Vec<u8>,
    written: usize,
    input: Vec<u8>,
    filled: usize,
}

impl Connection {
    /// Connects and waits for it, so that a run begins with every connection open.
    pub(crate) fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = std::net::TcpStream::connect_timeout(&address, CONNECT_TIMEOUT)?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        Ok(Self {
            stream: Some(TcpStream::from_std(stream)),
            state: State::Idle,
            draft: Draft::default(),
            sent: Sent::default(),
            output: Vec::new(),
            written: 0,
            input: vec![0; INPUT_BYTES],
            filled: 0,
        })
    }

    pub(crate) fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        match &mut self.stream {
            Some(stream) => {
                registry.register(stream, token, Interest::READABLE | Interest::WRITABLE)
            }
            None => Ok(()),
        }
    }

    /// Begins to connect again.
    pub(crate) fn reopen(
        &mut self,
        address: SocketAddr,
        registry: &Registry,
        token: Token,
    ) -> io::Result<()> {
        self.close();
        self.stream = Some(TcpStream::connect(address)?);
        self.register(registry, token)?;
        self.state = State::Connecting;
        Ok(())
    }

    /// Drops the connection together with its request.
    pub(crate) fn close(&mut self) {
        // Closing the socket takes it out of the poll.
        self.stream = None;
        self.state = State::Down;
        self.filled = 0;
        self.written = 0;
        self.output.clear();
    }

    /// Whether a pending connection is established now; an error when it failed.
    pub(crate) fn connected(&mut self) -> io::Result<bool> {
        let Some(stream) = &self.stream else {
            return Ok(false);
        };
        if let Some(error) = stream.take_error()? {
            return Err(error);
        }
        match stream.peer_addr() {
            Ok(_) => {
                stream.set_nodelay(true)?;
                self.state = State::Idle;
                Ok(true)
            }
            Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Begins to send `output`.
    pub(crate) fn send(&mut self, sent: Sent) -> io::Result<()> {
        self.sent = sent;
        self.state = State::Busy;
        self.written = 0;
        self.filled = 0;
        self.flush()
    }

    /// Sends what the socket takes.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        let Some(stream) = &mut self.stream else {
            return Err(io::ErrorKind::NotConnected.into());
        };
        while let Some(rest) = self.output.get(self.written..)
            && !rest.is_empty()
        {
            match stream.write(rest) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(length) => self.written += length,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Reads what has arrived; `false` when the server has closed the connection.
    pub(crate) fn receive(&mut self) -> io::Result<bool> {
        let Some(stream) = &mut self.stream else {
            return Ok(false);
        };
        loop {
            if self.filled == self.input.len() {
                self.input.resize(self.input.len() * 2, 0);
            }
            let room = &mut self.input[self.filled..];
            match stream.read(room) {
                Ok(0) => return Ok(false),
                Ok(length) => {
                    let all = length < room.len();
                    self.filled += length;
                    // A short read has emptied the socket; what comes later is a new event.
                    if all {
                        return Ok(true);
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(true),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// What has come of the answer.
    pub(crate) fn input(&self) -> &[u8] {
        &self.input[..self.filled]
    }

    /// Whether anything unsolicited arrived.
    pub(crate) fn has_input(&self) -> bool {
        self.filled > 0
    }

    /// Ready for the next request.
    pub(crate) fn rest(&mut self) {
        self.filled = 0;
        self.state = State::Idle;
    }
}
