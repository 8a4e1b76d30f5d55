//! Which texts of a record are meant: `text`, `meta.title`, `messages[].content`, `**.text`.
//!
//! Names are separated by dots. `[]` behind a name stands for every element of a list, `**` for any way down, lists
//! included. A name that holds a dot can be meant only at the top, where a whole selector that is a column's name is
//! that column.

use std::fmt;
use std::str::FromStr;

/// A path to the texts of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selector {
    written: String,
    steps: Vec<Step>,
}

/// One step of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Name(String),
    Items,
    Anywhere,
}

/// Why a selector is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{written}` names no column: write names with dots between them, `[]` behind a list's name, or `**` for any way down"
)]
pub struct NoSelector {
    written: String,
}

impl FromStr for Selector {
    type Err = NoSelector;

    fn from_str(written: &str) -> Result<Self, NoSelector> {
        let wrong = || NoSelector { written: written.to_owned() };
        let mut steps = Vec::new();
        for part in written.split('.') {
            let name = part.trim_end_matches("[]");
            let lists = (part.len() - name.len()) / 2;
            match name {
                "**" if lists == 0 => steps.push(Step::Anywhere),
                "" | "**" => return Err(wrong()),
                name => steps.push(Step::Name(name.to_owned())),
            }
            steps.extend(std::iter::repeat_n(Step::Items, lists));
        }
        // Every text of a record, whatever its name, may be wanted; nothing below nothing cannot.
        if steps.windows(2).any(|pair| pair == [Step::Anywhere, Step::Anywhere]) {
            return Err(wrong());
        }
        Ok(Self { written: written.to_owned(), steps })
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.written)
    }
}

impl Selector {
    /// The selector of one column at the top, whatever is in its name.
    pub fn column(name: &str) -> Self {
        Self { written: name.to_owned(), steps: vec![Step::Name(name.to_owned())] }
    }

    /// The selector of a member of every turn of a column of conversations.
    pub(crate) fn inside_turns(column: &str, member: &str) -> Self {
        let steps = vec![Step::Name(column.to_owned()), Step::Items, Step::Name(member.to_owned())];
        Self { written: format!("{column}[].{member}"), steps }
    }

    /// The path as it was written.
    pub(crate) fn written(&self) -> &str {
        &self.written
    }

    /// The name of the column at the top, if there is one for sure.
    pub(crate) fn top(&self) -> Option<&str> {
        match self.steps.first() {
            Some(Step::Name(name)) => Some(name),
            _ => None,
        }
    }

    /// Whether it names one column at the top and nothing below it.
    pub(crate) fn is_flat(&self) -> bool {
        matches!(self.steps[..], [Step::Name(_)])
    }
}

/// Where some selectors stand on the way down a record: each may be at several of its steps, because of `**`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Places(Vec<(usize, usize)>);

impl Places {
    /// Before the first step.
    pub(crate) fn top(selectors: &[Selector]) -> Self {
        let mut places = Self::default();
        (0..selectors.len()).for_each(|index| places.reach(selectors, index, 0));
        places
    }

    /// Whether nothing below here is meant.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Into the member `name` of an object. At the top, a selector may be the whole name.
    pub(crate) fn member(&self, selectors: &[Selector], name: &str, at_top: bool) -> Self {
        let mut next = Self::default();
        for &(index, step) in &self.0 {
            match selectors[index].steps.get(step) {
                Some(Step::Name(wanted)) if wanted == name => next.reach(selectors, index, step + 1),
                Some(Step::Name(_)) if at_top && selectors[index].written == name => {
                    next.reach(selectors, index, selectors[index].steps.len());
                }
                Some(Step::Anywhere) => next.reach(selectors, index, step),
                _ => {}
            }
        }
        next
    }

    /// Into the elements of a list.
    pub(crate) fn items(&self, selectors: &[Selector]) -> Self {
        let mut next = Self::default();
        for &(index, step) in &self.0 {
            match selectors[index].steps.get(step) {
                Some(Step::Items) => next.reach(selectors, index, step + 1),
                Some(Step::Anywhere) => next.reach(selectors, index, step),
                _ => {}
            }
        }
        next
    }

    /// The first selector that ends here: the value is meant.
    pub(crate) fn meant(&self, selectors: &[Selector]) -> Option<usize> {
        self.0.iter().find(|(index, step)| *step == selectors[*index].steps.len()).map(|(index, _)| *index)
    }

    /// The first selector that ends here and not by chance: what is here must be text.
    pub(crate) fn must_be_text(&self, selectors: &[Selector]) -> Option<usize> {
        self.meant(selectors).filter(|index| !selectors[*index].steps.contains(&Step::Anywhere))
    }

    /// Adds a place; `**` stands for no step too.
    fn reach(&mut self, selectors: &[Selector], index: usize, step: usize) {
        if self.0.contains(&(index, step)) {
            return;
        }
        self.0.push((index, step));
        if selectors[index].steps.get(step) == Some(&Step::Anywhere) {
            self.reach(selectors, index, step + 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The way down to a value, `[]` for an element.
    fn meant(selectors: &[&str], way: &[&str]) -> Option<usize> {
        let selectors: Vec<Selector> = selectors.iter().map(|written| written.parse().unwrap()).collect();
        let mut places = Places::top(&selectors);
        for (depth, step) in way.iter().enumerate() {
            places = match *step {
                "[]" => places.items(&selectors),
                name => places.member(&selectors, name, depth == 0),
            };
        }
        places.meant(&selectors)
    }

    #[test]
    fn paths_mean_what_they_say() {
        for (selector, way, hit) in [
            ("text", &["text"][..], true),
            ("text", &["texts"], false),
            ("text", &["a", "text"], false),
            ("text", &["text", "[]"], false),
            ("text[]", &["text", "[]"], true),
            ("text[]", &["text"], false),
            ("text[][]", &["text", "[]", "[]"], true),
            ("messages[].content", &["messages", "[]", "content"], true),
            ("messages[].content", &["messages", "content"], false),
            ("messages[].content", &["messages", "[]", "role"], false),
            ("a.b", &["a", "b"], true),
            ("a.b", &["a.b"], true),
            ("a.b", &["x", "a.b"], false),
            ("**.text", &["text"], true),
            ("**.text", &["a", "[]", "[]", "b", "text"], true),
            ("**.text", &["a", "text", "b"], false),
            ("a.**.text", &["a", "text"], true),
            ("a.**.text", &["a", "b", "[]", "text"], true),
            ("a.**.text", &["b", "text"], false),
            ("**", &["a", "[]"], true),
            ("**.a.b", &["a", "a", "b"], true),
        ] {
            assert_eq!(meant(&[selector], way), hit.then_some(0), "{selector} {way:?}");
        }
        assert_eq!(meant(&["a", "**.b"], &["c", "b"]), Some(1));
    }

    #[test]
    fn what_names_nothing_is_refused() {
        for written in ["", ".", "a.", ".a", "a..b", "[]", "**[]", "**.**", "a.[]"] {
            assert!(written.parse::<Selector>().is_err(), "{written}");
        }
        for written in ["a", "a.b", "a[]", "a[][].b", "**", "**.a", "ä ö"] {
            assert_eq!(written.parse::<Selector>().unwrap().to_string(), written);
        }
        assert!("a".parse::<Selector>().unwrap().is_flat() && !"a.b".parse::<Selector>().unwrap().is_flat());
    }
}
