//! What the kernels of a lab's hosts say about who holds what, as it changes: `havip host records --follow`.
//!
//! It needs no process of ours on the host, so it is seen also what happens while all of them are dead.

use crate::{Lab, names::HostName};
use anyhow::{Context, Result, anyhow, bail};
use serde::Deserialize;
use std::{
    collections::{BTreeMap, VecDeque},
    io::{BufRead, BufReader},
    net::IpAddr,
    process::{Child, Command, Stdio},
    sync::{Arc, Condvar, Mutex, MutexGuard},
    time::{Duration, Instant, SystemTime},
};

/// Follows the records of some hosts until it is dropped.
pub struct Watch {
    shared: Arc<Shared>,
    followers: BTreeMap<HostName, Child>,
}

/// A record as a host's kernel has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// When it was seen first, since 1970.
    pub at: Duration,
    /// Which making of the address.
    pub incarnation: u64,
    /// The claim's number.
    pub epoch: u64,
    /// The holder's host, by number.
    pub host: u32,
    /// The holder's port.
    pub port: u32,
    /// Whether it has been released.
    pub released: bool,
    /// The MAC that it claimed with.
    pub mac: String,
    /// How often the VIP had moved.
    pub moves: u32,
}

impl Held {
    /// The order of records (rule C5).
    pub fn rank(&self) -> (u64, u64, u32, u32, bool) {
        (self.incarnation, self.epoch, self.host, self.port, self.released)
    }
}

/// What is known of all hosts.
#[derive(Debug, Default)]
pub struct View {
    hosts: BTreeMap<HostName, Host>,
}

#[derive(Debug, Default)]
struct Host {
    /// How often its switch was found new: once, and once more after each reboot.
    lives: u32,
    records: BTreeMap<IpAddr, Held>,
    /// Of each address the last records, the newest last.
    changes: BTreeMap<IpAddr, VecDeque<Held>>,
    backwards: Vec<String>,
    ended: bool,
}

impl View {
    /// A host's record of an address, if it has one.
    pub fn held(&self, host: HostName, address: impl Into<IpAddr>) -> Option<&Held> {
        self.hosts.get(&host)?.records.get(&address.into())
    }

    /// The last records of an address that were seen on a host, the newest first.
    pub fn changes(&self, host: HostName, address: impl Into<IpAddr>) -> impl Iterator<Item = &Held> {
        let changes = self.hosts.get(&host).and_then(|host| host.changes.get(&address.into()));
        changes.into_iter().flatten().rev()
    }

    /// How often a host's switch was found new.
    pub fn lives(&self, host: HostName) -> u32 {
        self.hosts.get(&host).map_or(0, |host| host.lives)
    }
}

#[derive(Default)]
struct Shared {
    view: Mutex<View>,
    changed: Condvar,
}

#[derive(Deserialize)]
struct Line {
    at_us: u64,
    #[serde(default)]
    switch: Option<String>,
    #[serde(flatten)]
    record: Option<Record>,
}

#[derive(Deserialize)]
struct Record {
    address: IpAddr,
    incarnation: u64,
    epoch: String,
    host: u32,
    port: u32,
    released: bool,
    mac: String,
    moves: u32,
}

impl Watch {
    /// Begins to follow, with a look every so often.
    pub fn start(lab: &Lab, hosts: impl IntoIterator<Item = HostName>, every: Duration) -> Result<Self> {
        let mut watch = Self { shared: Arc::default(), followers: BTreeMap::new() };
        for host in hosts {
            let mut command = Command::new(lab.program());
            command.args(["host", "records", "--follow", "--name", &lab.name().agent(&host), "-o", "json"]);
            command.args(["--every", &every.as_millis().max(1).to_string()]);
            command.stdin(Stdio::null()).stdout(Stdio::piped());
            let mut follower = command.spawn().context("cannot follow a host's records")?;
            let output = follower.stdout.take().expect("it was asked for");
            watch.followers.insert(host, follower);
            let shared = watch.shared.clone();
            std::thread::spawn(move || {
                for line in BufReader::new(output).lines().map_while(Result::ok) {
                    shared.take(host, &line);
                }
                shared.lock().hosts.entry(host).or_default().ended = true;
                shared.changed.notify_all();
            });
        }
        watch.until(START, |view| match watch.followers.keys().all(|host| view.lives(*host) > 0) {
            true => Ok(()),
            false => bail!("not every host's switch was found"),
        })?;
        Ok(watch)
    }

    /// Waits until it is so, and says how long that took; the last reason why not is the error after `time`.
    pub fn until<T>(
        &self,
        time: Duration,
        mut is_so: impl FnMut(&View) -> Result<T>,
    ) -> Result<(T, Duration)> {
        let began_at = Instant::now();
        let mut view = self.shared.lock();
        loop {
            match is_so(&view) {
                Ok(value) => return Ok((value, began_at.elapsed())),
                Err(error) if began_at.elapsed() >= time => {
                    return Err(error.context(format!("not within {time:?}")));
                }
                Err(_) => {}
            }
            if let Some((host, _)) = view.hosts.iter().find(|(_, host)| host.ended) {
                bail!("the records of {host} cannot be followed any more");
            }
            let rest = time.saturating_sub(began_at.elapsed()).min(Duration::from_millis(100));
            view =
                self.shared.changed.wait_timeout(view, rest).map_err(|_| anyhow!("a follower panicked"))?.0;
        }
    }

    /// Looks once.
    pub fn look<T>(&self, look: impl FnOnce(&View) -> T) -> T {
        look(&self.shared.lock())
    }

    /// That no host's record was ever followed by a smaller one, but for those of a host that was rebooted.
    pub fn nothing_went_backwards(&self) -> Result<()> {
        let view = self.shared.lock();
        let all: Vec<_> = view.hosts.values().flat_map(|host| host.backwards.iter().cloned()).collect();
        if all.is_empty() { Ok(()) } else { bail!("records went backwards:\n{}", all.join("\n")) }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        for follower in self.followers.values_mut() {
            // It goes on until it is ended.
            let _ = follower.kill();
            let _ = follower.wait();
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, View> {
        self.view.lock().expect("nobody panics with the view in hand")
    }

    fn take(&self, name: HostName, line: &str) {
        let line: Line = match serde_json::from_str(line) {
            Ok(line) => line,
            Err(error) => panic!("`havip host records` said {line:?}: {error}"),
        };
        let mut view = self.lock();
        let host = view.hosts.entry(name).or_default();
        if line.switch.is_some() {
            host.lives += 1;
            host.records.clear();
        }
        if let Some(record) = line.record {
            let held = Held {
                at: Duration::from_micros(line.at_us),
                incarnation: record.incarnation,
                epoch: record.epoch.parse().expect("an epoch is a number"),
                host: record.host,
                port: record.port,
                released: record.released,
                mac: record.mac,
                moves: record.moves,
            };
            let changes = host.changes.entry(record.address).or_default();
            changes.push_back(held.clone());
            if changes.len() > MOST_CHANGES {
                changes.pop_front();
            }
            let before = host.records.insert(record.address, held.clone());
            if let Some(before) = before.filter(|before| before.rank() > held.rank()) {
                host.backwards.push(format!("{name}, {}: {before:?}, then {held:?}", record.address));
            }
        }
        drop(view);
        self.changed.notify_all();
    }
}

/// Now, by the clock of [`Held::at`].
pub fn wall() -> Duration {
    SystemTime::UNIX_EPOCH.elapsed().expect("the clock is past 1970")
}

/// Of each address on each host.
const MOST_CHANGES: usize = 32;
/// A follower is a process that opens two maps.
const START: Duration = Duration::from_secs(10);
