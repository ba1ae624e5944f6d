//! Limits of one partition's tables, and of the work that one record may cause.

/// The highest machine version whose rules this program knows.
pub const MACHINE_VERSION_KNOWN: u16 = onsale_schemas::limits::MACHINE_VERSION_NEWEST;
/// The machine version of an empty partition.
pub(crate) const MACHINE_VERSION_FIRST: u16 = 1;
/// The machine version that knows events, tenants, references, documents and cool-downs.
pub const MACHINE_VERSION_SECOND: u16 = 2;
/// The machine version that knows what is for sale: offers, codes, orders over several zones.
pub const MACHINE_VERSION_THIRD: u16 = 3;

/// Steps of housekeeping (forgetting) that one record may cause besides its own command, counted
/// together with the holds it expired, so that no record costs much more than another.
pub(crate) const HOUSEKEEPING_PER_ENTRY_MAX: usize = 1_024;
/// Steps of housekeeping that every record may cause even when many holds expired, so that tables
/// shrink faster than commands can fill them.
pub(crate) const HOUSEKEEPING_PER_ENTRY_MIN: usize = 64;

/// How large the tables of a partition may grow. They are part of the machine's rules: all replicas
/// of a partition must run with the same limits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Shows, cancelled ones included.
    pub shows_max: u32,
    /// Bookings kept: live holds, sales, and ended ones that are not forgotten yet.
    pub bookings_max: u32,
    /// Remembered idempotent answers.
    pub remembered_answers_max: u32,
    /// Payment references that are known to belong to a booking, for
    /// [`onsale_schemas::limits::REFERENCE_KEPT_MS`]. Each takes about 55 bytes, index included;
    /// memory is allocated as they arrive.
    pub references_max: u32,
    /// Catalog documents in all, in bytes.
    pub documents_max_bytes: u64,
    /// Codes, those of cancelled shows not counted. Each takes about 50 bytes, index included; memory
    /// is allocated as they arrive.
    pub codes_max: u32,
    /// The highest machine version that the program knows. Only in this may replicas differ: while
    /// a cluster is upgraded, those that do not know the requested version stop.
    pub machine_version_known: u16,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            shows_max: 100_000,
            bookings_max: 8_000_000,
            remembered_answers_max: 8_000_000,
            // As many as bookings: every sale may have one.
            references_max: 8_000_000,
            documents_max_bytes: 256 << 20,
            codes_max: 2_000_000,
            machine_version_known: MACHINE_VERSION_KNOWN,
        }
    }
}
