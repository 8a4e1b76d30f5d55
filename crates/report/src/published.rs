//! The files a report is published as, and the check that published files still say what the run says.

use std::path::Path;

use serde_json::Value;

use crate::{Edition, Error, Report, assemble, folder, html, markdown};

/// The parts of a report that do not depend on the version that wrote it.
const FIGURES: [&str; 5] = ["format", "edition", "guarantee", "mechanism", "ledger"];

/// The report as JSON, with a final newline. The same report gives the same bytes.
pub fn json(report: &Report) -> String {
    // Plain structs with string keys always serialise.
    serde_json::to_string_pretty(report).unwrap_or_default() + "\n"
}

/// Every file of a run's report: path below the run's folder, and content.
///
/// # Errors
/// Those of [`assemble`].
pub fn files(run: &Path) -> Result<Vec<(&'static str, String)>, Error> {
    let private = assemble(run, Edition::Private)?;
    let public = assemble(run, Edition::Public)?;
    Ok(vec![
        ("private/report.json", json(&private)),
        ("public/report.json", json(&public)),
        ("public/report.md", markdown(&public)),
        ("public/report.html", html(&public)),
    ])
}

/// Assembles the public report again and compares it with the published one, needing nothing but `public/`.
///
/// A report written by the same version of privet must be the same to the last byte in all its renderings; of one
/// written by another version, the figures must be the same. Renderings that are not there are not missed.
///
/// # Errors
/// [`Error::PublishedDiffers`], and those of [`assemble`].
pub fn verify_published(run: &Path) -> Result<Report, Error> {
    let report = assemble(run, Edition::Public)?;
    let path = run.join("public").join("report.json");
    let text = folder::required(path.clone())?;
    let stored: Value = folder::parse(&text, &path)?;
    let computed: Value = folder::parse(&json(&report), &path)?;
    let same_version = stored.pointer("/provenance/report_version") == computed.pointer("/provenance/report_version");
    let keys: Vec<&str> = match computed.as_object() {
        Some(parts) if same_version => parts.keys().map(String::as_str).collect(),
        _ => FIGURES.to_vec(),
    };
    if let Some(part) = keys.iter().find(|key| stored.get(key) != computed.get(key)) {
        return Err(Error::PublishedDiffers { path, part: (*part).to_owned() });
    }
    if !same_version {
        return Ok(report);
    }
    for (name, content) in
        [("report.json", json(&report)), ("report.md", markdown(&report)), ("report.html", html(&report))]
    {
        let path = run.join("public").join(name);
        if folder::text(&path)?.is_some_and(|stored| stored != content) {
            return Err(Error::PublishedDiffers { path, part: "its text".to_owned() });
        }
    }
    Ok(report)
}
