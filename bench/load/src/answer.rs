//! An answer as read from the wire.

use memchr::memmem;

/// Header lines of an answer that are read; more make it malformed.
const HEADERS_MAX: usize = 64;
/// Longest accepted answer, in bytes; the largest real one is the chart of a big venue.
const ANSWER_MAX_BYTES: usize = 64 << 20;

/// A complete answer, borrowed from the connection's buffer.
#[derive(Debug, PartialEq, Eq)]
pub struct Answer<'a> {
    /// The status.
    pub status: u16,
    /// The body.
    pub body: &'a [u8],
    /// Whether it says when to retry.
    pub retry_after: bool,
    /// Whether it is the answer of an earlier request with the same key.
    pub replayed: bool,
    /// Whether the server closes the connection after it.
    pub(crate) close: bool,
}

/// Why bytes are no answer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Malformed;

impl Answer<'_> {
    /// The text of a field of the body, without parsing all of it: the first `"name":"…"`. Good for
    /// UUIDs and codes, which hold nothing that is escaped.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        let mut from = 0;
        while let Some(at) = memmem::find(self.body.get(from..)?, name.as_bytes()) {
            let start = from + at;
            let end = start + name.len();
            from = end;
            let quoted = start > 0 && self.body.get(start - 1) == Some(&b'"');
            let rest = self.body.get(end..)?;
            if !quoted {
                continue;
            }
            let Some(value) = rest.strip_prefix(b"\":\"") else {
                continue;
            };
            let length = memchr::memchr(b'"', value)?;
            return std::str::from_utf8(value.get(..length)?).ok();
        }
        None
    }
}

enum Length {
    Exactly(usize),
    Chunked,
}

/// The answer at the beginning of `input` and its length in bytes; `None` when it is incomplete.
/// `scratch` holds the body of a chunked answer.
pub(crate) fn parse<'a>(
    input: &'a [u8],
    scratch: &'a mut Vec<u8>,
) -> Result<Option<(usize, Answer<'a>)>, Malformed> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut response = httparse::Response::new(&mut headers);
    let head = match response.parse(input) {
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) if input.len() <= ANSWER_MAX_BYTES => return Ok(None),
        Ok(httparse::Status::Partial) | Err(_) => return Err(Malformed),
    };
    let status = response.code.ok_or(Malformed)?;
    let mut answer = Answer {
        status,
        body: &[],
        retry_after: false,
        replayed: false,
        close: response.version == Some(0),
    };
    // Without a length the end of the connection would be the end of the body: no server that keeps
    // connections alive does that, except where there is no body.
    let mut length = matches!(status, 100..200 | 204 | 304).then_some(Length::Exactly(0));
    for header in response.headers.iter() {
        let is = |name: &str| header.name.eq_ignore_ascii_case(name);
        if is("content-length") {
            let text = std::str::from_utf8(header.value).map_err(|_| Malformed)?;
            let bytes: usize = text.trim().parse().map_err(|_| Malformed)?;
            length = Some(Length::Exactly(bytes));
        } else if is("transfer-encoding") {
            length = Some(Length::Chunked);
        } else if is("retry-after") {
            answer.retry_after = true;
        } else if is("idempotent-replayed") {
            answer.replayed = true;
        } else if is("connection") {
            answer.close = header.value.eq_ignore_ascii_case(b"close");
        }
    }
    let rest = input.get(head..).ok_or(Malformed)?;
    match length.ok_or(Malformed)? {
        Length::Exactly(bytes) if bytes > ANSWER_MAX_BYTES => Err(Malformed),
        Length::Exactly(bytes) => Ok(rest.get(..bytes).map(|body| {
            answer.body = body;
            (head + bytes, answer)
        })),
        Length::Chunked => Ok(chunks(rest, scratch)?.map(|bytes| {
            answer.body = scratch;
            (head + bytes, answer)
        })),
    }
}

/// Assembles a chunked body; returns the bytes that it took, `None` when it is incomplete.
fn chunks(input: &[u8], body: &mut Vec<u8>) -> Result<Option<usize>, Malformed> {
    body.clear();
    let mut at = 0;
    loop {
        let rest = input.get(at..).ok_or(Malformed)?;
        let (line, size) = match httparse::parse_chunk_size(rest) {
            Ok(httparse::Status::Complete(found)) => found,
            Ok(httparse::Status::Partial) => return Ok(None),
            Err(_) => return Err(Malformed),
        };
        let size = usize::try_from(size).map_err(|_| Malformed)?;
        if body.len().saturating_add(size) > ANSWER_MAX_BYTES {
            return Err(Malformed);
        }
        let start = at + line;
        let end = start + size;
        // A chunk is followed by a line end; the last one too, as no trailers are requested.
        match input.get(end..end + 2) {
            None => return Ok(None),
            Some(b"\r\n") => {}
            Some(_) => return Err(Malformed),
        }
        body.extend_from_slice(input.get(start..end).ok_or(Malformed)?);
        at = end + 2;
        if size == 0 {
            return Ok(Some(at));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_found_only_when_it_is_whole() {
        let text =
            b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 5\r\nRetry-After: 1\r\n\r\nhello";
        let mut both = text.to_vec();
        both.extend_from_slice(b"HTTP");
        for end in 0..text.len() {
            assert_eq!(parse(&text[..end], &mut Vec::new()), Ok(None), "{end}");
        }
        let mut scratch = Vec::new();
        let (used, answer) = parse(&both, &mut scratch).unwrap().unwrap();
        assert_eq!(used, text.len());
        assert_eq!((answer.status, answer.body), (503, b"hello".as_slice()));
        assert!(answer.retry_after && !answer.replayed && !answer.close);
    }

    #[test]
    fn chunks_are_put_together() {
        let text = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n\
                     3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
        for end in 0..text.len() {
            assert_eq!(parse(&text[..end], &mut Vec::new()), Ok(None), "{end}");
        }
        let mut scratch = Vec::new();
        let (used, answer) = parse(text, &mut scratch).unwrap().unwrap();
        assert_eq!((used, answer.body), (text.len(), b"abcde".as_slice()));
        assert!(answer.close);
    }

    #[test]
    fn what_is_no_answer_is_refused() {
        for wrong in [
            "SMTP ready\r\n\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\n",
            "HTTP/1.1 200 OK\r\n\r\n",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nabc\r\n",
        ] {
            assert_eq!(
                parse(wrong.as_bytes(), &mut Vec::new()),
                Err(Malformed),
                "{wrong:?}"
            );
        }
    }

    #[test]
    fn a_field_is_found_by_its_whole_name() {
        let answer = Answer {
            status: 201,
            body: br#"{"x":"id","old_id":"a","id":7,"data":{"id":"b","code":""}}"#,
            retry_after: false,
            replayed: false,
            close: false,
        };
        assert_eq!(answer.text("id"), Some("b"));
        assert_eq!(answer.text("code"), Some(""));
        assert_eq!(answer.text("nothing"), None);
    }
}
