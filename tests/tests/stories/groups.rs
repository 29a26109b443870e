//! What security groups let reach a guest, and what becomes of connections under way.

use anyhow::{Context, Result, bail, ensure};
use havip_api::{Direction, NewRule};
use havip_lab::{PATIENCE, Scene, Setting, eventually, names::HostName};
use havip_tests::{SUBNET, elect_blue, pair, program, vip_url};
use std::{
    io::{ErrorKind, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    time::Duration,
};

/// A dropped packet is answered by nobody; one that passes is within a millisecond.
const SILENCE: Duration = Duration::from_millis(700);

fn from(peer: &str) -> NewRule {
    NewRule::allow(Direction::Ingress, peer)
}
fn to(peer: &str) -> NewRule {
    NewRule::allow(Direction::Egress, peer)
}

/// A server's end and a client's of one connection between two guests.
struct Line {
    client: TcpStream,
    server: TcpStream,
}

impl Line {
    /// The server listens, the client connects.
    fn open(scene: &Scene, client: &str, server: &str, port: u16) -> Result<Self> {
        let at = SocketAddr::from((scene[server].address, port));
        let listener = scene[server].network_namespace()?.run(|| TcpListener::bind(at))??;
        let client = scene[client].network_namespace()?;
        let client = client.run(|| TcpStream::connect_timeout(&at, SILENCE))?.context("nobody answered")?;
        listener.set_nonblocking(true)?;
        let server = eventually(PATIENCE, || Ok(listener.accept()?.0))?;
        server.set_nonblocking(false)?;
        for end in [&client, &server] {
            end.set_read_timeout(Some(SILENCE))?;
        }
        Ok(Self { client, server })
    }

    /// Something said at one end is heard at the other, both ways.
    fn carries(&mut self) -> Result<()> {
        for (speaker, hearer) in [(&self.client, &self.server), (&self.server, &self.client)] {
            let (mut speaker, mut hearer, mut heard) = (speaker, hearer, [0; 5]);
            speaker.write_all(b"hello")?;
            hearer.read_exact(&mut heard).context("nothing was heard")?;
        }
        Ok(())
    }

    /// What either end says is lost.
    fn is_cut(&mut self) -> Result<()> {
        for (speaker, hearer) in [(&self.client, &self.server), (&self.server, &self.client)] {
            let (mut speaker, mut hearer, mut heard) = (speaker, hearer, [0; 5]);
            speaker.write_all(b"hello")?;
            match hearer.read(&mut heard) {
                Err(error) if [ErrorKind::WouldBlock, ErrorKind::TimedOut].contains(&error.kind()) => {}
                other => bail!("the connection was to be silent, not {other:?}"),
            }
        }
        Ok(())
    }
}

fn is_closed(scene: &Scene, port: u16) -> Result<()> {
    match Line::open(scene, "client", "blue", port) {
        Err(_) => Ok(()),
        Ok(_) => bail!("port {port} answered"),
    }
}

#[test]
fn a_port_opens_and_closes_by_rule_and_no_other_connection_notices_nor_needs_a_daemon() -> Result<()> {
    let mut scene = Setting::subnet(SUBNET).hosts(2).guests(["blue", "client"]).start(program())?;
    scene.expects_errors = true; // agents whose server was killed say so
    Line::open(&scene, "client", "blue", 7000)?.carries().context("the default group lets the VPC in")?;
    let clients = scene.make_group("clients", &[to("any")])?;
    scene.guard("client", &[&clients])?;
    let web = scene.make_group("web", &[from(&clients).of("tcp", "9000"), to("any")])?;
    scene.guard("blue", &[&web])?;
    let mut first = Line::open(&scene, "client", "blue", 9000)?;
    is_closed(&scene, 9001)?;

    let rules = havip_api::Rules { rules: vec![from("10.20.1.0/24").of("tcp", "9001-9002")] };
    scene.settled(|client| client.add_rules(&web, &rules))?;
    first.carries().context("a rule more breaks nothing")?;
    let mut second = Line::open(&scene, "client", "blue", 9001)?;

    scene.close(&web, "9000")?;
    first.is_cut()?;
    second.carries().context("a rule less breaks nothing else")?;
    eventually(PATIENCE, || {
        let drops = scene.drops(HostName::Host(1))?;
        ensure!(drops.iter().any(|(reason, count)| reason == "group_ingress" && *count > 0), "{drops:?}");
        Ok(())
    })?;

    for role in ["server", "h1", "h2"] {
        scene.lab.process(role)?.kill();
    }
    second.carries()?;
    Line::open(&scene, "client", "blue", 9002)?.carries()?;
    is_closed(&scene, 9003)
}

#[test]
fn a_failover_of_guarded_guests_needs_no_rule_for_adverts_and_ends_the_old_holders_connections() -> Result<()>
{
    let scene = pair().start(program())?;
    let clients = scene.make_group("clients", &[to("any")])?;
    let web = scene.make_group("web", &[from(&clients).of("tcp", "80"), to("any")])?;
    scene.guard("client", &[&clients])?;
    for name in ["blue", "green"] {
        scene.guard(name, &[&web])?;
    }
    elect_blue(&scene)?;
    ensure!(scene["client"].pings(scene.vip_address).is_err(), "no rule allows a ping");
    let vip = SocketAddr::from((scene.vip_address, 80));
    let mut line =
        scene["client"].network_namespace()?.run(|| TcpStream::connect_timeout(&vip, SILENCE))??;
    line.set_read_timeout(Some(PATIENCE))?;
    line.write_all(b"GET / HT")?;

    scene["blue"].power_off()?;

    scene["client"].eventually_fetches(&vip_url(), "green", PATIENCE)?;
    // Green has not seen the connection begin. A rule lets its next packet in, and green's kernel resets it.
    line.write_all(b"TP/1.0\r\n\r\n")?;
    match line.read(&mut [0; 64]) {
        Err(error) if error.kind() == ErrorKind::ConnectionReset => Ok(()),
        other => bail!("the connection was to be reset, not {other:?}"),
    }
}
