//! Which kernels, which modules of theirs, and which tests.

use crate::process::{cargo, run_quietly};
use anyhow::{Context, Result};
use cargo_metadata::Message;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Stdio;

/// A kernel to be booted.
pub struct Kernel {
    /// Major and minor number.
    pub name: &'static str,
    /// The package of Debian 12 that depends on the newest image.
    pub package: &'static str,
}

/// The oldest that Debian still cares for, without tcx, and one with it.
pub const KERNELS: &[Kernel] = &[
    Kernel { name: "6.1", package: "linux-image-cloud-amd64" },
    Kernel { name: "6.12", package: "linux-image-6.12-cloud-amd64" },
];

/// What the switch and its tests use of a kernel, beside what is built in.
pub const MODULES: &[&str] = &["veth", "vxlan", "bridge", "tun", "sch_ingress", "cls_bpf", "af_packet"];

/// What the small machine that tests boot uses: its devices, its seed, its power button.
pub const MACHINE_MODULES: &[&str] = &[
    "virtio_pci",
    "virtio_blk",
    "virtio_net",
    "vfat",
    "nls_cp437",
    "nls_ascii",
    "nls_iso8859_1",
    "button",
    "evdev",
    "af_packet",
];

/// Programs that the tests run.
pub const PROGRAMS: &[&str] = &["ip", "tc", "arping", "ping", "bpftool", "keepalived"];

/// A test program, and what it is told.
pub struct Order {
    /// The program.
    pub binary: PathBuf,
    /// Its name without the hash.
    pub name: String,
    /// Its arguments.
    pub arguments: Vec<String>,
}

/// The programs of the switch and their tests.
pub struct Work {
    /// The object with the programs.
    pub object: PathBuf,
    /// What is run.
    pub orders: Vec<Order>,
}

/// Builds the tests of the switch; with a filter every test whose name contains it runs, else the plan's.
pub fn work(filter: Option<&str>) -> Result<Work> {
    let (object, binaries) = built()?;
    let order = |name: &str, arguments: Vec<String>| -> Result<Order> {
        let binary = binaries.get(name).with_context(|| format!("havip-switch has no tests {name:?}"))?;
        Ok(Order { binary: binary.clone(), name: name.to_owned(), arguments })
    };
    let orders = match filter {
        Some(filter) => binaries.keys().map(|name| order(name, vec![filter.to_owned()])).collect(),
        None => PLAN.iter().map(|(name, tests)| order(name, chosen(tests))).collect::<Result<_>>(),
    };
    Ok(Work { object, orders: orders? })
}

fn chosen(tests: &Tests) -> Vec<String> {
    match tests {
        Tests::All => vec![],
        Tests::But(names) => {
            names.iter().flat_map(|name| ["--skip".to_owned(), (*name).to_owned()]).collect()
        }
        Tests::Only(names) => names.iter().map(|name| (*name).to_owned()).collect(),
    }
}

/// The object, and every file of tests of the switch with the unit tests, by name.
fn built() -> Result<(PathBuf, BTreeMap<String, PathBuf>)> {
    // All packages, as the tests themselves are built: alone, the switch would be built with other features.
    let arguments = ["test", "--workspace", "--no-run", "--message-format", "json"];
    run_quietly("building the tests of the switch", cargo().args(&arguments[..3]))?;
    let output = cargo().args(arguments).stdin(Stdio::null()).stderr(Stdio::null()).output()?;
    let (mut object, mut found) = (None, BTreeMap::new());
    for message in Message::parse_stream(output.stdout.as_slice()) {
        match message? {
            Message::CompilerArtifact(artifact)
                if artifact.profile.test && artifact.manifest_path.ends_with("io/switch/Cargo.toml") =>
            {
                let binary =
                    artifact.executable.map(|binary| (artifact.target.name, binary.into_std_path_buf()));
                found.extend(binary);
            }
            Message::BuildScriptExecuted(script) => {
                let path = script.out_dir.into_std_path_buf().join("switch.bpf.o");
                object = path.exists().then_some(path).or(object);
            }
            _ => {}
        }
    }
    Ok((object.context("the build of havip-switch left no switch.bpf.o")?, found))
}

/// Which tests of a file.
enum Tests {
    /// All of them.
    All,
    /// All but those whose name contains one of these.
    But(&'static [&'static str]),
    /// Those whose name contains one of these.
    Only(&'static [&'static str]),
}

/// What runs. Emulated, the verifier needs 3 s for each switch that is opened, so what is left out is said: the
/// edge's tests give packets whose sum the device has told, which no kernel before 6.17 lets a test do, and the
/// random ones, the streams and keepalived's timers would need most of an hour.
const PLAN: &[(&str, Tests)] = &[
    ("havip_switch", Tests::All),
    ("opens", Tests::But(&["ten_thousand"])),
    ("smoke", Tests::But(&["keepalived"])),
    ("claims", Tests::All),
    ("overlay", Tests::All),
    ("seals", Tests::All),
    ("limits", Tests::All),
    ("answers", Tests::All),
    ("adverts", Tests::All),
    ("forwarding", Tests::All),
    // Other programs than the usual ones: those that show frames, that count flows, and that do both.
    ("trace", Tests::Only(&["every_frame"])),
    ("flow_log", Tests::Only(&["counted_by_what", "side_by_side"])),
    ("life", Tests::Only(&["restarts_under_traffic", "leaves_no_trace", "on_a_tap"])),
    ("claims6", Tests::Only(&["every_form", "takes_over"])),
    ("nd", Tests::Only(&["addresses_gateways", "crosses_hosts", "an_ask", "whatever_it_is"])),
    (
        "forwarding6",
        Tests::Only(&["within_a_subnet", "between_subnets", "lie_or_lead_nowhere", "passed_on_once"]),
    ),
    ("adverts6", Tests::Only(&["reaches_the_associated", "once_more"])),
    ("life6", Tests::Only(&["every_size"])),
];
