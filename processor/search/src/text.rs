//! From text to terms: what counts as a word, and which spellings are the same word.

mod fold;
mod spaceless;
mod words;

pub(crate) use fold::fold;
pub(crate) use words::{Piece, is_pair, pieces};
