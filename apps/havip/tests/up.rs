//! `havip up` on a machine of its own: a network namespace with one address. Needs root.

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// A network namespace in which `havip up` runs; everything is removed with this value.
struct Machine {
    name: String,
    scratch: TempDir,
    supervisor: Option<Child>,
}

impl Machine {
    fn new(test: &str) -> Self {
        let name = format!("up{test}{}", std::process::id());
        let machine = Self { name, scratch: tempfile::tempdir().unwrap(), supervisor: None };
        // As /var/lib is; the server is not root.
        fs::set_permissions(machine.scratch.path(), fs::Permissions::from_mode(0o755)).unwrap();
        succeed("ip", &["netns", "add", &machine.name]);
        // A pair of devices stands for the network: its address is the underlay's.
        machine.inside("ip", &["link", "set", "lo", "up"]);
        machine.inside("ip", &["link", "add", "up0", "type", "veth", "peer", "name", "up1"]);
        machine.inside("ip", &["address", "add", "192.0.2.1/24", "dev", "up0"]);
        machine.inside("ip", &["link", "set", "up0", "up"]);
        machine.inside("ip", &["link", "set", "up1", "up"]);
        machine
    }

    fn inside(&self, program: &str, arguments: &[&str]) -> String {
        succeed("nsenter", &[&[self.network().as_str(), program], arguments].concat())
    }

    /// Enters the network alone: `ip netns exec` would mount another /sys, whose pins end with the program.
    fn network(&self) -> String {
        format!("--net=/run/netns/{}", self.name)
    }

    fn data(&self) -> PathBuf {
        self.scratch.path().join("data")
    }

    /// Runs a client verb; its answer if it succeeds.
    fn havip(&self, line: &str) -> String {
        let key = self.scratch.path().join("key.json");
        let words: Vec<&str> = line.split_whitespace().collect();
        let key = ["--key-file", key.to_str().unwrap()];
        self.inside(env!("CARGO_BIN_EXE_havip"), &[&words[..1], &key[..], &words[1..]].concat())
    }

    /// Starts `havip up` and waits until it says so; what it said.
    fn up(&mut self) -> String {
        let said = self.scratch.path().join("said");
        let supervisor = Command::new("nsenter")
            .args([
                self.network().as_str(),
                env!("CARGO_BIN_EXE_havip"),
                "up",
                "--name",
                &self.name,
                "--data",
            ])
            .arg(self.data())
            .arg("--admin-key-file")
            .arg(self.scratch.path().join("key.json"))
            .stdin(Stdio::null())
            .stdout(File::create(&said).unwrap())
            .spawn()
            .unwrap();
        self.supervisor = Some(supervisor);
        // The supervisor gives each of its two programs 30 s.
        eventually(Duration::from_secs(60), "havip up is up", || {
            assert!(self.supervisor.as_mut().unwrap().try_wait().unwrap().is_none(), "havip up ended");
            Some(fs::read_to_string(&said).unwrap()).filter(|said| said.contains("havip --help"))
        })
    }

    fn supervisor(&self) -> Pid {
        // `nsenter` becomes the program.
        Pid::from_raw(self.supervisor.as_ref().unwrap().id().try_into().unwrap())
    }

    /// The process of one of the supervised programs.
    fn program(&self, name: &str) -> Option<Pid> {
        let parent = format!("PPid:\t{}\n", self.supervisor());
        fs::read_dir("/proc").unwrap().flatten().find_map(|entry| {
            let pid = entry.file_name().to_str()?.parse().ok()?;
            let status = fs::read_to_string(entry.path().join("status")).ok()?;
            let command = fs::read_to_string(entry.path().join("cmdline")).ok()?;
            (status.contains(&parent) && command.split('\0').nth(1) == Some(name))
                .then_some(Pid::from_raw(pid))
        })
    }

    fn end(&mut self, signal: Signal) {
        kill(self.supervisor(), signal).unwrap();
        self.supervisor.take().unwrap().wait().unwrap();
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        if self.supervisor.is_some() {
            self.end(Signal::SIGTERM);
        }
        // What the test has removed already is gone; this is for tests that failed.
        let agent = self.data().join("agent");
        let detach = ["host", "detach", "--name", &self.name, "--data", agent.to_str().unwrap()];
        let network = self.network();
        let words = [&[network.as_str(), env!("CARGO_BIN_EXE_havip")], &detach[..]].concat();
        let _ = Command::new("nsenter").args(words).output();
        let _ = Command::new("ip").args(["netns", "delete", &self.name]).output();
    }
}

#[test]
fn a_machine_with_havip_up_runs_an_instance_that_holds_a_vip() {
    let mut machine = Machine::new("a");
    let said = machine.up();
    assert!(said.contains("shown this once"), "{said}");

    machine.havip("vpc create --name shop --cidr 10.20.0.0/16");
    machine.havip("subnet create --vpc shop --name web --cidr 10.20.1.0/24");
    machine.havip("instance run --subnet web --name web-1");
    machine.havip("vip create --subnet web --name v --address 10.20.1.100 --associate web-1");
    machine.havip("instance exec web-1 -- ip address add 10.20.1.100/32 dev eth0");
    machine.havip("instance exec web-1 -- arping -U -c 1 -I eth0 10.20.1.100");

    // The claim is followed at once; the report to the server takes a moment.
    let holder = eventually(Duration::from_secs(10), "web-1 holds the VIP", || {
        let vip: Value = serde_json::from_str(&machine.havip("vip get v -o json")).unwrap();
        vip["holder"]["instance_name"].as_str().map(str::to_owned)
    });
    assert_eq!(holder, "web-1");
    let events = machine.havip("event list --kind vip-moved");
    assert!(events.contains("web-1"), "{events}");
}

#[test]
fn the_server_has_no_capabilities_and_the_agent_not_all() {
    let mut machine = Machine::new("b");
    machine.up();
    let bounding = |name: &str| {
        let status = fs::read_to_string(format!("/proc/{}/status", machine.program(name).unwrap())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("CapBnd:\t")).unwrap();
        u64::from_str_radix(line, 16).unwrap()
    };
    const SYS_MODULE: u64 = 1 << 16;
    assert_eq!(bounding("server"), 0);
    assert_eq!(bounding("agent") & SYS_MODULE, 0);
}

#[test]
fn the_server_is_a_user_that_owns_its_data_and_reaches_nothing_else_of_ours() {
    let mut machine = Machine::new("e");
    // As an earlier version left it: all of it root's, and closed.
    fs::create_dir_all(machine.data().join("server")).unwrap();
    fs::set_permissions(machine.data(), fs::Permissions::from_mode(0o700)).unwrap();
    machine.up();

    let server = machine.program("server").unwrap();
    let status = fs::read_to_string(format!("/proc/{server}/status")).unwrap();
    let ids = |name: &str| -> Vec<u32> {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.split_whitespace().map(|id| id.parse().unwrap()).collect()
    };
    let (uid, gid) = (ids("Uid:")[0], ids("Gid:")[0]);
    assert!(uid != 0 && gid != 0);
    assert_eq!((ids("Uid:"), ids("Gid:"), ids("Groups:")), (vec![uid; 4], vec![gid; 4], vec![]));
    for name in ["CapInh:", "CapPrm:", "CapEff:", "CapAmb:"] {
        assert!(status.lines().any(|line| line == format!("{name}\t0000000000000000")), "{name}");
    }

    let data = machine.data();
    let own = fs::metadata(data.join("server")).unwrap();
    assert_eq!((own.uid(), own.mode() & 0o777), (uid, 0o700));
    // Whoever is this user can do this and no more.
    let can = |script: &str| {
        let ids = [format!("--reuid={uid}"), format!("--regid={gid}"), "--clear-groups".into()];
        let shell = ["sh", "-c", script].map(String::from);
        let mut command = Command::new("setpriv");
        command.args(ids).args(shell).current_dir(&data).stdout(Stdio::null()).stderr(Stdio::null());
        command.status().unwrap().success()
    };
    assert!(can("cat server/seal.key && touch server/x && rm server/x"));
    for script in [
        "ls .",
        "ls agent",
        "cat agent/identity.json",
        "cat agent/seal-keys",
        "cat ../key.json",
        "touch x",
        "touch agent/x",
        "touch ../x",
    ] {
        assert!(!can(script), "{script}");
    }
    let key = fs::metadata(machine.scratch.path().join("key.json")).unwrap();
    assert_eq!((key.uid(), key.mode() & 0o777), (0, 0o600));
    assert!(!data.join("server/admin-key.json").exists(), "there is one copy of the key");
}

#[test]
fn a_user_of_the_host_without_rights_reaches_nothing_of_ours_but_the_agents_pages() {
    let mut machine = Machine::new("f");
    machine.up();
    machine.havip("vpc create --name shop --cidr 10.20.0.0/16");
    machine.havip("subnet create --vpc shop --name web --cidr 10.20.1.0/24");
    machine.havip("instance run --subnet web --name web-1");
    let key = machine.scratch.path().join("key.json");
    // In the machine's network as nobody, who can get no rights back.
    let as_nobody = |script: &str, input: &str| -> (bool, String) {
        let ids = ["--reuid=65534", "--regid=65534", "--clear-groups", "--no-new-privs"];
        let mut command = Command::new("nsenter");
        command.arg(machine.network()).arg("setpriv").args(ids).args(["sh", "-c", script]).current_dir("/");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned())
    };

    // Files, sockets and pins: by their names, which it could know, as it cannot list them.
    let named = |path: &Path| succeed("find", &[path.to_str().unwrap(), "-not", "-type", "l", "-print"]);
    let pins = Path::new("/sys/fs/bpf/havip").join(&machine.name);
    let kept = named(&machine.data()) + &named(&pins) + key.to_str().unwrap() + "\n";
    assert!(kept.contains("seal.key") && kept.contains("identity.json") && kept.contains("/records\n"));
    // The files of an instance's own tree are as open as they are in it, behind doors that are shut.
    let reaches = "while read -r path; do [ -r \"$path\" ] || [ -w \"$path\" ] && echo \"$path\"; done; true";
    let (_, reached) = as_nobody(reaches, &kept);
    assert_eq!(reached, "", "of {} files", kept.lines().count());

    // Programs, maps and links; another's network; what a process of ours has open or was told.
    let processes = ["server", "agent"].map(|name| machine.program(name).unwrap());
    for script in [
        "bpftool map list".to_owned(),
        "bpftool prog list".to_owned(),
        format!("nsenter --net=/run/netns/{} true", machine.name),
        format!("ls /proc/{}/fd", processes[0]),
        format!("ls /proc/{}/fd", processes[1]),
        format!("cat /proc/{}/environ", processes[1]),
        format!("kill -0 {}", processes[1]),
        "ip link set up0 down".to_owned(),
        format!("{} host records --name {}", env!("CARGO_BIN_EXE_havip"), machine.name),
        format!("{} vpc list", env!("CARGO_BIN_EXE_havip")),
    ] {
        assert!(!as_nobody(&script, "").0, "{script}");
    }
    // What everybody sees of processes is no secret.
    let lines = as_nobody("cat /proc/[0-9]*/cmdline | tr '\\0' ' '", "").1;
    let secret: Value = serde_json::from_str(&fs::read_to_string(&key).unwrap()).unwrap();
    let secret = secret["access_key_secret"].as_str().unwrap();
    assert!(lines.contains("agent") && !lines.contains(secret), "{lines}");

    // The API answers nobody without a key.
    let status = |words: &str| as_nobody(&format!("curl -s -o /dev/null -w '%{{http_code}}' {words}"), "").1;
    assert_eq!(status("http://127.0.0.1:7400/v1/vpcs"), "401");
    assert_eq!(status("-X POST -d '{}' http://127.0.0.1:7400/v1/vpcs"), "401");
    // The agent's own pages are for everybody on the machine, and change nothing.
    assert_eq!(status("http://127.0.0.1:7404/status"), "200");
    assert_eq!(status("-X POST http://127.0.0.1:7404/status"), "405");
}

#[test]
fn a_program_that_dies_is_started_again_and_none_outlives_the_supervisor() {
    let mut machine = Machine::new("c");
    machine.up();
    let first = machine.program("server").unwrap();
    kill(first, Signal::SIGKILL).unwrap();
    let second = eventually(Duration::from_secs(20), "the server runs again", || {
        machine.program("server").filter(|pid| *pid != first)
    });

    let agent = machine.program("agent").unwrap();
    machine.end(Signal::SIGKILL);
    for pid in [second, agent] {
        // Nobody waits for an orphan here but init, so a zombie counts as ended.
        eventually(Duration::from_secs(20), "an orphan ends by itself", || has_ended(pid).then_some(()));
    }
}

#[test]
fn a_second_start_needs_no_token_shows_no_key_and_a_detached_machine_keeps_nothing() {
    let mut machine = Machine::new("d");
    machine.up();
    machine.havip("vpc create --name shop --cidr 10.20.0.0/16");
    machine.end(Signal::SIGTERM);

    let said = machine.up();
    assert!(!said.contains("shown this once"), "{said}");
    assert!(machine.havip("vpc list").contains("shop"));
    let hosts: Value = serde_json::from_str(&machine.havip("host list -o json")).unwrap();
    assert_eq!(hosts.as_array().unwrap().len(), 1);

    machine.end(Signal::SIGTERM);
    assert!(Path::new("/sys/fs/bpf/havip").join(&machine.name).exists());
    let agent = machine.data().join("agent");
    let detach = ["host", "detach", "--name", &machine.name, "--data", agent.to_str().unwrap()];
    machine.inside(env!("CARGO_BIN_EXE_havip"), &detach);
    assert!(!Path::new("/sys/fs/bpf/havip").join(&machine.name).exists());
    assert!(!agent.exists());
    let links = machine.inside("ip", &["-o", "link"]);
    assert_eq!(links.lines().count(), 3, "{links}");
}

fn has_ended(pid: Pid) -> bool {
    match fs::read_to_string(format!("/proc/{pid}/status")) {
        Ok(status) => status.contains("State:\tZ"),
        Err(_) => true,
    }
}

/// What a program prints, if it succeeds.
fn succeed(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).stdin(Stdio::null()).output().unwrap();
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {}: {complaint}", arguments.join(" "));
    String::from_utf8(output.stdout).unwrap()
}

/// Waits for something, with a deadline.
fn eventually<T>(patience: Duration, what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + patience;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "not within {patience:?}: {what}");
        std::thread::park_timeout(Duration::from_millis(20));
    }
}
