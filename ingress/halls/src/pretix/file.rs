//! The format, as far as it is used. Other fields are passed over: newer versions have more.

use std::borrow::Cow;
use std::fmt;

use serde::de::{self, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

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

/// In the first version a text alone, later one with its place.
pub(super) struct Text(String);

impl<'de> Deserialize<'de> for Text {
    // By hand, because what is untagged is kept as a whole before it is looked at.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextVisitor;
        impl<'de> Visitor<'de> for TextVisitor {
            type Value = Text;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text, or an object with one")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Text, E> {
                Ok(Text(text.to_owned()))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Text, A::Error> {
                let mut text = None;
                while let Some(key) = map.next_key::<Cow<'de, str>>()? {
                    if key == "text" {
                        text = Some(map.next_value()?);
                    } else {
                        map.next_value::<IgnoredAny>()?;
                    }
                }
                text.map(Text)
                    .ok_or_else(|| de::Error::missing_field("text"))
            }
        }
        deserializer.deserialize_any(TextVisitor)
    }
}

impl Text {
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}
