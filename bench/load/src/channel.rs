//! A socket, with TLS on it or not.

use std::io::{self, Read, Write};
use std::sync::Arc;
use std::time::Duration;

use mio::net::TcpStream;
use mio::{Interest, Registry, Token};
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{self, ClientConfig, ClientConnection};

use crate::target::Target;

/// How long the first connection may take, and the handshake on it.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// The client's side of TLS: whom it trusts, and by which name the server is asked.
#[derive(Clone, Debug)]
pub(crate) struct Tls {
    pub(crate) config: Arc<ClientConfig>,
    pub(crate) name: ServerName<'static>,
}

impl Tls {
    fn session(&self) -> io::Result<Box<ClientConnection>> {
        ClientConnection::new(Arc::clone(&self.config), self.name.clone())
            .map(Box::new)
            .map_err(io::Error::other)
    }
}

/// A blocking connection, handshake included.
pub(crate) fn connect(
    target: &Target,
    timeout: Duration,
) -> io::Result<(std::net::TcpStream, Option<Box<ClientConnection>>)> {
    let mut socket = std::net::TcpStream::connect_timeout(&target.address, timeout)?;
    socket.set_nodelay(true)?;
    socket.set_read_timeout(Some(timeout))?;
    socket.set_write_timeout(Some(timeout))?;
    let mut session = target.tls.as_ref().map(Tls::session).transpose()?;
    while let Some(tls) = &mut session
        && tls.is_handshaking()
    {
        tls.complete_io(&mut socket)?;
    }
    Ok((socket, session))
}

/// A socket that does not block.
pub(crate) struct Channel {
    socket: TcpStream,
    tls: Option<Box<ClientConnection>>,
}

impl Channel {
    /// Connects, and waits until requests can be sent.
    pub(crate) fn open(target: &Target) -> io::Result<Self> {
        let (socket, tls) = connect(target, CONNECT_TIMEOUT)?;
        socket.set_nonblocking(true)?;
        let socket = TcpStream::from_std(socket);
        Ok(Self { socket, tls })
    }

    /// Begins to connect.
    pub(crate) fn begin(target: &Target) -> io::Result<Self> {
        Ok(Self {
            socket: TcpStream::connect(target.address)?,
            tls: target.tls.as_ref().map(Tls::session).transpose()?,
        })
    }

    pub(crate) fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        let interest = Interest::READABLE | Interest::WRITABLE;
        registry.register(&mut self.socket, token, interest)
    }

    /// Whether requests can be sent now; goes on with what is missing as far as the socket allows.
    pub(crate) fn is_connected(&mut self) -> io::Result<bool> {
        if let Some(error) = self.socket.take_error()? {
            return Err(error);
        }
        match self.socket.peer_addr() {
            Ok(_) => self.socket.set_nodelay(true)?,
            Err(error) if error.kind() == io::ErrorKind::NotConnected => return Ok(false),
            Err(error) => return Err(error),
        }
        while let Some(tls) = &mut self.tls
            && tls.is_handshaking()
        {
            let mut moved = false;
            while tls.wants_write() {
                match tls.write_tls(&mut self.socket) {
                    Ok(_) => moved = true,
                    Err(error) if is_for_later(&error) => break,
                    Err(error) => return Err(error),
                }
            }
            if tls.is_handshaking() && tls.wants_read() {
                match tls.read_tls(&mut self.socket) {
                    Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                    Ok(_) => {
                        tls.process_new_packets().map_err(invalid)?;
                        moved = true;
                    }
                    Err(error) if is_for_later(&error) => {}
                    Err(error) => return Err(error),
                }
            }
            if !moved {
                return Ok(false);
            }
        }
        self.send_rest()?;
        Ok(true)
    }

    /// Whether a read that left room in its buffer has emptied the socket.
    pub(crate) fn is_emptied_by_short_reads(&self) -> bool {
        self.tls.is_none()
    }

    /// Sends what is encrypted already, as far as the socket takes it.
    pub(crate) fn send_rest(&mut self) -> io::Result<()> {
        let Some(tls) = &mut self.tls else {
            return Ok(());
        };
        while tls.wants_write() {
            match tls.write_tls(&mut self.socket) {
                Ok(_) => {}
                Err(error) if is_for_later(&error) => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

impl Write for Channel {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let Some(tls) = &mut self.tls else {
            return self.socket.write(bytes);
        };
        let taken = tls.writer().write(bytes)?;
        self.send_rest()?;
        if taken == 0 && !bytes.is_empty() {
            // Its buffer is full: what is in it has to leave first.
            return Err(io::ErrorKind::WouldBlock.into());
        }
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.send_rest()
    }
}

impl Read for Channel {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        if self.tls.is_none() {
            return self.socket.read(room);
        }
        loop {
            let Some(tls) = &mut self.tls else {
                return Ok(0);
            };
            match tls.reader().read(room) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                // Closed without saying so, as a server does that ends.
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(0),
                done => return done,
            }
            tls.read_tls(&mut self.socket)?;
            tls.process_new_packets().map_err(invalid)?;
            self.send_rest()?;
        }
    }
}

fn is_for_later(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted
    )
}

fn invalid(error: rustls::Error) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}
