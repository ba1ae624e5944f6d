//! What a look at the chains of the audit trail found.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The end of a chain at some moment, to be kept outside of the database. Whoever can write there can make
/// a chain anew from any entry on; against an anchor of before that shows.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct Anchor {
    /// The tenant; `None` for the installation.
    pub tenant_id: Option<Uuid>,
    /// Which of its chains: `people` (further ones are `people-1` to `people-63`), `log-0` (what the log decided
    /// in partition 0) or `older` (entries of a version without chains).
    pub lane: String,
    /// The last link.
    pub link: u64,
    /// Its hash, in hexadecimal digits.
    pub hash: String,
}

/// Something that is not as it was written.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Finding {
    /// The tenant; `None` for the installation.
    pub tenant_id: Option<Uuid>,
    /// Which of its chains, see [`Anchor::lane`].
    pub lane: String,
    /// What.
    #[serde(flatten)]
    pub problem: Problem,
}

/// See [`Finding`].
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(tag = "problem", rename_all = "snake_case")]
pub enum Problem {
    /// An entry is gone.
    EntryMissing {
        /// Its number.
        audit_id: u64,
        /// The link that names it.
        link: u64,
    },
    /// An entry says something else than when it was written.
    EntryChanged {
        /// Its number.
        audit_id: u64,
        /// The link that names it.
        link: u64,
    },
    /// An entry that no link names stands among those of a chain: it was written by hand, moved there,
    /// or its link is gone.
    EntryNotLinked {
        /// Its number.
        audit_id: u64,
    },
    /// Links are gone.
    LinksMissing {
        /// The first of them.
        first: u64,
        /// The last of them.
        last: u64,
    },
    /// A link says something else than when it was written.
    LinkChanged {
        /// Its number.
        link: u64,
    },
    /// A link names another one before it than the one that is there.
    LinkDoesNotFollow {
        /// Its number.
        link: u64,
    },
    /// The chain ends in another link than was written down for its end.
    EndChanged {
        /// The last link, as far as was written down.
        link: u64,
    },
    /// The chain begins with another link than was written down when older ones were deleted, or those are
    /// still there.
    BeginningChanged {
        /// The last link that was deleted, as far as was written down.
        link: u64,
    },
    /// The chain has links and its end is not written down any more.
    EndMissing,
    /// An anchor names a link that the chain does not have or that has another hash there.
    AnchorDiffers {
        /// The link.
        link: u64,
    },
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::EntryMissing { audit_id, link } => {
                write!(f, "entry {audit_id} is gone (link {link} names it)")
            }
            Self::EntryChanged { audit_id, link } => {
                write!(
                    f,
                    "entry {audit_id} was changed (link {link} has another hash of it)"
                )
            }
            Self::EntryNotLinked { audit_id } => {
                write!(
                    f,
                    "entry {audit_id} is named by no link: it was put there by hand, or its link is gone"
                )
            }
            Self::LinksMissing { first, last } if first == last => {
                write!(f, "link {first} is gone")
            }
            Self::LinksMissing { first, last } => write!(f, "links {first} to {last} are gone"),
            Self::LinkChanged { link } => write!(f, "link {link} was changed"),
            Self::LinkDoesNotFollow { link } => {
                write!(f, "link {link} does not follow the one before it")
            }
            Self::EndChanged { link } => {
                write!(
                    f,
                    "the end that is written down, link {link}, is not that of the chain"
                )
            }
            Self::BeginningChanged { link } => {
                write!(
                    f,
                    "the beginning that is written down, behind link {link}, is not that of the chain"
                )
            }
            Self::EndMissing => f.write_str("the end of the chain is not written down any more"),
            Self::AnchorDiffers { link } => {
                write!(
                    f,
                    "the anchor of link {link} is of another chain than this one"
                )
            }
        }
    }
}

/// What was looked at and found.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
pub struct AuditReport {
    /// Chains.
    pub chains: u64,
    /// Links that were checked.
    pub links: u64,
    /// Entries that were checked.
    pub entries: u64,
    /// Entries that were deleted because they were old enough, as the chains say.
    pub dropped_entries: u64,
    /// Up to when, in milliseconds since 1970; `None`: nothing was ever deleted.
    pub dropped_before_ms: Option<u64>,
    /// For how many days the database keeps entries at least.
    pub kept_days: u64,
    /// True: entries may have been deleted that are younger than that. They were kept for a shorter time
    /// once, or who owns the tables said so by hand.
    pub is_dropped_early: bool,
    /// Entries of a version without chains that no link names yet; the hourly job `housekeeping` links
    /// them.
    pub waiting_entries: u64,
    /// Entries without a chain of their own that are younger than the first one with: linked later or still
    /// to be linked. A node of an earlier version wrote them, or someone by hand; nothing tells which.
    pub late_entries: u64,
    /// The numbers of the first of them.
    pub late_audit_ids: Vec<u64>,
    /// What is wrong, the first [`FINDINGS_MAX`](crate::audit::FINDINGS_MAX) of it.
    pub findings: Vec<Finding>,
    /// How much more there is of it.
    pub more_findings: u64,
    /// Where the chains end.
    pub anchors: Vec<Anchor>,
}

/// Findings that a report has at most.
pub const FINDINGS_MAX: usize = 1_000;

impl AuditReport {
    /// Whether all is as it was written.
    pub fn is_sound(&self) -> bool {
        self.findings.is_empty()
    }

    pub(crate) fn add(&mut self, finding: Finding) {
        if self.findings.len() < FINDINGS_MAX {
            self.findings.push(finding);
        } else {
            self.more_findings += 1;
        }
    }
}
