//! Fixed-seed hashing of table keys. Seeds are constants because replicas must behave alike; keys
//! are random or derived ids, so no stronger mixing is needed.

const K0: u64 = 0x9e37_79b9_7f4a_7c15;
const K1: u64 = 0xd6e8_feb8_6659_fd93;
const K2: u64 = 0xa076_1d64_78bd_642f;

/// Both halves of the 128-bit product folded together.
#[inline]
pub(crate) fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    let [l0, l1, l2, l3, l4, l5, l6, l7, h @ ..] = product.to_le_bytes();
    u64::from_le_bytes([l0, l1, l2, l3, l4, l5, l6, l7]) ^ u64::from_le_bytes(h)
}

/// The two little-endian halves of a 16-byte id.
#[inline]
pub(crate) fn halves(id: &[u8; 16]) -> (u64, u64) {
    let &[a0, a1, a2, a3, a4, a5, a6, a7, b @ ..] = id;
    (
        u64::from_le_bytes([a0, a1, a2, a3, a4, a5, a6, a7]),
        u64::from_le_bytes(b),
    )
}

/// Hash of a 16-byte id.
#[inline]
pub(crate) fn id(bytes: &[u8; 16]) -> u64 {
    let (low, high) = halves(bytes);
    fold(low ^ K0, high ^ K1)
}

/// Hash of a 16-byte id within a namespace.
#[inline]
pub(crate) fn id_within(namespace: u32, bytes: &[u8; 16]) -> u64 {
    let (low, high) = halves(bytes);
    let namespace = u64::from(namespace).wrapping_mul(K2);
    fold(low ^ K0 ^ namespace, high ^ K1)
}

/// Hash of a number.
#[inline]
pub(crate) fn number(number: u64) -> u64 {
    fold(number ^ K0, K1)
}
