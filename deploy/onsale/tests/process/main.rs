//! Tests with the real binary as a process of its own, killed and restarted for real.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a panic is how a test reports, and what it measured is worth a line"
)]

mod accounts;
mod attacks;
mod audit;
mod branding;
mod clocks;
mod damaged_database;
mod deafness;
mod disk_full;
mod doctor;
mod encrypted;
mod for_sale;
mod growing;
mod halls;
#[path = "../shared/http_client.rs"]
mod http_client;
mod identity;
mod jobs;
mod kafka_database;
#[path = "../../../../processor/log/src/kafka/tests/proxy.rs"]
mod kafka_proxy;
mod kill_nine;
mod kill_nine_payments;
mod later_version;
mod life;
mod load;
mod load_history;
mod lost_database;
mod lost_log;
mod mail_server;
mod newcomer;
mod payments;
mod permissions;
mod personal_data;
mod postgres;
mod proof;
mod retention;
mod rules;
mod secrets;
mod silence;
#[path = "../../../../migrations/store/tests/contract/proxy.rs"]
mod silent_proxy;
mod small_disk;
mod support;
mod tls;
mod traces;
mod way_back;
mod wrong_rows;
