//! Halls as organizers describe them: sections with rows, tables and standing areas, a stage, and a
//! place for each seat. Nothing here reads a file or a clock: bytes come in, a checked [`Hall`] or a
//! list of faults comes out.
//!
//! - [`mod@format`] is how a hall is written (`onsale-hall/1`); README.md explains it to people.
//! - [`Hall`] is one that was checked. It never changes and has an [`Address`]: what is sold refers
//!   to that, and a hall that is rebuilt is another version with another address.
//! - [`compile`] makes the layout of a show of it, [`seating`] what the log knows of its rows, [`chart`]
//!   what a page draws.
//! - [`csv`] and [`pretix`] read what others wrote; [`generate`] makes halls of common shapes.

pub mod chart;
mod check;
pub mod compile;
pub mod csv;
mod fault;
pub mod format;
pub mod generate;
mod geometry;
mod hall;
pub mod limits;
pub mod numbering;
mod plan;
mod prefixes;
pub mod pretix;
pub mod seating;
mod sight;
mod text;

pub use fault::{Fault, Faults};
pub use geometry::table_outline;
pub use hall::{Address, Hall, HallError};
pub use plan::{Flags, Plan, PlanArea, PlanRow, PlanSeat};
