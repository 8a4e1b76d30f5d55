//! Sizes as people write them.

/// A number of bytes, as `268435456`, `256MiB`, `4GiB` or `2GB`; `least` is in whole mebibytes.
pub(crate) fn size(written: &str, least: u64) -> Result<u64, String> {
    let units = [("KiB", 1_u64 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("TiB", 1 << 40)];
    let units = units.into_iter().chain([("kB", 1_000), ("MB", 1_000_000), ("GB", 1_000_000_000)]);
    let parsed = units.chain([("TB", 1_000_000_000_000), ("", 1)]).find_map(|(unit, bytes)| {
        let number: u64 = written.strip_suffix(unit)?.trim().parse().ok()?;
        number.checked_mul(bytes)
    });
    let parsed = parsed.filter(|bytes| *bytes >= least);
    parsed.ok_or_else(|| format!("write a size of at least {}MiB, such as 512MiB or 4GiB", least >> 20))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        let least = 16 << 20;
        for (written, bytes) in
            [("512MiB", 512 << 20), ("4GiB", 4 << 30), ("2GB", 2_000_000_000), ("16777216", least), ("3 GiB", 3 << 30)]
        {
            assert_eq!(size(written, least), Ok(bytes), "{written}");
        }
        for wrong in ["", "15MiB", "MiB", "-1GiB", "4gigs", "99999999999TiB", "1.5GiB"] {
            assert_eq!(size(wrong, least).unwrap_err(), "write a size of at least 16MiB, such as 512MiB or 4GiB");
        }
    }
}
