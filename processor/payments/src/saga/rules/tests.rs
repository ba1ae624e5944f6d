//! What goes back when.

use super::*;

const SHOW_MS: u64 = 100 * DAY_MS;

#[test]
fn by_the_time_that_is_left() {
    let rules = Rules::default();
    rules.check().unwrap();
    for (left_ms, paid, amount, rule) in [
        (30 * DAY_MS, 250_000, 250_000, "more_than_7_days"),
        (7 * DAY_MS + 1, 1, 1, "more_than_7_days"),
        (7 * DAY_MS, 250_000, 125_000, "3_to_7_days"),
        (5 * DAY_MS, 3, 2, "3_to_7_days"),
        (3 * DAY_MS, 250_000, 125_000, "3_to_7_days"),
        (3 * DAY_MS, i64::MAX, i64::MAX / 2 + 1, "3_to_7_days"),
        (3 * DAY_MS - 1, 250_000, 0, "less_than_3_days"),
        (1, 250_000, 0, "less_than_3_days"),
        (0, 250_000, 0, TOO_LATE),
        (30 * DAY_MS, 0, 0, "more_than_7_days"),
        (30 * DAY_MS, -5, 0, "more_than_7_days"),
    ] {
        let due = rules.refund(paid, SHOW_MS, SHOW_MS - left_ms);
        assert_eq!(
            (due.amount, due.compensation, due.rule.as_str()),
            (amount, 0, rule),
            "{left_ms} ms before, {paid} paid"
        );
    }
    let begun = rules.refund(250_000, SHOW_MS, SHOW_MS + DAY_MS);
    assert_eq!((begun.amount, begun.rule.as_str()), (0, TOO_LATE));
}

#[test]
fn a_cancelled_show_gives_everything_back_and_more() {
    let mut rules = Rules::default();
    assert_eq!(rules.cancelled(999).amount, 999);
    assert_eq!(rules.cancelled(999).compensation, 0);
    rules.compensation_bp = 1_000;
    let due = rules.cancelled(999);
    assert_eq!(
        (due.amount, due.compensation, due.rule.as_str()),
        (999, 100, SHOW_CANCELLED)
    );
}

#[test]
fn rules_of_an_event_are_checked() {
    let step = |name: &'static str, left_min_ms, share_bp| Step {
        name: Cow::Borrowed(name),
        left_min_ms,
        share_bp,
    };
    let rules = |steps: Vec<Step>, compensation_bp| Rules {
        steps,
        compensation_bp,
    };
    for (rules, said) in [
        (rules(vec![], 10_001), "compensation_bp: 10001;"),
        (rules(vec![step("", 0, 0)], 0), "steps[0].name: \"\";"),
        (rules(vec![step("a b", 0, 0)], 0), "steps[0].name: \"a b\";"),
        (
            rules(vec![step("a", 5, 0), step("b", 0, 10_001)], 0),
            "steps[1].share_bp: 10001; expected 0 to",
        ),
        (
            rules(vec![step("a", 5, 0), step("b", 5, 0)], 0),
            "steps[1].left_min_ms: 5;",
        ),
        (
            rules(vec![step("a", 5, 10), step("b", 0, 11)], 0),
            "steps[1].share_bp: 11; expected no more",
        ),
        (
            rules((0..11).map(|n| step("a", 11 - n, 0)).collect(), 0),
            "steps: 11 of them;",
        ),
    ] {
        let error = rules.check().unwrap_err().to_string();
        assert!(error.starts_with(said), "{error}");
    }
    assert_eq!(rules(vec![], 0).check(), Ok(()));
    assert_eq!(rules(vec![], 0).refund(10, SHOW_MS, 0).rule, TOO_LATE);
}
