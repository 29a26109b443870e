//! The clouds' own SDKs against a lab with real hosts: whole lives of HAVIPs, and every kind of refusal.

use crate::process::{run_quietly, run_visibly};
use crate::workspace;
use anyhow::{Context, Result};
use serde::Deserialize;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Runs them against a lab of its own; says so loudly if they cannot be had.
pub fn run() -> Result<()> {
    let target = workspace::target_directory()?;
    let python = match installed(&target.join("xtask")) {
        Ok(python) => python,
        Err(error) => {
            eprintln!("== NOT RUN: the clouds' SDKs, as pip could not install them ({error:#})");
            return Ok(());
        }
    };
    let havip = target.join("debug/havip");
    let lab = Lab::up(&havip)?;
    lab.ask(&python)
}

/// Python in a virtual environment below the target directory, made if it is not there.
fn installed(folder: &Path) -> Result<PathBuf> {
    let requirements = workspace::root().join("tests/sdk/requirements.txt");
    let environment = folder.join("sdks");
    let stamp = environment.join("requirements.txt");
    let wanted = std::fs::read_to_string(&requirements)?;
    if std::fs::read_to_string(&stamp).unwrap_or_default() != wanted {
        run_quietly("python3 -m venv", Command::new("python3").args(["-m", "venv"]).arg(&environment))?;
        let mut pip = Command::new(environment.join("bin/pip"));
        pip.args(["install", "--quiet", "--disable-pip-version-check", "--requirement"]).arg(&requirements);
        run_quietly("pip install of the clouds' SDKs", &mut pip)?;
        std::fs::write(&stamp, wanted)?;
    }
    Ok(environment.join("bin/python"))
}

/// A lab that nobody else uses; it goes with this value.
struct Lab<'a> {
    havip: &'a Path,
    name: String,
}

/// How to ask a lab, as it writes it down.
#[derive(Deserialize)]
struct Client {
    server: String,
    key_file: PathBuf,
    netns: String,
}

impl<'a> Lab<'a> {
    fn up(havip: &'a Path) -> Result<Self> {
        // A lab's name has at most six characters.
        let lab = Self { havip, name: format!("s{}", std::process::id() % 100_000) };
        let mut up = Command::new(havip);
        up.args(["lab", "up", "--hosts", "2", "--edges", "1", "--name", &lab.name]);
        run_quietly("a lab for the clouds' SDKs", &mut up)?;
        Ok(lab)
    }

    fn ask(&self, python: &Path) -> Result<()> {
        let file = Path::new("/run/havip/lab").join(&self.name).join("client.json");
        let text = std::fs::read(&file).with_context(|| format!("could not read {}", file.display()))?;
        let client: Client = serde_json::from_slice(&text)?;
        let address = client.server.trim_start_matches("http://").trim_end_matches('/');
        let (host, port) = address.rsplit_once(':').context("a server has a port")?;
        let mut tests = Command::new("ip");
        tests
            .args(["netns", "exec", &client.netns])
            .arg(python)
            // What is deprecated in the SDKs is theirs.
            .args(["-W", "ignore", "-m", "unittest", "discover", "--verbose"])
            .current_dir(workspace::root().join("tests/sdk"))
            .env("HAVIP_HOST", host)
            .env("HAVIP_PORT", port)
            .env("HAVIP_KEY_FILE", client.key_file)
            .env("PYTHONDONTWRITEBYTECODE", "1");
        run_visibly("the clouds' SDKs", &mut tests)
    }
}

impl Drop for Lab<'_> {
    fn drop(&mut self) {
        // What cannot be removed is told by the program itself.
        let _ = Command::new(self.havip).args(["lab", "down", "--name", &self.name]).status();
    }
}
