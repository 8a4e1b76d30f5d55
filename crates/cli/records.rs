//! From the corpus to the trainer: which columns make a record, and the records one after the other.

use std::path::PathBuf;

use privet_corpus::{Error as CorpusError, Record, Selection, read_records};
use privet_train::{Error as TrainError, Example, Examples, Format, Message};

/// How the trainer reads what was selected.
pub(crate) fn format(selection: &Selection) -> Format {
    match selection {
        Selection::Text { .. } => Format::Text,
        Selection::Pair { .. } => Format::PromptCompletion,
        Selection::Chat { .. } => Format::Chat,
    }
}

/// The selection that columns make, named in a config or on the command line. The error says which do not go together.
pub(crate) fn selection(
    text: Option<&str>,
    prompt: Option<&str>,
    completion: Option<&str>,
    messages: Option<&str>,
) -> Result<Selection, &'static str> {
    let own = str::to_owned;
    match (text, prompt, completion, messages) {
        (text, None, None, None) => Ok(Selection::Text { column: own(text.unwrap_or("text")) }),
        (None, Some(prompt), Some(completion), None) => {
            Ok(Selection::Pair { prompt: own(prompt), completion: own(completion) })
        }
        (None, None, None, Some(column)) => Ok(Selection::Chat { column: own(column) }),
        (_, Some(_), None, _) | (_, None, Some(_), _) => Err("a prompt needs a completion, and a completion a prompt"),
        _ => Err("a record is a text, a prompt with a completion, or a conversation: name the columns of one of them"),
    }
}

/// The records of `files`, with their owners where there is a column of them. What goes wrong while reading comes out of
/// the trainer as [`TrainError::Source`].
pub(crate) fn examples(
    files: Vec<PathBuf>,
    selection: Selection,
    unit_column: Option<String>,
) -> Box<Examples<'static>> {
    Box::new(move |sink| {
        let read = read_records(&files, &selection, unit_column.as_deref(), &mut |record, owner| {
            sink(example(record), owner.as_deref()).map_err(|error| CorpusError::Consumer(Box::new(error)))
        });
        read.map_err(|error| match error {
            // The trainer's own error on its way back.
            CorpusError::Consumer(error) => {
                error.downcast::<TrainError>().map_or_else(TrainError::Source, |error| *error)
            }
            error => TrainError::Source(Box::new(error)),
        })
    })
}

fn example(record: Record) -> Example {
    match record {
        Record::Text(text) => Example::Text(text),
        Record::Pair { prompt, completion } => Example::Pair { prompt, completion },
        Record::Chat(turns) => {
            let turns = turns.into_iter().map(|turn| Message { role: turn.role, content: turn.content });
            Example::Chat(turns.collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_make_one_kind_of_record_or_none() {
        let (a, b) = (Some("a"), Some("b"));
        assert_eq!(selection(None, None, None, None).map(|s| s.names()), Ok("text".to_owned()));
        assert_eq!(selection(a, None, None, None).map(|s| s.names()), Ok("a".to_owned()));
        assert_eq!(selection(None, a, b, None).map(|s| s.names()), Ok("a, b".to_owned()));
        assert_eq!(selection(None, None, None, a).map(|s| format(&s)), Ok(Format::Chat));
        for (text, prompt, completion, messages) in
            [(a, b, b, None), (None, a, None, None), (None, None, a, b), (a, None, None, b), (None, a, b, b)]
        {
            assert!(selection(text, prompt, completion, messages).is_err());
        }
    }

    #[test]
    fn the_trainers_own_error_comes_back_as_it_was() {
        let folder = std::env::temp_dir().join(format!("privet-records-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let file = folder.join("a.jsonl");
        std::fs::write(&file, "{\"text\": \"x\"}\n").unwrap();
        let selection = Selection::Text { column: "text".to_owned() };
        let error =
            examples(vec![file.clone()], selection.clone(), None)(&mut |_, _| Err(TrainError::Empty)).unwrap_err();
        assert!(matches!(error, TrainError::Empty));
        std::fs::write(&file, "no json\n").unwrap();
        let error = examples(vec![file], selection, None)(&mut |_, _| Ok(())).unwrap_err();
        assert!(matches!(error, TrainError::Source(_)));
        std::fs::remove_dir_all(folder).unwrap();
    }
}
