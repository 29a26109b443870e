//! The emulated machine: QEMU without KVM, whose console is ours; its last line says how the tests went.

use super::debian::Image;
use super::plan::Kernel;
use anyhow::{Context, Result, bail};
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

/// Boots a kernel, shows what the tests say, and fails if one does.
pub fn examine(kernel: &Kernel, image: &Image, ramdisk: &Path) -> Result<()> {
    let log = ramdisk.with_extension("log");
    let title = format!("the switch on Linux {} ({})", kernel.name, image.release());
    eprintln!("== {title}");
    let began = Instant::now();
    let mut machine = Machine(boot(image, ramdisk)?);
    let verdict = listen(&mut machine, kernel, &log, began + PATIENCE)?;
    match verdict.as_deref() {
        Some("passed") => {
            eprintln!("== {title}: {:.1} s", began.elapsed().as_secs_f64());
            Ok(())
        }
        Some(_) => bail!("{title}: tests failed; the console is in {}", log.display()),
        None => bail!("{title}: the machine ended without a verdict; its console is in {}", log.display()),
    }
}

/// A machine that ends with this value.
struct Machine(Child);

impl Drop for Machine {
    fn drop(&mut self) {
        // It may have turned itself off; there is nothing to keep.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn boot(image: &Image, ramdisk: &Path) -> Result<Child> {
    let mut qemu = Command::new("qemu-system-x86_64");
    qemu.args(["-nodefaults", "-no-user-config", "-no-reboot", "-display", "none", "-serial", "stdio"]);
    // One processor: a kernel that patches its own code while another one runs it dies of "Oops: int3" under emulation.
    qemu.args(["-accel", "tcg", "-cpu", "max", "-smp", "1", "-m", "2048"]);
    // A panic restarts the machine, which -no-reboot makes its end.
    qemu.args(["-append", "console=ttyS0 quiet panic=-1 mitigations=off"]);
    qemu.arg("-kernel").arg(&image.kernel).arg("-initrd").arg(ramdisk);
    let spawned = qemu.stdin(Stdio::null()).stdout(Stdio::piped()).spawn();
    spawned.context("could not start qemu-system-x86_64")
}

/// Shows the console under the kernel's name and keeps it; the verdict, if the machine came to one before the deadline.
fn listen(machine: &mut Machine, kernel: &Kernel, log: &Path, deadline: Instant) -> Result<Option<String>> {
    let console = machine.0.stdout.take().context("the console was not piped")?;
    let mut log = File::create(log).with_context(|| format!("could not write {}", log.display()))?;
    let (lines, arriving) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(console).split(b'\n').map_while(Result::ok) {
            let line = String::from_utf8_lossy(&line).trim_end().to_owned();
            if lines.send(line).is_err() {
                return;
            }
        }
    });
    let mut verdict = None;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        match arriving.recv_timeout(left) {
            Ok(line) => {
                writeln!(log, "{line}")?;
                if let Some(rest) = line.strip_prefix("== havip-kernels: ") {
                    verdict = rest.split(' ').next().map(str::to_owned);
                }
                if !line.is_empty() {
                    eprintln!("   {:<4} {line}", kernel.name);
                }
            }
            Err(mpsc::RecvTimeoutError::Disconnected) => return Ok(verdict),
            Err(mpsc::RecvTimeoutError::Timeout) => {
                bail!("the machine did not end within {} s", PATIENCE.as_secs())
            }
        }
    }
}

/// A plan takes a minute or two on two idle processors; beside seven other builds one has taken 700 s.
const PATIENCE: Duration = Duration::from_secs(1800);
