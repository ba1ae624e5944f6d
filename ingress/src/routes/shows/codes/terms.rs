//! What requests say a code is good for.

use onsale_schemas::code::{CodeTerms, Discount};
use onsale_schemas::command::Currency;
use onsale_schemas::limits::{TICKETS_PER_BOOKING_MAX, UNIT_PRICE_MAX_MINOR};
use onsale_schemas::offer::Scope;
use onsale_schemas::{TicketTypeId, ZoneIndex};
use onsale_store::code::CodeKind;
use serde_json::Value;
use uuid::Uuid;

use crate::bounds::Bound;
use crate::charts::Chart;
use crate::error::ApiError;
use crate::percent::Percent;
use crate::values::{Instant, Money};

/// As both requests with terms take them.
pub(super) const USES_MAX: Bound = Bound::Range(0, u32::MAX as u64);
/// See [`USES_MAX`].
pub(super) const USES_PER_USER_MAX: Bound = Bound::Range(0, u16::MAX as u64);
/// See [`USES_MAX`].
pub(super) const PLACES_MAX: Bound = Bound::Range(0, TICKETS_PER_BOOKING_MAX as u64);

/// What is said of terms; what is left out stays.
pub(super) struct Said {
    pub(super) percent: Option<Percent>,
    pub(super) amount: Option<Money>,
    pub(super) uses_max: Option<u32>,
    pub(super) uses_per_user_max: Option<u16>,
    pub(super) places_max: Option<u8>,
    pub(super) from: Option<Instant>,
    pub(super) until: Option<Instant>,
    pub(super) zones: Option<Vec<Uuid>>,
    pub(super) ticket_types: Option<Vec<String>>,
    pub(super) presale: Option<bool>,
    pub(super) opens: Option<bool>,
}

/// Terms of which nothing was said yet: for everyone, everywhere, always.
pub(super) fn unlimited() -> CodeTerms {
    CodeTerms {
        discount: None,
        presale: false,
        opens: false,
        uses_max: 0,
        uses_per_user_max: 0,
        places_max: 0,
        from_ms: 0,
        until_ms: u64::MAX,
        scope: Scope::default(),
    }
}

impl Said {
    /// The terms after what was said.
    ///
    /// # Errors
    /// `VALIDATION_ERROR` with the field that is wrong.
    pub(super) fn apply(
        self,
        kind: CodeKind,
        before: CodeTerms,
        chart: &Chart,
    ) -> Result<CodeTerms, ApiError> {
        let mut terms = before;
        if let Some(discount) = discount(self.percent, self.amount, chart)? {
            terms.discount = Some(discount);
        }
        terms.presale = self.presale.unwrap_or(terms.presale);
        terms.opens = self.opens.unwrap_or(terms.opens);
        terms.uses_max = self.uses_max.unwrap_or(terms.uses_max);
        terms.uses_per_user_max = self.uses_per_user_max.unwrap_or(terms.uses_per_user_max);
        terms.places_max = self.places_max.unwrap_or(terms.places_max);
        if u32::from(terms.places_max) > TICKETS_PER_BOOKING_MAX {
            let expected = format!("0 (no limit) to {TICKETS_PER_BOOKING_MAX}");
            return Err(ApiError::invalid("places_max", terms.places_max, &expected));
        }
        terms.from_ms = self.from.map_or(terms.from_ms, |from| from.0);
        terms.until_ms = self.until.map_or(terms.until_ms, |until| until.0);
        if terms.from_ms >= terms.until_ms {
            let expected = format!("a time after from ({})", Instant(terms.from_ms));
            return Err(ApiError::invalid(
                "until",
                Instant(terms.until_ms),
                &expected,
            ));
        }
        if let Some(ids) = &self.zones {
            terms.scope.zones = zones(ids, chart)?;
        }
        if let Some(names) = &self.ticket_types {
            terms.scope.types = types(names, chart)?;
        }
        check_kind(kind, &terms)?;
        Ok(terms)
    }
}

/// What a code of a kind has to have, and may not have.
fn check_kind(kind: CodeKind, terms: &CodeTerms) -> Result<(), ApiError> {
    match kind {
        CodeKind::Discount if terms.discount.is_none() => Err(ApiError::invalid(
            "percent",
            Value::Null,
            "percent or amount, because the kind is discount",
        )),
        CodeKind::Access if terms.discount.is_some() => Err(ApiError::invalid(
            "kind",
            kind.as_str(),
            "discount, because there is percent or amount; such a code may open things too",
        )),
        CodeKind::Access if !terms.presale && !terms.opens => Err(ApiError::invalid(
            "opens",
            terms.opens,
            "true, or presale: an access code opens something",
        )),
        CodeKind::Discount | CodeKind::Access => Ok(()),
    }
}

fn discount(
    percent: Option<Percent>,
    amount: Option<Money>,
    chart: &Chart,
) -> Result<Option<Discount>, ApiError> {
    match (percent, amount) {
        (None, None) => Ok(None),
        (Some(_), Some(amount)) => Err(ApiError::invalid(
            "amount",
            amount,
            "either percent or amount, not both",
        )),
        (Some(percent), None) => match percent.basis_points() {
            0 => Err(ApiError::invalid(
                "percent",
                percent,
                "0.01 to 100, with at most two decimals",
            )),
            off_bp => Ok(Some(Discount::OffBp(off_bp))),
        },
        (None, Some(amount)) => {
            if !(1..=UNIT_PRICE_MAX_MINOR).contains(&amount.amount) {
                return Err(ApiError::invalid(
                    "amount.amount",
                    amount.amount,
                    &format!("1 to {UNIT_PRICE_MAX_MINOR} minor units"),
                ));
            }
            let other = |currency: &str| currency != amount.currency;
            let wrong = chart.zones.iter().find(|zone| other(&zone.currency));
            let currency = amount.currency.parse::<Currency>().ok();
            match (wrong, currency) {
                (None, Some(currency)) => Ok(Some(Discount::Amount(amount.amount, currency))),
                (wrong, _) => {
                    let expected = wrong.map_or("THB", |zone| zone.currency.as_str());
                    let expected = format!("{expected}: an amount is in the currency of all zones");
                    Err(ApiError::invalid(
                        "amount.currency",
                        &amount.currency,
                        &expected,
                    ))
                }
            }
        }
    }
}

/// Whether a chart lacks one of these zones or ticket types.
pub(super) fn names_unknown(
    zones: Option<&[Uuid]>,
    types: Option<&[String]>,
    chart: &Chart,
) -> bool {
    let lacks_zone = |id: &Uuid| chart.zone_by_id(*id).is_none();
    let lacks_type = |name: &String| chart.offer.type_by_name(name).is_none();
    zones.is_some_and(|ids| ids.iter().any(lacks_zone))
        || types.is_some_and(|names| names.iter().any(lacks_type))
}

fn zones(ids: &[Uuid], chart: &Chart) -> Result<Vec<ZoneIndex>, ApiError> {
    let mut indexes: Vec<ZoneIndex> = Vec::with_capacity(chart.zones.len());
    for (place, id) in ids.iter().enumerate() {
        let zone = chart
            .zone_by_id(*id)
            .map(|zone| zone.index)
            .filter(|index| !indexes.contains(index))
            .ok_or_else(|| {
                let field = format!("zones[{place}]");
                let expected =
                    "the id of a zone of the show (`zone_id` in its zones), each one once";
                ApiError::invalid(&field, id, expected)
            })?;
        indexes.push(zone);
    }
    indexes.sort_unstable();
    Ok(indexes)
}

fn types(names: &[String], chart: &Chart) -> Result<u64, ApiError> {
    let mut types = 0;
    for (place, name) in names.iter().enumerate() {
        let bit = chart.offer.type_by_name(name).map(bit_of);
        let bit = bit.filter(|bit| types & bit == 0).ok_or_else(|| {
            let field = format!("ticket_types[{place}]");
            ApiError::invalid(&field, name, "a ticket type of the show, each one once")
        })?;
        types |= bit;
    }
    Ok(types)
}

/// The bit of a ticket type in a scope.
pub(super) fn bit_of(id: TicketTypeId) -> u64 {
    1_u64.checked_shl(id.into()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_says_what_a_code_has_to_have() {
        let off = CodeTerms {
            discount: Some(Discount::OffBp(1)),
            ..unlimited()
        };
        let opens = CodeTerms {
            opens: true,
            ..unlimited()
        };
        let both = CodeTerms {
            presale: true,
            ..off.clone()
        };
        for (kind, terms, field) in [
            (CodeKind::Discount, &off, None),
            (CodeKind::Discount, &both, None),
            (CodeKind::Discount, &opens, Some("percent")),
            (CodeKind::Access, &opens, None),
            (CodeKind::Access, &both, Some("kind")),
            (CodeKind::Access, &unlimited(), Some("opens")),
        ] {
            let error = check_kind(kind, terms).err();
            let found = error.map(|error| error.details().unwrap()["field"].clone());
            assert_eq!(found, field.map(Value::from), "{kind:?} {terms:?}");
        }
    }
}
