//! Values that can be read back, by whoever holds the key: `<EMAIL:…>`.
//!
//! AES-256-GCM-SIV (RFC 8452) with the entity as associated data, so that a value cannot be passed off as one of
//! another kind. The nonce is derived from the key, the document, the place in it and the value. So a run writes the
//! same bytes every time, and the same value at two places, or in two documents, is encrypted to texts that nobody can
//! link without the key. Should two nonces ever be equal, the cipher shows only whether two equal values are equal.
//!
//! What is not hidden: the kind of the value and its length. What is not noticed: that placeholders of one kind were
//! exchanged, copied or removed.

use std::cell::OnceCell;
use std::ops::Range;

use aes_gcm_siv::aead::{Aead, KeyInit, Payload};
use aes_gcm_siv::{Aes256GcmSiv, Nonce};

use crate::placeholder::{self, ENCRYPTED_BYTES, PIECE_BYTES_MAX, bytes_of, is_encrypted, letters};
use crate::scope::derived;
use crate::{Entity, Error};

const NONCE_BYTES: usize = 12;

/// Encrypts values of one text. Keys are derived when the first value comes, which in most texts is never.
pub(crate) struct Sealer<'a> {
    key: &'a [u8; 32],
    text: &'a str,
    ready: OnceCell<(Aes256GcmSiv, [u8; 32])>,
}

impl<'a> Sealer<'a> {
    pub(crate) const fn new(key: &'a [u8; 32], text: &'a str) -> Self {
        Self { key, text, ready: OnceCell::new() }
    }

    /// Appends the value at `span` as placeholders, one for every 1024 bytes; a tag should the cipher refuse.
    pub(crate) fn seal(&self, span: &Range<usize>, entity: Entity, out: &mut String) {
        let (cipher, nonces) = self.ready.get_or_init(|| {
            let nonces = derived(&derived(self.key, "nonce", &[]), "document", self.text.as_bytes());
            (cipher(self.key), nonces)
        });
        let label = entity.as_str();
        for (index, piece) in self.text.as_bytes()[span.clone()].chunks(PIECE_BYTES_MAX).enumerate() {
            let place = [(span.start as u64).to_le_bytes(), (index as u64).to_le_bytes()].concat();
            let nonce = derived(&derived(nonces, label, &place), "value", piece);
            let nonce = &nonce[..NONCE_BYTES];
            let sealed = cipher.encrypt(Nonce::from_slice(nonce), Payload { msg: piece, aad: label.as_bytes() });
            out.push('<');
            out.push_str(label);
            // The cipher refuses gigabytes alone; a piece has a thousand bytes.
            if let Ok(sealed) = sealed {
                out.push(':');
                out.push_str(&letters(nonce));
                out.push_str(&letters(&sealed));
            }
            out.push('>');
        }
    }
}

fn cipher(key: &[u8; 32]) -> Aes256GcmSiv {
    Aes256GcmSiv::new(&derived(key, "cipher", &[]).into())
}

/// Puts back what [`crate::Operator::Encrypt`] took away; everything else in `text` stays as it is.
///
/// [`Error::Decryption`] names the first place that this key does not open: another key, or altered letters. A text
/// that held an encrypted placeholder of its own before it was scrubbed cannot be read back, or not under this key.
pub fn decrypt(text: &str, key: &[u8; 32]) -> Result<String, Error> {
    let cipher = cipher(key);
    let mut opened = Vec::with_capacity(text.len());
    let mut copied = 0;
    let bytes = text.as_bytes();
    for at in memchr::memchr_iter(b'<', bytes) {
        let Some(found) = placeholder::parse(bytes, at).filter(|found| is_encrypted(found.letters)) else {
            continue;
        };
        let sealed = bytes_of(found.letters);
        let (nonce, sealed) = sealed.split_at(NONCE_BYTES);
        let piece = cipher
            .decrypt(Nonce::from_slice(nonce), Payload { msg: sealed, aad: found.label })
            .map_err(|_| Error::Decryption { at })?;
        opened.extend_from_slice(&bytes[copied..at]);
        opened.extend_from_slice(&piece);
        copied = found.end;
    }
    opened.extend_from_slice(&bytes[copied..]);
    // A piece may end inside a character; whole values do not.
    String::from_utf8(opened).map_err(|error| Error::Decryption { at: error.utf8_error().valid_up_to() })
}

const _: () = assert!(ENCRYPTED_BYTES == NONCE_BYTES + 16);

#[cfg(test)]
mod tests;
