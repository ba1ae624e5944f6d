//! Points and outlines.

use super::Checker;
use crate::fault::Spot;
use crate::format::Point;
use crate::geometry::{encloses, is_within};
use crate::limits::{COORDINATE_MAX_CM, POLYGON_POINTS_MAX};

impl Checker<'_> {
    /// Refuses a point that is too far away.
    pub(super) fn point(&mut self, point: Point, spot: Spot<'_>) {
        self.findings.require(is_within(point), spot, || {
            let [x, y] = point;
            format!("[{x}, {y}]: from -{COORDINATE_MAX_CM} to {COORDINATE_MAX_CM} centimetres")
        });
    }

    /// Refuses what encloses nothing.
    pub(super) fn outline(&mut self, shape: &[Point], spot: Spot<'_>) {
        if !(3..=POLYGON_POINTS_MAX).contains(&shape.len()) {
            self.findings.add(spot, || {
                format!(
                    "shape with {} points: 3 to {POLYGON_POINTS_MAX}",
                    shape.len()
                )
            });
            return;
        }
        if let Some(&point) = shape.iter().find(|point| !is_within(**point)) {
            self.point(point, spot);
            return;
        }
        self.findings.require(encloses(shape), spot, || {
            "shape without an area: its points go round something".to_owned()
        });
    }
}
