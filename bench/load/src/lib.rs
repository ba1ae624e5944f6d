//! A load generator with honest latencies.
//!
//! Requests have **intended** start times, fixed before the run, and latency counts from them: a
//! server that stalls for a second is charged with every request that should have started in that
//! second (no "coordinated omission"). Latencies go into HDR histograms. Connections are kept alive
//! and driven by one event loop per thread over requests that are written once into reused buffers,
//! so that the generator costs far less than the server that it measures; how busy it was is part
//! of every report.
//!
//! [`run`] runs a [`ScenarioKind`] against a server: it creates its own event and shows through the
//! API, sends requests, checks what the server says about its stock afterwards, and returns a
//! [`Report`] that can be written as text, JSON or HTML. [`drive`] is the event loop alone, for
//! callers with their own requests.

mod answer;
mod channel;
mod checks;
mod clock;
mod connection;
mod control;
mod draft;
mod drive;
mod error;
mod history;
mod html;
mod minter;
mod progress;
mod random;
mod report;
mod run;
mod scenario;
mod scenarios;
mod schedule;
mod settings;
mod svg;
mod tally;
mod target;
mod text;
mod timeline;
mod timer;
mod users;
mod worker;
mod world;

pub use answer::Answer;
pub use control::Control;
pub use draft::{Draft, Method, Op, Who};
pub use drive::{DriveSettings, Driven, drive};
pub use error::LoadError;
pub use html::{escape, page};
pub use minter::Minter;
pub use progress::{Progress, Stop};
pub use random::Random;
pub use report::{Check, Latency, Report};
pub use run::run;
pub use scenario::{Finding, Scenario, ScenarioKind};
pub use schedule::{Pace, Schedule};
pub use settings::LoadSettings;
pub use svg::{Plot, Series};
pub use tally::Tally;
pub use target::Target;
pub use users::Users;
pub use world::{Places, ShowPlan, World, WorldSize, ZonePlan};
