//! Who may depend on whom: the list in ARCHITECTURE.md against what the manifests say.

use std::collections::BTreeSet;
use std::process::Command;

use crate::root;

/// The edges between privet's own crates as cargo sees them, `corpus -> text`; the root package is `privet`.
fn actual() -> BTreeSet<String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let short = |name: &str| name.trim_start_matches("privet-").to_owned();
    let mut edges = BTreeSet::new();
    for package in metadata["packages"].as_array().unwrap() {
        let from = short(package["name"].as_str().unwrap());
        for dependency in package["dependencies"].as_array().unwrap() {
            let to = dependency["name"].as_str().unwrap();
            if to.starts_with("privet-") {
                edges.insert(format!("{from} -> {}", short(to)));
            }
        }
    }
    edges
}

/// The fenced block behind the mark `<!-- edges -->`.
fn allowed() -> BTreeSet<String> {
    let text = std::fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let block = text.split_once("<!-- edges -->").expect("ARCHITECTURE.md marks its list with `<!-- edges -->`").1;
    let block = block.split("```").nth(1).expect("a fenced block follows the mark");
    block.lines().skip(1).map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

#[test]
fn the_edges_between_the_crates_are_the_ones_architecture_md_lists() {
    let (actual, allowed) = (actual(), allowed());
    assert!(actual.len() > 10, "cargo knows only {actual:?}");
    let surplus: Vec<_> = actual.difference(&allowed).collect();
    let missing: Vec<_> = allowed.difference(&actual).collect();
    assert!(
        surplus.is_empty() && missing.is_empty(),
        "not in ARCHITECTURE.md: {surplus:?}; not in Cargo.toml: {missing:?}"
    );
}
