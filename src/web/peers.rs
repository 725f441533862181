//! Who is at the other end of a connection.

use std::{fmt, net::IpAddr};

/// The address at the other end of a connection: the client's own, or that of a proxy in between.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer(pub IpAddr);

/// Networks of addresses, such as those of a proxy whose headers are believed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Networks(Vec<Network>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Network {
    address: IpAddr,
    bits: u32,
}

/// What counts as one client: an IPv4 address, or an IPv6 network of 64 bits, which is what one customer has at least.
#[must_use]
pub fn client_network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6((address.to_bits() >> 64 << 64).into()),
        v4 @ IpAddr::V4(_) => v4,
    }
}

impl Networks {
    /// Reads addresses (`10.0.0.7`) and networks (`10.0.0.0/8`, `fd00::/8`), separated by commas or blanks.
    ///
    /// # Errors
    /// The first text that is neither.
    pub fn parse(text: &str) -> Result<Self, String> {
        let texts = text.split([',', ' ', '\n', '\t']).filter(|one| !one.is_empty());
        let networks = texts.map(|one| Network::parse(one).ok_or_else(|| one.to_owned()));
        networks.collect::<Result<_, _>>().map(Self)
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether an address is in one of them.
    #[must_use]
    pub fn include(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.includes(address.to_canonical()))
    }
}

impl Network {
    fn parse(text: &str) -> Option<Self> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().ok()?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits = match bits {
            Some(bits) => bits.parse().ok().filter(|bits| *bits <= most)?,
            None => most,
        };
        Some(Self { address, bits })
    }

    fn includes(self, address: IpAddr) -> bool {
        match (self.address, address) {
            (IpAddr::V4(own), IpAddr::V4(other)) => (own.to_bits() ^ other.to_bits()).leading_zeros() >= self.bits,
            (IpAddr::V6(own), IpAddr::V6(other)) => (own.to_bits() ^ other.to_bits()).leading_zeros() >= self.bits,
            _ => false,
        }
    }
}

impl fmt::Display for Networks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, network) in self.0.iter().enumerate() {
            let separator = if n == 0 { "" } else { ", " };
            write!(f, "{separator}{}/{}", network.address, network.bits)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_network_of_ipv6_is_one_client() {
        let (one, same) = (address("2001:db8:1:2::1"), address("2001:db8:1:2:ffff::9"));
        assert_eq!(client_network(one), client_network(same));
        assert_ne!(client_network(one), client_network(address("2001:db8:1:3::1")));
        assert_eq!(client_network(address("::ffff:10.0.0.1")), address("10.0.0.1"));
    }

    #[test]
    fn a_network_includes_its_addresses_and_no_others() {
        let networks = Networks::parse("10.0.0.0/8, 192.168.1.7 fd00::/8").unwrap();
        for inside in [
            "10.0.0.0",
            "10.255.255.255",
            "192.168.1.7",
            "fd12::1",
            "::ffff:10.1.1.1",
        ] {
            assert!(networks.include(address(inside)), "{inside}");
        }
        for outside in ["11.0.0.0", "9.255.255.255", "192.168.1.8", "fe00::1", "::1"] {
            assert!(!networks.include(address(outside)), "{outside}");
        }
        assert!(Networks::parse("0.0.0.0/0").unwrap().include(address("203.0.113.9")));
        assert!(!Networks::default().include(address("127.0.0.1")));
        assert_eq!(networks.to_string(), "10.0.0.0/8, 192.168.1.7/32, fd00::/8");
    }

    #[test]
    fn what_is_no_network_is_named() {
        for wrong in [
            "10.0.0.0/33",
            "proxy.example",
            "10.0.0.1:80",
            "::/129",
            "10.0.0.0/",
            "10.0.0.0/-1",
        ] {
            assert_eq!(Networks::parse(&format!("10.0.0.1, {wrong}")).unwrap_err(), wrong);
        }
    }
}
