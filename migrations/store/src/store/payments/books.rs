//! Reading the books.

use uuid::Uuid;

use super::currency;
use crate::Store;
use crate::database::{Row, Value, integer};
use crate::error::StoreError;
use crate::payment::{Account, Balance, BookEntry, BookFilter, DayBalance, Posting};

/// Debits and credits of an account, by the amounts of lines.
macro_rules! sums {
    () => {
        "currency, account, \
         CAST(SUM(CASE WHEN amount > 0 THEN amount ELSE 0 END) AS bigint) AS debit, \
         CAST(SUM(CASE WHEN amount < 0 THEN -amount ELSE 0 END) AS bigint) AS credit"
    };
}

macro_rules! balances {
    ($condition:literal) => {
        concat!(
            "SELECT ",
            sums!(),
            " FROM posting_lines ",
            $condition,
            " GROUP BY currency, account ORDER BY currency, account"
        )
    };
}

/// Of lines of entries from `$1` before `$2`, where days begin `$3` after those of UTC's, or before them.
macro_rules! by_day {
    ($condition:literal) => {
        concat!(
            "SELECT day, ",
            sums!(),
            " FROM (SELECT (p.at_ms - $3) / 86400000 AS day, l.currency, l.account, l.amount \
             FROM postings AS p JOIN posting_lines AS l ON l.posting_id = p.posting_id \
             WHERE p.at_ms >= $1 AND p.at_ms < $2 ",
            $condition,
            ") AS lines GROUP BY day, currency, account ORDER BY day, currency, account"
        )
    };
}

/// Entries of a condition with their lines, a page of entries at a time.
macro_rules! entries {
    ($condition:literal) => {
        concat!(
            "SELECT p.posting_id, p.tenant_id, p.payment_id, p.what, p.currency, p.at_ms, \
             l.account, l.amount FROM (SELECT * FROM postings WHERE ",
            $condition,
            ") AS p JOIN posting_lines AS l ON l.posting_id = p.posting_id \
             ORDER BY p.at_ms, p.posting_id, l.line"
        )
    };
}

impl Store {
    /// What each account has got and given, of a tenant or of all together, by currency and account. In each currency
    /// debits and credits come to the same.
    ///
    /// # Errors
    /// As every read.
    pub async fn balances(&self, tenant: Option<Uuid>) -> Result<Vec<Balance>, StoreError> {
        // One statement for each, so that both go by their index.
        let rows = match tenant {
            Some(tenant) => {
                let sql = balances!("WHERE tenant_id = $1");
                self.database.fetch(sql, &[tenant.into()]).await?
            }
            None => self.database.fetch(balances!(""), &[]).await?,
        };
        rows.iter().map(balance_row).collect()
    }

    /// As [`Store::balances`], of what was posted from `from_ms` on and before `until_ms`, day by day. Days begin
    /// `begins_ms` after midnight of UTC's, or before it where that is negative: minus 7 hours for Bangkok.
    ///
    /// # Errors
    /// As every read.
    pub async fn postings_by_day(
        &self,
        tenant: Option<Uuid>,
        from_ms: u64,
        until_ms: u64,
        begins_ms: i64,
    ) -> Result<Vec<DayBalance>, StoreError> {
        let from = integer("from_ms", from_ms)?;
        let until = i64::try_from(until_ms).unwrap_or(i64::MAX);
        let values = [from.into(), until.into(), begins_ms.into()];
        let rows = match tenant {
            Some(tenant) => {
                let [from, until, begins] = values;
                let values = [from, until, begins, tenant.into()];
                let sql = by_day!("AND p.tenant_id = $4");
                self.database.fetch(sql, &values).await?
            }
            None => self.database.fetch(by_day!(""), &values).await?,
        };
        rows.iter()
            .map(|row| {
                Ok(DayBalance {
                    day: row.signed("day")?,
                    balance: balance_row(row)?,
                })
            })
            .collect()
    }

    /// Entries of the books, oldest first, a page at a time.
    ///
    /// # Errors
    /// As every read.
    pub async fn postings(&self, filter: &BookFilter) -> Result<Vec<BookEntry>, StoreError> {
        let after = filter.after.map_or((-1, Uuid::nil()), |place| {
            (i64::try_from(place.at_ms).unwrap_or(i64::MAX), place.id)
        });
        let from: Value<'_> = integer("from_ms", filter.from_ms)?.into();
        let until = i64::try_from(filter.until_ms).unwrap_or(i64::MAX).into();
        let (behind, id, limit) = (after.0.into(), after.1.into(), filter.limit.into());
        let rows = match filter.tenant {
            Some(tenant) => {
                let sql = entries!(
                    "at_ms >= $1 AND at_ms < $2 AND (at_ms, posting_id) > ($3, $4) \
                     AND tenant_id = $6 ORDER BY at_ms, posting_id LIMIT $5"
                );
                let values = [from, until, behind, id, limit, tenant.into()];
                self.database.fetch(sql, &values).await?
            }
            None => {
                let sql = entries!(
                    "at_ms >= $1 AND at_ms < $2 AND (at_ms, posting_id) > ($3, $4) \
                     ORDER BY at_ms, posting_id LIMIT $5"
                );
                let values = [from, until, behind, id, limit];
                self.database.fetch(sql, &values).await?
            }
        };
        entries(&rows)
    }

    /// What the books have of a payment, oldest first.
    ///
    /// # Errors
    /// As every read.
    pub async fn postings_of_payment(&self, payment: Uuid) -> Result<Vec<BookEntry>, StoreError> {
        let sql = entries!("payment_id = $1");
        entries(&self.database.fetch(sql, &[payment.into()]).await?)
    }

    /// Entries of the books whose lines do not come to 0, at most `limit`: the database refuses such, so somebody has
    /// changed it by hand. It goes through all of the books.
    ///
    /// # Errors
    /// As every read.
    pub async fn unbalanced_postings(&self, limit: u32) -> Result<Vec<Uuid>, StoreError> {
        let rows = self
            .database
            .fetch(
                "SELECT p.posting_id FROM postings AS p LEFT JOIN posting_lines AS l \
                 ON l.posting_id = p.posting_id GROUP BY p.posting_id \
                 HAVING COALESCE(SUM(l.amount), 1) <> 0 ORDER BY p.posting_id LIMIT $1",
                &[limit.into()],
            )
            .await?;
        rows.iter().map(|row| row.uuid("posting_id")).collect()
    }
}

fn balance_row(row: &Row) -> Result<Balance, StoreError> {
    Ok(Balance {
        currency: currency(row)?,
        account: row.word("account", Account::parse)?,
        debit: row.signed("debit")?,
        credit: row.signed("credit")?,
    })
}

/// Rows of lines that are sorted by their entry.
fn entries(rows: &[Row]) -> Result<Vec<BookEntry>, StoreError> {
    let mut entries: Vec<BookEntry> = Vec::new();
    for row in rows {
        let id = row.uuid("posting_id")?;
        let line = (row.word("account", Account::parse)?, row.signed("amount")?);
        match entries.last_mut() {
            Some(last) if last.id == id => last.posting.lines.push(line),
            _ => entries.push(BookEntry {
                id,
                tenant: row.uuid("tenant_id")?,
                payment: row.uuid("payment_id")?,
                currency: currency(row)?,
                at_ms: row.number("at_ms")?,
                posting: Posting {
                    what: row.text("what")?,
                    lines: vec![line],
                },
            }),
        }
    }
    Ok(entries)
}
