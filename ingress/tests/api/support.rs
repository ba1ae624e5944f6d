//! What the tests share.

mod database;
mod declared;
mod desk;
mod log;
mod machine;
mod operations;
mod reply;
mod tokens;
mod world;

pub(crate) use declared::{Declared, declared};
pub(crate) use desk::{FakeDesk, SIGNATURE};
pub(crate) use log::{Script, ScriptedLog};
pub(crate) use reply::Reply;
pub(crate) use tokens::{Claims, SECRET, sign, sign_with};
pub(crate) use world::{
    BALCONY, BUYER, Call, EVENT, FLOOR, NOW_MS, ORGANIZER, SHOW, STALLS, World, event, seats, show,
};
