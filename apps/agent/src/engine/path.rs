//! What this host's switch would do with a packet, read from its maps.

use super::Engine;
use super::program::chain;
use havip_explain::path::{End, Entrance, Hop, Maps, Packet, Protocol, hop};
use havip_model::{HostNumber, PortNumber, Vni};
use havip_stream::{convert, proto};

impl Engine {
    /// One hop of a packet's path; nothing is sent.
    pub(super) fn path(&self, id: u64, asked: &proto::FindPath) -> proto::CommandResult {
        match self.find_path(asked) {
            Ok(path) => proto::CommandResult { id, path: Some(path), ..Default::default() },
            Err(error) => proto::CommandResult { id, error, ..Default::default() },
        }
    }

    fn find_path(&self, asked: &proto::FindPath) -> Result<proto::PathFound, String> {
        let address = |field, bytes: &[u8]| convert::address(field, bytes).map_err(|error| error.to_string());
        let entrance = match (PortNumber::new(asked.from_port), HostNumber::new(asked.from_host)) {
            (Ok(port), _) => Entrance::Port(port),
            (_, Ok(from)) => Entrance::Host { from, passed_on: asked.passed_on },
            _ => Entrance::Outside,
        };
        let packet = Packet {
            // What a port or an EIP says counts more.
            vni: Vni::new(asked.vni).unwrap_or(Vni::MIN),
            source: address("source", &asked.source)?,
            destination: address("destination", &asked.destination)?,
            protocol: Protocol::of(asked.protocol, asked.port),
        };
        let table = self.switch.entries().map_err(|error| chain(&error))?;
        let records = self.switch.all_records().map_err(|error| chain(&error))?;
        let is_edge = self.devices.edge.is_some();
        let maps = Maps { host: self.host, is_edge, table: &table, records: &records };
        Ok(message(&hop(maps, entrance, packet)))
    }
}

fn message(hop: &Hop) -> proto::PathFound {
    let rules = hop.rules.iter().map(|rule| proto::PathRule {
        code: rule.code.into(),
        text: rule.text.clone(),
        group_rule: rule.group_rule.map_or(0, |number| number.get()),
    });
    let found = proto::PathFound {
        rules: rules.collect(),
        vni: hop.packet.vni.get(),
        source: convert::address_bytes(hop.packet.source),
        destination: convert::address_bytes(hop.packet.destination),
        ..Default::default()
    };
    match hop.end {
        End::Delivered(port) => {
            proto::PathFound { outcome: "delivered".into(), to_port: port.get(), ..found }
        }
        End::ToHost { host, passed_on } => {
            proto::PathFound { outcome: "to-host".into(), to_host: host.get(), passed_on, ..found }
        }
        End::Outside => proto::PathFound { outcome: "outside".into(), ..found },
        End::Answered => proto::PathFound { outcome: "answered".into(), ..found },
        End::Dropped(reason) => {
            proto::PathFound { outcome: "dropped".into(), reason: reason.into(), ..found }
        }
    }
}
