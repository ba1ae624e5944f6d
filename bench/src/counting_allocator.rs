//! The allocator of the shipped binary with two counters, so that bytes and allocations are counted
//! and not estimated.

use std::alloc::{GlobalAlloc, Layout};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use mimalloc::MiMalloc;

/// The allocator of the shipped binary.
static ALLOCATOR: MiMalloc = MiMalloc;
static LIVE_BYTES: AtomicU64 = AtomicU64::new(0);
static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);
static OFF: AtomicBool = AtomicBool::new(false);

/// Counts what is passed through to the allocator.
pub(crate) struct CountingAllocator;

fn bytes(layout: Layout) -> u64 {
    layout.size() as u64
}

#[expect(unsafe_code, reason = "an allocator is an unsafe trait by definition")]
// SAFETY: every call is passed on unchanged to the allocator, which keeps the contract.
unsafe impl GlobalAlloc for CountingAllocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(bytes(layout), 0, 1);
        // SAFETY: the caller's promise about the layout is passed on.
        unsafe { ALLOCATOR.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(0, bytes(layout), 0);
        // SAFETY: the caller's promise about pointer and layout is passed on.
        unsafe { ALLOCATOR.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size as u64, bytes(layout), 1);
        // SAFETY: the caller's promise about pointer, layout and size is passed on.
        unsafe { ALLOCATOR.realloc(pointer, layout, size) }
    }
}

fn count(new_bytes: u64, freed_bytes: u64, allocations: u64) {
    if OFF.load(Ordering::Relaxed) {
        return;
    }
    LIVE_BYTES.fetch_add(new_bytes, Ordering::Relaxed);
    LIVE_BYTES.fetch_sub(freed_bytes, Ordering::Relaxed);
    ALLOCATIONS.fetch_add(allocations, Ordering::Relaxed);
}

/// Stops counting for good: servers with several threads would contend for the counters.
pub(crate) fn stop_counting() {
    OFF.store(true, Ordering::Relaxed);
}

/// Bytes allocated and not freed.
pub(crate) fn live_bytes() -> u64 {
    LIVE_BYTES.load(Ordering::Relaxed)
}

/// Allocations so far, reallocations included.
pub(crate) fn allocations() -> u64 {
    ALLOCATIONS.load(Ordering::Relaxed)
}
