//! Logs of machine versions 2 and 3 that were kept: they always lead to the same outcomes, digest and
//! image. (`a_log_of_version_1` stands beside the engine.)
//!
//! The logs are files, so that a change of the generator cannot change what is compared. A file that does
//! not exist is written by `cargo test -p onsale-simulation --test golden -- --ignored`; one that exists
//! is never written again.

#![expect(clippy::unwrap_used, reason = "a panic is how a test reports")]

use std::fs;
use std::path::PathBuf;

use onsale_engine::{Limits, Partition};
use onsale_schemas::{Entry, OutcomeRecord, PartitionId, codec};
use onsale_simulation::model::{Model, ModelLimits};
use onsale_simulation::workload::{Generated, Profile, Workload};
use xxhash_rust::xxh3::{Xxh3, xxh3_64};

const PARTITION: PartitionId = PartitionId(5);
const SEED: u64 = 20_261_130;
const RECORDS: u64 = 2_000;
/// Larger documents are left out of the files.
const PAYLOAD_MAX_BYTES: usize = 4_000;

/// What a log leads to.
#[derive(PartialEq, Eq, Debug)]
struct Golden {
    outcomes: u64,
    /// Of their bytes, one after the other.
    hash_of_outcomes: u64,
    digest: u64,
    image_bytes: usize,
    hash_of_image: u64,
}

fn file(version: u16) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    folder.join(format!("version_{version}.log"))
}

/// Each record is its time and the length of its payload, little-endian, and the payload.
fn read(version: u16) -> Vec<Generated> {
    let bytes = fs::read(file(version)).unwrap();
    let mut rest = bytes.as_slice();
    let mut records = Vec::new();
    while let Some((head, behind)) = rest.split_first_chunk::<12>() {
        let log_time_ms = u64::from_le_bytes(*head.first_chunk().unwrap());
        let length = u32::from_le_bytes(*head.last_chunk().unwrap());
        let (payload, behind) = behind.split_at(usize::try_from(length).unwrap());
        records.push(Generated {
            log_time_ms,
            payload: payload.to_vec(),
        });
        rest = behind;
    }
    assert!(rest.is_empty(), "the file ends in the middle of a record");
    records
}

fn limits(version: u16) -> Limits {
    Limits {
        machine_version_known: version,
        ..Limits::default()
    }
}

/// Applies a log with a program that knows all versions up to `known`; half-way the machine is replaced
/// by what its image says.
fn replayed(records: &[Generated], known: u16) -> (Partition, Golden) {
    let mut partition = Partition::new(PARTITION, limits(known));
    let mut hash = Xxh3::new();
    let mut emitted = 0;
    let half = u64::try_from(records.len() / 2).unwrap();
    for (offset, record) in (0..).zip(records) {
        let mut outcomes: Vec<OutcomeRecord> = Vec::new();
        let entry = Entry {
            offset,
            log_time_ms: record.log_time_ms,
            payload: &record.payload,
        };
        partition.apply(entry, &mut outcomes);
        for outcome in outcomes {
            hash.update(&codec::encode(&outcome).unwrap());
            emitted += 1;
        }
        if offset == half {
            let bytes = image(&partition);
            partition = Partition::decode_image(PARTITION, limits(known), &bytes).unwrap();
        }
    }
    partition.self_check().unwrap();
    let bytes = image(&partition);
    let golden = Golden {
        outcomes: emitted,
        hash_of_outcomes: hash.digest(),
        digest: partition.digest(),
        image_bytes: bytes.len(),
        hash_of_image: xxh3_64(&bytes),
    };
    (partition, golden)
}

fn image(partition: &Partition) -> Vec<u8> {
    let mut bytes = Vec::new();
    partition.encode_image(&mut bytes).unwrap();
    bytes
}

#[test]
fn a_log_of_version_2() {
    let records = read(2);
    let (partition, golden) = replayed(&records, 2);
    assert_eq!(partition.machine_version(), 2);
    assert_eq!(golden, VERSION_2);
    // A newer program goes on with it just the same.
    assert_eq!(replayed(&records, 3).1, VERSION_2);
}

#[test]
fn a_log_of_version_3() {
    let (partition, golden) = replayed(&read(3), 3);
    assert_eq!(partition.machine_version(), 3);
    assert_eq!(golden, VERSION_3);
}

const VERSION_2: Golden = Golden {
    outcomes: 1_905,
    hash_of_outcomes: 4_241_401_261_370_817_458,
    digest: 10_170_443_472_424_511_768,
    image_bytes: 2_336,
    hash_of_image: 15_095_991_669_957_871_386,
};
const VERSION_3: Golden = Golden {
    outcomes: 1_955,
    hash_of_outcomes: 17_372_450_041_942_268_669,
    digest: 14_372_130_192_767_119_571,
    image_bytes: 6_235,
    hash_of_image: 745_116_193_585_716_912,
};

#[test]
#[ignore = "writes the logs that do not exist yet"]
fn write_the_logs() {
    for (version, profile) in [
        (2, Profile::adversarial_v2()),
        (3, Profile::adversarial_v3()),
    ] {
        if file(version).exists() {
            continue;
        }
        let mut workload = Workload::new(profile, SEED);
        let mut model = Model::new(
            PARTITION,
            ModelLimits {
                machine_version_known: version,
                ..ModelLimits::default()
            },
        );
        let mut bytes = Vec::new();
        let mut offset = 0;
        while offset < RECORDS {
            let record = workload.next_record();
            if record.payload.len() > PAYLOAD_MAX_BYTES {
                continue;
            }
            let outcome = model.apply(Entry {
                offset,
                log_time_ms: record.log_time_ms,
                payload: &record.payload,
            });
            outcome.iter().for_each(|outcome| workload.observe(outcome));
            bytes.extend(record.log_time_ms.to_le_bytes());
            bytes.extend(u32::try_from(record.payload.len()).unwrap().to_le_bytes());
            bytes.extend(&record.payload);
            offset += 1;
        }
        fs::write(file(version), bytes).unwrap();
    }
}
