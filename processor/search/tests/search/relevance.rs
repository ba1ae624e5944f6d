//! What people want is among the first three.

use crate::support::{index, keys, query};

/// Of the queries of a file, so many have to show all that is wanted.
const CASES: [(&str, &str, usize, usize); 2] = [
    ("queries.tsv", include_str!("queries.tsv"), 57, 60),
    // Nobody looked at these while the ranking was made.
    ("held_out.tsv", include_str!("held_out.tsv"), 22, 24),
];

#[test]
fn what_is_wanted_is_among_the_first_three() {
    let index = index();
    for (file, queries, pass, expected) in CASES {
        let mut misses = Vec::new();
        let mut all = 0;
        for line in queries.lines().filter(|line| !line.starts_with('#')) {
            all += 1;
            let (text, wanted) = line.split_once('\t').unwrap();
            let page = index.search(&query(text)).unwrap();
            let mut first = keys(&page);
            first.truncate(3);
            if !wanted
                .split(' ')
                .all(|key| first.iter().any(|hit| hit == key))
            {
                misses.push(format!(
                    "{text}: wanted {wanted}, got {first:?} of {} ({:?})",
                    page.total, page.closeness
                ));
            }
        }
        let found = all - misses.len();
        // Shown with --nocapture, and where it fails.
        eprintln!("{file}: {found} of {all}; missed: {misses:#?}");
        assert_eq!(all, expected, "{file}");
        assert!(found >= pass, "{file}, missed: {misses:#?}");
    }
}
