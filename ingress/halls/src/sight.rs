//! How well one sees from a seat, where the organizer says nothing of it.

use crate::format::Stage;
use crate::geometry::direction;
use crate::plan::Plan;

/// Centimetres to one step of the rank: a seat is not better than its neighbour for a few of them.
const STEP_CM: f64 = 10.0;
/// How much farther away a seat at right angles to the stage counts than one before it.
const ASIDE_COUNTS: f64 = 1.0;

/// Gives every seat its rank: the distance to the stage's focus, as if it were farther the more one
/// looks from the side. Without a stage a row is better than those that are described after it.
pub(crate) fn rank(stage: Option<&Stage>, plan: &mut Plan) {
    let Some(stage) = stage else {
        for (number, row) in (0u32..).zip(&plan.rows) {
            let rank = u16::try_from(number).unwrap_or(u16::MAX);
            for seat in &mut plan.seats[row.seats()] {
                seat.rank = rank;
            }
        }
        return;
    };
    for seat in &mut plan.seats {
        let (distance, cosine) = seen_from(stage, seat.at);
        let aside = cosine.map_or(0.0, |cosine| ASIDE_COUNTS * (1.0 - cosine));
        let steps = crate::geometry::rounded(distance * (1.0 + aside) / STEP_CM);
        seat.rank = u16::try_from(steps).unwrap_or(u16::MAX);
    }
}

/// Distance of a place to the stage's focus in centimetres, and the cosine of the angle from which it
/// is seen: 1 straight before it, 0 from the side. None for a stage that is seen from all around.
pub(crate) fn seen_from(stage: &Stage, at: [i32; 2]) -> (f64, Option<f64>) {
    let [x, y] = [0, 1].map(|axis| f64::from(at[axis]) - f64::from(stage.focus[axis]));
    let distance = (x * x + y * y).sqrt();
    let cosine = stage.facing_degrees.map(|degrees| {
        let [ahead_x, ahead_y] = direction(degrees);
        if distance > 0.0 {
            (x * ahead_x + y * ahead_y) / distance
        } else {
            1.0
        }
    });
    (distance, cosine)
}
