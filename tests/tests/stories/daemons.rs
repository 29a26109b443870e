//! What goes on while our own processes are dead.

use anyhow::{Result, ensure};
use havip_lab::{PATIENCE, Scene, eventually, names::HostName, probe::Probe};
use havip_tests::{OWN_TIMERS, VIP, elect_blue, pair, program, vip_url};
use std::time::Duration;

fn kill(scene: &Scene, role: &str) -> Result<()> {
    scene.lab.process(role)?.kill();
    Ok(())
}

#[test]
fn a_failover_needs_no_server() -> Result<()> {
    let scene = pair().start(program())?;
    elect_blue(&scene)?;
    kill(&scene, "server")?;

    scene["blue"].shell("kill -9 $(pidof keepalived)")?;

    scene["client"].eventually_fetches(&vip_url(), "green", OWN_TIMERS)?;
    Ok(())
}

#[test]
fn a_failover_needs_no_agent() -> Result<()> {
    let scene = pair().start(program())?;
    elect_blue(&scene)?;
    for host in ["h1", "h2", "h3"] {
        kill(&scene, host)?;
    }

    scene["blue"].shell("ip link set eth0 down")?;

    scene["client"].eventually_fetches(&vip_url(), "green", OWN_TIMERS)?;
    Ok(())
}

#[test]
fn a_failover_needs_none_of_our_processes() -> Result<()> {
    let scene = pair().start(program())?;
    elect_blue(&scene)?;
    for role in ["server", "h1", "h2", "h3"] {
        kill(&scene, role)?;
    }

    scene["blue"].shell("kill -9 $(pidof keepalived)")?;

    scene["client"].eventually_fetches(&vip_url(), "green", OWN_TIMERS)?;
    // The demoted instance still has the address, and may not use it.
    let client = scene["client"].address.to_string();
    let ping = scene["blue"].run(&["ping", "-c", "1", "-W", "1", "-I", &VIP.to_string(), &client])?;
    ensure!(ping.code != 0, "the demoted instance was answered as the VIP");
    Ok(())
}

#[test]
fn an_agent_restart_under_traffic_loses_no_packet_and_no_holder() -> Result<()> {
    restart_all_agents_under_traffic(&[None])
}

#[test]
fn an_agents_upgrade_and_downgrade_across_schemas_lose_no_packet_and_no_holder() -> Result<()> {
    // To a version whose maps are others, and back to this one.
    restart_all_agents_under_traffic(&[Some("2"), Some("1")])
}

fn restart_all_agents_under_traffic(schemas: &[Option<&str>]) -> Result<()> {
    let mut scene = pair().start(program())?;
    elect_blue(&scene)?;
    let before = scene.vip_now()?.holder;
    let probe = Probe::start(&scene["client"].network_namespace()?, VIP)?;
    let since = probe.now();

    for schema in schemas {
        if let Some(schema) = schema {
            scene.lab.set_environment("HAVIP_TEST_SCHEMA", schema);
        }
        for host in 1..=3 {
            let host = HostName::Host(host);
            scene.lab.process(&host.to_string())?.kill();
            scene.lab.start_agent(host)?;
            if let Some(schema) = schema {
                eventually(PATIENCE, || only_pins_of(&scene, host, schema))?;
            }
        }
        scene.lab.wait_for_hosts(Duration::from_secs(10))?;
    }

    let settled = probe.now();
    eventually(PATIENCE, || {
        ensure!(probe.answered_since(settled), "the VIP is not answered");
        Ok(())
    })?;
    // Two lost in a row would be 2 ms; a busy machine may delay one answer beyond the probe's grace.
    let outage = probe.longest_outage_since(since);
    ensure!(outage.is_none(), "packets were lost: {outage:?}");
    ensure!(
        scene.vip_now()?.holder.map(|holder| holder.epoch) == before.map(|holder| holder.epoch),
        "the epoch changed"
    );
    Ok(())
}

/// What earlier versions have pinned is gone: this one has taken over.
fn only_pins_of(scene: &havip_lab::Scene, host: HostName, schema: &str) -> Result<()> {
    let folder = std::path::Path::new("/sys/fs/bpf/havip").join(scene.lab.name().agent(&host));
    let names = std::fs::read_dir(&folder)?.map(|entry| Ok(entry?.file_name()));
    let names: Vec<_> = names.collect::<std::io::Result<_>>()?;
    ensure!(names == [std::ffi::OsString::from(format!("v{schema}"))], "{host} has {names:?}");
    Ok(())
}

#[test]
fn a_restarted_server_knows_everything_again() -> Result<()> {
    let mut scene = pair().start(program())?;
    elect_blue(&scene)?;
    kill(&scene, "server")?;

    scene.lab.start_server()?;

    scene.lab.wait_for_hosts(Duration::from_secs(10))?;
    scene.eventually_held_by("blue")?;
    scene["client"].fetches(&vip_url(), "blue")
}

#[test]
fn a_host_that_reboots_while_the_server_is_dead_serves_again() -> Result<()> {
    let mut scene = pair().start(program())?;
    elect_blue(&scene)?;
    kill(&scene, "server")?;

    scene.lab.reboot(HostName::Host(3))?;

    // The client's host has its instance again, from the state on its disk, and knows who holds the VIP.
    let client = &scene["client"];
    client.wait_until_running()?;
    client.eventually_fetches(&vip_url(), "blue", PATIENCE)?;
    Ok(())
}
