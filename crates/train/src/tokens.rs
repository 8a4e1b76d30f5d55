//! Text to token ids, one sequence per unit, kept in memory.
//!
//! The vocabulary is the base model's own `tokenizer.json`, public and fixed, so a unit's tokens depend on that
//! unit's text alone: tokenizing has stability 1 and adds nothing to epsilon. Control tokens (end of text, padding,
//! chat roles) frame a unit and mean something to the model; a user who types one into a document must not get it.
//! So the tokenizer is told to read them as plain text, and an id of one that comes out of the text all the same
//! (some vocabularies hold the control words as ordinary entries) is dropped.
//!
//! Invariants: unit `i` of the store is text `i` that went in, whatever the number of threads; no unit is left out,
//! not even an empty one, because leaving it out would make the number of units depend on content; errors carry
//! the unit's index, never its text. How many units were cut is private.

use std::collections::HashSet;
use std::fmt;
use std::fs;
use std::path::Path;

use rayon::prelude::*;
use serde_json::Value;

use crate::error::Error;

/// The ids around a unit, and its greatest length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame {
    /// Greatest number of tokens of a unit, the frame's own included.
    pub sequence_len: usize,
    /// Put first, where the model expects one.
    pub bos: Option<u32>,
    /// Put last, where the model expects one; lost when a unit is cut.
    pub eos: Option<u32>,
}

/// A model's tokenizer, with truncation, padding and templates switched off.
#[derive(Debug, Clone)]
pub struct Tokenizer {
    inner: tokenizers::Tokenizer,
    /// Ids that never stand for text.
    control: HashSet<u32>,
}

impl Tokenizer {
    /// Reads a Hugging Face `tokenizer.json`.
    ///
    /// Errors name the file and the kind of fault, never its content.
    pub fn from_file(path: &Path) -> Result<Self, Error> {
        let bytes = fs::read(path).map_err(|source| Error::io("read", path, source))?;
        let refuse = |reason| Error::TokenizerFile { path: path.to_owned(), reason };
        let json: Value = serde_json::from_slice(&bytes).map_err(|_| refuse("it is not JSON"))?;
        let mut inner = tokenizers::Tokenizer::from_bytes(&bytes)
            .map_err(|_| refuse("it is JSON, but not a tokenizer this version reads"))?;
        inner.with_truncation(None).map_err(|_| refuse("its truncation cannot be switched off"))?;
        inner.with_padding(None);
        inner.set_encode_special_tokens(true);
        let unknown = unknown_id(&json["model"], &inner);
        let control = inner
            .get_added_tokens_decoder()
            .into_iter()
            .filter(|(id, token)| token.special && Some(*id) != unknown)
            .map(|(id, _)| id)
            .collect();
        Ok(Self { inner, control })
    }

    /// The number of ids, control tokens included: every id is below it if the vocabulary has no gaps.
    pub fn vocabulary_size(&self) -> usize {
        self.inner.get_vocab_size(true)
    }

    /// The id of a token by its exact name, such as `<|endoftext|>`.
    pub fn id(&self, token: &str) -> Option<u32> {
        self.inner.token_to_id(token)
    }

    /// `bos`, the ids of `text`, `eos`, cut to `frame.sequence_len`; and whether anything was cut.
    ///
    /// Control tokens written out in `text` come back as plain text. An empty text gives the frame alone.
    /// `None` if the tokenizer refuses the text.
    pub fn encode_unit(&self, text: &str, frame: Frame) -> Option<(Vec<u32>, bool)> {
        let encoding = self.inner.encode_fast(text, false).ok()?;
        let plain = encoding.get_ids().iter().copied().filter(|id| !self.control.contains(id));
        let mut ids: Vec<u32> = frame.bos.into_iter().chain(plain).chain(frame.eos).collect();
        let truncated = ids.len() > frame.sequence_len;
        ids.truncate(frame.sequence_len);
        Some((ids, truncated))
    }

    /// The ids of `text` alone, control tokens written out in it as plain text. `None` if the tokenizer refuses it.
    pub fn encode_plain(&self, text: &str) -> Option<Vec<u32>> {
        let frame = Frame { sequence_len: usize::MAX, bos: None, eos: None };
        self.encode_unit(text, frame).map(|(ids, _)| ids)
    }

    /// The text of `ids`, control tokens left out. `None` if the tokenizer cannot decode them.
    pub fn decode(&self, ids: &[u32]) -> Option<String> {
        self.inner.decode(ids, true).ok()
    }
}

/// The id a model falls back to for text it cannot write; it counts as text even where it is marked special.
fn unknown_id(model: &Value, tokenizer: &tokenizers::Tokenizer) -> Option<u32> {
    let by_name = model["unk_token"].as_str().and_then(|token| tokenizer.token_to_id(token));
    by_name.or_else(|| u32::try_from(model["unk_id"].as_u64()?).ok())
}

/// Token ids of all units, one after the other, with random access.
#[derive(Clone, PartialEq, Eq)]
pub struct TokenStore {
    tokens: Vec<u32>,
    /// Where each unit starts in `tokens`, and one more entry for the end of the last.
    offsets: Vec<u64>,
    truncated: u64,
}

impl fmt::Debug for TokenStore {
    /// Token ids are the corpus: nothing of them is shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenStore([hidden])")
    }
}

impl Default for TokenStore {
    fn default() -> Self {
        Self { tokens: Vec::new(), offsets: vec![0], truncated: 0 }
    }
}

impl TokenStore {
    /// Tokenizes `texts` on all cores and appends one unit each, in their order.
    ///
    /// Call it again for the next block of texts: the text itself need not be in memory at once. On an error the
    /// store is as it was.
    pub fn extend<T: AsRef<str> + Sync>(
        &mut self,
        tokenizer: &Tokenizer,
        texts: &[T],
        frame: Frame,
    ) -> Result<(), Error> {
        let first = self.len();
        let encode = |(index, text): (usize, &T)| {
            tokenizer.encode_unit(text.as_ref(), frame).ok_or(Error::Tokenize { unit: first + index })
        };
        let units = texts.par_iter().enumerate().map(encode).collect::<Result<Vec<_>, _>>()?;
        for (ids, truncated) in units {
            self.push(&ids);
            self.truncated += u64::from(truncated);
        }
        Ok(())
    }

    /// Appends one unit of ready token ids.
    pub fn push(&mut self, ids: &[u32]) {
        self.tokens.extend_from_slice(ids);
        self.offsets.push(self.tokens.len() as u64);
    }

    /// The number of units. Private under add-remove adjacency.
    pub fn len(&self) -> usize {
        self.offsets.len() - 1
    }

    /// Whether there is no unit.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The token ids of unit `index`, which may be empty.
    ///
    /// A unit of fewer than two tokens has nothing to predict and contributes a zero gradient.
    ///
    /// # Panics
    /// If `index` is not below [`TokenStore::len`], like an index into a slice.
    pub fn unit(&self, index: usize) -> &[u32] {
        &self.tokens[self.offsets[index] as usize..self.offsets[index + 1] as usize]
    }

    /// How many units were cut to the sequence length. Private.
    pub fn truncated(&self) -> u64 {
        self.truncated
    }

    /// All tokens of all units. Private.
    pub fn token_count(&self) -> usize {
        self.tokens.len()
    }
}

#[cfg(test)]
mod tests;
