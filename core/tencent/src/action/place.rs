//! Regions and zones.

use super::{Action, Does};
use crate::ask::Ask;
use havip_dialect::{Error, View};
use serde_json::{Value, json};

pub const ACTIONS: &[Action] = &[
    Action { name: "DescribeRegions", honoured: &[], harmless: &[], does: Does::Read(regions) },
    Action { name: "DescribeZones", honoured: &[], harmless: &[], does: Does::Read(zones) },
];

fn regions(ask: &Ask, _: &View) -> Result<Value, Error> {
    let all: Vec<Value> = with_own(&ask.home.region, &ask.home.regions)
        .map(|region| json!({"Region": region, "RegionName": region, "RegionState": "AVAILABLE"}))
        .collect();
    Ok(json!({"TotalCount": all.len(), "RegionSet": all}))
}

fn zones(ask: &Ask, _: &View) -> Result<Value, Error> {
    let all: Vec<Value> = with_own(&ask.home.zone, &ask.home.zones)
        .enumerate()
        .map(|(at, zone)| json!({"Zone": zone, "ZoneName": zone, "ZoneId": (at + 1).to_string(), "ZoneState": "AVAILABLE"}))
        .collect();
    Ok(json!({"TotalCount": all.len(), "ZoneSet": all}))
}

/// The server's own name, and the others that it goes by.
fn with_own<'a>(own: &'a str, others: &'a [String]) -> impl Iterator<Item = &'a str> {
    std::iter::once(own).chain(others.iter().map(String::as_str).filter(move |other| *other != own))
}
