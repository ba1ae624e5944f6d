//! What shows have for sale.

use onsale_schemas::offer::Offer;
use onsale_schemas::{Offset, ShowId};

use super::Store;
use crate::audit::{Audit, Unaudited};
use crate::catalog::{OfferNames, OfferRow};
use crate::database::{Durability, Row, Transaction, Value, integer};
use crate::error::StoreError;

/// An offer as it is stored.
pub(super) fn text(offer: Option<&OfferRow>) -> Result<Option<String>, StoreError> {
    offer
        .map(serde_json::to_string)
        .transpose()
        .map_err(|error| StoreError::Invalid(format!("offer: {error}")))
}

/// The offer of a row that has the column.
pub(super) fn read(row: &Row) -> Result<Option<OfferRow>, StoreError> {
    let text = row.text_or_null("offer")?;
    text.map(|text| serde_json::from_str(&text))
        .transpose()
        .map_err(|error| StoreError::Corrupt(format!("shows.offer: {error}")))
}

/// The offer of a show, which nobody else changes until the transaction ends; `None` when there is no such
/// show.
async fn lock(
    transaction: &mut Transaction,
    show: ShowId,
) -> Result<Option<Option<OfferRow>>, StoreError> {
    // SQLite has one writer at a time, and this transaction is it.
    let select = match transaction {
        Transaction::Postgres(_) => "SELECT offer FROM shows WHERE show_id = $1 FOR UPDATE",
        Transaction::Sqlite(_) => "SELECT offer FROM shows WHERE show_id = $1",
    };
    let row = transaction.fetch_optional(select, &[show.0.into()]).await?;
    row.map(|row| read(&row)).transpose()
}

/// Puts an offer in the place of the one that a show has, in an open transaction: the log accepted it at
/// `offset`.
pub(crate) async fn put_in_force(
    transaction: &mut Transaction,
    show: ShowId,
    offered: &OfferRow,
    offset: Offset,
) -> Result<(), StoreError> {
    let Some(present) = lock(transaction, show).await? else {
        return Ok(());
    };
    let mut row = present.unwrap_or_default();
    row.replace_by(offered);
    write(transaction, show, &row, offset).await
}

/// As [`put_in_force`], where only the log tells of the offer; false when there is no such show.
pub(super) async fn put_in_force_by_numbers(
    transaction: &mut Transaction,
    show: ShowId,
    offered: &Offer,
    offset: Offset,
) -> Result<bool, StoreError> {
    let Some(present) = lock(transaction, show).await? else {
        return Ok(false);
    };
    let mut row = present.unwrap_or_default();
    row.replace_by_numbers(offered);
    write(transaction, show, &row, offset).await?;
    Ok(true)
}

async fn write(
    transaction: &mut Transaction,
    show: ShowId,
    row: &OfferRow,
    offset: Offset,
) -> Result<(), StoreError> {
    let offer = text(Some(row))?;
    transaction
        .execute(
            "UPDATE shows SET offer = $2, amended_offset = $3 WHERE show_id = $1",
            &[
                show.0.into(),
                Value::from(&offer),
                integer("offset", offset)?.into(),
            ],
        )
        .await
        .map(drop)
}

impl Store {
    /// The record that changed the offer of a show, or its terms, last; `None` where none has, or there is no
    /// such show.
    ///
    /// # Errors
    /// As every read.
    pub async fn offered_at(&self, show: ShowId) -> Result<Option<Offset>, StoreError> {
        let sql = "SELECT amended_offset FROM shows WHERE show_id = $1";
        let row = self.database.fetch_optional(sql, &[show.0.into()]).await?;
        row.map_or(Ok(None), |row| row.number_or_null("amended_offset"))
    }

    /// Gives each of the names a number of the show, where it has none and there is one left, for good and
    /// whatever becomes of the offer. Returns what is for sale as it was, with all names; `None` when there is
    /// no such show, or none that the caller may change.
    ///
    /// # Errors
    /// As every write.
    pub async fn name_offer(
        &self,
        show: ShowId,
        names: &OfferNames,
    ) -> Result<Option<OfferRow>, StoreError> {
        let names = names.clone();
        self.database
            .write(Durability::Durable, move |mut transaction| async move {
                let Some(present) = lock(&mut transaction, show).await? else {
                    return Ok(None);
                };
                let mut row = present.unwrap_or_default();
                if row.number(&names) {
                    let offer = text(Some(&row))?;
                    transaction
                        .execute(
                            "UPDATE shows SET offer = $2 WHERE show_id = $1",
                            &[show.0.into(), Value::from(&offer)],
                        )
                        .await?;
                    // What they are for has its entry when it is proposed.
                    transaction
                        .commit(Audit::Skipped(Unaudited::Automatic))
                        .await?;
                }
                Ok(Some(row))
            })
            .await
    }
}
