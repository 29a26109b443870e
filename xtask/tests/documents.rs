//! What the documents name exists: tests, files, dependencies, reasons.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies in the workspace").to_owned()
}

fn read(path: impl AsRef<Path>) -> String {
    fs::read_to_string(root().join(path)).unwrap()
}

/// README and its like, and the guides.
fn documents() -> Vec<PathBuf> {
    let folders = [root(), root().join("docs")];
    let files = folders.iter().flat_map(|folder| fs::read_dir(folder).unwrap());
    let files = files.map(|entry| entry.unwrap().path());
    files.filter(|path| path.extension().is_some_and(|extension| extension == "md")).collect()
}

/// Every function of the sources.
fn functions() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut folders: Vec<_> = ["apps", "core", "io", "tests", "xtask"].map(|name| root().join(name)).into();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let word = match path.extension().and_then(|extension| extension.to_str()) {
                Some("rs") => "fn ",
                Some("py") => "def ",
                _ => continue,
            };
            let text = fs::read_to_string(path).unwrap();
            let names = text.split(word).skip(1).filter_map(|rest| rest.split(['(', '<']).next());
            found.extend(names.map(str::to_owned));
        }
    }
    found
}

/// What stands between backticks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

#[test]
fn every_test_that_a_document_names_exists() {
    let functions = functions();
    // Metrics, codes of refusals and clouds' names of quotas have as many words as a short test.
    let others = ["havip_", "too_many_", "vpc_quota_"];
    let is_other = |word: &str| others.iter().any(|prefix| word.starts_with(prefix));
    let is_plain =
        |word: &str| word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    let is_sentence = |word: &&str| word.matches('_').count() >= 4 && is_plain(word) && !is_other(word);
    let mut missing = Vec::new();
    for document in documents() {
        let text = fs::read_to_string(&document).unwrap();
        let named = quoted(&text).filter(is_sentence).filter(|name| !functions.contains(*name));
        missing.extend(named.map(|name| format!("{}: {name}", document.display())));
    }
    assert!(missing.is_empty(), "{missing:#?}");
}

#[test]
fn every_file_that_a_document_links_to_exists() {
    let mut missing = Vec::new();
    for document in documents() {
        let text = fs::read_to_string(&document).unwrap();
        let folder = document.parent().unwrap();
        let targets = text.split("](").skip(1).filter_map(|rest| rest.split([')', '#']).next());
        let targets = targets.filter(|target| !target.is_empty() && !target.contains("://"));
        missing.extend(
            targets
                .filter(|target| !folder.join(target).exists())
                .map(|target| format!("{}: {target}", document.display())),
        );
    }
    assert!(missing.is_empty(), "{missing:#?}");
}

#[test]
fn every_dependency_is_explained_in_the_order_of_cargo_toml() {
    let manifest = read("Cargo.toml");
    let (_, dependencies) = manifest.split_once("[workspace.dependencies]").unwrap();
    let lines = dependencies.lines().take_while(|line| !line.starts_with('['));
    let names = lines.filter_map(|line| line.split_once(" = ")).map(|(name, _)| name);
    let used: Vec<_> = names.filter(|name| !name.starts_with("havip-")).collect();
    let page = read("docs/dependencies.md");
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `"));
    let explained: Vec<_> = rows.filter_map(|row| row.split('`').next()).collect();
    assert_eq!(explained, used);
}

#[test]
fn the_operating_guide_explains_every_reason_of_a_drop() {
    let guide = read("docs/operating.md");
    let source = read("core/model/src/reason.rs");
    let rows = source.lines().filter_map(|line| line.trim().strip_prefix("row("));
    let rows = rows.filter_map(|row| row.split('"').nth(1).zip(row.split('"').nth(3)));
    let missing: Vec<_> =
        rows.filter(|(name, why)| !guide.contains(&format!("| `{name}` | {why} |"))).collect();
    assert!(missing.is_empty(), "{missing:#?}");
}
