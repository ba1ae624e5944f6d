//! A request before it is sent.

use std::io::Write as _;

use crate::users::Users;

/// What a request does; latencies are recorded separately for each.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Op {
    /// Holds places.
    Reserve,
    /// Confirms a booking.
    Confirm,
    /// Cancels a booking.
    Cancel,
    /// Pays for a booking.
    Pay,
    /// Reads how a payment stands.
    Follow,
    /// Reads.
    Read,
    /// Never sent: no connection was free in time.
    Unsent,
}

impl Op {
    /// Its name in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Reserve => "reserve",
            Self::Confirm => "confirm",
            Self::Cancel => "cancel",
            Self::Pay => "pay",
            Self::Follow => "follow",
            Self::Read => "read",
            Self::Unsent => "unsent",
        }
    }

    /// Whether it may change anything.
    pub(crate) fn writes(self) -> bool {
        !matches!(self, Self::Follow | Self::Read | Self::Unsent)
    }
}

/// An HTTP method.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Method {
    /// GET
    Get,
    /// POST
    Post,
}

impl Method {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
        }
    }
}

/// On whose behalf a request is sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Who {
    /// No one's: without a token.
    Nobody,
    /// A user's, by number.
    User(usize),
    /// The payment service's, one of its accounts.
    Service(usize),
}

/// A request. Scenarios fill it in; its buffers are reused.
#[derive(Debug)]
pub struct Draft {
    /// What it does.
    pub op: Op,
    /// GET or POST.
    pub method: Method,
    /// In whose name.
    pub who: Who,
    /// Path and query.
    pub path: String,
    /// Idempotency key; none when empty.
    pub key: String,
    /// JSON body; none when empty.
    pub body: String,
    /// Places that a grant takes or returns, for checking the stock afterwards.
    pub places: u32,
    /// For the scenario's own use.
    pub tag: u64,
}

impl Default for Draft {
    fn default() -> Self {
        Self {
            op: Op::Read,
            method: Method::Get,
            who: Who::Nobody,
            path: String::new(),
            key: String::new(),
            body: String::new(),
            places: 0,
            tag: 0,
        }
    }
}

impl Draft {
    /// Begins a request: everything but `op`, `method` and `who` is empty.
    pub fn begin(&mut self, op: Op, method: Method, who: Who) {
        self.op = op;
        self.method = method;
        self.who = who;
        self.path.clear();
        self.key.clear();
        self.body.clear();
        self.places = 0;
        self.tag = 0;
    }

    /// The bytes on the wire; replaces the contents of `out`.
    pub(crate) fn write(&self, host: &str, users: &Users, out: &mut Vec<u8>) {
        out.clear();
        out.extend_from_slice(self.method.name().as_bytes());
        out.push(b' ');
        out.extend_from_slice(self.path.as_bytes());
        out.extend_from_slice(b" HTTP/1.1\r\nhost: ");
        out.extend_from_slice(host.as_bytes());
        out.extend_from_slice(b"\r\n");
        out.extend_from_slice(users.header(self.who).as_bytes());
        if !self.key.is_empty() {
            out.extend_from_slice(b"idempotency-key: ");
            out.extend_from_slice(self.key.as_bytes());
            out.extend_from_slice(b"\r\n");
        }
        if self.method == Method::Post {
            out.extend_from_slice(b"content-type: application/json\r\n");
            // Writing into a Vec cannot fail.
            let _ = write!(out, "content-length: {}\r\n", self.body.len());
        }
        out.extend_from_slice(b"\r\n");
        out.extend_from_slice(self.body.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_on_the_wire() {
        let users = Users::nobody();
        let mut draft = Draft::default();
        draft.begin(Op::Reserve, Method::Post, Who::Nobody);
        draft.path.push_str("/x");
        draft.key.push_str("k-1");
        draft.body.push_str("{\"a\":1}");
        let mut out = b"old".to_vec();
        draft.write("h:1", &users, &mut out);
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "POST /x HTTP/1.1\r\nhost: h:1\r\nidempotency-key: k-1\r\n\
             content-type: application/json\r\ncontent-length: 7\r\n\r\n{\"a\":1}"
        );
        let mut out = Vec::new();
        draft.begin(Op::Read, Method::Get, Who::Nobody);
        draft.path.push_str("/y");
        draft.write("h:1", &users, &mut out);
        assert_eq!(out, b"GET /y HTTP/1.1\r\nhost: h:1\r\n\r\n");
    }
}
