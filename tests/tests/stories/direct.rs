//! Direct return: a balancer holds the VIP and passes frames on by MAC; the servers answer as the VIP themselves.

use anyhow::{Result, ensure};
use havip_api::{Associate, AssociationMode};
use havip_lab::{PATIENCE, Scene, Setting, eventually, names::HostName};
use havip_tests::{SUBNET, VIP, program, vip_url};

/// What LVS guides tell a real server: the VIP on lo, and silence about it in ARP.
const REAL_SERVER: &str = "cd /proc/sys/net/ipv4/conf; echo 1 > all/arp_ignore; echo 2 > all/arp_announce; \
                           ip address add 10.20.1.100/32 dev lo";

/// The balancer of nftables in its mode DSR: another destination MAC, everything else as the client sent it.
fn balance(scene: &Scene) -> Result<()> {
    let mac = |guest: &str| -> Result<String> { Ok(scene.interface_of(guest)?.mac) };
    let rules = format!(
        "table netdev dsr {{ chain in {{ type filter hook ingress device eth0 priority 0; \
         ip daddr {VIP} tcp dport 80 ether saddr set {} ether daddr set \
         jhash ip saddr . tcp sport mod 2 map {{ 0 : {}, 1 : {} }} counter fwd to eth0; }}; }}",
        mac("balancer")?,
        mac("near")?,
        mac("far")?
    );
    scene["balancer"].shell(&format!("nft '{rules}'")).map(drop)
}

#[test]
fn servers_behind_a_direct_return_balancer_answer_as_the_vip_and_cannot_claim_it() -> Result<()> {
    let scene = Setting::subnet(SUBNET)
        .vip("10.20.1.100")
        .guest_on("balancer", 1)
        .guest_on("near", 1)
        .guest_on("far", 2)
        .guest_on("client", 3)
        .start(program())?;
    let (balancer, client) = (&scene["balancer"], &scene["client"]);
    scene.associate(["balancer"])?;
    // What it passes on is from the client.
    scene.set_source_dest_check("balancer", false)?;
    balancer.shell(&format!("ip address add {VIP}/32 dev eth0"))?;
    balancer.announce(VIP)?;
    scene.eventually_held_by("balancer")?;
    for server in ["near", "far"] {
        scene[server].serve(server)?;
        scene[server].shell(REAL_SERVER)?;
    }
    balance(&scene)?;
    // Without the permission a frame to a server's MAC goes by IP: back to the holder.
    ensure!(client.fetch(&vip_url()).is_err(), "a server answered as a VIP that it may not send from");
    eventually(PATIENCE, || {
        let drops = scene.drops(HostName::Host(1))?;
        ensure!(drops.iter().any(|(reason, count)| reason == "to_self" && *count > 0), "{drops:?}");
        Ok(())
    })?;

    for server in ["near", "far"] {
        let mode = AssociationMode::DirectReturn;
        let body = Associate { mode, ..Associate::claim(&scene[server].id) };
        scene.settled(|client| client.associate(scene.vip_id(), &body))?;
    }

    // Both serve, and the balancer sees nothing of what they answer.
    let mut served = [0, 0];
    eventually(PATIENCE, || {
        let page = client.fetch(&vip_url())?;
        served[usize::from(page == "far")] += 1;
        ensure!(served[0] > 1 && served[1] > 1, "so often served: near {}, far {}", served[0], served[1]);
        Ok(())
    })?;
    for _ in 0..20 {
        client.fetch(&vip_url())?;
    }

    // A server can neither claim the VIP nor say in ARP that it has it; the balancer stays the holder.
    let before = scene.vip_now()?.holder;
    scene["near"].shell(&format!("arping -U -c 1 -w 1 -I eth0 {VIP} || true"))?;
    let event = scene.eventually_refused("near", "claim_not_associated")?;
    ensure!(event.address.as_deref() == Some("10.20.1.100"), "{event:?}");
    ensure!(scene.vip_now()?.holder == before, "the holder or its epoch has changed");
    // A permission taken back ends it.
    scene.dissociate("near")?;
    scene.dissociate("far")?;
    ensure!(client.fetch(&vip_url()).is_err(), "a server still answers as the VIP");
    Ok(())
}
