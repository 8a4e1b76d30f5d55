//! Tokens that carry a checksum: the last six characters of a GitHub or npm token are the CRC-32 of the characters
//! between prefix and checksum, in base 62.
//!
//! A token with a right checksum is certainly one; one with a wrong checksum may have been invented for a document, or
//! mistyped, and is still rewritten.

const CHECKSUM_BYTES: usize = 6;
const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Whether the last six bytes of `tail` are the checksum of those before.
pub(super) fn is_right(tail: &[u8]) -> bool {
    let Some((body, checksum)) = tail.split_last_chunk::<CHECKSUM_BYTES>() else {
        return false;
    };
    let value = checksum.iter().try_fold(0_u64, |value, byte| {
        let digit = DIGITS.iter().position(|known| known == byte)?;
        Some(value * 62 + digit as u64)
    });
    value == Some(u64::from(crc32(body)))
}

/// CRC-32 of ISO 3309, as in zip files.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_check_value_of_the_standard() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        assert_eq!(crc32(b""), 0);
    }

    #[test]
    fn checksums_are_right_or_wrong() {
        // Computed with zlib, in parts that are no token.
        let body = ["zQWBuTSOoRi4A9", "spHcVY5ncnsDkxkJ"].concat();
        assert!(is_right(format!("{body}0mLq17").as_bytes()));
        assert!(!is_right(format!("{body}0mLq18").as_bytes()));
        assert!(!is_right(format!("{body}0mL_17").as_bytes()));
        assert!(is_right(b"000000"));
        assert!(!is_right(b"00000") && !is_right(b""));
    }
}
