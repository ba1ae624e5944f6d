//! Ids of what is handed in to the log, and keys at the gateway. All of them follow from the row, so whoever does a
//! step again does the same one.

use onsale_schemas::derived::derived;
use onsale_schemas::{RequestId, UserId};
use uuid::Uuid;

/// Who acts in the log for payments: this part of the program, in every installation.
pub(super) const PAYMENTS: UserId =
    UserId(Uuid::from_u128(0x7061_796d_656e_8473_8000_0000_0000_0001));

/// The request of a payment or refund for this purpose.
pub(super) fn request(stem: Uuid, purpose: &str) -> RequestId {
    let name = "onsale 2026 payment to request id";
    let bytes = derived(name, &[stem.as_bytes(), purpose.as_bytes()]);
    RequestId(Uuid::new_v8(bytes))
}

/// A name of one length for what a gateway calls something, which may be long: for the books.
pub(super) fn short(object: &str) -> String {
    let name = "onsale 2026 object of a gateway to name";
    let id = Uuid::new_v8(derived(name, &[object.as_bytes()]));
    id.simple().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ids in logs were derived so.
    #[test]
    fn they_follow_from_payment_and_purpose() {
        let payment = Uuid::from_bytes([3; 16]);
        let confirm = request(payment, "confirm pi_1");
        assert_eq!(confirm, request(payment, "confirm pi_1"));
        assert_ne!(confirm, request(payment, "confirm pi_2"));
        assert_ne!(confirm, request(Uuid::from_bytes([4; 16]), "confirm pi_1"));
        assert_eq!(confirm.0.get_version_num(), 8);
        assert_eq!(PAYMENTS.0.get_version_num(), 8);
        let name = short(&"d".repeat(255));
        assert_eq!(name.len(), 32);
        assert_ne!(name, short("d"));
    }
}
