//! The steps, in order; each says what it saw and whether that is what it had to be.

use super::{
    cast::{self, Cast},
    report::{RefusedRow, Report, Step},
    rogues,
    stage::Stage,
};
use crate::{
    Guest, Lab, Plan, eventually,
    names::{OUTSIDE_CLIENT, PUBLIC_POOL},
    probe::Probe,
};
use anyhow::{Context, Result, ensure};
use havip_api::{Event, EventFilter, HistoryFilter};
use std::{
    net::Ipv4Addr,
    time::{Duration, Instant},
};

/// Plays everything. A failed step ends the play; what it found so far is in the report.
pub fn play(plan: &Plan, stage: &Stage, report: &mut Report) -> Result<()> {
    let mut play = Play { stage, report };
    let lab = play.step("lab", "building hosts, edges and the server", || {
        let lab = Lab::up(plan)?;
        let seen =
            format!("{} hosts, {} edges and a server are up, an agent on each host", plan.hosts, plan.edges);
        Ok((lab, seen))
    })?;
    let cast = play.step("instances", "starting instances with nginx and keepalived", || {
        let cast = Cast::enter(&lab)?;
        let seen =
            format!("VPC {}, subnet {}; web-1 on h1, web-2 on h2, client on h3", cast::VPC, cast::SUBNET);
        Ok((cast, seen))
    })?;
    let vip = play.step("vip", "creating the VIP", || {
        let vip = cast.make_vip(&lab)?;
        let seen = format!("VIP {} ({}) is {}", vip.address, vip.meta.id, vip.meta.status);
        Ok((vip.meta.id, seen))
    })?;
    let scenes = Scenes { lab: &lab, cast: &cast, vip: &vip };
    scenes.before_association(&mut play)?;
    let (inside, outside, eip) = scenes.association_and_eip(&mut play)?;
    let probes = [("subnet", &inside), ("outside", &outside)];
    scenes.failovers(&mut play, &probes, eip)?;
    rogues::enter(&scenes, &mut play, &probes)?;
    scenes.summary(&mut play)
}

/// Stage and report together.
pub struct Play<'a> {
    /// Where it is shown.
    pub stage: &'a Stage,
    /// Where it is kept.
    pub report: &'a mut Report,
}

impl Play<'_> {
    /// One step: shows it, times it, notes it.
    pub fn step<T>(
        &mut self,
        name: &'static str,
        title: &str,
        act: impl FnOnce() -> Result<(T, String)>,
    ) -> Result<T> {
        let running = self.stage.begin(title);
        let result = act();
        let (ok, seen) = match &result {
            Ok((_, seen)) => (true, seen.clone()),
            Err(error) => (false, format!("{title}: {error:#}")),
        };
        let took = self.stage.end(running, ok, &seen);
        self.report.steps.push(Step { name, ok, ms: took.as_millis() as u64, seen, refused: vec![] });
        Ok(result?.0)
    }
}

/// What all scenes share.
pub struct Scenes<'a> {
    /// The lab.
    pub lab: &'a Lab,
    /// Who plays.
    pub cast: &'a Cast,
    /// The VIP's id.
    pub vip: &'a str,
}

impl Scenes<'_> {
    /// keepalived runs and announces, but nobody is associated: nothing may change, and it must be reported.
    fn before_association(&self, play: &mut Play) -> Result<()> {
        let refused =
            play.step("before-association", "keepalived announces before anybody is associated", || {
                let refused = eventually(ELECTION, || {
                    let events = self.refused_of(&self.cast.primary, 0)?;
                    let claim = events.into_iter().find(is_claim_of_vip);
                    claim.context("keepalived's announcement was not reported")
                })?;
                ensure!(self.holder()?.is_none(), "somebody holds the VIP although nobody is associated");
                let seen = format!("web-1 announced {}: refused, as web-1 is not associated yet", cast::VIP);
                Ok((vec![row(&refused)], seen))
            })?;
        play.report.steps.last_mut().expect("a step was just noted").refused = refused;
        play.stage.explain(
            "The clouds' guides start keepalived first; the VIP must work as soon as it is associated.",
        );
        Ok(())
    }

    /// Both clients' probes, which run to the end, and the public address.
    fn association_and_eip(&self, play: &mut Play) -> Result<(Probe, Probe, Ipv4Addr)> {
        let inside = Probe::start(&self.cast.client.network_namespace()?, cast::VIP)?;
        play.step("association", "associating web-1 and web-2 with the VIP", || {
            self.cast.associate(self.lab, self.vip)?;
            let since = Instant::now();
            let page =
                self.cast.client.eventually_fetches(&format!("http://{}/", cast::VIP), "web-1", SOON)?;
            let seen = format!(
                "client fetches http://{} and gets {page:?}, {} ms after the association",
                cast::VIP,
                since.elapsed().as_millis()
            );
            Ok(((), seen))
        })?;
        let (eip, outside) = play.step("eip", "binding a public address to the VIP", || {
            let (_, eip) = self.cast.bind_eip(self.lab, self.vip)?;
            self.cast.open_to_all(self.lab)?;
            let page = self.cast.outside.eventually_fetches(&format!("http://{eip}/"), "web-1", SOON)?;
            let (pool, prefix) = PUBLIC_POOL;
            let seen = format!(
                "{OUTSIDE_CLIENT} outside fetches http://{eip} (of {pool}/{prefix}) and gets {page:?}"
            );
            Ok(((eip, Probe::start(&self.cast.outside.network_namespace()?, eip)?), seen))
        })?;
        play.stage.explain(
            "The VPC's default security group lets in the VPC alone; rules for TCP 80 and ICMP were added to it.",
        );
        Ok((inside, outside, eip))
    }

    fn failovers(&self, play: &mut Play, probes: &[(&'static str, &Probe); 2], eip: Ipv4Addr) -> Result<()> {
        let settle = Duration::from_millis(300);
        self.outage(play, probes, "power-off", "powering web-1 off", || {
            self.lab.api(|client| client.power_off_instance(&self.cast.primary.id))?;
            self.answers(eip, "web-2")
        })?;
        play.stage.explain(
            "The switch spoke for the dead: web-2 was given web-1's last advert once more, with priority 0, so it \
             waited for its skew alone.",
        );
        std::thread::sleep(settle);
        self.outage(play, probes, "primary-back", "starting web-1 again", || {
            self.lab.api(|client| {
                client.waiting(Duration::from_secs(15)).start_instance(&self.cast.primary.id)
            })?;
            self.answers(eip, "web-1")
        })?;
        play.stage.explain(
            "web-1 took the VIP back: its file says `state MASTER` with `nopreempt`, and keepalived clears the second.",
        );
        std::thread::sleep(settle);
        self.outage(play, probes, "graceful-stop", "stopping web-1 gracefully", || {
            self.lab.api(|client| client.stop_instance(&self.cast.primary.id))?;
            self.answers(eip, "web-2")
        })?;
        play.stage.explain(
            "keepalived resigned with an advert of priority 0, so web-2 waited for its skew, and 0.1 s to be alone: \
             it had lost the VIP a moment ago (contention hold).",
        );
        Ok(())
    }

    /// A step that makes the VIP move, with the outage at each client.
    fn outage(
        &self,
        play: &mut Play,
        probes: &[(&'static str, &Probe); 2],
        cause: &'static str,
        title: &str,
        act: impl FnOnce() -> Result<String>,
    ) -> Result<()> {
        let since = probes.map(|(_, probe)| probe.now());
        let outages = play.step(cause, title, || {
            let winner = act()?;
            let mut lengths = vec![];
            for ((client, probe), since) in probes.iter().zip(since) {
                eventually(SOON, || {
                    ensure!(
                        probe.answered_since(probe.now().saturating_sub(Duration::from_millis(20))),
                        "{client} is not answered"
                    );
                    Ok(())
                })?;
                // The last requests' answers may be under way.
                std::thread::sleep(2 * crate::probe::GRACE);
                lengths.push((
                    *client,
                    probe.longest_outage_since(since).map_or(Duration::ZERO, |outage| outage.length),
                ));
            }
            let told: Vec<_> =
                lengths.iter().map(|(client, ms)| format!("{client} {} ms", ms.as_millis())).collect();
            Ok((lengths, format!("{winner} answers inside and outside; outage: {}", told.join(", "))))
        })?;
        for (client, length) in outages {
            play.report.outage(cause, client, length);
        }
        Ok(())
    }

    /// Waits until both clients get this instance's page.
    fn answers(&self, eip: Ipv4Addr, name: &str) -> Result<String> {
        self.cast.client.eventually_fetches(&format!("http://{}/", cast::VIP), name, ELECTION)?;
        self.cast.outside.eventually_fetches(&format!("http://{eip}/"), name, SOON)?;
        Ok(name.to_owned())
    }

    fn summary(&self, play: &mut Play) -> Result<()> {
        let filter = HistoryFilter::default();
        let mut history = self.lab.api(|client| client.vip_history(self.vip, &filter))?;
        // Two hosts report for themselves: what happened first may be told second.
        history.items.sort_by(|one, other| one.at.cmp(&other.at));
        play.stage.say(&format!("How {} moved:", cast::VIP));
        for line in &history.items {
            println!("  {}  {}", line.at, line.text);
        }
        play.stage.say("Outages, probed every millisecond:");
        print!("{}", play.report.outage_table());
        play.stage.say("Refused:");
        for row in &play.report.refused {
            println!(
                "  {} on {} port {} ({}) announced {}",
                row.reason, row.host, row.port, row.mac, row.address
            );
            println!("    {}", row.remedy);
        }
        Ok(())
    }

    /// The name of the instance that holds the VIP.
    pub fn holder(&self) -> Result<Option<String>> {
        Ok(self.lab.api(|client| client.vip(self.vip))?.holder.map(|holder| holder.instance_name))
    }

    /// Refusals of a guest behind a sequence number.
    pub fn refused_of(&self, guest: &Guest, after: u64) -> Result<Vec<Event>> {
        let filter = EventFilter {
            kind: Some("refused".into()),
            instance: Some(guest.id.clone()),
            ..EventFilter::default()
        };
        let events = self.lab.api(|client| client.all_events(&filter))?;
        Ok(events.into_iter().filter(|event| event.sequence > after).collect())
    }
}

fn is_claim_of_vip(event: &Event) -> bool {
    event.address.as_deref() == Some(&cast::VIP.to_string())
        && event.reason.as_deref().is_some_and(|reason| reason.starts_with("claim"))
}

/// An event of a refusal as a row of the report.
pub fn row(event: &Event) -> RefusedRow {
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    RefusedRow {
        reason: text(&event.reason),
        host: text(&event.host_name),
        port: event.port.map(|port| port.to_string()).unwrap_or_default(),
        mac: text(&event.mac),
        address: text(&event.address),
        remedy: event.advice.clone(),
    }
}

/// keepalived elects within 4 s; a busy machine may need more.
const ELECTION: Duration = Duration::from_secs(15);
/// What follows without an election.
const SOON: Duration = Duration::from_secs(5);
