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
    /// Nothing that was read of the end of its sale is other than it was, and no change that waits for the log will make
    /// it so.
    End(EndOfSale),
    /// This is what it has for sale, and no other change of it waits for the log.
    Offer(Box<Offer>),
}

/// How a change says when the sale of a show ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct EndOfSale {
    /// As [`Precondition::Version`], where the change is for one.
    pub version: Option<u64>,
    /// That it follows the beginning, as it did when the show was read; otherwise somebody named a time. Of a change of
    /// each kind the second waits for the first: which of them the log takes first is not known, and what was named
    /// must not be replaced by what follows.
    pub follows: bool,
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
