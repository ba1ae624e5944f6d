//! How payments and refunds stand that are not over.

use crate::Store;
use crate::database::{Row, integer};
use crate::error::StoreError;
use crate::payment::{MoneyStanding, PaymentState, RefundState, StandingIn};

const PAYMENTS: &str = "SELECT state, count(*) AS counted, min(created_at_ms) AS oldest_ms, \
     count(CASE WHEN (wake_at_ms IS NOT NULL OR state <> 'needs_operator') \
     AND coalesce(wake_at_ms, updated_at_ms) < $1 THEN 1 END) AS overdue FROM payments \
     WHERE state NOT IN ('succeeded', 'failed', 'timed_out', 'refunded') GROUP BY state ORDER BY state";

/// A request waits for staff, and what needs an operator for one: neither is late.
const REFUNDS: &str = "SELECT state, count(*) AS counted, min(created_at_ms) AS oldest_ms, \
     count(CASE WHEN (wake_at_ms IS NOT NULL OR state IN ('approved', 'processing')) \
     AND coalesce(wake_at_ms, updated_at_ms) < $1 THEN 1 END) AS overdue FROM refunds \
     WHERE state NOT IN ('done', 'refused') GROUP BY state ORDER BY state";

impl Store {
    /// How payments, refunds, notices of gateways and disputes stand that are not over. What should have been looked
    /// at before `before_ms` counts as overdue.
    ///
    /// # Errors
    /// As every read.
    pub async fn money_standing(&self, before_ms: u64) -> Result<MoneyStanding, StoreError> {
        let before_ms = integer("before_ms", before_ms)?;
        let payments = self.database.fetch(PAYMENTS, &[before_ms.into()]).await?;
        let refunds = self.database.fetch(REFUNDS, &[before_ms.into()]).await?;
        let (notices, oldest_notice_ms) = self.waiting_notices().await?;
        let disputes = self
            .database
            .fetch_optional(
                "SELECT count(*) AS counted FROM disputes WHERE state = 'open'",
                &[],
            )
            .await?;
        Ok(MoneyStanding {
            payments: payments
                .iter()
                .map(|row| standing_in(row, PaymentState::parse))
                .collect::<Result<_, _>>()?,
            refunds: refunds
                .iter()
                .map(|row| standing_in(row, RefundState::parse))
                .collect::<Result<_, _>>()?,
            notices,
            oldest_notice_ms,
            open_disputes: match disputes {
                Some(row) => row.number("counted")?,
                None => 0,
            },
        })
    }
}

fn standing_in<S>(
    row: &Row,
    parse: impl Fn(&str) -> Option<S>,
) -> Result<StandingIn<S>, StoreError> {
    Ok(StandingIn {
        state: row.word("state", parse)?,
        count: row.number("counted")?,
        overdue: row.number("overdue")?,
        oldest_ms: row.number("oldest_ms")?,
    })
}
