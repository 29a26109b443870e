//! The life of a sandbox: start, run, stop, power off, find again, leave nothing. Needs root.

mod scene;

use havip_guest::{ExecError, GuestError, Limit, Outcome, Program, Sandbox, Sandboxes};
use scene::{Scene, console, exec, in_network_of, program, shows, spec, text, within};
use std::{
    ffi::OsString,
    fs,
    io::{BufRead, BufReader},
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

#[test]
fn user_data_runs_after_the_interfaces_are_there_and_its_output_is_the_console() {
    let scene = Scene::new();
    let spec = spec("ip -o link show eth0\nhostname\necho error >&2\nexit 3\n");
    let prepared = scene.sandboxes.prepare(&spec).unwrap();
    let far = format!("hvg{}", prepared.pid());
    run(&format!("ip link add {far} type veth peer name eth0 netns {}", prepared.pid()));
    let sandbox = prepared.run().unwrap();

    let log =
        within(5, "the console", || (console(&sandbox).contains("ended with code 3"), console(&sandbox)));
    assert!(log.contains("eth0@") && log.contains("web-1\n") && log.contains("error\n"), "{log}");
    assert!(!sandbox.has_ended(), "a guest goes on when its script ends");
    assert!(sandbox.stop(Duration::from_secs(5)).unwrap(), "nobody was left who needs killing");
    within(5, "the veth goes with the guest", || (!Path::new(&format!("/sys/class/net/{far}")).exists(), ()));
    assert_eq!(text(&scene.sandboxes.console(spec.instance, 7).unwrap()), "code 3\n");
}

#[test]
fn a_script_is_run_by_what_its_first_line_names() {
    let scene = Scene::new();
    let sandbox = scene.starts(&spec("#!/bin/bash\n[[ $BASH_VERSION ]] && echo by bash\n"));
    within(5, "the console", || (console(&sandbox).contains("by bash"), console(&sandbox)));
}

#[test]
fn nothing_of_the_guest_runs_before_it_is_let_go_and_nothing_is_left_if_it_never_is() {
    let scene = Scene::new();
    let spec = spec("echo begun");
    let prepared = scene.sandboxes.prepare(&spec).unwrap();
    let pid = prepared.pid();
    assert_eq!(in_network_of(pid), [pid]);
    let groups = cgroups_of(pid);
    drop(prepared);
    assert!(!Path::new(&format!("/proc/{pid}")).exists());
    assert!(groups.iter().all(|path| !Path::new(path).exists()), "{groups:?}");
    assert_eq!(text(&scene.sandboxes.console(spec.instance, 100).unwrap()), "");
    assert!(scene.sandboxes.adopt(spec.instance).unwrap().is_none());
}

#[test]
fn what_a_guest_changes_is_its_own_and_still_there_at_its_next_start() {
    let scene = Scene::new();
    let (one, other) = (spec(""), spec(""));
    let (first, second) = (scene.starts(&one), scene.starts(&other));
    shows(&first, "echo mine > /etc/havip-test; rm /etc/debian_version; mkdir /root/x; cat /etc/hostname");
    assert!(!Path::new("/etc/havip-test").exists() && Path::new("/etc/debian_version").exists());
    shows(&second, "test ! -e /etc/havip-test; test -e /etc/debian_version");
    let ids = [&first, &second].map(|sandbox| shows(sandbox, "cat /etc/machine-id"));
    assert_ne!(ids[0], ids[1]);

    first.power_off().unwrap();
    let first = scene.starts(&one);
    assert_eq!(shows(&first, "cat /etc/havip-test; test ! -e /etc/debian_version; ls /root"), "mine\nx\n");
    assert_eq!(shows(&first, "cat /etc/machine-id"), ids[0]);
}

#[test]
fn file_systems_mounted_on_the_host_are_in_the_guest_too_and_hide_what_is_hidden() {
    // A mount namespace of this thread's own: no mount of this test is seen by others.
    let thread = std::thread::spawn(|| {
        nix::sched::unshare(nix::sched::CloneFlags::CLONE_NEWNS).unwrap();
        run("mount --make-rprivate /");
        let scene = Scene::new();
        for name in ["lower/secret", "lower/plain", "upper", "work"] {
            fs::create_dir_all(scene.directory.path().join(name)).unwrap();
        }
        for name in ["lower/secret/file", "lower/plain/file"] {
            fs::write(scene.directory.path().join(name), "text\n").unwrap();
        }
        let directory = scene.directory.path().display();
        let layers =
            format!("lowerdir={directory}/lower,upperdir={directory}/upper,workdir={directory}/work");
        run(&format!("mount -t overlay -o {layers} overlay /srv"));

        let mut spec = spec("");
        spec.hidden = vec!["/srv/secret".into()];
        for _start in 0..2 {
            let sandbox = scene.starts(&spec);
            assert_eq!(shows(&sandbox, "cat /srv/plain/file; echo more >> /srv/plain/file"), "text\n");
            assert_eq!(exec(&sandbox, "cat /srv/secret/file").outcome, Outcome::Exited(1));
            assert_eq!(fs::read_to_string("/srv/plain/file").unwrap(), "text\n");
            shows(&sandbox, "sed -i /more/d /srv/plain/file");
            sandbox.power_off().unwrap();
        }
        run("umount /srv");
    });
    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
}

#[test]
fn a_guest_can_be_started_after_the_program_was_replaced() {
    let scene = Scene::new();
    let copy = scene.directory.path().join("program");
    fs::copy(program().path, &copy).unwrap();
    // Runs a file that has no name any more, as an agent is after an upgrade.
    let script = "exec 9< \"$0\"; rm \"$0\"; exec /proc/self/fd/9 \"$@\"";
    let arguments = ["-c".into(), script.into(), copy.into_os_string()].into();
    let replaced = Sandboxes::open(&scene.path(), Program { path: "/bin/sh".into(), arguments }).unwrap();
    let sandbox = replaced.prepare(&spec("echo up")).unwrap().run().unwrap();
    within(5, "the console", || (console(&sandbox).contains("up"), console(&sandbox)));
    sandbox.power_off().unwrap();
}

#[test]
fn a_power_off_ends_everything_at_once_without_asking() {
    let scene = Scene::new();
    let spec = spec(
        "trap '' TERM HUP\n(trap '' TERM; setsid sleep 1000 & setsid sleep 1000 &) \necho up\nsleep 1000\n",
    );
    let sandbox = scene.starts(&spec);
    within(5, "the script", || (console(&sandbox).contains("up"), ()));
    let pids = within(5, "its processes", || {
        (in_network_of(sandbox.pid()).len() == 5, in_network_of(sandbox.pid()))
    });
    let groups = cgroups_of(sandbox.pid());

    let begun = Instant::now();
    sandbox.power_off().unwrap();
    let took = begun.elapsed();

    // It takes some 30 ms; whoever asks first waits for a grace of seconds.
    assert!(took < Duration::from_secs(2), "{took:?}");
    assert!(pids.iter().all(|pid| !runs(*pid)), "{pids:?}");
    assert!(!groups.is_empty() && groups.iter().all(|path| !Path::new(path).exists()), "{groups:?}");
    assert!(scene.sandboxes.adopt(spec.instance).unwrap().is_none());
    assert!(!scene.path().join(spec.instance.to_string()).join("state.json").exists());
}

#[test]
fn a_stop_asks_everybody_and_kills_who_does_not_listen_after_the_grace() {
    let scene = Scene::new();
    let polite =
        scene.starts(&spec("trap 'echo goodbye; exit' TERM\necho up\nwhile :; do sleep 0.1; done\n"));
    let deaf = scene.starts(&spec("trap '' TERM\necho up\nwhile :; do sleep 1; done\n"));
    for sandbox in [&polite, &deaf] {
        within(5, "the script", || (console(sandbox).contains("up"), ()));
    }
    let instance = polite.instance();
    assert!(polite.stop(Duration::from_secs(5)).unwrap());
    assert!(text(&scene.sandboxes.console(instance, 1000).unwrap()).contains("goodbye"));
    assert!(!deaf.stop(Duration::from_millis(100)).unwrap());
}

#[test]
fn a_guest_outlives_its_agent_and_is_found_again() {
    let scene = Scene::new();
    let spec = spec("echo up\nsleep 1000\n");
    // The agent is a process of its own here: a sandbox that was dropped says nothing about one that died.
    let sandbox = scene.starts(&spec);
    let pid = sandbox.pid();
    let parent = |pid: u32| {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("PPid:")).unwrap();
        line.trim().parse::<u32>().unwrap()
    };
    let keeper = parent(pid);
    assert_ne!(parent(keeper), std::process::id(), "nobody of the guest is the agent's child");
    drop(sandbox);

    let again = Sandboxes::open(&scene.path(), program()).unwrap();
    let found = again.list().unwrap();
    assert_eq!(found.len(), 1);
    let sandbox = again.adopt(spec.instance).unwrap().unwrap();
    assert_eq!((sandbox.pid(), found[0].instance), (pid, spec.instance));
    assert!(matches!(again.prepare(&spec), Err(GuestError::Runs(_))));
    within(5, "the console", || (console(&sandbox).contains("up"), console(&sandbox)));
    assert_eq!(exec(&sandbox, "exit 7").outcome, Outcome::Exited(7));
    sandbox.power_off().unwrap();
    assert!(again.list().unwrap()[0].running.is_none());
}

/// This very test, run again as an agent of its own: `run` starts a guest, `prepare` only makes one ready.
#[test]
fn an_agent_that_is_killed_leaves_what_it_started_and_nothing_half_started() {
    if let Ok(role) = std::env::var("HAVIP_TEST_AGENT") {
        let mut words = role.split(' ');
        let (what, directory) = (words.next().unwrap(), words.next().unwrap());
        let sandboxes = Sandboxes::open(Path::new(directory), program()).unwrap();
        let prepared = sandboxes.prepare(&spec("sleep 1000")).unwrap();
        println!("pid {}", prepared.pid());
        let _running = if what == "run" { Ok(prepared.run().unwrap()) } else { Err(prepared) };
        println!("waits");
        std::io::stdin().read_line(&mut String::new()).unwrap();
        unreachable!("it is killed before");
    }
    for what in ["run", "prepare"] {
        let scene = Scene::new();
        let itself = "an_agent_that_is_killed_leaves_what_it_started_and_nothing_half_started";
        let mut agent = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", itself, "--nocapture"])
            .env("HAVIP_TEST_AGENT", format!("{what} {}", scene.path().display()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(agent.stdout.take().unwrap()).lines().map(Result::unwrap);
        let said: Vec<String> = lines.by_ref().take_while(|line| !line.contains("waits")).collect();
        let pid = said.iter().find_map(|line| line.split_once("pid ")).unwrap().1.parse::<u32>().unwrap();
        let groups = cgroups_of(pid);
        agent.kill().unwrap();
        agent.wait().unwrap();

        let found = || scene.sandboxes.list().unwrap().pop().unwrap().running;
        if what == "run" {
            assert_eq!(found().unwrap().pid(), pid);
            assert_eq!(exec(&found().unwrap(), "exit 7").outcome, Outcome::Exited(7));
            found().unwrap().power_off().unwrap();
        }
        within(5, "nothing is left", || {
            let left = runs(pid) || groups.iter().any(|path| Path::new(path).exists());
            (!left && found().is_none(), what)
        });
    }
}

#[test]
fn a_guest_goes_on_without_its_keeper() {
    let scene = Scene::new();
    let sandbox = scene.starts(&spec("echo $$ > /root/pid\nwhile :; do sleep 0.1; done\n"));
    kill_keeper(&scene, &sandbox);

    // Its first process has nobody to tell that this ended, and nobody who reads what is written.
    let script = within(5, "the script", || {
        let pid = shows(&sandbox, "cat /root/pid 2>/dev/null || true");
        (!pid.trim().is_empty(), pid.trim().to_owned())
    });
    shows(&sandbox, &format!("kill -9 {script}"));
    within(5, "it is reaped", || {
        (exec(&sandbox, &format!("test ! -e /proc/{script}")).outcome == Outcome::Exited(0), ())
    });
    assert!(!sandbox.has_ended());
    assert!(sandbox.stop(Duration::from_secs(5)).unwrap());
}

#[test]
fn a_crash_of_everybody_leaves_nothing_after_a_clean() {
    let scene = Scene::new();
    let spec = spec("setsid sleep 1000 &\nsleep 1000\n");
    let sandbox = scene.starts(&spec);
    let pids = within(5, "the processes", || {
        (in_network_of(sandbox.pid()).len() == 4, in_network_of(sandbox.pid()))
    });
    let groups = cgroups_of(sandbox.pid());
    let state = fs::read_to_string(scene.path().join(spec.instance.to_string()).join("state.json")).unwrap();
    let state: serde_json::Value = serde_json::from_str(&state).unwrap();
    let keeper = state["keeper"]["pid"].as_i64().unwrap();
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(keeper as i32), nix::sys::signal::Signal::SIGKILL)
        .unwrap();
    drop(sandbox);

    scene.sandboxes.clean().unwrap();

    assert!(pids.iter().all(|pid| !runs(*pid)), "{pids:?}");
    assert!(groups.iter().all(|path| !Path::new(path).exists()), "{groups:?}");
    assert!(!scene.path().exists());
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
    assert!(!mounts.contains(&spec.instance.to_string()), "{mounts}");
    scene.sandboxes.clean().unwrap_err();
    fs::create_dir(scene.path()).unwrap();
}

#[test]
fn a_state_of_an_earlier_start_of_the_host_is_not_taken_for_a_running_guest() {
    let scene = Scene::new();
    let spec = spec("");
    let sandbox = scene.starts(&spec);
    let path = scene.path().join(spec.instance.to_string()).join("state.json");
    let text = fs::read_to_string(&path).unwrap();
    sandbox.power_off().unwrap();

    // The process number is somebody else's by now: ours. This test may be so young that it was started in the
    // same clock tick as the guest, so the time is made another one as well.
    let mut state: serde_json::Value = serde_json::from_str(&text).unwrap();
    state["init"]["pid"] = std::process::id().into();
    state["init"]["started"] = 1.into();
    fs::write(&path, state.to_string()).unwrap();
    assert!(scene.sandboxes.adopt(spec.instance).unwrap().is_none(), "another start time");
    state["boot"] = "another".into();
    fs::write(&path, state.to_string()).unwrap();
    assert!(scene.sandboxes.adopt(spec.instance).unwrap().is_none(), "another boot");
    scene.starts(&spec).power_off().unwrap();
}

#[test]
fn a_start_that_fails_says_why_and_leaves_nothing() {
    let scene = Scene::new();
    let mut spec = spec("");
    spec.host_name = "not a name".into();
    assert!(matches!(scene.sandboxes.prepare(&spec), Err(GuestError::Refused { .. })));
    spec.host_name = "web".into();
    // The overlay cannot use a file as its scratch directory.
    let directory = scene.path().join(spec.instance.to_string());
    fs::create_dir(&directory).unwrap();
    fs::write(directory.join("work"), "").unwrap();
    let error = scene.sandboxes.prepare(&spec).unwrap_err().to_string();
    assert!(error.contains("could not make") && error.contains("work"), "{error}");
    assert!(!directory.join("state.json").exists());
    fs::remove_file(directory.join("work")).unwrap();
    scene.starts(&spec);
}

#[test]
fn commands_get_their_input_and_give_their_output_code_and_signal() {
    let scene = Scene::new();
    let sandbox = scene.starts(&spec(""));
    let run = |argv: &[&str], stdin: &[u8], at_most| {
        let argv: Vec<OsString> = argv.iter().map(OsString::from).collect();
        sandbox.exec(&argv, stdin, Duration::from_millis(at_most))
    };
    // More than a pipe holds, both ways.
    let long: Vec<u8> = (0..200_000_u32).map(|number| b'a' + (number % 26) as u8).collect();
    let done = run(&["tr", "a-z", "A-Z"], &long, 10_000).unwrap();
    assert_eq!((done.outcome, done.stdout), (Outcome::Exited(0), long.to_ascii_uppercase()));

    let done = exec(&sandbox, "echo out; echo err >&2; kill -9 $$");
    assert_eq!(
        (done.outcome, done.stdout, done.stderr),
        (Outcome::Killed(9), b"out\n".into(), b"err\n".into())
    );
    let done = run(&["yes"], b"", 300).unwrap();
    assert_eq!((done.outcome, done.stdout.len(), done.is_truncated), (Outcome::TimedOut, 1 << 20, true));
    let left = exec(&sandbox, "sleep 1000 & echo left");
    assert_eq!(
        (left.outcome, left.stdout),
        (Outcome::Exited(0), b"left\n".into()),
        "a daemon is not waited for"
    );
    let absent = run(&["no-such-command"], b"", 1000).unwrap_err();
    assert!(matches!(&absent, ExecError::Start(why) if why.contains("no-such-command")), "{absent}");
    assert!(matches!(run(&[], b"", 1000), Err(ExecError::Empty)));
    assert_eq!(shows(&sandbox, "echo $HOME $container; id -u; pwd"), "/root havip\n0\n/root\n");

    let pid = sandbox.pid();
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid as i32), nix::sys::signal::Signal::SIGKILL)
        .unwrap();
    assert!(sandbox.wait(Duration::from_secs(2)));
    within(2, "the keeper tidies up", || {
        (matches!(run(&["true"], b"", 1000), Err(ExecError::NotRunning)), ())
    });
}

#[test]
fn limits_are_in_force_or_said_not_to_be() {
    let scene = Scene::new();
    let mut spec = spec("");
    (spec.cpu_millis, spec.memory_mib) = (500, 64);
    let sandbox = scene.starts(&spec);
    if sandbox.limits().memory == Limit::InForce {
        // Twice what it may have: the kernel kills it.
        let done = exec(&sandbox, "exec dd if=/dev/zero of=/dev/null bs=128M count=1");
        assert_ne!(done.outcome, Outcome::Exited(0), "{done:?}");
    }
    if sandbox.limits().cpu == Limit::InForce {
        let done = shows(&sandbox, "timeout 1 sh -c 'while :; do :; done'; times | tail -1");
        let seconds: f64 = done.split(['m', 's']).nth(1).unwrap().parse().unwrap();
        assert!(seconds < 0.8, "{done}");
    }
    shows(&sandbox, "true");
}

fn kill_keeper(scene: &Scene, sandbox: &Sandbox) {
    let path = scene.path().join(sandbox.instance().to_string()).join("state.json");
    let state: serde_json::Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let keeper = state["keeper"]["pid"].as_i64().unwrap() as i32;
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(keeper), nix::sys::signal::Signal::SIGKILL).unwrap();
    within(5, "the keeper ends", || (!runs(keeper as u32), ()));
}

fn runs(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    !stat.is_empty() && !stat.contains(") Z ")
}

fn cgroups_of(pid: u32) -> Vec<String> {
    let own = fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap();
    let ours = own.lines().filter_map(|line| {
        let mut fields = line.splitn(3, ':').skip(1);
        let (controller, path) = (fields.next()?, fields.next()?);
        path.contains("/havip/").then(|| format!("/sys/fs/cgroup/{controller}{path}"))
    });
    ours.collect()
}

fn run(command: &str) {
    let mut words = command.split(' ');
    let program = words.next().unwrap();
    assert!(Command::new(program).args(words).status().unwrap().success(), "{command}");
}
