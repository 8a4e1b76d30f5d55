//! Record batches of a file, whether Parquet or Arrow IPC holds them.

use std::path::Path;

use arrow::array::RecordBatch;
use arrow::datatypes::Schema;

use crate::error::Fault;
use crate::format::Layout;
use crate::ipc::ArrowFile;
use crate::memory::Shares;
use crate::nested::Way;
use crate::selector::Selector;
use crate::source::{Columns, Kind, Source, column};

/// An open file of record batches, in groups: the row groups of Parquet, the batches of Arrow.
pub(crate) enum Columnar {
    Parquet(Source),
    Arrow(ArrowFile),
}

/// Batches of one group.
pub(crate) type Batches = Box<dyn Iterator<Item = Result<RecordBatch, Fault>>>;

impl Columnar {
    /// Opens `path` and finds the columns of these names; there is at least one. An Arrow file has the layout that is given.
    pub(crate) fn open_wanted(
        path: &Path,
        arrow: Option<Layout>,
        wanted: &[(&str, Kind)],
        limit: u64,
    ) -> Result<Self, Fault> {
        Ok(match arrow {
            Some(layout) => Self::Arrow(ArrowFile::open(path, layout, &[], wanted, limit)?),
            None => Self::Parquet(Source::open_wanted(path, wanted, limit)?),
        })
    }

    /// Opens `path` and finds every text that the selectors mean, and the column that says whose a row is, if there is one.
    pub(crate) fn open_selected(
        path: &Path,
        arrow: Option<Layout>,
        selectors: &[Selector],
        owner: Option<&str>,
        limit: u64,
    ) -> Result<Self, Fault> {
        let owners: Vec<(&str, Kind)> = owner.map(|name| (name, Kind::Owner)).into_iter().collect();
        Ok(match arrow {
            Some(layout) => Self::Arrow(ArrowFile::open(path, layout, selectors, &owners, limit)?),
            None => Self::Parquet(Source::open_selected(path, selectors, owner, limit)?),
        })
    }

    /// Decodes these columns at the top too, whatever they hold.
    pub(crate) fn with_columns(self, names: &[&str]) -> Result<Self, Fault> {
        match self {
            Self::Parquet(source) => source.with_columns(names).map(Self::Parquet),
            // All are decoded anyway.
            Self::Arrow(file) => {
                names.iter().try_for_each(|name| column(file.schema(), name).map(|_| ())).map(|()| Self::Arrow(file))
            }
        }
    }

    /// Decodes no more of Parquet at once than these shares; an Arrow batch is decoded whole.
    pub(crate) fn within(self, shares: Shares) -> Self {
        match self {
            Self::Parquet(source) => Self::Parquet(source.within(shares)),
            arrow @ Self::Arrow(_) => arrow,
        }
    }

    pub(crate) fn schema(&self) -> &Schema {
        match self {
            Self::Parquet(source) => source.schema(),
            Self::Arrow(file) => file.schema(),
        }
    }

    /// The ways to the selected texts in a batch of these columns.
    pub(crate) fn ways(&self, columns: Columns) -> Vec<Way> {
        match self {
            Self::Parquet(source) => source.ways(columns),
            Self::Arrow(file) => file.ways(),
        }
    }

    pub(crate) fn groups(&self) -> usize {
        match self {
            Self::Parquet(source) => source.row_groups(),
            Self::Arrow(file) => file.survey.rows.len(),
        }
    }

    /// Rows of all groups, as footer or messages say.
    pub(crate) fn rows(&self) -> u64 {
        match self {
            Self::Parquet(source) => source.rows(),
            Self::Arrow(file) => file.survey.rows.iter().sum(),
        }
    }

    /// Bytes of a group in the file.
    pub(crate) fn bytes(&self, group: usize) -> u64 {
        match self {
            Self::Parquet(source) => source.metadata().row_group(group).compressed_size().unsigned_abs(),
            Self::Arrow(file) => file.survey.bytes[group],
        }
    }

    /// Bytes of all columns when unpacked; of Arrow those of the file.
    pub(crate) fn unpacked_bytes(&self) -> u64 {
        match self {
            Self::Parquet(source) => {
                source.metadata().row_groups().iter().map(|group| group.total_byte_size().unsigned_abs()).sum()
            }
            Self::Arrow(file) => file.survey.bytes.iter().sum(),
        }
    }

    /// The fault of a group whose data is not what it should be.
    pub(crate) fn damaged(&self, group: usize) -> Fault {
        match self {
            Self::Parquet(_) => Fault::DamagedData { row_group: group },
            Self::Arrow(_) => Fault::DamagedBatch { batch: group },
        }
    }

    /// Decodes a group. Groups are asked for in their order, each once. Arrow decodes all columns whatever is wanted.
    pub(crate) fn batches(&mut self, group: usize, columns: Columns) -> Result<Batches, Fault> {
        Ok(match self {
            Self::Parquet(source) => Box::new(source.batches(group, columns)?),
            Self::Arrow(file) => Box::new(std::iter::once(file.next())),
        })
    }
}
