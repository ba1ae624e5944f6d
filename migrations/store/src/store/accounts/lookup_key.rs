//! The sealed key of all hashes for look-ups.

use onsale_private::Sealed;

use crate::Store;
use crate::database::{Durability, Value, integer};
use crate::error::StoreError;

impl Store {
    /// The key, where there is one already.
    ///
    /// # Errors
    /// As every read.
    pub async fn lookup_key(&self) -> Result<Option<Sealed>, StoreError> {
        self.database
            .fetch_optional("SELECT key_sealed FROM lookup_keys WHERE one = 1", &[])
            .await?
            .map(|row| Ok(Sealed::from_stored(row.bytes("key_sealed")?)))
            .transpose()
    }

    /// Keeps a key, unless there is one; the one that is there then. Of several nodes that start at
    /// once, one's key is everybody's.
    ///
    /// # Errors
    /// As every write.
    pub async fn keep_lookup_key(&self, key: &Sealed, now_ms: u64) -> Result<Sealed, StoreError> {
        self.database
            .execute_unaudited(
                Durability::Durable,
                "INSERT INTO lookup_keys (one, key_sealed, created_at_ms) VALUES (1, $1, $2) \
                 ON CONFLICT (one) DO NOTHING",
                &[key.into(), integer("now_ms", now_ms)?.into()],
            )
            .await?;
        self.lookup_key()
            .await?
            .ok_or_else(|| StoreError::Corrupt("lookup_keys has no row".to_owned()))
    }

    /// Puts the same key, sealed anew, in the place of what was read; false where something else is
    /// there by now.
    ///
    /// # Errors
    /// As every write.
    pub async fn reseal_lookup_key(&self, from: &Sealed, to: &Sealed) -> Result<bool, StoreError> {
        let touched = self
            .database
            .execute_unaudited(
                Durability::Durable,
                "UPDATE lookup_keys SET key_sealed = $2 WHERE one = 1 AND key_sealed = $1",
                &[Value::from(from), Value::from(to)],
            )
            .await?;
        Ok(touched > 0)
    }
}
