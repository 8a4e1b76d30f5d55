//! Tokens that are written once and read back by their numbers: in memory up to a limit, beyond it in a file.

use std::fs::File;
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use crate::spill::SpillError;

/// Tokens that are read at once.
const BLOCK_TOKENS: usize = 256;

/// Where tokens are put. A block is its owner, 16 bytes, and up to [`BLOCK_TOKENS`] tokens with a space behind each.
#[derive(Debug)]
pub(super) struct Put {
    path: PathBuf,
    bytes: Vec<u8>,
    bytes_max: usize,
    file: Option<BufWriter<File>>,
    length: u64,
    /// Per block the number of its first token, and where it begins.
    blocks: Vec<(u64, u64)>,
}

/// Where they are read.
#[derive(Debug)]
pub(super) struct Kept {
    path: PathBuf,
    bytes: Vec<u8>,
    file: Option<File>,
    length: u64,
    blocks: Vec<(u64, u64)>,
}

impl Put {
    /// Holds about `memory` bytes; what comes then goes to `path` with all that was there before.
    pub(super) fn new(path: &Path, memory: u64) -> Self {
        let bytes_max = usize::try_from(memory).unwrap_or(usize::MAX);
        Self { path: path.to_owned(), bytes: Vec::new(), bytes_max, file: None, length: 0, blocks: Vec::new() }
    }

    /// Adds neighbouring tokens of one owner, with one space between two, from the token of number `first` on, which is not
    /// below any number there is.
    pub(super) fn add(&mut self, first: u64, owner: u128, tokens: &str) -> Result<(), SpillError> {
        let mut number = first;
        let mut rest = tokens;
        while !rest.is_empty() {
            let end = rest.match_indices(' ').nth(BLOCK_TOKENS - 1).map_or(rest.len(), |(at, _)| at);
            let (block, behind) = rest.split_at(end);
            rest = behind.strip_prefix(' ').unwrap_or(behind);
            self.blocks.push((number, self.length));
            self.write(&owner.to_le_bytes())?;
            self.write(block.as_bytes())?;
            self.write(b" ")?;
            number += BLOCK_TOKENS as u64;
        }
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), SpillError> {
        let failed = |source| SpillError::Disk { path: self.path.clone(), source };
        self.length += bytes.len() as u64;
        if let Some(file) = &mut self.file {
            return file.write_all(bytes).map_err(failed);
        }
        self.bytes.extend_from_slice(bytes);
        if self.bytes.len() > self.bytes_max {
            let mut file = BufWriter::with_capacity(1 << 18, File::create(&self.path).map_err(failed)?);
            file.write_all(&std::mem::take(&mut self.bytes)).map_err(failed)?;
            self.file = Some(file);
        }
        Ok(())
    }

    /// Everything is in.
    pub(super) fn finish(self) -> Result<Kept, SpillError> {
        let failed = |source| SpillError::Disk { path: self.path.clone(), source };
        let file = match self.file {
            Some(file) => {
                drop(file.into_inner().map_err(|error| failed(error.into_error()))?);
                Some(File::open(&self.path).map_err(failed)?)
            }
            None => None,
        };
        Ok(Kept { path: self.path, bytes: self.bytes, file, length: self.length, blocks: self.blocks })
    }
}

impl Kept {
    /// A block that is not there is written over what `at` held.
    fn load(&mut self, index: usize, at: &mut Reader) -> Result<(), SpillError> {
        let start = self.blocks[index].1;
        let end = self.blocks.get(index + 1).map_or(self.length, |(_, start)| *start);
        at.block.clear();
        match &mut self.file {
            None => at.block.extend_from_slice(&self.bytes[start as usize..end as usize]),
            Some(file) => {
                at.block.resize((end - start) as usize, 0);
                let mut read = || -> io::Result<()> {
                    file.seek(SeekFrom::Start(start))?;
                    file.read_exact(&mut at.block)
                };
                read().map_err(|source| SpillError::Disk { path: self.path.clone(), source })?;
            }
        }
        (at.index, at.number, at.byte) = (Some(index), self.blocks[index].0, OWNER_BYTES);
        Ok(())
    }

    /// Makes the token of this number the next, which was added.
    pub(super) fn seek(&mut self, number: u64, at: &mut Reader) -> Result<(), SpillError> {
        let index = self.blocks.partition_point(|(first, _)| *first <= number) - 1;
        if at.index != Some(index) || at.number > number {
            self.load(index, at)?;
        }
        while at.number < number {
            at.pass();
        }
        Ok(())
    }

    /// The next token with the space behind it; the one behind the last of a text is of another.
    pub(super) fn next<'a>(&mut self, at: &'a mut Reader) -> Result<&'a [u8], SpillError> {
        if at.byte == at.block.len()
            && let Some(index) = at.index
        {
            self.load(index + 1, at)?;
        }
        let start = at.byte;
        at.pass();
        Ok(&at.block[start..at.byte])
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        if self.file.is_some() {
            // What cannot be removed lies in a folder that goes as a whole.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

const OWNER_BYTES: usize = 16;

/// A place in what is kept.
#[derive(Debug, Default)]
pub(super) struct Reader {
    index: Option<usize>,
    block: Vec<u8>,
    /// Number of the next token, and where it stands in the block.
    number: u64,
    byte: usize,
}

impl Reader {
    /// Whose the block's tokens are.
    pub(super) fn owner(&self) -> &[u8] {
        self.block.get(..OWNER_BYTES).unwrap_or_default()
    }

    fn pass(&mut self) {
        let rest = &self.block[self.byte..];
        self.byte += rest.iter().position(|byte| *byte == b' ').map_or(rest.len(), |at| at + 1);
        self.number += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_had_by_their_numbers_from_memory_and_from_disk() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tokens");
        let token = |number: u64| format!("{}{number}", "x".repeat(number as usize % 5));
        let runs = [(3, 1), (10, 600), (610, 256), (2000, 257)];
        for (memory, on_disk) in [(1 << 20, false), (500, true), (0, true)] {
            let mut put = Put::new(&path, memory);
            for (first, count) in runs {
                let tokens: Vec<String> = (first..first + count).map(token).collect();
                put.add(first, u128::from(first), &tokens.join(" ")).unwrap();
            }
            let mut kept = put.finish().unwrap();
            assert_eq!(path.exists(), on_disk);
            let mut at = Reader::default();
            let numbers: Vec<(u64, u64)> =
                runs.iter().flat_map(|(first, count)| (*first..first + count).map(|number| (*first, number))).collect();
            for (first, number) in numbers.iter().chain(numbers.iter().rev()).copied() {
                kept.seek(number, &mut at).unwrap();
                assert_eq!(at.owner(), u128::from(first).to_le_bytes());
                assert_eq!(kept.next(&mut at).unwrap(), format!("{} ", token(number)).as_bytes());
            }
            kept.seek(10, &mut at).unwrap();
            for number in 10..866 {
                assert_eq!(kept.next(&mut at).unwrap(), format!("{} ", token(number)).as_bytes());
            }
            drop(kept);
            assert!(!path.exists());
        }
    }
}
