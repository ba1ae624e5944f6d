//! Sessions: refresh tokens and the rules by which they follow one another.

mod rules;
mod token;

pub use rules::{Policy, Refusal, Verdict, shown};
pub use token::{FamilyTokens, RefreshToken};
