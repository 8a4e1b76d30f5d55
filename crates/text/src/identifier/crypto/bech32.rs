//! Bech32 and Bech32m: witness programs with a checksum over a prefix and groups of five bits (BIP-173, BIP-350).

const ALPHABET: &[u8; 32] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";

/// What the checksum leaves: 1 for version 0, another constant for later versions.
const BECH32: u32 = 1;
const BECH32M: u32 = 0x2bc8_30a3;

/// Whether `text` is a witness program of at most 40 bytes for the network `prefix`, in one case.
pub(super) fn is_address(text: &[u8], prefix: &[u8]) -> bool {
    let mixed = text.iter().any(u8::is_ascii_lowercase) && text.iter().any(u8::is_ascii_uppercase);
    let Some((start, data)) = text.split_at_checked(prefix.len() + 1) else {
        return false;
    };
    // Version, at least two bytes, checksum.
    if mixed || !start[..prefix.len()].eq_ignore_ascii_case(prefix) || !(1 + 4 + 6..=1 + 64 + 6).contains(&data.len()) {
        return false;
    }
    let mut state = 1;
    for letter in prefix {
        state = step(state, u32::from(letter >> 5));
    }
    state = step(state, 0);
    for letter in prefix {
        state = step(state, u32::from(letter & 31));
    }
    let mut version = None;
    for symbol in data {
        let Some(value) = ALPHABET.iter().position(|letter| *letter == symbol.to_ascii_lowercase()) else {
            return false;
        };
        version.get_or_insert(value);
        state = step(state, value as u32);
    }
    match version {
        Some(0) => state == BECH32 && matches!(data.len(), 39 | 59),
        Some(1..=16) => state == BECH32M,
        _ => false,
    }
}

const fn step(state: u32, value: u32) -> u32 {
    const GENERATOR: [u32; 5] = [0x3b6a_57b2, 0x2650_8e6d, 0x1ea1_19fa, 0x3d42_33dd, 0x2a14_62b3];
    let mut next = (state & 0x01ff_ffff) << 5 ^ value;
    let mut bit = 0;
    while bit < 5 {
        if state >> (25 + bit) & 1 == 1 {
            next ^= GENERATOR[bit];
        }
        bit += 1;
    }
    next
}
