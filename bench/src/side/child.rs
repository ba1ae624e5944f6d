//! A measured process; it ends with its owner.

use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

/// How long a process may take to end when asked to.
const END_PATIENCE: Duration = Duration::from_secs(20);
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// A running process.
pub(crate) struct Process {
    child: Child,
    what: String,
}

impl Process {
    /// Starts it, its input closed.
    pub(crate) fn start(what: &str, command: &mut Command) -> anyhow::Result<Self> {
        let child = command
            .stdin(Stdio::null())
            .spawn()
            .with_context(|| format!("cannot start {what}"))?;
        Ok(Self {
            child,
            what: what.to_owned(),
        })
    }

    /// Starts it and waits for the address that it prints in its first line.
    pub(crate) fn start_with_address(
        what: &str,
        command: &mut Command,
    ) -> anyhow::Result<(Self, SocketAddr)> {
        let mut process = Self::start(what, command.stdout(Stdio::piped()))?;
        let stdout = process.child.stdout.take().context("no standard output")?;
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line)?;
        let address = line
            .trim()
            .parse()
            .with_context(|| format!("{what} said {line:?} instead of its address"))?;
        Ok((process, address))
    }

    /// Its id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits until `ready` says so.
    pub(crate) fn wait_until(
        &mut self,
        patience: Duration,
        mut ready: impl FnMut() -> bool,
    ) -> anyhow::Result<()> {
        let deadline = Instant::now() + patience;
        while !ready() {
            if let Some(status) = self.child.try_wait()? {
                bail!("{} ended with {status} before it was ready", self.what);
            }
            if Instant::now() > deadline {
                bail!("{} was not ready within {patience:?}", self.what);
            }
            std::thread::sleep(LOOK_EVERY);
        }
        Ok(())
    }

    /// Asks it to stop and waits; if it is still running then, it is killed when dropped.
    pub(crate) fn end(mut self) -> anyhow::Result<()> {
        let id = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(id, rustix::process::Signal::TERM)?;
        let deadline = Instant::now() + END_PATIENCE;
        while self.child.try_wait()?.is_none() {
            if Instant::now() > deadline {
                bail!("{} did not end within {END_PATIENCE:?}", self.what);
            }
            std::thread::sleep(LOOK_EVERY);
        }
        Ok(())
    }

    /// Resident memory in bytes.
    pub(crate) fn resident_bytes(&self) -> anyhow::Result<u64> {
        resident_bytes(self.id())
    }

    /// CPU time so far, in seconds.
    pub(crate) fn cpu_seconds(&self) -> anyhow::Result<f64> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.id()))?;
        // The name in parentheses may hold anything; user and system time are the 14th and 15th.
        let (_, rest) = stat.rsplit_once(')').context("an odd /proc/…/stat")?;
        let fields: Vec<&str> = rest.split_whitespace().collect();
        let ticks = |at: usize| -> anyhow::Result<f64> {
            Ok(fields.get(at).context("a short /proc/…/stat")?.parse()?)
        };
        let per_second = rustix::param::clock_ticks_per_second();
        Ok((ticks(11)? + ticks(12)?) / per_second as f64)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already; then there is nothing to do.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn resident_bytes(id: u32) -> anyhow::Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{id}/status"))?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .context("no VmRSS in /proc/…/status")?;
    let kib: u64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kib * 1_024)
}

/// A port that was free a moment ago.
pub(crate) fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// Whether anything listens there.
pub(crate) fn is_listening(port: u16) -> bool {
    TcpStream::connect(("127.0.0.1", port)).is_ok()
}
