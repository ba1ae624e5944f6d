//! Codes of shows: changes of them on their way through the log, and what is known of them.
//!
//! As with shows (see [`super::changes`]), a change is written down here under the id of its request
//! before the log has it, with the texts of new codes, and the projector takes it over in the transaction
//! that moves the watermark.

use onsale_schemas::code::CodeTerms;
use onsale_schemas::{CodeGroup, CodeHash, ShowId};
use uuid::Uuid;

use super::Store;
use crate::catalog::Page;
use crate::code::{CodeGroupRow, CodeKind, CodeRow, GroupTerms, read_terms};
use crate::database::Row;
use crate::error::StoreError;

/// Groups of a show with how many codes they have and how often these are in use, before a condition on
/// `g`. A booking from before its code was created again is no use of it.
macro_rules! groups {
    ($rest:literal) => {
        concat!(
            "SELECT g.show_id, g.code_group, g.name, g.kind, g.terms, g.created_at_ms, g.ended_at_ms, \
             (SELECT COUNT(*) FROM codes AS c WHERE c.show_id = g.show_id \
             AND c.code_group = g.code_group AND c.ended_at_ms IS NULL) AS codes, \
             (SELECT CAST(COALESCE(SUM(u.uses), 0) AS bigint) FROM code_uses AS u JOIN codes AS c \
             ON c.code_hash = u.code WHERE u.show_id = g.show_id AND c.show_id = g.show_id \
             AND c.code_group = g.code_group AND c.ended_at_ms IS NULL) AS uses FROM code_groups AS g ",
            $rest
        )
    };
}

mod propose;

pub(super) use self::propose::hex;

impl Store {
    /// Codes of a show that count.
    ///
    /// # Errors
    /// As every read.
    pub async fn live_codes(&self, show: ShowId) -> Result<u64, StoreError> {
        self.database
            .fetch_optional(
                "SELECT COUNT(*) AS total FROM codes WHERE show_id = $1 AND ended_at_ms IS NULL",
                &[show.0.into()],
            )
            .await?
            .map_or(Ok(0), |row| row.number("total"))
    }

    /// Forgets codes that ended before `before_ms`, and groups that did and have no code any more; returns how many
    /// codes. Nobody uses them again, and one that is created again is another.
    ///
    /// # Errors
    /// As every write.
    pub async fn forget_ended_codes(&self, before_ms: u64) -> Result<u64, StoreError> {
        let forgotten = self
            .forget_in_steps(
                "DELETE FROM codes WHERE code_hash IN (SELECT code_hash FROM codes \
                 WHERE ended_at_ms < $1 ORDER BY ended_at_ms LIMIT $2)",
                before_ms,
            )
            .await?;
        self.forget_in_steps(
            "DELETE FROM code_groups WHERE (show_id, code_group) IN \
             (SELECT g.show_id, g.code_group FROM code_groups AS g WHERE g.ended_at_ms < $1 \
             AND NOT EXISTS (SELECT 1 FROM codes AS c WHERE c.show_id = g.show_id \
             AND c.code_group = g.code_group) ORDER BY g.ended_at_ms LIMIT $2)",
            before_ms,
        )
        .await?;
        Ok(forgotten)
    }

    /// Groups of codes of a show, the latest first, those that ended included; page by number from 1. One
    /// that is added between the two reads of one call may be counted and not listed.
    ///
    /// # Errors
    /// As every read.
    pub async fn code_groups(
        &self,
        show: ShowId,
        page: u32,
        per_page: u32,
    ) -> Result<Page<CodeGroupRow>, StoreError> {
        let counted = self
            .database
            .fetch_optional(
                "SELECT COUNT(*) AS total FROM code_groups WHERE show_id = $1",
                &[show.0.into()],
            )
            .await?;
        let skip = i64::from(page.saturating_sub(1)).saturating_mul(i64::from(per_page));
        let rows = self
            .database
            .fetch(
                groups!(
                    "WHERE g.show_id = $1 ORDER BY g.created_at_ms DESC, g.code_group \
                     LIMIT $2 OFFSET $3"
                ),
                &[show.0.into(), per_page.into(), skip.into()],
            )
            .await?;
        Ok(Page {
            rows: rows.iter().map(group_row).collect::<Result<_, _>>()?,
            total: counted.map_or(Ok(0), |row| row.number("total"))?,
        })
    }

    /// One group of codes, also when it has ended.
    ///
    /// # Errors
    /// As every read.
    pub async fn code_group(
        &self,
        show: ShowId,
        group: CodeGroup,
    ) -> Result<Option<CodeGroupRow>, StoreError> {
        self.database
            .fetch_optional(
                groups!("WHERE g.show_id = $1 AND g.code_group = $2"),
                &[show.0.into(), group.into()],
            )
            .await?
            .map(|row| group_row(&row))
            .transpose()
    }

    /// Codes of a group by their hash, from behind `after` on, those that ended included.
    ///
    /// # Errors
    /// As every read.
    pub async fn codes_of_group(
        &self,
        show: ShowId,
        group: CodeGroup,
        after: Option<CodeHash>,
        limit: u32,
    ) -> Result<Vec<CodeRow>, StoreError> {
        let after = after.map_or(Uuid::nil(), |code| code.0);
        let rows = self
            .database
            .fetch(
                "SELECT c.code_hash, c.text_sealed, c.ended_at_ms, \
                 (SELECT CAST(COALESCE(SUM(u.uses), 0) AS bigint) FROM code_uses AS u \
                 WHERE u.show_id = c.show_id AND u.code = c.code_hash) AS uses FROM codes AS c \
                 WHERE c.show_id = $1 AND c.code_group = $2 AND c.code_hash > $3 \
                 ORDER BY c.code_hash LIMIT $4",
                &[show.0.into(), group.into(), after.into(), limit.into()],
            )
            .await?;
        rows.iter()
            .map(|row| {
                Ok(CodeRow {
                    code: CodeHash(row.uuid("code_hash")?),
                    sealed: row.sealed_or_null("text_sealed")?,
                    ended_at_ms: row.number_or_null("ended_at_ms")?,
                    uses: row.number("uses")?,
                })
            })
            .collect()
    }

    /// The group that a code of a show belongs to and its terms, as projected; `None` where the code is
    /// unknown or has ended. Whoever knows the code may know what it is good for, so this looks at all of
    /// the installation.
    ///
    /// # Errors
    /// As every read.
    pub async fn code_terms(
        &self,
        show: ShowId,
        code: CodeHash,
    ) -> Result<Option<(CodeGroup, CodeTerms)>, StoreError> {
        self.for_installation()
            .database
            .fetch_optional(
                "SELECT g.code_group, g.terms FROM codes AS c JOIN code_groups AS g \
                 ON g.show_id = c.show_id AND g.code_group = c.code_group \
                 WHERE c.code_hash = $1 AND c.show_id = $2 AND c.ended_at_ms IS NULL \
                 AND g.ended_at_ms IS NULL",
                &[code.0.into(), show.0.into()],
            )
            .await?
            .map(|row| Ok((row.number("code_group")?, read_terms(&row.text("terms")?)?)))
            .transpose()
    }
}

fn group_row(row: &Row) -> Result<CodeGroupRow, StoreError> {
    Ok(CodeGroupRow {
        show: ShowId(row.uuid("show_id")?),
        said: GroupTerms {
            group: row.number("code_group")?,
            name: row.text_or_null("name")?,
            kind: row.word("kind", CodeKind::parse)?,
            terms: read_terms(&row.text("terms")?)?,
        },
        created_at_ms: row.number("created_at_ms")?,
        ended_at_ms: row.number_or_null("ended_at_ms")?,
        codes: row.number("codes")?,
        uses: row.number("uses")?,
    })
}
