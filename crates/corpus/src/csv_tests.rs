use proptest::prelude::*;

use super::*;

/// All records of `bytes`, fed in pieces that end at these places.
fn records(bytes: &[u8], delimiter: u8, cuts: &[usize]) -> Result<Vec<Vec<Vec<u8>>>, OpenQuote> {
    let mut scanner = Scanner::new(delimiter);
    let mut found = Vec::new();
    if bytes.starts_with("\u{feff}".as_bytes()) {
        scanner.begin_at(3);
    }
    // A piece ends behind a line feed, as lines do: a CR and its LF are never torn apart.
    let mut ends: Vec<usize> = cuts.iter().map(|cut| cut % (bytes.len() + 1)).collect();
    ends.retain(|end| *end > 3 && bytes[end - 1] == b'\n');
    ends.sort_unstable();
    for end in ends {
        while let Some(record) = scanner.next(&bytes[..end], false)? {
            found.push(record);
        }
    }
    while let Some(record) = scanner.next(bytes, true)? {
        found.push(record);
    }
    let cells = |record: &Record| -> Vec<Vec<u8>> {
        let text = |cell: &Range<usize>| String::from_utf8(bytes[cell.clone()].to_vec()).unwrap();
        record.cells.iter().map(|cell| value(&text(cell)).into_owned().into_bytes()).collect()
    };
    Ok(found.iter().map(cells).collect())
}

/// Twin: the `csv` crate.
fn by_the_crate(bytes: &[u8], delimiter: u8) -> Vec<Vec<Vec<u8>>> {
    let mut reader =
        ::csv::ReaderBuilder::new().has_headers(false).flexible(true).delimiter(delimiter).from_reader(bytes);
    let cells = |record: ::csv::ByteRecord| record.iter().map(<[u8]>::to_vec).collect();
    reader.byte_records().map(|record| cells(record.unwrap())).collect()
}

/// Whether a quote is open at the end: then the crate takes a record more for a part of the last one.
fn open(bytes: &[u8], delimiter: u8) -> bool {
    let more = [bytes, b"\nmore\n"].concat();
    by_the_crate(&more, delimiter).last() != Some(&vec![b"more".to_vec()])
}

proptest! {
    #![proptest_config(crate::fixtures::proptest_config(4096))]

    /// Any bytes at all, with what makes up records much more often than chance would have it.
    #[test]
    fn cells_are_those_that_the_crate_finds(
        text in "\u{feff}?[ab,\t\"\"\n\r😀]{0,40}",
        cuts in prop::collection::vec(0_usize..200, 0..4),
        tab: bool,
    ) {
        let delimiter = if tab { b'\t' } else { b',' };
        match records(text.as_bytes(), delimiter, &cuts) {
            Ok(found) => {
                prop_assert!(!open(text.as_bytes(), delimiter));
                prop_assert_eq!(found, by_the_crate(text.as_bytes(), delimiter));
            }
            Err(OpenQuote) => prop_assert!(open(text.as_bytes(), delimiter)),
        }
    }

    /// A whole table, and the same with one byte changed, taken out or doubled.
    #[test]
    fn damaged_tables_are_read_as_the_crate_reads_them(
        rows in prop::collection::vec(prop::collection::vec("[a,\"\r\n é]{0,5}", 3), 1..6),
        place: usize,
        by in prop::sample::select(b"\",\n\ra".to_vec()),
        way in 0..4,
    ) {
        let mut writer = ::csv::Writer::from_writer(Vec::new());
        for row in &rows {
            writer.write_record(row).unwrap();
        }
        let mut bytes = writer.into_inner().unwrap();
        let place = place % bytes.len();
        match way {
            0 => bytes[place] = by,
            1 => drop(bytes.remove(place)),
            2 => bytes.insert(place, by),
            _ => {}
        }
        if std::str::from_utf8(&bytes).is_err() {
            return Ok(());
        }
        match records(&bytes, b',', &[]) {
            Ok(found) => prop_assert_eq!(found, by_the_crate(&bytes, b',')),
            Err(OpenQuote) => prop_assert!(way < 3 && open(&bytes, b',')),
        }
    }

    /// A rewritten cell says what it was given to say, wherever it stands, and quotes stay where they were.
    #[test]
    fn a_rewritten_cell_is_read_back(new in "[a,\t\"\n\r é]{0,6}", before in "(\"a\")|a|", tab: bool) {
        let delimiter = if tab { b'\t' } else { b',' };
        let cell = cell(&new, &before, delimiter);
        prop_assert!(!before.starts_with('"') || cell.starts_with('"'));
        let line = format!("x{0}{cell}{0}y\n", char::from(delimiter));
        let expected = vec![vec![b"x".to_vec(), new.into_bytes(), b"y".to_vec()]];
        prop_assert_eq!(by_the_crate(line.as_bytes(), delimiter), expected.clone());
        prop_assert_eq!(records(line.as_bytes(), delimiter, &[]).unwrap(), expected);
    }
}

#[test]
fn records_tile_the_bytes_between_them() {
    let text = "\u{feff}\r\na,\"b\nc\"\r\n\n\n\"d\"\"\"x,e";
    let mut scanner = Scanner::new(b',');
    scanner.begin_at(3);
    let first = scanner.next(text.as_bytes(), true).unwrap().unwrap();
    assert_eq!(&text[first.bytes.clone()], "a,\"b\nc\"\r\n");
    assert_eq!(scanner.begun(), first.bytes.end);
    let second = scanner.next(text.as_bytes(), true).unwrap().unwrap();
    assert_eq!(&text[second.bytes.clone()], "\"d\"\"\"x,e");
    assert_eq!(value(&text[second.cells[0].clone()]), "d\"x");
    assert_eq!(scanner.next(text.as_bytes(), true), Ok(None));
    assert_eq!(Scanner::new(b',').next(b"a,\"b", true), Err(OpenQuote));
    assert!(is_null("") && !is_null("\"\""));
}
