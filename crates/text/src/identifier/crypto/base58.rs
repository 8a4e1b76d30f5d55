//! `Base58Check`: 25 bytes in an alphabet without look-alikes, the last four the start of a double SHA-256.

use sha2::{Digest, Sha256};

pub(super) const BITCOIN: &[u8; 58] = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
pub(super) const RIPPLE: &[u8; 58] = b"rpshnaf39wBUDNEGHJKLM4PQRST7VWXYZ2bcdeCg65jkm8oFqi1tuvAxyz";

const BYTES: usize = 25;

/// Whether `text` writes a version, twenty bytes and their checksum.
pub(super) fn is_address(text: &[u8], alphabet: &[u8; 58], versions: &[u8]) -> bool {
    decode(text, alphabet).is_some_and(|bytes| {
        let (body, checksum) = bytes.split_at(BYTES - 4);
        versions.contains(&body[0]) && Sha256::digest(Sha256::digest(body))[..4] == *checksum
    })
}

fn decode(text: &[u8], alphabet: &[u8; 58]) -> Option<[u8; BYTES]> {
    if !(25..=35).contains(&text.len()) {
        return None;
    }
    let mut bytes = [0_u8; BYTES];
    for symbol in text {
        let mut carry = alphabet.iter().position(|letter| letter == symbol)?;
        for byte in bytes.iter_mut().rev() {
            carry += 58 * usize::from(*byte);
            *byte = carry as u8;
            carry >>= 8;
        }
        if carry > 0 {
            return None;
        }
    }
    // Every zero byte at the front is one first letter of the alphabet at the front.
    let zeros = bytes.iter().take_while(|&&byte| byte == 0).count();
    let ones = text.iter().take_while(|&&symbol| symbol == alphabet[0]).count();
    (zeros == ones).then_some(bytes)
}
