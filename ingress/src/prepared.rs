//! Large answers that are rendered once and shared by all their readers.
//!
//! A chart, a state of availability or a page of the documentation is one body in memory, plain and
//! compressed. What differs from answer to answer is appended to it, to the compressed one as a
//! block of its own. The body is handed to a connection piece by piece, so a client that does not
//! read holds up a few bytes and no copy.

use std::io::Write;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::{Body, HttpBody};
use axum::response::Response;
use bytes::Bytes;
use flate2::write::DeflateEncoder;
use flate2::{Compression, Crc};
use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, VARY};
use http::{HeaderMap, HeaderValue};
use http_body_util::Full;
use hyper::body::{Frame, SizeHint};
use tokio::sync::OnceCell;

use crate::context::RequestContext;
use crate::detached::detached;
use crate::envelope;
use crate::error::ApiError;

/// Smaller answers are sent as they are: compressing them costs more than it saves.
const COMPRESS_MIN_BYTES: usize = 4_096;
/// Larger ones are compressed where it keeps nobody waiting.
const COMPRESS_INLINE_MAX_BYTES: usize = 262_144;
/// The same of what is compressed as well as can be, which takes several times as long.
const KEPT_INLINE_MAX_BYTES: usize = 32_768;
/// Of RFC 1952: deflate, no name, no time, an unknown system.
const GZIP_HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
/// Longest block that is stored as it is, by its 16 bits of length.
const STORED_MAX_BYTES: usize = 65_535;

/// The `data` of a success, or a whole file, plain and compressed.
pub(crate) struct Prepared {
    /// What every answer begins with.
    plain: Bytes,
    level: Compression,
    /// Larger ones are compressed where it keeps nobody waiting.
    inline_max_bytes: usize,
    gzip: OnceCell<Option<Gzip>>,
}

/// The beginning of a gzip stream, up to where each answer goes on by itself.
struct Gzip {
    bytes: Bytes,
    crc: Crc,
}

impl Prepared {
    /// Of bytes that every answer begins with.
    pub(crate) fn new(plain: Bytes) -> Self {
        Self {
            plain,
            level: Compression::fast(),
            inline_max_bytes: COMPRESS_INLINE_MAX_BYTES,
            gzip: OnceCell::new(),
        }
    }

    /// It is kept and read often, so it is compressed as well as can be.
    pub(crate) fn kept(self) -> Self {
        Self {
            level: Compression::best(),
            inline_max_bytes: KEPT_INLINE_MAX_BYTES,
            ..self
        }
    }

    /// Of the JSON of a success's `data`.
    pub(crate) fn data(data: &[u8]) -> Self {
        Self::new(envelope::begin(data))
    }

    /// Its size without compression, in bytes.
    pub(crate) fn len(&self) -> usize {
        self.plain.len()
    }

    /// The success with this data.
    pub(crate) async fn success(
        self: &Arc<Self>,
        context: &RequestContext,
        asked: &HeaderMap,
    ) -> Result<Response, ApiError> {
        self.response(
            HeaderValue::from_static("application/json"),
            envelope::end(context),
            asked,
        )
        .await
    }

    /// An answer of these bytes and `end`, compressed where the client takes that and it is worth it.
    pub(crate) async fn response(
        self: &Arc<Self>,
        content_type: HeaderValue,
        end: Vec<u8>,
        asked: &HeaderMap,
    ) -> Result<Response, ApiError> {
        let is_large = self.plain.len() >= COMPRESS_MIN_BYTES;
        let gzip = if is_large && takes_gzip(asked) {
            self.compressed().await?
        } else {
            None
        };
        let (begin, end) = match gzip {
            Some(gzip) => (gzip.bytes.clone(), gzip.end(&end)),
            None => (self.plain.clone(), end),
        };
        let mut response = Response::new(Body::new(Pieces {
            begin,
            end: end.into(),
        }));
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, content_type);
        if gzip.is_some() {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        if is_large {
            headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
        }
        Ok(response)
    }

    /// Compressed once, by the first to ask; `None` where that fails.
    async fn compressed(self: &Arc<Self>) -> Result<Option<&Gzip>, ApiError> {
        if self.plain.len() <= self.inline_max_bytes {
            let made = self
                .gzip
                .get_or_init(|| async { Gzip::new(&self.plain, self.level) });
            return Ok(made.await.as_ref());
        }
        if !self.gzip.initialized() {
            let whole = self.clone();
            detached(async move {
                let made = whole.gzip.get_or_try_init(|| async {
                    let (plain, level) = (whole.plain.clone(), whole.level);
                    tokio::task::spawn_blocking(move || Gzip::new(&plain, level))
                        .await
                        .map_err(ApiError::internal)
                });
                made.await.map(|_| ())
            })
            .await?;
        }
        Ok(self.gzip.get().and_then(Option::as_ref))
    }
}

impl Gzip {
    fn new(plain: &[u8], level: Compression) -> Option<Self> {
        let mut begin = Vec::with_capacity(plain.len() / 8);
        begin.extend_from_slice(&GZIP_HEADER);
        let mut encoder = DeflateEncoder::new(begin, level);
        encoder.write_all(plain).ok()?;
        // Flushed to a whole byte, with no last block: each answer adds its own.
        encoder.flush().ok()?;
        let bytes = Bytes::copy_from_slice(encoder.get_ref());
        let mut crc = Crc::new();
        crc.update(plain);
        Some(Self { bytes, crc })
    }

    /// `end` as the last block, stored as it is, and the checksum over everything.
    fn end(&self, end: &[u8]) -> Vec<u8> {
        let mut crc = Crc::new();
        crc.combine(&self.crc);
        crc.update(end);
        let mut bytes = Vec::with_capacity(end.len() + 16);
        let mut rest = end;
        loop {
            let (block, after) = rest.split_at(rest.len().min(STORED_MAX_BYTES));
            bytes.push(u8::from(after.is_empty()));
            let length = u16::try_from(block.len()).unwrap_or(u16::MAX);
            bytes.extend_from_slice(&length.to_le_bytes());
            bytes.extend_from_slice(&(!length).to_le_bytes());
            bytes.extend_from_slice(block);
            rest = after;
            if rest.is_empty() {
                break;
            }
        }
        bytes.extend_from_slice(&crc.sum().to_le_bytes());
        bytes.extend_from_slice(&crc.amount().to_le_bytes());
        bytes
    }
}

/// True where the client says that it takes gzip, with any weight but none. What it says of gzip
/// itself counts before what it says of all (RFC 9110, 12.5.3).
fn takes_gzip(headers: &HeaderMap) -> bool {
    let (mut gzip, mut any) = (None, None);
    let codings = headers
        .get_all(ACCEPT_ENCODING)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','));
    for coding in codings {
        let mut parts = coding.split(';').map(str::trim);
        let name = parts.next().unwrap_or_default();
        let is_refused = parts
            .filter_map(|part| part.split_once('='))
            .filter(|(name, _)| name.eq_ignore_ascii_case("q"))
            .filter_map(|(_, weight)| weight.parse::<f32>().ok())
            .any(|weight| weight <= 0.0);
        if name.eq_ignore_ascii_case("gzip") {
            gzip = Some(!is_refused);
        } else if name == "*" {
            any = Some(!is_refused);
        }
    }
    gzip.or(any).unwrap_or(false)
}

/// The shared bytes, then those of this answer. The connection cuts them to what it takes at a time.
struct Pieces {
    begin: Bytes,
    end: Bytes,
}

impl HttpBody for Pieces {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let mut piece = std::mem::take(&mut self.begin);
        if piece.is_empty() {
            piece = std::mem::take(&mut self.end);
        }
        Poll::Ready((!piece.is_empty()).then(|| Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.begin.is_empty() && self.end.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        let bytes = self.begin.len() + self.end.len();
        SizeHint::with_exact(u64::try_from(bytes).unwrap_or(u64::MAX))
    }
}

/// Compresses an answer that is for one client, whole: an encoder that waits for a reader who
/// does not read would take far more than what it is to send.
pub(crate) async fn compress(asked: &HeaderMap, response: Response) -> Response {
    let size = response.body().size_hint().exact().unwrap_or(0);
    let size = usize::try_from(size).unwrap_or(usize::MAX);
    let fits = (COMPRESS_MIN_BYTES..=COMPRESS_INLINE_MAX_BYTES).contains(&size);
    if !fits || response.headers().contains_key(CONTENT_ENCODING) || !takes_gzip(asked) {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let Ok(plain) = axum::body::to_bytes(body, COMPRESS_INLINE_MAX_BYTES).await else {
        return Response::from_parts(parts, Body::empty());
    };
    parts
        .headers
        .insert(VARY, HeaderValue::from_static("accept-encoding"));
    let body = match Gzip::new(&plain, Compression::fast()) {
        Some(gzip) => {
            parts
                .headers
                .insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            parts.headers.remove(CONTENT_LENGTH);
            let mut bytes = gzip.bytes.to_vec();
            bytes.extend_from_slice(&gzip.end(&[]));
            Full::from(bytes)
        }
        None => Full::from(plain),
    };
    Response::from_parts(parts, Body::new(body))
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::time::Duration;

    use futures::FutureExt;
    use http_body_util::BodyExt;

    use super::*;

    fn asking(value: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_str(value).unwrap());
        headers
    }

    async fn read(response: Response) -> Vec<u8> {
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        bytes.to_vec()
    }

    #[tokio::test]
    async fn compressed_or_not_it_is_the_same_text_with_its_own_end() {
        for size in [10, COMPRESS_MIN_BYTES, COMPRESS_INLINE_MAX_BYTES + 1] {
            let text: Vec<u8> = (b'a'..=b'z').cycle().take(size).collect();
            let prepared = Arc::new(Prepared::new(text.clone().into()));
            for end in [
                Vec::new(),
                b"the end".to_vec(),
                vec![b'x'; STORED_MAX_BYTES + 1],
            ] {
                let kind = HeaderValue::from_static("text/plain");
                let whole = [text.clone(), end.clone()].concat();
                let plain = prepared
                    .response(kind.clone(), end.clone(), &HeaderMap::new())
                    .await
                    .unwrap();
                assert_eq!(read(plain).await, whole);
                let packed = prepared.response(kind, end, &asking("gzip")).await.unwrap();
                let is_packed = packed.headers().contains_key(CONTENT_ENCODING);
                assert_eq!(is_packed, size >= COMPRESS_MIN_BYTES);
                let size_said = packed.body().size_hint().exact();
                let bytes = read(packed).await;
                assert_eq!(size_said, Some(bytes.len() as u64));
                if is_packed {
                    let mut unpacked = Vec::new();
                    flate2::read::GzDecoder::new(&bytes[..])
                        .read_to_end(&mut unpacked)
                        .unwrap();
                    assert_eq!(unpacked, whole);
                }
            }
        }
    }

    #[tokio::test]
    async fn what_is_kept_is_smaller_and_the_same() {
        let seats: Vec<(String, u32)> = (0..20_000)
            .map(|seat| (format!("A-{}", seat % 77), seat))
            .collect();
        let text = serde_json::to_string(&seats).unwrap();
        let fast = Arc::new(Prepared::new(text.clone().into()));
        let kept = Arc::new(Prepared::new(text.clone().into()).kept());
        let mut sizes = Vec::new();
        for prepared in [fast, kept] {
            let kind = HeaderValue::from_static("text/plain");
            let end = b"the end".to_vec();
            let packed = prepared.response(kind, end, &asking("gzip")).await.unwrap();
            let bytes = read(packed).await;
            let mut unpacked = String::new();
            flate2::read::GzDecoder::new(&bytes[..])
                .read_to_string(&mut unpacked)
                .unwrap();
            assert_eq!(unpacked, format!("{text}the end"));
            sizes.push(bytes.len());
        }
        assert!(sizes[1] < sizes[0], "{sizes:?}");
    }

    #[tokio::test]
    async fn readers_share_one_body() {
        let prepared = Arc::new(Prepared::new(Bytes::from(vec![b'a'; 1 << 20])));
        for asked in [HeaderMap::new(), asking("gzip")] {
            let mut places = std::collections::HashSet::new();
            for _ in 0..200 {
                let kind = HeaderValue::from_static("text/plain");
                let response = prepared.response(kind, Vec::new(), &asked).await.unwrap();
                let frame = response.into_body().frame().await.unwrap().unwrap();
                let piece = frame.into_data().unwrap();
                places.insert(piece.as_ptr());
            }
            assert_eq!(places.len(), 1, "the same bytes in memory");
        }
    }

    #[tokio::test]
    async fn a_client_that_hangs_up_causes_no_second_compression() {
        let plain = Bytes::from(vec![b'a'; COMPRESS_INLINE_MAX_BYTES + 1]);
        let prepared = Arc::new(Prepared::new(plain));
        let kind = HeaderValue::from_static("text/plain");
        let asked = asking("gzip");
        let response = prepared.response(kind, Vec::new(), &asked);
        assert!(response.now_or_never().is_none(), "and is dropped");
        let made = async {
            while !prepared.gzip.initialized() {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), made)
            .await
            .unwrap();
    }

    #[test]
    fn whether_gzip_is_taken_is_read_as_written() {
        for yes in ["gzip", "br, gzip", "deflate, GZIP;q=0.5", "*", "gzip;q=1.0"] {
            assert!(takes_gzip(&asking(yes)), "{yes}");
        }
        for no in [
            "",
            "br",
            "gzip;q=0",
            "gzip; q=0.00",
            "identity",
            "gzip;q=0, *",
            "*;q=1, GZIP;Q=0",
            "*;q=0",
        ] {
            assert!(!takes_gzip(&asking(no)), "{no}");
        }
        assert!(!takes_gzip(&HeaderMap::new()));
    }
}
