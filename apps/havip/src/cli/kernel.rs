//! What this machine's switch has in the kernel: read there, so it works with every program of ours dead.

use super::session::print;
use super::show::{self, Column, Format, Names, Row};
use anyhow::{Context, Result};
use havip_model::{Record, VipKey};
use havip_switch::{Fill, Pinned};
use serde::Serialize;
use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

/// Which switch of this machine.
#[derive(Debug, Clone, clap::Args)]
pub struct Here {
    /// The host's name [default: the machine's host name]
    #[arg(long)]
    name: Option<String>,
}

impl Here {
    fn name(self) -> Result<String> {
        self.name.map_or_else(havip_agent::machine_name, Ok)
    }
}

/// Who holds what, here.
#[derive(Debug, Clone, clap::Args)]
pub struct Records {
    #[command(flatten)]
    here: Here,
    /// Go on: say each record that changes, one line each, with the time at which it was seen
    #[arg(long)]
    follow: bool,
    /// With --follow: milliseconds between two looks
    #[arg(long, value_name = "MS", default_value_t = 50, value_parser = clap::value_parser!(u64).range(1..))]
    every: u64,
}

impl Records {
    /// Shows them.
    pub fn run(self, format: Format) -> Result<()> {
        let name = self.here.name()?;
        if self.follow {
            return follow(&name, Duration::from_millis(self.every), format);
        }
        let records = Pinned::open(&name)?.records()?;
        let lines: Vec<_> = records.into_iter().map(|(key, record)| Line::of(key, record)).collect();
        print(&show::all(format, &lines, &Numbers)?)
    }
}

/// Says what changes until it is ended; a switch that is made anew begins anew.
fn follow(name: &str, pause: Duration, format: Format) -> Result<()> {
    // Once it must be there: who is told a wrong name should not wait for ever.
    let mut open = Some(Pinned::open(name)?);
    let mut known: BTreeMap<VipKey, Record> = BTreeMap::new();
    let mut is_new = true;
    loop {
        if open.as_ref().is_none_or(|pinned| !pinned.is_current()) {
            open = Pinned::open(name).ok();
            known.clear();
            is_new = open.is_some();
        }
        if let Some(pinned) = &open {
            if std::mem::take(&mut is_new) {
                print(&said(format, &Said::made(name))?)?;
            }
            // Between the look and the reading the host may be rebooted: then the next look says so.
            let records = pinned.records()?;
            let at_us = micros();
            for (key, record) in &records {
                if known.get(key) != Some(record) {
                    print(&said(format, &Said::changed(at_us, Line::of(*key, *record)))?)?;
                }
            }
            known = records;
        }
        std::thread::sleep(pause);
    }
}

/// A record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Line {
    vni: u32,
    address: String,
    incarnation: u64,
    /// As text, as the API has it: not every reader of JSON keeps 64 bits.
    epoch: String,
    host: u32,
    port: u32,
    released: bool,
    mac: String,
    moves: u32,
}

impl Line {
    fn of(key: VipKey, record: Record) -> Self {
        Self {
            vni: key.vni.get(),
            address: key.address.to_string(),
            incarnation: record.incarnation.0,
            epoch: record.epoch.0.to_string(),
            host: record.holder.host.get(),
            port: record.holder.port.get(),
            released: record.released,
            mac: record.mac.to_string(),
            moves: record.moves,
        }
    }
}

impl Row for Line {
    const COLUMNS: &'static [Column] = &[
        Column::Always("VNI"),
        Column::Always("ADDRESS"),
        Column::Always("HOST"),
        Column::Always("PORT"),
        Column::Always("RELEASED"),
        Column::Always("MOVES"),
        Column::Wide("MAC"),
        Column::Always("EPOCH"),
        Column::Wide("INCARNATION"),
    ];

    fn cells(&self, _: &dyn Names) -> Vec<String> {
        vec![
            self.vni.to_string(),
            self.address.clone(),
            self.host.to_string(),
            self.port.to_string(),
            self.released.to_string(),
            self.moves.to_string(),
            self.mac.clone(),
            self.epoch.clone(),
            self.incarnation.to_string(),
        ]
    }
}

/// One line of what is followed.
#[derive(Debug, Serialize)]
struct Said<'a> {
    /// Microseconds since 1970.
    at_us: u64,
    /// The name of a switch that was just found: what follows is all that it has.
    #[serde(skip_serializing_if = "Option::is_none")]
    switch: Option<&'a str>,
    #[serde(flatten)]
    record: Option<Line>,
}

impl<'a> Said<'a> {
    fn made(name: &'a str) -> Self {
        Self { at_us: micros(), switch: Some(name), record: None }
    }

    fn changed(at_us: u64, record: Line) -> Self {
        Self { at_us, switch: None, record: Some(record) }
    }
}

fn said(format: Format, said: &Said) -> Result<String> {
    Ok(match (format, &said.record) {
        (Format::Json, _) => format!("{}\n", serde_json::to_string(said)?),
        (Format::Yaml, _) => format!("---\n{}", serde_yaml_ng::to_string(said)?),
        (_, Some(Line { address, host, port, released, moves, .. })) => {
            let at = at(said.at_us);
            let holder = if *released { format!("released by port {port}") } else { format!("port {port}") };
            format!("{at}  {address}  {holder} of host {host}, after {moves} moves\n")
        }
        (_, None) => format!("{}  the switch {} is there\n", at(said.at_us), said.switch.unwrap_or_default()),
    })
}

fn at(at_us: u64) -> String {
    let instant = i64::try_from(at_us).ok().and_then(|at| jiff::Timestamp::from_microsecond(at).ok());
    instant.map_or_else(|| at_us.to_string(), |instant| format!("{instant:.6}"))
}

fn micros() -> u64 {
    SystemTime::UNIX_EPOCH.elapsed().expect("the clock is past 1970").as_micros() as u64
}

/// What it counted, and how full its maps are.
#[derive(Debug, Clone, clap::Args)]
pub struct Switch {
    #[command(flatten)]
    here: Here,
}

impl Switch {
    /// Shows it.
    pub fn run(self, format: Format) -> Result<()> {
        let name = self.here.name()?;
        let pinned = Pinned::open(&name)?;
        let maps = pinned.fills().context("the switch's maps cannot be read")?;
        let maps: Vec<_> = maps.into_iter().map(Map::from).collect();
        let counters = pinned.ledger()?;
        match format {
            Format::Json => print(&show::json(&State { counters, maps })?),
            Format::Yaml => print(&serde_yaml_ng::to_string(&State { counters, maps })?),
            Format::Table | Format::Wide => {
                let counters: Vec<_> =
                    counters.into_iter().map(|(name, count)| Counter { counter: name, count }).collect();
                print(&show::all(format, &counters, &Numbers)?)?;
                print(&format!("\n{}", show::all(format, &maps, &Numbers)?))
            }
        }
    }
}

#[derive(Debug, Serialize)]
struct State {
    counters: BTreeMap<&'static str, u64>,
    maps: Vec<Map>,
}

#[derive(Debug, Serialize)]
struct Counter {
    counter: &'static str,
    count: u64,
}

impl Row for Counter {
    const COLUMNS: &'static [Column] = &[Column::Always("COUNTER"), Column::Always("COUNT")];
    fn cells(&self, _: &dyn Names) -> Vec<String> {
        vec![self.counter.to_owned(), self.count.to_string()]
    }
}

#[derive(Debug, Serialize)]
struct Map {
    map: String,
    entries: u32,
    most: u32,
    /// The least recently used entry goes when it is full.
    forgets: bool,
}

impl From<Fill> for Map {
    fn from(Fill { map, entries, most, forgets }: Fill) -> Self {
        Self { map, entries, most, forgets }
    }
}

impl Row for Map {
    const COLUMNS: &'static [Column] = &[
        Column::Always("MAP"),
        Column::Always("ENTRIES"),
        Column::Always("MOST"),
        Column::Wide("FORGETS THE OLDEST"),
    ];
    fn cells(&self, _: &dyn Names) -> Vec<String> {
        vec![self.map.clone(), self.entries.to_string(), self.most.to_string(), self.forgets.to_string()]
    }
}

/// The kernel knows no names.
struct Numbers;

impl Names for Numbers {
    fn name(&self, id: &str) -> String {
        id.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use havip_model::{Epoch, Holder, HostNumber, Incarnation, MacAddr, PortNumber, Vni};

    fn line() -> Line {
        let record = Record {
            incarnation: Incarnation(3),
            epoch: Epoch(u64::MAX >> 1),
            holder: Holder { host: HostNumber::new(2).unwrap(), port: PortNumber::new(7).unwrap() },
            released: false,
            mac: MacAddr([2, 0, 0, 0, 0, 1]),
            moves: 5,
        };
        Line::of(VipKey { vni: Vni::new(9).unwrap(), address: "10.0.0.9".parse().unwrap() }, record)
    }

    #[test]
    fn a_record_that_is_followed_is_one_line() {
        let changed = Said::changed(1_700_000_000_000_001, line());
        assert_eq!(
            said(Format::Table, &changed).unwrap(),
            "2023-11-14T22:13:20.000001Z  10.0.0.9  port 7 of host 2, after 5 moves\n"
        );
        let json = said(Format::Json, &changed).unwrap();
        assert_eq!(json.lines().count(), 1);
        assert!(
            json.contains("\"epoch\":\"9223372036854775807\"") && json.contains("\"address\":\"10.0.0.9\"")
        );
        assert!(!json.contains("switch"), "{json}");
    }

    #[test]
    fn a_switch_that_is_found_says_its_name_and_nothing_of_a_record() {
        let json = said(Format::Json, &Said::made("h1")).unwrap();
        assert!(json.contains("\"switch\":\"h1\"") && !json.contains("address"), "{json}");
        assert!(said(Format::Table, &Said::made("h1")).unwrap().ends_with("the switch h1 is there\n"));
    }
}
