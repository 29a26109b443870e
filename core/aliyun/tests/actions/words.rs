//! What holds for every action: parameters, dry runs, messages.

use super::*;

#[test]
fn what_somebody_would_miss_is_refused_with_its_name() {
    let mut scene = Scene::new();
    let vswitch = scene.vswitch.clone();
    let run = |name, value| {
        [("VSwitchId", vswitch.as_str()), ("ImageId", "a"), ("InstanceType", "b"), (name, value)]
    };
    for (name, value) in
        [("DataDisk.1.Size", "20"), ("KeyPairName", "k"), ("HostName", "h"), ("InternetMaxBandwidthOut", "5")]
    {
        scene.refused("RunInstances", &run(name, value), 400, "InvalidParameter");
    }
    let code = "InvalidUserData.NotSupported";
    scene.refused("RunInstances", &run("UserData", "I2Nsb3VkLWNvbmZpZwo="), 400, code);
}

#[test]
fn a_dry_run_is_told_apart_and_false_is_no_dry_run() {
    let mut scene = Scene::new();
    let vswitch = scene.vswitch.clone();
    let (dry, wet) = (
        [("VSwitchId", vswitch.as_str()), ("DryRun", "True")],
        [("VSwitchId", vswitch.as_str()), ("DryRun", "false")],
    );
    let code = "DryRunOperation";
    scene.refused("CreateHaVip", &dry, 400, code);
    assert_eq!(scene.ok("DescribeHaVips", &[])["TotalCount"], 0);
    scene.ok("CreateHaVip", &wet);
    scene.refused("CreateHaVip", &[("VSwitchId", &vswitch), ("DryRun", "maybe")], 400, "InvalidParameter");
}

#[test]
fn a_message_of_the_rules_speaks_of_the_clouds_ids() {
    let mut scene = Scene::new();
    let (havip, instance) = (scene.havip(), scene.instance());
    scene.ok("AssociateHaVip", &[("HaVipId", &havip), ("InstanceId", &instance)]);
    let answer = scene.client.v3(
        &mut scene.trial,
        "AssociateHaVip",
        &[("HaVipId", &havip), ("InstanceId", &instance)],
    );
    assert!(answer.value["Message"].as_str().unwrap().contains(&havip), "{}", answer.value);
}
