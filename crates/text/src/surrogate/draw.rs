//! Numbers that a key and a value determine.

use blake3::OutputReader;

use crate::Entity;

/// An endless row of bytes: keyed BLAKE3 over the kind and the normal form of a value.
pub(crate) struct Draw(OutputReader);

impl Draw {
    pub(crate) fn new(key: &[u8; 32], entity: Entity, normal: &str) -> Self {
        let mut hasher = blake3::Hasher::new_keyed(key);
        // As for hashes, with another first part: whoever sees both must not be able to compare them.
        hasher.update(b"\0surrogate\0").update(entity.as_str().as_bytes()).update(&[0]).update(normal.as_bytes());
        Self(hasher.finalize_xof())
    }

    /// A number below `limit`. Of 64 bits, so that no remainder is likelier than another by more than 2^-50 here.
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        let mut bytes = [0; 8];
        self.0.fill(&mut bytes);
        (u64::from_le_bytes(bytes) % limit as u64) as usize
    }

    pub(crate) fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }

    pub(crate) fn digit(&mut self) -> u8 {
        self.one_of(b"0123456789")
    }

    pub(crate) fn digits(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.digit()).collect()
    }
}
