//! One JSON object with the places of its texts: what is not rewritten keeps its bytes.
//!
//! A reader that builds values forgets where they stood, how numbers were spelled and what was escaped. This one walks over
//! the object (RFC 8259), checks all of it and notes where the wanted strings begin and end.

use std::borrow::Cow;

use crate::quoted;
use crate::selector::{Places, Selector};

/// As deep as `serde_json` goes.
const DEPTH_MAX: usize = 128;

/// A wanted value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Found {
    /// Bytes of the line, quotes included.
    pub(crate) start: usize,
    pub(crate) end: usize,
    /// Which selector wants it.
    pub(crate) selector: usize,
    /// Numbers of the list elements on the way to it.
    pub(crate) at: Vec<u32>,
    /// Whether it is `null` instead of a string.
    pub(crate) null: bool,
}

/// Why a line has no texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flaw {
    /// It is not one JSON object.
    NotAnObject,
    /// The column that this selector begins with is missing.
    Missing(usize),
    /// What this selector means is not text.
    NotText(usize),
}

/// The wanted strings and nulls of the object in `line`, in order.
pub(crate) fn find(line: &str, selectors: &[Selector]) -> Result<Vec<Found>, Flaw> {
    let mut walk = Walk { line, at: 0, selectors, indices: Vec::new(), found: Vec::new() };
    walk.space();
    if walk.peek() != Some(b'{') {
        return Err(Flaw::NotAnObject);
    }
    let mut seen = vec![false; selectors.len()];
    walk.object(&Places::top(selectors), DEPTH_MAX, Some(&mut seen))?;
    walk.space();
    if walk.at != line.len() {
        return Err(Flaw::NotAnObject);
    }
    match seen.iter().zip(selectors).position(|(seen, selector)| !seen && selector.top().is_some()) {
        Some(missing) => Err(Flaw::Missing(missing)),
        None => Ok(walk.found),
    }
}

/// The text behind a string that was found.
pub(crate) fn text<'a>(line: &'a str, found: &Found) -> Cow<'a, str> {
    if found.null { Cow::Borrowed("") } else { quoted::value(&line[found.start..found.end]).unwrap_or_default() }
}

/// A string that says `text`, with its quotes.
pub(crate) fn string(text: &str) -> String {
    // A text always has a JSON form.
    serde_json::to_string(text).unwrap_or_default()
}

struct Walk<'a> {
    line: &'a str,
    at: usize,
    selectors: &'a [Selector],
    indices: Vec<u32>,
    found: Vec<Found>,
}

impl Walk<'_> {
    fn peek(&self) -> Option<u8> {
        self.line.as_bytes().get(self.at).copied()
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    /// Steps over `byte`, with space on both sides.
    fn take(&mut self, byte: u8) -> bool {
        self.space();
        let there = self.peek() == Some(byte);
        self.at += usize::from(there);
        self.space();
        there
    }

    fn object(&mut self, places: &Places, depth: usize, mut seen: Option<&mut Vec<bool>>) -> Result<(), Flaw> {
        self.at += 1;
        if self.take(b'}') {
            return Ok(());
        }
        loop {
            let (start, end) = self.string()?;
            let name = quoted::value(&self.line[start..end]).ok_or(Flaw::NotAnObject)?;
            let below = if places.is_empty() {
                Places::default()
            } else {
                places.member(self.selectors, &name, seen.is_some())
            };
            if let Some(seen) = seen.as_deref_mut() {
                for (seen, selector) in seen.iter_mut().zip(self.selectors) {
                    *seen |= selector.top() == Some(&*name) || selector.written() == &*name;
                }
            }
            if !self.take(b':') {
                return Err(Flaw::NotAnObject);
            }
            self.value(&below, depth)?;
            if self.take(b',') {
                continue;
            }
            return if self.take(b'}') { Ok(()) } else { Err(Flaw::NotAnObject) };
        }
    }

    fn array(&mut self, places: &Places, depth: usize) -> Result<(), Flaw> {
        self.at += 1;
        if self.take(b']') {
            return Ok(());
        }
        let below = places.items(self.selectors);
        for index in 0.. {
            self.indices.push(index);
            self.value(&below, depth)?;
            self.indices.pop();
            if self.take(b',') {
                continue;
            }
            break;
        }
        if self.take(b']') { Ok(()) } else { Err(Flaw::NotAnObject) }
    }

    fn value(&mut self, places: &Places, depth: usize) -> Result<(), Flaw> {
        let start = self.at;
        let is_text = match self.peek() {
            Some(b'"') => {
                // Rewritten or not, what stands there must be a string.
                self.string()?;
                Some(false)
            }
            Some(b'n') => {
                self.word("null")?;
                Some(true)
            }
            Some(b'{') if depth > 1 => {
                self.object(places, depth - 1, None)?;
                None
            }
            Some(b'[') if depth > 1 => {
                self.array(places, depth - 1)?;
                None
            }
            Some(b't') => {
                self.word("true")?;
                None
            }
            Some(b'f') => {
                self.word("false")?;
                None
            }
            _ => {
                self.number()?;
                None
            }
        };
        match (is_text, places.meant(self.selectors)) {
            (Some(null), Some(selector)) => {
                self.found.push(Found { start, end: self.at, selector, at: self.indices.clone(), null });
                Ok(())
            }
            _ if is_text.is_some() => Ok(()),
            _ => places.must_be_text(self.selectors).map_or(Ok(()), |selector| Err(Flaw::NotText(selector))),
        }
    }

    fn word(&mut self, word: &str) -> Result<(), Flaw> {
        if !self.line[self.at..].starts_with(word) {
            return Err(Flaw::NotAnObject);
        }
        self.at += word.len();
        Ok(())
    }

    fn number(&mut self) -> Result<(), Flaw> {
        let bytes = self.line.as_bytes();
        let digits = |at: usize| bytes[at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        let mut at = self.at + usize::from(self.peek() == Some(b'-'));
        let whole = digits(at);
        if whole == 0 || (whole > 1 && bytes[at] == b'0') {
            return Err(Flaw::NotAnObject);
        }
        at += whole;
        if bytes.get(at) == Some(&b'.') {
            let fraction = digits(at + 1);
            if fraction == 0 {
                return Err(Flaw::NotAnObject);
            }
            at += 1 + fraction;
        }
        if matches!(bytes.get(at), Some(b'e' | b'E')) {
            at += 1 + usize::from(matches!(bytes.get(at + 1), Some(b'+' | b'-')));
            let exponent = digits(at.min(bytes.len()));
            if exponent == 0 {
                return Err(Flaw::NotAnObject);
            }
            at += exponent;
        }
        self.at = at;
        Ok(())
    }

    /// Steps over a string; its bytes, quotes included.
    fn string(&mut self) -> Result<(usize, usize), Flaw> {
        if self.peek() != Some(b'"') {
            return Err(Flaw::NotAnObject);
        }
        let start = self.at;
        (self.at, _) = quoted::end(self.line, start).ok_or(Flaw::NotAnObject)?;
        Ok((start, self.at))
    }
}

#[cfg(test)]
#[path = "json_tests.rs"]
mod tests;
