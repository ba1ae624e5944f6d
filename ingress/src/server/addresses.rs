//! Who is connected, by address.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use parking_lot::Mutex;

use super::outgoing::Unsent;
use crate::rate_limit::Key;

/// Connections by block of addresses.
#[derive(Debug)]
pub(super) struct Addresses {
    connected: Mutex<HashMap<Key, Block>>,
    /// `None`: every connection is let in, as behind our own proxies.
    connections_max: Option<usize>,
}

#[derive(Debug, Default)]
struct Block {
    connections: usize,
    unsent: Arc<Unsent>,
}

/// A connection that is counted until this is dropped.
#[derive(Debug)]
pub(super) struct Connected {
    addresses: Arc<Addresses>,
    key: Key,
    /// What is unsent on all connections of the block.
    pub(super) unsent: Arc<Unsent>,
}

impl Addresses {
    pub(super) fn new(connections_max: Option<usize>) -> Arc<Self> {
        Arc::new(Self {
            connected: Mutex::default(),
            connections_max,
        })
    }

    /// Counts a connection; `None` when its block has as many as it may have.
    pub(super) fn connect(self: &Arc<Self>, address: IpAddr) -> Option<Connected> {
        let key = Key::of_address(address);
        let mut connected = self.connected.lock();
        let block = connected.entry(key).or_default();
        if self
            .connections_max
            .is_some_and(|max| block.connections >= max)
        {
            return None;
        }
        block.connections += 1;
        Some(Connected {
            addresses: self.clone(),
            key,
            unsent: block.unsent.clone(),
        })
    }
}

impl Drop for Connected {
    fn drop(&mut self) {
        let mut connected = self.addresses.connected.lock();
        if let Some(block) = connected.get_mut(&self.key) {
            block.connections -= 1;
            if block.connections == 0 {
                connected.remove(&self.key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_has_so_many_connections_and_others_have_theirs() {
        let addresses = Addresses::new(Some(2));
        let connect = |text: &str| addresses.connect(text.parse().unwrap());
        let first = connect("2001:db8:0:1::1");
        // Another network of the same subscriber.
        let second = connect("2001:db8:0:2::1");
        assert!(first.is_some() && second.is_some());
        assert!(connect("2001:db8:0:1::3").is_none());
        assert!(connect("2001:db8:0:100::1").is_some());
        drop(first);
        assert!(connect("2001:db8:0:1::3").is_some());
        drop(second);
        assert!(addresses.connected.lock().is_empty());
    }
}
