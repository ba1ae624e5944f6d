//! `OpenShowV2`.

use onsale_schemas::command::OpenShowV2;
use onsale_schemas::limits::COOLDOWN_MAX_MS;
use onsale_schemas::rejection::InvalidReason;
use onsale_schemas::{Outcome, Rejection};

use super::Verdict;
use super::open_show::{check_values, fingerprint};
use super::places::invalid;
use crate::asked::Asked;
use crate::state::State;

impl State {
    /// Opens a show of a tenant. The limit is the event's if that has none yet.
    pub(super) fn open_show_v2(&mut self, command: &OpenShowV2, asked: &Asked<'_>) -> Verdict {
        let OpenShowV2 {
            show,
            tenant: _,
            cooldown_ms,
        } = command;
        self.check_event(&show.event, asked)?;
        check_values(show)?;
        if *cooldown_ms > COOLDOWN_MAX_MS {
            return Err(invalid(InvalidReason::OutOfRange));
        }
        self.open_of_tenant(command, fingerprint(command))?;
        Ok(Outcome::ShowOpened {
            show: show.show,
            event: show.event,
        })
    }

    /// As [`State::open`], with tenant, cool-down and limit.
    pub(super) fn open_of_tenant(
        &mut self,
        command: &OpenShowV2,
        fingerprint: u64,
    ) -> Result<Option<u32>, Rejection> {
        let opened = self.open(&command.show, fingerprint)?;
        if let Some(slot) = opened {
            self.shows.set_tenant(slot, command.tenant);
            let show = self.shows.get_mut(slot);
            show.cooldown_ms = command.cooldown_ms;
            let event = show.event;
            if self.shows.event_at(event).limit.is_none() {
                self.shows
                    .set_limit(event, command.show.max_tickets_per_user);
            }
        }
        Ok(opened)
    }
}

#[cfg(test)]
mod tests {
    use onsale_schemas::Command;
    use onsale_schemas::rejection::FullTable;

    use super::*;
    use crate::limits::Limits;
    use crate::testing::{
        Machine, event_id, general, open, open_of, open_v2, seated, show_id, staff, tenant_id,
    };

    fn limits_of(m: &Machine) -> Vec<u16> {
        let shows = m.partition.shows();
        shows.map(|show| show.max_tickets_per_user).collect()
    }

    #[test]
    fn refusals_in_order_of_precedence() {
        let mut m = Machine::second_with(Limits {
            shows_max: 2,
            ..Limits::default()
        });
        m.run_ok(open_v2(1, 1, 10));
        m.run_ok(open_v2(2, 2, 10));
        m.run_ok(Command::CancelEvent { event: event_id(2) });
        let with = |show: u8, event: u8, change: &dyn Fn(&mut OpenShowV2)| {
            let Command::OpenShowV2(mut command) = open_v2(show, event, 10) else {
                panic!("an opening");
            };
            change(&mut command);
            Command::OpenShowV2(command)
        };
        let range = invalid(InvalidReason::OutOfRange);
        // Each case has its own fault and all later ones; the table is full throughout.
        let cases = [
            (
                20,
                with(1, 2, &|c| c.show.zones = vec![seated(&[])]),
                Rejection::UnknownShow,
            ),
            (
                10,
                with(1, 2, &|c| {
                    c.show.zones = vec![seated(&[])];
                    c.show.hold_ms = 1;
                }),
                invalid(InvalidReason::Layout),
            ),
            (10, with(1, 2, &|c| c.show.hold_ms = 1), range.clone()),
            (
                10,
                with(1, 2, &|c| c.cooldown_ms = COOLDOWN_MAX_MS + 1),
                range,
            ),
            (10, with(1, 2, &|_| {}), Rejection::ShowExists),
            (10, with(3, 2, &|_| {}), Rejection::ShowCancelled),
            (
                10,
                with(3, 3, &|_| {}),
                Rejection::Full {
                    table: FullTable::Shows,
                },
            ),
        ];
        for (tenant, command, expected) in cases {
            m.expect_refusal_by(staff(Some(tenant)), command, expected);
        }
        // A show that is already open is reported as such in a cancelled event too.
        m.run_ok(open_v2(2, 2, 10));
        m.partition.self_check().unwrap();
    }

    #[test]
    fn all_values_and_the_version_tell_openings_apart() {
        let mut m = Machine::second();
        let first = m.run_ok(open_v2(1, 1, 10));
        assert_eq!(m.run_ok(open_v2(1, 1, 10)), first);
        m.expect_refusal(open_v2(1, 1, 11), Rejection::ShowExists);
        let Command::OpenShowV2(mut command) = open_v2(1, 1, 10) else {
            panic!("an opening");
        };
        m.expect_refusal(
            Command::OpenShow(command.show.clone()),
            Rejection::ShowExists,
        );
        command.cooldown_ms += 1;
        m.expect_refusal(Command::OpenShowV2(command), Rejection::ShowExists);
        m.run_open(open(2, vec![general(9)]));
        m.expect_refusal(open_v2(2, 2, 10), Rejection::ShowExists);
    }

    #[test]
    fn the_first_limit_is_that_of_all_shows_of_the_event() {
        let mut m = Machine::new();
        m.run_open(open_of(1, 7, vec![general(9)]));
        m.amend(show_id(1), |amend| amend.max_tickets_per_user = Some(9));
        m.raise_to_second();
        m.run_open(open_of(2, 7, vec![general(9)]));
        assert_eq!(limits_of(&m), [9, 4]);
        assert_eq!(m.partition.event_limit(event_id(7)), None);
        let opened = |show, limit| {
            let Command::OpenShowV2(mut command) = open_v2(show, 7, 10) else {
                panic!("an opening");
            };
            command.show.max_tickets_per_user = limit;
            Command::OpenShowV2(command)
        };
        m.run_ok(opened(3, 0));
        assert_eq!(limits_of(&m), [0, 0, 0]);
        assert_eq!(m.partition.event_limit(event_id(7)), Some(0));
        m.run_ok(opened(4, 8));
        m.run_open(open_of(5, 7, vec![general(9)]));
        assert_eq!(limits_of(&m), [0; 5]);
        m.amend(show_id(4), |amend| amend.max_tickets_per_user = Some(2));
        assert_eq!(limits_of(&m), [2; 5]);
        let views: Vec<_> = m.partition.shows().map(|show| show.tenant).collect();
        let ten = Some(tenant_id(10));
        assert_eq!(views, [None, None, ten, ten, None]);
        assert_eq!(m.partition.event(event_id(7)).unwrap().tenant, ten);
        m.partition.self_check().unwrap();
    }

    #[test]
    fn counts_as_unreadable_before_its_version() {
        let mut m = Machine::new();
        m.apply_as(None, open_v2(1, 1, 10));
        m.apply_as(Some(staff(None)), Command::CancelShow { show: show_id(1) });
        assert!(m.records.is_empty());
        m.raise_to_second();
        m.run_ok(open_v2(1, 1, 10));
        m.run_by(staff(None), Command::CancelShow { show: show_id(1) });
    }
}
