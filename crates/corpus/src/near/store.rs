//! Lists of numbers that are written once and read back by their places: in memory up to a limit, beyond it in a file.

use std::fs::File;
use std::io::{BufWriter, Read, Seek, SeekFrom, Write};
use std::path::PathBuf;
use std::sync::Mutex;

use crate::atomic::write_error;
use crate::error::Error;

/// Where numbers are put.
pub(super) struct Store {
    path: PathBuf,
    numbers: Vec<u64>,
    numbers_max: usize,
    file: Option<BufWriter<File>>,
    length: u64,
}

/// Where they are read.
pub(super) struct Stored {
    path: PathBuf,
    numbers: Vec<u64>,
    file: Option<Mutex<File>>,
}

impl Store {
    /// Holds about `memory` bytes; what comes then goes to `path` with all that was there before.
    pub(super) fn new(path: PathBuf, memory: u64) -> Self {
        let numbers_max = usize::try_from(memory / 8).unwrap_or(usize::MAX);
        Self { path, numbers: Vec::new(), numbers_max, file: None, length: 0 }
    }

    /// Adds a list; its place.
    pub(super) fn add(&mut self, list: &[u64]) -> Result<u64, Error> {
        let place = self.length;
        self.length += list.len() as u64;
        if self.file.is_none() && self.numbers.len() + list.len() > self.numbers_max {
            let file = File::create(&self.path).map_err(|source| write_error(&self.path, source))?;
            self.file = Some(BufWriter::with_capacity(1 << 18, file));
            let numbers = std::mem::take(&mut self.numbers);
            self.write(&numbers)?;
        }
        if self.file.is_some() {
            self.write(list)?;
        } else {
            self.numbers.extend(list);
        }
        Ok(place)
    }

    fn write(&mut self, list: &[u64]) -> Result<(), Error> {
        let Some(file) = &mut self.file else { return Ok(()) };
        let written = list.iter().try_for_each(|number| file.write_all(&number.to_le_bytes()));
        written.map_err(|source| write_error(&self.path, source))
    }

    /// Everything is in.
    pub(super) fn finish(self) -> Result<Stored, Error> {
        let failed = |source| write_error(&self.path, source);
        let file = match self.file {
            Some(file) => {
                drop(file.into_inner().map_err(|error| failed(error.into_error()))?);
                Some(Mutex::new(File::open(&self.path).map_err(failed)?))
            }
            None => None,
        };
        Ok(Stored { path: self.path, numbers: self.numbers, file })
    }
}

impl Stored {
    /// Appends `length` numbers from a place to `out`.
    pub(super) fn get(&self, place: u64, length: usize, out: &mut Vec<u64>) -> Result<(), Error> {
        let Some(file) = &self.file else {
            out.extend(&self.numbers[place as usize..place as usize + length]);
            return Ok(());
        };
        let mut bytes = vec![0; 8 * length];
        let mut read = || {
            let mut file = file.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            file.seek(SeekFrom::Start(8 * place))?;
            file.read_exact(&mut bytes)
        };
        read().map_err(|source| write_error(&self.path, source))?;
        out.extend(bytes.as_chunks().0.iter().map(|bytes| u64::from_le_bytes(*bytes)));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_is_had_from_memory_and_from_disk() {
        let folder = tempfile::tempdir().unwrap();
        let lists: Vec<Vec<u64>> = (0..50).map(|i| (0..i % 7).map(|j| i << 40 | j).collect()).collect();
        for (memory, on_disk) in [(1 << 20, false), (200, true), (0, true)] {
            let path = folder.path().join("sets");
            let mut store = Store::new(path.clone(), memory);
            let places: Vec<u64> = lists.iter().map(|list| store.add(list).unwrap()).collect();
            let stored = store.finish().unwrap();
            assert_eq!(path.exists(), on_disk);
            for (list, place) in lists.iter().zip(places).rev() {
                let mut out = vec![9];
                stored.get(place, list.len(), &mut out).unwrap();
                assert_eq!(out[1..], list[..]);
            }
            let _ = std::fs::remove_file(path);
        }
    }
}
