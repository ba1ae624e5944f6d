//! The saga against a world that does what it can.

mod anything;
mod crashes;
mod histories;
mod planted;
mod refunds;
mod world;
