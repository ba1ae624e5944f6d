//! Nodes over a real broker and a real PostgreSQL: who owns, what is published, where they start.

mod fitting;
mod foreign;
mod leading;
mod projecting;
mod starting;
mod support;
