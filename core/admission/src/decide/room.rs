//! What hosts have room for: what their administrator says, less what instances have of it.

use super::Decision;
use crate::{Code, Refusal};
use havip_model::{Host, Instance, Share};

impl Decision<'_> {
    /// Whether a host has room for this besides its instances.
    pub fn has_room(&self, host: &Host, wanted: Share) -> bool {
        host.capacity.holds(self.whole.shares_on(host.number, None).chain([wanted]))
    }

    /// Checks that a host has room for an instance that has no share of it yet.
    pub fn check_share(&self, host: &Host, instance: &Instance, field: &str) -> Result<(), Refusal> {
        let others = self.whole.shares_on(host.number, Some(instance.id));
        let fits = host.capacity.holds(others.chain([instance.whole_share()]));
        fits.then_some(()).ok_or_else(|| full(host, instance.whole_share(), field))
    }
}

/// That a host has no room.
pub fn full(host: &Host, wanted: Share, field: &str) -> Refusal {
    let message = format!(
        "host {} ({}) has no room for {} beside its instances; give it more (havip host update), or stop some with \
         --give-up-share",
        host.number,
        host.meta.name,
        words(wanted)
    );
    Code::HostFull.at(field, message)
}

/// For people.
pub fn words(share: Share) -> String {
    format!("{} CPU and {} MiB", share.cpu_millis as f64 / 1000.0, share.memory_mib)
}
