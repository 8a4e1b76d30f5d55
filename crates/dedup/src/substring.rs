//! Runs of tokens that stand somewhere before, in texts of any size together.
//!
//! ```text
//! pass 1  text ── Windows::anchors ──▶ Search ── sorted ──▶ anchors that several places have
//! pass 2  those texts ── Windows::around ──▶ Meeting ── sorted ──▶ windows that hash alike ── tokens compared ──▶ Repeats
//! ```
//!
//! A *window* is N tokens in a row. It is *repeated* if the same N tokens of the same owner stand at an earlier place; all
//! places have one order, that in which texts are handed over. What is found are all repeated windows, each with the first
//! place of its tokens.
//!
//! # No window is missed
//!
//! Of every N - k + 1 neighbouring k-grams of tokens the rightmost of those with the least hash is an *anchor* (winnowing:
//! Schleimer, Wilkerson, Aiken, "Winnowing: Local Algorithms for Document Fingerprinting", SIGMOD 2003). A window holds that
//! many k-grams, so it holds an anchor, and which one depends on its own tokens alone: equal windows hold equal anchors at equal
//! offsets. So it is enough to look at the windows round those anchors that several places have. With k = N/2 + 1 about one
//! token in N/4 is an anchor.
//!
//! # No other window is found
//!
//! Windows that hash alike are compared token by token. Those that differ from the first of their hash are hashed again, in
//! another way, among themselves: whatever they are equal to differs from that first one too.
//!
//! Memory holds what the limit allows, and 16 bytes for every 256 tokens that are compared; the rest lies in the folder.

mod search;
mod tokens;
mod winnow;

#[cfg(test)]
mod tests;

pub use search::{Meeting, Repeat, Repeats, Search};
pub use winnow::{Anchor, Region, Windows};
