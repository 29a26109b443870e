//! The adverts that ports were given last: written by the hooks that deliver, read by whoever speaks for the dead.

use crate::{
    Switch,
    error::MapError,
    layout::{self, Plain},
};
use havip_assist::Delivered;
use havip_model::PortNumber;
use libbpf_rs::{MapCore, MapFlags};
use std::time::Duration;

impl Switch {
    /// Every advert that is remembered, each the last of its sender and virtual router at its port.
    pub fn delivered(&self) -> Result<Vec<Delivered>, MapError> {
        let mut all = vec![];
        for key in self.map("delivered").keys() {
            let Some(last) = self.read::<layout::Delivered>("delivered", &key, MapFlags::ANY)? else {
                continue; // forgotten between the look at its key and this one
            };
            let key = layout::DeliveredKey::read(&key).ok_or(MapError::Foreign { map: "delivered" })?;
            let frame = last.frame.get(..last.length as usize).filter(|frame| !frame.is_empty());
            let (Ok(to), Ok(sender)) = (PortNumber::new(key.port), PortNumber::new(last.sender)) else {
                continue;
            };
            let Some(frame) = frame else { continue };
            all.push(Delivered {
                to,
                sender,
                source: layout::address(key.source),
                router: key.router as u8,
                at: Duration::from_nanos(last.at),
                is_repeated: last.repeated != 0,
                frame: frame.to_vec(),
            });
        }
        Ok(all)
    }
}
