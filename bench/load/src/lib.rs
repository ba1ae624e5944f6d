//! A load generator that does not lie.
//!
//! Requests have **intended** start times, fixed before the run, and latency counts from them: a
//! server that stalls for a second is charged with every request that should have started in that
//! second (no "coordinated omission"). Latencies go into HDR histograms. Connections are kept alive
//! and driven by one event loop per thread over requests that are written once into reused buffers,
//! so that the generator stays far below the cost of the server that it measures; how busy it was is
//! part of every report.
//!
//! [`run`] plays a [`ScenarioKind`] against a running server: it makes an event and shows of its own
//! through the API, sends, checks what the server says about its stock afterwards, and returns a
//! [`Report`] that can be written as text, JSON or a page of HTML. [`drive`] is the event loop alone,
//! for whoever brings requests of their own.

mod answer;
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
