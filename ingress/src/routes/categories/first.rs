//! The categories that an installation begins with.

use onsale_store::StoreError;
use onsale_store::catalog::CategoryRow;

use crate::ids;
use crate::slug;
use crate::state::AppState;

/// Their names, in the order in which they are listed, with what else is taken for each. Operators change them.
const FIRST: &[(&str, &[&str])] = &[
    ("Concert", &["Concerts", "คอนเสิร์ต"]),
    ("Festival", &["Festivals", "เทศกาล"]),
    ("Theatre", &["Theater", "ละครเวที"]),
    ("Musical", &["Musicals", "ละครเพลง"]),
    ("Opera", &["โอเปร่า"]),
    ("Dance", &["เต้นรำ"]),
    ("Comedy", &["Stand-up", "ตลก"]),
    ("Sport", &["Sports", "กีฬา"]),
    ("Exhibition", &["Exhibitions", "นิทรรศการ"]),
    ("Film", &["Films", "ภาพยนตร์"]),
    ("Family", &["ครอบครัว"]),
    ("Conference", &["Conferences", "การประชุม"]),
];

/// Adds them to an installation that has neither categories nor events. Where an operator has removed them all before
/// there was an event, the next start brings them back.
pub(crate) async fn add_first(state: &AppState) {
    let created_at_ms = state.clock.now_ms();
    let rows: Vec<CategoryRow> = (1..)
        .zip(FIRST)
        .map(|(place, (name, aliases))| CategoryRow {
            category_id: ids::random(),
            slug: slug::of(name),
            name: (*name).to_owned(),
            aliases: aliases.iter().map(|alias| (*alias).to_owned()).collect(),
            place,
            created_at_ms,
        })
        .collect();
    match state.installation.add_first_categories(&rows).await {
        Ok(_) => {}
        Err(StoreError::Exists(_)) => tracing::debug!("another node adds the first categories"),
        Err(error) => {
            tracing::warn!(%error, "the first categories are not added before the next start");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::slug::is_slug;

    #[test]
    fn no_name_is_that_of_two() {
        let mut names = HashSet::new();
        for (name, aliases) in FIRST {
            assert!(is_slug(&slug::of(name)), "{name}");
            for name in aliases.iter().chain([name]) {
                assert!(names.insert(name.to_lowercase()), "{name}");
            }
        }
    }
}
