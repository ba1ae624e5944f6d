//! The layout of a new show that is made from the map of a venue.

use std::collections::BTreeMap;

use onsale_halls::compile::{Assignment, Labels, Places, Zone, compile};
use onsale_halls::{Hall, chart, seating};
use onsale_schemas::seating::RowPlan;
use onsale_store::catalog::{ChartRow, RowSeats, ZoneAdmission, ZoneRow};
use onsale_store::venue::{MapVersion, ShowMap, StoredChart};
use serde_json::Value;
use uuid::Uuid;

use super::{check_amount, check_currency};
use crate::error::ApiError;
use crate::halls;
use crate::routes::catalog_call::zone_id;
use crate::state::AppState;
use crate::values::Money;

/// What a request says of the map.
pub(in crate::routes::shows) struct MapRequest {
    pub(in crate::routes::shows) map_id: Uuid,
    /// The last one, when left out.
    pub(in crate::routes::shows) version: Option<u32>,
    /// By categories of the map.
    pub(in crate::routes::shows) prices: BTreeMap<String, Money>,
    /// Categories of which the show has no places.
    pub(in crate::routes::shows) not_for_sale: Vec<String>,
}

/// A show's part of a hall.
pub(in crate::routes::shows) struct OfMap {
    pub(in crate::routes::shows) zones: Vec<ZoneRow>,
    pub(in crate::routes::shows) map: ShowMap,
    pub(in crate::routes::shows) chart: StoredChart,
}

/// The layout of a show of a map of the tenant.
///
/// # Errors
/// `NOT_FOUND` for a map that the tenant does not have; `VALIDATION_ERROR` for prices that are not those of its
/// categories.
pub(in crate::routes::shows) async fn of_map(
    state: &AppState,
    tenant: Uuid,
    show: Uuid,
    request: MapRequest,
) -> Result<OfMap, ApiError> {
    let found = state
        .store
        .map_of_tenant(tenant, request.map_id, request.version);
    let version = found.await?.ok_or_else(|| ApiError::not_found("map"))?;
    state
        .halls
        .work(move || layout(show, &version, &request))
        .await
}

fn layout(show: Uuid, version: &MapVersion, request: &MapRequest) -> Result<OfMap, ApiError> {
    let json = halls::inflate_hall(&version.hall)?;
    // It was checked before it was stored.
    let hall = Hall::from_json(&json).map_err(ApiError::damaged)?;
    drop(json);
    let assignment = assignment(&hall, request)?;
    let compiled = compile(&hall, &assignment).map_err(|faults| halls::of_faults(&faults))?;
    let plans = seating::plans(&hall, &compiled).map_err(|faults| halls::of_faults(&faults))?;
    let drawn = chart::encode(&hall, &compiled);
    let mut plans_of: BTreeMap<u16, Vec<RowPlan>> = plans
        .into_iter()
        .map(|plan| (plan.zone, plan.rows))
        .collect();
    let mut zones = Vec::with_capacity(compiled.zones.len());
    for (index, (zone, of)) in (0u16..).zip(compiled.zones.into_iter().zip(&assignment.zones)) {
        let category = of.categories.first().map_or("", String::as_str);
        let price = request
            .prices
            .get(category)
            .ok_or_else(|| ApiError::internal("a zone without a price"))?;
        zones.push(ZoneRow {
            zone_id: zone_id(show, index),
            index,
            unit_price: price.amount,
            currency: price.currency.clone().into_owned(),
            name: zone.name.clone(),
            admission: admission(zone, plans_of.remove(&index).unwrap_or_default()),
            growth: onsale_store::catalog::Growth::default(),
        });
    }
    Ok(OfMap {
        zones,
        map: ShowMap {
            venue_id: version.row.id.venue_id,
            map_id: version.row.id.map_id,
            version: version.row.version,
            chart: drawn.address.0,
        },
        chart: StoredChart {
            address: drawn.address.0,
            json: halls::deflate(&drawn.json)?,
        },
    })
}

/// A zone for each category that has a price.
fn assignment(hall: &Hall, request: &MapRequest) -> Result<Assignment, ApiError> {
    let categories = &hall.document().categories;
    let known = || {
        let ids: Vec<&str> = categories
            .iter()
            .map(|category| category.id.as_str())
            .collect();
        format!("categories of the map: {}", ids.join(", "))
    };
    let is_known = |id: &str| categories.iter().any(|category| category.id == id);
    for (category, price) in &request.prices {
        let path = format!("prices.{category}");
        if !is_known(category) {
            return Err(ApiError::wrong(
                &path,
                Value::Null,
                "the map has no such category",
                &known(),
            ));
        }
        check_amount(&path, price)?;
        check_currency(&path, price)?;
        if request.not_for_sale.contains(category) {
            let what = "it has a price and is not for sale";
            return Err(ApiError::wrong(&path, Value::Null, what, "either of both"));
        }
    }
    for (place, category) in request.not_for_sale.iter().enumerate() {
        if !is_known(category) {
            let path = format!("not_for_sale[{place}]");
            return Err(ApiError::invalid(&path, category, &known()));
        }
    }
    let Assignment { mut zones, .. } = Assignment::by_category(hall);
    for zone in &zones {
        for category in &zone.categories {
            let is_said =
                request.prices.contains_key(category) || request.not_for_sale.contains(category);
            if !is_said {
                return Err(ApiError::wrong(
                    &format!("prices.{category}"),
                    Value::Null,
                    "is required: the category has places",
                    "a price, or the category in not_for_sale",
                ));
            }
        }
    }
    zones.retain(|zone| {
        let mut categories = zone.categories.iter();
        categories.any(|category| request.prices.contains_key(category))
    });
    if zones.is_empty() {
        return Err(ApiError::wrong(
            "prices",
            Value::Null,
            "nothing would be for sale",
            "a price for at least one category with places",
        ));
    }
    Ok(Assignment {
        zones,
        not_for_sale: request.not_for_sale.clone(),
    })
}

fn admission(zone: Zone, plans: Vec<RowPlan>) -> ZoneAdmission {
    match zone.places {
        Places::General { capacity } => ZoneAdmission::General { capacity },
        Places::Seated { rows } => {
            let plans = plans
                .into_iter()
                .chain(std::iter::repeat_with(RowPlan::default));
            ZoneAdmission::Seated {
                rows: rows
                    .into_iter()
                    .zip(plans)
                    .map(|(row, plan)| ChartRow {
                        name: row.name,
                        seats: match row.seats {
                            Labels::Count(seats) => RowSeats::Count(seats),
                            Labels::Each(labels) => RowSeats::Labels(labels),
                        },
                        plan,
                    })
                    .collect(),
            }
        }
    }
}
