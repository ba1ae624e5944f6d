//! `Describe`.

use onsale_schemas::command::Describe;
use onsale_schemas::limits::DOCUMENT_MAX_BYTES;
use onsale_schemas::rejection::{FullTable, InvalidReason};
use onsale_schemas::{Outcome, Rejection};

use super::Verdict;
use super::places::invalid;
use crate::state::State;

impl State {
    pub(super) fn describe(&mut self, command: &Describe) -> Verdict {
        let Describe { subject, document } = command;
        if document.is_empty() || document.len() > DOCUMENT_MAX_BYTES {
            return Err(invalid(InvalidReason::Document));
        }
        let bytes = self.documents.bytes_with(subject, document);
        if bytes > self.limits.documents_max_bytes {
            return Err(Rejection::Full {
                table: FullTable::Documents,
            });
        }
        self.documents.put(*subject, document);
        Ok(Outcome::Described(command.clone()))
    }
}

#[cfg(test)]
mod tests {
    use onsale_schemas::Command;
    use onsale_schemas::command::Subject;

    use super::*;
    use crate::limits::Limits;
    use crate::testing::{Machine, event_id, open_v2, show_id, staff};

    fn describe(event: u8, bytes: usize) -> Command {
        Command::Describe(Describe {
            subject: Subject::Event(event_id(event)),
            document: vec![event; bytes],
        })
    }

    #[test]
    fn refusals_in_order_of_precedence() {
        let mut m = Machine::second_with(Limits {
            documents_max_bytes: 1_000,
            ..Limits::default()
        });
        let bad = invalid(InvalidReason::Document);
        let full = Rejection::Full {
            table: FullTable::Documents,
        };
        m.run_ok(describe(1, 600));
        m.expect_refusal(describe(2, 0), bad.clone());
        m.expect_refusal(describe(2, DOCUMENT_MAX_BYTES + 1), bad);
        m.expect_refusal(describe(2, DOCUMENT_MAX_BYTES), full.clone());
        m.expect_refusal(describe(2, 401), full.clone());
        m.run_ok(describe(2, 400));
        // The bytes of the previous document are available to its successor.
        m.expect_refusal(describe(1, 601), full);
        m.run_ok(describe(1, 600));
        m.run_ok(describe(1, 1));
        m.run_ok(describe(3, 599));
        assert_eq!(m.partition.stats().documents_bytes, 1_000);
        m.partition.self_check().unwrap();
    }

    #[test]
    fn keeps_documents_of_any_subject_for_any_caller() {
        let mut m = Machine::second();
        m.run_ok(open_v2(1, 7, 10));
        let subject = Subject::Show {
            show: show_id(1),
            event: event_id(7),
        };
        let command = Describe {
            subject,
            document: b"labels".to_vec(),
        };
        let outcome = m.run_by(staff(Some(20)), Command::Describe(command.clone()));
        assert_eq!(outcome, Outcome::Described(command));
        m.run_ok(describe(9, 3));
        m.run_ok(Command::CancelEvent { event: event_id(7) });
        let all: Vec<_> = m.partition.documents().collect();
        let unknown = (Subject::Event(event_id(9)), [9, 9, 9].as_slice());
        assert_eq!(all, [unknown, (subject, b"labels".as_slice())]);
    }
}
