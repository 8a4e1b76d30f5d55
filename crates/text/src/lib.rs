//! Finds personal data and secrets in plain text and rewrites them.
//!
//! Pure functions: a `&str` goes in, byte spans come out; no file, clock, thread or random number. A *recognizer*
//! appends *findings*, [`resolve`] makes them sorted and disjoint, and [`apply`] rewrites them by a *policy* of
//! *operators* while it touches nothing else.
//!
//! How the built-in recognizers work, in one line: jump to an anchor that every hit must contain (an `@`, a digit, a
//! `://`, a token prefix), read outwards by hand to a bounded length, and let a checksum, a table or a nearby word
//! decide. No backtracking, linear time on any input. Tokens of less common services are rules in TOML (see [`RulePack`]):
//! regular expressions that run on a bounded window around a keyword of theirs, and nowhere else.
//!
//! ```
//! use privet_text::{Entity, Operator, Policy, apply, recognizers, scan};
//!
//! let recognizers = recognizers(&Entity::DEFAULT);
//! let text = "Write to jo@example.org or call 212-555-0143.";
//! let findings = scan(&recognizers, text);
//! assert_eq!(apply(text, &findings, &Policy::new(Operator::Tag)), "Write to <EMAIL> or call <PHONE>.");
//! ```
//!
//! [`scrub`] does all of it at once and is what a corpus wants: allowed values stay, findings below a threshold are
//! counted and left, and a second pass changes nothing more, whichever operators a [`Policy`] names. A [`Preset`] is such
//! a policy by name. Two operators draw on a key, within a [`Scope`]: `hash`, and `surrogate`, whose values are of the
//! same kind and can be nobody's. A third, `encrypt`, can be read back with [`decrypt`].
//!
//! ```
//! use privet_text::{Context, Entity, Operator, Policy, recognizers, scrub};
//!
//! let policy = Policy::new(Operator::Surrogate).with_key([7; 32]);
//! let text = "Call +1 212 736 5000.";
//! let scrubbed = scrub(&recognizers(&Entity::ALL), text, &policy, &Context::default());
//! assert_eq!(scrubbed.text, "Call +1 953 555 0173.");
//! ```
//!
//! Values in look-alike letters, in digits of other scripts, or broken by characters of no width are found as a reader
//! sees them, and their spans are those of the text. What only models read is found too: control tokens of chats, and
//! text that nobody sees.
//!
//! What is *not* found: names and addresses. Finding nothing proves nothing.

mod entity;
mod error;
mod finding;
mod recognizer;

mod email;
mod email_obfuscated;
mod tld;
mod upi;
mod url;
mod username;

mod bic;
mod card;
mod iban;
mod mrz;
mod numbers;
mod phone;
mod ssn;

mod ipv4;
mod ipv6;

mod identifier;

mod secret;
mod url_credentials;

mod custom;
mod decode;
mod fineweb;

mod chat_control;
mod hidden;
mod injection;

mod boundary;
mod checksum;
mod context;
mod digits;
mod placeholder;
mod stand_in;

pub mod evaluate;

mod again;
mod apply;
mod digest;
mod encrypt;
mod invisible;
mod lists;
mod normal;
mod policy;
mod preset;
mod resolve;
mod scope;
mod scrub;
mod shadow;
mod surrogate;

pub use apply::{apply, apply_in};
pub use custom::CustomRule;
pub use decode::Encoding;
pub use digest::rule_set_digest;
pub use encrypt::decrypt;
pub use entity::Entity;
pub use error::Error;
pub use finding::{Finding, Rule};
pub use invisible::invisible_characters;
pub use lists::denied;
pub use policy::{Operator, Policy};
pub use preset::Preset;
pub use recognizer::{Recognizer, recognizers, scan};
pub use resolve::resolve;
pub use scope::{Context, Scope};
pub use scrub::{Scrubbed, scrub};
pub use secret::{RulePack, Skipped};

#[cfg(test)]
mod tests;
