//! What must be on the machine: the package, how its presence shows, and why it is needed.

use crate::process::is_installed;
use std::path::Path;
use std::process::{Command, Stdio};

/// What something is needed for; each purpose includes those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub enum Purpose {
    /// Compiling the workspace
    Build,
    /// Running the demo
    Demo,
    /// Running the tests
    Test,
    /// Running the benches
    Bench,
}

/// A Debian package.
#[derive(Debug, Clone, Copy)]
pub struct Package {
    /// Its name for apt-get.
    pub name: &'static str,
    /// What it is needed for.
    pub purpose: Purpose,
    /// Why, in a few words.
    pub why: &'static str,
    /// How to see that it, or something as good, is there.
    sign: Sign,
}

/// How the presence of a package shows, whoever installed it.
#[derive(Debug, Clone, Copy)]
enum Sign {
    /// A program of this name.
    Program(&'static str),
    /// This file.
    File(&'static str),
    /// This file in /usr/include, or in the folder of this processor's kind below it.
    Header(&'static str),
    /// The arping that knows -U, -A and -D as the guides use them; another program has the same name.
    IputilsArping,
    /// Python can make a virtual environment.
    PythonVenv,
}

impl Package {
    /// Whether it, or something as good, is there.
    pub fn is_present(&self) -> bool {
        match self.sign {
            Sign::Program(name) => is_installed(name),
            Sign::File(path) => Path::new(path).exists(),
            Sign::Header(name) => {
                let native = format!("/usr/include/{}-linux-gnu/{name}", std::env::consts::ARCH);
                Path::new("/usr/include").join(name).exists() || Path::new(&native).exists()
            }
            Sign::IputilsArping => prints(Command::new("arping").arg("-V"), "iputils"),
            Sign::PythonVenv => {
                prints(Command::new("python3").args(["-c", "import ensurepip; print('yes')"]), "yes")
            }
        }
    }
}

/// What is missing for a purpose.
pub fn missing(purpose: Purpose) -> Vec<Package> {
    PACKAGES.iter().filter(|package| package.purpose <= purpose && !package.is_present()).copied().collect()
}

fn prints(command: &mut Command, expected: &str) -> bool {
    let output = command.stdin(Stdio::null()).stderr(Stdio::null()).output();
    output.is_ok_and(|output| String::from_utf8_lossy(&output.stdout).contains(expected))
}

/// Debian's names, in the order in which people meet them.
const PACKAGES: &[Package] = {
    use Purpose::{Bench, Build, Demo, Test};
    use Sign::{File, Header, IputilsArping, Program, PythonVenv};
    const fn package(name: &'static str, purpose: Purpose, sign: Sign, why: &'static str) -> Package {
        Package { name, purpose, why, sign }
    }
    &[
        package("gcc", Build, Program("cc"), "links Rust programs, compiles SQLite and libbpf"),
        package("libc6-dev", Build, Header("stdio.h"), "C library headers"),
        package("linux-libc-dev", Build, Header("linux/bpf.h"), "kernel headers for the switch"),
        package("make", Build, Program("make"), "builds libbpf"),
        package("pkg-config", Build, Program("pkg-config"), "finds libelf and zlib"),
        package("clang-19", Build, Program("clang-19"), "compiles the BPF programs"),
        package("libelf-dev", Build, Header("libelf.h"), "libbpf reads object files with it"),
        package("zlib1g-dev", Build, Header("zlib.h"), "libbpf needs it"),
        package("keepalived", Demo, Program("keepalived"), "the unmodified failover daemon in the instances"),
        package("nginx-light", Demo, Program("nginx"), "the web server in the instances"),
        package("curl", Demo, Program("curl"), "the clients fetch pages with it"),
        package(
            "iputils-arping",
            Demo,
            IputilsArping,
            "announces addresses as rogues do; replaces the package arping",
        ),
        package("iputils-ping", Demo, Program("ping"), "shows who reaches whom"),
        package("iproute2", Demo, Program("ip"), "looks into namespaces"),
        package("procps", Demo, Program("sysctl"), "ps and sysctl in the instances"),
        package(
            "systemd",
            Test,
            File("/lib/systemd/systemd-networkd"),
            "instances boot it with `--init systemd`; its networkd probes for the address of one",
        ),
        package("haproxy", Test, Program("haproxy"), "the proxy that keepalived checks in a story"),
        package(
            "postgresql-15",
            Test,
            File("/usr/lib/postgresql/15/bin/initdb"),
            "the database that keepalived promotes in a story",
        ),
        package("heartbeat", Test, File("/usr/libexec/heartbeat/heartbeat"), "a story moves a VIP with it"),
        package("pacemaker", Test, Program("pacemakerd"), "a story moves a VIP with it"),
        package("corosync", Test, Program("corosync"), "the membership under pacemaker"),
        package(
            "resource-agents",
            Test,
            File("/usr/lib/ocf/resource.d/heartbeat/IPaddr2"),
            "IPaddr2, with which heartbeat and pacemaker move addresses",
        ),
        package("ucarp", Test, Program("ucarp"), "a story moves a VIP with it"),
        package("isc-dhcp-client", Test, Program("dhclient"), "an external guest gets its address with it"),
        package("strace", Test, Program("strace"), "tests note what the store syncs"),
        package("tcpdump", Test, Program("tcpdump"), "tests look at what is on the wire"),
        package(
            "tshark",
            Test,
            Program("tshark"),
            "reads the files that traces write; capinfos comes with it",
        ),
        package("libndp-tools", Test, Program("ndptool"), "announces IPv6 addresses as rogues do"),
        package("nftables", Test, Program("nft"), "tests lose packets with it"),
        package(
            "qemu-system-x86",
            Test,
            Program("qemu-system-x86_64"),
            "boots other kernels, and machines of the driver qemu",
        ),
        package("busybox-static", Test, Program("busybox"), "the small system in these machines"),
        package("qemu-utils", Test, Program("qemu-img"), "makes the layers of disks of machines"),
        package("binutils", Test, Program("strip"), "makes test programs small enough for them"),
        package("xz-utils", Test, Program("xz"), "unpacks modules of newer kernels"),
        package("bpftool", Test, Program("bpftool"), "tests list what is loaded in the kernel"),
        package(
            "ca-certificates",
            Test,
            File("/etc/ssl/certs/ca-certificates.crt"),
            "fetches schemathesis and the clouds' SDKs by https",
        ),
        package("python3-venv", Test, PythonVenv, "runs schemathesis and the clouds' SDKs against the API"),
        package("iperf3", Bench, Program("iperf3"), "measures TCP and UDP"),
    ]
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_package_is_named_twice() {
        let mut names: Vec<_> = PACKAGES.iter().map(|package| package.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), PACKAGES.len());
    }

    #[test]
    fn a_later_purpose_needs_everything_an_earlier_one_needs() {
        for (less, more) in [(Purpose::Build, Purpose::Demo), (Purpose::Demo, Purpose::Test)] {
            assert!(less < more);
            assert!(missing(less).len() <= missing(more).len());
        }
    }

    #[test]
    fn a_program_that_nobody_has_is_missing() {
        let package =
            Package { name: "x", purpose: Purpose::Build, why: "", sign: Sign::Program("no-such-program") };
        assert!(!package.is_present());
    }
}
