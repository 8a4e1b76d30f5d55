//! A model's tokenizer, with control tokens out of the text's reach.
//!
//! Control tokens (end of text, padding, chat roles) frame a unit and mean something to the model; a user who types
//! one into a document must not get it. So text is tokenized with them read as plain text, and an id of one that
//! comes out all the same (some vocabularies hold the control words as ordinary entries) is dropped.

use std::collections::HashSet;
use std::fs;
use std::path::Path;

use aho_corasick::{AhoCorasick, MatchKind};
use privet_model::ModelConfig;
use serde_json::Value;

use crate::error::Error;

/// An id, and the byte of the text at which its token begins.
pub(crate) type Placed = (u32, usize);

/// A model's tokenizer, with truncation, padding and templates switched off.
#[derive(Clone)]
pub struct Tokenizer {
    /// Reads control tokens as plain text.
    plain: tokenizers::Tokenizer,
    /// Reads them as what they are; only a chat template's own words go through it.
    reading: tokenizers::Tokenizer,
    /// Ids that never stand for text.
    control: HashSet<u32>,
    /// The words of the control tokens, and a search for all of them.
    words: Vec<String>,
    search: AhoCorasick,
}

impl Tokenizer {
    /// Reads a Hugging Face `tokenizer.json`.
    ///
    /// Errors name the file and the kind of fault, never its content.
    pub fn from_file(path: &Path) -> Result<Self, Error> {
        let bytes = fs::read(path).map_err(|source| Error::io("read", path, source))?;
        let refuse = |reason| Error::TokenizerFile { path: path.to_owned(), reason };
        let json: Value = serde_json::from_slice(&bytes).map_err(|_| refuse("it is not JSON"))?;
        let mut plain = tokenizers::Tokenizer::from_bytes(&bytes)
            .map_err(|_| refuse("it is JSON, but not a tokenizer this version reads"))?;
        plain.with_truncation(None).map_err(|_| refuse("its truncation cannot be switched off"))?;
        plain.with_padding(None);
        let reading = plain.clone();
        plain.set_encode_special_tokens(true);
        let unknown = unknown_id(&json["model"], &plain);
        let special: Vec<(u32, String)> = plain
            .get_added_tokens_decoder()
            .into_iter()
            .filter(|(id, token)| token.special && Some(*id) != unknown && !token.content.is_empty())
            .map(|(id, token)| (id, token.content))
            .collect();
        let (control, words): (HashSet<u32>, Vec<String>) = special.into_iter().unzip();
        let search = AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(&words);
        let search = search.map_err(|_| refuse("it has too many control tokens"))?;
        Ok(Self { plain, reading, control, words, search })
    }

    /// Reads `tokenizer.json` of a model's folder.
    ///
    /// # Errors
    /// As [`Tokenizer::from_file`]; [`Error::Damaged`] for a vocabulary larger than the model's.
    pub fn of_model(folder: &Path, config: &ModelConfig) -> Result<Self, Error> {
        let path = folder.join("tokenizer.json");
        let tokenizer = Self::from_file(&path)?;
        if tokenizer.vocabulary_size() > config.vocab_size {
            let reason = format!("it has more tokens than the model's {} embeddings", config.vocab_size);
            return Err(Error::Damaged { path, reason });
        }
        Ok(tokenizer)
    }

    /// The number of ids, control tokens included: every id is below it if the vocabulary has no gaps.
    pub fn vocabulary_size(&self) -> usize {
        self.plain.get_vocab_size(true)
    }

    /// The id of a token by its exact name, such as `<|endoftext|>`.
    pub fn id(&self, token: &str) -> Option<u32> {
        self.plain.token_to_id(token)
    }

    /// The ids of `text`, control tokens written out in it as plain text. `None` if the tokenizer refuses it.
    pub fn encode_plain(&self, text: &str) -> Option<Vec<u32>> {
        let encoding = self.plain.encode_fast(text, false).ok()?;
        Some(encoding.get_ids().iter().copied().filter(|id| !self.control.contains(id)).collect())
    }

    /// [`Tokenizer::encode_plain`], and where each token begins.
    pub(crate) fn encode_placed(&self, text: &str) -> Option<Vec<Placed>> {
        let encoding = self.plain.encode(text, false).ok()?;
        let placed = encoding.get_ids().iter().zip(encoding.get_offsets());
        Some(placed.filter(|(id, _)| !self.control.contains(id)).map(|(id, (start, _))| (*id, *start)).collect())
    }

    /// `text`, which holds no control token, as it is read between two of them: some tokenizers strip or add spaces
    /// there, or at the beginning of a text alone.
    pub(crate) fn encode_between(&self, before: &str, text: &str, after: &str) -> Option<Vec<Placed>> {
        let encoding = self.reading.encode([before, text, after].concat(), false).ok()?;
        let (ids, offsets) = (encoding.get_ids(), encoding.get_offsets());
        let inside = usize::from(!before.is_empty())..ids.len() - usize::from(!after.is_empty());
        Some(inside.map(|at| (ids[at], offsets[at].0.saturating_sub(before.len()))).collect())
    }

    /// Where control tokens are written out in `text`: byte range, and the token's number for [`Tokenizer::word`].
    pub(crate) fn control_words<'a>(
        &'a self,
        text: &'a str,
    ) -> impl Iterator<Item = (std::ops::Range<usize>, usize)> + 'a {
        self.search.find_iter(text).map(|found| (found.range(), found.pattern().as_usize()))
    }

    /// A control token as it is written out.
    pub(crate) fn word(&self, number: usize) -> &str {
        self.words.get(number).map_or("", String::as_str)
    }

    /// The text of `ids`, control tokens left out. `None` if the tokenizer cannot decode them.
    pub fn decode(&self, ids: &[u32]) -> Option<String> {
        self.plain.decode(ids, true).ok()
    }
}

/// The id a model falls back to for text it cannot write; it counts as text even where it is marked special.
fn unknown_id(model: &Value, tokenizer: &tokenizers::Tokenizer) -> Option<u32> {
    let by_name = model["unk_token"].as_str().and_then(|token| tokenizer.token_to_id(token));
    by_name.or_else(|| u32::try_from(model["unk_id"].as_u64()?).ok())
}

#[cfg(test)]
#[path = "tokenizer_tests.rs"]
mod tests;
