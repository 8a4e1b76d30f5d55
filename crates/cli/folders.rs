//! Where outputs may lie.

use std::path::{Path, PathBuf};

use crate::failure::{Exit, Failure};

/// Refuses an output folder that lies inside an input, or that holds one: a later run would read its own output.
pub(crate) fn keep_apart(folders: &[PathBuf], files: &[PathBuf], output: &Path) -> Result<(), Failure> {
    let output = resolved(output);
    if let Some(folder) = folders.iter().find(|folder| output.starts_with(resolved(folder))) {
        return Err(nested("the output folder lies inside an input folder", &output, folder));
    }
    match files.iter().find(|file| resolved(file).starts_with(&output)) {
        Some(file) => Err(nested("an input lies inside the output folder", &output, file)),
        None => Ok(()),
    }
}

fn nested(what: &str, output: &Path, input: &Path) -> Failure {
    Failure::new(Exit::Usage, what)
        .at(format!("output {}, input {}", output.display(), input.display()))
        .why("a second run would read what the first one wrote")
        .help("choose an output folder beside the input, not above or below it")
}

/// The absolute path without links, also of a folder that does not exist yet: its nearest existing ancestor counts.
fn resolved(path: &Path) -> PathBuf {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    for ancestor in absolute.ancestors() {
        if let (Ok(real), Ok(rest)) = (ancestor.canonicalize(), absolute.strip_prefix(ancestor)) {
            return if rest.as_os_str().is_empty() { real } else { real.join(rest) };
        }
    }
    absolute
}

#[cfg(test)]
mod tests {
    use super::keep_apart;

    #[test]
    fn output_inside_input_and_input_inside_output_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let input = dir.path().join("in");
        std::fs::create_dir(&input).unwrap();
        let file = input.join("a.parquet");
        std::fs::write(&file, b"x").unwrap();
        let folder = [input.clone()];
        let files = [file];
        assert!(keep_apart(&folder, &files, &dir.path().join("out")).is_ok());
        assert!(keep_apart(&folder, &files, &input.join("out")).is_err());
        assert!(keep_apart(&folder, &files, &input.join("../in/deep/out")).is_err());
        assert!(keep_apart(&[], &files, dir.path()).is_err());
        assert!(keep_apart(&[], &files, &input.join("out")).is_ok(), "beside single files an output folder is fine");
    }
}
