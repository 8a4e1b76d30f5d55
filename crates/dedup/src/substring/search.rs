//! From anchors to windows that are repeated, on disk where memory is not enough.

use std::ops::Range;
use std::path::{Path, PathBuf};

use xxhash_rust::xxh3::Xxh3Builder;

use super::tokens::{Kept, Put, Reader};
use super::winnow::{Anchor, Region, Windows};
use crate::spill::{Groups, Sorter, SpillError};

/// Pairs between two calls of a pulse.
const PULSE: u64 = 1 << 16;

/// Takes the anchors of all texts.
#[derive(Debug)]
pub struct Search {
    windows: Windows,
    folder: PathBuf,
    memory: u64,
    sorter: Sorter,
    tokens: u64,
}

/// Takes the windows round the anchors that several places have.
pub struct Meeting {
    windows: Windows,
    folder: PathBuf,
    memory: u64,
    met: Ascending,
    sorter: Sorter,
    put: Put,
}

/// The windows that stand somewhere before.
pub struct Repeats {
    pairs: Ascending,
}

/// A window whose tokens stand somewhere before. Numbers count the tokens of all texts, in the order of texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Repeat {
    /// Its first token.
    pub window: u64,
    /// The first token of the first window with these tokens.
    pub first: u64,
}

impl Search {
    /// A search that holds about `memory` bytes, and writes what is beyond into `folder`, which must be there, empty and its own.
    pub fn new(windows: Windows, folder: &Path, memory: u64) -> Self {
        let sorter = sorter(folder, "anchors", memory / 2);
        Self { windows, folder: folder.to_owned(), memory, sorter, tokens: 0 }
    }

    /// Takes the next text's anchors, and how many tokens it has.
    ///
    /// # Errors
    ///
    /// [`SpillError::Disk`].
    pub fn push(&mut self, anchors: &[Anchor], tokens: u64) -> Result<(), SpillError> {
        for (key, at) in anchors {
            self.sorter.push(*key, self.tokens + at)?;
        }
        self.tokens += tokens;
        Ok(())
    }

    /// Tokens of the texts that were taken, which is the number of the next text's first token.
    pub fn tokens(&self) -> u64 {
        self.tokens
    }

    /// All texts were taken. `pulse` is called now and then, and its error ends the work.
    ///
    /// # Errors
    ///
    /// [`SpillError`], or what `pulse` returns.
    pub fn meet<E: From<SpillError>>(self, pulse: &mut dyn FnMut() -> Result<(), E>) -> Result<Meeting, E> {
        let Self { windows, folder, memory, sorter: anchors, .. } = self;
        let mut met = sorter(&folder, "met", memory / 4);
        let mut last = None;
        stars(anchors.groups()?, pulse, &mut |first, later| {
            if last != Some(first) {
                met.push(first, 0)?;
                last = Some(first);
            }
            met.push(later, 0)
        })?;
        let put = Put::new(&folder.join("tokens"), memory / 4);
        let sorter = sorter(&folder, "windows", memory / 4);
        Ok(Meeting { windows, folder, memory, met: Ascending::new(met.groups()?), sorter, put })
    }
}

impl Meeting {
    /// Which tokens in this range begin an anchor that other places have too, counted from the range's start, into `out`, whose
    /// content is replaced. Ranges ascend from call to call.
    ///
    /// # Errors
    ///
    /// [`SpillError`].
    pub fn between(&mut self, tokens: &Range<u64>, out: &mut Vec<u64>) -> Result<(), SpillError> {
        out.clear();
        while let Some((at, _)) = self.met.before(tokens.end)? {
            out.extend(at.checked_sub(tokens.start));
        }
        Ok(())
    }

    /// Takes windows of the text whose first token has the number `first`. Regions ascend.
    ///
    /// # Errors
    ///
    /// [`SpillError::Disk`].
    pub fn push(&mut self, first: u64, owner: u128, region: &Region) -> Result<(), SpillError> {
        for (window, hash) in &region.windows {
            self.sorter.push(*hash, first + *window as u64)?;
        }
        self.put.add(first + region.first as u64, owner, &region.tokens)
    }

    /// All windows were taken. `pulse` is called now and then, and its error ends the work.
    ///
    /// # Errors
    ///
    /// [`SpillError`], or what `pulse` returns.
    pub fn settle<E: From<SpillError>>(self, pulse: &mut dyn FnMut() -> Result<(), E>) -> Result<Repeats, E> {
        let Self { windows, folder, memory, sorter: alike, put, met } = self;
        drop(met);
        let mut judge = Judge { windows, kept: put.finish()?, here: Reader::default(), there: Reader::default() };
        let mut found = sorter(&folder, "found", memory / 8);
        let mut alike = alike.groups()?;
        for round in 1.. {
            let mut pairs = sorter(&folder, &format!("pairs-{round}"), memory / 4);
            stars(alike, pulse, &mut |first, later| pairs.push(later, first))?;
            let mut other = sorter(&folder, &format!("other-{round}"), memory / 8);
            let mut pairs = pairs.groups()?;
            let (mut before, mut looked) = (None, 0_u64);
            while let Some((window, first)) = pairs.pair()? {
                looked += 1;
                if looked.is_multiple_of(PULSE) {
                    pulse()?;
                }
                // Behind a pair of equal windows, the next ones have all but their last tokens in common.
                let follows = before.is_some_and(|(window_before, first_before)| {
                    window_before + 1 == window && first_before + 1 == first && windows.tokens() > 1
                });
                if judge.are_equal(window, first, follows)? {
                    found.push(window, first)?;
                    before = Some((window, first));
                } else {
                    other.push(judge.hash(window, round)?, window)?;
                    before = None;
                }
            }
            if other.taken() == 0 {
                break;
            }
            alike = other.groups()?;
        }
        Ok(Repeats { pairs: Ascending::new(found.groups()?) })
    }
}

impl Repeats {
    /// The repeated windows that begin in this range of tokens, ascending, into `out`, whose content is replaced. Ranges
    /// ascend from call to call.
    ///
    /// # Errors
    ///
    /// [`SpillError`].
    pub fn between(&mut self, tokens: &Range<u64>, out: &mut Vec<Repeat>) -> Result<(), SpillError> {
        out.clear();
        while let Some((window, first)) = self.pairs.before(tokens.end)? {
            if window >= tokens.start {
                out.push(Repeat { window, first });
            }
        }
        Ok(())
    }
}

/// Tells whether windows are equal, token by token.
struct Judge {
    windows: Windows,
    kept: Kept,
    here: Reader,
    there: Reader,
}

impl Judge {
    /// Whether two windows have equal tokens and one owner; only the last tokens are compared where they follow equal ones.
    fn are_equal(&mut self, window: u64, first: u64, follows: bool) -> Result<bool, SpillError> {
        let Self { windows, kept, here, there } = self;
        let count = windows.tokens() as u64;
        let from = if follows { count - 1 } else { 0 };
        kept.seek(window + from, here)?;
        kept.seek(first + from, there)?;
        if !follows && here.owner() != there.owner() {
            return Ok(false);
        }
        for _ in from..count {
            if kept.next(here)? != kept.next(there)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Another hash of a window and its owner in each round.
    fn hash(&mut self, window: u64, round: u64) -> Result<u64, SpillError> {
        let Self { windows, kept, here, .. } = self;
        kept.seek(window, here)?;
        let mut hash = Xxh3Builder::new().with_seed(round).build();
        hash.update(here.owner());
        for _ in 0..windows.tokens() {
            hash.update(kept.next(here)?);
        }
        Ok(hash.digest() & windows.mask())
    }
}

/// Hands on every place of a key but the first, with the first.
fn stars<E: From<SpillError>>(
    mut groups: Groups,
    pulse: &mut dyn FnMut() -> Result<(), E>,
    each: &mut dyn FnMut(u64, u64) -> Result<(), SpillError>,
) -> Result<(), E> {
    let (mut group, mut looked) = (None, 0_u64);
    while let Some((key, place)) = groups.pair()? {
        looked += 1;
        if looked.is_multiple_of(PULSE) {
            pulse()?;
        }
        match group {
            Some((of, first)) if of == key => each(first, place)?,
            _ => group = Some((key, place)),
        }
    }
    Ok(())
}

/// A sorter with a folder of its own.
fn sorter(folder: &Path, name: &str, memory: u64) -> Sorter {
    Sorter::new(&folder.join(name), memory)
}

/// Pairs in their order, taken as far as is wanted.
struct Ascending {
    pairs: Groups,
    next: Option<(u64, u64)>,
}

impl Ascending {
    fn new(pairs: Groups) -> Self {
        Self { pairs, next: None }
    }

    /// The next pair whose first number is below `end`.
    fn before(&mut self, end: u64) -> Result<Option<(u64, u64)>, SpillError> {
        if self.next.is_none() {
            self.next = self.pairs.pair()?;
        }
        Ok(self.next.take_if(|(at, _)| *at < end))
    }
}
