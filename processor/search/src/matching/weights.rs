//! What the words of a search count.

use crate::limits::QUERY_TERMS_MAX;
use crate::query::Closeness;

/// Bytes of all weights.
pub(crate) const WEIGHTS_BYTES: usize = 2 * QUERY_TERMS_MAX;

/// By stage (as typed, otherwise) and place of the word: how rare it is, once that is known. Further
/// pages of a search keep those of the first one, so that the places of its hits stay as they are while
/// other events come and go.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Weights([u8; WEIGHTS_BYTES]);

impl Weights {
    pub(crate) fn from_bytes(bytes: [u8; WEIGHTS_BYTES]) -> Self {
        Self(bytes)
    }

    pub(crate) fn as_bytes(&self) -> &[u8; WEIGHTS_BYTES] {
        &self.0
    }

    /// The rarity of a word at a stage: the one that is known, or this, which is known then. 1 to 255.
    pub(super) fn rarity(&mut self, stage: Closeness, place: u8, rarity: impl Fn() -> u8) -> u8 {
        let row = match stage {
            Closeness::Exact => 0,
            Closeness::Typos | Closeness::Partial => QUERY_TERMS_MAX,
        };
        let at = row + usize::from(place).saturating_sub(1);
        match self.0.get_mut(at) {
            Some(known) => {
                if *known == 0 {
                    *known = rarity().max(1);
                }
                *known
            }
            None => 1,
        }
    }
}
