//! Tests of the journal that look at its files.

mod beside_a_writer;
mod contract;
mod crash_points;
mod crashes;
mod damage;
mod faults;
mod fuzz;
mod opening;
mod retention;
mod scanning;
mod support;
mod torn_tails;
