//! Placement groups, and the image that all names lead to.

use super::*;

impl Scene {
    fn placement(&mut self, name: &str) -> String {
        let made = self.ok("CreateDisasterRecoverGroup", json!({"Name": name, "Type": "HOST"}));
        text(&made["DisasterRecoverGroupId"])
    }

    fn run_in(&self, group: &str) -> Value {
        json!({
            "Placement": {"Zone": "ap-guangzhou-3"}, "ImageId": "img-12345678",
            "VirtualPrivateCloud": {"VpcId": self.vpc, "SubnetId": self.subnet},
            "DisasterRecoverGroupIds": [group],
        })
    }
}

#[test]
fn instances_of_a_placement_group_are_refused_when_no_host_is_left() {
    let mut scene = Scene::new();
    let tags = json!([{"Key": "team", "Value": "shop"}]);
    let specification = json!([{"ResourceType": "ps", "Tags": tags}]);
    let wanted = json!({"Name": "web", "Type": "HOST", "Strategy": "SPREAD", "Affinity": 1, "TagSpecification": specification});
    let made = scene.ok("CreateDisasterRecoverGroup", wanted);
    let group = text(&made["DisasterRecoverGroupId"]);
    assert!(group.starts_with("ps-") && group.len() == 11, "{group}");
    assert_eq!(
        (&made["Name"], &made["Type"], &made["CvmQuotaTotal"], &made["CurrentNum"]),
        (&json!("web"), &json!("HOST"), &json!(1), &json!(0))
    );
    let run = scene.run_in(&group);
    let instance = text(&scene.ok("RunInstances", run.clone())["InstanceIdSet"][0]);
    scene.refused("RunInstances", run, "ResourceInsufficient.DisasterRecoverGroupCvmQuota");
    let shown = scene.ok("DescribeDisasterRecoverGroups", json!({"DisasterRecoverGroupIds": [group]}));
    let shown = &shown["DisasterRecoverGroupSet"][0];
    assert_eq!((&shown["InstanceIds"], &shown["Tags"]), (&json!([instance]), &tags));
    let shown = scene.ok("DescribeInstances", json!({}))["InstanceSet"][0].clone();
    assert_eq!(
        (&shown["DisasterRecoverGroupId"], &shown["DisasterRecoverGroupIds"]),
        (&json!(group), &json!([group]))
    );
    let gone = json!({"DisasterRecoverGroupIds": [group]});
    scene.refused("DeleteDisasterRecoverGroups", gone.clone(), "FailedOperation.PlacementSetNotEmpty");
    scene.ok("TerminateInstances", json!({"InstanceIds": [instance]}));
    scene.ok("DeleteDisasterRecoverGroups", gone.clone());
    scene.refused("DeleteDisasterRecoverGroups", gone, "ResourceNotFound.InvalidPlacementSet");
}

#[test]
fn a_placement_group_is_renamed_found_by_a_part_of_its_name_and_counted() {
    let mut scene = Scene::new();
    let (web, _) = (scene.placement("web"), scene.placement("database"));
    let rename = json!({"DisasterRecoverGroupId": web, "Name": "front", "Affinity": 1});
    scene.ok("ModifyDisasterRecoverGroupAttribute", rename);
    for (part, found) in [("ron", 1), ("web", 0), ("data", 1), ("", 2)] {
        let shown = scene.ok("DescribeDisasterRecoverGroups", json!({"Name": part}));
        assert_eq!(shown["TotalCount"], found, "{part}");
    }
    let second = scene.ok("DescribeDisasterRecoverGroups", json!({"Offset": 1, "Limit": 1}));
    assert_eq!(second["DisasterRecoverGroupSet"].as_array().unwrap().len(), 1);
    let by_tag = json!({"Filters": [{"Name": "tag:team", "Values": ["shop"]}]});
    assert_eq!(scene.ok("DescribeDisasterRecoverGroups", by_tag)["TotalCount"], 0);
    let quota = scene.ok("DescribeDisasterRecoverGroupQuota", json!({}));
    assert_eq!((&quota["GroupQuota"], &quota["CurrentNum"]), (&json!(100), &json!(2)));
    scene.trial.quotas.deployment_sets_per_project = Some(2);
    assert_eq!(scene.ok("DescribeDisasterRecoverGroupQuota", json!({}))["GroupQuota"], 2);
    let more = json!({"Name": "more", "Type": "HOST"});
    scene.refused("CreateDisasterRecoverGroup", more, "LimitExceeded.DisasterRecoverGroup");
}

#[test]
fn what_a_placement_group_cannot_be_is_refused_with_the_clouds_codes() {
    let mut scene = Scene::new();
    for (wanted, code) in [
        (json!({"Type": "HOST"}), "MissingParameter"),
        (json!({"Name": "web"}), "MissingParameter"),
        (json!({"Name": "web", "Type": "RACK"}), "InvalidParameterValue"),
        (json!({"Name": "web", "Type": "HOST", "Affinity": 2}), "InvalidParameterValue"),
        (json!({"Name": "web", "Type": "HOST", "Strategy": "PARTITION"}), "InvalidParameterValue"),
        (json!({"Name": "web", "Type": "HOST", "PartitionCount": 3}), "UnknownParameter"),
        (json!({"Name": "x".repeat(61), "Type": "HOST"}), "InvalidParameterValue.TooLong"),
    ] {
        scene.refused("CreateDisasterRecoverGroup", wanted, code);
    }
    let (one, other) = (scene.placement("one"), scene.placement("other"));
    let absent = scene.run_in("ps-aaaaaaaa");
    scene.refused("RunInstances", absent, "ResourceNotFound.InvalidPlacementSet");
    let odd = scene.run_in("ps-A");
    scene.refused("RunInstances", odd, "InvalidParameterValue.DisasterRecoverGroupIdMalformed");
    let mut both = scene.run_in(&one);
    both["DisasterRecoverGroupIds"] = json!([one, other]);
    scene.refused("RunInstances", both, "InvalidParameterValue.LimitExceeded");
    let many = json!({"DisasterRecoverGroupIds": vec![one; 11]});
    scene.refused("DeleteDisasterRecoverGroups", many, "LimitExceeded");
    scene.refused("DeleteDisasterRecoverGroups", json!({}), "MissingParameter");
}

#[test]
fn instances_join_a_placement_group_later_all_or_none_and_leave_it() {
    let mut scene = Scene::new();
    let (one, other) = (scene.placement("one"), scene.placement("other"));
    let instances = scene.instances(2);
    let join = |group: &str, who: &[&String]| json!({"InstanceIds": who, "DisasterRecoverGroupId": group, "Force": false});
    let full = "ResourceInsufficient.DisasterRecoverGroupCvmQuota";
    scene.refused(JOIN, join(&one, &[&instances[0], &instances[1]]), full);
    let members = |scene: &mut Scene, group: &str| {
        let shown = scene.ok("DescribeDisasterRecoverGroups", json!({"DisasterRecoverGroupIds": [group]}));
        shown["DisasterRecoverGroupSet"][0]["InstanceIds"].clone()
    };
    assert_eq!(members(&mut scene, &one), json!([]));
    scene.ok(JOIN, join(&one, &[&instances[0]]));
    let again = join(&one, &[&instances[0]]);
    scene.refused(JOIN, again, "FailedOperation.AlreadyInDisasterRecoverGroup");
    scene.ok(JOIN, json!({"InstanceIds": [instances[0]], "DisasterRecoverGroupIds": [other]}));
    assert_eq!(members(&mut scene, &other), json!([instances[0]]));
    let leave = |group: &str| json!({"InstanceIds": [instances[0]], "DisasterRecoverGroupIds": [group]});
    scene.refused(LEAVE, leave(&one), "FailedOperation.DisasterRecoverGroupNotMatch");
    scene.ok(LEAVE, leave(&other));
    assert_eq!(members(&mut scene, &other), json!([]));
    scene.refused(JOIN, json!({"InstanceIds": [instances[0]]}), "MissingParameter");
    scene.refused(JOIN, join(&one, &[&"ins-zzzzzzzz".to_string()]), "InvalidInstanceId.NotFound");
}

#[test]
fn there_is_one_image_which_goes_by_every_id_that_is_asked_for() {
    let mut scene = Scene::new();
    let all = scene.ok("DescribeImages", json!({}));
    let image = all["ImageSet"][0].clone();
    assert_eq!((&all["TotalCount"], &image["ImageState"]), (&json!(1), &json!("NORMAL")));
    assert_eq!((&image["ImageName"], &image["IsSupportCloudinit"]), (&json!("sandbox"), &json!(false)));
    let two = scene.ok("DescribeImages", json!({"ImageIds": ["img-9qabwvbn", "img-487zeit5"]}));
    let ids: Vec<_> = two["ImageSet"].as_array().unwrap().iter().map(|one| text(&one["ImageId"])).collect();
    assert_eq!(ids, ["img-487zeit5", "img-9qabwvbn"]);
    for (name, value, found) in [
        ("image-type", "PUBLIC_IMAGE", 1),
        ("image-type", "PRIVATE_IMAGE", 0),
        ("image-name", "sand", 1),
        ("platform", "Deb", 1),
        ("platform", "Windows", 0),
        ("image-id", "img-9qabwvbn", 1),
        ("image-id", "img", 0),
        ("tag-key", "team", 0),
    ] {
        let filter = json!({"Filters": [{"Name": name, "Values": [value]}]});
        assert_eq!(scene.ok("DescribeImages", filter)["TotalCount"], found, "{name} {value}");
    }
    let filters = json!([{"Name": "image-type", "Values": ["PUBLIC_IMAGE"]}]);
    for (wanted, code) in [
        (json!({"ImageIds": ["debian"]}), "InvalidImageId.Malformed"),
        (
            json!({"ImageIds": ["img-9qabwvbn"], "Filters": filters}),
            "InvalidParameter.InvalidParameterCoexistImageIdsFilters",
        ),
        (json!({"Filters": [{"Name": "colour", "Values": ["red"]}]}), "InvalidParameter.FilterInvalidKey"),
        (json!({"Limit": 0}), "InvalidParameterValue.Range"),
    ] {
        scene.refused("DescribeImages", wanted, code);
    }
    // What is shown can be run.
    let mut run = scene.run_in("ps-1");
    run["ImageId"] = image["ImageId"].clone();
    run.as_object_mut().unwrap().remove("DisasterRecoverGroupIds");
    scene.ok("RunInstances", run);
}

const JOIN: &str = "ModifyInstancesDisasterRecoverGroup";
const LEAVE: &str = "DeleteInstancesDisasterRecoverGroups";
