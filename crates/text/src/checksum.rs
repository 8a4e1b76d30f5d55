//! The check digits of cards, bank accounts and travel documents.

/// The Luhn check (ISO/IEC 7812-1, annex B) over digits 0–9, the check digit last.
pub(crate) fn luhn(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(place, &digit)| match (place % 2, u32::from(digit)) {
            (0, digit) => digit,
            (_, digit) if digit < 5 => 2 * digit,
            (_, digit) => 2 * digit - 9,
        })
        .sum();
    sum.is_multiple_of(10)
}

/// The mod 97-10 check of an IBAN (ISO 13616, ISO 7064) over ASCII letters and digits in their written order.
///
/// Anything that is not a letter or digit fails.
pub(crate) fn mod_97(iban: &[u8]) -> bool {
    if iban.len() < 5 {
        return false;
    }
    let mut remainder = 0_u32;
    for &byte in iban[4..].iter().chain(&iban[..4]) {
        remainder = match byte {
            b'0'..=b'9' => remainder * 10 + u32::from(byte - b'0'),
            b'A'..=b'Z' => remainder * 100 + u32::from(byte - b'A') + 10,
            b'a'..=b'z' => remainder * 100 + u32::from(byte - b'a') + 10,
            _ => return false,
        } % 97;
    }
    remainder == 1
}

/// The check digit of ICAO 9303, part 3: weights 7, 3, 1 in turn, mod 10. Letters count from A = 10, a filler 0.
pub(crate) fn weights_7_3_1(values: impl Iterator<Item = u32>) -> u32 {
    values.zip([7, 3, 1].into_iter().cycle()).map(|(value, weight)| value * weight).sum::<u32>() % 10
}
