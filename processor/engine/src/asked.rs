//! What a command needs to know about its record besides itself.

use onsale_schemas::{LogTimeMs, Staff, TenantId};

/// See the module's documentation.
#[derive(Clone, Copy)]
pub(crate) struct Asked<'a> {
    /// Slot of the show or booking that the command names, if it is known.
    pub(crate) hint: u32,
    /// The record's log time, which may be behind machine time.
    pub(crate) log_time_ms: LogTimeMs,
    /// Who asks on the staff side.
    pub(crate) by: Option<&'a Staff>,
}

impl Asked<'_> {
    /// True when the caller may touch what belongs to a tenant, as far as both are known.
    #[inline]
    pub(crate) fn may_touch(&self, tenant: Option<TenantId>) -> bool {
        let Some(Staff {
            tenant: Some(asking),
            ..
        }) = self.by
        else {
            return true;
        };
        tenant.is_none_or(|tenant| tenant == *asking)
    }
}
