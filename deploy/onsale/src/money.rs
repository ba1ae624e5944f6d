//! Sums of money as people read them.

pub(crate) use onsale_schemas::currencies::shown;
