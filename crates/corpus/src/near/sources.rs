//! Where rows come from, by a column that says so.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::read::Beside;
use crate::error::Error;

/// Most sources: a column with more values names something else, and each would be a line of the report.
pub(super) const SOURCES_MAX: usize = 1000;

/// Rows of the inputs by source, in the order in which sources appear.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(from = "Vec<Source>", into = "Vec<Source>")]
pub(super) struct Sources {
    list: Vec<Source>,
    numbers: HashMap<Option<String>, u32>,
}

/// One of them; rows whose column is null have one without a name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Source {
    pub(super) name: Option<String>,
    pub(super) rows: u64,
}

impl Sources {
    /// Counts a row.
    ///
    /// # Errors
    ///
    /// [`Error::TooManySources`].
    pub(super) fn count(&mut self, value: &Beside, column: &str) -> Result<(), Error> {
        let name = value.text();
        let new = self.list.len() as u32;
        let number = *self.numbers.entry(name.clone()).or_insert(new);
        if number < new {
            self.list[number as usize].rows += 1;
            return Ok(());
        }
        if self.list.len() == SOURCES_MAX {
            return Err(Error::TooManySources { column: column.to_owned(), limit: SOURCES_MAX });
        }
        self.list.push(Source { name, rows: 1 });
        Ok(())
    }

    /// The number of a source whose rows were counted.
    pub(super) fn number(&self, value: &Beside) -> Option<u32> {
        self.numbers.get(&value.text()).copied()
    }

    pub(super) fn list(&self) -> &[Source] {
        &self.list
    }
}

impl From<Vec<Source>> for Sources {
    fn from(list: Vec<Source>) -> Self {
        let numbers = list.iter().zip(0..).map(|(source, number)| (source.name.clone(), number)).collect();
        Self { list, numbers }
    }
}

impl From<Sources> for Vec<Source> {
    fn from(sources: Sources) -> Self {
        sources.list
    }
}
