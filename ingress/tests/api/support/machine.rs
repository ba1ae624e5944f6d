//! The machine itself behind the log, where a test is about what it decides.

use onsale_engine::{Limits, MACHINE_VERSION_THIRD, Partition};
use onsale_schemas::{
    Command, Entry, Envelope, Outcome, OutcomeRecord, PartitionId, ShowId, ShowSeats, codec,
};

use super::log::LOG_TIME_MS;

/// One partition at machine version 3.
pub(crate) struct Machine {
    partition: Partition,
    now_ms: u64,
    /// Outcomes that were not taken for the projection yet, and the record that they begin at.
    new: Vec<OutcomeRecord>,
    new_from: u64,
}

impl Machine {
    pub(crate) fn new() -> Self {
        let limits = Limits {
            machine_version_known: MACHINE_VERSION_THIRD,
            ..Limits::default()
        };
        let mut machine = Self {
            partition: Partition::new(PartitionId(0), limits),
            now_ms: LOG_TIME_MS,
            new: Vec::new(),
            new_from: 0,
        };
        machine.tell(Command::Barrier {
            machine_version: MACHINE_VERSION_THIRD,
        });
        assert_eq!(machine.partition.machine_version(), MACHINE_VERSION_THIRD);
        machine
    }

    /// Applies a record of a request.
    pub(crate) fn apply(&mut self, payload: &[u8]) -> OutcomeRecord {
        let entry = Entry {
            offset: self.partition.next_offset(),
            log_time_ms: self.now_ms,
            payload,
        };
        let before = self.new.len();
        self.partition.apply(entry, &mut self.new);
        assert_eq!(self.new.len(), before + 1, "one outcome");
        self.last()
    }

    /// Applies a command that no client asked for.
    pub(crate) fn tell(&mut self, command: Command) -> Outcome {
        let payload = codec::encode(&Envelope::machine(command)).unwrap();
        self.apply(&payload).outcome
    }

    /// The outcome of the last record.
    pub(crate) fn last(&self) -> OutcomeRecord {
        self.new.last().expect("nothing new").clone()
    }

    pub(crate) fn advance(&mut self, by_ms: u64) {
        self.now_ms += by_ms;
    }

    pub(crate) fn next_offset(&self) -> u64 {
        self.partition.next_offset()
    }

    pub(crate) fn show_seats(&self, show: ShowId) -> Option<ShowSeats> {
        self.partition.show_seats(show)
    }

    /// The outcomes since the last time, and the record that they begin at.
    pub(crate) fn take_new(&mut self) -> (u64, Vec<OutcomeRecord>) {
        let from = std::mem::replace(&mut self.new_from, self.partition.next_offset());
        (from, std::mem::take(&mut self.new))
    }
}
