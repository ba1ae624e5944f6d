//! Where seats are. The angles are computed with additions, multiplications and square roots alone,
//! which every machine rounds alike, so that a hall has the same seats and the same bytes everywhere.

use std::f64::consts::{FRAC_PI_2, TAU};

use crate::format::{Gap, Line, Point, Table, TableShape};
use crate::limits::COORDINATE_MAX_CM;

/// From the edge of a table to the centre of a chair, in centimetres.
const CHAIR_OFFSET_CM: f64 = 40.0;

/// Sine and cosine of an angle in radians.
pub(crate) fn sin_cos(angle: f64) -> (f64, f64) {
    let quarter = (angle / FRAC_PI_2).round();
    let x = angle - quarter * FRAC_PI_2;
    let square = x * x;
    let (mut sine, mut cosine) = (0.0, 0.0);
    // Taylor's series from its smallest term on; |x| is at most an eighth of a turn.
    for n in (0..9).rev() {
        let n = f64::from(n);
        sine = 1.0 - square / ((2.0 * n + 2.0) * (2.0 * n + 3.0)) * sine;
        cosine = 1.0 - square / ((2.0 * n + 1.0) * (2.0 * n + 2.0)) * cosine;
    }
    sine *= x;
    match quarter.rem_euclid(4.0) {
        q if q < 0.5 => (sine, cosine),
        q if q < 1.5 => (cosine, -sine),
        q if q < 2.5 => (-sine, -cosine),
        _ => (-cosine, sine),
    }
}

/// The angle of a tangent, in radians.
fn arctangent(tangent: f64) -> f64 {
    let mut x = tangent;
    let mut factor = 1.0;
    for _ in 0..4 {
        x /= 1.0 + (1.0 + x * x).sqrt();
        factor *= 2.0;
    }
    let square = x * x;
    let mut sum = 0.0;
    for n in (0..9).rev() {
        sum = 1.0 / (2.0 * f64::from(n) + 1.0) - square * sum;
    }
    factor * x * sum
}

/// Sine and cosine of whole degrees clockwise from the top of the page, as a direction on it.
pub(crate) fn direction(degrees: u16) -> [f64; 2] {
    let (sine, cosine) = sin_cos(f64::from(degrees) / 360.0 * TAU);
    [sine, -cosine]
}

/// To whole centimetres.
#[expect(
    clippy::cast_possible_truncation,
    reason = "clamped, and a cast from float saturates"
)]
pub(crate) fn rounded(value: f64) -> i32 {
    value.round().clamp(-1e9, 1e9) as i32
}

/// Whether a point is on the plan.
pub(crate) fn is_within(point: Point) -> bool {
    let range = -COORDINATE_MAX_CM..=COORDINATE_MAX_CM;
    point.iter().all(|part| range.contains(part))
}

/// Whether an outline goes round an area; its points are on the plan.
pub(crate) fn encloses(outline: &[Point]) -> bool {
    let next = outline.iter().cycle().skip(1);
    let twice_the_area: i64 = outline
        .iter()
        .zip(next)
        .map(|(&[ax, ay], &[bx, by])| i64::from(ax) * i64::from(by) - i64::from(bx) * i64::from(ay))
        .sum();
    twice_the_area != 0
}

pub(crate) fn point(x: f64, y: f64) -> Point {
    [rounded(x), rounded(y)]
}

/// A straight or curved line, to be walked along.
pub(crate) struct Path {
    from: [f64; 2],
    along: [f64; 2],
    length: f64,
    curve: Option<Curve>,
}

struct Curve {
    centre: [f64; 2],
    /// From the centre to the middle of the row.
    outward: [f64; 2],
    radius: f64,
    half_angle: f64,
}

impl Path {
    /// The path of a line. A rise of more than half the chord is taken for that half.
    pub(crate) fn new(line: &Line) -> Self {
        let from = line.from.map(f64::from);
        let to = line.to.map(f64::from);
        let across = [to[0] - from[0], to[1] - from[1]];
        let chord = (across[0] * across[0] + across[1] * across[1]).sqrt();
        if chord == 0.0 {
            return Self {
                from,
                along: [0.0, 0.0],
                length: 0.0,
                curve: None,
            };
        }
        let along = across.map(|part| part / chord);
        let half = chord / 2.0;
        let rise = f64::from(line.rise).clamp(-half, half);
        if rise == 0.0 {
            return Self {
                from,
                along,
                length: chord,
                curve: None,
            };
        }
        // y grows downwards, so the right hand of one who walks to the right points down.
        let outward = if rise > 0.0 {
            [-along[1], along[0]]
        } else {
            [along[1], -along[0]]
        };
        let rise = rise.abs();
        let radius = (half * half + rise * rise) / (2.0 * rise);
        let half_angle = 2.0 * arctangent(rise / half);
        let middle = [
            f64::midpoint(from[0], to[0]) - outward[0] * (radius - rise),
            f64::midpoint(from[1], to[1]) - outward[1] * (radius - rise),
        ];
        Self {
            from,
            along,
            length: 2.0 * half_angle * radius,
            curve: Some(Curve {
                centre: middle,
                outward,
                radius,
                half_angle,
            }),
        }
    }

    fn at(&self, distance: f64) -> Point {
        let Some(curve) = &self.curve else {
            return point(
                self.from[0] + self.along[0] * distance,
                self.from[1] + self.along[1] * distance,
            );
        };
        let (sine, cosine) = sin_cos(distance / curve.radius - curve.half_angle);
        let at = |axis: usize| {
            curve.centre[axis]
                + curve.radius * (sine * self.along[axis] + cosine * curve.outward[axis])
        };
        point(at(0), at(1))
    }

    /// Distance of neighbours along the path, in centimetres, when it has these seats and gaps.
    /// Nothing for a single seat.
    pub(crate) fn pitch(&self, seats: u16, gaps: &[Gap]) -> Option<f64> {
        let gaps: f64 = gaps.iter().map(|gap| f64::from(gap.width)).sum();
        (seats > 1).then(|| (self.length - gaps) / f64::from(seats - 1))
    }

    /// Places of the seats; `gaps` are sorted.
    pub(crate) fn seats(&self, seats: u16, gaps: &[Gap]) -> Vec<Point> {
        let Some(pitch) = self.pitch(seats, gaps) else {
            return vec![self.at(self.length / 2.0)];
        };
        let mut gaps = gaps.iter().peekable();
        let mut skipped = 0.0;
        (0..seats)
            .map(|seat| {
                while let Some(gap) = gaps.next_if(|gap| gap.after <= seat) {
                    skipped += f64::from(gap.width);
                }
                self.at(f64::from(seat) * pitch + skipped)
            })
            .collect()
    }
}

/// Distance of neighbours at a table, in centimetres.
pub(crate) fn chair_pitch(table: &Table) -> f64 {
    let [width, _] = table.size.map(f64::from);
    match table.shape {
        TableShape::Round => TAU * (width / 2.0 + CHAIR_OFFSET_CM) / f64::from(table.chairs.max(1)),
        TableShape::Rectangle => width / f64::from(table.chairs.div_ceil(2).max(1)),
    }
}

/// Places of the chairs of a table.
pub(crate) fn chairs(table: &Table) -> Vec<Point> {
    let [width, depth] = table.size.map(f64::from);
    let turn = f64::from(table.turn_degrees) / 360.0 * TAU;
    let [x, y] = table.at.map(f64::from);
    if table.shape == TableShape::Round {
        let radius = width / 2.0 + CHAIR_OFFSET_CM;
        return (0..table.chairs)
            .map(|chair| {
                let part = f64::from(chair) / f64::from(table.chairs);
                let (sine, cosine) = sin_cos(turn + TAU * part);
                point(x + radius * sine, y - radius * cosine)
            })
            .collect();
    }
    let upper = table.chairs.div_ceil(2);
    let lower = table.chairs - upper;
    let (sine, cosine) = sin_cos(turn);
    let off = depth / 2.0 + CHAIR_OFFSET_CM;
    let on_side = |place: u16, of: u16| ((f64::from(place) + 0.5) / f64::from(of) - 0.5) * width;
    let upper_side = (0..upper).map(|chair| [on_side(chair, upper), -off]);
    let lower_side = (0..lower).map(|chair| [-on_side(chair, lower), off]);
    upper_side
        .chain(lower_side)
        .map(|[across, down]| {
            point(
                x + across * cosine - down * sine,
                y + across * sine + down * cosine,
            )
        })
        .collect()
}

/// Corners of a table, or enough of a round one's edge to draw it.
#[must_use]
pub fn table_outline(table: &Table) -> Vec<Point> {
    let [width, depth] = table.size.map(f64::from);
    let turn = f64::from(table.turn_degrees) / 360.0 * TAU;
    let [x, y] = table.at.map(f64::from);
    if table.shape == TableShape::Round {
        return ellipse([x, y], [width / 2.0, width / 2.0], 0.0);
    }
    turned([x, y], turn, [-width / 2.0, -depth / 2.0, width, depth])
}

/// A rectangle (left, top, width, height, as seen from `at`), turned round `at` clockwise.
pub(crate) fn turned(at: [f64; 2], turn: f64, rectangle: [f64; 4]) -> Vec<Point> {
    let [left, top, width, height] = rectangle;
    let (sine, cosine) = sin_cos(turn);
    [
        [left, top],
        [left + width, top],
        [left + width, top + height],
        [left, top + height],
    ]
    .into_iter()
    .map(|[across, down]| {
        point(
            at[0] + across * cosine - down * sine,
            at[1] + across * sine + down * cosine,
        )
    })
    .collect()
}

/// Points along an ellipse, turned round its centre clockwise.
pub(crate) fn ellipse(centre: [f64; 2], radius: [f64; 2], turn: f64) -> Vec<Point> {
    const CORNERS: u16 = 48;
    let (turn_sine, turn_cosine) = sin_cos(turn);
    (0..CORNERS)
        .map(|corner| {
            let (sine, cosine) = sin_cos(TAU * f64::from(corner) / f64::from(CORNERS));
            let [across, down] = [radius[0] * sine, -radius[1] * cosine];
            point(
                centre[0] + across * turn_cosine - down * turn_sine,
                centre[1] + across * turn_sine + down * turn_cosine,
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numbering::Numbering;

    #[test]
    fn angles_agree_with_the_library() {
        for step in -2_000..2_000 {
            let angle = f64::from(step) / 100.0;
            let (sine, cosine) = sin_cos(angle);
            assert!((sine - angle.sin()).abs() < 1e-12, "sin {angle}");
            assert!((cosine - angle.cos()).abs() < 1e-12, "cos {angle}");
            assert!(
                (arctangent(angle) - angle.atan()).abs() < 1e-12,
                "atan {angle}"
            );
        }
    }

    fn line(from: Point, to: Point, rise: i32, seats: u16, gaps: Vec<Gap>) -> Vec<Point> {
        let line = Line {
            from,
            to,
            rise,
            seats,
            numbering: Numbering::default(),
            gaps,
        };
        Path::new(&line).seats(seats, &line.gaps)
    }

    #[test]
    fn seats_along_lines() {
        let gap = Gap {
            after: 2,
            width: 100,
        };
        let cases = [
            (
                line([0, 0], [300, 0], 0, 4, vec![]),
                vec![[0, 0], [100, 0], [200, 0], [300, 0]],
            ),
            (
                line([0, 0], [0, 400], 0, 4, vec![gap]),
                vec![[0, 0], [0, 100], [0, 300], [0, 400]],
            ),
            (line([0, 0], [300, 0], 0, 1, vec![]), vec![[150, 0]]),
            (line([7, 8], [7, 8], 3, 1, vec![]), vec![[7, 8]]),
            // Half a circle, walked to the right: its middle is below.
            (
                line([-100, 0], [100, 0], 100, 3, vec![]),
                vec![[-100, 0], [0, 100], [100, 0]],
            ),
            (
                line([-100, 0], [100, 0], -100, 3, vec![]),
                vec![[-100, 0], [0, -100], [100, 0]],
            ),
            (
                line([0, -100], [0, 100], 100, 3, vec![]),
                vec![[0, -100], [-100, 0], [0, 100]],
            ),
        ];
        for (seats, expected) in cases {
            assert_eq!(seats, expected);
        }
    }

    #[test]
    fn chairs_go_clockwise() {
        let mut table = Table {
            name: "T".to_owned(),
            category: None,
            rank: None,
            at: [1_000, 0],
            shape: TableShape::Round,
            size: [120, 120],
            turn_degrees: 0,
            chairs: 4,
            numbering: Numbering::default(),
            special: vec![],
        };
        let round = [[1_000, -100], [1_100, 0], [1_000, 100], [900, 0]];
        assert_eq!(chairs(&table), round);
        table.turn_degrees = 90;
        assert_eq!(chairs(&table)[0], [1_100, 0]);
        table.turn_degrees = 0;
        table.shape = TableShape::Rectangle;
        table.chairs = 3;
        assert_eq!(chairs(&table), [[970, -100], [1_030, -100], [1_000, 100]]);
        table.turn_degrees = 90;
        assert_eq!(chairs(&table), [[1_100, -30], [1_100, 30], [900, 0]]);
    }
}
