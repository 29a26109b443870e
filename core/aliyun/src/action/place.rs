//! Regions and zones.

use super::{Action, Does};
use crate::ask::Ask;
use havip_dialect::{Error, View};
use serde_json::{Value, json};

pub const ACTIONS: &[Action] = &[
    Action {
        name: "DescribeRegions",
        product: None,
        honoured: &[],
        harmless: &["AcceptLanguage", "ProductType", "InstanceChargeType", "ResourceType"],
        does: Does::Read(regions),
    },
    Action {
        name: "DescribeZones",
        product: None,
        honoured: &[],
        harmless: &["AcceptLanguage", "ZoneType", "Verbose", "InstanceChargeType", "SpotStrategy"],
        does: Does::Read(zones),
    },
];

fn regions(ask: &Ask, _: &View) -> Result<Value, Error> {
    let all = with_own(&ask.home.region, &ask.home.regions);
    let shown: Vec<Value> = all
        .map(|region| json!({"RegionId": region, "LocalName": region, "RegionEndpoint": "", "Status": "available"}))
        .collect();
    Ok(json!({"Regions": {"Region": shown}}))
}

fn zones(ask: &Ask, _: &View) -> Result<Value, Error> {
    let all = with_own(&ask.home.zone, &ask.home.zones);
    let shown: Vec<Value> = all
        .map(|zone| {
            json!({
                "ZoneId": zone,
                "LocalName": zone,
                "ZoneType": "AvailabilityZone",
                "AvailableResourceCreation": {"ResourceTypes": ["Instance", "VSwitch"]},
            })
        })
        .collect();
    Ok(json!({"Zones": {"Zone": shown}}))
}

/// The server's own name, and the others that it goes by.
fn with_own<'a>(own: &'a str, others: &'a [String]) -> impl Iterator<Item = &'a str> {
    std::iter::once(own).chain(others.iter().map(String::as_str).filter(move |other| *other != own))
}
