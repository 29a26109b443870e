//! Deployment sets: made, shown with their instances, full, deleted.

use super::*;
use havip_admission::{Request, request};

/// A second host, beside the one of every scene.
fn add_host(scene: &mut Scene) {
    let host = request::JoinHost {
        name: "h2".into(),
        region: "local".into(),
        zone: "local-a".into(),
        facts: request::HostFacts {
            underlay: "192.0.2.2".parse().unwrap(),
            peer_endpoint: "192.0.2.2:7500".into(),
            edge_device: None,
            guest_mtu: 1450,
        },
    };
    scene.trial.change(&[Request::from(host).into()]).unwrap();
}

#[test]
fn instances_of_a_set_are_refused_when_no_host_is_left() {
    let mut scene = Scene::new();
    add_host(&mut scene);
    let made = scene.ok("CreateDeploymentSet", &[("DeploymentSetName", "web"), ("Strategy", "Availability")]);
    let set = text(&made["DeploymentSetId"]);
    let vswitch = scene.vswitch.clone();
    let run = |amount| {
        [
            ("VSwitchId", vswitch.as_str()),
            ("ImageId", "i"),
            ("InstanceType", "t"),
            ("DeploymentSetId", set.as_str()),
            ("Amount", amount),
        ]
    };
    scene.refused("RunInstances", &run("3"), 403, "QuotaExceed.DeploymentSetInstanceQuotaFull");
    let both = scene.ok("RunInstances", &run("2"))["InstanceIdSets"]["InstanceIdSet"].clone();
    scene.refused("RunInstances", &run("1"), 403, "QuotaExceed.DeploymentSetInstanceQuotaFull");
    let shown = scene.ok("DescribeDeploymentSets", &[("DeploymentSetIds", &json!([set]).to_string())]);
    let shown = &shown["DeploymentSets"]["DeploymentSet"][0];
    let mut members = shown["InstanceIds"]["InstanceId"].as_array().unwrap().clone();
    let mut both = both.as_array().unwrap().clone();
    members.sort_by_key(Value::to_string);
    both.sort_by_key(Value::to_string);
    assert_eq!((members, &shown["InstanceAmount"]), (both, &json!(2)));
    let full = json!([{"ZoneId": "local-a", "UsedAmount": 2, "AvailableAmount": 0}]);
    assert_eq!(shown["Capacities"]["Capacity"], full);
    let instances = scene.ok("DescribeInstances", &[]);
    assert_eq!(instances["Instances"]["Instance"][0]["DeploymentSetId"], set.as_str());
}

#[test]
fn a_set_is_renamed_found_and_deleted_when_it_is_empty_and_other_strategies_are_refused() {
    let mut scene = Scene::new();
    let set = text(&scene.ok("CreateDeploymentSet", &[])["DeploymentSetId"]);
    let rename = [("DeploymentSetId", set.as_str()), ("DeploymentSetName", "front")];
    scene.ok("ModifyDeploymentSetAttribute", &rename);
    for (filter, count) in [
        (("DeploymentSetName", "front"), 1),
        (("DeploymentSetName", "back"), 0),
        (("Strategy", "Availability"), 1),
        (("Strategy", "LowLatency"), 0),
    ] {
        assert_eq!(scene.ok("DescribeDeploymentSets", &[filter])["TotalCount"], count, "{filter:?}");
    }
    for (params, code) in [
        ([("Strategy", "LowLatency")], "InvalidParameter.Strategy"),
        ([("Granularity", "rack")], "InvalidParameter"),
        ([("GroupCount", "3")], "InvalidParameter"),
        ([("DeploymentSetName", "http://x")], "InvalidDeploymentSetName.Malformed"),
    ] {
        scene.refused("CreateDeploymentSet", &params, 400, code);
    }
    let vswitch = scene.vswitch.clone();
    let run = [
        ("VSwitchId", vswitch.as_str()),
        ("ImageId", "i"),
        ("InstanceType", "t"),
        ("DeploymentSetId", set.as_str()),
    ];
    scene.ok("RunInstances", &run);
    let it = [("DeploymentSetId", set.as_str())];
    scene.refused("DeleteDeploymentSet", &it, 403, "DependencyViolation.NotEmpty");
    let instance = text(&scene.ok("DescribeInstances", &[])["Instances"]["Instance"][0]["InstanceId"]);
    scene.ok("DeleteInstance", &[("InstanceId", instance.as_str()), ("Force", "true")]);
    scene.ok("DeleteDeploymentSet", &it);
    scene.refused("DeleteDeploymentSet", &it, 404, "InvalidDeploymentSetId.NotFound");
    scene.refused("RunInstances", &run, 404, "InvalidDeploymentSetId.NotFound");
}

#[test]
fn an_instance_joins_a_set_later_and_leaves_it_if_it_is_of_it() {
    let mut scene = Scene::new();
    let set = text(&scene.ok("CreateDeploymentSet", &[])["DeploymentSetId"]);
    let vswitch = scene.vswitch.clone();
    let run = [("VSwitchId", vswitch.as_str()), ("ImageId", "i"), ("InstanceType", "t"), ("Amount", "2")];
    let both = scene.ok("RunInstances", &run)["InstanceIdSets"]["InstanceIdSet"].clone();
    let (first, second) = (text(&both[0]), text(&both[1]));
    let of = |instance: &str, set: &str, more: &[(&'static str, &'static str)]| {
        let own = [("InstanceId", instance.to_string()), ("DeploymentSetId", set.to_string())];
        own.into_iter().chain(more.iter().map(|(name, value)| (*name, value.to_string()))).collect::<Vec<_>>()
    };
    let mut ask =
        |instance: &str, set: &str, more: &[(&'static str, &'static str)], refused: Option<(u16, &str)>| {
            let all = of(instance, set, more);
            let all: Vec<(&str, &str)> = all.iter().map(|(name, value)| (*name, value.as_str())).collect();
            match refused {
                None => drop(scene.ok("ModifyInstanceDeployment", &all)),
                Some((status, code)) => scene.refused("ModifyInstanceDeployment", &all, status, code),
            }
        };
    ask(&first, &set, &[], None);
    // Once more is no change.
    ask(&first, &set, &[("Force", "true")], None);
    // Both are on the one host.
    let full = Some((403, "DeploymentSet.ModificationFailed"));
    ask(&second, &set, &[("Force", "true")], full);
    ask(&second, &set, &[("RemoveFromDeploymentSet", "true")], Some((400, "DeploymentSet.InvalidId")));
    ask(&first, "ds-aaaaaaaaaaaaaaaaaaaa", &[], Some((400, "DeploymentSet.InvalidId")));
    ask("i-aaaaaaaaaaaaaaaaaaaa", &set, &[], Some((404, "InvalidInstanceId.NotFound")));
    ask(&first, "", &[], Some((400, "MissingParameter")));
    ask(&first, &set, &[("Tenancy", "host")], Some((400, "InvalidParameter")));
    ask(&first, &set, &[("RemoveFromDeploymentSet", "true")], None);
    ask(&second, &set, &[], None);
    let instances = scene.ok("DescribeInstances", &[("InstanceIds", &json!([second]).to_string())]);
    assert_eq!(instances["Instances"]["Instance"][0]["DeploymentSetId"], set.as_str());
}
