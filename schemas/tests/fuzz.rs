//! Any bytes are either decoded to a record or refused. The corpus is the golden bytes.

#![expect(clippy::unwrap_used, reason = "a panic is how a test reports")]

use onsale_fuzz::Run;
use onsale_schemas::codec::{self, Record};
use onsale_schemas::{Envelope, OutcomeRecord};

const RUN: Run = Run {
    inputs: 40_000,
    size_max_bytes: 4_096,
};

fn corpus() -> Vec<Vec<u8>> {
    include_str!("golden_bytes.txt")
        .lines()
        .filter_map(|line| line.split_whitespace().last())
        .map(|hex| {
            (0..hex.len() / 2)
                .map(|i| u8::from_str_radix(&hex[2 * i..2 * i + 2], 16).unwrap())
                .collect()
        })
        .collect()
}

/// A decoded record survives being written and read again.
fn holds<R: Record + PartialEq + std::fmt::Debug>(bytes: &[u8]) {
    if let Ok(record) = codec::decode::<R>(bytes) {
        let again = codec::encode(&record).unwrap();
        assert!(again.len() <= bytes.len(), "the shortest form is written");
        assert_eq!(codec::decode::<R>(&again).unwrap(), record);
    }
}

#[test]
fn codec() {
    onsale_fuzz::run("codec", RUN, &corpus(), |bytes| {
        holds::<Envelope>(bytes);
        holds::<OutcomeRecord>(bytes);
        // The fast decoder and the general one agree on what is a record and on its contents.
        let mut fast = None;
        codec::decode_envelope_into(bytes, &mut fast);
        assert_eq!(fast, codec::decode::<Envelope>(bytes).ok());
    });
}
