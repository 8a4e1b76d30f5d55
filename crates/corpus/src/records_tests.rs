//! Records from Parquet and JSON lines: the same ones, and the faults of each.

use std::fs::File;
use std::io::Write;
use std::sync::Arc;

use arrow::array::{LargeListBuilder, ListBuilder, StringArray, StringBuilder, StructArray, StructBuilder};
use arrow::datatypes::{Field, Fields, Schema};
use parquet::arrow::ArrowWriter;

use super::*;

fn text() -> Selection {
    Selection::Text { column: "text".to_owned() }
}

fn chat() -> Selection {
    Selection::Chat { column: "messages".to_owned() }
}

fn pair() -> Selection {
    Selection::Pair { prompt: "text".to_owned(), completion: "answer".to_owned() }
}

/// One string a record, so that sets of records compare and print.
fn read(path: &Path, selection: &Selection) -> Result<Vec<String>, Error> {
    let mut all = Vec::new();
    read_records(&[path.to_owned()], selection, None, &mut |record, _| {
        all.push(match record {
            Record::Text(text) => text,
            Record::Pair { prompt, completion } => format!("{prompt}|{completion}"),
            Record::Chat(turns) => {
                turns.iter().map(|turn| format!("{}:{}", turn.role, turn.content)).collect::<Vec<_>>().join(";")
            }
        });
        Ok(())
    })?;
    Ok(all)
}

fn lines(folder: &Path, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, bytes).unwrap();
    path
}

const LINES: &str = concat!(
    "\u{feff}{\"text\": \"one\", \"answer\": \"A\", \"messages\": [{\"role\": \"user\", \"content\": \"x\", \"name\": \"n\"}, {\"role\": \"assistant\", \"content\": null}]}\n",
    "\n",
    "{\"text\": null, \"answer\": \"B\", \"messages\": null}\r\n",
    "{\"text\": \"\", \"answer\": null, \"messages\": []}\n",
    "  {\"text\": \"t\\u00e9\\n\", \"answer\": \"\", \"messages\": [null, {\"role\": \"user\", \"content\": \"y\"}]}",
);

/// A turn, which may be null, and so may be what is said in it.
type Said = Option<(&'static str, Option<&'static str>)>;

/// The same rows as Parquet; `large` uses the list type with 64-bit offsets.
fn parquet(folder: &Path, large: bool) -> PathBuf {
    let fields =
        || Fields::from(vec![Field::new("role", DataType::Utf8, true), Field::new("content", DataType::Utf8, true)]);
    let turns = || StructBuilder::from_fields(fields(), 0);
    let rows: [Option<&[Said]>; 4] = [
        Some(&[Some(("user", Some("x"))), Some(("assistant", None))]),
        None,
        Some(&[]),
        Some(&[None, Some(("user", Some("y")))]),
    ];
    let fill = |turns: &mut StructBuilder, row: Option<&[Said]>| {
        for turn in row.unwrap_or_default() {
            turns.field_builder::<StringBuilder>(0).unwrap().append_option(turn.map(|turn| turn.0));
            turns.field_builder::<StringBuilder>(1).unwrap().append_option(turn.and_then(|turn| turn.1));
            turns.append(turn.is_some());
        }
        row.is_some()
    };
    let messages: ArrayRef = if large {
        let mut list = LargeListBuilder::new(turns());
        for row in rows {
            let valid = fill(list.values(), row);
            list.append(valid);
        }
        Arc::new(list.finish())
    } else {
        let mut list = ListBuilder::new(turns());
        for row in rows {
            let valid = fill(list.values(), row);
            list.append(valid);
        }
        Arc::new(list.finish())
    };
    let texts: ArrayRef = Arc::new(StringArray::from(vec![Some("one"), None, Some(""), Some("té\n")]));
    let answers: ArrayRef = Arc::new(StringArray::from(vec![Some("A"), Some("B"), None, Some("")]));
    let columns = [("messages", messages), ("answer", answers), ("text", texts)];
    let schema: Vec<Field> =
        columns.iter().map(|(name, column)| Field::new(*name, column.data_type().clone(), true)).collect();
    let schema = Arc::new(Schema::new(schema));
    let batch = RecordBatch::try_new(schema.clone(), columns.into_iter().map(|(_, column)| column).collect()).unwrap();
    let path = folder.join(if large { "large.parquet" } else { "small.parquet" });
    let mut writer = ArrowWriter::try_new(File::create(&path).unwrap(), schema, None).unwrap();
    // Two row groups, the second one sliced: list offsets that do not begin at 0.
    writer.write(&batch.slice(0, 1)).unwrap();
    writer.flush().unwrap();
    writer.write(&batch.slice(1, 3)).unwrap();
    writer.close().unwrap();
    path
}

#[test]
fn parquet_and_json_lines_give_the_same_records() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(LINES.as_bytes()).unwrap();
    let files = [
        lines(root, "a.jsonl", LINES.as_bytes()),
        lines(root, "b.jsonl.gz", &gzip.finish().unwrap()),
        lines(root, "c.ndjson.zst", &zstd::encode_all(LINES.as_bytes(), 3).unwrap()),
        parquet(root, false),
        parquet(root, true),
    ];
    for file in files {
        assert_eq!(read(&file, &text()).unwrap(), ["one", "", "té\n"], "{}", file.display());
        assert_eq!(read(&file, &pair()).unwrap(), ["one|A", "|B", "té\n|"]);
        assert_eq!(read(&file, &chat()).unwrap(), ["user:x;assistant:", "", "user:y"]);
    }
}

#[test]
fn gzip_members_follow_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let member = |line: &str| {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(line.as_bytes()).unwrap();
        gzip.finish().unwrap()
    };
    let bytes = [member("{\"text\": \"a\"}\n"), member("{\"text\": \"b\"}\n")].concat();
    assert_eq!(read(&lines(folder.path(), "a.jsonl.gz", &bytes), &text()).unwrap(), ["a", "b"]);
}

#[test]
fn faults_name_the_line_and_never_quote_it() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let good = "{\"text\": \"fine\"}\n";
    for (bad, selection, line) in [
        ("hunter2\n", text(), 2),
        ("{\"text\": \"hunter2\"\n", text(), 2),
        ("[\"hunter2\"]\n", text(), 2),
        ("{\"txet\": \"hunter2\"}\n", text(), 2),
        ("{\"text\": [\"hunter2\"]}\n", text(), 2),
        ("{\"text\": \"hunter2\"}\n", pair(), 1),
        ("{\"text\": \"hunter2\"}\n", chat(), 1),
    ] {
        let path = lines(root, "a.jsonl", [good, bad].concat().as_bytes());
        let error = read(&path, &selection).unwrap_err();
        assert!(matches!(&error, Error::Input { file, .. } if *file == path));
        let said = format!("{error} {error:?}");
        assert!(said.contains(&format!("line {line}")) && !said.contains("hunter2"), "{said}");
    }
    for turns in
        ["7", "\"hunter2\"", "[{\"role\": \"user\"}]", "[{\"role\": 1, \"content\": \"hunter2\"}]", "[[\"hunter2\"]]"]
    {
        let path = lines(root, "a.jsonl", format!("{{\"messages\": {turns}}}\n").as_bytes());
        let error = read(&path, &chat()).unwrap_err();
        assert!(matches!(&error, Error::Input { fault: Fault::DamagedRecord { line: 1, .. }, .. }), "{turns}");
        assert!(!format!("{error:?}").contains("hunter2"));
    }
    // Bytes that are not UTF-8, and compressed data that ends early.
    let path = lines(root, "a.jsonl", b"{\"text\": \"\xff\"}\n");
    assert!(matches!(read(&path, &text()), Err(Error::Input { fault: Fault::DamagedLine { line: 1 }, .. })));
    let whole = zstd::encode_all(LINES.repeat(100).as_bytes(), 3).unwrap();
    let path = lines(root, "a.jsonl.zst", &whole[..whole.len() - 5]);
    assert!(matches!(read(&path, &text()), Err(Error::Input { fault: Fault::DamagedPacking { .. }, .. })));
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(LINES.as_bytes()).unwrap();
    let mut whole = gzip.finish().unwrap();
    let middle = whole.len() / 2;
    whole[middle] ^= 0x55;
    let path = lines(root, "a.jsonl.gz", &whole);
    assert!(matches!(read(&path, &text()), Err(Error::Input { fault: Fault::DamagedLine { .. }, .. })));
}

#[test]
fn what_is_neither_is_refused_and_names_do_not_decide_about_parquet() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    for (name, bytes) in [("a.tab", &b"a,b\n1,2\n"[..]), ("b.bin", &[0x80, 2, 0x7d, 0x71]), ("empty", b"")] {
        let error = read(&lines(root, name, bytes), &text()).unwrap_err();
        assert!(matches!(error, Error::Input { fault: Fault::UnknownFormat, .. }), "{name}");
    }
    assert_eq!(read(&lines(root, "empty.jsonl", b""), &text()).unwrap(), Vec::<String>::new());
    assert_eq!(read(&lines(root, "a.log", b"{\"text\": \"a\"}"), &text()).unwrap(), ["a"]);
    let moved = root.join("parquet.jsonl");
    std::fs::rename(parquet(root, false), &moved).unwrap();
    assert_eq!(read(&moved, &text()).unwrap().len(), 3);
    assert!(matches!(
        read(&root.join("gone.jsonl"), &text()),
        Err(Error::Input { fault: Fault::Unreadable { .. }, .. })
    ));
}

#[test]
fn columns_of_another_kind_are_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let file = parquet(folder.path(), false);
    let fault = |selection: &Selection| match read(&file, selection) {
        Err(Error::Input { fault, .. }) => fault,
        other => panic!("{other:?}"),
    };
    assert!(matches!(fault(&Selection::Text { column: "messages".to_owned() }), Fault::NotText { .. }));
    assert!(matches!(fault(&Selection::Chat { column: "text".to_owned() }), Fault::NotChat { .. }));
    assert!(matches!(fault(&Selection::Chat { column: "massages".to_owned() }), Fault::MissingColumn { .. }));
    let absent = Selection::Pair { prompt: "text".to_owned(), completion: "anser".to_owned() };
    assert!(matches!(fault(&absent), Fault::MissingColumn { closest: Some(close), .. } if close == "answer"));
}

#[test]
fn an_error_of_the_reader_stops_and_passes_through() {
    let folder = tempfile::tempdir().unwrap();
    for file in [lines(folder.path(), "a.jsonl", LINES.as_bytes()), parquet(folder.path(), false)] {
        let mut seen = 0;
        let result = read_records(&[file], &text(), None, &mut |_, _| {
            seen += 1;
            Err(Error::Interrupted)
        });
        assert!(matches!(result, Err(Error::Interrupted)) && seen == 1);
    }
}

#[test]
fn a_struct_that_lacks_a_part_is_no_conversation() {
    let folder = tempfile::tempdir().unwrap();
    let role: ArrayRef = Arc::new(StringArray::from(vec!["user"]));
    let turns = StructArray::from(vec![(Arc::new(Field::new("role", DataType::Utf8, true)), role)]);
    let field = Arc::new(Field::new("item", turns.data_type().clone(), true));
    let offsets = arrow::buffer::OffsetBuffer::from_lengths([1]);
    let list: ArrayRef = Arc::new(arrow::array::ListArray::new(field, offsets, Arc::new(turns), None));
    let schema = Arc::new(Schema::new(vec![Field::new("messages", list.data_type().clone(), true)]));
    let path = folder.path().join("a.parquet");
    let mut writer = ArrowWriter::try_new(File::create(&path).unwrap(), schema.clone(), None).unwrap();
    writer.write(&RecordBatch::try_new(schema, vec![list]).unwrap()).unwrap();
    writer.close().unwrap();
    assert!(matches!(read(&path, &chat()), Err(Error::Input { fault: Fault::NotChat { .. }, .. })));
}

/// Per row its text and whose it is.
fn owned(path: &Path, column: &str) -> Result<Vec<(String, String)>, Error> {
    let mut all = Vec::new();
    read_records(&[path.to_owned()], &text(), Some(column), &mut |record, owner| {
        let Record::Text(text) = record else { unreachable!() };
        all.push((text, owner.unwrap()));
        Ok(())
    })?;
    Ok(all)
}

#[test]
fn owners_are_texts_or_whole_numbers_and_never_missing() {
    use arrow::array::{Float64Array, Int32Array, UInt64Array};
    let folder = tempfile::tempdir().unwrap();
    let columns: [(&str, ArrayRef); 6] = [
        ("text", Arc::new(StringArray::from(vec![Some("a"), None, Some("c")]))),
        ("name", Arc::new(StringArray::from(vec!["7", "x", "-1"]))),
        ("number", Arc::new(Int32Array::from(vec![7, 8, -1]))),
        ("large", Arc::new(UInt64Array::from(vec![u64::MAX, 0, 1]))),
        ("holes", Arc::new(Int32Array::from(vec![Some(7), None, None]))),
        ("share", Arc::new(Float64Array::from(vec![0.5, 1.0, 2.0]))),
    ];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let path = folder.path().join("a.parquet");
    let mut writer = ArrowWriter::try_new(File::create(&path).unwrap(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    let pair = |text: &str, owner: &str| (text.to_owned(), owner.to_owned());
    assert_eq!(owned(&path, "name").unwrap(), [pair("a", "7"), pair("c", "-1")]);
    assert_eq!(owned(&path, "number").unwrap(), [pair("a", "7"), pair("c", "-1")]);
    assert_eq!(owned(&path, "large").unwrap(), [pair("a", "18446744073709551615"), pair("c", "1")]);
    let fault = |result: Result<_, Error>| match result {
        Err(Error::Input { fault, .. }) => fault,
        _ => panic!("not refused as input"),
    };
    assert!(matches!(fault(owned(&path, "holes")), Fault::NoOwner { column } if column == "holes"));
    assert!(matches!(fault(owned(&path, "share")), Fault::NotText { .. }));
    assert!(matches!(fault(owned(&path, "nobody")), Fault::MissingColumn { .. }));

    let json = lines(
        folder.path(),
        "a.jsonl",
        b"{\"text\":\"a\",\"u\":7}\n{\"text\":null,\"u\":\"x\"}\n{\"text\":\"c\",\"u\":\"-1\"}\n",
    );
    assert_eq!(owned(&json, "u").unwrap(), [pair("a", "7"), pair("c", "-1")]);
    for (value, none) in [("null", true), ("1.5", false), ("[]", false), ("true", false)] {
        let json = lines(folder.path(), "b.jsonl", format!("{{\"text\":\"a\",\"u\":{value}}}\n").as_bytes());
        let fault = fault(owned(&json, "u"));
        assert_eq!(matches!(fault, Fault::NoOwner { .. }), none, "{value}: {fault:?}");
    }
    let json = lines(folder.path(), "c.jsonl", b"{\"text\":\"a\"}\n");
    assert!(matches!(fault(owned(&json, "u")), Fault::DamagedRecord { line: 1, .. }));
}
