//! How many hits there are by city and by category.

use super::filter::Conditions;
use crate::index::{Index, Row};
use crate::limits::FACET_VALUES_MAX;
use crate::query::FacetValue;
use crate::values::Values;

pub(super) struct Facets {
    /// By the number of the value.
    cities: Vec<u32>,
    categories: Vec<u32>,
}

impl Facets {
    pub(super) fn new(index: &Index) -> Self {
        Self {
            cities: vec![0; index.cities.len()],
            categories: vec![0; index.categories.len()],
        }
    }

    /// Counts an event that fits the text, and says whether it is a hit. Each facet is counted as if
    /// there were no filter by it: what one could choose instead.
    pub(super) fn count(&mut self, row: &Row, conditions: &Conditions) -> bool {
        if !conditions.holds_others(row) {
            return false;
        }
        let is_city = conditions.holds_city(row);
        let is_category = conditions.holds_category(row);
        if is_category && let Some(count) = self.cities.get_mut(row.city as usize) {
            *count += 1;
        }
        if is_city && let Some(count) = self.categories.get_mut(row.category as usize) {
            *count += 1;
        }
        is_city && is_category
    }

    pub(super) fn cities(&self, index: &Index) -> Vec<FacetValue> {
        most_frequent(&self.cities, &index.cities)
    }

    pub(super) fn categories(&self, index: &Index) -> Vec<FacetValue> {
        most_frequent(&self.categories, &index.categories)
    }
}

fn most_frequent(counts: &[u32], values: &Values) -> Vec<FacetValue> {
    let mut found: Vec<(u32, &str)> = counts
        .iter()
        .zip(0..)
        .filter(|(count, _)| **count > 0)
        .map(|(count, id)| (*count, values.text(id)))
        .collect();
    let order = |a: &(u32, &str), b: &(u32, &str)| b.0.cmp(&a.0).then_with(|| a.1.cmp(b.1));
    if found.len() > FACET_VALUES_MAX {
        found.select_nth_unstable_by(FACET_VALUES_MAX, order);
        found.truncate(FACET_VALUES_MAX);
    }
    found.sort_unstable_by(order);
    let value = |(count, text): (u32, &str)| FacetValue {
        value: text.to_owned(),
        count: count as usize,
    };
    found.into_iter().map(value).collect()
}
