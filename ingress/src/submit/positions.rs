//! Positions of the latest requests in the log, so that they can be explained.

use onsale_schemas::{Offset, PartitionId, RequestId};
use parking_lot::Mutex;

/// Requests that are remembered; a newer one replaces an older one at random.
const SLOTS: usize = 1 << 17;

type Slot = Option<(RequestId, PartitionId, Offset)>;

pub(crate) struct Positions(Box<[Mutex<Slot>]>);

impl Positions {
    pub(crate) fn new() -> Self {
        Self((0..SLOTS).map(|_| Mutex::new(None)).collect())
    }

    /// The request was decided at this position.
    pub(crate) fn note(&self, request: RequestId, partition: PartitionId, offset: Offset) {
        if let Some(slot) = self.0.get(place(request)) {
            *slot.lock() = Some((request, partition, offset));
        }
    }

    /// Where the request was decided, if that was recent.
    pub(crate) fn find(&self, request: RequestId) -> Option<(PartitionId, Offset)> {
        let slot = *self.0.get(place(request))?.lock();
        slot.filter(|(of, ..)| *of == request)
            .map(|(_, partition, offset)| (partition, offset))
    }
}

/// The last bytes of the ids are random, or a hash.
fn place(request: RequestId) -> usize {
    let [.., a, b, c, d] = *request.0.as_bytes();
    usize::try_from(u32::from_be_bytes([a, b, c, d])).unwrap_or(0) % SLOTS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remembers_the_latest_and_confuses_no_requests() {
        let positions = Positions::new();
        let one = RequestId::from_bytes([7; 16]);
        let mut other = [7; 16];
        other[0] = 8;
        let other = RequestId::from_bytes(other);
        assert_eq!(positions.find(one), None);
        positions.note(one, PartitionId(1), 5);
        assert_eq!(positions.find(one), Some((PartitionId(1), 5)));
        assert_eq!(positions.find(other), None);
        positions.note(other, PartitionId(2), 6);
        assert_eq!(positions.find(one), None, "they share a slot");
    }
}
