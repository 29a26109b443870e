//! A real server of the test's own, and the command line asking it.

use serde_json::Value;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// A server without hosts; it ends with this value.
pub struct Server {
    process: Child,
    address: SocketAddr,
    scratch: TempDir,
}

impl Server {
    /// Starts a server with nothing in it but the local pool.
    pub fn start() -> Self {
        let scratch = tempfile::tempdir().unwrap();
        let (address, agents) = (free_address(), free_address());
        let process = Command::new(env!("CARGO_BIN_EXE_havip"))
            .args(["server", "--listen", &address.to_string(), "--agents", &agents.to_string(), "--data"])
            .arg(scratch.path().join("data"))
            .arg("--admin-key-file")
            .arg(scratch.path().join("key.json"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let mut server = Self { process, address, scratch };
        // It opens its store and makes its authority: far below a second, but other tests run beside this one.
        let deadline = Instant::now() + Duration::from_secs(20);
        while !server.key_file().exists() || TcpStream::connect(address).is_err() {
            assert!(server.process.try_wait().unwrap().is_none(), "the server ended");
            assert!(Instant::now() < deadline, "the server does not listen at {address}");
            std::thread::park_timeout(Duration::from_millis(20));
        }
        server
    }

    /// Where it listens.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The administrator's key.
    pub fn key_file(&self) -> PathBuf {
        self.scratch.path().join("key.json")
    }

    /// Runs `havip` with these words.
    pub fn havip(&self, line: &str) -> Answer {
        let mut command = Command::new(env!("CARGO_BIN_EXE_havip"));
        command
            .args(line.split_whitespace())
            .env("HAVIP_SERVER", self.url())
            .env("HAVIP_KEY_FILE", self.key_file());
        command.env_remove("HAVIP_LAB").stdin(Stdio::null());
        Answer::of(line, command.output().unwrap())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

/// What `havip` answered.
pub struct Answer {
    line: String,
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

impl Answer {
    pub fn of(line: &str, output: Output) -> Self {
        Self {
            line: line.to_owned(),
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// What it said, if it succeeded.
    pub fn ok(self) -> String {
        assert_eq!(self.code, Some(0), "havip {}: {}", self.line, self.stderr);
        self.stdout
    }

    /// What it said as JSON, if it succeeded.
    pub fn json(self) -> Value {
        serde_json::from_str(&self.ok()).unwrap()
    }

    /// The one line of complaint, if it failed with this exit code.
    pub fn refused(self, code: i32) -> String {
        assert_eq!(self.code, Some(code), "havip {}: {}{}", self.line, self.stdout, self.stderr);
        let line = self.stderr.strip_suffix('\n').expect("a line");
        assert!(line.starts_with("havip: ") && !line.contains('\n'), "not one line: {line:?}");
        line.to_owned()
    }
}

/// An address of this machine that nobody listens on just now.
fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}
