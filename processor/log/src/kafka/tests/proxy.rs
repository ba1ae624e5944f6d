//! A proxy in front of a broker that can take the brokers out of its answers about metadata.
//! Otherwise it puts itself in the broker's place there, so that no client goes past it.

use std::collections::BTreeMap;
use std::io::{Error, ErrorKind, Read, Result, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// The keys of requests whose answers name brokers: for metadata, and for a group's coordinator.
const METADATA: i16 = 3;
const FIND_COORDINATOR: i16 = 10;
/// From this version on answers are in the compact encoding, the only one read here.
const METADATA_COMPACT: i16 = 9;
/// The versions of answers about coordinators that are read here.
const COORDINATOR: std::ops::RangeInclusive<i16> = 1..=2;
const HOST: &str = "127.0.0.1";
/// Larger than any message of these tests.
const FRAME_MAX: usize = 64 << 20;

/// Passes everything on but, while it is to, the brokers of the cluster.
pub(crate) struct Proxy {
    port: u16,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    port: u16,
    upstream: String,
    hides: AtomicBool,
    hidden: AtomicU64,
    stops: AtomicBool,
}

/// Key and version of the requests for brokers that are not answered yet.
type Asked = Arc<Mutex<BTreeMap<[u8; 4], (i16, i16)>>>;

impl Proxy {
    /// In front of the broker at this address.
    pub(crate) fn to(broker: &str) -> Self {
        let listener = TcpListener::bind((HOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared {
            port,
            upstream: broker.to_owned(),
            ..Shared::default()
        });
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

    /// Where clients reach it.
    pub(crate) fn address(&self) -> String {
        format!("{HOST}:{}", self.port)
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
        drop(TcpStream::connect((HOST, self.port)));
    }
}

impl Shared {
    fn connect(self: &Arc<Self>, client: TcpStream) -> Result<()> {
        let broker = TcpStream::connect(&self.upstream)?;
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
        let asked = lock(asked).remove(id);
        match asked {
            None => Ok(answer),
            Some((METADATA, METADATA_COMPACT..)) => {
                let hides = self.hides.load(Ordering::Relaxed);
                let answer = with_brokers(&answer, (!hides).then_some(self.port))?;
                self.hidden.fetch_add(u64::from(hides), Ordering::Relaxed);
                Ok(answer)
            }
            Some((FIND_COORDINATOR, version)) if COORDINATOR.contains(&version) => {
                with_coordinator(answer, self.port)
            }
            Some(_) => Err(Error::other("brokers in an encoding that is not read")),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Remembers a request for brokers.
fn note(asked: &Asked, request: &[u8]) {
    let Some((&[k0, k1, v0, v1, id @ ..], _)) = request.split_first_chunk::<8>() else {
        return;
    };
    let key = i16::from_be_bytes([k0, k1]);
    if [METADATA, FIND_COORDINATOR].contains(&key) {
        lock(asked).insert(id, (key, i16::from_be_bytes([v0, v1])));
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

/// An answer about metadata with all its brokers at this port, or without any.
fn with_brokers(answer: &[u8], port: Option<u16>) -> Result<Vec<u8>> {
    let mut rest = answer;
    skip(&mut rest, 4)?; // The request's number.
    skip_tags(&mut rest)?;
    skip(&mut rest, 4)?; // How long the broker held the answer back.
    let head = answer.len() - rest.len();
    let mut changed = answer.get(..head).unwrap_or_default().to_vec();
    // Compact arrays and strings have their length plus one in front.
    let brokers = varint(&mut rest)?.saturating_sub(1);
    let named = if port.is_some() { brokers } else { 0 };
    changed.push(u8::try_from(named + 1).map_err(|_| ErrorKind::InvalidData)?);
    for _ in 0..brokers {
        let id = rest.get(..4).ok_or(ErrorKind::UnexpectedEof)?;
        skip(&mut rest, 4)?;
        skip_string(&mut rest)?; // Its host.
        skip(&mut rest, 4)?; // Its port.
        skip_string(&mut rest)?; // Its rack.
        skip_tags(&mut rest)?;
        if let Some(port) = port {
            changed.extend_from_slice(id);
            changed.push(u8::try_from(HOST.len() + 1).unwrap());
            changed.extend_from_slice(HOST.as_bytes());
            changed.extend_from_slice(&i32::from(port).to_be_bytes());
            changed.extend_from_slice(&[0, 0]); // No rack, no tags.
        }
    }
    changed.extend_from_slice(rest);
    Ok(changed)
}

/// An answer about a coordinator with it at this port; one that names none as it is.
fn with_coordinator(answer: Vec<u8>, port: u16) -> Result<Vec<u8>> {
    let mut rest = answer.as_slice();
    skip(&mut rest, 8)?; // The request's number, how long the answer was held back.
    if rest.get(..2) != Some(&[0, 0]) {
        return Ok(answer);
    }
    skip(&mut rest, 2)?; // No error,
    let message = rest.first_chunk().ok_or(ErrorKind::UnexpectedEof)?;
    let message = usize::try_from(i16::from_be_bytes(*message)).unwrap_or(0);
    skip(&mut rest, 2 + message)?; // so no message either.
    skip(&mut rest, 4)?; // Its id.
    let head = answer.len() - rest.len();
    let mut changed = answer.get(..head).unwrap_or_default().to_vec();
    changed.extend_from_slice(&u16::try_from(HOST.len()).unwrap().to_be_bytes());
    changed.extend_from_slice(HOST.as_bytes());
    changed.extend_from_slice(&i32::from(port).to_be_bytes());
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
