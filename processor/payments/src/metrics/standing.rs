//! Metrics of the payments and refunds that are not over.

use onsale_store::payment::{MoneyStanding, PaymentState, RefundState, StandingIn};
use prometheus::{IntGauge, IntGaugeVec, Opts, Registry};

/// How many payments and refunds stand where. Cheap to clone: all handles are shared.
#[derive(Clone, Debug)]
pub struct StandingMetrics {
    payments: Gauges,
    refunds: Gauges,
    notices: IntGauge,
    notices_oldest_seconds: IntGauge,
    disputes_open: IntGauge,
}

/// What is shown of a table, by state.
#[derive(Clone, Debug)]
struct Gauges {
    count: IntGaugeVec,
    overdue: IntGaugeVec,
    oldest_seconds: IntGaugeVec,
}

impl StandingMetrics {
    /// Registers them.
    ///
    /// # Errors
    /// When names are registered already.
    pub fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        let gauge = |name: &str, help: &str| -> Result<IntGauge, prometheus::Error> {
            let gauge = IntGauge::new(name, help)?;
            registry.register(Box::new(gauge.clone()))?;
            Ok(gauge)
        };
        let by_state = |name: &str, help: &str| -> Result<IntGaugeVec, prometheus::Error> {
            let gauges = IntGaugeVec::new(Opts::new(name, help), &["state"])?;
            registry.register(Box::new(gauges.clone()))?;
            Ok(gauges)
        };
        Ok(Self {
            payments: Gauges {
                count: by_state("onsale_payments", "Payments that are not over, by state")?,
                overdue: by_state(
                    "onsale_payments_overdue",
                    "Payments that should have been taken on minutes ago, by state",
                )?,
                oldest_seconds: by_state(
                    "onsale_payments_oldest_seconds",
                    "Age of the oldest payment that is not over, by state",
                )?,
            },
            refunds: Gauges {
                count: by_state("onsale_refunds", "Refunds that are not over, by state")?,
                overdue: by_state(
                    "onsale_refunds_overdue",
                    "Refunds that should have been taken on minutes ago, by state",
                )?,
                oldest_seconds: by_state(
                    "onsale_refunds_oldest_seconds",
                    "Age of the oldest refund that is not over, by state",
                )?,
            },
            notices: gauge(
                "onsale_gateway_notices",
                "Notices of gateways in the inbox that nobody has acted on",
            )?,
            notices_oldest_seconds: gauge(
                "onsale_gateway_notices_oldest_seconds",
                "How long the oldest of them has been there",
            )?,
            disputes_open: gauge("onsale_disputes_open", "Disputes that are open")?,
        })
    }

    /// Shows how they stand. A state that nothing is in is 0.
    pub fn show(&self, standing: &MoneyStanding, now_ms: u64) {
        let payments = PaymentState::ALL.into_iter();
        for state in payments.filter(|state| !state.is_final()) {
            let found = standing.payments.iter().find(|found| found.state == state);
            self.payments.show(state.as_str(), found, now_ms);
        }
        for state in RefundState::ALL {
            if matches!(state, RefundState::Done | RefundState::Refused) {
                continue;
            }
            let found = standing.refunds.iter().find(|found| found.state == state);
            self.refunds.show(state.as_str(), found, now_ms);
        }
        self.notices.set(whole(standing.notices));
        let oldest = standing.oldest_notice_ms;
        let age_s = oldest.map_or(0, |since_ms| seconds_since(since_ms, now_ms));
        self.notices_oldest_seconds.set(age_s);
        self.disputes_open.set(whole(standing.open_disputes));
    }
}

impl Gauges {
    fn show<S>(&self, state: &str, found: Option<&StandingIn<S>>, now_ms: u64) {
        let label = [state];
        let count = found.map_or(0, |found| whole(found.count));
        let overdue = found.map_or(0, |found| whole(found.overdue));
        let age_s = found.map_or(0, |found| seconds_since(found.oldest_ms, now_ms));
        self.count.with_label_values(&label).set(count);
        self.overdue.with_label_values(&label).set(overdue);
        self.oldest_seconds.with_label_values(&label).set(age_s);
    }
}

fn seconds_since(since_ms: u64, now_ms: u64) -> i64 {
    whole(now_ms.saturating_sub(since_ms) / 1_000)
}

fn whole(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_that_nothing_is_in_any_more_is_0_again() {
        let metrics = StandingMetrics::register(&Registry::new()).unwrap();
        let waits = StandingIn {
            state: PaymentState::NeedsOperator,
            count: 2,
            overdue: 1,
            oldest_ms: 4_000,
        };
        let standing = MoneyStanding {
            payments: vec![waits],
            notices: 3,
            oldest_notice_ms: Some(1_000),
            ..MoneyStanding::default()
        };
        let shown = || {
            let label = ["needs_operator"];
            let Gauges {
                count,
                overdue,
                oldest_seconds,
            } = &metrics.payments;
            [count, overdue, oldest_seconds].map(|gauges| gauges.with_label_values(&label).get())
        };
        metrics.show(&standing, 9_999);
        assert_eq!(shown(), [2, 1, 5]);
        assert_eq!(metrics.notices.get(), 3);
        assert_eq!(metrics.notices_oldest_seconds.get(), 8);
        metrics.show(&MoneyStanding::default(), 9_999);
        assert_eq!(shown(), [0, 0, 0]);
        assert_eq!(metrics.notices_oldest_seconds.get(), 0);
        // The clock of the database may be ahead.
        metrics.show(&standing, 0);
        assert_eq!(shown(), [2, 1, 0]);
    }
}
