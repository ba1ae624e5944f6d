//! How the seats of a row are labelled.

use serde::{Deserialize, Serialize};

/// Letters without I and O, which read as 1 and 0.
const CLEAR_LETTERS: &[u8] = b"ABCDEFGHJKLMNPQRSTUVWXYZ";
const ALL_LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ";

/// A rule that gives every seat of a row its label. Odd numbers are `from` 1 in steps of 2, even
/// ones `from` 2.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Numbering {
    /// The first number; of letters 1 is `A`.
    pub from: u32,
    /// From one seat to the next.
    pub step: u32,
    /// Numbers or letters.
    pub style: Style,
    /// Where it begins.
    pub order: Order,
}

impl Default for Numbering {
    fn default() -> Self {
        Self {
            from: 1,
            step: 1,
            style: Style::default(),
            order: Order::default(),
        }
    }
}

/// How a label is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Style {
    /// 1, 2, 3.
    #[default]
    Numbers,
    /// A to Z without I and O, then AA.
    Letters,
    /// A to Z, then AA.
    AllLetters,
}

/// Which seat gets which number. Left is the end that a row's line begins at.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// The first label is the leftmost seat's.
    #[default]
    LeftToRight,
    /// The first label is the rightmost seat's.
    RightToLeft,
    /// From the middle outwards, odd to the left and even to the right: 5 3 1 2 4 6.
    OddLeft,
    /// From the middle outwards, odd to the right and even to the left: 6 4 2 1 3 5.
    OddRight,
}

impl Numbering {
    /// Whether it need not be written.
    pub(crate) fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// Whether it begins in the middle.
    pub(crate) fn is_from_the_middle(self) -> bool {
        matches!(self.order, Order::OddLeft | Order::OddRight)
    }

    /// Labels of a row of `seats`, from the leftmost to the rightmost.
    pub fn labels(self, seats: u16) -> impl Iterator<Item = String> {
        let seats = u64::from(seats);
        let (from, step) = (u64::from(self.from), u64::from(self.step));
        // Of a row with an odd number the odd side is longer by one.
        let odd = seats.div_ceil(2);
        let even = seats / 2;
        (0..seats).map(move |place| {
            let number = match self.order {
                Order::LeftToRight => from + place * step,
                Order::RightToLeft => from + (seats - 1 - place) * step,
                Order::OddLeft if place < odd => 2 * (odd - place) - 1,
                Order::OddLeft => 2 * (place - odd + 1),
                Order::OddRight if place < even => 2 * (even - place),
                Order::OddRight => 2 * (place - even) + 1,
            };
            self.style.write(number)
        })
    }
}

impl Style {
    /// The label of a number. Letters count from 1; there is none for 0.
    #[must_use]
    pub fn write(self, number: u64) -> String {
        let letters = match self {
            Self::Numbers => return number.to_string(),
            Self::Letters => CLEAR_LETTERS,
            Self::AllLetters => ALL_LETTERS,
        };
        let base = letters.len() as u64;
        let mut left = number;
        let mut reversed = Vec::new();
        while left > 0 {
            left -= 1;
            let digit = usize::try_from(left % base).unwrap_or(0);
            reversed.push(char::from(letters[digit]));
            left /= base;
        }
        reversed.iter().rev().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(from: u32, step: u32, style: Style, order: Order, seats: u16) -> String {
        let numbering = Numbering {
            from,
            step,
            style,
            order,
        };
        let labels: Vec<String> = numbering.labels(seats).collect();
        labels.join(" ")
    }

    #[test]
    fn every_way_of_numbering() {
        use Order::{LeftToRight, OddLeft, OddRight, RightToLeft};
        use Style::{AllLetters, Letters, Numbers};
        for (from, step, style, order, seats, expected) in [
            (1, 1, Numbers, LeftToRight, 4, "1 2 3 4"),
            (0, 1, Numbers, LeftToRight, 2, "0 1"),
            (101, 1, Numbers, RightToLeft, 3, "103 102 101"),
            (1, 2, Numbers, LeftToRight, 4, "1 3 5 7"),
            (2, 2, Numbers, RightToLeft, 3, "6 4 2"),
            (1, 1, Numbers, OddLeft, 6, "5 3 1 2 4 6"),
            (1, 1, Numbers, OddLeft, 5, "5 3 1 2 4"),
            (1, 1, Numbers, OddRight, 6, "6 4 2 1 3 5"),
            (1, 1, Numbers, OddRight, 5, "4 2 1 3 5"),
            (7, 1, Letters, LeftToRight, 4, "G H J K"),
            (12, 2, Letters, LeftToRight, 3, "M P R"),
            (23, 1, Letters, LeftToRight, 4, "Y Z AA AB"),
            (8, 1, AllLetters, LeftToRight, 3, "H I J"),
            (26, 1, AllLetters, RightToLeft, 2, "AA Z"),
            (1, 1, Numbers, OddLeft, 1, "1"),
            (1, 1, Numbers, LeftToRight, 0, ""),
        ] {
            assert_eq!(labels(from, step, style, order, seats), expected);
        }
    }

    #[test]
    fn letters_are_never_said_twice() {
        let mut seen = std::collections::HashSet::new();
        for number in 1..20_000 {
            let label = Style::Letters.write(number);
            assert!(!label.contains(['I', 'O']), "{label}");
            assert!(seen.insert(label));
        }
        assert_eq!(Style::Letters.write(24 + 24 * 24), "ZZ");
        assert_eq!(Style::Letters.write(24 + 24 * 24 + 1), "AAA");
    }
}
