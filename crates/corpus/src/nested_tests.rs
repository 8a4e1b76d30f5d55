use arrow::array::{Int32Array, ListArray, RecordBatch, StringArray};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::compute::concat;

use super::*;
use crate::column::texts;

/// `messages`: lists of structs with `role` and `content`, with a null list, an empty one, a null turn and values that no row
/// shows.
fn messages() -> ArrayRef {
    let role: ArrayRef = Arc::new(StringArray::from(vec!["x", "a", "b", "c", "d", "e"]));
    let content: ArrayRef =
        Arc::new(StringArray::from(vec![Some("unseen"), Some("A"), None, Some("hidden"), Some("D"), Some("E")]));
    let field = |name: &str| Field::new(name, DataType::Utf8, true);
    let turns = StructArray::new(
        vec![field("role"), field("content")].into(),
        vec![role, content],
        Some(NullBuffer::from(vec![true, true, true, false, true, true])),
    );
    let item = Arc::new(Field::new("item", turns.data_type().clone(), true));
    let offsets = OffsetBuffer::new(vec![1, 3, 3, 4, 5, 6].into());
    let nulls = NullBuffer::from(vec![true, true, true, true, false]);
    Arc::new(ListArray::new(item, offsets, Arc::new(turns), Some(nulls)))
}

fn schema(columns: &[(&str, &ArrayRef)]) -> Schema {
    let field = |(name, array): &(&str, &ArrayRef)| Field::new(*name, array.data_type().clone(), true);
    Schema::new(columns.iter().map(field).collect::<Vec<_>>())
}

fn selectors(written: &[&str]) -> Vec<Selector> {
    written.iter().map(|written| written.parse().unwrap()).collect()
}

#[test]
fn ways_are_found_and_named() {
    let text: ArrayRef = Arc::new(StringArray::from(vec!["x"]));
    let number: ArrayRef = Arc::new(Int32Array::from(vec![1]));
    let messages = messages();
    let schema = schema(&[("id", &number), ("messages", &messages), ("a.b", &text), ("text", &text)]);
    let paths = |written: &[&str]| -> Vec<(String, usize)> {
        ways(&schema, &selectors(written)).unwrap().into_iter().map(|way| (way.path, way.selector)).collect()
    };
    let own =
        |found: &[(&str, usize)]| found.iter().map(|(path, index)| ((*path).to_owned(), *index)).collect::<Vec<_>>();
    assert_eq!(paths(&["text"]), own(&[("text", 0)]));
    assert_eq!(paths(&["a.b"]), own(&[("a.b", 0)]));
    assert_eq!(paths(&["text", "messages[].content"]), own(&[("messages[].content", 1), ("text", 0)]));
    let all = own(&[("messages[].role", 0), ("messages[].content", 0), ("a.b", 0), ("text", 0)]);
    assert_eq!(paths(&["**"]), all);
    for (written, missing) in [
        ("texts", true),
        ("messages.content", true),
        ("**.nothing", true),
        ("id", false),
        ("messages", false),
        ("messages[]", false),
    ] {
        let fault = ways(&schema, &selectors(&[written])).unwrap_err();
        assert_eq!(matches!(fault, Fault::MissingColumn { .. }), missing, "{written}: {fault}");
        assert_eq!(matches!(fault, Fault::NotText { .. }), !missing, "{written}: {fault}");
    }
}

#[test]
fn values_are_told_whose_they_are_and_come_back_into_their_places() {
    let column = messages();
    let way = ways(&schema(&[("messages", &column)]), &selectors(&["messages[].content"])).unwrap().remove(0);
    let found = leaf(&column, &way).unwrap();
    let owners = found.owners.clone();
    // Not shown by a list; two turns of row 0; a null turn of row 2; row 3; of a null list.
    let expected = [None, Some((0, vec![0])), Some((0, vec![1])), None, Some((3, vec![0])), None];
    assert_eq!(owners, expected);
    let upper: StringArray =
        texts(&found.values).unwrap().into_iter().map(|text| text.map(|text| format!("<{text}>"))).collect();
    let new = with_leaf(&column, &way, Arc::new(upper)).unwrap();
    assert_eq!(new.data_type(), column.data_type());
    let live = |column: &ArrayRef| -> Vec<Option<String>> {
        let leaf = leaf(column, &way).unwrap();
        let texts = texts(&leaf.values).unwrap();
        let shown = texts.iter().zip(&leaf.owners).filter(|(_, owner)| owner.is_some());
        shown.map(|(text, _)| text.map(str::to_owned)).collect()
    };
    assert_eq!(live(&new), [Some("<A>".to_owned()), None, Some("<D>".to_owned())]);
    // The other member, the list's shape and its nulls are the same.
    let role = ways(&schema(&[("messages", &column)]), &selectors(&["messages[].role"])).unwrap().remove(0);
    assert_eq!(leaf(&new, &role).unwrap().owners, leaf(&column, &role).unwrap().owners);
    assert_eq!(&leaf(&new, &role).unwrap().values, &leaf(&column, &role).unwrap().values);
    assert_eq!(new.nulls(), column.nulls());
    // A slice of it, as batches of a reader are, has the same rows under other numbers.
    let tail = column.slice(2, 2);
    let found = leaf(&tail, &way).unwrap();
    let rows: Vec<_> = found.owners.iter().flatten().cloned().collect();
    assert_eq!(rows, [(1, vec![0])]);
    let again = with_leaf(&tail, &way, found.values.clone()).unwrap();
    assert_eq!(&concat(&[&*again]).unwrap(), &concat(&[&*tail]).unwrap());
    assert!(RecordBatch::try_from_iter([("messages", again)]).is_ok());
}
