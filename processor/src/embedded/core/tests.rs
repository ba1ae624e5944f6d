//! What the core does when its log does not take a batch.

use onsale_schemas::{NodeName, PartitionId, Staff, UserId};
use prometheus::Registry;

use super::*;
use crate::clock::{ClockWatch, now_ms};
use crate::embedded::handle::ResetClock;
use crate::replay::genesis;

const YEAR_MS: u64 = 365 * 86_400_000;

/// A log that keeps nothing, of a disk that may be full.
#[derive(Debug, Default)]
struct FullOrNot {
    next_offset: u64,
    last_ms: u64,
    is_full: bool,
}

impl LogWriter for FullOrNot {
    fn append(
        &mut self,
        records: &[AppendRecord<'_>],
        now_ms: u64,
        appended: &mut Vec<Appended>,
    ) -> Result<(), LogError> {
        if self.is_full {
            return Err(LogError::DiskFull(std::io::Error::other("full")));
        }
        self.last_ms = self.last_ms.max(now_ms);
        for _ in records {
            appended.push(Appended {
                offset: self.next_offset,
                log_time_ms: self.last_ms,
            });
            self.next_offset += 1;
        }
        Ok(())
    }

    fn set_back(&mut self, log_time_ms: u64) {
        self.last_ms = self.last_ms.min(log_time_ms);
    }
}

/// A core that serves one partition, by a clock that was a year ahead.
fn a_year_ahead() -> Core<FullOrNot> {
    let shared = Arc::new(EmbeddedState::new(1, ClockWatch::start(now_ms() + YEAR_MS)));
    let node = NodeName("one".to_owned());
    let replica = Replica::new(genesis(PartitionId(0)), node, None);
    let metrics = Metrics::register(&Registry::new()).unwrap();
    let (_to_core, queue) = crossbeam_channel::bounded(1);
    let (feed, _) = broadcast::channel(1);
    let log = FullOrNot::default();
    let mut core = Core::new(vec![replica], log, queue, feed, shared, metrics, 1 << 22);
    core.look_at_time().unwrap();
    core.write_batch().unwrap();
    core
}

fn ask_for_reset(core: &mut Core<FullOrNot>) -> oneshot::Receiver<Reply> {
    let (reply, mut received) = oneshot::channel();
    let request = RequestId(uuid::Uuid::from_u128(1));
    let by = Staff {
        user: UserId::from_bytes([1; 16]),
        tenant: None,
    };
    core.take(ToCore::ResetClock(ResetClock { request, by, reply }));
    let mut pending = received.try_recv().unwrap().unwrap();
    pending.pop().unwrap()
}

#[test]
fn a_reset_that_the_log_does_not_take_leaves_the_clock_as_it_was() {
    let mut core = a_year_ahead();
    let ahead_ms = core.shared.clock().now_ms();
    core.writer.is_full = true;
    let mut answer = ask_for_reset(&mut core);
    core.write_batch().unwrap();
    assert_eq!(answer.try_recv().unwrap(), Err(SubmitError::DiskFull));
    assert!(core.shared.clock().now_ms() >= ahead_ms);
    assert!(!core.shared.clock().state().is_followed);
    assert!(core.replicas[0].machine().log_time_ms() >= ahead_ms - YEAR_MS / 2);

    // With space again it is done, and stays.
    core.writer.is_full = false;
    let mut answer = ask_for_reset(&mut core);
    core.write_batch().unwrap();
    assert!(answer.try_recv().unwrap().is_ok());
    let right_ms = core.shared.clock().now_ms();
    assert!(right_ms < ahead_ms - YEAR_MS / 2);
    assert!(core.replicas[0].machine().log_time_ms() <= right_ms);
    core.writer.is_full = true;
    core.look_at_time().unwrap();
    core.write_batch().unwrap();
    assert!(core.shared.clock().now_ms() < ahead_ms - YEAR_MS / 2);
}
