//! Tests of the journal that look at its files.

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
