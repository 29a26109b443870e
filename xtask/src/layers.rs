//! `cargo xtask layers`: who may know whom, held against what cargo knows.
//!
//! core ← io ← apps; io crates do not import each other; among apps only `havip` imports others.
//! Tests of a crate may use a neighbour of its own layer: a hook test needs a namespace to run in.

use crate::workspace::{self, folder};
use anyhow::{Context, Result, bail};
use cargo_metadata::{Dependency, DependencyKind, Metadata, Package};

/// Prints each violation as a sentence and fails if there is one.
pub fn run() -> Result<()> {
    let metadata = workspace::metadata()?;
    let mut violations = Vec::new();
    for package in metadata.workspace_packages() {
        let member = Member::of(package)?;
        violations.extend(imports(&metadata, &member));
        violations.extend(unsafe_code(&member)?);
    }
    match violations.len() {
        0 => Ok(()),
        count => {
            violations.iter().for_each(|sentence| eprintln!("{sentence}"));
            bail!("{count} violations of the layers in ARCHITECTURE.md");
        }
    }
}

/// A crate of the workspace, and the room it stands in.
struct Member<'a> {
    package: &'a Package,
    folder: String,
}

/// The rooms of the house, by the first part of the folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Room {
    Core,
    Io,
    Apps,
    Tests,
    Benches,
    Xtask,
}

impl<'a> Member<'a> {
    fn of(package: &'a Package) -> Result<Self> {
        let member = Self { package, folder: folder(package) };
        room(&member.folder).with_context(|| format!("{} is in no room of the house", member.folder))?;
        Ok(member)
    }

    fn room(&self) -> Room {
        room(&self.folder).expect("a member is made only in a room")
    }
}

fn room(folder: &str) -> Option<Room> {
    Some(match folder.split('/').next()? {
        "core" => Room::Core,
        "io" => Room::Io,
        "apps" => Room::Apps,
        "tests" => Room::Tests,
        "benches" => Room::Benches,
        "xtask" => Room::Xtask,
        _ => return None,
    })
}

/// What a member imports and may not.
fn imports(metadata: &Metadata, member: &Member) -> Vec<String> {
    let judged = member.package.dependencies.iter().filter_map(|dependency| {
        let neighbour = dependency.path.as_ref().and_then(|path| {
            metadata
                .workspace_packages()
                .into_iter()
                .find(|package| package.manifest_path.parent() == Some(path))
        });
        match neighbour {
            Some(neighbour) => may_import(&member.folder, &folder(neighbour), dependency.kind).err(),
            None => may_use(member, dependency).err(),
        }
    });
    judged.collect()
}

/// Whether one folder may import another.
fn may_import(from: &str, to: &str, kind: DependencyKind) -> Result<(), String> {
    let is_test = kind == DependencyKind::Development;
    let (Some(importer), Some(imported)) = (room(from), room(to)) else {
        return Err(format!("{from} imports {to}, which is in no room of the house."));
    };
    let allowed = match (importer, imported) {
        (Room::Core, Room::Core) => true,
        (Room::Io, Room::Core) => true,
        (Room::Io, Room::Io) => is_test,
        (Room::Apps, Room::Core | Room::Io) => true,
        (Room::Apps, Room::Apps) => from == "apps/havip",
        (Room::Tests, _) => ["apps/lab", "io/api", "core/model"].contains(&to),
        (Room::Benches, Room::Core | Room::Io) => true,
        (Room::Benches, _) => to == "apps/lab",
        _ => false,
    };
    let reason = match (importer, imported) {
        (Room::Core, _) => "the core is pure and imports only the core",
        (Room::Io, Room::Io) => "io crates do not import each other",
        (Room::Io, _) => "io imports only the core",
        (Room::Apps, Room::Apps) => "only apps/havip imports other apps; programs meet over the API",
        (Room::Tests, _) => "system tests use the lab and the public API only",
        (Room::Xtask, _) => "xtask must build before anything else does",
        _ => "nothing points that way",
    };
    match allowed {
        true => Ok(()),
        false => Err(format!("{from} imports {to}, but {reason}.")),
    }
}

/// Whether a member may use a crate from outside.
fn may_use(member: &Member, dependency: &Dependency) -> Result<(), String> {
    let (folder, name) = (&member.folder, dependency.name.as_str());
    let shown = ["anyhow", "clap"].contains(&name) && matches!(member.room(), Room::Core | Room::Io);
    if shown && dependency.kind != DependencyKind::Development {
        return Err(format!(
            "{folder} uses {name}, but errors of libraries are enums and only programs read arguments."
        ));
    }
    if member.room() == Room::Core && OUTSIDE_WORLD.contains(&name) {
        return Err(format!("{folder} uses {name}, but the core has no clocks, sockets, files or threads."));
    }
    Ok(())
}

/// A member may hold unsafe code, or must inherit the workspace's lint that forbids it.
fn unsafe_code(member: &Member) -> Result<Option<String>> {
    if UNSAFE_ALLOWED.contains(&member.folder.as_str()) {
        return Ok(None);
    }
    let text = std::fs::read_to_string(&member.package.manifest_path)?;
    let manifest: toml::Table =
        text.parse().with_context(|| format!("could not read {}", member.package.manifest_path))?;
    let lints = manifest.get("lints");
    let inherits =
        lints.and_then(|lints| lints.get("workspace")).and_then(toml::Value::as_bool) == Some(true);
    Ok((!inherits).then(|| {
        format!(
            "{}/Cargo.toml does not say `[lints] workspace = true`, which forbids unsafe code.",
            member.folder
        )
    }))
}

/// Where unsafe code may stand: around one outside thing each.
const UNSAFE_ALLOWED: &[&str] = &["io/netlink", "io/packet-socket", "io/switch", "io/guest"];

/// Crates that reach outside; the core is told the time and the input.
const OUTSIDE_WORLD: &[&str] = &[
    "async-trait",
    "axum",
    "libbpf-rs",
    "libc",
    "nix",
    "reqwest",
    "rtnetlink",
    "rusqlite",
    "rustix",
    "socket2",
    "tempfile",
    "tokio",
    "tonic",
    "tracing",
    "ureq",
];

#[cfg(test)]
mod tests {
    use super::*;
    use DependencyKind::{Development, Normal};

    #[test]
    fn imports_go_from_apps_to_io_to_core() {
        for (from, to) in
            [("core/claim", "core/model"), ("io/switch", "core/wire"), ("apps/agent", "io/switch")]
        {
            assert_eq!(may_import(from, to, Normal), Ok(()));
        }
        for (from, to) in [("core/model", "io/store"), ("io/api", "apps/server"), ("core/wire", "apps/lab")] {
            assert!(may_import(from, to, Normal).is_err(), "{from} -> {to}");
        }
    }

    #[test]
    fn io_crates_meet_only_in_tests() {
        assert!(may_import("io/switch", "io/netlink", Development).is_ok());
        assert_eq!(
            may_import("io/switch", "io/netlink", Normal).unwrap_err(),
            "io/switch imports io/netlink, but io crates do not import each other."
        );
    }

    #[test]
    fn only_the_binary_imports_programs() {
        assert!(may_import("apps/havip", "apps/server", Normal).is_ok());
        assert!(may_import("apps/lab", "apps/server", Normal).is_err());
    }

    #[test]
    fn system_tests_know_the_lab_and_the_public_api_only() {
        assert!(may_import("tests", "apps/lab", Development).is_ok());
        assert!(may_import("tests", "io/switch", Development).is_err());
        assert!(may_import("tests", "apps/server", Development).is_err());
    }
}
