//! How one can pay in the simulation, and what becomes of it.

use super::record::Course;
use crate::gateway::{Currencies, Method};

/// Set aside at once.
pub const CARD: &str = "sim_card";
/// Declined at once.
pub const CARD_DECLINED: &str = "sim_card_declined";
/// The buyer has to pass a challenge; who does nothing for two minutes fails it.
pub const CARD_CHALLENGE: &str = "sim_card_challenge";
/// Processed for 30 s, then set aside.
pub const SLOW: &str = "sim_slow";
/// The answer to the first call is lost, and nobody ever pays.
pub const SILENT: &str = "sim_silent";
/// Set aside at once; every notice comes twice.
pub const TWICE: &str = "sim_twice";
/// A transfer that arrives 5 s after the payment was given up.
pub const LATE: &str = "sim_late";
/// A transfer by a QR code, paid after 3 s.
pub const PROMPTPAY: &str = "sim_promptpay";
/// Set aside at once, and can then not be taken.
pub const CAPTURE_FAILS: &str = "sim_capture_fails";
/// Set aside at once, and disputed 1 s after it was taken.
pub const DISPUTE: &str = "sim_dispute";

const fn method(name: &'static str, can_hold: bool) -> Method {
    Method {
        name,
        can_hold,
        needs_email: false,
        currencies: Currencies::AllBut(&[]),
        amounts: (1, i64::MAX),
    }
}

/// All of them.
pub(super) const METHODS: [Method; 10] = [
    method(CARD, true),
    method(CARD_DECLINED, true),
    method(CARD_CHALLENGE, true),
    method(SLOW, true),
    method(SILENT, true),
    method(TWICE, true),
    method(LATE, false),
    method(PROMPTPAY, false),
    method(CAPTURE_FAILS, true),
    method(DISPUTE, true),
];

/// What becomes of a payment, and whether it is set aside first; `None` for what is no method.
pub(super) fn course(name: &str) -> Option<(Course, bool)> {
    let can_hold = METHODS.iter().find(|method| method.name == name)?.can_hold;
    let course = match name {
        CARD_DECLINED => Course::Declines,
        CARD_CHALLENGE => Course::Challenges(120_000),
        SLOW => Course::Processes(30_000),
        SILENT => Course::Buyer,
        LATE => Course::PaysLate(5_000),
        PROMPTPAY => Course::Pays(3_000),
        CAPTURE_FAILS => Course::PaysButCannotBeTaken(0),
        DISPUTE => Course::PaysAndDisputes(0, 1_000),
        _ => Course::Pays(0),
    };
    Some((course, can_hold))
}
