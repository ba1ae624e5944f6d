//! The format, as far as it is used. Other fields are passed over: newer versions have more.

use serde::Deserialize;

#[derive(Deserialize)]
pub(super) struct Plan {
    pub(super) name: String,
    pub(super) categories: Vec<Category>,
    pub(super) zones: Vec<Zone>,
}

#[derive(Deserialize)]
pub(super) struct Category {
    pub(super) name: String,
    pub(super) color: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Zone {
    pub(super) name: Option<String>,
    pub(super) position: Position,
    pub(super) rows: Vec<Row>,
    #[serde(default)]
    pub(super) areas: Vec<Area>,
}

#[derive(Deserialize)]
pub(super) struct Row {
    pub(super) row_number: String,
    #[serde(default)]
    pub(super) position: Position,
    pub(super) seats: Vec<Seat>,
}

#[derive(Deserialize)]
pub(super) struct Seat {
    pub(super) seat_number: String,
    pub(super) position: Position,
    pub(super) category: String,
}

#[derive(Clone, Copy, Default, Deserialize)]
pub(super) struct Position {
    pub(super) x: f64,
    pub(super) y: f64,
}

#[derive(Deserialize)]
pub(super) struct Area {
    #[serde(default)]
    pub(super) position: Position,
    #[serde(default)]
    pub(super) rotation: f64,
    pub(super) shape: Option<String>,
    pub(super) polygon: Option<Polygon>,
    pub(super) rectangle: Option<Rectangle>,
    pub(super) ellipse: Option<Ellipse>,
    pub(super) circle: Option<Circle>,
    pub(super) text: Option<Text>,
    // The first version had rectangles alone.
    pub(super) width: Option<f64>,
    pub(super) height: Option<f64>,
}

#[derive(Deserialize)]
pub(super) struct Polygon {
    pub(super) points: Vec<Position>,
}

#[derive(Deserialize)]
pub(super) struct Rectangle {
    pub(super) width: f64,
    pub(super) height: f64,
}

#[derive(Deserialize)]
pub(super) struct Ellipse {
    pub(super) radius: Position,
}

#[derive(Deserialize)]
pub(super) struct Circle {
    pub(super) radius: f64,
}

/// In the first version a text alone.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Text {
    Plain(String),
    Placed { text: String },
}

impl Text {
    pub(super) fn as_str(&self) -> &str {
        match self {
            Self::Plain(text) | Self::Placed { text } => text,
        }
    }
}
