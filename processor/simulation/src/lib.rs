//! An independent, naive model of the seat machine.
