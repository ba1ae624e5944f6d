//! The links of a chain, in pages.

use super::end::End;
use crate::Store;
use crate::audit::chain::Link;
use crate::error::StoreError;

/// Links that are read at once of what the log decided, each of thousands of entries: 3 MiB of what they
/// name at most.
const LARGE_LINKS_PER_PAGE: u32 = 16;
/// The same of what people did: most have one entry, and none has more than a commit has.
const SMALL_LINKS_PER_PAGE: u32 = 500;

/// A link as it stands there, with what its row says beside it.
pub(super) struct FoundLink {
    pub(super) link: Link,
    first_audit_id: i64,
    last_audit_id: i64,
    pub(super) hash: [u8; 32],
}

impl FoundLink {
    pub(super) fn is_as_written(&self) -> bool {
        let ids = || self.link.entries().map(|(audit_id, _)| audit_id);
        self.link.hash() == self.hash
            && ids().next() == Some(self.first_audit_id)
            && ids().last() == Some(self.last_audit_id)
    }
}

impl Store {
    /// Links with their hashes as they stand there.
    pub(super) async fn links_from(
        &self,
        end: &End,
        from: i64,
    ) -> Result<Vec<FoundLink>, StoreError> {
        let links_per_page = if end.key.lane.is_of_people() {
            SMALL_LINKS_PER_PAGE
        } else {
            LARGE_LINKS_PER_PAGE
        };
        self.database
            .fetch(
                "SELECT link, first_audit_id, last_audit_id, first_ms, last_ms, members, \
                 previous_hash, hash FROM audit_links \
                 WHERE tenant_id = $1 AND lane = $2 AND link >= $3 AND link <= $4 \
                 ORDER BY link LIMIT $5",
                &[
                    end.key.tenant.into(),
                    i64::from(end.key.lane.0).into(),
                    from.into(),
                    end.links.into(),
                    links_per_page.into(),
                ],
            )
            .await?
            .iter()
            .map(|row| {
                let link = Link {
                    chain: end.key,
                    number: row.signed("link")?,
                    first_ms: row.signed("first_ms")?,
                    last_ms: row.signed("last_ms")?,
                    members: row.bytes("members")?,
                    previous_hash: row.exactly("previous_hash")?,
                };
                Ok(FoundLink {
                    link,
                    first_audit_id: row.signed("first_audit_id")?,
                    last_audit_id: row.signed("last_audit_id")?,
                    hash: row.exactly("hash")?,
                })
            })
            .collect()
    }
}
