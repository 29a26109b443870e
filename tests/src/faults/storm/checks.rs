//! What must be so after a step, and when everything is whole again.

use super::{AGREED, HEARD, Storm, View, name_of};
use anyhow::{Result, bail, ensure};
use havip_api::{HistoryFilter, Move, MoveCause};
use havip_lab::{eventually, names::HostName, watch};

impl Storm {
    /// Holds every host's records against the model; hosts whose agents all live have the very same ones.
    pub(super) fn is_as_it_must_be(&self, view: &watch::View) -> Result<()> {
        let joined = self.world.joined();
        for (vip, (_, address)) in self.vips.iter().enumerate() {
            for host in self.world.hosts.keys().filter(|host| self.world.hosts[*host].lives) {
                let held = view.held(*host, *address);
                let must = self.world.view(*host, vip);
                ensure!(self.fits(held, must), "{host} has of {address}: {held:?}; it must have {must:?}");
            }
            if self.world.is_repaired(&joined) {
                let mut records = joined
                    .iter()
                    .map(|host| view.held(*host, *address).map(|held| (held.rank(), held.moves)));
                let first = records.next().flatten();
                ensure!(
                    records.all(|record| record == first),
                    "{joined:?} do not agree about {address}: {:?}",
                    joined.iter().map(|host| view.held(*host, *address)).collect::<Vec<_>>()
                );
            }
        }
        Ok(())
    }

    fn fits(&self, held: Option<&watch::Held>, must: View) -> bool {
        let of = |guest: usize| held.filter(|held| held.mac == self.macs[guest]);
        match must {
            View::Unknown => true,
            View::Nobody => held.is_none(),
            View::Held { guest, .. } => of(guest).is_some_and(|held| !held.released),
            View::Released { guest, .. } => of(guest).is_some_and(|held| held.released),
            View::Either { guest, .. } => of(guest).is_some(),
        }
    }

    /// Waits until no living agent takes a host for lost that is joined: until then it may still release for it.
    pub(super) fn everybody_hears(&self) -> Result<()> {
        let joined = self.world.joined();
        let names: Vec<_> = joined.iter().map(|host| self.scene.lab.name().agent(host)).collect();
        for host in joined.iter().filter(|host| self.world.hosts[*host].agent) {
            eventually(HEARD, || {
                let lost = self.scene.lost_for(*host)?;
                let missed = names.iter().find(|name| lost.get(*name) == Some(&true));
                ensure!(missed.is_none(), "{host} does not hear {missed:?}");
                Ok(())
            })?;
        }
        Ok(())
    }

    /// What the server has acknowledged is there, and nothing that nobody has asked for.
    pub(super) fn nothing_written_is_lost(&self) -> Result<()> {
        let (acknowledged, asked) = self.written;
        let text = self.scene.lab.api(|client| client.vpc(&self.scene.vpc))?.meta.description;
        let found: u64 = text.parse().unwrap_or_default();
        ensure!(
            (acknowledged..=asked).contains(&found),
            "the server has {text:?}, though it had acknowledged {acknowledged} of {asked}"
        );
        Ok(())
    }

    /// Everything lives: all agree, the API too; counters add up; the history is complete; an edge serves the EIP.
    pub(super) fn settle(&mut self) -> Result<()> {
        self.scene.lab.wait_for_hosts(HEARD)?;
        self.watch.until(AGREED, |view| {
            self.is_as_it_must_be(view)?;
            self.an_edge_serves_the_eip(view)
        })?;
        self.counters_add_up()?;
        eventually(AGREED, || self.the_server_knows())?;
        self.account.seen(self.vips.len());
        let errors = self.scene.error_lines();
        ensure!(errors.is_empty(), "errors were logged:\n{}", errors.join("\n"));
        self.figures.settled += 1;
        self.watch.nothing_went_backwards()
    }

    fn an_edge_serves_the_eip(&self, view: &watch::View) -> Result<()> {
        let joined = self.world.joined();
        let records: Vec<_> = joined.iter().filter_map(|host| view.held(*host, self.eip)).collect();
        ensure!(!records.is_empty(), "no host has a record of the EIP");
        ensure!(
            records.iter().all(|held| held.rank() == records[0].rank() && !held.released),
            "the EIP's edge is not the same everywhere: {records:?}"
        );
        Ok(())
    }

    /// Each announcement that a guest sent was followed, was known already, was put off, or was refused for a reason.
    fn counters_add_up(&self) -> Result<()> {
        for host in [1, 2, 3].map(HostName::Host) {
            let counters = self.scene.switch_state(host)?.counters;
            let of = |name: &str| counters.get(name).copied().unwrap_or_default();
            let put_off = of("claim_postponed");
            let refused: u64 = REFUSALS.iter().map(|reason| of(reason)).sum();
            let all = of("claim_made") + of("claim_refreshed") + put_off + of("claim_contested") + refused;
            let sent = self.account.sent_on(host);
            // Claims that were put off are counted again when they are made, and what a host took back was no claim.
            let more = put_off + self.account.taken_back_on(host);
            ensure!(
                (sent..=sent + more).contains(&all) && refused == 0,
                "{host}: guests sent {sent} announcements, the switch counts {all}, of which {more} may be more: \
                 {counters:?}"
            );
        }
        Ok(())
    }

    /// The API's holder is the kernels', and the history has every move that could be told.
    fn the_server_knows(&self) -> Result<()> {
        for (vip, (id, address)) in self.vips.iter().enumerate() {
            let held = self.watch.look(|view| view.held(HostName::Host(1), *address).cloned());
            let shown = self.scene.lab.api(|client| client.vip(id))?.holder;
            let expected = held.filter(|held| !held.released).map(|held| (held.mac, held.epoch));
            let is_same = shown.as_ref().map(|holder| (holder.mac.clone(), holder.epoch)) == expected;
            ensure!(is_same, "the API shows {shown:?} as holder of {address}, the kernels have {expected:?}");

            let history = self.history(id)?;
            for made in self.account.must_be_told(vip) {
                let is_told = |row: &Move| {
                    row.epoch == made.epoch
                        && row.to.as_ref().is_some_and(|to| {
                            to.mac == self.macs[made.guest] || to.instance_name == name_of(made.guest)
                        })
                };
                ensure!(history.iter().any(is_told), "the history of {address} has not {made:?}");
            }
            let claims = history.iter().filter(|row| row.cause == MoveCause::Claim);
            for row in claims.filter(|row| row.to.is_some()) {
                ensure!(self.account.has(vip, row.epoch), "nobody made this claim of {address}: {row:?}");
            }
        }
        Ok(())
    }

    fn history(&self, vip: &str) -> Result<Vec<Move>> {
        let mut filter = HistoryFilter::default();
        let mut all = vec![];
        loop {
            let page = self.scene.lab.api(|client| client.vip_history(vip, &filter))?;
            all.extend(page.items);
            match page.next {
                Some(next) => filter.after = Some(next),
                None => return Ok(all),
            }
            if all.len() > 5000 {
                bail!("a history without an end");
            }
        }
    }
}

/// Reasons for which an announcement of a VIP may be refused.
const REFUSALS: [&str; 6] = [
    "claim_not_associated",
    "claim_other_subnet",
    "claim_unknown",
    "claim_incarnation",
    "claim_limited",
    "vip_unprepared",
];
