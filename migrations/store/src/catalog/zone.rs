//! Zones and their charts.

use onsale_schemas::ZoneIndex;
use onsale_schemas::seating::RowPlan;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Growth;

/// A zone of a show.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ZoneRow {
    /// Its id for clients.
    pub zone_id: Uuid,
    /// Its index in the show.
    pub index: ZoneIndex,
    /// Its name.
    pub name: String,
    /// Price of one ticket in minor units.
    pub unit_price: i64,
    /// ISO 4217 code.
    pub currency: String,
    /// How places are given out, with labels. Stored as JSON.
    pub admission: ZoneAdmission,
    /// What became of its places after the show was opened.
    #[serde(default, skip_serializing_if = "Growth::is_none")]
    pub growth: Growth,
}

/// How a zone gives out its places, with the labels that people see.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "admission", rename_all = "lowercase")]
pub enum ZoneAdmission {
    /// Named seats in rows, best row first.
    Seated {
        /// The rows in order.
        rows: Vec<ChartRow>,
    },
    /// Places without a name.
    General {
        /// How many.
        capacity: u32,
    },
}

impl ZoneAdmission {
    /// How many seats with an index of the show the zone has; none for general admission. Seats that
    /// were taken away keep their index and count: see [`ZoneRow::places`].
    pub fn seat_count(&self) -> u32 {
        match self {
            Self::Seated { rows } => rows
                .iter()
                .map(|row| u32::from(row.seats.count()))
                .fold(0, u32::saturating_add),
            Self::General { .. } => 0,
        }
    }
}

/// A row of a chart.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ChartRow {
    /// Its name, as `A`.
    pub name: String,
    /// Its seats in order.
    pub seats: RowSeats,
    /// How good it is, its gaps, and which of its seats are not ordinary. (Earlier programs say nothing of
    /// it.)
    #[serde(default, skip_serializing_if = "RowPlan::is_plain")]
    pub plan: RowPlan,
}

/// Seats of a row: numbered from 1, or labelled one by one.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(untagged)]
pub enum RowSeats {
    /// This many seats, labelled `1`, `2`, ...
    Count(u16),
    /// These labels.
    Labels(Vec<String>),
}

impl RowSeats {
    /// How many.
    pub fn count(&self) -> u16 {
        match self {
            Self::Count(count) => *count,
            Self::Labels(labels) => u16::try_from(labels.len()).unwrap_or(u16::MAX),
        }
    }
}
