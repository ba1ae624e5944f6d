//! What has to be so for a change to be handed in.

use onsale_schemas::offer::Offer;

/// What has to be so for a change of a show to be written down, looked at under the lock of the show: of several who
/// read the same only one changes it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum Precondition {
    /// Whatever there is.
    #[default]
    None,
    /// Its row is of this version. It is of another from then on, whatever the log makes of the change.
    Version(u64),
    /// This is what it has for sale, and no other change of it waits for the log.
    Offer(Box<Offer>),
}

/// What became of a change that was to be written down.
#[must_use]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Noted {
    /// It is written down now.
    New,
    /// It was written down before, and has not been taken over or forgotten.
    Known,
    /// Another change stands under the id: it is left as it is.
    Other,
}

impl Noted {
    /// Whether it stands there.
    pub fn is_there(self) -> bool {
        self != Self::Other
    }

    pub(crate) fn known(is_same: bool) -> Self {
        if is_same { Self::Known } else { Self::Other }
    }
}
