//! What the log may be short of.

/// What the log can be short of for a while.
#[derive(Clone, Copy, Debug)]
pub(super) enum Shortage {
    Disk,
    Descriptors,
}

impl Shortage {
    pub(super) fn begins(self) -> &'static str {
        match self {
            Self::Disk => {
                "the log's disk is full: commands get 503 until there is space again; free some or \
                 move the data folder"
            }
            Self::Descriptors => {
                "the log cannot open its next file: commands get 503 until a file descriptor is \
                 free; raise the limit of open files"
            }
        }
    }

    pub(super) fn ends(self) -> &'static str {
        match self {
            Self::Disk => "the log's disk has space again",
            Self::Descriptors => "the log can open files again",
        }
    }
}
