//! Sends a packet as a guest of this host would, once, for whoever wants to see where it goes.

use super::Engine;
use super::program::chain;
use havip_explain::{path::Protocol, probe::Probe};
use havip_model::PortNumber;
use havip_reconcile::table::{Entry, EntryKey};
use havip_stream::{convert, proto};
use havip_switch::Outcome;

impl Engine {
    /// Puts the packet into the port, where the guest's own packets come out.
    pub(super) fn probe_path(&self, id: u64, asked: &proto::Probe) -> proto::CommandResult {
        let error = self.send_probe(asked).err().unwrap_or_default();
        proto::CommandResult { id, error, ..Default::default() }
    }

    fn send_probe(&self, asked: &proto::Probe) -> Result<(), String> {
        let address = |field, bytes: &[u8]| convert::address(field, bytes).map_err(|error| error.to_string());
        let port = PortNumber::new(asked.from_port).map_err(|error| error.to_string())?;
        let table = self.desired.table();
        let Some(Entry::Port(plugged)) = table.get(&EntryKey::Port(port)) else {
            return Err(format!("port {port} is not plugged here"));
        };
        let probe = Probe {
            source: address("source", &asked.source)?,
            destination: address("destination", &asked.destination)?,
            protocol: Protocol::of(asked.protocol, asked.port),
            mark: asked.mark,
        };
        let frame =
            probe.frame(plugged.mac, plugged.virtual_mac).ok_or("the addresses are of two families")?;
        tracing::info!(%port, destination = %probe.destination, "a probe is sent as this port's guest");
        match self.switch.send_as(port, &frame).map_err(|error| chain(&error))? {
            Outcome::Done => Ok(()),
            Outcome::Absent => Err(format!("port {port} is not in the switch yet")),
            _ => Err(format!("the device of port {port} takes nothing: it is down or gone")),
        }
    }
}
