//! The saga against a world that does what it can.

mod crashes;
mod histories;
mod planted;
mod world;
