//! `havip net`: what the network would do with a packet.

use super::Verb;
use super::session::{NotFound, Session, print};
use super::show::{Format, json};
use anyhow::{Result, bail};
use clap::Subcommand;
use havip_api::{Eip, FoundPath, Instance, Interface, LivePath, PathProtocol, PathQuery, ProbePath, Vip};
use std::net::IpAddr;

/// What can be asked of the network.
#[derive(Debug, Subcommand)]
#[command(after_help = "\
Examples:
  havip net path web-1 10.20.1.100
  havip net path client shop-vip --proto tcp --port 80
  havip net path client shop-vip --proto tcp --port 80 --live
  havip net path outside 203.0.113.1 --proto tcp --port 443")]
pub enum NetVerb {
    /// Say where a packet would go, host by host, and which rule decides; nothing is sent, but by --live
    ///
    /// Each host on its way is asked for what its kernel's maps say now, whatever the server thinks. Limits, and what
    /// the guest itself does with the packet, are left out. With -o wide each rule has its name.
    /// With --live one such packet is sent, and what hosts saw of it is said behind what their maps say: a ping, a SYN
    /// or a datagram, which the receiver gets and answers as anybody's. The sender gets an answer that it did not ask
    /// for: it ignores that of a ping, and resets the connection of a SYN.
    Path {
        /// Who sends it: an instance, an interface, an address of one, or `outside`
        #[arg(value_name = "FROM")]
        from: String,
        /// To whom: an address, or whatever has one: a VIP, an EIP, an instance, an interface
        #[arg(value_name = "TO")]
        to: String,
        /// What it is: icmp, tcp or udp
        #[arg(long, default_value = "icmp", value_name = "PROTOCOL")]
        proto: PathProtocol,
        /// To which port of TCP or UDP
        #[arg(long)]
        port: Option<u16>,
        /// From which address, if not the interface's own: a VIP that it has, or somebody outside
        #[arg(long, value_name = "ADDRESS")]
        source: Option<IpAddr>,
        /// Send one such packet from there, and say where it really went
        #[arg(long)]
        live: bool,
    },
}

impl Verb for NetVerb {
    fn run(self, session: &Session) -> Result<()> {
        let Self::Path { from, to, proto, port, source, live } = self;
        let (to, family) = destination(session, &to)?;
        let interface = sender(session, &from, family)?;
        let usual = interface.is_none().then_some(SOMEBODY_OUTSIDE);
        let source = source.map(|source| source.to_string()).or_else(|| usual.map(str::to_owned));
        let protocol = Some(proto);
        let found = match (live, interface) {
            (true, None) => {
                bail!("nothing is sent from outside: say --live where an instance or interface sends")
            }
            (true, Some(interface)) => {
                let probe = ProbePath { interface, source, destination: to, protocol, port };
                session.client.probe_path(&probe)?
            }
            (false, interface) => {
                let query = PathQuery { interface, source, destination: to, protocol, port };
                session.client.find_path(&query)?
            }
        };
        match session.format {
            Format::Json => print(&json(&found)?),
            Format::Yaml => print(&serde_yaml_ng::to_string(&found)?),
            Format::Table | Format::Wide => print(&page(&found, session.format == Format::Wide)),
        }
    }
}

/// The id of the interface that sends; none: somebody outside.
fn sender(session: &Session, called: &str, is_v4: bool) -> Result<Option<String>> {
    if called == "outside" {
        return Ok(None);
    }
    if called.parse::<IpAddr>().is_err() {
        let id = session.guest_called(called)?;
        let Ok(instance) = session.get::<Instance>(&id) else { return Ok(Some(id)) };
        // Of several the first that has an address of the family.
        let mut interfaces = instance.interfaces.iter();
        let has = |one: &&havip_api::InstanceInterface| {
            if is_v4 { one.address.is_some() } else { one.address6.is_some() }
        };
        let found = interfaces.find(has).or(instance.interfaces.first());
        let Some(found) = found else { bail!("{called} has no interface; attach one") };
        return Ok(Some(found.id.clone()));
    }
    Ok(Some(session.id_of::<Interface>(called)?))
}

/// The address of what is called so, and whether it is IPv4.
fn destination(session: &Session, called: &str) -> Result<(String, bool)> {
    let of = |address: String| {
        let is_v4 = address.parse().is_ok_and(|address: IpAddr| address.is_ipv4());
        Ok((address, is_v4))
    };
    if let Ok(address) = called.parse::<IpAddr>() {
        return of(address.to_string());
    }
    if let Ok(vip) = session.get::<Vip>(called) {
        return of(vip.address);
    }
    if let Ok(eip) = session.get::<Eip>(called) {
        return of(eip.address);
    }
    if let Ok(instance) = session.get::<Instance>(called)
        && let Some(address) = instance.address().or(instance.address6())
    {
        return of(address.to_owned());
    }
    if let Ok(interface) = session.get::<Interface>(called)
        && let Some(address) = interface.address.or(interface.address6)
    {
        return of(address);
    }
    bail!(NotFound(format!("there is no VIP, EIP, instance or interface with an address called {called:?}")))
}

/// A heading for each host with its rules below, then where it ends.
fn page(found: &FoundPath, is_wide: bool) -> String {
    let mut text = format!("{} to {}\n", found.source, found.destination);
    for hop in &found.hops {
        let to = hop.to.as_ref().map_or(String::new(), |to| format!(", to {to}"));
        text.push_str(&format!("{}, from {}{to}\n", hop.name, hop.from));
        for rule in &hop.rules {
            let code = if is_wide { format!(" [{}]", rule.code) } else { String::new() };
            text.push_str(&format!("  - {}{code}\n", rule.text));
        }
    }
    let reason = found.reason.as_ref().map_or(String::new(), |reason| format!(" ({reason})"));
    text.push_str(&format!("{}: {}{reason}\n", found.outcome, found.summary));
    if !found.advice.is_empty() {
        text.push_str(&format!("  what to do: {}\n", found.advice));
    }
    found.live.iter().for_each(|live| text.push_str(&way(live)));
    text
}

/// A line for each host that saw the packet, then where it ended.
fn way(live: &LivePath) -> String {
    let mut text = String::from("and the packet that was sent:\n");
    for hop in &live.hops {
        text.push_str(&format!("  {}  {}, from {}, {}\n", hop.at, hop.name, hop.from, hop.did));
    }
    let reason = live.reason.as_ref().map_or(String::new(), |reason| format!(" ({reason})"));
    text + &format!("{}: {}{reason}\n", live.outcome, live.summary)
}

/// Of RFC 5737's addresses for documentation: nobody's.
const SOMEBODY_OUTSIDE: &str = "198.51.100.1";

#[cfg(test)]
mod tests {
    use super::*;
    use havip_api::{LiveHop, LiveOutcome, PathHop, PathOutcome, PathRule};

    #[test]
    fn a_page_has_a_heading_for_each_host_and_says_at_the_end_what_to_do() {
        let rule = |code: &str, text: &str| PathRule { code: code.into(), text: text.into() };
        let found = FoundPath {
            source: "10.20.1.3".into(),
            destination: "10.20.1.100".into(),
            outcome: PathOutcome::Dropped,
            reason: Some("no_holder".into()),
            summary: "it would be dropped on host h3: nobody holds the VIP".into(),
            advice: "start keepalived".into(),
            hops: vec![PathHop {
                host: None,
                name: "host h3".into(),
                from: "client".into(),
                rules: vec![
                    rule("source_own", "10.20.1.3 is the interface's own address"),
                    rule("no_holder", "10.20.1.100 is a VIP that nobody holds"),
                ],
                to: None,
            }],
            live: None,
        };
        let lines = "10.20.1.3 to 10.20.1.100\n\
                     host h3, from client\n\
                     \x20 - 10.20.1.3 is the interface's own address\n\
                     \x20 - 10.20.1.100 is a VIP that nobody holds\n\
                     dropped: it would be dropped on host h3: nobody holds the VIP (no_holder)\n\
                     \x20 what to do: start keepalived\n";
        assert_eq!(page(&found, false), lines);
        assert!(page(&found, true).contains("own address [source_own]\n"));

        let hop = LiveHop {
            host: None,
            name: "host h3".into(),
            at: "2026-11-27T04:15:58.742799Z".into(),
            from: "its own port".into(),
            did: "dropped it: no_holder".into(),
            to: None,
        };
        let live = LivePath {
            outcome: LiveOutcome::Dropped,
            reason: Some("no_holder".into()),
            summary: "it was dropped on host h3: nobody holds the VIP, as the maps say".into(),
            is_as_told: true,
            hops: vec![hop],
        };
        let probed = FoundPath { live: Some(live), ..found };
        let lines = format!(
            "{lines}and the packet that was sent:\n\
             \x20 2026-11-27T04:15:58.742799Z  host h3, from its own port, dropped it: no_holder\n\
             dropped: it was dropped on host h3: nobody holds the VIP, as the maps say (no_holder)\n"
        );
        assert_eq!(page(&probed, false), lines);
    }
}
