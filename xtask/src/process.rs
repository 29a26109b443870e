//! Running other programs: what they are for is said before, how long it took after.

use anyhow::{Context, Result, bail};
use std::fs::File;
use std::io::{IsTerminal, Read, Seek, Write};
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// Runs a program whose own output shows its progress.
pub fn run_visibly(title: &str, command: &mut Command) -> Result<()> {
    eprintln!("== {title}");
    let started = Instant::now();
    let status = command.stdin(Stdio::null()).status().with_context(|| cannot_start(command))?;
    succeed(title, status)?;
    eprintln!("== {title}: {:.1} s", started.elapsed().as_secs_f64());
    Ok(())
}

/// Runs a program and shows its output only if it fails; the seconds are counted on a terminal.
pub fn run_quietly(title: &str, command: &mut Command) -> Result<()> {
    let mut log = scratch_file()?;
    let started = Instant::now();
    let mut child = command
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log.try_clone()?)
        .spawn()
        .with_context(|| cannot_start(command))?;

    let live = std::io::stderr().is_terminal();
    let mut spoken = Duration::ZERO;
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        std::thread::sleep(POLL);
        let elapsed = started.elapsed();
        let due = if live { Duration::from_secs(1) } else { Duration::from_secs(20) };
        if elapsed >= PATIENCE && elapsed - spoken >= due {
            spoken = elapsed;
            match live {
                true => eprint!("\r== {title}: {} s …", elapsed.as_secs()),
                false => eprintln!("== {title}: {} s …", elapsed.as_secs()),
            }
            std::io::stderr().flush()?;
        }
    };
    if !status.success() {
        let mut output = String::new();
        log.rewind()?;
        log.read_to_string(&mut output)?;
        eprintln!("{}{}", if live { "\r" } else { "" }, output.trim_end());
    }
    succeed(title, status)?;
    let start_of_line = if live { "\r" } else { "" };
    eprintln!("{start_of_line}== {title}: {:.1} s", started.elapsed().as_secs_f64());
    Ok(())
}

/// What a program prints, if it succeeds.
pub fn output_of(command: &mut Command) -> Result<String> {
    let output = command
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| cannot_start(command))?;
    succeed(&command.get_program().to_string_lossy(), output.status)?;
    String::from_utf8(output.stdout).context("its output is not UTF-8")
}

/// The cargo that runs us, at the root of the workspace.
///
/// What it told us about ourselves must not reach it again: build scripts watch such variables, and would
/// compile their crates anew each time we and a developer take turns.
pub fn cargo() -> Command {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy();
        if name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_") || name == "LD_LIBRARY_PATH"
        {
            cargo.env_remove(&*name);
        }
    }
    cargo.current_dir(crate::workspace::root());
    cargo
}

/// Whether a program of this name is in the path or in a directory for administrators.
pub fn is_installed(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/local/sbin", "/usr/sbin", "/sbin"].map(Into::into))
        .any(|directory| directory.join(program).is_file())
}

/// An open file that nobody else can name.
fn scratch_file() -> Result<File> {
    let path = std::env::temp_dir().join(format!("havip-xtask-{}.log", std::process::id()));
    let file = File::options()
        .read(true)
        .append(true)
        .create_new(true)
        .open(&path)
        .with_context(|| format!("could not write {}", path.display()))?;
    std::fs::remove_file(&path)?;
    Ok(file)
}

fn succeed(title: &str, status: ExitStatus) -> Result<()> {
    match status.success() {
        true => Ok(()),
        false => bail!("{title}: ended with {status}"),
    }
}

fn cannot_start(command: &Command) -> String {
    format!("could not start {}", command.get_program().to_string_lossy())
}

/// Silent up to here: what is quick needs no progress.
const PATIENCE: Duration = Duration::from_secs(2);
/// How often a child is asked whether it has ended.
const POLL: Duration = Duration::from_millis(50);
