//! Calls outside the measurement: creating shows, reading counts. One connection each, no hurry.

use std::io::{Read, Write};
use std::time::Duration;

use serde_json::Value;
use tokio_rustls::rustls::StreamOwned;

use crate::answer;
use crate::channel;
use crate::error::LoadError;
use crate::target::Target;

/// How long such a call may take.
const TIMEOUT: Duration = Duration::from_secs(60);
/// How many times a rate-limited call is repeated, with a pause in between.
const ASKED_AGAIN_MAX: u32 = 60;
const PAUSE: Duration = Duration::from_secs(1);
/// Status of a rate-limited answer.
const TOO_MANY_REQUESTS: u16 = 429;
/// Characters of an unexpected answer that are shown.
const SHOWN_MAX_CHARS: usize = 400;

/// A simple client for the calls around a run.
#[derive(Clone, Debug)]
pub struct Control {
    target: Target,
    token: String,
}

impl Control {
    /// Calls `target` with this bearer token; without one when it is empty.
    #[must_use]
    pub fn new(target: Target, token: String) -> Self {
        Self { target, token }
    }

    /// `data` of the answer to a GET.
    ///
    /// # Errors
    /// When the server cannot be reached or does not answer 2xx.
    pub fn get(&self, path: &str) -> Result<Value, LoadError> {
        self.call("GET", path, "")
    }

    /// `data` of the answer to a POST.
    ///
    /// # Errors
    /// When the server cannot be reached or does not answer 2xx.
    pub fn post(&self, path: &str, body: &Value) -> Result<Value, LoadError> {
        self.call("POST", path, &body.to_string())
    }

    /// `data` of the answer to a PUT.
    ///
    /// # Errors
    /// When the server cannot be reached or does not answer 2xx.
    pub fn put(&self, path: &str, body: &Value) -> Result<Value, LoadError> {
        self.call("PUT", path, &body.to_string())
    }

    fn call(&self, method: &str, path: &str, body: &str) -> Result<Value, LoadError> {
        let call = format!("{method} {path}");
        let (mut status, mut bytes) = self.answer(&call, method, path, body)?;
        for _ in 0..ASKED_AGAIN_MAX {
            if status != TOO_MANY_REQUESTS {
                break;
            }
            std::thread::sleep(PAUSE);
            (status, bytes) = self.answer(&call, method, path, body)?;
        }
        if !(200..300).contains(&status) {
            let body = String::from_utf8_lossy(&bytes);
            return Err(LoadError::Prepare {
                call,
                status,
                body: body.chars().take(SHOWN_MAX_CHARS).collect(),
            });
        }
        let mut body: Value =
            serde_json::from_slice(&bytes).map_err(|error| LoadError::Answer {
                call,
                what: format!("the answer is not JSON: {error}"),
            })?;
        Ok(body["data"].take())
    }

    fn answer(
        &self,
        call: &str,
        method: &str,
        path: &str,
        body: &str,
    ) -> Result<(u16, Vec<u8>), LoadError> {
        self.exchange(method, path, body).map_err(|cause| {
            let is_tls = onsale_tls::find(&cause).is_some();
            if cause.kind() == std::io::ErrorKind::InvalidData && !is_tls {
                LoadError::Answer {
                    call: call.to_owned(),
                    what: "the answer is not HTTP".to_owned(),
                }
            } else {
                self.target.unreached(cause)
            }
        })
    }

    fn exchange(&self, method: &str, path: &str, body: &str) -> std::io::Result<(u16, Vec<u8>)> {
        let (socket, tls) = channel::connect(&self.target, TIMEOUT)?;
        match tls {
            Some(session) => {
                self.exchange_on(StreamOwned::new(*session, socket), method, path, body)
            }
            None => self.exchange_on(socket, method, path, body),
        }
    }

    fn exchange_on(
        &self,
        mut stream: impl Read + Write,
        method: &str,
        path: &str,
        body: &str,
    ) -> std::io::Result<(u16, Vec<u8>)> {
        let mut head = format!(
            "{method} {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n",
            self.target.host
        );
        if !self.token.is_empty() {
            head.push_str(&format!("authorization: Bearer {}\r\n", self.token));
        }
        if method != "GET" {
            head.push_str(&format!(
                "content-type: application/json\r\ncontent-length: {}\r\n",
                body.len()
            ));
        }
        head.push_str("\r\n");
        stream.write_all(head.as_bytes())?;
        stream.write_all(body.as_bytes())?;
        let mut bytes = Vec::new();
        let mut scratch = Vec::new();
        let mut part = vec![0; 64 << 10];
        loop {
            let length = stream.read(&mut part)?;
            bytes.extend_from_slice(part.get(..length).unwrap_or_default());
            match answer::parse(&bytes, &mut scratch) {
                Ok(Some((_, answer))) => return Ok((answer.status, answer.body.to_vec())),
                Ok(None) if length > 0 => {}
                Ok(None) => return Err(std::io::ErrorKind::UnexpectedEof.into()),
                Err(answer::Malformed) => return Err(std::io::ErrorKind::InvalidData.into()),
            }
        }
    }
}
