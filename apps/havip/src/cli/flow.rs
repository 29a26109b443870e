//! `havip vpc flow-log`: the flows of a VPC, a line each.

use super::heard::{Heard, listen};
use super::session::{Session, print};
use super::show::Format;
use anyhow::Result;
use havip_api::{FlowFilter, FlowLoss, FlowTotal, Logged, LoggedFlow, Vpc};

/// Which flows.
#[derive(Debug, clap::Args)]
pub struct FlowLog {
    /// Its id or name
    vpc: String,
    /// Only what is dropped or refused
    #[arg(long)]
    rejected: bool,
    /// Keep one of so many connections, the same ones on every host; at most 10000
    #[arg(long, value_name = "N", default_value_t = 1)]
    one_of: u32,
    /// Put together what a connection has in so many seconds, at most 600
    #[arg(long, value_name = "SECONDS", default_value_t = 1)]
    interval: u32,
    /// End after so many seconds, at most 86400
    #[arg(long, default_value_t = 60)]
    seconds: u32,
}

impl FlowLog {
    /// Follows until the end, and says then how many there were.
    pub fn run(self, session: &Session) -> Result<()> {
        let id = session.id_of::<Vpc>(&self.vpc)?;
        let filter = FlowFilter {
            one_of: Some(self.one_of),
            rejected: Some(self.rejected),
            interval: Some(self.interval),
            seconds: Some(self.seconds),
        };
        let stream = session.client.follow_flows(&id, &filter)?;
        // That takes a moment, and what passed before is in no flow.
        eprintln!("counted from now on; Ctrl-C ends it");
        let mut total = FlowTotal { one_of: self.one_of, ..FlowTotal::default() };
        for heard in listen(stream) {
            let logged = match heard {
                Heard::Told(logged) => logged?,
                Heard::Interrupted => break,
                Heard::Ended => anyhow::bail!("{}; then the server broke it off", end(&total)),
            };
            match logged {
                Logged::Flow(flow) => {
                    total.flows += 1;
                    print(&line(session.format, &flow)?)?;
                }
                Logged::Loss(loss) => {
                    print(&gap(session.format, &loss)?)?;
                    total.lost_packets += loss.lost_packets;
                    total.missing_hosts.extend(loss.missing_hosts);
                    total.missing_hosts.sort();
                    total.missing_hosts.dedup();
                }
                Logged::Total(all) => {
                    total = all;
                    break;
                }
            }
        }
        eprintln!("{}", end(&total));
        Ok(())
    }
}

/// What of an interval is missing, in its place among the flows.
fn gap(format: Format, loss: &FlowLoss) -> Result<String> {
    Ok(match format {
        Format::Json => format!("{}\n", serde_json::to_string(loss)?),
        Format::Yaml => format!("---\n{}", serde_yaml_ng::to_string(loss)?),
        Format::Table | Format::Wide => {
            let mut text = loss.at.clone();
            if loss.lost_packets > 0 {
                text.push_str(&format!("  {} packets found no room", loss.lost_packets));
            }
            if !loss.missing_hosts.is_empty() {
                text.push_str(&format!("  not heard all the time: {}", loss.missing_hosts.join(", ")));
            }
            text + "\n"
        }
    })
}

/// One flow on one line; one document in YAML.
fn line(format: Format, flow: &LoggedFlow) -> Result<String> {
    Ok(match format {
        Format::Json => format!("{}\n", serde_json::to_string(flow)?),
        Format::Yaml => format!("---\n{}", serde_yaml_ng::to_string(flow)?),
        Format::Table | Format::Wide => {
            let end = |address: &str, port: Option<u16>| match port {
                Some(port) if address.contains(':') => format!("[{address}]:{port}"),
                Some(port) => format!("{address}:{port}"),
                None => address.to_owned(),
            };
            let became = match (&flow.reason, &flow.to) {
                (Some(reason), _) => format!("rejected: {reason}"),
                (None, Some(to)) => format!("accepted by {}", to.name),
                (None, None) => "accepted".into(),
            };
            format!(
                "{}  {:<10}  {became:<28}  {} > {} {}, {} packet{}, {} bytes\n",
                flow.last,
                flow.host,
                end(&flow.source, flow.source_port),
                end(&flow.destination, flow.destination_port),
                protocol(flow.protocol),
                flow.packets,
                if flow.packets == 1 { "" } else { "s" },
                flow.bytes
            )
        }
    })
}

fn protocol(number: u32) -> String {
    match number {
        1 => "ICMP".into(),
        6 => "TCP".into(),
        17 => "UDP".into(),
        58 => "ICMPv6".into(),
        112 => "VRRP".into(),
        other => format!("protocol {other}"),
    }
}

fn end(total: &FlowTotal) -> String {
    let mut text = format!("{} flow{}", total.flows, if total.flows == 1 { "" } else { "s" });
    if total.one_of > 1 {
        text.push_str(&format!(" of one of {} connections", total.one_of));
    }
    match total.lost_packets {
        0 => text.push_str(", nothing lost"),
        lost => text.push_str(&format!("; {lost} packets found no room: keep fewer with a greater --one-of")),
    }
    if !total.missing_hosts.is_empty() {
        text.push_str(&format!("; not heard all the time: {}", total.missing_hosts.join(", ")));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_who_what_and_why_and_the_end_what_is_missing() {
        let flow = LoggedFlow {
            first: "2026-11-27T04:15:58.700000Z".into(),
            last: "2026-11-27T04:15:58.742799Z".into(),
            host: "h1".into(),
            accepted: false,
            reason: Some("group_ingress".into()),
            from: None,
            to: None,
            protocol: 6,
            source: "10.20.1.3".into(),
            destination: "fd00::1".into(),
            source_port: Some(4000),
            destination_port: Some(80),
            packets: 7,
            bytes: 700,
            one_of: None,
        };
        let text = "2026-11-27T04:15:58.742799Z  h1          rejected: group_ingress       \
                    10.20.1.3:4000 > [fd00::1]:80 TCP, 7 packets, 700 bytes\n";
        assert_eq!(line(Format::Table, &flow).unwrap(), text);
        let total = FlowTotal { flows: 1, one_of: 1, lost_packets: 0, missing_hosts: vec![] };
        assert_eq!(end(&total), "1 flow, nothing lost");
        let total = FlowTotal { flows: 2, one_of: 10, lost_packets: 9, missing_hosts: vec!["h2".into()] };
        let text = "2 flows of one of 10 connections; 9 packets found no room: keep fewer with a greater --one-of; \
                    not heard all the time: h2";
        assert_eq!(end(&total), text);
        let at = "2026-11-27T04:16:00.000Z".to_owned();
        let loss = FlowLoss { at, lost_packets: 9, missing_hosts: vec!["h2".into()] };
        let text = "2026-11-27T04:16:00.000Z  9 packets found no room  not heard all the time: h2\n";
        assert_eq!(gap(Format::Table, &loss).unwrap(), text);
        let text = gap(Format::Json, &loss).unwrap();
        assert_eq!(serde_json::from_str::<Logged>(&text).unwrap(), Logged::Loss(loss));
    }
}
