//! Extractors that refuse with the error body of this interface.

mod body;
mod json;
mod path;
mod query;

pub(crate) use body::{file, whole};
pub(crate) use json::{JsonBody, RequestBody, parse};
pub(crate) use path::{
    PathCode, PathGroup, PathId, PathIds, PathName, PathNumber, PathToken, parse_booking,
};
pub(crate) use query::Query;
