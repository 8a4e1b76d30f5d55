//! JSON web tokens (RFC 7519): three parts of base64url, the first a JSON object that names an algorithm.

const PART_BYTES_MAX: usize = 8192;
const HEADER_BYTES_MAX: usize = 1024;

/// Where the token that starts at `start` with `eyJ` ends.
pub(super) fn end(bytes: &[u8], start: usize) -> Option<usize> {
    if start > 0 && bytes[start - 1] == b'-' {
        // The middle of a longer run.
        return None;
    }
    let header = part_end(bytes, start, HEADER_BYTES_MAX)?;
    if bytes.get(header) != Some(&b'.')
        || !bytes[header + 1..].starts_with(b"eyJ")
        || !names_algorithm(&bytes[start..header])
    {
        return None;
    }
    let payload = part_end(bytes, header + 1, PART_BYTES_MAX)?;
    if bytes.get(payload) != Some(&b'.') {
        return None;
    }
    // An unsigned token ends in its second dot.
    Some(part_end(bytes, payload + 1, PART_BYTES_MAX).unwrap_or(payload + 1))
}

fn part_end(bytes: &[u8], start: usize, max: usize) -> Option<usize> {
    let in_part = |byte: &&u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    let length = bytes[start..].iter().take(max + 1).take_while(in_part).count();
    (1..=max).contains(&length).then_some(start + length)
}

fn names_algorithm(header: &[u8]) -> bool {
    let mut decoded = Vec::with_capacity(header.len());
    for group in header.chunks(4) {
        let bits =
            group.iter().fold(0_u32, |bits, &byte| (bits << 6) | u32::from(sextet(byte))) << (6 * (4 - group.len()));
        decoded.extend_from_slice(&bits.to_be_bytes()[1..group.len()]);
    }
    memchr::memmem::find(&decoded, b"\"alg\"").is_some()
}

const fn sextet(byte: u8) -> u8 {
    match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'-' => 62,
        _ => 63,
    }
}
