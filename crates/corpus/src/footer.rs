//! Writer settings taken from the input's footer, so that an output differs from its input only in rows.
//!
//! Carried: the Parquet schema as it stands (list naming, field ids, converted types), key-value metadata
//! verbatim (`ARROW:schema`, `huggingface`, `pandas`), and per column the codec, encoding, dictionary,
//! statistics and Bloom filter switches of the first row group. Not recorded in a footer, hence not carried:
//! compression levels and page sizes. Row-group boundaries are set by the caller, who flushes where the
//! input's row groups end.

use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::basic::{Compression, Encoding, PageType};
use parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData, SortingColumn};
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesBuilder, WriterVersion};

/// Options for an Arrow writer that continues in the style of `metadata`.
pub(crate) fn writer_options(metadata: &ParquetMetaData, text_leaves: &[usize]) -> ArrowWriterOptions {
    let file = metadata.file_metadata();
    let mut builder = WriterProperties::builder()
        .set_key_value_metadata(file.key_value_metadata().cloned())
        .set_max_row_group_row_count(None)
        .set_max_row_group_bytes(None);
    if let Some(group) = metadata.row_groups().first() {
        builder = builder
            .set_writer_version(page_version(group.columns()))
            .set_offset_index_disabled(!has_offset_index(group.columns()))
            .set_sorting_columns(sorting(group.sorting_columns(), text_leaves));
        for column in group.columns() {
            builder = carry(builder, column);
        }
    }
    ArrowWriterOptions::new()
        .with_properties(builder.build())
        .with_parquet_schema(file.schema_descr().clone())
        // The input's own Arrow schema, if it has one, is among the key-value metadata.
        .with_skip_arrow_metadata(true)
}

/// Options for an Arrow writer that adds columns: codec of the first column, and what the footer says but for lists of columns.
pub(crate) fn extended_options(metadata: &ParquetMetaData) -> ArrowWriterOptions {
    let lists = ["ARROW:schema", "huggingface", "pandas"];
    let noted = metadata.file_metadata().key_value_metadata().into_iter().flatten();
    let noted: Vec<_> = noted.filter(|note| !lists.contains(&note.key.as_str())).cloned().collect();
    let first = metadata.row_groups().first().and_then(|group| group.columns().first());
    let properties = WriterProperties::builder()
        .set_key_value_metadata((!noted.is_empty()).then_some(noted))
        .set_max_row_group_row_count(None)
        .set_max_row_group_bytes(None)
        .set_compression(first.map_or(Compression::UNCOMPRESSED, ColumnChunkMetaData::compression));
    ArrowWriterOptions::new().with_properties(properties.build())
}

fn carry(builder: WriterPropertiesBuilder, column: &ColumnChunkMetaData) -> WriterPropertiesBuilder {
    let path = column.column_path().clone();
    let statistics = if column.statistics().is_none() {
        EnabledStatistics::None
    } else if column.column_index_offset().is_some() {
        EnabledStatistics::Page
    } else {
        EnabledStatistics::Chunk
    };
    builder
        .set_column_compression(path.clone(), column.compression())
        .set_column_dictionary_enabled(path.clone(), has_dictionary(column))
        .set_column_encoding(path.clone(), plain_encoding(column))
        .set_column_statistics_enabled(path.clone(), statistics)
        .set_column_bloom_filter_enabled(path, column.bloom_filter_offset().is_some())
}

fn has_dictionary(column: &ColumnChunkMetaData) -> bool {
    column.dictionary_page_offset().is_some() || column.encodings().any(is_dictionary)
}

fn is_dictionary(encoding: Encoding) -> bool {
    matches!(encoding, Encoding::RLE_DICTIONARY | Encoding::PLAIN_DICTIONARY)
}

/// The encoding of pages outside the dictionary. Beside a dictionary, PLAIN is listed for the dictionary
/// page itself, so anything more specific wins.
fn plain_encoding(column: &ColumnChunkMetaData) -> Encoding {
    column
        .encodings()
        .find(|encoding| {
            matches!(
                encoding,
                Encoding::DELTA_BINARY_PACKED
                    | Encoding::DELTA_LENGTH_BYTE_ARRAY
                    | Encoding::DELTA_BYTE_ARRAY
                    | Encoding::BYTE_STREAM_SPLIT
            )
        })
        .unwrap_or(Encoding::PLAIN)
}

/// The footer's own version number says little (many writers put 2 above version 1 pages), the page
/// statistics say it exactly.
fn page_version(columns: &[ColumnChunkMetaData]) -> WriterVersion {
    let version_2 = columns
        .iter()
        .filter_map(ColumnChunkMetaData::page_encoding_stats)
        .flatten()
        .any(|stats| stats.page_type == PageType::DATA_PAGE_V2);
    if version_2 { WriterVersion::PARQUET_2_0 } else { WriterVersion::PARQUET_1_0 }
}

fn has_offset_index(columns: &[ColumnChunkMetaData]) -> bool {
    columns.iter().any(|column| column.offset_index_offset().is_some())
}

/// Dropping rows keeps an order, rewriting a column does not: the promise ends where the text begins.
fn sorting(columns: Option<&Vec<SortingColumn>>, text_leaves: &[usize]) -> Option<Vec<SortingColumn>> {
    let is_text =
        |column: &SortingColumn| usize::try_from(column.column_idx).is_ok_and(|leaf| text_leaves.contains(&leaf));
    let kept: Vec<SortingColumn> = columns?.iter().take_while(|column| !is_text(column)).cloned().collect();
    (!kept.is_empty()).then_some(kept)
}

#[cfg(test)]
#[path = "footer_tests.rs"]
mod tests;
