//! Two unmodified keepalived and one VIP: the master falls, in any way, while any of our own programs are dead.

use super::Random;
use anyhow::{Context, Result, ensure};
use havip_lab::{Guest, Scene, Watch, eventually, keepalived::Keepalived, names::HostName, watch};
use std::{
    fmt,
    path::PathBuf,
    time::{Duration, Instant},
};

use crate::{VIP, pair, vip_url};

/// How a master falls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fall {
    /// keepalived is asked to end: it says goodbye.
    Stopped,
    /// keepalived is killed, and somebody removes its address.
    Killed,
    /// The guest's link goes down.
    LinkDown,
    /// The guest's power is cut, by the API.
    PowerOff,
}

impl fmt::Display for Fall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Stopped => "stops",
            Self::Killed => "is killed",
            Self::LinkDown => "has no link",
            Self::PowerOff => "loses its power",
        })
    }
}

/// The lab of the two.
pub struct Duel {
    /// The lab.
    pub scene: Scene,
    watch: Watch,
    random: Random,
    /// Hundredths of a second between adverts of VRRPv3; none is VRRPv2 with 1 s, as the clouds' guides have it.
    fast_centis: Option<u16>,
    /// Their place on the hosts: the first one holds the VIP.
    order: [usize; 2],
    macs: [String; 2],
}

impl Duel {
    /// Makes the lab; blue holds the VIP, and green is its backup.
    pub fn start(program: PathBuf, seed: u64, fast_centis: Option<u16>) -> Result<Self> {
        let scene = pair().start(program)?;
        scene.associate(NAMES)?;
        let hosts = scene.lab.hosts();
        let watch = Watch::start(&scene.lab, hosts, LOOK)?;
        let macs = [scene[NAMES[0]].herald()?.mac(), scene[NAMES[1]].herald()?.mac()];
        let duel = Self { scene, watch, random: Random::new(seed), fast_centis, order: [0, 1], macs };
        duel.begin(0)?;
        duel.is_held_by(0, patience(None))?;
        duel.begin(1)?;
        duel.is_backup(1, 0)?;
        Ok(duel)
    }

    /// One failover, and everything whole again after it; how long it took until every host had the new holder.
    pub fn round(&mut self) -> Result<Duration> {
        let [master, backup] = self.order;
        let dead: Vec<String> = ["server", "h1", "h2", "h3"]
            .into_iter()
            .filter(|_| self.random.percent(35))
            .map(String::from)
            .collect();
        for role in &dead {
            self.scene.lab.process(role)?.kill();
        }
        let can_be_told = !dead.contains(&"server".into()) && !dead.contains(&format!("h{}", master + 1));
        let falls = [Fall::Stopped, Fall::Killed, Fall::LinkDown, Fall::PowerOff];
        let fall = falls[self.random.below(if can_be_told { 4 } else { 3 })];
        let what = format!("{} {fall}, dead are {dead:?}", NAMES[master]);
        eprintln!("{:>12.3} {what}", watch::wall().as_secs_f64() % 1e5);

        let fell_at = Instant::now();
        self.fall(master, fall).with_context(|| what.clone())?;
        self.is_held_by(backup, patience(self.fast_centis)).with_context(|| what.clone())?;
        let took = fell_at.elapsed();
        eprintln!("{:>12} {} holds it after {took:?}", "", NAMES[backup]);
        let client = &self.scene["client"];
        client.eventually_fetches(&vip_url(), NAMES[backup], FETCHED).with_context(|| what.clone())?;
        self.order = [backup, master];

        for role in &dead {
            match role.as_str() {
                "server" => self.scene.lab.start_server()?,
                host => self.scene.lab.start_agent(host.parse()?)?,
            }
        }
        self.scene.lab.wait_for_hosts(AGENTS).with_context(|| what.clone())?;
        self.rise(master, fall).with_context(|| format!("{what}; it rises again"))?;
        self.is_held_by(backup, FETCHED).with_context(|| format!("{what}; it is back"))?;
        self.watch.nothing_went_backwards()?;
        let errors = self.scene.error_lines();
        ensure!(errors.is_empty(), "errors were logged:\n{}", errors.join("\n"));
        Ok(took)
    }

    fn guest(&self, number: usize) -> &Guest {
        &self.scene[NAMES[number]]
    }

    fn fall(&self, number: usize, fall: Fall) -> Result<()> {
        let guest = self.guest(number);
        match fall {
            Fall::Stopped => guest.shell("kill $(cat /run/keepalived.pid)").map(drop),
            Fall::Killed => guest
                .shell(&format!(
                    "kill -9 $(pidof keepalived); rm -f /run/keepalived.pid; ip address del {VIP}/32 dev eth0"
                ))
                .map(drop),
            Fall::LinkDown => guest.shell("ip link set eth0 down").map(drop),
            Fall::PowerOff => guest.power_off(),
        }
    }

    /// The fallen one is back as backup, and leaves the VIP where it is.
    fn rise(&mut self, number: usize, fall: Fall) -> Result<()> {
        let guest = self.guest(number);
        let before = match fall {
            Fall::LinkDown => {
                let before = entries(guest)?;
                guest.shell("ip link set eth0 up")?;
                before
            }
            Fall::Stopped | Fall::Killed => {
                eventually(FETCHED, || {
                    let alive = guest.run(&["pidof", "keepalived"])?.code == 0;
                    ensure!(!alive, "keepalived has not ended");
                    Ok(())
                })?;
                self.begin(number)?;
                0
            }
            Fall::PowerOff => {
                guest.start()?;
                self.begin(number)?;
                0
            }
        };
        self.is_backup(number, before)
    }

    /// Starts its web server, if it has none, and keepalived.
    fn begin(&self, number: usize) -> Result<()> {
        let (guest, peer) = (self.guest(number), self.guest(1 - number));
        if guest.run(&["pidof", "nginx"])?.code != 0 {
            guest.serve(NAMES[number])?;
        }
        guest.shell("rm -f /var/log/story/keepalived.log")?;
        let config = Keepalived::secondary(guest.address, peer.address, VIP);
        // Whoever is master stays it: each failover is one move.
        let config =
            Keepalived { priority: 100 - 10 * number as u8, fast_centis: self.fast_centis, ..config };
        guest.start_keepalived(&config)
    }

    /// It has become backup more often than that.
    fn is_backup(&self, number: usize, before: usize) -> Result<()> {
        let guest = self.guest(number);
        eventually(patience(self.fast_centis), || {
            ensure!(entries(guest)? > before, "{} is no backup yet", NAMES[number]);
            Ok(())
        })
    }

    fn is_held_by(&self, number: usize, time: Duration) -> Result<()> {
        let hosts: Vec<HostName> = self.scene.lab.hosts();
        let is_so = |view: &watch::View| {
            for host in &hosts {
                let held = view.held(*host, VIP);
                let named = held.filter(|held| held.mac == self.macs[number] && !held.released);
                ensure!(named.is_some(), "{host} has {held:?}, not {}", NAMES[number]);
            }
            Ok(())
        };
        self.watch.until(time, is_so).map(drop)
    }
}

/// How often a guest's keepalived has become backup since it was started.
fn entries(guest: &Guest) -> Result<usize> {
    Ok(guest.log_of("keepalived")?.matches("Entering BACKUP STATE").count())
}

/// How long a takeover may take. keepalived's own: three intervals and its skew. A claim that came within the second
/// in which a dead agent still counts as living is left to it; keepalived announces again a second later. A contest
/// takes 0.1 s. Four times all that, as the machine is busy.
fn patience(fast_centis: Option<u16>) -> Duration {
    let interval =
        fast_centis.map_or(Duration::from_secs(1), |centis| Duration::from_millis(10 * u64::from(centis)));
    4 * (4 * interval + Duration::from_millis(1100))
}

const NAMES: [&str; 2] = ["blue", "green"];
const LOOK: Duration = Duration::from_millis(10);
/// A packet and its answer; a request on a busy machine takes longer.
const FETCHED: Duration = Duration::from_secs(5);
/// An agent is heard within a second or so.
const AGENTS: Duration = Duration::from_secs(15);
