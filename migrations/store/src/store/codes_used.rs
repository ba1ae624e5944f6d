//! The groups of codes that orders were reserved with.

use std::collections::HashMap;

use onsale_schemas::CodeHash;

use super::Store;
use crate::code::UsedGroup;
use crate::database::{Database, Value};
use crate::error::StoreError;

impl Store {
    /// The groups that these codes belong to now, also where they have ended; none of a code that was forgotten with
    /// its show.
    ///
    /// # Errors
    /// As every read.
    pub async fn groups_of_codes(
        &self,
        codes: &[CodeHash],
    ) -> Result<HashMap<CodeHash, UsedGroup>, StoreError> {
        if codes.is_empty() {
            return Ok(HashMap::new());
        }
        // Both databases read hexadecimal digits without hyphens.
        let codes: Vec<String> = codes
            .iter()
            .map(|code| code.0.simple().to_string())
            .collect();
        let codes = serde_json::to_string(&codes)
            .map_err(|error| StoreError::Invalid(format!("codes: {error}")))?;
        let select = match &self.database {
            Database::Postgres(_) => {
                "SELECT c.code_hash, g.code_group, g.name FROM codes AS c JOIN code_groups AS g \
                 ON g.show_id = c.show_id AND g.code_group = c.code_group WHERE c.code_hash IN \
                 (SELECT CAST(value AS uuid) FROM json_array_elements_text(CAST($1 AS json)))"
            }
            Database::Sqlite(_) => {
                "SELECT c.code_hash, g.code_group, g.name FROM codes AS c JOIN code_groups AS g \
                 ON g.show_id = c.show_id AND g.code_group = c.code_group WHERE c.code_hash IN \
                 (SELECT unhex(value) FROM json_each($1))"
            }
        };
        let rows = self
            .database
            .fetch(select, &[Value::from(codes.as_str())])
            .await?;
        rows.iter()
            .map(|row| {
                let used = UsedGroup {
                    group: row.number("code_group")?,
                    name: row.text_or_null("name")?,
                };
                Ok((CodeHash(row.uuid("code_hash")?), used))
            })
            .collect()
    }
}
