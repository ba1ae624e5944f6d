//! Tests on a real broker: `deploy/test.sh` starts one and sets `ONSALE_TEST_KAFKA_BROKERS`.

mod contract;
mod deafness;
mod following;
mod foreign;
mod outage;
mod producing;
mod proxy;
mod publishing;
mod replies;
mod security;
mod setup;
mod support;
