//! The layout of a new show: read, checked against every limit, and turned into rows and command.

mod of_map;
mod rows;
mod seating;
mod size;

use std::collections::HashSet;
use std::fmt;

use onsale_halls::limits::{
    GENERAL_CAPACITY_MAX, NAME_MAX_CHARS, ROW_LABEL_MAX_CHARS, ROWS_PER_ZONE_MAX,
    SEAT_LABEL_MAX_CHARS, SEATS_PER_ROW_MAX, SEATS_PER_SHOW_MAX, ZONES_PER_SHOW_MAX,
};
use onsale_schemas::command::{Admission, OpenShow, OpenShowV2, ZoneLayout};
use onsale_schemas::limits::UNIT_PRICE_MAX_MINOR;
use onsale_schemas::seating::OpenShowV3;
use onsale_schemas::{Command, TenantId, ZoneIndex, currencies};
use onsale_store::catalog::{EventRow, Growth, RowSeats, ShowRow, ZoneAdmission, ZoneRow};
use onsale_store::venue::{ShowMap, StoredChart};
use serde::de::{self, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use utoipa::ToSchema;
use utoipa::openapi::Schema;
use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, OneOfBuilder, Type};
use uuid::Uuid;

pub(super) use self::of_map::{MapRequest, of_map};
pub(super) use self::rows::{RowRequest, chart_row};
#[cfg(test)]
pub(super) use self::rows::{SpecialKind, SpecialRequest};
pub(super) use self::seating::{Seating, plan_of};
use super::body::row_seats;
use crate::error::ApiError;
use crate::routes::catalog_call::zone_id;
use crate::routes::events::body::check_line;
use crate::text;
use crate::values::Money;

/// Names have the limits that halls have.
pub(super) const ZONE_NAME_MAX_CHARS: usize = NAME_MAX_CHARS;
/// See [`ZONE_NAME_MAX_CHARS`].
pub(super) const ROW_NAME_MAX_CHARS: usize = ROW_LABEL_MAX_CHARS;

/// The layout of a new show.
pub(super) struct Layout {
    pub(super) zones: Vec<ZoneRow>,
    /// What it was made from, and the chart of it.
    pub(super) of: Option<(ShowMap, StoredChart)>,
}

/// A zone of a new show.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ZoneRequest {
    name: String,
    price: Money,
    admission: AdmissionRequest,
    /// Best row first, where their ranks are the same; for seated zones.
    rows: Option<Vec<RowRequest>>,
    /// For general admission.
    capacity: Option<u32>,
}

/// How a zone gives out its places.
#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum AdmissionRequest {
    /// Named seats.
    Seated,
    /// Places without a name.
    General,
}

pub(super) fn seats_schema() -> Schema {
    let count = ObjectBuilder::new()
        .schema_type(Type::Integer)
        .minimum(Some(1))
        .maximum(Some(SEATS_PER_ROW_MAX));
    let label = ObjectBuilder::new()
        .schema_type(Type::String)
        .min_length(Some(1))
        .max_length(Some(SEAT_LABEL_MAX_CHARS));
    let labels = ArrayBuilder::new()
        .items(label)
        .min_items(Some(1))
        .max_items(Some(SEATS_PER_ROW_MAX.into()))
        .unique_items(true);
    OneOfBuilder::new()
        .item(count)
        .item(labels)
        .description(Some("How many, or a label for each."))
        .into()
}

/// A count of seats or their labels.
pub(crate) enum SeatsRequest {
    Count(u64),
    Labels(Vec<String>),
}

impl<'de> Deserialize<'de> for SeatsRequest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct SeatsVisitor;
        impl<'de> Visitor<'de> for SeatsVisitor {
            type Value = SeatsRequest;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number of seats or a list of labels")
            }

            fn visit_u64<E: de::Error>(self, count: u64) -> Result<SeatsRequest, E> {
                Ok(SeatsRequest::Count(count))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<SeatsRequest, A::Error> {
                let mut labels = Vec::new();
                while let Some(label) = seq.next_element()? {
                    labels.push(label);
                }
                Ok(SeatsRequest::Labels(labels))
            }
        }
        deserializer.deserialize_any(SeatsVisitor)
    }
}

/// The zones as rows of the catalog, when they keep every limit.
pub(super) fn zones(show: Uuid, requests: Vec<ZoneRequest>) -> Result<Vec<ZoneRow>, ApiError> {
    if !(1..=ZONES_PER_SHOW_MAX).contains(&requests.len()) {
        return Err(ApiError::invalid(
            "zones",
            requests.len(),
            &format!("1 to {ZONES_PER_SHOW_MAX} zones"),
        ));
    }
    let mut names = HashSet::new();
    let mut seats_left = SEATS_PER_SHOW_MAX;
    let mut rows = Vec::with_capacity(requests.len());
    for (index, zone) in (0u16..).zip(requests) {
        let path = format!("zones[{index}]");
        let id = zone_id(show, index);
        rows.push(zone_row(
            &path,
            (index, id),
            zone,
            &mut names,
            &mut seats_left,
        )?);
    }
    Ok(rows)
}

/// Refuses amounts that the log would not take.
pub(super) fn check_amount(path: &str, price: &Money) -> Result<(), ApiError> {
    if !(0..=UNIT_PRICE_MAX_MINOR).contains(&price.amount) {
        return Err(ApiError::invalid(
            &format!("{path}.amount"),
            price.amount,
            &format!("0 to {UNIT_PRICE_MAX_MINOR} minor units"),
        ));
    }
    Ok(())
}

/// Refuses currencies that are not in use.
fn check_currency(path: &str, price: &Money) -> Result<(), ApiError> {
    if currencies::is_in_use(&price.currency) {
        return Ok(());
    }
    Err(ApiError::invalid(
        &format!("{path}.currency"),
        &price.currency,
        "the ISO 4217 code of a currency in use, such as THB",
    ))
}

/// A zone as a row of the catalog, when it keeps every limit. `names` are those that other zones of the
/// show have, and its own then.
pub(super) fn zone_row(
    path: &str,
    (index, zone_id): (ZoneIndex, Uuid),
    zone: ZoneRequest,
    names: &mut HashSet<String>,
    seats_left: &mut u32,
) -> Result<ZoneRow, ApiError> {
    let name = at(path, "name");
    check_line(&name, &zone.name, ZONE_NAME_MAX_CHARS)?;
    if !names.insert(text::composed(&zone.name).into_owned()) {
        return Err(ApiError::invalid(
            &name,
            zone.name,
            "a name that no other zone of the show has",
        ));
    }
    let price = at(path, "price");
    check_amount(&price, &zone.price)?;
    check_currency(&price, &zone.price)?;
    let admission = admission(path, zone.admission, zone.rows, zone.capacity, seats_left)?;
    Ok(ZoneRow {
        zone_id,
        index,
        name: zone.name,
        unit_price: zone.price.amount,
        currency: zone.price.currency.into_owned(),
        admission,
        growth: Growth::default(),
    })
}

/// A field of what stands at `path`; of the request itself that is empty.
fn at(path: &str, field: &str) -> String {
    if path.is_empty() {
        field.to_owned()
    } else {
        format!("{path}.{field}")
    }
}

fn admission(
    path: &str,
    kind: AdmissionRequest,
    rows: Option<Vec<RowRequest>>,
    capacity: Option<u32>,
    seats_left: &mut u32,
) -> Result<ZoneAdmission, ApiError> {
    match (kind, rows, capacity) {
        (AdmissionRequest::General, None, Some(capacity))
            if (1..=GENERAL_CAPACITY_MAX).contains(&capacity) =>
        {
            Ok(ZoneAdmission::General { capacity })
        }
        (AdmissionRequest::General, None, capacity) => Err(ApiError::invalid(
            &at(path, "capacity"),
            capacity,
            &format!("1 to {GENERAL_CAPACITY_MAX}"),
        )),
        (AdmissionRequest::General, Some(rows), _) => Err(ApiError::wrong(
            &at(path, "rows"),
            rows.len(),
            "a zone of general admission has a capacity instead of rows",
            "no rows",
        )),
        (AdmissionRequest::Seated, _, Some(capacity)) => Err(ApiError::wrong(
            &at(path, "capacity"),
            capacity,
            "a seated zone has rows instead of a capacity",
            "no capacity",
        )),
        (AdmissionRequest::Seated, rows, None) => {
            let rows = rows.unwrap_or_default();
            if !(1..=ROWS_PER_ZONE_MAX).contains(&rows.len()) {
                return Err(ApiError::invalid(
                    &at(path, "rows"),
                    rows.len(),
                    &format!("1 to {ROWS_PER_ZONE_MAX} rows"),
                ));
            }
            let mut names = HashSet::new();
            let mut chart_rows = Vec::with_capacity(rows.len());
            for (place, row) in rows.into_iter().enumerate() {
                let path = at(path, &format!("rows[{place}]"));
                let row = chart_row(&path, row, &mut names)?;
                *seats_left = seats_left
                    .checked_sub(u32::from(row_seats(&row.seats)))
                    .ok_or_else(|| {
                        ApiError::invalid(
                            &format!("{path}.seats"),
                            row_seats(&row.seats),
                            &format!("at most {SEATS_PER_SHOW_MAX} seats in the whole show"),
                        )
                    })?;
                chart_rows.push(row);
            }
            Ok(ZoneAdmission::Seated { rows: chart_rows })
        }
    }
}

pub(super) fn check_row_name(
    path: &str,
    name: &str,
    names: &mut HashSet<String>,
) -> Result<(), ApiError> {
    let chars = name.chars().count();
    let plain = (1..=ROW_NAME_MAX_CHARS).contains(&chars)
        && name.split(' ').all(text::is_alphanumeric)
        && name.trim() == name;
    if !plain {
        return Err(ApiError::invalid(
            &format!("{path}.name"),
            name,
            &format!("1 to {ROW_NAME_MAX_CHARS} letters, digits and spaces between them"),
        ));
    }
    if !names.insert(text::composed(name).into_owned()) {
        return Err(ApiError::invalid(
            &format!("{path}.name"),
            name,
            "a name that no other row of the zone has",
        ));
    }
    Ok(())
}

pub(super) fn row_of_seats(path: &str, seats: SeatsRequest) -> Result<RowSeats, ApiError> {
    let field = format!("{path}.seats");
    let count = |count: u64| {
        u16::try_from(count)
            .ok()
            .filter(|count| (1..=SEATS_PER_ROW_MAX).contains(count))
            .ok_or_else(|| {
                ApiError::invalid(&field, count, &format!("1 to {SEATS_PER_ROW_MAX} seats"))
            })
    };
    match seats {
        SeatsRequest::Count(seats) => count(seats).map(RowSeats::Count),
        SeatsRequest::Labels(labels) => {
            count(u64::try_from(labels.len()).unwrap_or(u64::MAX))?;
            let mut seen = HashSet::with_capacity(labels.len());
            for (place, label) in labels.iter().enumerate() {
                let plain = (1..=SEAT_LABEL_MAX_CHARS).contains(&label.chars().count())
                    && text::is_alphanumeric(label);
                if !plain || !seen.insert(text::composed(label)) {
                    return Err(ApiError::invalid(
                        &format!("{field}[{place}]"),
                        label,
                        &format!(
                            "1 to {SEAT_LABEL_MAX_CHARS} letters and digits, unique in the row"
                        ),
                    ));
                }
            }
            Ok(RowSeats::Labels(labels))
        }
    }
}

/// A zone as the log is to have it.
pub(super) fn zone_layout(zone: &ZoneRow) -> Result<ZoneLayout, ApiError> {
    Ok(ZoneLayout {
        unit_price: zone.unit_price,
        currency: zone.currency.parse().map_err(ApiError::internal)?,
        admission: match &zone.admission {
            ZoneAdmission::General { capacity } => Admission::General {
                capacity: *capacity,
            },
            ZoneAdmission::Seated { rows } => Admission::Seated {
                rows: rows.iter().map(|row| row_seats(&row.seats)).collect(),
            },
        },
    })
}

/// The command that opens a show of the catalog: the one that every log knows, as far as that says all there is
/// to the show.
///
/// # Errors
/// `VALIDATION_ERROR` for one that is too large for the log.
pub(super) fn opening(show: &ShowRow, event: &EventRow) -> Result<Command, ApiError> {
    let open = open_command(show, event)?;
    let plans = Seating::of(show).plans();
    if plans.is_empty() && show.offer.is_none() && show.companions_per_accessible == 0 {
        return Ok(Command::OpenShowV2(open));
    }
    let offer = show.offer.as_ref().map(|row| row.offer.clone());
    let command = Command::OpenShowV3(Box::new(OpenShowV3 {
        show: open,
        plans,
        companions_per_accessible: show.companions_per_accessible,
        offer: offer.unwrap_or_default(),
    }));
    size::check(&command)?;
    Ok(command)
}

/// What machine version 2 knows of the opening.
fn open_command(show: &ShowRow, event: &EventRow) -> Result<OpenShowV2, ApiError> {
    let zones = show
        .zones
        .iter()
        .map(zone_layout)
        .collect::<Result<_, ApiError>>()?;
    Ok(OpenShowV2 {
        show: OpenShow {
            show: show.show_id,
            event: show.event_id,
            max_tickets_per_user: event.max_tickets_per_user,
            sale_opens_at_ms: show.sale_opens_at_ms,
            sale_closes_at_ms: show.sale_closes_at_ms,
            hold_ms: show.hold_ms,
            zones,
        },
        tenant: TenantId(event.tenant_id),
        cooldown_ms: show.cooldown_ms,
    })
}
