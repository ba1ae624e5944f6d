//! The journal keeps the contract of a log, on real files and on a disk in memory, with segments
//! small enough that they change all the time.

mod files {
    use crate::contract::{LogUnderTest, PARTITIONS};
    use crate::journal::{Journal, JournalOptions, JournalReader, JournalWriter};

    struct OnFiles {
        folder: tempfile::TempDir,
        journal: Option<Journal>,
    }

    impl LogUnderTest for OnFiles {
        type Writer = JournalWriter;
        type Reader = JournalReader;

        fn create() -> Self {
            Self {
                folder: tempfile::tempdir().unwrap(),
                journal: None,
            }
        }

        fn writer(&mut self) -> JournalWriter {
            let options = JournalOptions {
                segment_size_bytes: 2 << 20,
                ..JournalOptions::new(PARTITIONS)
            };
            let (writer, journal) = Journal::open(self.folder.path(), &options).unwrap();
            self.journal = Some(journal);
            writer
        }

        fn reader(&mut self) -> JournalReader {
            self.journal.as_ref().unwrap().reader()
        }
    }

    crate::log_contract!(OnFiles);
}

mod memory {
    use std::path::Path;
    use std::sync::Arc;

    use crate::contract::{LogUnderTest, PARTITIONS};
    use crate::journal::options::SEGMENT_SIZE_MIN_BYTES;
    use crate::journal::{Journal, JournalOptions, JournalReader, JournalWriter, PrepareSegments};
    use onsale_disk::MemoryDisk;

    struct InMemory {
        disk: MemoryDisk,
        journal: Option<Journal>,
    }

    impl LogUnderTest for InMemory {
        type Writer = JournalWriter;
        type Reader = JournalReader;

        fn create() -> Self {
            Self {
                disk: MemoryDisk::new(),
                journal: None,
            }
        }

        fn writer(&mut self) -> JournalWriter {
            let options = JournalOptions {
                log_id: Some([3; 16]),
                segment_size_bytes: SEGMENT_SIZE_MIN_BYTES,
                prepare: PrepareSegments::OnDemand,
                ..JournalOptions::new(PARTITIONS)
            };
            let disk = Arc::new(self.disk.clone());
            let (writer, journal) = Journal::open_on(disk, Path::new("log"), &options).unwrap();
            self.journal = Some(journal);
            writer
        }

        fn reader(&mut self) -> JournalReader {
            self.journal.as_ref().unwrap().reader()
        }
    }

    // All but the largest record, for which these segments are too small.
    crate::log_contract!(InMemory:
        an_empty_log_has_nothing,
        offsets_are_contiguous_per_partition,
        log_time_never_goes_back,
        what_was_appended_is_read_back,
        a_read_keeps_to_its_size,
        a_read_may_begin_anywhere,
        a_read_goes_on_when_more_comes,
        partitions_read_in_turns_do_not_mix,
        an_unknown_partition_is_refused,
        empty_payloads_and_empty_batches_are_fine,
        positions_are_added_to_what_was_there,
        a_log_opened_again_goes_on,
        a_reader_beside_a_writer_sees_only_what_is_whole,
    );
}
