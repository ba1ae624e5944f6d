//! Events of the catalog.

pub(crate) mod body;
pub(crate) mod create;
pub(crate) mod list;
pub(crate) mod one;
pub(crate) mod update;
