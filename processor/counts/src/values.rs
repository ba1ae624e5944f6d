//! Values in Redis: decimal numbers, the version first, and a checksum over name and numbers at the
//! end. The checksum is not secret: it detects values that this program did not write.

/// Highest number that Lua distinguishes from its neighbours.
pub(super) const NUMBER_MAX: u64 = (1 << 53) - 1;

/// Places of a zone.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ZonePlaces {
    /// Every record of the partition before this offset is taken into account.
    pub version: u64,
    /// Free places.
    pub available: u32,
    /// All places.
    pub total: u32,
    /// Tickets of buyers as of this version or later are all written; older ones may be out of date.
    pub users_from: u64,
}

/// Tickets of a buyer for an event.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct UserTickets {
    /// Every record of the partition before this offset is taken into account.
    pub version: u64,
    /// Tickets held and owned.
    pub tickets: u32,
    /// When the first of the holds among them ends, in milliseconds since 1970; `None` when all are
    /// sold.
    pub until_ms: Option<u64>,
}

impl ZonePlaces {
    pub(super) fn encode(&self, key: &str) -> String {
        sealed(
            key,
            &[
                self.version,
                self.available.into(),
                self.total.into(),
                self.users_from,
            ],
        )
    }

    pub(super) fn decode(key: &str, value: &str) -> Option<Self> {
        let [version, available, total, users_from] = opened(key, value)?;
        let places = Self {
            version,
            available: available.try_into().ok()?,
            total: total.try_into().ok()?,
            users_from,
        };
        (places.available <= places.total).then_some(places)
    }
}

impl UserTickets {
    pub(super) fn encode(&self, key: &str) -> String {
        let until_ms = self.until_ms.unwrap_or(NUMBER_MAX);
        sealed(key, &[self.version, self.tickets.into(), until_ms])
    }

    pub(super) fn decode(key: &str, value: &str) -> Option<Self> {
        let [version, tickets, until_ms] = opened(key, value)?;
        Some(Self {
            version,
            tickets: tickets.try_into().ok()?,
            until_ms: (until_ms < NUMBER_MAX).then_some(until_ms),
        })
    }
}

fn sealed(key: &str, numbers: &[u64]) -> String {
    let mut text = String::with_capacity(80);
    for number in numbers {
        text.push_str(&(*number).min(NUMBER_MAX).to_string());
        text.push(' ');
    }
    let seal = seal(key, &text);
    text.push_str(&seal);
    text
}

fn opened<const N: usize>(key: &str, value: &str) -> Option<[u64; N]> {
    let (_, seal_found) = value.rsplit_once(' ')?;
    let text = value.get(..value.len() - seal_found.len())?;
    if seal(key, text) != seal_found {
        return None;
    }
    let mut numbers = [0; N];
    let mut words = text.split_terminator(' ');
    for number in &mut numbers {
        *number = words.next()?.parse().ok()?;
    }
    words.next().is_none().then_some(numbers)
}

fn seal(key: &str, text: &str) -> String {
    let mut hash = xxhash_rust::xxh3::Xxh3::new();
    hash.update(key.as_bytes());
    hash.update(b"\n");
    hash.update(text.as_bytes());
    format!("{:016x}", hash.digest())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACES: ZonePlaces = ZonePlaces {
        version: 17,
        available: 3,
        total: 20,
        users_from: 5,
    };

    #[test]
    fn values_come_back_under_their_own_key_only() {
        let text = PLACES.encode("a");
        assert_eq!(ZonePlaces::decode("a", &text), Some(PLACES));
        assert_eq!(ZonePlaces::decode("b", &text), None);
        for until_ms in [None, Some(1_700_000_000_000)] {
            let tickets = UserTickets {
                version: 17,
                tickets: 4,
                until_ms,
            };
            let text = tickets.encode("a");
            assert_eq!(UserTickets::decode("a", &text), Some(tickets));
            assert_eq!(ZonePlaces::decode("a", &text), None);
        }
    }

    #[test]
    fn anything_else_is_no_value() {
        let whole = PLACES.encode("a");
        let changed = whole.replacen("17", "18", 1);
        let impossible = ZonePlaces {
            available: 21,
            ..PLACES
        }
        .encode("a");
        for text in [
            "",
            " ",
            "17",
            "17 3 20 5",
            "17 3 20 5 0000000000000000",
            "-1 0 0 0 0",
            &changed,
            &impossible,
            &whole[..whole.len() - 1],
            &format!("{whole} "),
            &format!("{whole}0"),
        ] {
            assert_eq!(ZonePlaces::decode("a", text), None, "{text:?}");
        }
    }
}
