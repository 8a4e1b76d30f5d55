//! One record of the corpus as one [`Unit`].
//!
//! * **Text**: `bos`, the ids of the text, `eos`; all of it is predicted.
//! * **Prompt and completion**: the same of the two, one after the other; which tokens are the completion is seen by
//!   where they begin.
//! * **Chat**: the model's own template renders the conversation and frames it. What the template writes is read with
//!   its control tokens; what people wrote is not. An assistant's turn begins where the conversation before it, opened
//!   for an answer, ends; and it reaches to the first control token after that, which ends the turn and is learned with
//!   it, or to the end of the text.

use std::ops::Range;
use std::path::Path;

use privet_model::ModelConfig;
use rayon::prelude::*;

use super::chat::Template;
use super::owners::Owner;
use super::tokenizer::Tokenizer;
use super::unit::Unit;
use crate::config::{Format, LossOn};
use crate::error::Error;

/// Around a control word that somebody wrote into a conversation, while the template runs: two characters that Unicode
/// sets aside and that mean nothing. Where somebody wrote *them*, they are kept in the same way.
const OPEN: char = '\u{10FFFC}';
const CLOSE: char = '\u{10FFFD}';
/// Records that are tokenized at a time.
const BLOCK: usize = 512;

/// One turn of a conversation.
#[derive(Clone, PartialEq, Eq)]
pub struct Message {
    /// `system`, `user`, `assistant`, or what else the model's template knows.
    pub role: String,
    /// What was said.
    pub content: String,
}

/// One record of the corpus.
#[derive(Clone, PartialEq, Eq)]
pub enum Example {
    /// A text.
    Text(String),
    /// A prompt, and what should follow it.
    Pair {
        /// What is given.
        prompt: String,
        /// What is learned.
        completion: String,
    },
    /// A conversation.
    Chat(Vec<Message>),
}

impl Example {
    /// Whether there is nothing in it but blanks.
    pub fn is_blank(&self) -> bool {
        match self {
            Self::Text(text) => text.trim().is_empty(),
            Self::Pair { prompt, completion } => prompt.trim().is_empty() && completion.trim().is_empty(),
            Self::Chat(messages) => messages.iter().all(|message| message.content.trim().is_empty()),
        }
    }
}

/// What takes records, each with the name of its owner where that is asked for.
pub type Sink<'a> = dyn FnMut(Example, Option<&str>) -> Result<(), Error> + 'a;

/// Where records come from: calls what it is given with one record after the other.
pub type Examples<'a> = dyn FnMut(&mut Sink<'_>) -> Result<(), Error> + 'a;

/// How records become units; made of public things alone.
pub struct Encoder {
    tokenizer: Tokenizer,
    template: Option<Template>,
    bos: Option<u32>,
    eos: Option<u32>,
    /// Greatest number of tokens of a unit.
    most: usize,
    loss_on: LossOn,
}

impl Encoder {
    /// The encoder of a model folder, for units of at most `most` tokens.
    ///
    /// # Errors
    /// [`Error::TokenizerFile`], [`Error::ChatTemplate`]; [`Error::Damaged`] for a vocabulary that is not the model's;
    /// [`Error::Config`] for chats without a template.
    pub fn open(
        folder: &Path,
        config: &ModelConfig,
        format: Format,
        most: usize,
        loss_on: LossOn,
    ) -> Result<Self, Error> {
        let tokenizer = Tokenizer::of_model(folder, config)?;
        let template = if format == Format::Chat { Template::open(folder)? } else { None };
        if format == Format::Chat && template.is_none() {
            return Err(Error::config("model.base_model", super::chat::MISSING));
        }
        Ok(Self { tokenizer, template, bos: config.bos_token_id, eos: config.eos_token_id, most, loss_on })
    }

    /// The unit of one record, and whether it was cut. `unit` is the number an error names.
    ///
    /// # Errors
    /// [`Error::Tokenize`]; [`Error::Conversation`] for a chat that the template refuses.
    pub fn encode(&self, example: &Example, unit: usize) -> Result<(Unit, bool), Error> {
        let failed = || Error::Tokenize { unit };
        let all = self.loss_on == LossOn::All;
        let mut encoded = match example {
            Example::Text(text) => {
                let ids = self.tokenizer.encode_plain(text).ok_or_else(failed)?;
                Unit::whole(self.bos.into_iter().chain(ids).chain(self.eos).collect())
            }
            Example::Pair { prompt, completion } => {
                let text = [prompt.as_str(), completion].concat();
                let placed = self.tokenizer.encode_placed(&text).ok_or_else(failed)?;
                let mut unit = Unit::default();
                self.bos.into_iter().for_each(|bos| unit.push(bos, all));
                for (id, start) in placed {
                    unit.push(id, all || start >= prompt.len());
                }
                self.eos.into_iter().for_each(|eos| unit.push(eos, true));
                unit
            }
            Example::Chat(messages) => self.encode_chat(messages, all, unit)?,
        };
        let cut = encoded.truncate(self.most);
        Ok((encoded, cut))
    }

    /// The ids of a prompt that the model is to go on from: a text (with its `bos`), or a conversation, opened for the
    /// assistant's answer. `unit` is the number an error names.
    ///
    /// # Errors
    /// As [`Encoder::encode`].
    pub fn encode_prompt(&self, example: &Example, unit: usize) -> Result<Vec<u32>, Error> {
        let failed = Error::Tokenize { unit };
        match example {
            Example::Text(prompt) | Example::Pair { prompt, .. } => {
                let ids = self.tokenizer.encode_plain(prompt).ok_or(failed)?;
                Ok(self.bos.into_iter().chain(ids).collect())
            }
            Example::Chat(messages) => {
                let messages: Vec<Message> = messages.iter().map(|message| self.veiled(message)).collect();
                let text = self.template.as_ref().and_then(|template| template.render(&messages, true));
                let unit = self.read(&text.ok_or(Error::Conversation { unit })?, &[], true).ok_or(failed)?;
                Ok(unit.tokens().to_vec())
            }
        }
    }

    /// The text of `ids`, control tokens left out.
    pub fn decode(&self, ids: &[u32]) -> String {
        self.tokenizer.decode(ids).unwrap_or_default()
    }

    /// Encodes records on all cores, in their order. `first` is the number of the first one.
    ///
    /// # Errors
    /// That of the first record that fails.
    pub fn encode_all(&self, examples: &[Example], first: usize) -> Result<Vec<(Unit, bool)>, Error> {
        let one = |(index, example)| self.encode(example, first + index);
        let results: Vec<_> = examples.par_iter().enumerate().map(one).collect();
        results.into_iter().collect()
    }

    /// Encodes all of `examples`, a block at a time, and hands each unit on with its record's number and whether it was
    /// cut; `blank` records are those with nothing in them.
    ///
    /// # Errors
    /// As [`Encoder::encode`], and whatever `examples` and `each` return.
    pub fn for_each(
        &self,
        examples: &mut Examples<'_>,
        each: &mut dyn FnMut(Block) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let (mut block, mut owners, mut first) = (Vec::with_capacity(BLOCK), Vec::new(), 0);
        let mut flush = |block: &mut Vec<Example>, owners: &mut Vec<Owner>| {
            let blank = block.iter().all(Example::is_blank);
            let units = self.encode_all(block, first)?;
            first += units.len();
            block.clear();
            each(Block { units, owners: std::mem::take(owners), blank })
        };
        examples(&mut |example, owner| {
            block.push(example);
            owners.extend(owner.map(Owner::named));
            if block.len() == BLOCK { flush(&mut block, &mut owners) } else { Ok(()) }
        })?;
        if block.is_empty() { Ok(()) } else { flush(&mut block, &mut owners) }
    }

    fn encode_chat(&self, messages: &[Message], all: bool, unit: usize) -> Result<Unit, Error> {
        if messages.is_empty() {
            // Many templates look at the first message; a unit without one is still a unit.
            return Ok(Unit::default());
        }
        let template = self.template.as_ref().ok_or(Error::Conversation { unit })?;
        let messages: Vec<Message> = messages.iter().map(|message| self.veiled(message)).collect();
        let render = |messages: &[Message], prompt| template.render(messages, prompt);
        let text = render(&messages, false).ok_or(Error::Conversation { unit })?;
        let mut answers = Vec::new();
        if !all {
            let answered = messages.iter().enumerate().filter(|(_, message)| message.role == "assistant");
            for (turn, _) in answered {
                let before = render(&messages[..turn], true).filter(|before| text.starts_with(before.as_str()));
                let before = before.ok_or(Error::Conversation { unit })?;
                answers.push(before.len());
            }
        }
        self.read(&text, &answers, all).ok_or(Error::Tokenize { unit })
    }

    /// Token ids of a rendered conversation, in which answers begin at the bytes `answers`.
    fn read(&self, text: &str, answers: &[usize], all: bool) -> Option<Unit> {
        let words: Vec<(Range<usize>, usize)> = self.tokenizer.control_words(text).collect();
        let ends =
            |start: usize| words.iter().find(|(word, _)| word.start >= start).map_or(text.len(), |(word, _)| word.end);
        let answers: Vec<Range<usize>> = answers.iter().map(|start| *start..ends(*start)).collect();
        let predicted = |at: usize| all || answers.iter().any(|answer| answer.contains(&at));
        let mut unit = Unit::default();
        let (mut first, mut before) = (0, "");
        for word in words.iter().map(Some).chain([None]) {
            let (end, after) =
                word.map_or((text.len(), ""), |(word, number)| (word.start, self.tokenizer.word(*number)));
            for (id, start) in self.read_segment(before, &text[first..end], after)? {
                unit.push(id, predicted(first + start));
            }
            if let Some((word, number)) = word {
                unit.push(self.tokenizer.id(self.tokenizer.word(*number))?, predicted(word.start));
                (first, before) = (word.end, after);
            }
        }
        Some(unit)
    }

    /// Ids of what stands between two control tokens, and the byte of `segment` where each begins.
    fn read_segment(&self, before: &str, segment: &str, after: &str) -> Option<Vec<(u32, usize)>> {
        if segment.is_empty() {
            return Some(Vec::new());
        }
        if !segment.contains(OPEN) {
            return self.tokenizer.encode_between(before, segment, after);
        }
        // Somebody wrote a control word here: it is put back, and read as plain text.
        let (mut text, mut words) = (String::new(), Vec::new());
        let mut rest = segment;
        while let Some((plain, veiled)) = rest.split_once(OPEN) {
            let (number, behind) = veiled.split_once(CLOSE)?;
            text.push_str(plain);
            let (begin, veil) = (text.len(), segment.len() - rest.len() + plain.len());
            text.push_str(&self.unveiled(number)?);
            words.push((begin..text.len(), veil, segment.len() - behind.len()));
            rest = behind;
        }
        text.push_str(rest);
        // From a byte of the text to one of the segment: all of a word that was put back begins where its veil did.
        let place = |start: usize| match words.iter().rev().find(|(word, ..)| word.start <= start) {
            Some((word, veil, _)) if word.contains(&start) => *veil,
            Some((word, _, behind)) => behind + (start - word.end),
            None => start,
        };
        Some(self.tokenizer.encode_placed(&text)?.into_iter().map(|(id, start)| (id, place(start))).collect())
    }

    /// The message with control words out of the template's sight.
    fn veiled(&self, message: &Message) -> Message {
        Message { role: self.veil(&message.role), content: self.veil(&message.content) }
    }

    fn veil(&self, text: &str) -> String {
        let mut veiled = String::new();
        let mut first = 0;
        let plain = |part: &str, veiled: &mut String| {
            for c in part.chars() {
                match c {
                    OPEN => veiled.extend([OPEN, 'o', CLOSE]),
                    CLOSE => veiled.extend([OPEN, 'c', CLOSE]),
                    c => veiled.push(c),
                }
            }
        };
        for (word, number) in self.tokenizer.control_words(text) {
            plain(&text[first..word.start], &mut veiled);
            veiled.push(OPEN);
            veiled.push_str(&number.to_string());
            veiled.push(CLOSE);
            first = word.end;
        }
        plain(&text[first..], &mut veiled);
        veiled
    }

    fn unveiled(&self, number: &str) -> Option<String> {
        match number {
            "o" => Some(OPEN.to_string()),
            "c" => Some(CLOSE.to_string()),
            number => Some(self.tokenizer.word(number.parse().ok()?).to_owned()),
        }
    }
}

/// Units of some records that follow each other.
pub struct Block {
    /// Each with whether it was cut.
    pub units: Vec<(Unit, bool)>,
    /// Whose each is; empty where nobody asked.
    pub owners: Vec<Owner>,
    /// Whether all records were blank.
    pub blank: bool,
}

#[cfg(test)]
#[path = "encode_tests.rs"]
mod tests;
