//! How one can pay by Stripe.

use crate::gateway::{Currencies, Method};

/// By card, on Stripe's page.
pub const CARD: &str = "card";
/// By a QR code for the apps of Thai banks.
pub const PROMPTPAY: &str = "promptpay";

/// Stripe counts these in other units than ISO 4217, or not to the last unit.
const OTHER_UNITS: &[&str] = &["BHD", "ISK", "JOD", "KWD", "OMR", "TND", "UGX"];
/// Stripe takes amounts of up to eight digits.
const AMOUNT_MAX: i64 = 99_999_999;

/// All of them. Stripe knows a smallest amount for each currency and refuses what is below it.
pub(super) const METHODS: [Method; 2] = [
    Method {
        name: CARD,
        can_hold: true,
        needs_email: false,
        currencies: Currencies::AllBut(OTHER_UNITS),
        amounts: (1, AMOUNT_MAX),
    },
    Method {
        name: PROMPTPAY,
        can_hold: false,
        needs_email: true,
        currencies: Currencies::Only(&["THB"]),
        amounts: (1_000, AMOUNT_MAX),
    },
];
