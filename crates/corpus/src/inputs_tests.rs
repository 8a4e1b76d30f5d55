use super::*;

fn touch(folder: &Path, names: &[&str]) {
    for name in names {
        let path = folder.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, b"").unwrap();
    }
}

fn pattern(folder: &Path, rest: &str) -> String {
    folder.join(rest).to_string_lossy().into_owned()
}

fn names(folder: &Path, patterns: &[&str]) -> Vec<String> {
    let patterns: Vec<String> = patterns.iter().map(|p| pattern(folder, p)).collect();
    resolve_inputs(&patterns, Kinds::Parquet).unwrap().iter().map(|path| below(&absolute(folder), path)).collect()
}

#[test]
fn files_folders_and_globs_resolve_sorted_and_once() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    touch(root, &["b.parquet", "a.parquet", "c.txt", ".h.parquet", "d/e.PARQUET"]);
    assert_eq!(names(root, &[""]), ["a.parquet", "b.parquet", "d/e.PARQUET"]);
    assert_eq!(names(root, &["*.parquet", "a.parquet"])[..2], [".h.parquet", "a.parquet"]);
    assert_eq!(names(root, &["c.txt"]), ["c.txt"]);
    assert_eq!(names(root, &["d/../d"]), ["d/e.PARQUET"]);
}

#[test]
fn a_folder_of_records_holds_json_lines_too() {
    let folder = tempfile::tempdir().unwrap();
    touch(folder.path(), &["a.parquet", "b.jsonl", "c.NDJSON.gz", "d.jsonl.zst", "e.json", "jsonl", ".f.jsonl"]);
    let patterns = [pattern(folder.path(), "")];
    let count = |kinds| resolve_inputs(&patterns, kinds).unwrap().len();
    assert_eq!((count(Kinds::Parquet), count(Kinds::Records)), (1, 4));
}

#[test]
fn the_state_of_files_changes_with_any_of_them() {
    let folder = tempfile::tempdir().unwrap();
    touch(folder.path(), &["a", "b"]);
    let files = [folder.path().join("a"), folder.path().join("b")];
    let before = state_of(&files).unwrap();
    assert_eq!(before, state_of(&files).unwrap());
    std::fs::write(&files[1], "x").unwrap();
    assert_ne!(before, state_of(&files).unwrap());
    assert_ne!(before, state_of(&files[..1]).unwrap());
    std::fs::remove_file(&files[0]).unwrap();
    assert!(matches!(state_of(&files), Err(Error::Input { .. })));
}

#[test]
fn a_finished_output_folder_resolves_to_its_shards() {
    let folder = tempfile::tempdir().unwrap();
    touch(folder.path(), &["a.parquet", "findings.parquet", "manifest.json"]);
    assert_eq!(names(folder.path(), &[""]), ["a.parquet"]);
}

#[test]
fn what_matches_nothing_is_named() {
    let folder = tempfile::tempdir().unwrap();
    touch(folder.path(), &["a.parquet"]);
    let wanted = [pattern(folder.path(), "a.parquet"), pattern(folder.path(), "z*")];
    let error = resolve_inputs(&wanted, Kinds::Parquet).unwrap_err();
    assert!(matches!(&error, Error::NoInput { patterns } if patterns == &wanted[1..]));
    assert!(matches!(resolve_inputs(&[], Kinds::Parquet), Err(Error::NoInput { .. })));
    let broken = ["a[".to_owned()];
    assert!(matches!(resolve_inputs(&broken, Kinds::Parquet), Err(Error::BadPattern { .. })));
}

#[test]
fn shards_keep_their_names_and_clashes_keep_their_paths() {
    let files = [PathBuf::from("/x/one/a.parquet"), PathBuf::from("/x/two/b.parquet")];
    let named: Vec<String> = shards(&files, &[]).unwrap().into_iter().map(|s| s.name).collect();
    assert_eq!(named, ["a.parquet", "b.parquet"]);

    let files = [PathBuf::from("/x/one/a.parquet"), PathBuf::from("/x/two/A.parquet")];
    let named: Vec<String> = shards(&files, &[]).unwrap().into_iter().map(|s| s.name).collect();
    assert_eq!(named, ["one/a.parquet", "two/A.parquet"]);

    let files = [PathBuf::from("/x/a.parquet"), PathBuf::from("/x/./a.parquet")];
    assert!(matches!(shards(&files, &[]), Err(Error::NameClash { .. })));
    let files = [PathBuf::from("/x/findings.parquet")];
    assert!(matches!(shards(&files, &[]), Err(Error::ReservedName { .. })));
}

#[test]
fn overlapping_folders_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    touch(root, &["in/a.parquet"]);
    let files = [root.join("in/a.parquet")];
    let folders = [root.join("in")];
    let check = |output: &str, folders: &[PathBuf]| check_apart(&root.join(output), &files, folders);
    assert!(check("out", &folders).is_ok());
    assert!(check("in-other", &folders).is_ok());
    assert!(check("in/out", &[]).is_ok(), "a file named by itself reserves no folder");
    assert!(matches!(check("in/out", &folders), Err(Error::OutputInsideInput { .. })));
    assert!(matches!(check("x/../in/out", &folders), Err(Error::OutputInsideInput { .. })));
    assert!(matches!(check("in", &[]), Err(Error::InputInsideOutput { .. })));
    assert!(matches!(check("", &[]), Err(Error::InputInsideOutput { .. })));
}

#[cfg(unix)]
#[test]
fn links_do_not_hide_an_overlap() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    touch(root, &["in/a.parquet"]);
    std::os::unix::fs::symlink(root.join("in"), root.join("link")).unwrap();
    let files = [root.join("in/a.parquet")];
    let refused = check_apart(&root.join("link/out"), &files, &[root.join("in")]);
    assert!(matches!(refused, Err(Error::OutputInsideInput { .. })));
    let refused = check_apart(&root.join("link"), &files, &[]);
    assert!(matches!(refused, Err(Error::InputInsideOutput { .. })));
}

#[test]
fn folders_of_patterns() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    touch(root, &["in/a.parquet"]);
    let patterns = [
        pattern(root, "in"),
        pattern(root, "deep/**/*.parquet"),
        pattern(root, "in/*.parquet"),
        pattern(root, "in/a.parquet"),
    ];
    assert_eq!(input_folders(&patterns), [absolute(root).join("deep"), absolute(root).join("in")]);
}
