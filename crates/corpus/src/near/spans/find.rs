//! Passes 1 to 3: which stretches of which texts stand somewhere before.

use std::ops::Range;
use std::path::Path;

use privet_dedup::{Anchor, Meeting, Region, Repeat, Repeats, Search};
use rayon::prelude::*;

use super::super::find::{ROWS_MAX, at, owner_column};
use super::super::read::{Row, Rows, read};
use super::super::sketch::owner;
use super::super::{DedupPass, Extent, File, Run};
use super::method::{Action, Level, Spans};
use super::spanned::{Spanned, Writer};
use super::tokens::{Tokens, in_places};
use super::{Found, SpanCounts, SpanSource};
use crate::cells::label;
use crate::error::{Error, Fault, Stop};
use crate::meter::Meter;

/// What passes share.
struct Passes<'a> {
    run: &'a Run<'a>,
    level: Level,
    extents: Vec<Extent>,
    /// Bytes of every file's texts.
    text_bytes: Vec<u64>,
    /// Per row the number of its first token, and the number of all at the end.
    starts: Vec<u64>,
}

/// Finds all spans and writes them to `lines`, with what needs room below `spill`.
pub(super) fn find(
    run: &Run<'_>,
    spans: &Spans,
    spill: &Path,
    lines: &Path,
    plan_digest: &str,
) -> Result<Found, Error> {
    let pulse = &mut || run.check_cancelled();
    let mut search = Search::new(spans.level.windows(), spill, run.plan.memory);
    let passes = sign(run, spans.level, &mut search)?;
    if passes.extents.iter().all(|extent| extent.rows == 0) {
        return Err(Error::EmptyCorpus { files: run.plan.inputs.len() });
    }
    let mut meeting = search.meet(pulse)?;
    passes.compare(&mut meeting)?;
    let mut repeats = meeting.settle(pulse)?;
    let mut writer = Writer::create(lines)?;
    let counts = passes.place(&mut repeats, &mut writer)?;
    let rows_emptied = if spans.action == Action::Remove { counts.rows_emptied } else { 0 };
    let counts = SpanCounts { action: spans.action.name().to_owned(), rows_emptied, ..counts };
    let sha256 = writer.commit()?.sha256;
    Ok(Found { plan_digest: plan_digest.to_owned(), extents: passes.extents, counts, sha256 })
}

/// A row's texts, each by itself, and whose they are.
fn owned<'a>(run: &Run<'_>, rows: &Rows<'a>) -> Result<Vec<(Row<'a>, u128)>, Fault> {
    let column = run.plan.owner_column();
    let whose = |(index, row): (usize, Row<'a>)| {
        // A row without text is nobody's copy, so it needs no owner.
        let owner = match column {
            Some(column) if !row.texts().is_empty() => owner(&rows.beside[0][index], column)?,
            _ => 0,
        };
        Ok((row, owner))
    };
    rows.rows().enumerate().map(whose).collect()
}

/// The anchors of a text, and how many tokens it has.
type Signed = (Vec<Anchor>, u64);

/// Pass 1.
fn sign<'a>(run: &'a Run<'a>, level: Level, search: &mut Search) -> Result<Passes<'a>, Error> {
    let (mut extents, mut text_bytes, mut starts) = (Vec::new(), Vec::new(), Vec::new());
    run.metered(DedupPass::Sign, |meter| {
        for (index, file) in run.files.iter().enumerate() {
            let (mut extent, mut bytes_of_texts) = (Extent { rows: 0, empty: 0 }, 0);
            let each = &mut |rows: Rows<'_>, bytes: u64| -> Result<(), Stop> {
                run.check_cancelled()?;
                let owned = owned(run, &rows)?;
                let sign =
                    |(tokens, scratch): &mut (Tokens, Vec<u64>), (row, owner): &(Row<'_>, u128)| -> Vec<Signed> {
                        let signed = |text: &&str| {
                            let mut anchors = Vec::new();
                            let joined = tokens.joined(level, text);
                            let count = level.windows().anchors(joined, *owner, scratch, &mut anchors);
                            (anchors, count)
                        };
                        row.texts().iter().map(signed).collect()
                    };
                let signed: Vec<Vec<Signed>> =
                    run.pool.install(|| owned.par_iter().map_init(Default::default, sign).collect());
                for (row, texts) in owned.iter().zip(signed) {
                    if starts.len() as u64 >= u64::from(ROWS_MAX) {
                        return Err(Error::TooManyRows { limit: ROWS_MAX }.into());
                    }
                    starts.push(search.tokens());
                    extent.rows += 1;
                    extent.empty += u64::from(texts.is_empty());
                    bytes_of_texts += row.0.texts().iter().map(|text| text.len() as u64).sum::<u64>();
                    for (anchors, count) in texts {
                        search.push(&anchors, count).map_err(Error::Spill)?;
                    }
                }
                meter.advance(owned.len() as u64, bytes);
                Ok(())
            };
            read(&file.shard.path, &run.plan.columns, &owner_column(run), each)
                .map_err(|stop| at(stop, &file.shard))?;
            extents.push(extent);
            text_bytes.push(bytes_of_texts);
            meter.file_done(index + 1);
        }
        Ok::<(), Error>(())
    })?;
    starts.push(search.tokens());
    Ok(Passes { run, level, extents, text_bytes, starts })
}

/// A row that is read again: its number, its texts, whose they are, and the tokens they have.
struct Again<'a> {
    number: u64,
    row: Row<'a>,
    owner: u128,
    tokens: Range<u64>,
}

/// Takes the number of a file and some of its rows.
type EachAgain<'a> = dyn FnMut(usize, Vec<Again<'_>>) -> Result<(), Stop> + 'a;

impl Passes<'_> {
    /// Pass 2.
    fn compare(&self, meeting: &mut Meeting) -> Result<(), Error> {
        let windows = self.level.windows();
        self.again(&mut |_, rows| {
            let mut wanted: Vec<(Again<'_>, Vec<u64>)> = Vec::new();
            let mut anchors = Vec::new();
            for row in rows {
                meeting.between(&row.tokens, &mut anchors).map_err(Error::Spill)?;
                if !anchors.is_empty() {
                    wanted.push((row, std::mem::take(&mut anchors)));
                }
            }
            let around = |tokens: &mut Tokens,
                          (row, anchors): &(Again<'_>, Vec<u64>)|
             -> Result<Vec<(u64, u128, Region)>, Fault> {
                let (mut found, mut first) = (Vec::new(), 0);
                for text in row.row.texts() {
                    let joined = tokens.joined(self.level, text);
                    let end = first + count(joined);
                    let of_text: Vec<u64> =
                        anchors.iter().filter(|at| (first..end).contains(*at)).map(|at| at - first).collect();
                    let regions = windows.around(joined, row.owner, &of_text);
                    found.extend(regions.into_iter().map(|region| (row.tokens.start + first, row.owner, region)));
                    first = end;
                }
                as_before(first, &row.tokens)?;
                Ok(found)
            };
            let found: Vec<Vec<_>> = self
                .run
                .pool
                .install(|| wanted.par_iter().map_init(Tokens::default, around).collect::<Result<_, Fault>>())?;
            for (first, owner, region) in found.into_iter().flatten() {
                meeting.push(first, owner, &region).map_err(Error::Spill)?;
            }
            Ok(())
        })
    }

    /// Pass 3.
    fn place(&self, repeats: &mut Repeats, writer: &mut Writer) -> Result<SpanCounts, Error> {
        let source = |(file, (extent, bytes)): (&File, (&Extent, &u64))| SpanSource {
            file: file.shard.name.clone(),
            rows: extent.rows,
            text_bytes: *bytes,
            ..SpanSource::default()
        };
        let mut sources: Vec<SpanSource> =
            self.run.files.iter().zip(self.extents.iter().zip(&self.text_bytes)).map(source).collect();
        let mut counts = SpanCounts::default();
        self.again(&mut |index, rows| {
            let mut wanted: Vec<(Again<'_>, Vec<Repeat>)> = Vec::new();
            let mut windows = Vec::new();
            for row in rows {
                repeats.between(&row.tokens, &mut windows).map_err(Error::Spill)?;
                if !windows.is_empty() && !self.run.files[index].reference {
                    wanted.push((row, std::mem::take(&mut windows)));
                }
            }
            let placed =
                |tokens: &mut Tokens, (row, windows): &(Again<'_>, Vec<Repeat>)| self.placed(tokens, row, windows);
            let spans: Vec<Vec<Spanned>> = self
                .run
                .pool
                .install(|| wanted.par_iter().map_init(Tokens::default, placed).collect::<Result<_, Fault>>())?;
            let source = &mut sources[index];
            for ((row, _), spans) in wanted.iter().zip(spans) {
                let left = row.row.texts().iter().map(|text| text.len()).sum::<usize>();
                counts.rows_emptied +=
                    u64::from(left == spans.iter().map(|span| span.cut_end - span.cut_start).sum::<usize>());
                source.rows_with_spans += u64::from(!spans.is_empty());
                counts.spans += spans.len() as u64;
                for span in &spans {
                    source.text_bytes_repeated += (span.end - span.start) as u64;
                    writer.push(span)?;
                }
            }
            Ok(())
        })?;
        let files = self.run.files.iter().zip(sources).filter(|(file, _)| !file.reference);
        counts.sources = files.map(|(_, source)| source).collect();
        for source in &counts.sources {
            counts.rows_with_spans += source.rows_with_spans;
            counts.text_bytes += source.text_bytes;
            counts.text_bytes_repeated += source.text_bytes_repeated;
        }
        Ok(counts)
    }

    /// The stretches of a row's texts that its repeated windows cover.
    fn placed(&self, tokens: &mut Tokens, row: &Again<'_>, windows: &[Repeat]) -> Result<Vec<Spanned>, Fault> {
        let (mut spans, mut start, mut left) = (Vec::new(), row.tokens.start, windows);
        for (number, cell) in in_places(row.row.cells).into_iter().enumerate() {
            let Some(text) = cell.slot.and_then(|slot| row.row.text(slot)) else { continue };
            let end = start + tokens.read(self.level, text) as u64;
            let here;
            (here, left) = left.split_at(left.partition_point(|repeat| repeat.window < end));
            for (covered, first) in covered(self.level, here) {
                let within = (covered.start - start) as usize..(covered.end - start) as usize;
                let Some(stretch) = tokens.stretch(self.level, within) else { continue };
                let column = label(&self.run.plan.columns[cell.selector].to_string(), &cell.at);
                spans.push(Spanned {
                    row: row.number as u32,
                    text: number as u32,
                    column,
                    start: stretch.bytes.start,
                    end: stretch.bytes.end,
                    cut_start: stretch.cut.start,
                    cut_end: stretch.cut.end,
                    anchor: self.row_of(first),
                });
            }
            start = end;
        }
        as_before(start - row.tokens.start, &row.tokens)?;
        Ok(spans)
    }

    /// The row of a token.
    fn row_of(&self, token: u64) -> u32 {
        // Rows without a token begin where the next one does, and stand before it.
        (self.starts.partition_point(|start| *start <= token) - 1) as u32
    }

    /// Reads all files again and hands on their rows, batch by batch, with the number of the file.
    fn again(&self, each_rows: &mut EachAgain<'_>) -> Result<(), Error> {
        self.run.metered(DedupPass::Compare, |meter| {
            let mut first = 0_u64;
            for (index, (file, extent)) in self.run.files.iter().zip(&self.extents).enumerate() {
                let end = first + extent.rows;
                self.file_again(index, first..end, meter, each_rows).map_err(|stop| at(stop, &file.shard))?;
                first = end;
                meter.file_done(index + 1);
            }
            Ok(())
        })
    }

    fn file_again(
        &self,
        index: usize,
        numbers: Range<u64>,
        meter: &Meter<'_>,
        each_rows: &mut EachAgain<'_>,
    ) -> Result<(), Stop> {
        let run = self.run;
        let mut number = numbers.start;
        let each = &mut |rows: Rows<'_>, bytes: u64| -> Result<(), Stop> {
            run.check_cancelled()?;
            let mut again = Vec::new();
            for (row, owner) in owned(run, &rows)? {
                if number >= numbers.end {
                    // The file has grown since it was read first.
                    return Err(Fault::Unreadable { kind: std::io::ErrorKind::InvalidData }.into());
                }
                let tokens = self.starts[number as usize]..self.starts[number as usize + 1];
                again.push(Again { number, row, owner, tokens });
                number += 1;
            }
            let count = again.len() as u64;
            each_rows(index, again)?;
            meter.advance(count, bytes);
            Ok(())
        };
        read(&run.files[index].shard.path, &run.plan.columns, &owner_column(run), each)?;
        if number == numbers.end {
            Ok(())
        } else {
            Err(Fault::Unreadable { kind: std::io::ErrorKind::UnexpectedEof }.into())
        }
    }
}

/// A file that says something else than when it was read first cannot be told by those numbers.
fn as_before(now: u64, before: &Range<u64>) -> Result<(), Fault> {
    let kind = std::io::ErrorKind::InvalidData;
    if now == before.end - before.start { Ok(()) } else { Err(Fault::Unreadable { kind }) }
}

fn count(joined: &str) -> u64 {
    joined.split_ascii_whitespace().count() as u64
}

/// The tokens that some windows of one text cover, each run with the first place of its first window. Runs of words that touch
/// are one; paragraphs and lines stay by themselves.
fn covered(level: Level, windows: &[Repeat]) -> Vec<(Range<u64>, u64)> {
    let length = level.windows().tokens() as u64;
    let mut runs: Vec<(Range<u64>, u64)> = Vec::new();
    for repeat in windows {
        let end = repeat.window + length;
        match runs.last_mut() {
            Some((run, _)) if matches!(level, Level::Words(_)) && repeat.window <= run.end => run.end = end,
            _ => runs.push((repeat.window..end, repeat.first)),
        }
    }
    runs
}
