//! Codes as answers have them.

use onsale_schemas::CodeHash;
use onsale_schemas::code::Discount;
use onsale_schemas::limits::TYPES_PER_SHOW_MAX;
use onsale_store::code::{CodeGroupRow, CodeRow};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::terms::bit_of;
use crate::charts::Chart;
use crate::percent::Percent;
use crate::state::AppState;
use crate::values::{Instant, Money};

/// What codes are for.
#[derive(Clone, Copy, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum CodeKind {
    /// They take something off prices; they may open things as well.
    Discount,
    /// They open a presale, a zone or a ticket type.
    Access,
}

impl From<CodeKind> for onsale_store::code::CodeKind {
    fn from(kind: CodeKind) -> Self {
        match kind {
            CodeKind::Discount => Self::Discount,
            CodeKind::Access => Self::Access,
        }
    }
}

impl From<onsale_store::code::CodeKind> for CodeKind {
    fn from(kind: onsale_store::code::CodeKind) -> Self {
        match kind {
            onsale_store::code::CodeKind::Discount => Self::Discount,
            onsale_store::code::CodeKind::Access => Self::Access,
        }
    }
}

/// A group of codes with the same terms.
#[derive(Serialize, ToSchema)]
pub(crate) struct CodeGroupBody {
    group_id: u32,
    name: Option<String>,
    kind: CodeKind,
    /// What is taken off the price of a place.
    percent: Option<Percent>,
    /// As well, as an amount.
    amount: Option<Money>,
    /// They let an order in before the sale opens.
    presale: bool,
    /// They open zones and ticket types that need a code.
    opens: bool,
    /// Orders with one of them; `null` is no limit.
    uses_max: Option<u32>,
    /// Those of one buyer.
    uses_per_user_max: Option<u16>,
    /// Places of an order that are cheaper.
    places_max: Option<u8>,
    from: Option<Instant>,
    until: Option<Instant>,
    /// The zones that they are for; none is all.
    zones: Vec<Uuid>,
    /// The ticket types that they are for; none is all.
    ticket_types: Vec<String>,
    /// Codes of the group that count.
    count: u32,
    /// Orders with any of these that are held or paid.
    uses: u64,
    created_at: Instant,
    ended_at: Option<Instant>,
}

/// A code.
#[derive(Serialize, ToSchema)]
pub(crate) struct CodeBody {
    /// What it is called where its text must not stand.
    code_id: Uuid,
    /// As it is given to people; `null` where the text was not kept.
    code: Option<String>,
    /// Orders with it that are held or paid.
    uses: u64,
    ended_at: Option<Instant>,
}

/// Codes that have ended.
#[derive(Serialize, ToSchema)]
pub(crate) struct EndedCodesBody {
    pub(super) group_id: u32,
    /// The code, where one was meant.
    pub(super) code_id: Option<Uuid>,
    /// How many ended.
    pub(super) ended: u32,
}

impl CodeGroupBody {
    pub(super) fn of(row: &CodeGroupRow, chart: &Chart) -> Self {
        let said = &row.said;
        let terms = &said.terms;
        let (off, amount) = match &terms.discount {
            None => (None, None),
            Some(Discount::OffBp(off_bp)) => (Some(Percent::of_basis_points(*off_bp)), None),
            Some(Discount::Amount(minor, currency)) => {
                (None, Some(Money::new(*minor, currency.as_str())))
            }
        };
        let zones = terms.scope.zones.iter();
        let types = (0_u8..).take(TYPES_PER_SHOW_MAX);
        Self {
            group_id: said.group,
            name: said.name.clone(),
            kind: said.kind.into(),
            percent: off,
            amount,
            presale: terms.presale,
            opens: terms.opens,
            uses_max: (terms.uses_max > 0).then_some(terms.uses_max),
            uses_per_user_max: (terms.uses_per_user_max > 0).then_some(terms.uses_per_user_max),
            places_max: (terms.places_max > 0).then_some(terms.places_max),
            from: (terms.from_ms > 0).then_some(Instant(terms.from_ms)),
            until: (terms.until_ms < u64::MAX).then_some(Instant(terms.until_ms)),
            zones: zones
                .filter_map(|index| chart.zone(*index))
                .map(|zone| zone.zone_id)
                .collect(),
            ticket_types: types
                .filter(|id| terms.scope.types & bit_of(*id) != 0)
                .map(|id| chart.offer.type_name(id).to_owned())
                .collect(),
            count: row.codes,
            uses: row.uses,
            created_at: Instant(row.created_at_ms),
            ended_at: row.ended_at_ms.map(Instant),
        }
    }
}

impl CodeBody {
    pub(super) fn of(row: &CodeRow, state: &AppState) -> Self {
        Self {
            code_id: row.code.0,
            code: state.codes.open(row),
            uses: row.uses,
            ended_at: row.ended_at_ms.map(Instant),
        }
    }

    /// Of one that was just created.
    pub(super) fn new(code: CodeHash, text: String) -> Self {
        Self {
            code_id: code.0,
            code: Some(text),
            uses: 0,
            ended_at: None,
        }
    }
}
