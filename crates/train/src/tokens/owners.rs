//! Documents brought together by whose they are, for a guarantee that covers everything a user wrote.
//!
//! A unit is then all documents of one user, in the order in which they came, as many as fit into its sequences; what is
//! beyond them is left out and counted in `private/`. Which documents those are depends on that user's documents alone,
//! so taking a user away takes one unit away and changes no other: stability 1. Documents of a user never share a
//! sequence. In memory is one number a document and one name a user, hashed.

use std::collections::HashMap;
use std::path::Path;

use super::store::{StoreWriter, TokenStore};
use super::unit::{Unit, sequences};
use crate::error::Error;

/// A user's name, hashed: 128 bits, so that no two names meet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Owner([u8; 16]);

impl Owner {
    /// The owner of this name.
    pub fn named(name: &str) -> Self {
        let (hash, mut short) = (blake3::hash(name.as_bytes()), [0; 16]);
        short.copy_from_slice(&hash.as_bytes()[..16]);
        Self(short)
    }
}

/// Whose each document is, in the order of the documents.
#[derive(Default)]
pub(crate) struct Owners {
    users: HashMap<Owner, u32>,
    of_document: Vec<u32>,
}

impl Owners {
    /// Notes the owners of the next documents.
    pub(crate) fn extend(&mut self, owners: &[Owner]) {
        for owner in owners {
            let next = self.users.len() as u32;
            self.of_document.push(*self.users.entry(*owner).or_insert(next));
        }
    }

    /// Documents of each user, in their order; users in the order of their first documents.
    fn documents(&self) -> Vec<Vec<u32>> {
        let mut documents = vec![Vec::new(); self.users.len()];
        for (document, user) in self.of_document.iter().enumerate() {
            documents[*user as usize].push(document as u32);
        }
        documents
    }

    /// Writes one unit a user to `writer`, of at most `sequences_per_unit` sequences of `sequence_len` tokens.
    ///
    /// # Errors
    /// Those of reading the one store and writing the other.
    pub(crate) fn gather(
        &self,
        documents: &mut TokenStore,
        writer: &mut StoreWriter,
        sequence_len: usize,
        sequences_per_unit: usize,
    ) -> Result<(), Error> {
        let mut cut = documents.truncated();
        for user in self.documents() {
            let (mut unit, mut room) = (Unit::default(), sequences_per_unit);
            let mut short = false;
            for index in user {
                let mut document = documents.unit(index as usize)?;
                // A sequence's last token is the next one's first.
                short |= document.truncate(if room == 0 { 0 } else { 1 + room * (sequence_len - 1) });
                if !document.tokens().is_empty() {
                    room -= sequences(document.tokens().len(), sequence_len);
                    unit.join(&document);
                }
            }
            cut += u64::from(short);
            writer.push(&unit)?;
        }
        writer.cut(cut, documents.is_blank());
        Ok(())
    }
}

/// Where documents lie until they are brought together, beside the store of the units.
pub(crate) fn scratch(path: &Path) -> std::path::PathBuf {
    path.with_file_name("documents")
}

#[cfg(test)]
#[path = "owners_tests.rs"]
mod tests;
