//! A preloaded library that fakes the clock: Kafka's client cannot work under one.
//!
//! It waits by the C11 calls, which such a library does not replace, until a time that it reads from
//! the clock, which it does. An hour ahead, every wait takes an hour, and nothing is said.

use super::KafkaError;

/// Parts of the names of such libraries.
const NAMES: [&str; 2] = ["faketime", "datefudge"];

/// Refuses to use Kafka where its client would hang.
///
/// # Errors
/// [`KafkaError::FakedClock`].
pub fn refuse_faked_clock() -> Result<(), KafkaError> {
    let preloaded = std::env::var("LD_PRELOAD").unwrap_or_default();
    match faking(&preloaded) {
        None => Ok(()),
        Some(library) => Err(KafkaError::FakedClock {
            library: library.to_owned(),
        }),
    }
}

/// The library of a preload list that fakes the clock.
fn faking(preloaded: &str) -> Option<&str> {
    preloaded
        .split([':', ' '])
        .find(|library| NAMES.iter().any(|name| library.contains(name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_fakes_the_clock_is_refused() {
        assert_eq!(faking(""), None);
        assert_eq!(faking("/usr/lib/libjemalloc.so.2"), None);
        let library = "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1";
        assert_eq!(faking(library), Some(library));
        let two = format!("/usr/lib/libjemalloc.so.2:{library}");
        assert_eq!(faking(&two), Some(library));
        assert_eq!(faking("datefudge.so libx.so"), Some("datefudge.so"));
    }
}
