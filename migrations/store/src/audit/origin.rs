//! From where a request came, as an entry keeps it.

use std::net::IpAddr;

/// The block that an address lies in: a /24 of IPv4 or a /56 of IPv6, which is what one subscriber or one
/// small network has. It says from where without saying who, so it is kept in the clear; the whole
/// address is sealed in the session's row, for as long as that is kept.
pub fn address_block(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(v4) => {
            let [a, b, c, _] = v4.octets();
            format!("{a}.{b}.{c}.0/24")
        }
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            let start = std::net::Ipv6Addr::new(a, b, c, d & 0xff00, 0, 0, 0, 0);
            format!("{start}/56")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::address_block;

    #[test]
    fn an_address_becomes_its_block() {
        for (address, block) in [
            ("203.0.113.77", "203.0.113.0/24"),
            ("::ffff:203.0.113.77", "203.0.113.0/24"),
            ("2001:db8:1:2345:6:7:8:9", "2001:db8:1:2300::/56"),
            ("::1", "::/56"),
        ] {
            assert_eq!(address_block(address.parse().unwrap()), block);
        }
    }
}
