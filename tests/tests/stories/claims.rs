//! Who may claim a VIP and who may not, seen from a guest's arping.

use anyhow::{Result, ensure};
use havip_api::{CreateSubnet, CreateVpc, RunInstance};
use havip_lab::{Guest, Networkd, eventually, names::HostName};
use havip_tests::{VIP, pair, program};
use std::time::Duration;

#[test]
fn an_announcement_by_the_associated_moves_the_vip_at_once_on_every_host() -> Result<()> {
    let scene = pair().start(program())?;
    scene.associate(["blue", "green"])?;
    for (guest, other) in [("blue", "green"), ("green", "blue"), ("blue", "green")] {
        // As keepalived does, which yields before the other announces.
        scene[other].shell(&format!("ip address del {VIP}/32 dev eth0 2>/dev/null || true"))?;
        scene[guest].shell(&format!("ip address replace {VIP}/32 dev eth0"))?;

        scene[guest].announce(VIP)?;

        scene.eventually_held_by(guest)?;
        scene["client"].pings(VIP)?;
    }
    Ok(())
}

#[test]
fn a_reply_that_announces_counts_like_a_request() -> Result<()> {
    let scene = pair().start(program())?;
    scene.associate(["blue", "green"])?;

    scene["blue"].shell(&format!("ip address add {VIP}/32 dev eth0"))?;
    scene["blue"].run(&["arping", "-A", "-c", "1", "-I", "eth0", &VIP.to_string()])?;

    scene.eventually_held_by("blue")
}

#[test]
fn an_announcement_by_the_unassociated_changes_nothing_and_is_reported_with_a_remedy() -> Result<()> {
    let scene = pair().start(program())?;
    scene.associate(["blue"])?;
    scene["blue"].shell(&format!("ip address add {VIP}/32 dev eth0"))?;
    scene["blue"].announce(VIP)?;
    scene.eventually_held_by("blue")?;
    let before = scene.vip_now()?.holder;

    scene["green"].announce(VIP)?;

    let event = scene.eventually_refused("green", "claim_not_associated")?;
    ensure!(event.address.as_deref() == Some("10.20.1.100"), "{event:?}");
    ensure!(event.advice.contains("associate"), "the report must say what to do: {event:?}");
    ensure!(scene.vip_now()?.holder == before, "the holder or its epoch has changed");
    scene["client"].pings(VIP)
}

#[test]
fn an_ordinary_address_of_somebody_else_cannot_be_claimed() -> Result<()> {
    let scene = pair().start(program())?;
    let target = scene["green"].address;

    scene["blue"].announce(target)?;

    let event = scene.eventually_refused("blue", "claim_of_address")?;
    ensure!(event.advice.contains("VIP"), "the report must say how it is done right: {event:?}");
    scene["client"].pings(target)
}

#[test]
fn a_second_instance_with_the_vips_address_is_reported_with_both_names_and_a_remedy() -> Result<()> {
    let scene = pair().start(program())?;
    scene.associate(["blue", "green"])?;
    for guest in ["blue", "green"] {
        scene[guest].shell(&format!("ip address add {VIP}/32 dev eth0"))?;
        scene[guest].announce(VIP)?;
        scene.eventually_held_by(guest)?;
    }

    // Blue lost the VIP and is asked, together with green: both have the address.
    let event = scene.eventually_told("both-answer")?;

    let name =
        |holder: &Option<havip_api::Holder>| holder.as_ref().map(|holder| holder.instance_name.clone());
    ensure!(name(&event.holder).as_deref() == Some("green"), "{event:?}");
    ensure!(name(&event.other).as_deref() == Some("blue"), "{event:?}");
    ensure!(event.text.contains("nothing was moved"), "{event:?}");
    ensure!(event.advice.contains("remove the address from blue"), "{event:?}");
    scene.eventually_held_by("green")?;
    scene["client"].pings(VIP)
}

#[test]
fn a_guest_of_another_subnet_cannot_claim_the_vip() -> Result<()> {
    let mut scene = pair().start(program())?;
    let other = scene.make_subnet("other", "10.20.2.0/24")?;
    scene.add_guest_in(&other, "stranger", HostName::Host(1), "")?;

    scene["stranger"].announce(VIP)?;

    scene.eventually_refused("stranger", "claim_other_subnet")?;
    ensure!(scene.holder()?.is_none(), "the VIP has a holder");
    Ok(())
}

#[test]
fn another_vpc_with_the_same_addresses_is_another_world() -> Result<()> {
    let scene = pair().start(program())?;
    scene.associate(["blue"])?;
    scene["blue"].shell(&format!("ip address add {VIP}/32 dev eth0"))?;
    scene["blue"].announce(VIP)?;
    scene.eventually_held_by("blue")?;
    let vpc = CreateVpc { cidr: "10.20.0.0/16".into(), ..CreateVpc::default() };
    let vpc = scene.lab.api(|client| client.create_vpc(&vpc))?.meta.id;
    let subnet = CreateSubnet { vpc, cidr: "10.20.1.0/24".into(), ..CreateSubnet::default() };
    let subnet = scene.lab.api(|client| client.create_subnet(&subnet))?.meta.id;
    let host = Some(scene.host_id(HostName::Host(1))?);
    let body = RunInstance { subnet, host, ..RunInstance::default() };
    let instance = scene.settled(|client| client.run_instance(&body))?;
    let twin = Guest::of(&scene.lab, HostName::Host(1), &instance)?;
    twin.wait_until_running()?;
    twin.shell(&format!("ip address add {VIP}/32 dev eth0"))?;

    twin.announce(VIP)?;

    // Its own VPC has no such VIP: an address that nobody has.
    eventually(Duration::from_secs(5), || {
        let filter = havip_api::EventFilter {
            kind: Some("refused".into()),
            instance: Some(twin.id.clone()),
            ..Default::default()
        };
        let refused = scene.lab.api(|client| client.all_events(&filter))?;
        ensure!(refused.iter().any(|event| event.reason.as_deref() == Some("claim_unknown")), "{refused:?}");
        Ok(())
    })?;
    scene.eventually_held_by("blue")?;
    scene["client"].pings(VIP)?;
    let across = twin.run(&["ping", "-c", "1", "-W", "1", &scene["client"].address.to_string()])?;
    ensure!(across.code != 0, "a packet crossed from one VPC into another");
    Ok(())
}

#[test]
fn probes_for_the_own_address_find_no_conflict() -> Result<()> {
    let scene = pair().start(program())?;
    let blue = &scene["blue"];

    let probe = blue.run(&["arping", "-D", "-c", "2", "-w", "3", "-I", "eth0", &blue.address.to_string()])?;

    ensure!(probe.code == 0, "arping -D found a conflict: {}", probe.stdout);
    Ok(())
}

#[test]
fn networkd_takes_its_own_address_and_no_other_guest_s() -> Result<()> {
    let scene = pair().start(program())?;
    let (blue, green) = (&scene["blue"], &scene["green"]);
    let capture = blue.capture("arp")?;

    // Its probes for green's address are answered; without that the silence about its own would prove nothing.
    blue.start_networkd(&Networkd { addresses: vec![blue.address, green.address] })?;

    // Three probes after up to a second, two seconds apart at most, then two more of listening.
    eventually(Duration::from_secs(15), || {
        let shown = blue.shell("ip -4 -o address show dev eth0")?;
        ensure!(shown.contains(&format!(" {}/", blue.address)), "networkd has not taken its own address");
        ensure!(!shown.contains(&format!(" {}/", green.address)), "networkd took green's address");
        let log = blue.log_of("networkd")?;
        ensure!(
            log.contains(&format!("Successfully claimed address {}", blue.address)),
            "no word of success"
        );
        ensure!(log.contains(&format!("Dropping address {}", green.address)), "no word of the conflict");
        Ok(())
    })?;
    let probes = capture.lines_with(&format!("who-has {} tell 0.0.0.0", blue.address))?;
    ensure!(probes.len() == 3, "RFC 5227 has three probes: {probes:#?}");
    let answers = capture.lines_with(&format!("Reply {} is-at", blue.address))?;
    ensure!(answers.is_empty(), "somebody answered for blue's own address: {answers:#?}");
    Ok(())
}

#[test]
fn a_disassociated_holder_is_released() -> Result<()> {
    let scene = pair().start(program())?;
    scene.associate(["blue", "green"])?;
    scene["blue"].shell(&format!("ip address add {VIP}/32 dev eth0"))?;
    scene["blue"].announce(VIP)?;
    scene.eventually_held_by("blue")?;

    scene.dissociate("blue")?;

    eventually(Duration::from_secs(5), || {
        ensure!(scene.holder()?.is_none(), "the VIP still has a holder");
        Ok(())
    })?;
    let ping = scene["client"].run(&["ping", "-c", "1", "-W", "1", &VIP.to_string()])?;
    ensure!(ping.code != 0, "blue still receives for the VIP");
    ensure!(
        ping.stdout.contains("Unreachable"),
        "a VIP without holder must be answered by ICMP: {}",
        ping.stdout
    );
    Ok(())
}
