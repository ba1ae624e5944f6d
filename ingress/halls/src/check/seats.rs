//! Rows and tables, seat by seat.

use std::borrow::Cow;
use std::collections::HashMap;

use super::Checker;
use crate::fault::Spot;
use crate::format::{Flag, Line, Point, Row, Special, Table, TableShape};
use crate::geometry::{Path, chair_pitch, chairs, is_within};
use crate::limits::{
    CHAIRS_PER_TABLE_MAX, COORDINATE_MAX_CM, GAP_MAX_CM, GAPS_PER_ROW_MAX, NUMBERING_FROM_MAX,
    NUMBERING_STEP_MAX, SEAT_LABEL_MAX_CHARS, SEAT_PITCH_MIN_CM, SEATS_PER_ROW_MAX,
    TABLE_SIDE_MAX_CM,
};
use crate::numbering::{Numbering, Style};
use crate::plan::{Flags, PlanSeat};
use crate::text::{composed, cut, is_seat_label};

/// A seat before its category is known.
struct Draft<'a> {
    label: Cow<'a, str>,
    at: Point,
    category: Option<&'a str>,
    rank: Option<u16>,
    flags: Flags,
}

impl<'a> Checker<'a> {
    pub(super) fn row(&mut self, row: &'a Row, spot: Spot<'_>) {
        let drafts = match (&row.line, row.seats.is_empty()) {
            (Some(line), true) => {
                let mut drafts = self.on_line(line, spot);
                self.special(&row.special, &mut drafts, spot);
                drafts
            }
            (None, false) => {
                self.findings.require(row.special.is_empty(), spot, || {
                    "special goes with line: of seats one by one each says what it is".to_owned()
                });
                row.seats
                    .iter()
                    .map(|seat| {
                        self.flags(&seat.flags, &seat.label, spot);
                        Draft {
                            label: composed(&seat.label),
                            at: seat.at,
                            category: seat.category.as_deref(),
                            rank: seat.rank,
                            flags: Flags::of(&seat.flags),
                        }
                    })
                    .collect()
            }
            (given, _) => {
                let both = given.is_some();
                self.findings.add(spot, || {
                    let what = if both {
                        "both line and seats"
                    } else {
                        "neither line nor seats"
                    };
                    format!("{what}: one of them says where its seats are")
                });
                return;
            }
        };
        self.push(drafts, row.category.as_deref(), row.rank, spot);
    }

    pub(super) fn table(&mut self, table: &'a Table, spot: Spot<'_>) {
        let is_possible = (1..=CHAIRS_PER_TABLE_MAX).contains(&table.chairs);
        self.findings.require(is_possible, spot, || {
            format!("{} chairs: 1 to {CHAIRS_PER_TABLE_MAX}", table.chairs)
        });
        let [width, depth] = table.size;
        let has_size = table
            .size
            .iter()
            .all(|side| (1..=TABLE_SIDE_MAX_CM).contains(side));
        self.findings.require(has_size, spot, || {
            format!("size [{width}, {depth}]: 1 to {TABLE_SIDE_MAX_CM} centimetres each")
        });
        let is_round = table.shape == TableShape::Round;
        self.findings
            .require(!is_round || width == depth, spot, || {
                format!("size [{width}, {depth}]: a round table is as wide as deep")
            });
        self.findings.require(table.turn_degrees < 360, spot, || {
            format!("turn_degrees {}: 0 to 359", table.turn_degrees)
        });
        self.numbering(table.numbering, spot);
        if !is_possible {
            return;
        }
        self.pitch(chair_pitch(table), spot);
        let mut drafts = drafts(table.numbering, chairs(table));
        self.special(&table.special, &mut drafts, spot);
        self.push(drafts, table.category.as_deref(), table.rank, spot);
    }

    fn on_line(&mut self, line: &Line, spot: Spot<'_>) -> Vec<Draft<'a>> {
        let is_possible = (1..=SEATS_PER_ROW_MAX).contains(&line.seats);
        self.findings.require(is_possible, spot, || {
            format!("{} seats: 1 to {SEATS_PER_ROW_MAX}", line.seats)
        });
        self.numbering(line.numbering, spot);
        self.point(line.from, spot);
        self.point(line.to, spot);
        let [dx, dy] = [0, 1].map(|axis| i64::from(line.to[axis]) - i64::from(line.from[axis]));
        let rise = i64::from(line.rise);
        // The middle of an arc of more than half a circle would be farther out than its ends are wide.
        let is_arc = rise == 0
            || (rise.unsigned_abs() <= u64::from(COORDINATE_MAX_CM.unsigned_abs())
                && 4 * rise * rise <= dx.saturating_mul(dx).saturating_add(dy.saturating_mul(dy)));
        self.findings.require(is_arc, spot, || {
            format!("rise {rise}: at most half the distance of the row's ends")
        });
        let gaps = &line.gaps;
        self.findings
            .require(gaps.len() <= GAPS_PER_ROW_MAX, spot, || {
                format!("{} gaps: at most {GAPS_PER_ROW_MAX}", gaps.len())
            });
        let mut last = 0;
        for gap in gaps {
            let is_inside = gap.after > last && gap.after < line.seats;
            self.findings.require(is_inside, spot, || {
                format!(
                    "gap after seat {}: between two seats of the row, farther on than the gap before",
                    gap.after
                )
            });
            last = gap.after.max(last);
            let has_width = (1..=GAP_MAX_CM).contains(&gap.width);
            self.findings.require(has_width, spot, || {
                format!("gap of {} centimetres: 1 to {GAP_MAX_CM}", gap.width)
            });
        }
        if !is_possible || !is_arc {
            return Vec::new();
        }
        let path = Path::new(line);
        if let Some(pitch) = path.pitch(line.seats, gaps) {
            self.pitch(pitch, spot);
        }
        let mut drafts = drafts(line.numbering, path.seats(line.seats, gaps));
        for gap in gaps {
            if let Some(draft) = drafts.get_mut(usize::from(gap.after)) {
                draft.flags = draft.flags.with(Flag::AisleBefore);
            }
        }
        drafts
    }

    fn pitch(&mut self, pitch: f64, spot: Spot<'_>) {
        self.findings.require(pitch >= SEAT_PITCH_MIN_CM, spot, || {
            format!(
                "{pitch:.0} centimetres from seat to seat: at least {SEAT_PITCH_MIN_CM:.0}; \
                     make the row longer or its seats fewer"
            )
        });
    }

    fn numbering(&mut self, numbering: Numbering, spot: Spot<'_>) {
        let Numbering { from, step, .. } = numbering;
        self.findings.require(from <= NUMBERING_FROM_MAX, spot, || {
            format!("numbering from {from}: at most {NUMBERING_FROM_MAX}")
        });
        let has_step = (1..=NUMBERING_STEP_MAX).contains(&step);
        self.findings.require(has_step, spot, || {
            format!("numbering in steps of {step}: 1 to {NUMBERING_STEP_MAX}")
        });
        let is_numbers = numbering.style == Style::Numbers;
        self.findings.require(is_numbers || from > 0, spot, || {
            "numbering with letters from 0: A is 1".to_owned()
        });
        let from_the_middle = numbering.is_from_the_middle();
        let is_plain = is_numbers && from == 1 && step == 1;
        self.findings
            .require(!from_the_middle || is_plain, spot, || {
                "numbering from the middle: with numbers, from 1, in steps of 1".to_owned()
            });
    }

    fn flags(&mut self, flags: &[Flag], label: &str, spot: Spot<'_>) {
        let twice = flags.len() > Flags::ALL.len() || Flags::of(flags).iter().count() < flags.len();
        self.findings.require(!twice, spot, || {
            format!("seat {}: the same flag twice", cut(label))
        });
    }

    fn special(&mut self, specials: &'a [Special], drafts: &mut [Draft<'a>], spot: Spot<'_>) {
        if specials.is_empty() {
            return;
        }
        // Each place once: what two specials say of one seat would depend on their order.
        let mut place_of: HashMap<String, usize> = drafts
            .iter()
            .enumerate()
            .map(|(place, draft)| (draft.label.clone().into_owned(), place))
            .collect();
        let mut named = vec![false; drafts.len()];
        for special in specials {
            self.findings.require(!special.seats.is_empty(), spot, || {
                "special without seats: it names at least one".to_owned()
            });
            for label in &special.seats {
                let Some(&mut place) = place_of.get_mut(composed(label).as_ref()) else {
                    self.findings.add(spot, || {
                        format!("special of seat {:?}, which it does not have", cut(label))
                    });
                    continue;
                };
                let is_new = !std::mem::replace(&mut named[place], true);
                self.findings.require(is_new, spot, || {
                    format!("seat {}: in special twice", cut(label))
                });
                self.flags(&special.flags, label, spot);
                let draft = &mut drafts[place];
                draft.category = special.category.as_deref().or(draft.category);
                draft.rank = special.rank.or(draft.rank);
                draft.flags = special
                    .flags
                    .iter()
                    .fold(draft.flags, |set, &flag| set.with(flag));
            }
        }
    }

    /// Adds the seats of a row that was begun.
    fn push(
        &mut self,
        drafts: Vec<Draft<'a>>,
        category: Option<&'a str>,
        rank: Option<u16>,
        spot: Spot<'_>,
    ) {
        let count = drafts.len();
        self.findings
            .require(count <= usize::from(SEATS_PER_ROW_MAX), spot, || {
                format!("{count} seats: 1 to {SEATS_PER_ROW_MAX}")
            });
        self.labels(&drafts, spot);
        if let Some(far) = drafts.iter().find(|draft| !is_within(draft.at)) {
            let [x, y] = far.at;
            self.findings.add(spot, || {
                format!(
                    "seat {} at [{x}, {y}]: from -{COORDINATE_MAX_CM} to {COORDINATE_MAX_CM} \
                     centimetres",
                    cut(&far.label)
                )
            });
        }
        let leads_with_aisle = drafts
            .first()
            .is_some_and(|draft| draft.flags.has(Flag::AisleBefore));
        self.findings.require(!leads_with_aisle, spot, || {
            "its first seat: aisle_before is for seats with another before them".to_owned()
        });
        let row = self.plan.rows.len().saturating_sub(1);
        // The same category comes again and again: it is looked up, and missed, once in a row.
        let mut last: Option<(Option<&str>, u16)> = None;
        for draft in drafts {
            let id = draft.category.or(category);
            let category = match (last, id) {
                (Some((known, index)), _) if known == id => index,
                (_, Some(id)) => self.category(id, spot),
                (_, None) => {
                    self.findings.add(spot, || {
                        format!(
                            "seat {} has no category, and the row has none either",
                            cut(&draft.label)
                        )
                    });
                    0
                }
            };
            last = Some((id, category));
            let rank = draft.rank.or(rank);
            if rank.is_some() {
                self.ranks.is_given = true;
            } else {
                self.ranks.missing.get_or_insert(row);
            }
            self.plan.seats.push(PlanSeat {
                label: draft.label.into(),
                at: draft.at,
                category,
                flags: draft.flags,
                rank: rank.unwrap_or_default(),
            });
        }
        if let Some(row) = self.plan.rows.last_mut() {
            row.count = u16::try_from(count).unwrap_or(u16::MAX);
        }
    }

    fn labels(&mut self, drafts: &[Draft<'_>], spot: Spot<'_>) {
        let mut count_of: HashMap<&str, u32> = HashMap::with_capacity(drafts.len());
        for draft in drafts {
            let label = draft.label.as_ref();
            self.findings
                .require(is_seat_label(label, SEAT_LABEL_MAX_CHARS), spot, || {
                    format!(
                        "seat {:?}: a label of 1 to {SEAT_LABEL_MAX_CHARS} letters and digits",
                        cut(label)
                    )
                });
            let count = count_of.entry(label).or_default();
            *count += 1;
            // The third of them is the same fault.
            self.findings
                .require(*count != 2, spot, || format!("two seats {}", cut(label)));
        }
    }
}

fn drafts<'a>(numbering: Numbering, places: Vec<Point>) -> Vec<Draft<'a>> {
    let seats = u16::try_from(places.len()).unwrap_or(u16::MAX);
    numbering
        .labels(seats)
        .zip(places)
        .map(|(label, at)| Draft {
            label: Cow::Owned(label),
            at,
            category: None,
            rank: None,
            flags: Flags::default(),
        })
        .collect()
}
