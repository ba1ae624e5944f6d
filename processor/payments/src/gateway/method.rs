//! How one can pay at a gateway.

use onsale_schemas::command::Currency;

/// A way to pay.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Method {
    /// Its name in requests, such as `card`.
    pub name: &'static str,
    /// Whether money can be set aside and taken or let go later. Else it comes at once, and goes back by a
    /// refund.
    pub can_hold: bool,
    /// Whether the gateway wants the buyer's address.
    pub needs_email: bool,
    /// In which currencies.
    pub currencies: Currencies,
    /// The smallest and the largest amount, in the smallest unit of the currency.
    pub amounts: (i64, i64),
}

/// Currencies of a method.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Currencies {
    /// These.
    Only(&'static [&'static str]),
    /// All but these.
    AllBut(&'static [&'static str]),
}

impl Currencies {
    /// Whether a currency is among them.
    pub fn contain(&self, currency: Currency) -> bool {
        match self {
            Self::Only(codes) => codes.contains(&currency.as_str()),
            Self::AllBut(codes) => !codes.contains(&currency.as_str()),
        }
    }
}

impl Method {
    /// Whether so much can be paid so.
    pub fn takes(&self, amount: i64, currency: Currency) -> bool {
        (self.amounts.0..=self.amounts.1).contains(&amount) && self.currencies.contain(currency)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_method_takes_its_amounts_in_its_currencies() {
        let method = |currencies| Method {
            name: "any",
            can_hold: false,
            needs_email: false,
            currencies,
            amounts: (1_000, 5_000),
        };
        let only = method(Currencies::Only(&["THB"]));
        let all_but = method(Currencies::AllBut(&["THB"]));
        for (amount, code, by_only, by_all_but) in [
            (1_000, "THB", true, false),
            (5_000, "THB", true, false),
            (999, "THB", false, false),
            (5_001, "THB", false, false),
            (-1_000, "THB", false, false),
            (1_000, "EUR", false, true),
        ] {
            let currency = code.parse().unwrap();
            assert_eq!(only.takes(amount, currency), by_only, "{amount} {code}");
            assert_eq!(
                all_but.takes(amount, currency),
                by_all_but,
                "{amount} {code}"
            );
        }
    }
}
