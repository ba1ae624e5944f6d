//! Discount and access codes of shows.
//!
//! The log decides what a code is good for, and knows it by its [`CodeHash`] alone. Here are the names
//! and terms of groups for people, and each code's text, sealed, for the export of who may have it. What
//! of this is written here follows the log: see [`crate::store`]'s changes.

use onsale_private::Sealed;
use onsale_schemas::code::CodeTerms;
use onsale_schemas::{CodeGroup, CodeHash, Offset, ShowId};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

mod terms;

pub(crate) use self::terms::{read as read_terms, write as write_terms};

/// What a group of codes is for, as its tenant said it. The log goes by the terms alone.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CodeKind {
    /// It takes something off prices.
    Discount,
    /// It opens a presale, a zone or a ticket type.
    Access,
}

impl CodeKind {
    /// Its name in the database and in answers.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Discount => "discount",
            Self::Access => "access",
        }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        [Self::Discount, Self::Access]
            .into_iter()
            .find(|kind| kind.as_str() == text)
    }
}

/// What is said of a group of codes when it is created or changed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct GroupTerms {
    /// Its number in the show.
    pub group: CodeGroup,
    /// Its name, where it has one.
    pub name: Option<String>,
    /// What it is for.
    pub kind: CodeKind,
    /// What each of its codes is good for.
    #[serde(with = "terms")]
    pub terms: CodeTerms,
}

/// A change of codes that the log is to accept.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CodesChange {
    /// Codes are added to a group, which begins if need be.
    Create(GroupTerms),
    /// A group gets other terms.
    Amend(GroupTerms),
    /// A group ends with all its codes.
    EndGroup(CodeGroup),
    /// One code ends.
    EndCode(CodeHash),
}

/// A code that is to be created.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewCode {
    /// Its keyed hash.
    pub code: CodeHash,
    /// Its text, sealed for [`crate::sealed_columns::code_text`]; `None` where there is no key for what is
    /// private.
    pub sealed: Option<Sealed>,
}

/// What is written down before the log is asked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CodesProposal {
    /// The show.
    pub show: ShowId,
    /// Its tenant.
    pub tenant: Uuid,
    /// The change.
    pub change: CodesChange,
    /// The codes that it creates.
    pub codes: Vec<NewCode>,
}

/// A group of codes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CodeGroupRow {
    /// The show.
    pub show: ShowId,
    /// What was said of it.
    pub said: GroupTerms,
    /// When the log created it, in milliseconds.
    pub created_at_ms: u64,
    /// When it ended.
    pub ended_at_ms: Option<u64>,
    /// Codes of it that count.
    pub codes: u32,
    /// Live bookings with any of these.
    pub uses: u64,
}

/// The group of a code that an order was reserved with.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UsedGroup {
    /// Its number.
    pub group: CodeGroup,
    /// Its name, where it was given one.
    pub name: Option<String>,
}

/// A code.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CodeRow {
    /// Its keyed hash.
    pub code: CodeHash,
    /// Its text, where it was kept.
    pub sealed: Option<Sealed>,
    /// When it ended.
    pub ended_at_ms: Option<u64>,
    /// Live bookings with it.
    pub uses: u64,
}

/// A group of codes that counts, as reconciliation compares it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LiveGroup {
    /// Its number in the show.
    pub group: CodeGroup,
    /// What its codes are good for; `None` where the row does not tell, because it was changed by hand.
    pub terms: Option<CodeTerms>,
}

/// A code that counts, as the log has it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LiveCode {
    /// Its keyed hash.
    pub code: CodeHash,
    /// Its group.
    pub group: CodeGroup,
    /// The record that created it.
    pub created: Offset,
}

/// The codes of a show as the log has them, where the database has others.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CodesRepair {
    /// The show.
    pub show: ShowId,
    /// Its tenant.
    pub tenant: Uuid,
    /// All its groups with their terms.
    pub groups: Vec<(CodeGroup, CodeTerms)>,
    /// Codes that the log does not have, or not so.
    pub ended: Vec<CodeHash>,
    /// Codes that the database does not have, or not so.
    pub added: Vec<LiveCode>,
    /// The last record that the log has decided by then: what comes again of it up to there is in this.
    pub as_of: Offset,
    /// When that is, in milliseconds: what ends and begins does so now, as nobody knows when it did.
    pub at_ms: u64,
}
