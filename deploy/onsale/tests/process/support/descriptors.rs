//! Open files of a process, and a limit of them.

/// A process that can open no file.
pub(crate) struct Exhausted {
    pub(super) pid: rustix::process::Pid,
    pub(super) before: rustix::process::Rlimit,
}

impl Drop for Exhausted {
    fn drop(&mut self) {
        set_limits(self.pid, self.before.current, self.before.maximum);
    }
}

pub(super) fn set_limits(
    pid: rustix::process::Pid,
    current: Option<u64>,
    maximum: Option<u64>,
) -> rustix::process::Rlimit {
    let limits = rustix::process::Rlimit { current, maximum };
    rustix::process::prlimit(Some(pid), rustix::process::Resource::Nofile, limits).unwrap()
}

/// Its limits of open files. The call reads them only while it sets others, so those are in force for a
/// moment.
pub(super) fn limits_of(pid: rustix::process::Pid) -> rustix::process::Rlimit {
    let own = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    set_limits(pid, own.maximum, own.maximum)
}
