//! The judging of the calls one by one.

use std::collections::{BTreeMap, HashMap, HashSet};

use onsale_schemas::{BookingId, Outcome, Rejection, RequestId, SeatIndex, ShowId, UserId};

use super::hold::{Hold, fees, priced};
use super::{BEFORE_THE_LOG, Found, LogPosition, OF_FORGOTTEN};
use crate::history::answer::{Answer, Granted, LinePrice, Price, Refused};
use crate::history::call::{Action, Call};
use crate::history::order::Placed;
use crate::history::verdict::{Verdict, Violation};

/// The judging of the calls one by one.
pub(super) struct Court<'a, L> {
    pub(super) found: &'a Found,
    pub(super) calls_of_key: HashMap<RequestId, u64>,
    pub(super) label: L,
    /// Who was given a booking.
    pub(super) holder: HashMap<BookingId, &'a Call>,
    pub(super) placed: BTreeMap<LogPosition, Placed>,
    pub(super) verdict: Verdict,
}

impl<'a, L: Fn(ShowId, SeatIndex) -> Option<String>> Court<'a, L> {
    pub(super) fn judge(&mut self, call: &'a Call) {
        self.verdict.calls += 1;
        if call.action == Action::Other {
            self.verdict.not_judged += 1;
            return;
        }
        let decided = match &call.answer {
            Answer::Granted(granted) => self.granted(call, granted),
            Answer::Refused(refused) => self.refused(call, refused),
            Answer::Unknown | Answer::Unreadable(_) => {
                self.verdict.unknown += 1;
                None
            }
        };
        if matches!(call.action, Action::Late(_)) {
            // It was sent after the request it asks about.
            return;
        }
        let answered_ms = decided.and(call.answered_ms).unwrap_or(u64::MAX);
        let by_key = || self.found.of_request.get(&call.keyed?).copied();
        let Some((partition, offset)) = decided.or_else(by_key) else {
            return;
        };
        let placed = self.placed.entry((partition, offset)).or_insert(Placed {
            call: call.id,
            sent_ms: call.sent_ms,
            answered_ms,
            partition,
            offset,
        });
        placed.sent_ms = placed.sent_ms.min(call.sent_ms);
        placed.answered_ms = placed.answered_ms.min(answered_ms);
    }

    /// Where a success was decided, when it is what the log says.
    fn granted(&mut self, call: &'a Call, granted: &Granted) -> Option<LogPosition> {
        let booking = BookingId::from_uuid(granted.booking_id);
        match call.action {
            Action::Reserve | Action::Late(_) => {
                let Some(position) = granted.position else {
                    self.verdict.not_judged += 1;
                    return None;
                };
                self.reserved(call, granted, position.place())
            }
            Action::Confirm(asked) => {
                let log = self.found.confirmed.get(&asked).copied();
                let answered = granted.confirmed_at.map(|at| at.0);
                self.same_booking(call, asked, booking);
                self.ended(call, asked, "confirmed_at", answered, log)
            }
            Action::Cancel(asked) => {
                let log = self.found.released.get(&asked).copied();
                self.same_booking(call, asked, booking);
                self.ended(call, asked, "was_confirmed", granted.was_confirmed, log)
            }
            Action::Extend(asked) => {
                let answered = granted.expires_at.map(|at| at.0);
                let known = answered.filter(|at| self.found.extended.contains(&(asked, *at)));
                self.same_booking(call, asked, booking);
                self.ended(call, asked, "expires_at", answered, known)
            }
            Action::Return(asked) => {
                self.same_booking(call, asked, booking);
                self.returned(call, granted, asked)
            }
            Action::Other => None,
        }
    }

    /// Places that were taken back. Only its key tells which record decided it.
    fn returned(
        &mut self,
        call: &Call,
        granted: &Granted,
        booking: BookingId,
    ) -> Option<LogPosition> {
        let partition = booking.partition();
        let (true, Some(key)) = (self.found.partitions.contains(&partition), call.keyed) else {
            self.verdict.not_judged += 1;
            return None;
        };
        let found = self.found;
        let position = found.of_request.get(&key).copied();
        let record = position.and_then(|position| found.at.get(&position));
        let returned = match record.map(|record| &record.outcome) {
            Some(Outcome::PlacesReturned(returned)) if returned.booking == booking.offset() => {
                returned
            }
            other => {
                let what = format!("places of {booking} that were returned: {other:?}");
                self.missing(call, what);
                return None;
            }
        };
        let before = self.verdict.violations;
        let quantity: u32 = returned.lines.iter().map(|line| line.quantity).sum();
        self.equal(call, "quantity", granted.quantity, Some(quantity));
        let refund = granted.refund.as_ref();
        let amounts = refund.map(|refund| (refund.price.amount, refund.fees.amount));
        let log = (returned.refund_price, returned.refund_fees);
        self.equal(call, "refund", amounts, Some(log));
        self.amount(
            call,
            "total_price",
            granted.total_price.as_ref(),
            returned.total,
        );
        self.amount(call, "tax", granted.tax.as_ref(), returned.tax);
        let left = fees(&returned.lines, returned.order_fee);
        self.amount(call, "fees", granted.fees.as_ref(), left);
        self.lines(call, granted.lines.as_deref(), priced(&returned.lines));
        self.verdict.granted += u64::from(before == self.verdict.violations);
        position
    }

    /// An amount, where it was answered.
    fn amount(&mut self, call: &Call, what: &'static str, answered: Option<&Price>, log: i64) {
        if let Some(price) = answered {
            self.equal(call, what, price.amount, log);
        }
    }

    /// Lines, where they were answered.
    fn lines(&mut self, call: &Call, answered: Option<&[LinePrice]>, log: Vec<(u32, i64)>) {
        if let Some(lines) = answered {
            let lines = lines.iter();
            let answered = lines.map(|line| (line.quantity, line.unit_price.amount));
            self.equal(call, "lines", answered.collect(), log);
        }
    }

    fn same_booking(&mut self, call: &Call, asked: BookingId, answered: Option<BookingId>) {
        let answered = answered.map_or("another id".to_owned(), |answered| answered.to_string());
        self.equal(call, "booking_id", answered, asked.to_string());
    }

    /// A confirmation, cancellation or extension.
    fn ended<T: PartialEq + std::fmt::Debug>(
        &mut self,
        call: &Call,
        booking: BookingId,
        what: &'static str,
        answered: Option<T>,
        log: Option<T>,
    ) -> Option<LogPosition> {
        if !self.found.partitions.contains(&booking.partition()) {
            self.verdict.not_judged += 1;
            return None;
        }
        let Some(log) = log else {
            self.missing(call, format!("{:?} {what} {answered:?}", call.action));
            return None;
        };
        let sound = answered.as_ref() == Some(&log);
        if sound {
            self.verdict.granted += 1;
        } else {
            self.equal(call, what, format!("{answered:?}"), format!("{log:?}"));
        }
        self.found.of_request.get(&call.keyed?).copied()
    }

    fn reserved(
        &mut self,
        call: &'a Call,
        granted: &Granted,
        position: LogPosition,
    ) -> Option<LogPosition> {
        let (partition, offset) = position;
        if !self.found.partitions.contains(&partition) {
            self.verdict.not_judged += 1;
            return None;
        }
        let id = BookingId::new(partition, offset);
        let record = self.found.at.get(&position);
        let Some((record, reserved)) = record
            .filter(|record| record.replay_of.is_none())
            .and_then(|record| Some((record, Hold::of(&record.outcome)?)))
        else {
            let there = record.map_or("nothing".to_owned(), |it| format!("{:?}", it.outcome));
            let what = format!("a reservation at partition {partition} offset {offset}: {there}");
            self.missing(call, what);
            return None;
        };
        let before = self.verdict.violations;
        self.equal(
            call,
            "booking_id",
            granted.booking_id.to_string(),
            id.to_string(),
        );
        self.equal(call, "user", call.user, Some(reserved.user));
        if let Some(key) = call.keyed {
            self.equal(call, "request", Some(key), record.request_id);
        }
        self.terms(call, granted, &reserved);
        match self.holder.get(&id) {
            Some(other) if call.action == Action::Reserve => {
                let same = call.keyed.is_some() && call.keyed == other.keyed;
                if !same {
                    self.verdict.violation(Violation::Double {
                        call: call.id,
                        other: other.id,
                        booking: id,
                    });
                }
            }
            _ if call.action == Action::Reserve => {
                self.holder.insert(id, call);
            }
            _ => {}
        }
        self.verdict.granted += u64::from(before == self.verdict.violations);
        Some(position)
    }

    /// What was answered about a reservation besides its place.
    fn terms(&mut self, call: &Call, granted: &Granted, reserved: &Hold) {
        if let Some(show) = granted.show_id {
            self.equal(call, "show_id", show, reserved.show.0);
        }
        if let Some(quantity) = granted.quantity {
            self.equal(call, "quantity", quantity, reserved.quantity);
        }
        if let Some(price) = &granted.unit_price {
            if let Some(log) = reserved.unit_price {
                self.equal(call, "unit_price", price.amount, log);
            }
            let currency = reserved.currency.as_str();
            self.equal(call, "currency", price.currency.as_str(), currency);
        }
        for (what, answered, log) in [
            ("total_price", &granted.total_price, reserved.total),
            ("discount", &granted.discount, reserved.discount),
            ("fees", &granted.fees, reserved.fees),
            ("tax", &granted.tax, reserved.tax),
        ] {
            self.amount(call, what, answered.as_ref(), log);
        }
        self.lines(call, granted.lines.as_deref(), reserved.lines.clone());
        // A booking that is read later may have been extended.
        if let Some(at) = granted.expires_at
            && call.action == Action::Reserve
        {
            self.equal(call, "expires_at", at.0, reserved.expires_at_ms);
        }
        if let Some(seats) = &granted.seats {
            let label = |seat: &SeatIndex| (self.label)(reserved.show, *seat);
            let labels: Option<Vec<String>> = reserved.seats.iter().map(label).collect();
            match labels {
                Some(labels) => self.equal(call, "seats", seats, &labels),
                None => self.equal(call, "seats", seats.len(), reserved.seats.len()),
            }
        }
    }

    /// Where a refusal was decided, when it is what the log says.
    fn refused(&mut self, call: &Call, refused: &Refused) -> Option<LogPosition> {
        let by_key = call.keyed.and_then(|key| {
            let position = *self.found.of_request.get(&key)?;
            Some((key, position))
        });
        let early = refused.early || BEFORE_THE_LOG.contains(&refused.code.as_str());
        match (refused.position.map(|at| at.place()), by_key) {
            (Some((partition, _)), _) if !self.found.partitions.contains(&partition) => {
                self.verdict.not_judged += 1;
                None
            }
            (Some(position), _) => self.refused_at(call, refused, position),
            (None, Some((key, position))) => {
                let log = self.found.at.get(&position).map(|record| &record.outcome);
                match log {
                    Some(Outcome::Rejected(_)) if !early => {
                        self.refused_at(call, refused, position)
                    }
                    // Another call with the same key may have come through later.
                    Some(Outcome::Rejected(_)) | None => {
                        self.verdict.refused_before_the_log += 1;
                        None
                    }
                    Some(_) if refused.code == "IDEMPOTENCY_KEY_REUSED" => {
                        self.verdict.refused += 1;
                        None
                    }
                    Some(_) if self.calls_of_key.get(&key) == Some(&1) || !early => {
                        self.verdict.violation(Violation::RefusedButDone {
                            call: call.id,
                            code: refused.code.clone(),
                            request: key,
                        });
                        None
                    }
                    Some(_) => {
                        self.verdict.refused_before_the_log += 1;
                        None
                    }
                }
            }
            (None, None) => {
                self.verdict.refused_before_the_log += 1;
                None
            }
        }
    }

    fn refused_at(
        &mut self,
        call: &Call,
        refused: &Refused,
        position: LogPosition,
    ) -> Option<LogPosition> {
        let Some(record) = self.found.at.get(&position) else {
            let (partition, offset) = position;
            let what = format!(
                "a refusal as {} at partition {partition} offset {offset}",
                refused.code
            );
            self.missing(call, what);
            return None;
        };
        let before = self.verdict.violations;
        match &record.outcome {
            Outcome::Rejected(Rejection::UnknownBooking)
                if OF_FORGOTTEN.contains(&refused.code.as_str()) => {}
            Outcome::Rejected(why) => {
                self.equal(call, "code", refused.code.as_str(), why.code());
                if let (
                    Rejection::SeatUnavailable { seats } | Rejection::SeatInOwnHold { seats, .. },
                    Some(answered),
                ) = (why, refused.seats)
                {
                    self.equal(call, "details.seats", answered, seats.len());
                }
            }
            other => self.equal(call, "code", refused.code.clone(), format!("{other:?}")),
        }
        self.verdict.refused += u64::from(before == self.verdict.violations);
        Some(position)
    }

    /// Bookings that no call can have made.
    pub(super) fn invented(&mut self, calls: &[Call]) {
        let mut can_have: HashMap<UserId, (u64, HashSet<RequestId>)> = HashMap::new();
        for call in calls.iter().filter(|call| call.action == Action::Reserve) {
            let Some(user) = call.user else { continue };
            let (keyless, keyed) = can_have.entry(user).or_default();
            match (&call.answer, call.keyed) {
                (Answer::Refused(_), _) => {}
                (_, Some(key)) => {
                    keyed.insert(key);
                }
                (_, None) => *keyless += 1,
            }
        }
        let mut in_all = 0;
        let mut users: Vec<_> = self.found.reserved_by.iter().collect();
        users.sort_unstable();
        for (&user, &in_log) in users {
            in_all += in_log;
            let calls = can_have.get(&user).map_or(0, |(keyless, keyed)| {
                keyless.saturating_add(u64::try_from(keyed.len()).unwrap_or(u64::MAX))
            });
            if in_log > calls {
                self.verdict.violation(Violation::Invented {
                    user,
                    in_log,
                    calls,
                });
            }
        }
        let answered = u64::try_from(self.holder.len()).unwrap_or(u64::MAX);
        self.verdict.unacknowledged = in_all.saturating_sub(answered);
    }

    fn missing(&mut self, call: &Call, what: String) {
        let call = call.id;
        self.verdict.violation(Violation::Missing { call, what });
    }

    fn equal<T: PartialEq + std::fmt::Debug>(
        &mut self,
        call: &Call,
        what: &'static str,
        answered: T,
        log: T,
    ) {
        if answered != log {
            self.verdict.violation(Violation::Different {
                call: call.id,
                what,
                answered: format!("{answered:?}"),
                log: format!("{log:?}"),
            });
        }
    }
}
