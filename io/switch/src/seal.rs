//! The keys of the fabric, as the programs have them.

use crate::{
    Switch,
    error::MapError,
    layout::{self, Plain},
};
use havip_model::{SealKey, SealKeys};

impl Switch {
    /// Gives the programs the keys of this stage.
    ///
    /// A key's slot is the lowest bit of its number: the new one takes the place of one that nobody uses any more,
    /// and is there before anything is sealed with it.
    pub fn set_keys(&self, keys: &SealKeys) -> Result<(), MapError> {
        for slot in 0..SLOTS {
            let key = keys.keys.iter().find(|key| key.id % SLOTS == slot);
            let key = key.map_or(layout::SealKey::zeroed(), encode);
            self.write("seal_keys", &slot.to_ne_bytes(), key.bytes())?;
        }
        let sealing = layout::Sealing { key: keys.sending.unwrap_or(0), required: u32::from(keys.required) };
        self.write("sealing", &0u32.to_ne_bytes(), sealing.bytes())
    }
}

fn encode(key: &SealKey) -> layout::SealKey {
    let half =
        |at: usize| u64::from_le_bytes(key.secret[at..at + 8].try_into().expect("eight of sixteen bytes"));
    layout::SealKey { id: key.id, zero: 0, first: half(0), second: half(8) }
}

/// `seal_keys` in `bpf/state.h`.
const SLOTS: u32 = 2;
