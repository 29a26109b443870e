//! What actions do and answer, on a world without hosts in between.

#[path = "../client/mod.rs"]
mod client;
mod deployment_sets;
mod groups;
mod havips;
mod instances;
mod network;
mod resource_groups;
mod tags;
mod words;

use client::Client;
use havip_dialect::trial::Trial;
use havip_model::{ResourceKey, Vip};
use serde_json::{Value, json};

/// A client, and a VPC with a vSwitch.
struct Scene {
    client: Client,
    trial: Trial,
    vpc: String,
    vswitch: String,
}

impl Scene {
    fn new() -> Self {
        let (mut client, mut trial) = (Client::default(), Trial::new("local-a"));
        let vpc = client.ok(
            &mut trial,
            "CreateVpc",
            &[("RegionId", "cn-hangzhou"), ("CidrBlock", "192.168.0.0/16"), ("VpcName", "shop")],
        );
        let vpc = text(&vpc["VpcId"]);
        let vswitch = client.ok(
            &mut trial,
            "CreateVSwitch",
            &[("VpcId", &vpc), ("ZoneId", "cn-hangzhou-h"), ("CidrBlock", "192.168.0.0/24")],
        );
        let vswitch = text(&vswitch["VSwitchId"]);
        Self { client, trial, vpc, vswitch }
    }

    fn ok(&mut self, action: &str, params: &[(&str, &str)]) -> Value {
        self.client.ok(&mut self.trial, action, params)
    }

    fn refused(&mut self, action: &str, params: &[(&str, &str)], status: u16, code: &str) {
        self.client.refused(&mut self.trial, action, params, status, code);
    }

    fn havip(&mut self) -> String {
        let vswitch = self.vswitch.clone();
        text(&self.ok("CreateHaVip", &[("VSwitchId", &vswitch), ("Name", "front")])["HaVipId"])
    }

    fn instance(&mut self) -> String {
        let vswitch = self.vswitch.clone();
        let params =
            [("VSwitchId", vswitch.as_str()), ("ImageId", "debian_12"), ("InstanceType", "ecs.g6.large")];
        text(&self.ok("RunInstances", &params)["InstanceIdSets"]["InstanceIdSet"][0])
    }

    fn shown(&mut self, havip: &str) -> Value {
        let shown = self.ok("DescribeHaVips", &[("Filter.1.Key", "HaVipId"), ("Filter.1.Value.1", havip)]);
        shown["HaVips"]["HaVip"][0].clone()
    }

    fn vip(&self, havip: &str) -> Vip {
        self.trial.world.vips.by_head(&havip["havip-".len()..]).unwrap().clone()
    }

    /// The instance claims the HAVIP.
    fn claim(&mut self, havip: &str, instance: &str) {
        let (vip, instance) =
            (self.vip(havip), self.trial.world.instances.by_head(&instance[2..]).unwrap().id);
        self.trial.claim(&vip, instance);
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_string()
}
