//! Sixteen bytes that follow from a name and parts: ids that are the same whenever and wherever
//! they are derived.

/// The first half of the BLAKE3 hash of the parts, one behind the other, in the context of this
/// name.
///
/// A name is fixed for ever, and stands for one sequence of parts of which at most one has no fixed
/// length: nothing else keeps parts apart.
pub fn derived(name: &str, parts: &[&[u8]]) -> [u8; 16] {
    let mut hasher = blake3::Hasher::new_derive_key(name);
    for part in parts {
        hasher.update(part);
    }
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
    bytes
}
