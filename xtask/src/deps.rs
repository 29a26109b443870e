//! `cargo xtask deps`: every licence is allowed, every crate is there once, each exception has a reason.

use crate::licence::is_satisfied;
use crate::workspace;
use anyhow::{Context, Result, bail};
use cargo_metadata::{Metadata, PackageId};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// `.config/dependencies.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rules {
    /// Licences that may be linked into a program under MIT OR Apache-2.0.
    licences: Vec<String>,
    /// Crates that may be there in several versions.
    duplicates: Vec<Excuse>,
}

/// Why some crates may be there in several versions.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Excuse {
    crates: Vec<String>,
    reason: String,
}

/// A crate that our programs are built from.
struct Dependency {
    name: String,
    version: String,
    licence: Option<String>,
}

/// Prints each violation as a sentence and fails if there is one.
pub fn run() -> Result<()> {
    let path = workspace::root().join(".config/dependencies.toml");
    let text =
        std::fs::read_to_string(&path).with_context(|| format!("could not read {}", path.display()))?;
    let rules: Rules = toml::from_str(&text).with_context(|| format!("could not read {}", path.display()))?;
    let violations = judge(&rules, &dependencies(&workspace::metadata()?)?);
    match violations.len() {
        0 => Ok(()),
        count => {
            violations.iter().for_each(|sentence| eprintln!("{sentence}"));
            bail!("{count} violations of .config/dependencies.toml");
        }
    }
}

/// Everything that building our members, tests included, draws in on Linux.
fn dependencies(metadata: &Metadata) -> Result<Vec<Dependency>> {
    let resolve = metadata.resolve.as_ref().context("cargo metadata resolved nothing")?;
    let nodes: BTreeMap<&PackageId, _> = resolve.nodes.iter().map(|node| (&node.id, node)).collect();
    let mut seen: BTreeSet<&PackageId> = metadata.workspace_members.iter().collect();
    let mut waiting: Vec<&PackageId> = seen.iter().copied().collect();
    while let Some(node) = waiting.pop().and_then(|id| nodes.get(id)) {
        waiting.extend(node.dependencies.iter().filter(|id| seen.insert(id)));
    }
    let used =
        metadata.packages.iter().filter(|package| seen.contains(&package.id) && package.source.is_some());
    let dependency = |package: &cargo_metadata::Package| Dependency {
        name: package.name.to_string(),
        version: package.version.to_string(),
        licence: package.license.clone(),
    };
    Ok(used.map(dependency).collect())
}

fn judge(rules: &Rules, dependencies: &[Dependency]) -> Vec<String> {
    let mut sentences = Vec::new();
    let mut versions: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for Dependency { name, version, licence } in dependencies {
        versions.entry(name).or_default().insert(version);
        match licence {
            Some(licence) if is_satisfied(licence, &rules.licences) => {}
            Some(licence) => {
                sentences.push(format!("{name} {version} is under {licence}, which is not allowed."))
            }
            None => sentences.push(format!("{name} {version} does not say its licence.")),
        }
    }
    let excused: BTreeSet<&str> =
        rules.duplicates.iter().flat_map(|excuse| &excuse.crates).map(String::as_str).collect();
    for (name, versions) in &versions {
        if versions.len() > 1 && !excused.contains(name) {
            let list: Vec<_> = versions.iter().copied().collect();
            sentences
                .push(format!("{name} is there in several versions ({}) without a reason.", list.join(", ")));
        }
    }
    for name in excused {
        if versions.get(name).is_none_or(|versions| versions.len() < 2) {
            sentences
                .push(format!("{name} is excused for several versions, but there are not several any more."));
        }
    }
    for excuse in rules.duplicates.iter().filter(|excuse| excuse.reason.trim().is_empty()) {
        sentences.push(format!("The excuse for {} gives no reason.", excuse.crates.join(", ")));
    }
    sentences
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dependency(name: &str, version: &str, licence: &str) -> Dependency {
        Dependency { name: name.into(), version: version.into(), licence: Some(licence.into()) }
    }

    fn rules(duplicates: &[&str]) -> Rules {
        let crates = duplicates.iter().map(|name| (*name).to_owned()).collect();
        Rules { licences: vec!["MIT".into()], duplicates: vec![Excuse { crates, reason: "because".into() }] }
    }

    #[test]
    fn a_foreign_licence_and_an_unexcused_duplicate_are_named() {
        let used = [
            dependency("a", "1.0.0", "GPL-3.0"),
            dependency("b", "1.0.0", "MIT"),
            dependency("b", "2.0.0", "MIT"),
        ];
        assert_eq!(
            judge(&rules(&[]), &used),
            [
                "a 1.0.0 is under GPL-3.0, which is not allowed.",
                "b is there in several versions (1.0.0, 2.0.0) without a reason.",
            ]
        );
    }

    #[test]
    fn an_excuse_must_go_when_its_reason_has_gone() {
        let used = [dependency("b", "2.0.0", "MIT")];
        assert_eq!(
            judge(&rules(&["b"]), &used),
            ["b is excused for several versions, but there are not several any more."]
        );
    }
}
