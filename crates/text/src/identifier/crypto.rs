//! Addresses of cryptocurrencies. Their checksums are so long that no word is needed.

use std::ops::Range;

use super::Probe;
use crate::context::Words;
use crate::{Entity, boundary, context};

mod base58;
mod bech32;
mod keccak;

pub(super) const PROBES: &[Probe] = &[
    Probe { entity: Entity::CryptoBtc, name: "crypto-btc", lengths: 26..=74, plain: |_| false, find: bitcoin },
    Probe { entity: Entity::CryptoEth, name: "crypto-eth", lengths: 42..=42, plain: |_| false, find: ethereum },
    Probe { entity: Entity::CryptoOther, name: "crypto-other", lengths: 25..=62, plain: |_| false, find: other },
];

static WORDS: Words =
    Words::new(&["eth", "ethereum", "wallet", "erc20", "ether", "usdt", "deposit", "metamask", "crypto"]);

const CONFIDENCE: f32 = 0.95;

fn found(bytes: &[u8], token: Range<usize>, valid: impl Fn(&[u8]) -> bool) -> Option<(Range<usize>, f32)> {
    let free = !boundary::word_before(bytes, token.start) && !boundary::word_after(bytes, token.end);
    (free && valid(&bytes[token.clone()])).then_some((token, CONFIDENCE))
}

/// `Base58Check` of a public key's or a script's hash, or a witness program (BIP-173, BIP-350).
fn bitcoin(bytes: &[u8], token: Range<usize>, _floor: usize) -> Option<(Range<usize>, f32)> {
    found(bytes, token, |address| match address {
        [b'1' | b'3', ..] => base58::is_address(address, base58::BITCOIN, &[0, 5]),
        [b'b' | b'B', b'c' | b'C', b'1', ..] => bech32::is_address(address, b"bc"),
        _ => false,
    })
}

/// Litecoin, Dogecoin, Tron and the XRP Ledger, whose alphabet is its own.
fn other(bytes: &[u8], token: Range<usize>, _floor: usize) -> Option<(Range<usize>, f32)> {
    found(bytes, token, |address| match address {
        [b'L' | b'M', ..] => base58::is_address(address, base58::BITCOIN, &[0x30, 0x32]),
        [b'D' | b'A' | b'9', ..] => base58::is_address(address, base58::BITCOIN, &[0x1e, 0x16]),
        [b'T', ..] => base58::is_address(address, base58::BITCOIN, &[0x41]),
        [b'r', ..] => base58::is_address(address, base58::RIPPLE, &[0]),
        [b'l', b't', b'c', b'1', ..] => bech32::is_address(address, b"ltc"),
        _ => false,
    })
}

/// `0x` and twenty bytes. The capitals of mixed letters are a checksum (EIP-55); letters of one case have none and need a
/// word nearby.
fn ethereum(bytes: &[u8], token: Range<usize>, _floor: usize) -> Option<(Range<usize>, f32)> {
    let digits = bytes[token.clone()].strip_prefix(b"0x")?;
    if !digits.iter().all(u8::is_ascii_hexdigit)
        || boundary::word_before(bytes, token.start)
        || boundary::word_after(bytes, token.end)
    {
        return None;
    }
    let one_case = !(digits.iter().any(u8::is_ascii_lowercase) && digits.iter().any(u8::is_ascii_uppercase));
    let holds = if one_case {
        let repeated = digits.iter().all(|digit| *digit == digits[0]);
        !repeated && context::mentioned(bytes, &token, 64, 32, &WORDS)
    } else {
        keccak::has_checksum_capitals(digits)
    };
    holds.then_some((token, CONFIDENCE))
}
