//! `cargo xtask openapi`: the copy of the API's description in docs/.

use crate::packages::Purpose;
use crate::process::{cargo, output_of};
use crate::{prepare, workspace};
use anyhow::{Context, Result};

/// Writes docs/openapi.json; a test of `apps/havip` fails while the copy is old.
pub fn run() -> Result<()> {
    prepare::run(Purpose::Build)?;
    let document = output_of(cargo().args(["run", "--quiet", "--package", "havip", "--", "openapi"]))?;
    let path = workspace::root().join("docs/openapi.json");
    std::fs::create_dir_all(workspace::root().join("docs"))?;
    std::fs::write(&path, document).with_context(|| format!("could not write {}", path.display()))?;
    eprintln!("== wrote {}", path.display());
    Ok(())
}
