//! Random requests against the API's own description, made by schemathesis.

use crate::process::{run_quietly, run_visibly};
use crate::workspace;
use anyhow::{Context, Result, bail};
use serde::Deserialize;
use std::fs::File;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Runs schemathesis against a server of its own; says so loudly if it cannot be had.
pub fn run() -> Result<()> {
    let target = workspace::target_directory()?;
    let tool = match installed(&target.join("xtask")) {
        Ok(tool) => tool,
        Err(error) => {
            eprintln!("== NOT RUN: schemathesis against the API, as pip could not install it ({error:#})");
            return Ok(());
        }
    };
    let scratch = target.join(format!("xtask/api-{}", std::process::id()));
    std::fs::create_dir_all(&scratch)?;
    let outcome =
        Server::start(&target.join("debug/havip"), &scratch).and_then(|server| examine(&tool, &server));
    std::fs::remove_dir_all(&scratch).with_context(|| format!("could not remove {}", scratch.display()))?;
    outcome
}

fn examine(tool: &Path, server: &Server) -> Result<()> {
    let config = workspace::root().join(".config/schemathesis.toml");
    let mut schemathesis = Command::new(tool);
    schemathesis
        .arg("--config-file")
        .arg(config)
        .args(["run", &format!("http://{}/v1/openapi.json", server.address)])
        .args(["--header", &format!("Authorization: Bearer {}", server.bearer)]);
    run_visibly("schemathesis against the API", &mut schemathesis)
}

/// The program in a virtual environment below the target directory, made if it is not there.
fn installed(folder: &Path) -> Result<PathBuf> {
    let environment = folder.join(format!("schemathesis-{VERSION}"));
    let tool = environment.join("bin/schemathesis");
    if !tool.exists() {
        run_quietly("python3 -m venv", Command::new("python3").args(["-m", "venv"]).arg(&environment))?;
        let mut pip = Command::new(environment.join("bin/pip"));
        pip.args(["install", "--quiet", "--disable-pip-version-check", &format!("schemathesis=={VERSION}")]);
        run_quietly("pip install schemathesis", &mut pip)?;
    }
    Ok(tool)
}

/// A server that nobody else uses; it ends with this value.
struct Server {
    process: Child,
    address: SocketAddr,
    bearer: String,
}

#[derive(Deserialize)]
struct Key {
    access_key_id: String,
    access_key_secret: String,
}

impl Server {
    fn start(havip: &Path, scratch: &Path) -> Result<Self> {
        let (address, agents) = (free_address()?, free_address()?);
        let key_file = scratch.join("key.json");
        let log = File::create(scratch.join("server.log"))?;
        let process = Command::new(havip)
            .arg("server")
            .args(["--listen", &address.to_string(), "--agents", &agents.to_string(), "--data"])
            .arg(scratch.join("data"))
            .arg("--admin-key-file")
            .arg(&key_file)
            .stdin(Stdio::null())
            .stderr(log)
            .spawn()
            .with_context(|| format!("could not start {}", havip.display()))?;
        let mut server = Self { process, address, bearer: String::new() };
        server.bearer = server.wait_for_key(&key_file, &scratch.join("server.log"))?;
        Ok(server)
    }

    fn wait_for_key(&mut self, key_file: &Path, log: &Path) -> Result<String> {
        let deadline = Instant::now() + Duration::from_secs(20);
        while !key_file.exists() || TcpStream::connect(self.address).is_err() {
            if self.process.try_wait()?.is_some() || Instant::now() > deadline {
                bail!(
                    "the server did not start: {}",
                    std::fs::read_to_string(log).unwrap_or_default().trim()
                );
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        let text = std::fs::read_to_string(key_file)?;
        let key: Key = serde_json::from_str(&text).context("could not read the access key")?;
        Ok(format!("{}.{}", key.access_key_id, key.access_key_secret))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself; there is nothing to keep.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// An address of this machine that nobody listens on just now.
fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

/// The version that .config/schemathesis.toml is written for.
const VERSION: &str = "4.32.5";
