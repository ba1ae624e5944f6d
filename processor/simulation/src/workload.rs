//! Histories to test machines with, generated from a seed: the same seed and the same answers give
//! the same records on every machine.

mod actions;
mod clock;
mod generator;
mod halls;
mod layouts;
mod newer;
mod offers;
mod orders;
mod profile;
mod rng;
mod seen_orders;
mod world;

pub use generator::{Generated, Workload};
pub use layouts::START_MS;
pub use profile::{Action, Pace, Profile};
pub use rng::Rng;
