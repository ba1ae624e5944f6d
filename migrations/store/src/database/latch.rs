//! What keeps everyone from a database until it is known to be the right one.

use std::sync::Arc;

use tokio::sync::watch;

use crate::error::StoreError;

/// Whether calls go through.
#[derive(Clone, PartialEq, Eq, Debug)]
enum State {
    Open,
    /// Nobody has looked yet.
    Unseen,
    /// It was looked at, and refused for this reason.
    Refused(String),
}

/// What stands between a database and all who hold a handle to it (see
/// [`Store::behind_latch`](crate::Store::behind_latch)). Once opened it stays open.
#[derive(Clone, Debug)]
pub struct Latch(Arc<watch::Sender<State>>);

impl Latch {
    fn new(state: State) -> Self {
        Self(Arc::new(watch::Sender::new(state)))
    }

    pub(crate) fn opened() -> Self {
        Self::new(State::Open)
    }

    pub(crate) fn closed() -> Self {
        Self::new(State::Unseen)
    }

    /// Lets calls through from now on.
    pub fn open(&self) {
        self.0.send_replace(State::Open);
    }

    /// Says why none goes through. Not once it was opened.
    pub fn refuse(&self, why: String) {
        self.0.send_if_modified(|state| {
            let is_closed = *state != State::Open;
            if is_closed {
                *state = State::Refused(why);
            }
            is_closed
        });
    }

    pub(crate) fn check(&self) -> Result<(), StoreError> {
        let why = match &*self.0.borrow() {
            State::Open => return Ok(()),
            State::Unseen => "it was not reached yet to see whether it belongs to this log".into(),
            State::Refused(why) => why.clone().into(),
        };
        Err(StoreError::Unreachable(sqlx::Error::Configuration(why)))
    }

    pub(crate) fn refused(&self) -> Option<String> {
        match &*self.0.borrow() {
            State::Refused(why) => Some(why.clone()),
            State::Open | State::Unseen => None,
        }
    }

    pub(crate) async fn until_open(&self) {
        let mut state = self.0.subscribe();
        // It lives as long as its sender, which is held here.
        let _ = state.wait_for(|state| *state == State::Open).await;
    }
}
