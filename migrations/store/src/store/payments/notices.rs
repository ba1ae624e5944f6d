//! What gateways say by themselves: the inbox.

use uuid::Uuid;

use super::checks;
use crate::Store;
use crate::audit::Unaudited;
use crate::database::{Durability, Row, Value, integer};
use crate::error::StoreError;
use crate::job::NewJob;
use crate::payment::{
    GATEWAY_MAX_BYTES, Handled, JOB_ATTEMPTS_MAX, NOTICE_ID_MAX_BYTES, NOTICE_JOB,
    NOTICE_KIND_MAX_BYTES, NewNotice, NoticeKey, OBJECT_MAX_BYTES, StoredNotice,
};
use crate::store::jobs::enqueue;

macro_rules! notices {
    ($rest:literal) => {
        concat!(
            "SELECT gateway, event_id, kind, object, payment_id, refund_object, dispute_object, \
             happened_at_ms, received_at_ms, handled_at_ms, outcome FROM gateway_notices ",
            $rest
        )
    };
}

const INSERT: &str = "INSERT INTO gateway_notices (gateway, event_id, kind, object, payment_id, \
     refund_object, dispute_object, happened_at_ms, received_at_ms) \
     SELECT $1, $2, $3, $4, $5, $6, $7, $8, now_ms FROM database_clock WHERE 1 = 1 \
     ON CONFLICT (gateway, event_id) DO NOTHING";

impl Store {
    /// Puts a notice into the inbox, with the job that acts on it. False when it lies there already: nothing was
    /// changed. Only once this has returned may the gateway hear that it was received.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] for what does not fit; otherwise as every write.
    pub async fn put_notice(&self, gateway: &str, notice: &NewNotice) -> Result<bool, StoreError> {
        check(gateway, notice)?;
        let happened_at_ms = integer("created_at_ms", notice.created_at_ms)?;
        let key = NoticeKey {
            gateway: gateway.to_owned(),
            event_id: notice.event_id.clone(),
        };
        let job = NewJob {
            kind: NOTICE_JOB,
            key: format!("{gateway}:{}", notice.event_id),
            payload: serde_json::to_string(&key)
                .map_err(|error| StoreError::Invalid(format!("notice: {error}")))?,
            delay_ms: 0,
            attempts_max: JOB_ATTEMPTS_MAX,
        };
        let (gateway, notice) = (gateway.to_owned(), notice.clone());
        self.database
            .write(Durability::Durable, move |mut transaction| async move {
                let values = [
                    Value::from(&gateway),
                    Value::from(&notice.event_id),
                    Value::from(&notice.kind),
                    Value::from(&notice.object),
                    notice.payment.into(),
                    Value::from(&notice.refund),
                    Value::from(&notice.dispute),
                    happened_at_ms.into(),
                ];
                if transaction.execute(INSERT, &values).await? == 0 {
                    return Ok(false);
                }
                enqueue(&mut transaction, &job).await?;
                transaction.commit(Unaudited::Automatic).await?;
                Ok(true)
            })
            .await
    }

    /// A notice of the inbox.
    ///
    /// # Errors
    /// As every read.
    pub async fn notice(
        &self,
        gateway: &str,
        event_id: &str,
    ) -> Result<Option<StoredNotice>, StoreError> {
        let row = self
            .database
            .fetch_optional(
                notices!("WHERE gateway = $1 AND event_id = $2"),
                &[gateway.into(), event_id.into()],
            )
            .await?;
        row.map(|row| notice_row(&row)).transpose()
    }

    /// What gateways have said of a payment, the latest first.
    ///
    /// # Errors
    /// As every read.
    pub async fn notices_of_payment(
        &self,
        payment: Uuid,
        limit: u32,
    ) -> Result<Vec<StoredNotice>, StoreError> {
        let rows = self
            .database
            .fetch(
                notices!(
                    "WHERE payment_id = $1 ORDER BY received_at_ms DESC, event_id DESC LIMIT $2"
                ),
                &[payment.into(), limit.into()],
            )
            .await?;
        rows.iter().map(notice_row).collect()
    }

    /// Notes what became of a notice, in a few words for an operator; what was noted first stays. False when there is
    /// no such notice, or it was noted.
    ///
    /// # Errors
    /// As every write.
    pub async fn mark_notice(
        &self,
        gateway: &str,
        event_id: &str,
        outcome: &str,
    ) -> Result<bool, StoreError> {
        self.database
            .execute_unaudited(
                Durability::Durable,
                "UPDATE gateway_notices SET handled_at_ms = (SELECT now_ms FROM database_clock), \
                 outcome = $3 WHERE gateway = $1 AND event_id = $2 AND handled_at_ms IS NULL",
                &[
                    gateway.into(),
                    event_id.into(),
                    checks::brief(outcome).into(),
                ],
            )
            .await
            .map(|marked| marked > 0)
    }

    /// How many notices lie in the inbox that nobody has acted on, and since when the oldest does, in Unix
    /// milliseconds.
    ///
    /// # Errors
    /// As every read.
    pub async fn waiting_notices(&self) -> Result<(u64, Option<u64>), StoreError> {
        let row = self
            .database
            .fetch_optional(
                "SELECT COUNT(*) AS total, MIN(received_at_ms) AS oldest_ms FROM gateway_notices \
                 WHERE handled_at_ms IS NULL",
                &[],
            )
            .await?;
        row.map_or(Ok((0, None)), |row| {
            Ok((row.number("total")?, row.number_or_null("oldest_ms")?))
        })
    }

    /// Forgets notices that were received before `before_ms` and acted on; returns how many. One that is sent again
    /// after that is a new one, and what is acted on is the state of its object, so that does no harm.
    ///
    /// # Errors
    /// As every write.
    pub async fn forget_notices(&self, before_ms: u64) -> Result<u64, StoreError> {
        self.forget_in_steps(
            "DELETE FROM gateway_notices WHERE (gateway, event_id) IN \
             (SELECT gateway, event_id FROM gateway_notices WHERE handled_at_ms IS NOT NULL \
             AND received_at_ms < $1 ORDER BY received_at_ms LIMIT $2)",
            before_ms,
        )
        .await
    }
}

fn check(gateway: &str, notice: &NewNotice) -> Result<(), StoreError> {
    checks::length("gateway", gateway, GATEWAY_MAX_BYTES)?;
    checks::length("event_id", &notice.event_id, NOTICE_ID_MAX_BYTES)?;
    checks::length("kind", &notice.kind, NOTICE_KIND_MAX_BYTES)?;
    for (what, object) in [
        ("object", &notice.object),
        ("refund", &notice.refund),
        ("dispute", &notice.dispute),
    ] {
        checks::length_or_null(what, object.as_deref(), OBJECT_MAX_BYTES)?;
    }
    Ok(())
}

fn notice_row(row: &Row) -> Result<StoredNotice, StoreError> {
    let handled = match (
        row.number_or_null("handled_at_ms")?,
        row.text_or_null("outcome")?,
    ) {
        (Some(at_ms), Some(outcome)) => Some(Handled { at_ms, outcome }),
        _ => None,
    };
    Ok(StoredNotice {
        gateway: row.text("gateway")?,
        notice: NewNotice {
            event_id: row.text("event_id")?,
            kind: row.text("kind")?,
            object: row.text_or_null("object")?,
            payment: row.uuid_or_null("payment_id")?,
            refund: row.text_or_null("refund_object")?,
            dispute: row.text_or_null("dispute_object")?,
            created_at_ms: row.number("happened_at_ms")?,
        },
        received_at_ms: row.number("received_at_ms")?,
        handled,
    })
}
