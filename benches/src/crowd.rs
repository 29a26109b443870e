//! Many VIPs at once, and a fabric whose programs are dead.

use anyhow::{Context, Result, ensure};
use havip_api::{Client, ClientError, CreateVip, Status, VipFilter};
use havip_lab::{Lab, Scene, Setting, eventually, names::HostName};
use havip_model::{HostNumber, VipKey, Vni};
use havip_switch::PinnedRecords;
use nix::sys::signal::Signal;
use std::{
    net::Ipv4Addr,
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, Instant},
};

/// A setting in which VIPs are not counted, and requests are not held back.
pub fn without_quotas(setting: Setting) -> Setting {
    let setting = setting.environment("HAVIP_SERVER_THROTTLE__PER_SECOND", "0");
    ["VIPS_PER_VPC", "VIPS_PER_PROJECT", "VIPS_PER_INSTANCE"].into_iter().fold(setting, |setting, quota| {
        setting.environment(&format!("HAVIP_SERVER_QUOTAS__{quota}"), "1000000")
    })
}

/// Asks the API so many things by 16 clients. Returns the answers in order.
pub fn by_clients<T: Send>(
    lab: &Lab,
    count: usize,
    ask: impl Fn(&Client, usize) -> Result<T, ClientError> + Sync,
) -> Result<Vec<T>> {
    let next = AtomicUsize::new(0);
    let answers: Vec<Result<Vec<(usize, T)>>> = lab.api(|client| {
        let work = || -> Result<Vec<(usize, T)>> {
            let mut answers = vec![];
            loop {
                crate::interrupt::check()?;
                match next.fetch_add(1, Ordering::Relaxed) {
                    index if index < count => answers.push((index, ask(client, index)?)),
                    _ => return Ok(answers),
                }
            }
        };
        // Threads begin in the namespace of the one that starts them: the server's.
        Ok(std::thread::scope(|scope| {
            let threads: Vec<_> = (0..CLIENTS).map(|_| scope.spawn(work)).collect();
            threads.into_iter().map(|thread| thread.join().expect("a client does not panic")).collect()
        }))
    })?;
    let mut answers: Vec<_> =
        answers.into_iter().collect::<Result<Vec<_>>>()?.into_iter().flatten().collect();
    answers.sort_by_key(|(index, _)| *index);
    Ok(answers.into_iter().map(|(_, answer)| answer).collect())
}

/// Makes these VIPs, and waits until every host that needs them has them. Returns their addresses.
pub fn make_vips(scene: &Scene, bodies: &[CreateVip]) -> Result<Vec<Ipv4Addr>> {
    let made = by_clients(&scene.lab, bodies.len(), |client, index| client.create_vip(&bodies[index]))?;
    eventually(Duration::from_secs(120), || {
        let vips = scene.lab.api(|client| client.all_vips(&VipFilter::default()))?;
        let waiting = vips.iter().filter(|vip| vip.meta.status != Status::Available).count();
        ensure!(waiting == 0, "{waiting} of {} VIPs are not available", vips.len());
        Ok(())
    })?;
    made.iter().map(|vip| Ok(vip.address.parse()?)).collect()
}

/// The numbers of the hosts for guests, from 1 on.
pub fn host_number(scene: &Scene, host: u8) -> Result<HostNumber> {
    let id = scene.host_id(HostName::Host(host))?;
    Ok(HostNumber::new(scene.lab.api(|client| client.host(&id))?.number)?)
}

/// The records that the kernel of each host for guests has, in the order of the hosts.
pub struct Records {
    hosts: Vec<PinnedRecords>,
    vni: Vni,
}

impl Records {
    /// Of all hosts of the scene but its edges.
    pub fn open(scene: &Scene) -> Result<Self> {
        let vni = Vni::new(scene.lab.api(|client| client.vpc(&scene.vpc))?.vni)?;
        let name = scene.lab.name();
        let hosts = scene.lab.hosts().into_iter().filter(|host| host.outside().is_none());
        let hosts = hosts.map(|host| Ok(PinnedRecords::open(&name.agent(&host))?)).collect::<Result<_>>()?;
        Ok(Self { hosts, vni })
    }

    /// How many hosts there are.
    pub fn hosts(&self) -> usize {
        self.hosts.len()
    }

    /// When the VIP became `holder`'s, on this host, since boot; none if it is not.
    pub fn held_since(&self, host: usize, vip: Ipv4Addr, holder: HostNumber) -> Result<Option<Duration>> {
        let key = VipKey { vni: self.vni, address: vip.into() };
        let found = self.hosts[host].record(key)?;
        let present = |(record, at): (havip_model::Record, _)| {
            record.present_holder().filter(|present| present.host == holder).map(|_| at)
        };
        Ok(found.and_then(present))
    }

    /// Waits until every host has this holder's host for all these VIPs. Returns when each learned of each.
    pub fn eventually_all(&self, vips: &[Ipv4Addr], holder: HostNumber) -> Result<Vec<Vec<Duration>>> {
        let deadline = Instant::now() + PATIENCE;
        let mut learned = vec![];
        for host in 0..self.hosts() {
            let mut times = vec![];
            for vip in vips {
                loop {
                    if let Some(at) = self.held_since(host, *vip, holder)? {
                        times.push(at);
                        break;
                    }
                    let late =
                        || format!("host {} has not heard that {vip} moved within {PATIENCE:?}", host + 1);
                    (Instant::now() < deadline).then_some(()).with_context(late)?;
                    std::thread::sleep(Duration::from_millis(1));
                }
            }
            learned.push(times);
        }
        Ok(learned)
    }
}

/// Kills the server and every agent; what the kernels do goes on.
pub fn kill_programs(lab: &Lab) {
    let programs = lab.processes();
    // All at once, so that none sees another die.
    programs.iter().for_each(|program| program.signal(Signal::SIGSTOP));
    programs.iter().for_each(|program| program.kill());
}

const CLIENTS: usize = 16;
/// A record that does not come by itself is repaired within a second or two.
const PATIENCE: Duration = Duration::from_secs(15);
