//! Answers of calls about accounts and tenants, remembered under an idempotency key.
//!
//! A row is there from before a call does anything, so that of two at the same time one does it and the other
//! is told to wait. Whoever has begun is thought to be gone after [`RUNNING_MS`], and the next one takes over.

use onsale_private::Sealed;
use uuid::Uuid;

/// How long a call is waited for that has begun, in milliseconds: longer than any takes.
pub const RUNNING_MS: u64 = 60_000;
/// Largest answer that is remembered, sealed, in bytes.
pub const ANSWER_MAX_BYTES: usize = 1 << 20;

/// A call that came with a key. Keys and what was asked are kept as keyed hashes alone.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AnswerKey {
    /// Of whose key it is, and the key.
    pub answer_id: Uuid,
    /// Whose it is: an account, or a hash of what shows who asks where nobody is signed in.
    pub owner_id: Uuid,
    /// Of what was asked.
    pub fingerprint: [u8; 32],
}

/// The exclusive right to do what was asked under a key, until it ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Turn {
    /// The call.
    pub answer_id: Uuid,
    /// Until when nobody else does it, by the database's clock, in milliseconds since 1970. It tells this turn from
    /// later ones, too.
    pub until_ms: u64,
}

/// An answer that is remembered.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AccountAnswer {
    /// The HTTP status, of a success.
    pub status: u16,
    /// What was said; `None` where it held tokens, which are not kept.
    pub sealed: Option<Sealed>,
}

/// The answer to the call by which a person is erased. It is remembered, and everything else that was answered to the
/// person goes: a client that did not hear of the erasure has to be able to find out that it was done.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LastAnswer {
    /// The call, which is being done.
    pub answer_id: Uuid,
    /// What it answers. Nothing in it is the person's.
    pub answer: AccountAnswer,
}

/// What was found under a key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Begun {
    /// Nothing, or a call that did not come to an end: do it.
    Yours(Turn),
    /// Another call is doing it, for so much longer at most, in milliseconds: up to [`RUNNING_MS`].
    Running(u64),
    /// It is done.
    Done(AccountAnswer),
    /// The key is of another request.
    OtherRequest,
    /// The owner has as many keys as it may; the oldest is forgotten then, in milliseconds since 1970.
    TooMany(u64),
}
