//! What a host found out about a VIP, in plain words, with what to do.

use super::Shapes;
use havip_model::{Epoch, Finding, Holder, HostNumber, MacAddr, VipId};
use std::net::IpAddr;

/// Which VIP, and by which claim it was held.
#[derive(Clone, Copy)]
pub(super) struct About {
    pub vip: VipId,
    pub address: IpAddr,
    pub epoch: Epoch,
}

impl Shapes<'_> {
    pub(super) fn found(
        &self,
        shown: &mut havip_api::Event,
        about: About,
        host: HostNumber,
        finding: &Finding,
    ) {
        let About { vip, address, epoch } = about;
        let show = |holder: Holder, epoch| {
            let mac = self.plugged(holder).map_or(MacAddr::ZERO, |interface| interface.mac);
            self.holder(holder, epoch, mac, None)
        };
        shown.vip = Some(vip.to_string());
        shown.address = Some(address.to_string());
        shown.epoch = Some(epoch.0.to_string());
        match *finding {
            Finding::BothAnswer { holder, other } => {
                self.on_port(shown, other.host, Some(other.port));
                shown.holder = Some(show(holder, epoch));
                shown.other = Some(show(other, Epoch::default()));
                let (holder, other) = (self.words(holder), self.words(other));
                shown.text = format!(
                    "{other} has the address of VIP {address}, too, which {holder} holds and answers for; nothing was moved"
                );
                shown.advice = format!(
                    "both believe to be master: see that their adverts reach each other (peers, password, firewall), or remove the address from {other}"
                );
            }
            Finding::OneAnswers { holder, other } => {
                self.on_port(shown, other.host, Some(other.port));
                shown.holder = Some(show(holder, epoch));
                shown.other = Some(show(other, Epoch::default()));
                let (holder, other) = (self.words(holder), self.words(other));
                shown.text = format!(
                    "{holder} and {other} do not both have the address of VIP {address} any more: the one that has it holds the VIP"
                );
            }
            Finding::ClockAhead { holder, ahead_ms } => {
                self.on_host(shown, host);
                shown.holder = Some(show(holder, epoch));
                shown.ahead_ms = Some(ahead_ms);
                shown.text = format!(
                    "the claim of VIP {address} by {} is {} ahead of the clock of {}",
                    self.words(holder),
                    long(ahead_ms),
                    self.called(host)
                );
                shown.advice = format!(
                    "set the clocks of the hosts right, then let the claims begin anew: havip vip renew {vip}"
                );
            }
        }
    }
}

/// A time of more than an hour: `3 h 20 min`, `12 days`.
fn long(millis: u64) -> String {
    let minutes = millis / 60_000;
    match minutes / 60 {
        hours @ 0..48 => format!("{hours} h {} min", minutes % 60),
        hours => format!("{} days", hours / 24),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_time_is_told_in_two_units_at_most() {
        for (millis, text) in [
            (3_600_000, "1 h 0 min"),
            (12_059_999, "3 h 20 min"),
            (48 * 3_600_000, "2 days"),
            (u64::MAX, "213503982334 days"),
        ] {
            assert_eq!(long(millis), text);
        }
    }
}
