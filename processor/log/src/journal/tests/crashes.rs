//! Crashes at random points, with a random part of what was not synced: the log that is opened
//! again holds everything acknowledged, in order, and at most the one batch that was on its way.

use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng};

use super::support::{Batch, Content, PARTITIONS, append, bytes, expect, no_content, open, read};
use crate::storage::LogError;
use onsale_disk::MemoryDisk;

/// One life of a process.
#[derive(Clone, Debug)]
struct Life {
    /// Syncs until the power fails.
    syncs: u64,
    /// Sizes of payloads, batch by batch.
    batches: Vec<Vec<usize>>,
    /// Whether the process gets to close the journal when all were written.
    closes: bool,
    /// Writes until the disk is full, for one or two of them.
    writes: u64,
    /// The process is killed; the power stays.
    is_killed: bool,
    /// Which part of the unsynced is lost.
    loss: u64,
}

fn life() -> impl Strategy<Value = Life> {
    let size = prop_oneof![8 => 0..200usize, 3 => 200..3_000usize, 1 => 3_000..50_000usize];
    let batch = prop::collection::vec(size, 1..8).prop_filter("too large for a segment", |sizes| {
        sizes.iter().sum::<usize>() < 60_000
    });
    (
        prop_oneof![0..4u64, 0..40u64],
        prop::collection::vec(batch, 0..25),
        any::<bool>(),
        0..60u64,
        any::<bool>(),
        any::<u64>(),
    )
        .prop_map(|(syncs, batches, closes, writes, is_killed, loss)| Life {
            syncs,
            batches,
            closes,
            writes,
            is_killed,
            loss,
        })
}

struct World {
    disk: MemoryDisk,
    acknowledged: Content,
    /// As `acknowledged`, with the batch that was on its way.
    attempted: Content,
    now_ms: u64,
}

impl World {
    fn live(&mut self, life: &Life) -> Result<(), TestCaseError> {
        self.disk.fail_syncs_after(Some(life.syncs));
        if let Ok((mut writer, journal)) = open(&self.disk) {
            self.check(&read(&journal).unwrap())?;
            self.disk.fail_writes(life.writes, 1 + life.loss % 2);
            let mut alive = true;
            for sizes in &life.batches {
                self.now_ms += 1;
                let batch = self.batch(sizes);
                expect(&mut self.attempted, self.now_ms, &batch);
                match append(&mut writer, self.now_ms, &batch) {
                    Ok(_) => {}
                    Err(LogError::DiskFull(_)) => {
                        self.attempted.clone_from(&self.acknowledged);
                        continue;
                    }
                    Err(_) => {
                        alive = false;
                        break;
                    }
                }
                self.acknowledged.clone_from(&self.attempted);
                prop_assert!(read(&journal).unwrap() == self.acknowledged);
            }
            if alive && life.closes {
                drop(writer);
            }
        }
        if life.is_killed {
            self.disk = self.disk.after_kill();
            return Ok(());
        }
        let seed = life.loss.to_le_bytes().repeat(4);
        let mut rng = TestRng::from_seed(RngAlgorithm::ChaCha, &seed);
        self.disk = self.disk.after_crash(&mut |below| {
            let below = u64::try_from(below).unwrap();
            usize::try_from(rng.next_u64() % below).unwrap()
        });
        Ok(())
    }

    fn batch(&self, sizes: &[usize]) -> Batch {
        let seeds = (self.now_ms * 100..).zip(sizes);
        seeds
            .map(|(seed, &size)| {
                let partition = u16::try_from(seed % u64::from(PARTITIONS)).unwrap();
                // Zeros are what torn sectors look like, so some payloads are full of them.
                let payload = if seed % 5 == 0 {
                    vec![0; size]
                } else {
                    bytes(seed, size)
                };
                (partition, payload)
            })
            .collect()
    }

    fn check(&mut self, found: &Content) -> Result<(), TestCaseError> {
        prop_assert!(
            *found == self.acknowledged || *found == self.attempted,
            "neither what was acknowledged nor that and the batch on its way"
        );
        self.acknowledged.clone_from(found);
        self.attempted.clone_from(found);
        Ok(())
    }
}

proptest! {
    #![proptest_config(Config { cases: 300, failure_persistence: None, ..Config::default() })]
    #[test]
    fn nothing_acknowledged_is_lost(lives in prop::collection::vec(life(), 1..8)) {
        let mut world = World {
            disk: MemoryDisk::new(),
            acknowledged: no_content(),
            attempted: no_content(),
            now_ms: 1,
        };
        for life in &lives {
            world.live(life)?;
        }
        let (_writer, journal) = match open(&world.disk) {
            Ok(opened) => opened,
            Err(error) => return Err(TestCaseError::fail(error.to_string())),
        };
        world.check(&read(&journal).unwrap())?;
    }
}
