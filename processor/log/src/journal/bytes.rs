//! Little-endian numbers at fixed places. Callers have checked the length.

pub(super) fn array_at<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    let mut array = [0; N];
    array.copy_from_slice(&bytes[at..at + N]);
    array
}

#[inline]
pub(super) fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes(array_at(bytes, at))
}

#[inline]
pub(super) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(array_at(bytes, at))
}

#[inline]
pub(super) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(array_at(bytes, at))
}

#[inline]
pub(super) fn put(bytes: &mut [u8], at: usize, value: &[u8]) {
    bytes[at..at + value.len()].copy_from_slice(value);
}

/// True when no byte is set.
pub(super) fn all_zero(bytes: &[u8]) -> bool {
    // Words first: recovery scans whole segments.
    let (words, rest) = bytes.as_chunks::<16>();
    words.iter().all(|word| u128::from_le_bytes(*word) == 0) && rest.iter().all(|&b| b == 0)
}

/// `size` rounded up to whole sectors.
pub(super) fn whole_sectors(size: usize) -> usize {
    size.next_multiple_of(SECTOR_BYTES)
}

/// What a device writes as a whole, in bytes. Everything in a segment starts and ends at a sector
/// boundary, so that a sector is never shared by durable data and a write in progress.
pub(super) const SECTOR_BYTES: usize = 512;
