//! Members of one partition over a log and a topic in memory.

mod buffers;
mod cluster;
mod disputes;
mod leading;
