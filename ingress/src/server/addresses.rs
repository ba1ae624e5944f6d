//! Connections by address.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak};

use parking_lot::Mutex;

use crate::rate_limit::Key;

/// Blocks of addresses that are connected, or have requests in progress.
#[derive(Debug)]
pub(super) struct Addresses {
    blocks: Mutex<HashMap<Key, Weak<Block>>>,
    /// `None`: every connection is accepted, as behind trusted proxies.
    connections_max: Option<usize>,
}

/// What one block of addresses has open. Forgotten when nothing refers to it any more.
#[derive(Debug)]
pub(super) struct Block {
    addresses: Arc<Addresses>,
    key: Key,
    connections: AtomicUsize,
    unsent_bytes: AtomicUsize,
}

/// A connection that is counted until this is dropped.
#[derive(Debug)]
pub(super) struct Connected(Arc<Block>);

impl Addresses {
    pub(super) fn new(connections_max: Option<usize>) -> Arc<Self> {
        Arc::new(Self {
            blocks: Mutex::default(),
            connections_max,
        })
    }

    /// The block that an address lies in.
    pub(super) fn block(self: &Arc<Self>, address: IpAddr) -> Arc<Block> {
        let key = Key::of_address(address);
        let mut blocks = self.blocks.lock();
        if let Some(block) = blocks.get(&key).and_then(Weak::upgrade) {
            return block;
        }
        let block = Arc::new(Block {
            addresses: self.clone(),
            key,
            connections: AtomicUsize::new(0),
            unsent_bytes: AtomicUsize::new(0),
        });
        blocks.insert(key, Arc::downgrade(&block));
        block
    }

    /// Counts a connection; `None` when its block has the maximum.
    pub(super) fn connect(self: &Arc<Self>, address: IpAddr) -> Option<Connected> {
        let block = self.block(address);
        let max = self.connections_max.unwrap_or(usize::MAX);
        let counted =
            block
                .connections
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |count| {
                    (count < max).then_some(count + 1)
                });
        counted.is_ok().then(|| Connected(block))
    }
}

impl Block {
    /// Bytes of answers requested from it that are not written yet.
    pub(super) fn unsent_bytes(&self) -> usize {
        self.unsent_bytes.load(Ordering::Relaxed)
    }

    pub(super) fn add_unsent(&self, bytes: usize) {
        self.unsent_bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(super) fn take_unsent(&self, bytes: usize) {
        self.unsent_bytes.fetch_sub(bytes, Ordering::Relaxed);
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        let mut blocks = self.addresses.blocks.lock();
        // Another one may have replaced it meanwhile.
        if blocks
            .get(&self.key)
            .is_some_and(|block| block.strong_count() == 0)
        {
            blocks.remove(&self.key);
        }
    }
}

impl Connected {
    pub(super) fn block(&self) -> &Arc<Block> {
        &self.0
    }
}

impl Drop for Connected {
    fn drop(&mut self) {
        self.0.connections.fetch_sub(1, Ordering::Relaxed);
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
        assert!(addresses.blocks.lock().is_empty());
    }

    #[test]
    fn a_block_is_known_while_something_of_it_is_under_way() {
        let addresses = Addresses::new(None);
        let address = "10.0.0.1".parse().unwrap();
        let connected = addresses.connect(address).unwrap();
        let answer = connected.block().clone();
        answer.add_unsent(5);
        drop(connected);
        assert_eq!(addresses.block(address).unsent_bytes(), 5);
        drop(answer);
        assert!(addresses.blocks.lock().is_empty());
        assert_eq!(addresses.block(address).unsent_bytes(), 0);
    }
}
