//! The records around a difference, in the form a person reads.

use std::collections::VecDeque;
use std::fmt;

use onsale_schemas::{
    Command, Entry, Envelope, LogTimeMs, Offset, OutcomeRecord, RequestId, codec,
};

/// How many records before a difference, and at most after it, are shown.
pub const CONTEXT_RECORDS: usize = 8;
/// Longest text of a command or outcome, in bytes: layouts would fill the screen.
const TEXT_MAX_BYTES: usize = 400;

/// A record and the model's outcome.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ContextRecord {
    /// Its offset.
    pub offset: Offset,
    /// The time the log stamped on it.
    pub log_time_ms: LogTimeMs,
    /// The request it came from.
    pub request_id: Option<RequestId>,
    /// Its command in words, or why it cannot be read.
    pub command: String,
    /// The model's outcome in words; `None` when it has none or was not asked.
    pub outcome: Option<String>,
}

impl ContextRecord {
    pub(super) fn new(entry: Entry<'_>, outcome: Option<&OutcomeRecord>) -> Self {
        let (request_id, command) = match codec::decode::<Envelope>(entry.payload) {
            Ok(envelope) => (envelope.request_id, command_text(&envelope.command)),
            Err(error) => (None, format!("not a command: {error}")),
        };
        Self {
            offset: entry.offset,
            log_time_ms: entry.log_time_ms,
            request_id,
            command,
            outcome: outcome.map(|record| shortened(format!("{:?}", record.outcome))),
        }
    }
}

impl fmt::Display for ContextRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            offset,
            log_time_ms,
            command,
            ..
        } = self;
        write!(f, "{offset} @{log_time_ms} {command}")?;
        if let Some(request) = self.request_id {
            write!(f, " request {request}")?;
        }
        if let Some(outcome) = &self.outcome {
            write!(f, " -> {outcome}")?;
        }
        Ok(())
    }
}

fn command_text(command: &Command) -> String {
    shortened(format!("{command:?}"))
}

fn shortened(mut text: String) -> String {
    if text.len() > TEXT_MAX_BYTES {
        let mut end = TEXT_MAX_BYTES;
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.truncate(end);
        text.push('…');
    }
    text
}

/// The last records, kept as bytes: put into words only on demand.
#[derive(Debug, Default)]
pub(super) struct Recent(VecDeque<(Offset, LogTimeMs, Vec<u8>, Option<OutcomeRecord>)>);

impl Recent {
    pub(super) fn push(&mut self, entry: Entry<'_>, outcome: Option<OutcomeRecord>) {
        let mut bytes = Vec::new();
        if self.0.len() == CONTEXT_RECORDS
            && let Some((_, _, oldest, _)) = self.0.pop_front()
        {
            bytes = oldest;
            bytes.clear();
        }
        bytes.extend_from_slice(entry.payload);
        self.0
            .push_back((entry.offset, entry.log_time_ms, bytes, outcome));
    }

    pub(super) fn in_words(&self) -> Vec<ContextRecord> {
        self.0
            .iter()
            .map(|(offset, log_time_ms, payload, outcome)| {
                let entry = Entry {
                    offset: *offset,
                    log_time_ms: *log_time_ms,
                    payload,
                };
                ContextRecord::new(entry, outcome.as_ref())
            })
            .collect()
    }
}
