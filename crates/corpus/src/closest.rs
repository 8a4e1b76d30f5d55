//! "Did you mean": the known name nearest to a mistyped one, by edit distance; and names as messages show them.

/// The candidate nearest to `wanted`, if it is near enough to be a slip (at most a third of it wrong, or
/// equal but for case).
pub(crate) fn closest(wanted: &str, candidates: &[String]) -> Option<String> {
    let wanted_lower = wanted.to_lowercase();
    let (best, distance) = candidates
        .iter()
        .map(|name| (name, edit_distance(&wanted_lower, &name.to_lowercase())))
        .min_by_key(|&(_, distance)| distance)?;
    let longest = wanted.chars().count().max(best.chars().count());
    (distance * 3 <= longest.max(3)).then(|| best.clone())
}

/// Fewest insertions, deletions, changes and swaps of neighbours that turn one name into the other (optimal
/// string alignment).
fn edit_distance(left: &str, right: &str) -> usize {
    let left: Vec<char> = left.chars().collect();
    let right: Vec<char> = right.chars().collect();
    let mut cost = vec![vec![0; right.len() + 1]; left.len() + 1];
    for i in 0..=left.len() {
        for j in 0..=right.len() {
            cost[i][j] = match (i, j) {
                (0, edits) | (edits, 0) => edits,
                _ => {
                    let change = cost[i - 1][j - 1] + usize::from(left[i - 1] != right[j - 1]);
                    change.min(cost[i - 1][j] + 1).min(cost[i][j - 1] + 1)
                }
            };
            let swapped = i > 1 && j > 1 && left[i - 1] == right[j - 2] && left[i - 2] == right[j - 1];
            if swapped {
                cost[i][j] = cost[i][j].min(cost[i - 2][j - 2] + 1);
            }
        }
    }
    cost[left.len()][right.len()]
}

/// Names in backticks, with commas between them.
pub(crate) fn list(names: &[String]) -> String {
    if names.is_empty() {
        return "none".to_owned();
    }
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    quoted.join(", ")
}

/// What a message ends with where a name was probably mistyped.
pub(crate) fn hint(closest: Option<&str>) -> String {
    closest.map_or_else(String::new, |name| format!("; did you mean `{name}`?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances() {
        assert_eq!(edit_distance("", "abc"), 3);
        assert_eq!(edit_distance("kitten", "sitting"), 3);
        assert_eq!(edit_distance("text", "text"), 0);
        assert_eq!(edit_distance("txet", "text"), 1);
    }

    #[test]
    fn slips_are_found_and_strangers_are_not() {
        let names = ["text".to_owned(), "content".to_owned(), "id".to_owned()];
        assert_eq!(closest("txt", &names).as_deref(), Some("text"));
        assert_eq!(closest("TEXT", &names).as_deref(), Some("text"));
        assert_eq!(closest("contents", &names).as_deref(), Some("content"));
        assert_eq!(closest("abstract", &names), None);
        assert_eq!(closest("text", &[]), None);
    }
}
