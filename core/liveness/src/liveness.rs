//! What a prober knows at one moment.

use havip_model::HostNumber;
use std::collections::BTreeSet;

/// Who is lost, and whether to act on it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Liveness {
    /// Peers that do not answer.
    pub lost: BTreeSet<HostNumber>,
    /// More than half of the peers vanished in the same second and are still lost: the trouble is here, not there.
    ///
    /// With one peer alone this is always so when it is lost: nobody can tell which of two is cut off.
    pub trouble_is_here: bool,
    /// At least one peer answered its last echo.
    pub somebody_answers: bool,
}

impl Liveness {
    /// Whether the host must be taken for alive: it is heard, or its silence may be our own fault.
    ///
    /// A host that is not probed counts as alive, too.
    pub fn believes_alive(&self, host: HostNumber) -> bool {
        self.trouble_is_here || !self.lost.contains(&host)
    }
}
