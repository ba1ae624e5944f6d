//! Where a sealed value lies.

use uuid::Uuid;

/// Where a sealed value lies. It opens nowhere else.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Place {
    /// The table.
    pub table: &'static str,
    /// The column.
    pub column: &'static str,
    /// The id of the row.
    pub row: Uuid,
}

impl Place {
    /// What the tag of a value covers besides the value: `head` is what stands before the ciphertext.
    pub(crate) fn associated_data(&self, head: &[u8]) -> Vec<u8> {
        let mut data = Vec::with_capacity(64);
        data.extend_from_slice(head);
        // With their lengths, so that no two places give the same bytes.
        for name in [self.table, self.column] {
            let length = u64::try_from(name.len()).unwrap_or(u64::MAX);
            data.extend_from_slice(&length.to_be_bytes());
            data.extend_from_slice(name.as_bytes());
        }
        data.extend_from_slice(self.row.as_bytes());
        data
    }
}
