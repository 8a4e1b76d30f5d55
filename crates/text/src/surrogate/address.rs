//! Addresses of machines, from the ranges for documentation.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::Draw;
use crate::Entity;

/// TEST-NET-1, -2 and -3 (RFC 5737).
const DOCUMENTATION_V4: [[u8; 3]; 3] = [[192, 0, 2], [198, 51, 100], [203, 0, 113]];

pub(super) fn make_v4(value: &str, _: Entity, draw: &mut Draw) -> Option<String> {
    value.parse::<Ipv4Addr>().ok()?;
    let [a, b, c] = draw.one_of(&DOCUMENTATION_V4);
    // Neither the network nor its broadcast address.
    let host = 1 + draw.below(254);
    Some(format!("{a}.{b}.{c}.{host}"))
}

pub(super) fn is_v4(value: &str) -> bool {
    value.parse::<Ipv4Addr>().is_ok_and(|address| DOCUMENTATION_V4.contains(&[0, 1, 2].map(|at| address.octets()[at])))
}

/// `2001:db8::/32` (RFC 3849).
const DOCUMENTATION_V6: [u16; 2] = [0x2001, 0xdb8];

/// One spelling for every spelling of an address: six groups drawn, in the form of RFC 5952.
pub(super) fn make_v6(value: &str, _: Entity, draw: &mut Draw) -> Option<String> {
    value.parse::<Ipv6Addr>().ok()?;
    let [a, b] = DOCUMENTATION_V6;
    let [c, d, e, f, g, h] = [(); 6].map(|()| draw.below(1 << 16) as u16);
    Some(Ipv6Addr::new(a, b, c, d, e, f, g, h).to_string())
}

pub(super) fn is_v6(value: &str) -> bool {
    value.parse::<Ipv6Addr>().is_ok_and(|address| address.segments()[..2] == DOCUMENTATION_V6)
}
