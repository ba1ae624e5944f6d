//! Shows: their sale, their seats, what is free.

pub(crate) mod amend;
pub(crate) mod availability;
pub(crate) mod block;
pub(crate) mod body;
pub(crate) mod cancel;
pub(crate) mod close;
pub(crate) mod create;
pub(crate) mod layout;
pub(crate) mod list;
pub(crate) mod one;
pub(crate) mod resume;
pub(crate) mod seats;
pub(crate) mod stream;
pub(crate) mod unblock;
pub(crate) mod zones;
