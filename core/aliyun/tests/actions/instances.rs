//! Instances, one and many at a time.

use super::*;

#[test]
fn instances_run_stop_start_and_go() {
    let mut scene = Scene::new();
    let vswitch = scene.vswitch.clone();
    let script = "IyEvYmluL3NoCmVjaG8gaGkK";
    let params = [
        ("VSwitchId", vswitch.as_str()),
        ("ImageId", "debian_12"),
        ("InstanceType", "ecs.g6.large"),
        ("Amount", "3"),
        ("InstanceName", "web"),
        ("UserData", script),
        ("InstanceChargeType", "PostPaid"),
        ("SpotStrategy", "SpotAsPriceGo"),
    ];
    let made = scene.ok("RunInstances", &params);
    let ids: Vec<String> =
        made["InstanceIdSets"]["InstanceIdSet"].as_array().unwrap().iter().map(text).collect();
    assert_eq!(ids.len(), 3);
    let listed = scene.ok("DescribeInstances", &[("InstanceIds", &json!(ids).to_string())]);
    assert_eq!(listed["TotalCount"], 3);
    let one = &listed["Instances"]["Instance"][0];
    assert_eq!(
        (&one["Status"], &one["InstanceType"], &one["ZoneId"]),
        (&json!("Running"), &json!("ecs.g6.large"), &json!("cn-hangzhou-h"))
    );
    assert_eq!(one["VpcAttributes"]["PrivateIpAddress"]["IpAddress"].as_array().unwrap().len(), 1);
    assert_eq!(scene.ok("DescribeUserData", &[("InstanceId", &ids[0])])["UserData"], script);
    assert_eq!(
        scene.ok("DescribeDisks", &[("InstanceId", &ids[0])])["Disks"]["Disk"][0]["InstanceId"],
        json!(ids[0])
    );

    scene.refused("StartInstance", &[("InstanceId", &ids[0])], 403, "IncorrectInstanceStatus");
    scene.ok(
        "StopInstance",
        &[
            ("InstanceId", &ids[0]),
            ("ForceStop", "false"),
            ("StoppedMode", "KeepCharging"),
            ("DryRun", "false"),
        ],
    );
    let status = scene.ok("DescribeInstanceStatus", &[("InstanceId.1", &ids[0])]);
    assert_eq!(status["InstanceStatuses"]["InstanceStatus"][0]["Status"], "Stopped");
    scene.refused("StopInstance", &[("InstanceId", &ids[0])], 403, "IncorrectInstanceStatus");
    let mode = |scene: &mut Scene| {
        let shown = scene.ok("DescribeInstances", &[("InstanceIds", &format!("[{:?}]", ids[0]))]);
        shown["Instances"]["Instance"][0]["StoppedMode"].clone()
    };
    assert_eq!(mode(&mut scene), "KeepCharging");
    scene.ok("StartInstance", &[("InstanceId", &ids[0])]);
    assert_eq!(mode(&mut scene), "Not-applicable");
    let wrong = [("InstanceId", ids[0].as_str()), ("StoppedMode", "Free")];
    scene.refused("StopInstance", &wrong, 400, "InvalidParameter.StoppedMode");
    scene.ok("StopInstance", &[("InstanceId", &ids[0]), ("StoppedMode", "StopCharging")]);
    assert_eq!(mode(&mut scene), "StopCharging");
    scene.ok("StartInstance", &[("InstanceId", &ids[0])]);
    scene.refused("DeleteInstance", &[("InstanceId", &ids[0])], 403, "IncorrectInstanceStatus");
    scene.ok("DeleteInstance", &[("InstanceId", &ids[0]), ("Force", "true")]);
    let both = [("InstanceId.1", ids[1].as_str()), ("InstanceId.2", &ids[2]), ("Force", "true")];
    let stopped = scene.ok("StopInstances", &both[..2]);
    assert_eq!(stopped["InstanceResponses"]["InstanceResponse"].as_array().unwrap().len(), 2);
    scene.ok("DeleteInstances", &both);
    assert_eq!(scene.ok("DescribeInstances", &[])["TotalCount"], 0);
}

#[test]
fn all_of_a_batch_happens_or_nothing() {
    let mut scene = Scene::new();
    let (one, two) = (scene.instance(), scene.instance());
    scene.ok("StopInstance", &[("InstanceId", &two)]);
    scene.refused(
        "StopInstances",
        &[("InstanceId.1", &one), ("InstanceId.2", &two)],
        403,
        "IncorrectInstanceStatus",
    );
    assert_eq!(scene.ok("DescribeInstances", &[("Status", "Running")])["TotalCount"], 1);
}
