//! The saga against a world that does what it can.

mod histories;
mod planted;
mod world;
