//! The steps, taken in a lab: each is done, then everything that must be so is waited for.

mod checks;

use super::{Plan, Step, View, World, account::Account};
use anyhow::{Context, Result, ensure};
use havip_api::{Associate, Contention, CreateVip, UpdateNetwork};
use havip_lab::{Herald, Scene, Setting, Watch, eventually, names::HostName, steadily, watch};
use std::{
    net::Ipv4Addr,
    path::PathBuf,
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

/// A lab in which everything dies: three hosts with two guests each, two edges, an EIP, and many VIPs.
pub struct Storm {
    /// The lab.
    pub scene: Scene,
    world: World,
    plan: Plan,
    watch: Watch,
    /// Of the guests that run.
    voices: Vec<Option<Herald>>,
    macs: Vec<String>,
    vips: Vec<(String, Ipv4Addr)>,
    eip: Ipv4Addr,
    account: Account,
    /// The last number that the server has said to have written, and the last that it was asked to write.
    written: (u64, u64),
    claimed_at: Instant,
    figures: Figures,
}

/// What came of it.
#[derive(Debug, Clone, Default)]
pub struct Figures {
    /// Steps taken.
    pub steps: usize,
    /// Claims that were followed on every host that could hear of them.
    pub claims: usize,
    /// How often everything was whole and found right.
    pub settled: usize,
    /// Milliseconds from the first claim of a step until every host had the last, as far as a look each 5 ms tells.
    pub followed_ms: Vec<f64>,
    /// Milliseconds after any other step until every host had what it must have.
    pub agreed_ms: Vec<f64>,
}

impl Storm {
    /// Makes the lab.
    pub fn start(program: PathBuf, seed: u64, vips: usize) -> Result<Self> {
        let mut setting = Setting::subnet("10.20.1.0/24").edges(2);
        for quota in ["VIPS_PER_VPC", "VIPS_PER_PROJECT", "VIPS_PER_INSTANCE"] {
            setting = setting.environment(&format!("HAVIP_SERVER_QUOTAS__{quota}"), "200");
        }
        for (guest, host) in GUESTS.iter().enumerate() {
            setting = setting.guest_on(&name_of(guest), *host);
        }
        let scene = setting.start(program)?;
        // One guest of each host, now this one, now that one.
        let entitled: Vec<Vec<usize>> =
            (0..vips).map(|vip| (0..3).map(|host| 2 * host + (vip >> host) % 2).collect()).collect();
        let vips = entitled.iter().enumerate().map(|(vip, guests)| {
            let address = Ipv4Addr::new(10, 20, 1, 101 + vip as u8);
            let body = CreateVip {
                subnet: scene.subnet.clone(),
                address: Some(address.to_string()),
                contention: Contention::Follow,
                associations: guests
                    .iter()
                    .map(|guest| Associate::claim(&scene[&name_of(*guest)].id))
                    .collect(),
                ..CreateVip::default()
            };
            Ok((scene.settled(|client| client.create_vip(&body))?.meta.id, address))
        });
        let vips: Vec<_> = vips.collect::<Result<_>>()?;
        let eip = scene.bind_eip(&vips[0].0)?;
        let voices: Vec<_> = (0..GUESTS.len())
            .map(|guest| scene[&name_of(guest)].herald().map(Some))
            .collect::<Result<_>>()?;
        let hosts = scene.lab.hosts();
        Ok(Self {
            world: World::new(hosts.iter().copied(), &GUESTS.map(HostName::Host), entitled),
            plan: Plan::new(seed),
            watch: Watch::start(&scene.lab, hosts, LOOK)?,
            macs: voices.iter().flatten().map(Herald::mac).collect(),
            voices,
            vips,
            eip,
            account: Account::default(),
            written: (0, 0),
            claimed_at: Instant::now(),
            figures: Figures::default(),
            scene,
        })
    }

    /// What came of it so far.
    pub fn figures(&self) -> &Figures {
        &self.figures
    }

    /// Takes the next step, and holds what every host has against what it must have.
    pub fn step(&mut self) -> Result<Step> {
        let step = self.plan.next(&self.world);
        self.figures.steps += 1;
        let number = self.figures.steps;
        eprintln!("{:>12.3} step {number}: {step}", watch::wall().as_secs_f64() % 1e5);
        self.take(&step).with_context(|| format!("step {number}: {step}"))?;
        Ok(step)
    }

    fn take(&mut self, step: &Step) -> Result<()> {
        match step {
            Step::Claims(claims) => return self.claim(claims),
            Step::Settle => return self.settle(),
            _ => self.perform(step)?,
        }
        self.note(step);
        self.world.apply(step);
        if let Step::Plug(_) | Step::BootHost(_) | Step::StartAgent(_) = step {
            self.everybody_hears()?;
        }
        let (_, took) = self.watch.until(AGREED, |view| self.is_as_it_must_be(view))?;
        self.figures.agreed_ms.push(took.as_secs_f64() * 1000.0);
        self.watch.nothing_went_backwards()
    }

    fn perform(&mut self, step: &Step) -> Result<()> {
        match step {
            Step::KillServer => self.kill_server()?,
            Step::StartServer => {
                self.scene.lab.start_server()?;
                self.nothing_written_is_lost()?;
            }
            Step::KillAgent(host) => self.scene.lab.process(&host.to_string())?.kill(),
            Step::StartAgent(host) => self.scene.lab.start_agent(*host)?,
            Step::Unplug(host) => self.scene.lab.set_underlay_cable(*host, false)?,
            Step::Plug(host) => {
                // A claim that is answered with a greater one within 200 ms is made once more (C5): let it be older.
                let rest = REPEATED.saturating_sub(self.claimed_at.elapsed());
                steadily(rest, || self.watch.look(|view| self.is_as_it_must_be(view)))?;
                self.scene.lab.set_underlay_cable(*host, true)?;
                // The hub's kernel sees it within a second; what is lost until then nobody repairs if all agents are dead.
                eventually(HEARD, || self.scene.lab.reaches_hub(*host))?;
            }
            Step::LoseHost(host) => {
                self.scene.lab.lose_host(*host)?;
                self.guests_of(*host).into_iter().for_each(|guest| self.voices[guest] = None);
            }
            Step::BootHost(host) => {
                self.scene.lab.boot_host(*host)?;
                for guest in self.guests_of(*host) {
                    if self.world.guests[guest].on {
                        self.scene[&name_of(guest)].wait_until_running()?;
                        self.find_voice(guest)?;
                    }
                }
            }
            Step::PowerOff(guest) => {
                self.scene[&name_of(*guest)].power_off()?;
                self.voices[*guest] = None;
            }
            Step::PowerOn(guest) => {
                self.scene[&name_of(*guest)].start()?;
                self.find_voice(*guest)?;
            }
            Step::Claims(_) | Step::Settle => unreachable!("they break nothing"),
        }
        Ok(())
    }

    fn note(&mut self, step: &Step) {
        match step {
            Step::KillAgent(host) => self.account.agent_died(*host),
            Step::StartAgent(host) => self.account.agent_lives(*host),
            Step::LoseHost(host) => self.account.host_died(*host),
            _ => {}
        }
        if let Step::Plug(_) | Step::StartAgent(_) = step {
            for host in [1, 2, 3].map(HostName::Host) {
                let is_own = |vip: &usize| match self.world.view(host, *vip) {
                    View::Held { guest, .. } => self.world.guests[guest].host == host,
                    view => view == View::Unknown,
                };
                self.account.may_take_back(host, (0..self.vips.len()).filter(is_own).count());
            }
        }
        if !matches!(step, Step::KillServer | Step::StartServer | Step::KillAgent(_) | Step::PowerOn(_)) {
            self.account.stirred();
        }
    }

    /// A guest's port is open when the gateway, which is its own switch, answers it.
    fn find_voice(&mut self, guest: usize) -> Result<()> {
        let it = &self.scene[&name_of(guest)];
        eventually(OPEN, || {
            let ping = it.run(&["ping", "-c", "1", "-W", "1", GATEWAY])?;
            ensure!(ping.code == 0, "the port of {} is not open", name_of(guest));
            Ok(())
        })?;
        self.voices[guest] = Some(it.herald()?);
        Ok(())
    }

    fn guests_of(&self, host: HostName) -> Vec<usize> {
        (0..GUESTS.len()).filter(|guest| self.world.guests[*guest].host == host).collect()
    }

    /// Claims by guests that do not hold the VIP, all at once; each is followed by every host that hears of it.
    fn claim(&mut self, claims: &[(usize, Vec<usize>)]) -> Result<()> {
        let began_at = Instant::now();
        let mut made = vec![];
        for (vip, guests) in claims {
            let (vip, address) = (*vip, self.vips[*vip].1);
            let before = |guest: usize| {
                self.watch.look(|view| view.held(self.world.guests[guest].host, address).cloned())
            };
            let holds = |guest: usize| {
                before(guest).is_some_and(|held| held.mac == self.macs[guest] && !held.released)
            };
            let Some(guest) = guests.iter().copied().find(|guest| !holds(*guest)) else { continue };
            let (host, before) = (self.world.guests[guest].host, before(guest));
            self.voices[guest].as_ref().context("a guest without a voice")?.announce(address)?;
            self.account.sent(host);
            self.world.claim(vip, guest);
            made.push((vip, guest, host, before));
        }
        self.claimed_at = Instant::now();
        let (epochs, took) = self.watch.until(FOLLOWED, |view| {
            self.is_as_it_must_be(view)?;
            let epoch = |(vip, guest, host, before): &(usize, usize, HostName, Option<watch::Held>)| {
                let held =
                    view.held(*host, self.vips[*vip].1).context("the claimant's own host has no record")?;
                let (epoch, moves) = before.as_ref().map_or((0, 0), |before| (before.epoch, before.moves));
                ensure!(
                    held.epoch > epoch && held.moves > moves,
                    "guest {guest} claimed: {before:?}, {held:?}"
                );
                Ok(held.epoch)
            };
            made.iter().map(epoch).collect::<Result<Vec<u64>>>()
        })?;
        for ((vip, guest, host, _), epoch) in made.iter().zip(epochs) {
            let agent = self.world.hosts[host].agent;
            self.account.made(*vip, *guest, *host, epoch, &self.world.hearing(*host), agent);
        }
        self.figures.claims += made.len();
        if !made.is_empty() {
            self.figures.followed_ms.push((took.max(began_at.elapsed())).as_secs_f64() * 1000.0);
        }
        self.watch.nothing_went_backwards()
    }

    /// Kills the server while somebody writes all the time.
    fn kill_server(&mut self) -> Result<()> {
        let (acknowledged, asked) = (AtomicU64::new(self.written.0), AtomicU64::new(self.written.1));
        let (lab, vpc, first) = (&self.scene.lab, &self.scene.vpc, self.written.1);
        std::thread::scope(|scope| {
            let writer = scope.spawn(|| {
                loop {
                    let number = asked.fetch_add(1, Ordering::Relaxed) + 1;
                    let update =
                        UpdateNetwork { description: Some(number.to_string()), ..UpdateNetwork::default() };
                    match lab.api(|client| client.update_vpc(vpc, &update)) {
                        Ok(_) => acknowledged.store(number, Ordering::Relaxed),
                        Err(_) => return,
                    }
                }
            });
            let is_writing = eventually(WRITTEN, || {
                ensure!(acknowledged.load(Ordering::Relaxed) > first + 2, "the server does not write");
                Ok(())
            });
            lab.process("server")?.kill();
            writer.join().expect("a writer does not panic");
            is_writing
        })?;
        self.written = (acknowledged.into_inner(), asked.into_inner());
        Ok(())
    }
}

/// The scene's name of a guest.
fn name_of(guest: usize) -> String {
    format!("g{guest}")
}

/// Two guests on each host.
const GUESTS: [u8; 6] = [1, 1, 2, 2, 3, 3];
/// The subnet's.
const GATEWAY: &str = "10.20.1.1";
/// Between two looks at a host's records.
const LOOK: Duration = Duration::from_millis(5);
/// A claim is followed within a millisecond, by kernels alone; followers look each 5 ms, on a machine that is busy.
const FOLLOWED: Duration = Duration::from_secs(3);
/// Six periods of repair, a host's boot before them, and a busy machine.
const AGREED: Duration = Duration::from_secs(15);
/// An agent starts within a second, and hears others 50 ms later; what it pulls it waits 3 s for at most.
const HEARD: Duration = Duration::from_secs(15);
/// A guest's port opens when the records are there, 3 s after the agent began at the latest.
const OPEN: Duration = Duration::from_secs(15);
/// A little more than rule C5's 200 ms.
const REPEATED: Duration = Duration::from_millis(250);
/// Some writes of a millisecond each.
const WRITTEN: Duration = Duration::from_secs(10);
