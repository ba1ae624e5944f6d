//! What became of a request.

pub(crate) mod body;
pub(crate) mod explanation;
pub(crate) mod one;
