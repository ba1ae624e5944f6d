//! A proxy in front of a broker that can take the brokers out of its answers about metadata.

use std::collections::BTreeMap;
use std::io::{Error, ErrorKind, Read, Result, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// The key of a request for metadata.
const METADATA: i16 = 3;
/// From this version on answers are in the compact encoding, the only one read here.
const METADATA_COMPACT: i16 = 9;
/// Larger than any message of these tests.
const FRAME_MAX: usize = 64 << 20;

/// Passes everything on but, while it is to, the brokers of the cluster.
pub(crate) struct Proxy {
    port: u16,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    upstream: OnceLock<u16>,
    hides: AtomicBool,
    hidden: AtomicU64,
    stops: AtomicBool,
}

/// The versions of the requests for metadata that are not answered yet.
type Asked = Arc<Mutex<BTreeMap<[u8; 4], i16>>>;

impl Proxy {
    /// Listens. Connections are closed at once until [`Proxy::to`] is called.
    pub(crate) fn listen() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared::default());
        let accepting = Arc::clone(&shared);
        std::thread::spawn(move || {
            for client in listener.incoming() {
                if accepting.stops.load(Ordering::Relaxed) {
                    return;
                }
                if let Ok(client) = client {
                    // A connection that fails is closed: clients connect again.
                    let _failed = accepting.connect(client).is_err();
                }
            }
        });
        Self { port, shared }
    }

    /// The port of the broker on loopback.
    pub(crate) fn to(&self, broker: u16) {
        self.shared.upstream.set(broker).unwrap();
    }

    /// Where clients reach it.
    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// From now on answers about metadata name no broker, or all of them again.
    pub(crate) fn hide_brokers(&self, hides: bool) {
        self.shared.hides.store(hides, Ordering::Relaxed);
    }

    /// Answers without brokers so far.
    pub(crate) fn hidden(&self) -> u64 {
        self.shared.hidden.load(Ordering::Relaxed)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.stops.store(true, Ordering::Relaxed);
        // Wakes the thread that accepts.
        drop(TcpStream::connect(("127.0.0.1", self.port)));
    }
}

impl Shared {
    fn connect(self: &Arc<Self>, client: TcpStream) -> Result<()> {
        let upstream = *self.upstream.get().ok_or(ErrorKind::NotConnected)?;
        let broker = TcpStream::connect(("127.0.0.1", upstream))?;
        for stream in [&client, &broker] {
            stream.set_nodelay(true)?;
        }
        let asked = Asked::default();
        let (from, to) = (client.try_clone()?, broker.try_clone()?);
        let noted = Arc::clone(&asked);
        pass(from, to, move |request| {
            note(&noted, &request);
            Ok(request)
        });
        let shared = Arc::clone(self);
        pass(broker, client, move |answer| shared.answer(&asked, answer));
        Ok(())
    }

    /// The answer as clients get it.
    fn answer(&self, asked: &Asked, answer: Vec<u8>) -> Result<Vec<u8>> {
        let id = answer.first_chunk().ok_or(ErrorKind::InvalidData)?;
        let version = lock(asked).remove(id);
        if version.is_none() || !self.hides.load(Ordering::Relaxed) {
            return Ok(answer);
        }
        if version < Some(METADATA_COMPACT) {
            return Err(Error::other("metadata in an encoding that is not read"));
        }
        let answer = without_brokers(&answer)?;
        self.hidden.fetch_add(1, Ordering::Relaxed);
        Ok(answer)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Remembers a request for metadata.
fn note(asked: &Asked, request: &[u8]) {
    let Some((&[k0, k1, v0, v1, id @ ..], _)) = request.split_first_chunk::<8>() else {
        return;
    };
    if i16::from_be_bytes([k0, k1]) == METADATA {
        lock(asked).insert(id, i16::from_be_bytes([v0, v1]));
    }
}

/// Passes frames on, each as `change` returns it, until either side closes.
fn pass(
    mut from: TcpStream,
    mut to: TcpStream,
    mut change: impl FnMut(Vec<u8>) -> Result<Vec<u8>> + Send + 'static,
) {
    std::thread::spawn(move || {
        let mut pass_one = || -> Result<()> {
            let mut size = [0; 4];
            from.read_exact(&mut size)?;
            let size = usize::try_from(u32::from_be_bytes(size)).unwrap_or(usize::MAX);
            if size > FRAME_MAX {
                return Err(ErrorKind::InvalidData.into());
            }
            let mut frame = vec![0; size];
            from.read_exact(&mut frame)?;
            let frame = change(frame)?;
            let mut sized = u32::try_from(frame.len()).unwrap().to_be_bytes().to_vec();
            sized.extend_from_slice(&frame);
            to.write_all(&sized)
        };
        while pass_one().is_ok() {}
        for stream in [&from, &to] {
            // It may be closed already.
            let _closed = stream.shutdown(Shutdown::Both).is_err();
        }
    });
}

/// An answer about metadata with its list of brokers empty.
fn without_brokers(answer: &[u8]) -> Result<Vec<u8>> {
    let mut rest = answer;
    skip(&mut rest, 4)?; // The request's number.
    skip_tags(&mut rest)?;
    skip(&mut rest, 4)?; // How long the broker held the answer back.
    let head = answer.len() - rest.len();
    let brokers = varint(&mut rest)?.saturating_sub(1);
    for _ in 0..brokers {
        skip(&mut rest, 4)?; // Its id.
        skip_string(&mut rest)?; // Its host.
        skip(&mut rest, 4)?; // Its port.
        skip_string(&mut rest)?; // Its rack.
        skip_tags(&mut rest)?;
    }
    let mut changed = answer.get(..head).unwrap_or_default().to_vec();
    // A compact array has its length plus one.
    changed.push(1);
    changed.extend_from_slice(rest);
    Ok(changed)
}

fn skip(rest: &mut &[u8], bytes: usize) -> Result<()> {
    *rest = rest.get(bytes..).ok_or(ErrorKind::UnexpectedEof)?;
    Ok(())
}

fn skip_string(rest: &mut &[u8]) -> Result<()> {
    let length = varint(rest)?.saturating_sub(1);
    skip(rest, length)
}

/// Nothing here has any.
fn skip_tags(rest: &mut &[u8]) -> Result<()> {
    match varint(rest)? {
        0 => Ok(()),
        _ => Err(ErrorKind::InvalidData.into()),
    }
}

fn varint(rest: &mut &[u8]) -> Result<usize> {
    let mut value = 0;
    for shift in (0..usize::BITS).step_by(7) {
        let (&byte, after) = rest.split_first().ok_or(ErrorKind::UnexpectedEof)?;
        *rest = after;
        value |= usize::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Ok(value);
        }
    }
    Err(ErrorKind::InvalidData.into())
}
