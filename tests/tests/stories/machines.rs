//! Real machines, each with a kernel of its own, on two hosts: emulated here, so all times are generous.

use anyhow::{Context, Result, ensure};
use havip_api::{InstanceState, MoveCause};
use havip_lab::{Scene, Setting, eventually, names::HostName, probe::Probe, steadily};
use havip_tests::{SUBNET, VIP, pair, program, vip_url};
use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

#[test]
fn a_vip_moves_between_machines_with_kernels_of_their_own() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let mut scene =
        pair().edges(1).environment("HAVIP_AGENT_CONFIG", &images(folder.path())?).start(program())?;
    for (name, host) in [("alpha", 1), ("beta", 2)] {
        scene.add_machine(name, HostName::Host(host), "small", &user_data(name))?;
    }
    scene.associate(["alpha", "beta"])?;
    let eip = scene.bind_eip(scene.vip_id())?;
    let (client, outside) = (&scene["client"], scene.outside()?);
    for name in ["alpha", "beta"] {
        client.eventually_fetches(&format!("http://{}/", scene[name].address), name, BOOT_TAKES)?;
    }

    told(&scene, "alpha", "claim")?;
    scene.eventually_held_by("alpha")?;
    client.eventually_fetches(&vip_url(), "alpha", SLOW)?;
    outside.eventually_fetches(&format!("http://{eip}/"), "alpha", SLOW)?;

    large_packets_cross_whole(&scene)?;

    // Its agent comes back to a machine that has not noticed.
    scene.lab.process(&HostName::Host(1).to_string())?.kill();
    scene.lab.start_agent(HostName::Host(1))?;
    scene.lab.wait_for_hosts(SLOW)?;
    scene["client"].eventually_fetches(&vip_url(), "alpha", SLOW)?;
    ensure!(scene.holder()?.as_deref() == Some("alpha"), "the VIP moved when an agent was restarted");

    // QEMU dies as a process does for which there is no memory: nobody is told but the kernel.
    scene["alpha"].kill()?;
    eventually(SLOW, || {
        let causes = scene.causes()?;
        ensure!(causes.last() == Some(&MoveCause::PortDown), "{causes:?}");
        Ok(())
    })?;
    told(&scene, "beta", "claim")?;
    scene.eventually_held_by("beta")?;
    scene["client"].eventually_fetches(&vip_url(), "beta", SLOW)?;
    outside.eventually_fetches(&format!("http://{eip}/"), "beta", SLOW)?;

    scene["beta"].stop()?;
    eventually(SLOW, || {
        let state = scene.lab.api(|client| client.instance(&scene["beta"].id))?.state;
        ensure!(state == InstanceState::Stopped, "beta is {state}");
        Ok(())
    })?;
    ensure!(
        scene["beta"].console_tail(50).contains("the power button was pressed"),
        "beta was not asked to end"
    );
    eventually(SLOW, || {
        ensure!(scene.holder()?.is_none(), "a machine that is off holds the VIP");
        Ok(())
    })
}

#[test]
fn a_machine_goes_on_at_another_host_with_its_vip_and_never_boots_again() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let mut scene = Setting::subnet(SUBNET)
        .vip("10.20.1.100")
        .guest_on("green", 3)
        .guest_on("client", 3)
        .environment("HAVIP_AGENT_CONFIG", &images(folder.path())?)
        .start(program())?;
    scene.add_machine("alpha", HostName::Host(1), "small", &user_data("alpha"))?;
    scene.associate(["alpha", "green"])?;
    let client = &scene["client"];
    client.eventually_fetches(&format!("http://{}/", scene["alpha"].address), "alpha", BOOT_TAKES)?;
    told(&scene, "alpha", "claim")?;
    scene.eventually_held_by("alpha")?;
    client.eventually_fetches(&vip_url(), "alpha", SLOW)?;
    let boot = told(&scene, "alpha", "boot")?;

    let probe = Probe::start(&client.network_namespace()?, VIP)?;
    eventually(SLOW, || {
        ensure!(probe.answered_since(Duration::ZERO), "the VIP is not answered");
        Ok(())
    })?;

    migrate(&scene, "alpha", HostName::Host(2))?;

    client.eventually_fetches(&vip_url(), "alpha", SLOW)?;
    let missed = probe.longest_outage_since(Duration::ZERO).map_or(0, |outage| outage.length.as_millis());
    println!("the client of its VIP missed it for {missed} ms");
    drop(probe);
    ensure!(told(&scene, "alpha", "boot")? == boot, "it has booted");
    let causes = scene.causes()?;
    ensure!(causes == [MoveCause::Claim, MoveCause::Migrated], "{causes:?}");

    // Somebody else has the VIP now, and alpha its address still: where it comes, its kernel announces all it has.
    let claim = format!("ip address add {VIP}/32 dev eth0; arping -U -c 1 -w 1 -I eth0 {VIP}; true");
    scene["green"].shell(&claim)?;
    scene.eventually_held_by("green")?;
    let held = scene.vip_now()?.holder.map(|holder| holder.epoch);
    migrate(&scene, "alpha", HostName::Host(1))?;
    steadily(Duration::from_secs(3), || {
        let now = scene.vip_now()?.holder.map(|holder| holder.epoch);
        ensure!(now == held, "the VIP moved");
        Ok(())
    })?;
    ensure!(told(&scene, "alpha", "boot")? == boot, "it has booted");
    Ok(())
}

#[test]
fn a_machine_whose_agent_dies_while_it_leaves_goes_on_all_the_same() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let mut scene = Setting::subnet(SUBNET)
        .vip("10.20.1.100")
        .guest_on("client", 3)
        .environment("HAVIP_AGENT_CONFIG", &images(folder.path())?)
        .start(program())?;
    scene.add_machine("alpha", HostName::Host(1), "small", &user_data("alpha"))?;
    scene.associate(["alpha"])?;
    let client = &scene["client"];
    client.eventually_fetches(&format!("http://{}/", scene["alpha"].address), "alpha", BOOT_TAKES)?;
    told(&scene, "alpha", "claim")?;
    scene.eventually_held_by("alpha")?;
    let boot = told(&scene, "alpha", "boot")?;

    let probe = Probe::start(&client.network_namespace()?, VIP)?;
    eventually(SLOW, || {
        ensure!(probe.answered_since(Duration::ZERO), "the VIP is not answered");
        Ok(())
    })?;
    let begun = probe.now();
    let host = scene.lab.name().agent(&HostName::Host(2));
    let mut migration = Command::new(program())
        .env("HAVIP_LAB", scene.lab.name().to_string())
        .args(["instance", "migrate", "alpha", "--to", &host, "--within", "60"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    // It stands still while its memory leaves.
    eventually(SLOW, || {
        ensure!(probe.silent_since(begun), "it has not left");
        Ok(())
    })?;
    drop(probe);
    scene.lab.process(&HostName::Host(1).to_string())?.kill();
    scene.lab.start_agent(HostName::Host(1))?;
    scene.lab.wait_for_hosts(SLOW)?;

    // It was sent anew, or stays and says why; in either case it is one machine, and the same.
    migration.wait()?;
    scene["client"].eventually_fetches(&vip_url(), "alpha", SLOW)?;
    ensure!(told(&scene, "alpha", "boot")? == boot, "it has booted");
    let shown = scene.lab.api(|client| client.instance(&scene["alpha"].id))?;
    ensure!(shown.state == InstanceState::Running, "{shown:?}");
    eventually(SLOW, || {
        ensure!(scene.holder()?.as_deref() == Some("alpha"), "somebody else holds its VIP");
        Ok(())
    })
}

/// `havip instance migrate` of this lab, which says how long nobody heard from the machine.
fn migrate(scene: &Scene, name: &str, to: HostName) -> Result<()> {
    // Whoever sends nothing has no last frame.
    let asks = format!("ping -q -i 0.02 -w 60 {} >/dev/null 2>&1 & echo $!", scene[name].address);
    let asks = scene["client"].shell(&asks)?;
    let host = scene.lab.name().agent(&to);
    let mut command = Command::new(program());
    command.env("HAVIP_LAB", scene.lab.name().to_string());
    let moved = command.args(["instance", "migrate", name, "--to", &host, "--within", "60"]).output()?;
    scene["client"].shell(&format!("kill {}", asks.trim()))?;
    ensure!(moved.status.success(), "{}", String::from_utf8_lossy(&moved.stderr));
    let said = String::from_utf8_lossy(&moved.stdout);
    print!("{said}");
    ensure!(said.contains(&format!("is on {host}; nobody heard from it for")), "{said}");
    eventually(SLOW, || {
        let shown = scene.lab.api(|client| client.instance(&scene[name].id))?;
        let runs = shown.state == InstanceState::Running;
        ensure!(runs && shown.host == scene.host_id(to)?, "{shown:?}");
        Ok(())
    })
}

#[test]
fn an_image_that_the_host_does_not_have_is_named_with_the_remedy() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let mut scene = Setting::subnet(SUBNET)
        .hosts(1)
        .environment("HAVIP_AGENT_CONFIG", &images(folder.path())?)
        .start(program())?;
    // The agent says once that it cannot start the machine.
    scene.expects_errors = true;
    let refused =
        scene.add_machine("alpha", HostName::Host(1), "huge", "").err().context("it was started")?;
    let text = format!("{refused:#}");
    ensure!(text.contains("no image \"huge\" (it has: small)") && text.contains("[images]"), "{text}");
    Ok(())
}

/// 16 MiB each way through the VIP, whole; and the tap saw packets that no wire would carry.
fn large_packets_cross_whole(scene: &Scene) -> Result<()> {
    let client = &scene["client"];
    let sum = |line: &str| -> Result<String> {
        let said = client.shell(line)?;
        Ok(said.split_whitespace().next().unwrap_or_default().to_owned())
    };
    let down = sum(&format!("curl -sS -m 60 -o /tmp/blob http://{VIP}/blob && sha256sum /tmp/blob"))?;
    let expected = sum(&format!("curl -sS -m 5 http://{VIP}/sum"))?;
    ensure!(down.len() == 64 && down == expected, "16 MiB came as {down}, not as {expected}");
    let up = sum(&format!("curl -sS -m 60 --data-binary @/tmp/blob http://{VIP}/cgi-bin/sum"))?;
    ensure!(up == expected, "16 MiB went as {up}, not as {expected}");

    let host = scene.lab.host_namespace(HostName::Host(1))?;
    let shown = host.command("ip").args(["-s", "-o", "link", "show", "type", "tun"]).output()?;
    let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
    for direction in ["RX:", "TX:"] {
        let numbers = shown.split(direction).nth(1).and_then(|rest| rest.split('\\').nth(1));
        let mut numbers =
            numbers.with_context(|| format!("no tap in {shown}"))?.split_whitespace().map(str::parse::<u64>);
        let (bytes, packets) = (numbers.next().context(direction)??, numbers.next().context(direction)??);
        println!("{direction} {} bytes a packet", bytes / packets.max(1));
        // Half of the packets of a stream are acknowledgements of the other.
        ensure!(
            bytes / packets.max(1) > 2 * 1514,
            "{direction} {bytes} bytes in {packets} packets: nothing was large"
        );
    }
    Ok(())
}

/// Asks a machine to do something, by its web server: nothing else reaches into it.
fn told(scene: &Scene, name: &str, what: &str) -> Result<String> {
    let url = format!("http://{}/cgi-bin/{what}", scene[name].address);
    scene["client"].shell(&format!("curl -sS -f -m 10 {url}"))
}

/// What the agents of this story read: one image, which `cargo xtask test` made.
fn images(folder: &Path) -> Result<String> {
    let made = program()
        .parent()
        .and_then(Path::parent)
        .context("the program lies in target/PROFILE")?
        .join("xtask/machine");
    let file = |name: &str| {
        let path = made.join(name);
        path.canonicalize()
            .with_context(|| format!("{} is missing: `cargo xtask machine` makes it", path.display()))
    };
    let (kernel, initramfs) = (file("kernel")?, file("initramfs")?);
    let path = folder.join("agent.toml");
    let text = format!(
        "[images.small]\nkernel = \"{}\"\ninitramfs = \"{}\"\nappend = \"quiet\"\n",
        kernel.display(),
        initramfs.display()
    );
    fs::write(&path, text)?;
    Ok(path.display().to_string())
}

/// A web server with 16 MiB of noise, which can be told to claim the VIP.
fn user_data(name: &str) -> String {
    let script = |body: &str| format!("#!/bin/sh\nprintf 'Content-Type: text/plain\\r\\n\\r\\n'\n{body}\n");
    let claim = script(&format!("ip address add {VIP}/32 dev eth0\narping -U -c 1 -I eth0 {VIP}"));
    let boot = script("cat /proc/sys/kernel/random/boot_id");
    let sum = script("head -c \"$CONTENT_LENGTH\" | sha256sum");
    format!(
        "mkdir -p /www/cgi-bin\necho {name} >/www/index.html\nhead -c 16777216 /dev/urandom >/www/blob\n\
         sha256sum /www/blob >/www/sum\ncat >/www/cgi-bin/claim <<'END'\n{claim}END\n\
         cat >/www/cgi-bin/sum <<'END'\n{sum}END\ncat >/www/cgi-bin/boot <<'END'\n{boot}END\nchmod 755 /www/cgi-bin/*\nhttpd -h /www\n"
    )
}

/// An emulated machine boots in 2 s where nothing else runs; beside seven others it has taken 25.
const BOOT_TAKES: Duration = Duration::from_secs(90);
/// What an emulated machine may take to do a thing, and to end its services.
const SLOW: Duration = Duration::from_secs(40);
