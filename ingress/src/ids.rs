//! New ids. (`Uuid::new_v4` asks the system for random bytes each time; every request needs two
//! ids, so a per-thread generator, seeded by the system, is used instead.)

use uuid::{Builder, NoContext, Timestamp, Uuid};

/// A random one.
pub(crate) fn random() -> Uuid {
    Builder::from_random_bytes(rand::random()).into_uuid()
}

/// An id with the time in milliseconds in front and random bits behind.
pub(crate) fn by_time() -> Uuid {
    const MS_PER_S: u64 = 1_000;
    const NS_PER_MS: u32 = 1_000_000;
    let (seconds, nanoseconds) = Timestamp::now(NoContext).to_unix();
    let now_ms = seconds * MS_PER_S + u64::from(nanoseconds / NS_PER_MS);
    Builder::from_unix_timestamp_millis(now_ms, &rand::random()).into_uuid()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_of_their_kind_and_differ() {
        assert_eq!(random().get_version_num(), 4);
        assert_ne!(random(), random());
        let (earlier, later) = (by_time(), by_time());
        assert_eq!(earlier.get_version_num(), 7);
        assert_ne!(earlier, later);
        let ms = |id: Uuid| id.get_timestamp().map(|at| at.to_unix().0);
        assert!(ms(earlier) <= ms(later));
    }
}
