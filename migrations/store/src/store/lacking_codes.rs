//! Codes of which the log has decided what was written down nowhere here.

use onsale_schemas::{CodeGroup, ShowId};

use super::Store;
use crate::error::StoreError;

impl Store {
    /// Whether it is unknown here what the codes of a group are good for by now, or which ones there are: the database
    /// is older than the log, or lost what was written down for it. The log decides by what it knows.
    ///
    /// # Errors
    /// As every read.
    pub async fn lacks_codes(&self, show: ShowId, group: CodeGroup) -> Result<bool, StoreError> {
        let found = self
            .database
            .fetch_optional(
                "SELECT noted_offset FROM lacking_codes WHERE show_id = $1 AND code_group = $2",
                &[show.0.into(), group.into()],
            )
            .await?;
        Ok(found.is_some())
    }

    /// The groups of a show of which that is so, ascending.
    ///
    /// # Errors
    /// As every read.
    pub async fn lacking_codes(&self, show: ShowId) -> Result<Vec<CodeGroup>, StoreError> {
        self.database
            .fetch(
                "SELECT code_group FROM lacking_codes WHERE show_id = $1 ORDER BY code_group",
                &[show.0.into()],
            )
            .await?
            .iter()
            .map(|row| row.number("code_group"))
            .collect()
    }

    /// The shows that have such groups, each with how many, without those that are cancelled: of these nothing is
    /// bought any more.
    ///
    /// # Errors
    /// As every read.
    pub async fn shows_lacking_codes(&self) -> Result<Vec<(ShowId, u64)>, StoreError> {
        self.database
            .fetch(
                "SELECT l.show_id, COUNT(*) AS groups FROM lacking_codes AS l \
                 JOIN shows AS s ON s.show_id = l.show_id WHERE s.status <> 'cancelled' \
                 GROUP BY l.show_id ORDER BY l.show_id",
                &[],
            )
            .await?
            .iter()
            .map(|row| Ok((ShowId(row.uuid("show_id")?), row.number("groups")?)))
            .collect()
    }
}
