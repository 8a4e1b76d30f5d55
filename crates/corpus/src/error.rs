//! Every way this crate can stop, in two layers.
//!
//! A [`Fault`] is what is wrong with one input file: it stops the run, or the plan sets that file aside. An [`Error`] stops
//! the run. Neither carries text of the corpus, nor a decoder's own message, which may quote the bytes it stumbled over.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::closest::{hint, list};
pub(crate) use crate::stop::Stop;

/// What is wrong with one input file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// The operating system would not open or read the file.
    #[error("it cannot be read ({kind}); check that the path exists and that you may read it")]
    Unreadable {
        /// The operating system's error kind.
        kind: std::io::ErrorKind,
    },
    /// The file lacks Parquet's magic number.
    #[error(
        "it is not a Parquet file (the four-byte mark is missing); convert it to Parquet or take it out of the inputs"
    )]
    NotParquet,
    /// The file begins as Parquet or Arrow IPC and ends early.
    #[error("it is cut short (no footer at its end); copy or download it again")]
    Truncated,
    /// The file's footer is encrypted.
    #[error("its footer is encrypted, which is not supported; decrypt it first")]
    Encrypted,
    /// The footer cannot be decoded.
    #[error("its footer is damaged; copy or download it again")]
    DamagedFooter,
    /// Pages cannot be decoded, or hold fewer rows than the footer promises.
    #[error("the data of row group {row_group} is damaged; copy or download it again")]
    DamagedData {
        /// Zero-based row group.
        row_group: usize,
    },
    /// The decoder panicked, which only malformed input makes it do.
    #[error("the decoder gave up on malformed bytes; copy or download it again")]
    DecoderPanic,
    /// There is no column of the wanted name.
    #[error("it has no column `{column}`; string columns: {}{}", list(available), hint(closest.as_deref()))]
    MissingColumn {
        /// The wanted name.
        column: String,
        /// Top-level string columns of the file.
        available: Vec<String>,
        /// The most similar of them, if any is similar.
        closest: Option<String>,
    },
    /// A row does not say whose it is.
    #[error(
        "a row has nothing in the unit column `{column}`; a row that is nobody's cannot be protected: name its owner, or take it out"
    )]
    NoOwner {
        /// The column.
        column: String,
    },
    /// The wanted column does not hold text.
    #[error("its column `{column}` holds {data_type}, not text; string columns: {}", list(available))]
    NotText {
        /// The wanted name.
        column: String,
        /// Its Arrow type.
        data_type: String,
        /// Top-level string columns of the file.
        available: Vec<String>,
    },
    /// The wanted column does not hold conversations.
    #[error(
        "its column `{column}` holds {data_type}, not conversations; name a column of lists of objects with `role` and `content`"
    )]
    NotChat {
        /// The wanted name.
        column: String,
        /// Its Arrow type.
        data_type: String,
    },
    /// The file is of no kind that is read.
    #[error(
        "it is none of Parquet, Arrow IPC, JSON lines, CSV, TSV and plain text (.txt, .md); convert it, or take it out of the inputs"
    )]
    UnknownFormat,
    /// A table of cells has nothing in it, not even names of columns.
    #[error("it has no header; the first record must name the columns")]
    NoHeader,
    /// The header of a table of cells names no such column. What it does name may be somebody's first record.
    #[error(
        "its header, the first of its records, has {cells} cells, and none says `{column}`; put the names of the columns there (commas separate cells in .csv, tabs in .tsv), or name another column"
    )]
    NoColumn {
        /// The wanted name.
        column: String,
        /// Cells of the header.
        cells: u64,
    },
    /// A record of a table has another number of cells than its header.
    #[error(
        "record {record} behind the header, which ends in line {line}, has {cells} cells and the header {columns}; put cells with commas, quotes or line ends of their own in quotes"
    )]
    RaggedRecord {
        /// The record, from 1; the header is not counted.
        record: u64,
        /// The line it ends in, from 1.
        line: u64,
        /// Its cells.
        cells: u64,
        /// Those of the header.
        columns: u64,
    },
    /// A quote is open where a table of cells ends.
    #[error(
        "a quote that opens in record {record} behind the header is never closed, up to line {line}, the last; close it, or write two quotes for one inside quotes"
    )]
    OpenQuote {
        /// The record, from 1; 0 is the header.
        record: u64,
        /// The last line.
        line: u64,
    },
    /// A record, or a document, is not UTF-8.
    #[error("its record {record} is not UTF-8; convert the file")]
    NotUnicode {
        /// The record, from 1; 0 is a header.
        record: u64,
    },
    /// A record, or a document, is longer than is read.
    #[error("its record {record} is longer than {limit} bytes; cut it into smaller ones")]
    LongRecord {
        /// The record, from 1; 0 is a header.
        record: u64,
        /// The limit.
        limit: u64,
    },
    /// The file is called like Arrow IPC and begins like nothing of it.
    #[error(
        "it is not Arrow IPC (it begins with neither its mark nor a schema); convert it or take it out of the inputs"
    )]
    NotArrow,
    /// A batch of rows of an Arrow file cannot be decoded.
    #[error("its record batch {batch} is damaged; copy or download it again")]
    DamagedBatch {
        /// Zero-based batch.
        batch: usize,
    },
    /// Packed data cannot be unpacked to its end.
    #[error("its packed data is damaged or ends early, in line {line}; copy or download it again")]
    DamagedPacking {
        /// The line, from 1.
        line: u64,
    },
    /// A line is not a JSON object.
    #[error("line {line} is not a JSON object; one record is one object on one line")]
    DamagedLine {
        /// The line, from 1.
        line: u64,
    },
    /// A line lacks a key, or holds something else under it than is wanted.
    #[error("line {line} has no `{key}` of the kind that is wanted ({wanted}); null is skipped, a missing key is not")]
    DamagedRecord {
        /// The line, from 1.
        line: u64,
        /// The key.
        key: String,
        /// What it should hold.
        wanted: &'static str,
    },
    /// A line is longer than is read.
    #[error("line {line} is longer than {limit} bytes; cut the record into smaller ones")]
    LongLine {
        /// The line, from 1.
        line: u64,
        /// The limit.
        limit: u64,
    },
    /// A column's type can be read but not written back unchanged.
    #[error("its column `{column}` has a type that cannot be written back unchanged; drop or cast that column first")]
    UnsupportedColumn {
        /// Dotted path of the column, or `*` when the schema as a whole is refused.
        column: String,
    },
    /// An encrypted value cannot be opened.
    #[error("record {row} holds a value that this key does not open; it is another key's, or was altered")]
    Sealed {
        /// The record, from 1; blank lines are not counted.
        row: u64,
    },
    /// A column that would be added is there already.
    #[error("it has a `{column}` already; rename it, or take it out")]
    ColumnTaken {
        /// The name.
        column: String,
    },
    /// A document has no columns, so none can be added.
    #[error("it is plain text, which has no columns to add to; put the texts into a table or JSON lines")]
    NoColumns,
    /// A row group declares more bytes than the plan allows.
    #[error(
        "row group {row_group} declares {bytes} uncompressed bytes, more than the limit of {limit}; rewrite the file with smaller row groups or raise the limit"
    )]
    TooLarge {
        /// Zero-based row group.
        row_group: usize,
        /// Declared size.
        bytes: u64,
        /// The plan's limit.
        limit: u64,
    },
    /// A recognizer or operator panicked on a row: a defect of the rules, not of the file.
    #[error("a rule panicked on one of its texts; please report this with the rule-set digest")]
    RulePanic,
}

/// [`Fault`] without its details, as the manifest lists it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
#[expect(missing_docs, reason = "each class is the fault of the same name")]
pub enum FaultClass {
    Unreadable,
    NotParquet,
    Truncated,
    Encrypted,
    DamagedFooter,
    DamagedData,
    DecoderPanic,
    MissingColumn,
    NoOwner,
    NotText,
    NotChat,
    UnknownFormat,
    NoHeader,
    NoColumn,
    RaggedRecord,
    OpenQuote,
    NotUnicode,
    LongRecord,
    NotArrow,
    DamagedBatch,
    DamagedPacking,
    DamagedLine,
    DamagedRecord,
    LongLine,
    UnsupportedColumn,
    Sealed,
    ColumnTaken,
    NoColumns,
    TooLarge,
    RulePanic,
}

impl Fault {
    /// The class under which the manifest lists this fault.
    pub fn class(&self) -> FaultClass {
        match self {
            Self::Unreadable { .. } => FaultClass::Unreadable,
            Self::NotParquet => FaultClass::NotParquet,
            Self::Truncated => FaultClass::Truncated,
            Self::Encrypted => FaultClass::Encrypted,
            Self::DamagedFooter => FaultClass::DamagedFooter,
            Self::DamagedData { .. } => FaultClass::DamagedData,
            Self::DecoderPanic => FaultClass::DecoderPanic,
            Self::MissingColumn { .. } => FaultClass::MissingColumn,
            Self::NoOwner { .. } => FaultClass::NoOwner,
            Self::NotText { .. } => FaultClass::NotText,
            Self::NotChat { .. } => FaultClass::NotChat,
            Self::UnknownFormat => FaultClass::UnknownFormat,
            Self::NoHeader => FaultClass::NoHeader,
            Self::NoColumn { .. } => FaultClass::NoColumn,
            Self::RaggedRecord { .. } => FaultClass::RaggedRecord,
            Self::OpenQuote { .. } => FaultClass::OpenQuote,
            Self::NotUnicode { .. } => FaultClass::NotUnicode,
            Self::LongRecord { .. } => FaultClass::LongRecord,
            Self::NotArrow => FaultClass::NotArrow,
            Self::DamagedBatch { .. } => FaultClass::DamagedBatch,
            Self::DamagedPacking { .. } => FaultClass::DamagedPacking,
            Self::DamagedLine { .. } => FaultClass::DamagedLine,
            Self::DamagedRecord { .. } => FaultClass::DamagedRecord,
            Self::LongLine { .. } => FaultClass::LongLine,
            Self::UnsupportedColumn { .. } => FaultClass::UnsupportedColumn,
            Self::Sealed { .. } => FaultClass::Sealed,
            Self::ColumnTaken { .. } => FaultClass::ColumnTaken,
            Self::NoColumns => FaultClass::NoColumns,
            Self::TooLarge { .. } => FaultClass::TooLarge,
            Self::RulePanic => FaultClass::RulePanic,
        }
    }
}

/// Why a run stopped.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No pattern matched a file.
    #[error("no file of a kind that is read matches {}; check the path or the pattern", list(patterns))]
    NoInput {
        /// The patterns as given.
        patterns: Vec<String>,
    },
    /// A glob pattern is malformed.
    #[error("`{pattern}` is not a valid pattern: {why}; quote it or correct it")]
    BadPattern {
        /// The pattern as given.
        pattern: String,
        /// What the pattern parser says.
        why: &'static str,
    },
    /// One input file is at fault.
    #[error("{}: {fault}", file.display())]
    Input {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        fault: Fault,
    },
    /// Every input file was set aside.
    #[error("all {files} input files are unusable; the first, {}: {why}", first.display())]
    AllQuarantined {
        /// How many files there were.
        files: usize,
        /// The first of them.
        first: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The inputs hold no row at all.
    #[error("the {files} input files hold no rows; point the inputs at a corpus with text in it")]
    EmptyCorpus {
        /// How many readable files there were.
        files: usize,
    },
    /// More would change than the plan allows.
    #[error(
        "more than {limit} of the bytes of {} would change, which `max_changed` does not allow; count with a dry run what is found, correct the rules, or raise the limit",
        file.as_ref().map_or_else(|| "all texts together".to_owned(), |file| format!("the texts of {}", file.display()))
    )]
    TooMuchChanged {
        /// The file; `None` for all together.
        file: Option<PathBuf>,
        /// The plan's limit, a share.
        limit: f64,
    },
    /// Two inputs would be written to one place.
    #[error(
        "{} and {} would both be written as `{name}`; rename one, or scrub the folders one at a time",
        first.display(),
        second.display()
    )]
    NameClash {
        /// One file.
        first: PathBuf,
        /// The other.
        second: PathBuf,
        /// The name they share.
        name: String,
    },
    /// An input is called like a file this crate writes beside the shards.
    #[error("{} has a name kept for the run's own files; rename it", file.display())]
    ReservedName {
        /// The input.
        file: PathBuf,
    },
    /// The output folder is, or lies in, an input folder.
    #[error(
        "the output folder {} lies in the input folder {}, so a second run would read the first one's output; choose a folder outside",
        output.display(),
        input.display()
    )]
    OutputInsideInput {
        /// The output folder.
        output: PathBuf,
        /// The input folder.
        input: PathBuf,
    },
    /// An input file lies in the output folder.
    #[error(
        "the input {} lies in the output folder {} and could be overwritten; choose another output folder",
        input.display(),
        output.display()
    )]
    InputInsideOutput {
        /// The input file.
        input: PathBuf,
        /// The output folder.
        output: PathBuf,
    },
    /// The output folder holds things this crate did not write.
    #[error(
        "the output folder {} is not empty and has no manifest; choose an empty folder or allow overwriting",
        output.display()
    )]
    ForeignOutput {
        /// The output folder.
        output: PathBuf,
    },
    /// The output folder belongs to a different plan.
    #[error(
        "the output folder {} was written under another plan (other rules, column, policy or file names); choose another folder or allow overwriting",
        output.display()
    )]
    DifferentPlan {
        /// The output folder.
        output: PathBuf,
    },
    /// The output folder was made from inputs that have changed since.
    #[error(
        "the input {} has changed since {} was written; choose another folder or allow overwriting",
        input.display(),
        output.display()
    )]
    InputsChanged {
        /// The output folder.
        output: PathBuf,
        /// The first changed input.
        input: PathBuf,
    },
    /// Another run is writing to the output folder.
    #[error("another run is writing to {}; wait for it to end", output.display())]
    Busy {
        /// The output folder.
        output: PathBuf,
    },
    /// The run was asked to stop.
    #[error("interrupted; the finished files stay, and the same command continues from there")]
    Interrupted,
    /// A file or folder could not be written.
    #[error("cannot write {}: {source}; check permissions and free space", path.display())]
    Write {
        /// What was being written.
        path: PathBuf,
        /// The operating system's answer.
        source: std::io::Error,
    },
    /// A file of an earlier run cannot be understood.
    #[error("{} is not a file of this tool, or is damaged; remove it or allow overwriting", path.display())]
    BadState {
        /// The file.
        path: PathBuf,
    },
    /// The rules cannot be built.
    #[error("the rules cannot be used: {0}")]
    Rules(#[from] privet_text::Error),
    /// The worker threads could not be started.
    #[error("{jobs} worker threads could not be started; ask for fewer")]
    Workers {
        /// How many were wanted (0: one per core).
        jobs: usize,
    },
    /// A file has fewer rows than are asked for.
    #[error("{} has no row {row}, counted from 0: it has {rows} rows; name a row of it", file.display())]
    NoSuchRow {
        /// The file.
        file: PathBuf,
        /// The row.
        row: u64,
        /// How many it has.
        rows: u64,
    },
    /// Statistics could not be computed.
    #[error("the statistics could not be computed ({what}); this is a defect, please report it")]
    Statistics {
        /// Which statistic.
        what: &'static str,
    },
    /// What is compared could not be sorted on disk.
    #[error("the comparison cannot go on: {0}; check the output folder's disk and its free space")]
    Spill(#[from] privet_dedup::SpillError),
    /// There are more rows than a comparison numbers.
    #[error("there are more than {limit} rows; compare them in parts, with the earlier parts as references")]
    TooManyRows {
        /// Most rows.
        limit: u32,
    },
    /// More of a file would go than is allowed.
    #[error("the copies in {of} are more than the limit allows; nothing was written; a report shows them")]
    TooMuchRemoved {
        /// The input, by the name of its output; or the number of a source.
        of: String,
        /// Rows that would go.
        removed: u64,
        /// Its rows.
        rows: u64,
    },
    /// A column of sources says something else.
    #[error("column `{column}` has more than {limit} values, which are no sources; name another column")]
    TooManySources {
        /// The column.
        column: String,
        /// Most sources.
        limit: usize,
    },
    /// Whoever was handed the texts failed.
    #[error("reading the texts was stopped: {0}")]
    Consumer(Box<dyn std::error::Error + Send + Sync>),
}
