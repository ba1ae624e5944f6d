//! Copy-on-write storage in pages: a vector that is cloned in microseconds whatever its length, and
//! that grows without moving its items.
//!
//! Two levels: nodes of [`FANOUT`] pages of `N` items. A clone shares all nodes; the first write to
//! a page afterwards copies its node's pointers and the page. `triomphe::Arc` is used because a
//! plain load tells whether it is shared; the standard one needs a locked instruction for that,
//! which would cost more than the rest of a write.

use triomphe::Arc;

/// Pages of one node.
const FANOUT: usize = 64;
const CACHE_LINE_BYTES: usize = 64;

#[derive(Clone)]
struct Node<T, const N: usize> {
    pages: [Arc<[T; N]>; FANOUT],
}

/// The pointed-to value for writing, copied first if a clone shares it.
///
/// As `Arc::make_mut`, with the copy out of line: inlined, its stack frame of a whole page would be
/// set up on every write.
#[inline]
pub(crate) fn own<T: Clone>(shared: &mut Arc<T>) -> &mut T {
    if !Arc::is_unique(shared) {
        unshare(shared);
    }
    match Arc::get_mut(shared) {
        Some(owned) => owned,
        // No one else can have reached it since: there is one way to it, and it is borrowed.
        None => std::process::abort(),
    }
}

#[cold]
#[inline(never)]
fn unshare<T: Clone>(shared: &mut Arc<T>) {
    *shared = Arc::new(T::clone(shared));
}

/// Prefetches a cache line without waiting for it.
#[inline(always)]
#[cfg_attr(
    target_arch = "x86_64",
    expect(
        unsafe_code,
        reason = "measured: a third more commands a second in large states"
    )
)]
pub(crate) fn prefetch(at: *const u8) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a prefetch is a hint; it reads nothing that the program sees and never faults,
    // whatever the address is.
    unsafe {
        std::arch::x86_64::_mm_prefetch::<{ std::arch::x86_64::_MM_HINT_T0 }>(at.cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = at;
}

/// Prefetches all cache lines of a value.
#[inline]
pub(crate) fn prefetch_all<T>(value: &T) {
    let start = std::ptr::from_ref(value).cast::<u8>();
    for byte in (0..size_of::<T>()).step_by(CACHE_LINE_BYTES) {
        prefetch(start.wrapping_add(byte));
    }
    prefetch(start.wrapping_add(size_of::<T>().saturating_sub(1)));
}

/// See the module's documentation. `N` is a power of two. Items never written are
/// `T::default()`; all pages never written are one shared page.
#[derive(Clone)]
pub(crate) struct Pages<T, const N: usize> {
    nodes: Vec<Arc<Node<T, N>>>,
    blank: Arc<[T; N]>,
}

impl<T: Clone + Default, const N: usize> Pages<T, N> {
    const PAGE_BITS: u32 = {
        assert!(N.is_power_of_two(), "pages have a power of two of items");
        N.trailing_zeros()
    };
    const NODE_ITEMS: usize = N * FANOUT;

    pub(crate) fn new() -> Self {
        Self {
            nodes: Vec::new(),
            blank: Arc::new(std::array::from_fn(|_| T::default())),
        }
    }

    /// Makes items up to and including `index` writable.
    #[inline]
    pub(crate) fn grow_to(&mut self, index: u32) {
        if index as usize >= self.nodes.len() * Self::NODE_ITEMS {
            self.grow_cold(index as usize);
        }
    }

    #[cold]
    fn grow_cold(&mut self, index: usize) {
        while index >= self.nodes.len() * Self::NODE_ITEMS {
            self.nodes.push(Arc::new(Node {
                pages: std::array::from_fn(|_| self.blank.clone()),
            }));
        }
    }

    /// The item. The index has to be covered by [`Pages::grow_to`].
    #[inline]
    pub(crate) fn get(&self, index: u32) -> &T {
        let index = index as usize;
        let node = &self.nodes[index / Self::NODE_ITEMS];
        &node.pages[(index >> Self::PAGE_BITS) % FANOUT][index % N]
    }

    /// The item for writing; copies what a clone still shares.
    #[inline]
    pub(crate) fn get_mut(&mut self, index: u32) -> &mut T {
        let index = index as usize;
        let node = own(&mut self.nodes[index / Self::NODE_ITEMS]);
        let page = own(&mut node.pages[(index >> Self::PAGE_BITS) % FANOUT]);
        &mut page[index % N]
    }

    /// Prefetches an item and its page's reference count, without waiting for them.
    #[inline]
    pub(crate) fn fetch(&self, index: u32) {
        let index = index as usize;
        let node = &self.nodes[index / Self::NODE_ITEMS];
        let page = &node.pages[(index >> Self::PAGE_BITS) % FANOUT];
        prefetch(page.heap_ptr().cast());
        let item = std::ptr::from_ref(&page[index % N]).cast::<u8>();
        prefetch(item);
        if !size_of::<T>().is_power_of_two() {
            // It may lie across two cache lines.
            prefetch(item.wrapping_add(size_of::<T>() - 1));
        }
    }

    /// Bytes of the pages written so far and of the nodes, without what items own elsewhere.
    pub(crate) fn memory_bytes(&self) -> usize {
        let written = self
            .nodes
            .iter()
            .flat_map(|node| &node.pages)
            .filter(|page| !Arc::ptr_eq(page, &self.blank))
            .count();
        (written + 1) * size_of::<[T; N]>()
            + self.nodes.len() * size_of::<Node<T, N>>()
            + self.nodes.capacity() * size_of::<usize>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holds_what_was_written_and_defaults_elsewhere() {
        let mut pages = Pages::<u32, 4>::new();
        pages.grow_to(1_000);
        for i in (0..=1_000).step_by(3) {
            *pages.get_mut(i) = i + 1;
        }
        for i in 0..=1_000 {
            assert_eq!(*pages.get(i), if i % 3 == 0 { i + 1 } else { 0 });
        }
    }

    #[test]
    fn a_clone_and_its_source_diverge() {
        let mut a = Pages::<u32, 4>::new();
        a.grow_to(600);
        *a.get_mut(5) = 1;
        let mut b = a.clone();
        *a.get_mut(5) = 2;
        *b.get_mut(6) = 3;
        b.grow_to(10_000);
        *b.get_mut(9_999) = 4;
        assert_eq!((*a.get(5), *a.get(6)), (2, 0));
        assert_eq!((*b.get(5), *b.get(6), *b.get(9_999)), (1, 3, 4));
    }

    #[test]
    fn blank_pages_take_no_memory() {
        let mut pages = Pages::<[u64; 16], 64>::new();
        pages.grow_to(100_000);
        let before = pages.memory_bytes();
        *pages.get_mut(50_000) = [1; 16];
        assert_eq!(pages.memory_bytes() - before, size_of::<[[u64; 16]; 64]>());
    }
}
