//! Sealed values that do not open, in what is shown: one of them keeps nobody from the rest.

use std::collections::HashSet;
use std::fmt::Display;
use std::sync::{Mutex, PoisonError};

/// Sentences that are remembered. One about a key that is not configured stands for all values of its column; those
/// about damaged values are of one each.
const SAID_MAX: usize = 1_000;

/// Says each of them once in the life of the process.
#[derive(Debug, Default)]
pub(crate) struct Unreadable {
    said: Mutex<HashSet<String>>,
}

impl Unreadable {
    /// What was opened; `None` where it did not open, which `is_unreadable` tells from what is not there.
    pub(crate) fn shown<T, E: Display>(
        &self,
        opened: Result<Option<T>, E>,
        is_unreadable: &mut bool,
    ) -> Option<T> {
        opened.unwrap_or_else(|error| {
            *is_unreadable = true;
            self.say(&error.to_string());
            None
        })
    }

    /// Whether it was said now.
    fn say(&self, why: &str) -> bool {
        // There is nothing in it that a panic could leave half done.
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        if said.len() >= SAID_MAX || !said.insert(why.to_owned()) {
            return false;
        }
        tracing::error!("what is personal is not shown: {why}");
        if said.len() == SAID_MAX {
            tracing::error!("further values that do not open are not named");
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_open_is_left_out_and_said_once() {
        let unreadable = Unreadable::default();
        let mut is_unreadable = false;
        let mut shown = |opened: Result<Option<u8>, &str>| {
            let shown = unreadable.shown(opened, &mut is_unreadable);
            (shown, is_unreadable)
        };
        assert_eq!(shown(Ok(Some(1))), (Some(1), false));
        assert_eq!(shown(Ok(None)), (None, false));
        assert_eq!(shown(Err("damaged")), (None, true));
        assert_eq!(shown(Ok(Some(2))), (Some(2), true), "of the same row");
        assert!(!unreadable.say("damaged"));
        assert!(unreadable.say("of an unknown key"));
    }

    #[test]
    fn no_more_is_remembered_than_its_bound() {
        let unreadable = Unreadable::default();
        for number in 0..SAID_MAX {
            assert!(unreadable.say(&number.to_string()));
        }
        assert!(!unreadable.say("one more"));
        assert_eq!(unreadable.said.lock().unwrap().len(), SAID_MAX);
    }
}
