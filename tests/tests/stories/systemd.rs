//! Instances that boot Debian's systemd: `systemctl start keepalived`, as the vendors' guides have it.

use anyhow::{Result, ensure};
use havip_api::InstanceState;
use havip_lab::{PATIENCE, Scene, Setting, eventually, names::HostName};
use havip_tests::{SUBNET, primary, program, secondary, vip_url};
use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

#[test]
fn systemctl_starts_keepalived_as_the_guides_say_and_no_trace_is_left_on_the_host() -> Result<()> {
    let mut scene = Setting::subnet(SUBNET).vip("10.20.1.100").guest_on("client", 3).start(program())?;
    for (name, host) in [("blue", 1), ("green", 2)] {
        // The data is a service among others: it may order others to start.
        let page = format!("echo {name} >/var/www/html/index.html\nsystemctl enable --now nginx\n");
        scene.add_guest_with_systemd(name, HostName::Host(host), &page)?;
    }
    scene.associate(["blue", "green"])?;
    let (blue, green) = (&scene["blue"], &scene["green"]);
    let ids = [blue.id.clone(), green.id.clone()];
    for (guest, settings) in [(blue, primary(blue, green)), (green, secondary(green, blue))] {
        guest.eventually_fetches("http://localhost/", &guest.name, BOOT_TAKES)?;
        guest.shell(&settings.files())?;
        guest.shell("systemctl start keepalived")?;
    }
    scene["client"].eventually_fetches(&vip_url(), "blue", PATIENCE)?;

    // The unit says goodbye: the other one waits for its skew alone.
    blue.shell("systemctl stop keepalived")?;
    scene["client"].eventually_fetches(&vip_url(), "green", Duration::from_secs(3))?;
    blue.shell("systemctl start keepalived")?;
    scene["client"].eventually_fetches(&vip_url(), "blue", PATIENCE)?;

    // So does the end of the whole system.
    let begun = std::time::Instant::now();
    blue.stop()?;
    scene["client"].eventually_fetches(&vip_url(), "green", PATIENCE)?;
    is_stopped(&scene, "blue")?;
    println!("stopped within {:?}", begun.elapsed());
    let console = scene["blue"].console_tail(400);
    ensure!(console.contains("Started") && console.contains("keepalived"), "{console}");
    eventually(PATIENCE, || no_cgroups(&ids[..1]))?;

    scene["blue"].start()?;
    scene["blue"].eventually_fetches("http://localhost/", "blue", BOOT_TAKES)?;
    ensure!(!cgroups(&ids[0]).is_empty(), "where is it?");
    scene["blue"].power_off()?;
    is_stopped(&scene, "blue")?;
    eventually(PATIENCE, || no_cgroups(&ids[..1]))?;

    scene["blue"].start()?;
    let blue = scene["blue"].id.clone();
    scene.settled(|client| client.delete_instance(&blue))?;
    scene.forget("blue");
    eventually(PATIENCE, || no_cgroups(&ids[..1]))?;

    // Its agent dies, and then the lab is taken down around the instance.
    ensure!(!cgroups(&ids[1]).is_empty(), "where is it?");
    scene.lab.process(&HostName::Host(2).to_string())?.kill();
    drop(scene);
    no_cgroups(&ids)
}

fn is_stopped(scene: &Scene, name: &str) -> Result<()> {
    eventually(STOP_TAKES, || {
        let state = scene.lab.api(|client| client.instance(&scene[name].id))?.state;
        ensure!(state == InstanceState::Stopped, "{name} is {state}");
        Ok(())
    })
}

fn no_cgroups(instances: &[String]) -> Result<()> {
    for instance in instances {
        let left = cgroups(instance);
        ensure!(left.is_empty(), "{left:?}");
    }
    Ok(())
}

/// What the host has of an instance in any hierarchy.
fn cgroups(instance: &str) -> Vec<PathBuf> {
    let (mut found, mut open) = (vec![], vec![PathBuf::from("/sys/fs/cgroup")]);
    while let Some(directory) = open.pop() {
        for path in fs::read_dir(directory).into_iter().flatten().flatten().map(|entry| entry.path()) {
            if !path.is_symlink() && path.is_dir() {
                if path.file_name() == Path::new(instance).file_name() {
                    found.push(path.clone());
                }
                open.push(path);
            }
        }
    }
    found
}

/// systemd boots in 2 s where nothing else runs.
const BOOT_TAKES: Duration = Duration::from_secs(40);
/// Services get 30 s.
const STOP_TAKES: Duration = Duration::from_secs(35);
