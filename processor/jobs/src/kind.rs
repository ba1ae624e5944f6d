//! The kinds of jobs that a worker knows.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::handler::Handler;

/// Shortest lease: renewing it on a busy database must fit in several times.
const LEASE_MIN: Duration = Duration::from_secs(1);

/// A kind of job and how its jobs are run.
#[derive(Clone)]
pub struct Kind {
    /// Its name, as jobs carry it.
    pub name: &'static str,
    /// What does the work.
    pub handler: Arc<dyn Handler>,
    /// How many of its jobs a worker runs at once.
    pub concurrency: u32,
    /// How long a worker may be silent before another one takes its job. It is renewed three times
    /// in that time, however long the job takes.
    pub lease: Duration,
}

/// Why kinds cannot be run.
#[derive(Debug, PartialEq, Eq)]
pub enum KindsError {
    /// Two of the same name.
    Twice(&'static str),
    /// A kind whose jobs would never run, or never be renewed in time.
    Unusable(&'static str),
}

impl std::fmt::Display for KindsError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Twice(name) => write!(f, "there are two kinds of job called {name:?}"),
            Self::Unusable(name) => write!(
                f,
                "kind of job {name:?}: expected a concurrency of at least 1 and a lease of at least \
                 {LEASE_MIN:?}"
            ),
        }
    }
}

impl std::error::Error for KindsError {}

/// The kinds of a worker, by name.
#[derive(Clone, Default)]
pub struct Kinds(BTreeMap<&'static str, Kind>);

impl Kinds {
    /// The kinds by their names.
    ///
    /// # Errors
    /// [`KindsError`] for two of one name and for one that could not work.
    pub fn new(kinds: Vec<Kind>) -> Result<Self, KindsError> {
        let mut by_name = BTreeMap::new();
        for kind in kinds {
            let name = kind.name;
            if kind.concurrency == 0 || kind.lease < LEASE_MIN {
                return Err(KindsError::Unusable(name));
            }
            if by_name.insert(name, kind).is_some() {
                return Err(KindsError::Twice(name));
            }
        }
        Ok(Self(by_name))
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Kind> {
        self.0.values()
    }
}
