//! What is read of other people, written down.

use super::mandate;
use crate::Store;
use crate::account::Act;
use crate::database::Durability;
use crate::error::StoreError;

impl Store {
    /// Writes down what is read of other people, where the right to read it holds still: what was read is shown after
    /// this alone.
    ///
    /// # Errors
    /// [`StoreError::RightWithdrawn`], then nothing is written; [`StoreError::Invalid`] for an entry without room;
    /// otherwise as every write.
    pub async fn note_read(&self, act: impl Into<Act>) -> Result<(), StoreError> {
        let Act { audit, mandate } = act.into();
        self.database
            .write_again(Durability::Durable, move |mut transaction| async move {
                mandate::check(&mut transaction, mandate).await?;
                transaction.commit(audit).await
            })
            .await
    }
}
