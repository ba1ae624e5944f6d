//! One kept-alive connection with at most one request on it.

use std::io::{self, Read, Write};

use mio::{Registry, Token};

use crate::channel::Channel;
use crate::draft::Draft;
use crate::target::Target;

/// First size of the buffer for answers, in bytes; it grows with the answers.
const INPUT_BYTES: usize = 4 << 10;

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
    channel: Option<Channel>,
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
    pub(crate) fn open(target: &Target) -> io::Result<Self> {
        Ok(Self {
            channel: Some(Channel::open(target)?),
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
        match &mut self.channel {
            Some(channel) => channel.register(registry, token),
            None => Ok(()),
        }
    }

    /// Begins to connect again.
    pub(crate) fn reopen(
        &mut self,
        target: &Target,
        registry: &Registry,
        token: Token,
    ) -> io::Result<()> {
        self.close();
        self.channel = Some(Channel::begin(target)?);
        self.register(registry, token)?;
        self.state = State::Connecting;
        Ok(())
    }

    /// Drops the connection together with its request.
    pub(crate) fn close(&mut self) {
        // Closing the socket takes it out of the poll.
        self.channel = None;
        self.state = State::Down;
        self.filled = 0;
        self.written = 0;
        self.output.clear();
    }

    /// Whether a pending connection is established now; an error when it failed.
    pub(crate) fn connected(&mut self) -> io::Result<bool> {
        let Some(channel) = &mut self.channel else {
            return Ok(false);
        };
        let is_connected = channel.is_connected()?;
        if is_connected {
            self.state = State::Idle;
        }
        Ok(is_connected)
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
        let Some(channel) = &mut self.channel else {
            return Err(io::ErrorKind::NotConnected.into());
        };
        while let Some(rest) = self.output.get(self.written..)
            && !rest.is_empty()
        {
            match channel.write(rest) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(length) => self.written += length,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        channel.send_rest()
    }

    /// Reads what has arrived; `false` when the server has closed the connection.
    pub(crate) fn receive(&mut self) -> io::Result<bool> {
        let Some(channel) = &mut self.channel else {
            return Ok(false);
        };
        loop {
            if self.filled == self.input.len() {
                self.input.resize(self.input.len() * 2, 0);
            }
            let room = &mut self.input[self.filled..];
            match channel.read(room) {
                Ok(0) => return Ok(false),
                Ok(length) => {
                    let all = length < room.len() && channel.is_emptied_by_short_reads();
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
