//! What fits through the underlay and the edge, and what is told to whom when something does not.

use anyhow::{Result, ensure};
use havip_lab::{Guest, PATIENCE, eventually, names::OUTSIDE_CLIENT};
use havip_tests::{VIP, elect_blue, pair, program};
use std::net::Ipv4Addr;

#[test]
fn guests_of_an_ordinary_underlay_have_1450_bytes_and_reach_the_outside_though_errors_are_lost() -> Result<()>
{
    whatever_fits_passes(1500)
}

#[test]
fn guests_of_a_jumbo_underlay_have_8950_bytes_and_reach_the_outside_though_errors_are_lost() -> Result<()> {
    whatever_fits_passes(9000)
}

/// A large packet between hosts, one byte more, the same through the edge; then whole files while no error arrives.
fn whatever_fits_passes(underlay_mtu: u32) -> Result<()> {
    let scene = pair().edges(1).underlay_mtu(underlay_mtu).start(program())?;
    elect_blue(&scene)?;
    let eip = scene.bind_eip(scene.vip_id())?;
    scene.open_to_all("tcp", "8081")?;
    let (blue, client, outside) = (&scene["blue"], &scene["client"], scene.outside()?);
    let mtu = underlay_mtu - 50;
    let said = blue.shell("cat /sys/class/net/eth0/mtu")?;
    ensure!(said.trim() == mtu.to_string(), "of {underlay_mtu} bytes the guest has {said}");

    passes(client, blue.address, mtu, None)?;
    passes(client, VIP, mtu, None)?;
    let narrowest = mtu.min(OUTSIDE_MTU);
    passes(&outside, eip, narrowest, None)?;
    passes(blue, OUTSIDE_CLIENT, narrowest, Some(VIP))?;

    // Segments must fit by themselves: nobody is told of one that was too large, nor remembers what it was told.
    for one in [blue, &outside] {
        one.lose_errors()?;
        one.shell("ip route flush cache")?;
        one.serve_file(FILE)?;
    }
    let url = |address: Ipv4Addr| format!("http://{address}:8081/file");
    eventually(PATIENCE, || loads(&outside, &["curl", "-s", "-m", "3", &url(eip)]))?;
    let as_vip = VIP.to_string();
    loads(blue, &["curl", "-s", "-m", "3", "--interface", &as_vip, &url(OUTSIDE_CLIENT)])?;
    loads(client, &["curl", "-s", "-m", "3", &url(VIP)])
}

/// A packet of so many bytes is answered; of one that has one more, its own system or whoever is in the way says
/// which size would fit.
fn passes(from: &Guest, to: Ipv4Addr, bytes: u32, source: Option<Ipv4Addr>) -> Result<()> {
    eventually(PATIENCE, || {
        let said = ping(from, to, bytes, source)?;
        ensure!(said.contains(" 1 received"), "{bytes} bytes from {} to {to}: {said}", from.name);
        Ok(())
    })?;
    let said = ping(from, to, bytes + 1, source)?;
    let told = [" = ", ": ", "="].iter().any(|is| said.contains(&format!("mtu{is}{bytes}")));
    ensure!(said.contains(" 0 received") && told, "{} bytes from {} to {to}: {said}", bytes + 1, from.name);
    Ok(())
}

/// One echo request of a whole packet's size that nobody may fragment; what ping says.
fn ping(from: &Guest, to: Ipv4Addr, bytes: u32, source: Option<Ipv4Addr>) -> Result<String> {
    let (size, to) = ((bytes - HEADERS).to_string(), to.to_string());
    let source = source.unwrap_or(from.address).to_string();
    let output =
        from.run(&["ping", "-n", "-M", "do", "-c", "1", "-W", "1", "-s", &size, "-I", &source, &to])?;
    Ok(output.stdout + &output.stderr)
}

fn loads(guest: &Guest, curl: &[&str]) -> Result<()> {
    let output = guest.run(&[curl, &["-o", "/dev/null", "-w", "%{size_download}"]].concat())?;
    ensure!(output.stdout == FILE.to_string(), "{}: {curl:?} brought {} bytes", guest.name, output.stdout);
    Ok(())
}

/// The outside network's, in bytes.
const OUTSIDE_MTU: u32 = 1500;
/// IP's and ICMP's headers.
const HEADERS: u32 = 28;
/// Some thousand segments.
const FILE: usize = 2_000_000;
