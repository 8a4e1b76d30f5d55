//! A text column as plain string slices, and back again in the type it came in.
//!
//! A dictionary column is taken apart into its values and, per row, the value's number: each value is
//! scrubbed once however many rows point at it.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, LargeStringArray, StringArray, StringViewArray};
use arrow::datatypes::DataType;

/// The distinct storage slots of a text column and which of them each row shows.
pub(crate) struct Slots {
    /// Strings without a dictionary around them.
    pub(crate) values: ArrayRef,
    /// Per row the slot in `values`; `None` where the row is null.
    pub(crate) of_row: Vec<Option<usize>>,
}

/// Takes a text column apart; `None` if it does not hold text.
pub(crate) fn slots(column: &ArrayRef) -> Option<Slots> {
    let Some(dictionary) = column.as_any_dictionary_opt() else {
        return texts(column).map(|_| Slots {
            values: column.clone(),
            of_row: (0..column.len()).map(|row| column.is_valid(row).then_some(row)).collect(),
        });
    };
    let values = dictionary.values().clone();
    texts(&values)?;
    let keys = dictionary.keys();
    let of_row = if values.is_empty() {
        vec![None; keys.len()]
    } else {
        let numbers = dictionary.normalized_keys().into_iter().enumerate();
        numbers.map(|(row, slot)| (keys.is_valid(row) && values.is_valid(slot)).then_some(slot)).collect()
    };
    Some(Slots { values, of_row })
}

/// The strings of a plain (not dictionary) column; `None` if it does not hold text.
pub(crate) fn texts(values: &ArrayRef) -> Option<Vec<Option<&str>>> {
    Some(match values.data_type() {
        DataType::Utf8 => values.as_string::<i32>().iter().collect(),
        DataType::LargeUtf8 => values.as_string::<i64>().iter().collect(),
        DataType::Utf8View => values.as_string_view().iter().collect(),
        _ => return None,
    })
}

/// `column` with other strings in its slots; the type stays.
pub(crate) fn with_texts<'a>(column: &ArrayRef, texts: impl Iterator<Item = Option<&'a str>>) -> ArrayRef {
    if let Some(dictionary) = column.as_any_dictionary_opt() {
        let values = plain(dictionary.values().data_type(), texts);
        return dictionary.with_values(values);
    }
    plain(column.data_type(), texts)
}

fn plain<'a>(data_type: &DataType, texts: impl Iterator<Item = Option<&'a str>>) -> ArrayRef {
    match data_type {
        DataType::LargeUtf8 => Arc::new(texts.collect::<LargeStringArray>()),
        DataType::Utf8View => Arc::new(texts.collect::<StringViewArray>()),
        _ => Arc::new(texts.collect::<StringArray>()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{DictionaryArray, Int8Array, Int64Array};
    use arrow::datatypes::Int8Type;

    fn rows(column: &ArrayRef) -> Vec<Option<String>> {
        let slots = slots(column).unwrap();
        let texts = texts(&slots.values).unwrap();
        let of_row = slots.of_row.iter();
        of_row.map(|slot| slot.map(|slot| texts[slot].unwrap().to_owned())).collect()
    }

    fn columns(texts: &[Option<&str>]) -> Vec<ArrayRef> {
        let texts = texts.iter().copied();
        vec![
            Arc::new(texts.clone().collect::<StringArray>()),
            Arc::new(texts.clone().collect::<LargeStringArray>()),
            Arc::new(texts.clone().collect::<StringViewArray>()),
            Arc::new(texts.collect::<DictionaryArray<Int8Type>>()),
        ]
    }

    #[test]
    fn every_text_type_comes_apart_and_together() {
        for column in columns(&[Some("a"), None, Some("b"), Some("a")]) {
            let expected = ["a", "b", "a"].map(|text| Some(text.to_owned()));
            let [a, b, c] = expected;
            assert_eq!(rows(&column), [a, None, b, c]);
            let values = slots(&column).unwrap().values;
            let upper: Vec<Option<String>> =
                texts(&values).unwrap().into_iter().map(|text| text.map(str::to_uppercase)).collect();
            let changed = with_texts(&column, upper.iter().map(Option::as_deref));
            assert_eq!(changed.data_type(), column.data_type());
            let shown: Vec<String> = rows(&changed).into_iter().flatten().collect();
            assert_eq!(shown, ["A", "B", "A"]);
        }
    }

    #[test]
    fn a_dictionary_may_be_empty_or_hold_a_null() {
        let empty: ArrayRef = Arc::new(DictionaryArray::<Int8Type>::new(
            Int8Array::from(vec![None, None]),
            Arc::new(StringArray::from(Vec::<String>::new())),
        ));
        assert_eq!(rows(&empty), [None, None]);
        let holds_null: ArrayRef = Arc::new(DictionaryArray::<Int8Type>::new(
            Int8Array::from(vec![Some(0), Some(1)]),
            Arc::new(StringArray::from(vec![None, Some("x")])),
        ));
        assert_eq!(rows(&holds_null), [None, Some("x".to_owned())]);
    }

    #[test]
    fn numbers_are_not_text() {
        let numbers: ArrayRef = Arc::new(Int64Array::from(vec![1]));
        assert!(slots(&numbers).is_none());
        let numbers: ArrayRef = Arc::new(DictionaryArray::<Int8Type>::new(Int8Array::from(vec![0]), numbers));
        assert!(slots(&numbers).is_none());
    }
}
