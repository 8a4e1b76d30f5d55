//! Sizes as people write them.

/// Below this hardly a page of Parquet fits.
const LEAST: u64 = 16 << 20;

/// A number of bytes: `268435456`, `256MiB`, `4GiB`, `2GB`.
pub(super) fn size(written: &str) -> Result<u64, String> {
    let units = [("KiB", 1_u64 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("TiB", 1 << 40)];
    let units = units.into_iter().chain([("kB", 1_000), ("MB", 1_000_000), ("GB", 1_000_000_000), ("", 1)]);
    let parsed = units.into_iter().find_map(|(unit, bytes)| {
        let number: u64 = written.strip_suffix(unit)?.trim().parse().ok()?;
        number.checked_mul(bytes)
    });
    let parsed = parsed.filter(|bytes| *bytes >= LEAST);
    parsed.ok_or_else(|| String::from("write a size of at least 16MiB, such as 256MiB or 4GiB"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        for (written, bytes) in [("256MiB", 256 << 20), ("2 GiB", 2 << 30), ("1GB", 1_000_000_000), ("16777216", LEAST)]
        {
            assert_eq!(size(written), Ok(bytes), "{written}");
        }
        for wrong in ["", "15MiB", "MiB", "-1GiB", "4gigs", "99999999TiB", "1.5GiB"] {
            assert!(size(wrong).is_err(), "{wrong}");
        }
    }
}
