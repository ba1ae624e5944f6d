//! A world from a seed: the same seed gives the same history, byte for byte.

use std::any::Any;
use std::panic::catch_unwind;

use crate::trace::Trace;
use crate::{cluster, embedded};

pub use crate::stats::Stats;

/// What kind of world.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Nodes over a shared log, which fail in every way that nodes, networks and brokers may.
    Cluster,
    /// One process over its own journal, on a disk that loses and tears what was not synced.
    Embedded,
}

/// How to run a world.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// What kind of world.
    pub kind: Kind,
    /// What everything follows from.
    pub seed: u64,
    /// Commands of clients.
    pub commands: u64,
    /// The machine version whose commands clients and staff use. With 1, some clusters are upgraded
    /// to version 2 on the way. With 2 that is there from the beginning, and some clusters are
    /// upgraded to version 3; in most of these clients use its commands all along, before and behind
    /// the barrier. With 3, version 2 is there too, and version 3 is raised by a barrier of some
    /// client.
    pub machine_version: u16,
    /// Keep the last steps in words.
    pub in_words: bool,
}

/// A world in which nothing was wrong.
#[derive(Clone, Debug)]
pub struct Finished {
    /// What happened in it.
    pub stats: Stats,
    /// Hash of all that happened, in order.
    pub trace_hash: u64,
}

/// Something that must not be.
#[derive(Clone, Debug)]
pub struct Violation {
    /// In which world.
    pub options: Options,
    /// After this many commands of clients.
    pub after_commands: u64,
    /// What is wrong.
    pub what: String,
    /// The last steps, when asked for.
    pub lines: Vec<String>,
}

/// A finished world.
pub(crate) struct Lived {
    pub(crate) result: Result<(), String>,
    pub(crate) stats: Stats,
    pub(crate) trace: Trace,
}

/// Runs a world to its end.
///
/// # Errors
/// The first thing that is wrong.
pub fn run(options: Options) -> Result<Finished, Box<Violation>> {
    let live = || match options.kind {
        Kind::Cluster => cluster::run(options),
        Kind::Embedded => embedded::run(options),
    };
    // A panic of the tested code is a violation like any other.
    let lived = catch_unwind(live).unwrap_or_else(|panic| Lived {
        result: Err(format!("a panic: {}", words_of(&*panic))),
        stats: Stats::default(),
        trace: Trace::new(false),
    });
    match lived.result {
        Ok(()) => Ok(Finished {
            stats: lived.stats,
            trace_hash: lived.trace.hash(),
        }),
        Err(what) => Err(Box::new(Violation {
            options,
            after_commands: lived.stats.asked,
            what,
            lines: lived.trace.into_lines(),
        })),
    }
}

fn words_of(panic: &(dyn Any + Send)) -> &str {
    let words = panic.downcast_ref::<&str>().copied();
    words
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("without words")
}

/// The shortest history of the same seed that is also wrong, found by leaving out commands at the
/// end.
pub fn shorten(violation: &Violation) -> Violation {
    let mut shortest = violation.clone();
    let mut sound = 0;
    while sound + 1 < shortest.options.commands {
        let tried = if sound == 0 && shortest.after_commands < shortest.options.commands {
            shortest.after_commands.max(1)
        } else {
            sound + (shortest.options.commands - sound) / 2
        };
        let options = Options {
            commands: tried,
            ..shortest.options
        };
        match run(options) {
            Err(found) => shortest = *found,
            Ok(_) => sound = tried,
        }
    }
    shortest
}

impl std::fmt::Display for Violation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Options {
            kind,
            seed,
            commands,
            machine_version,
            ..
        } = self.options;
        let world = match kind {
            Kind::Cluster => "cluster",
            Kind::Embedded => "embedded",
        };
        write!(
            f,
            "seed {seed} is wrong after {} commands: {}\n\
             see it again: cargo run -p onsale-simulation --bin simulate -- --world {world} \
             --from {seed} --seeds 1 --commands {commands} \
             --machine-version {machine_version} --as-is --trace",
            self.after_commands, self.what,
        )
    }
}
