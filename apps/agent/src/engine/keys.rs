//! Following the server through the life of the keys: first the disk, then the kernel, then the answer.

use super::Engine;
use crate::keys;
use havip_model::SealKeys;
use havip_stream::{convert, proto};

/// What the server wants, and what is in force.
#[derive(Debug, Default)]
pub struct Keys {
    /// Not done yet: the disk or the kernel refused.
    wanted: Option<SealKeys>,
    /// On disk and in the kernel; 0: none.
    pub stage: u64,
}

impl Engine {
    pub(super) fn keys_told(&mut self, told: &proto::SealKeys) {
        match convert::seal_keys(told) {
            Ok(told) => self.keys.wanted = Some(told),
            Err(error) => return tracing::error!(%error, "the server sent keys that cannot be meant"),
        }
        self.take_keys();
    }

    /// Puts the wanted keys into force; tried again each second if that fails.
    ///
    /// The disk comes first: whatever the kernel has sealed with, a host that boots has the key for.
    pub(super) fn take_keys(&mut self) {
        let Some(wanted) = self.keys.wanted.take() else { return };
        let done = keys::save(&self.config.data, &wanted)
            .and_then(|()| self.switch.set_keys(&wanted).map_err(anyhow::Error::from));
        match done {
            Ok(()) => {
                let SealKeys { stage, sending, required, keys } = &wanted;
                tracing::info!(stage, sending, required, ?keys, "seal keys in force");
                self.keys.stage = *stage;
            }
            Err(error) => {
                tracing::error!(error = format!("{error:#}"), "the hosts' keys could not be kept");
                self.keys.wanted = Some(wanted);
            }
        }
    }
}
