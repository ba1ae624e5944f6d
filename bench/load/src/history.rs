//! The recorded history: one JSON object a line for every request, for `onsale verify` to judge.
//!
//! Threads format lines into their own buffers and hand full buffers to one writer. When the disk
//! cannot keep up they wait (and the report shows the delay): a history with gaps would prove
//! nothing.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;

use crossbeam_channel::{Receiver, Sender, bounded};
use serde::Serialize;
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::draft::Draft;
use crate::error::LoadError;

/// Bytes that a thread collects before it hands them over.
const BUFFER_BYTES: usize = 256 << 10;
/// Buffers that may wait for the disk.
const BUFFERS_MAX: usize = 64;

/// A line. Times are Unix milliseconds; the beginning is rounded down and the end up, so that a
/// recorded request never looks shorter than it was.
#[derive(Serialize)]
struct Line<'a> {
    id: u64,
    user: Option<Uuid>,
    method: &'static str,
    path: &'a str,
    key: Option<&'a str>,
    body: Option<&'a RawValue>,
    intended_ms: u64,
    sent_ms: u64,
    answered_ms: Option<u64>,
    status: Option<u16>,
    answer: Option<&'a RawValue>,
}

/// Times of a request, as Unix milliseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Times {
    pub(crate) intended_ms: u64,
    pub(crate) sent_ms: u64,
    pub(crate) answered_ms: Option<u64>,
}

/// The file and its writer.
pub(crate) struct History {
    path: PathBuf,
    buffers: Sender<Vec<u8>>,
    writer: JoinHandle<io::Result<()>>,
}

/// What one thread records into.
pub(crate) struct Recorder {
    buffer: Vec<u8>,
    buffers: Sender<Vec<u8>>,
}

impl History {
    pub(crate) fn create(path: &Path) -> Result<Self, LoadError> {
        let history = |cause| LoadError::History {
            path: path.to_owned(),
            cause,
        };
        let file = File::create(path).map_err(history)?;
        let (buffers, receiver) = bounded(BUFFERS_MAX);
        let writer = std::thread::Builder::new()
            .name("history".to_owned())
            .spawn(move || write(file, &receiver))
            .map_err(LoadError::system("cannot start a thread"))?;
        Ok(Self {
            path: path.to_owned(),
            buffers,
            writer,
        })
    }

    pub(crate) fn recorder(&self) -> Recorder {
        Recorder {
            buffer: Vec::with_capacity(BUFFER_BYTES),
            buffers: self.buffers.clone(),
        }
    }

    /// Waits until everything is written. All recorders must be gone.
    pub(crate) fn finish(self) -> Result<(), LoadError> {
        drop(self.buffers);
        let written = self.writer.join().map_err(|_| LoadError::Thread)?;
        written.map_err(|cause| LoadError::History {
            path: self.path,
            cause,
        })
    }
}

fn write(mut file: File, buffers: &Receiver<Vec<u8>>) -> io::Result<()> {
    for buffer in buffers {
        file.write_all(&buffer)?;
    }
    file.flush()
}

impl Recorder {
    /// Records a request and what was answered, if anything was.
    pub(crate) fn record(
        &mut self,
        id: u64,
        user: Option<Uuid>,
        draft: &Draft,
        times: Times,
        answer: Option<(u16, &[u8])>,
    ) {
        let line = Line {
            id,
            user,
            method: draft.method.name(),
            path: &draft.path,
            key: (!draft.key.is_empty()).then_some(draft.key.as_str()),
            body: serde_json::from_str(&draft.body).ok(),
            intended_ms: times.intended_ms,
            sent_ms: times.sent_ms,
            answered_ms: times.answered_ms,
            status: answer.map(|(status, _)| status),
            answer: answer.and_then(|(_, body)| serde_json::from_slice(body).ok()),
        };
        let start = self.buffer.len();
        if serde_json::to_writer(&mut self.buffer, &line).is_err() {
            // Into memory it cannot fail; half a line would spoil the next one.
            self.buffer.truncate(start);
            return;
        }
        // A raw value keeps the line breaks that its server wrote; in JSON they are only ever white
        // space between tokens.
        for byte in &mut self.buffer[start..] {
            if *byte == b'\n' || *byte == b'\r' {
                *byte = b' ';
            }
        }
        self.buffer.push(b'\n');
        if self.buffer.len() >= BUFFER_BYTES {
            self.hand_over();
        }
    }

    fn hand_over(&mut self) {
        let full = std::mem::replace(&mut self.buffer, Vec::with_capacity(BUFFER_BYTES));
        // A writer that ended has an error, which `History::finish` reports.
        let _ = self.buffers.send(full);
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.hand_over();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draft::{Method, Op, Who};

    #[test]
    fn every_request_is_one_line_of_json() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("history.jsonl");
        let history = History::create(&path).unwrap();
        let mut recorder = history.recorder();
        let mut draft = Draft::default();
        draft.begin(Op::Reserve, Method::Post, Who::User(0));
        draft.path.push_str("/api/v1/bookings/reserve");
        draft.key.push_str("k\"1");
        draft.body.push_str(r#"{"quantity":1}"#);
        let times = Times {
            intended_ms: 1,
            sent_ms: 2,
            answered_ms: Some(3),
        };
        let answer = b"{\n  \"success\": true\n}";
        recorder.record(7, Some(Uuid::nil()), &draft, times, Some((201, answer)));
        let unanswered = Times {
            answered_ms: None,
            ..times
        };
        recorder.record(8, None, &draft, unanswered, None);
        recorder.record(9, None, &draft, times, Some((502, b"<html>")));
        drop(recorder);
        history.finish().unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        let lines: Vec<serde_json::Value> = text
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(
            lines[0],
            serde_json::json!({
                "id": 7, "user": Uuid::nil(), "method": "POST",
                "path": "/api/v1/bookings/reserve", "key": "k\"1", "body": {"quantity": 1},
                "intended_ms": 1, "sent_ms": 2, "answered_ms": 3, "status": 201,
                "answer": {"success": true},
            })
        );
        assert_eq!(lines[1]["answered_ms"], serde_json::Value::Null);
        assert_eq!(lines[1]["status"], serde_json::Value::Null);
        assert_eq!(lines[2]["answer"], serde_json::Value::Null);
    }
}
