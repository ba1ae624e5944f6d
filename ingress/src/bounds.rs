//! Lengths and ranges of what a request may hold, as endpoints declare them for the document. They are
//! made of the constants that the handlers check.

/// A character that is drawn: neither white space nor one that only directs others.
macro_rules! drawn {
    () => {
        "[^\\s\\u0000-\\u0020\\u007f-\\u00a0\\u00ad\\u034f\\u061c\\u115f\\u1160\\u17b4\\u17b5\
         \\u180b-\\u180f\\u2000-\\u200f\\u2028-\\u202f\\u205f-\\u206f\\u2800\\u3000\\u3164\
         \\ufe00-\\ufe0f\\ufeff\\uffa0\\ufff0-\\uffff]"
    };
}
/// Characters that a name may have.
macro_rules! of_line {
    () => {
        "[^\\u0000-\\u001f\\u007f-\\u009f\\u2028-\\u202e\\u2066-\\u2069]*"
    };
}
/// Characters that a text may have: line breaks and tabs too.
macro_rules! of_text {
    () => {
        "[^\\u0000-\\u0008\\u000b\\u000c\\u000e-\\u001f\\u007f-\\u009f\\u202a-\\u202e\
         \\u2066-\\u2069]*"
    };
}

pub(crate) const LINE: &str = concat!("^", of_line!(), drawn!(), of_line!(), "$");
pub(crate) const TEXT: &str = concat!("^", of_text!(), drawn!(), of_text!(), "$");
/// What is looked for.
pub(crate) const SEARCH: &str = concat!("^", of_line!(), "$");
/// Visible ASCII.
pub(crate) const VISIBLE: &str = "^[!-~]+$";
/// The tag of a language.
pub(crate) const LANGUAGE_TAG: &str = "^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$";
/// The name of a tenant in addresses.
pub(crate) const SLUG: &str = "^[a-z0-9]([a-z0-9-]*[a-z0-9])?$";

/// A colour.
pub(crate) const COLOR: &str = "^#[0-9A-Fa-f]{6}$";

/// What has a bound.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Of {
    /// A field of a schema of the document.
    Field(&'static str, &'static str),
    /// A query parameter of the endpoint.
    Parameter(&'static str),
}

/// A bound.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Bound {
    /// A text for people with at most this number of characters.
    Text(usize),
    /// A name on one line with at most this number of characters.
    Line(usize),
    /// A text of this form with at most this number of characters.
    Form(&'static str, usize),
    /// A text with at most this number of characters.
    Length(usize),
    /// A text with at least and at most these numbers of characters.
    Between(usize, usize),
    /// A whole number.
    Range(u64, u64),
    /// At least one and at most this number of items.
    Items(usize),
    /// At least one item, each of them one of these.
    ItemsOf(&'static [&'static str]),
    /// A line with at most this number of characters, which may be empty.
    AtMost(usize),
    /// RFC 3339.
    Instant,
    /// The code of a currency in use.
    Currency,
    /// One of these.
    OneOf(&'static [&'static str]),
}

/// The bounds of an endpoint.
pub(crate) type Bounds = &'static [(Of, Bound)];
