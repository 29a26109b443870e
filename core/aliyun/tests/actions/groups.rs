//! Security groups, their rules, and who is in them.

use super::*;
use havip_model::{Direction, Peer, SecurityGroup};

impl Scene {
    fn group(&mut self, name: &str) -> String {
        let vpc = self.vpc.clone();
        text(
            &self.ok("CreateSecurityGroup", &[("VpcId", &vpc), ("SecurityGroupName", name)])["SecurityGroupId"],
        )
    }

    fn rules(&mut self, group: &str) -> Vec<Value> {
        let shown = self.ok("DescribeSecurityGroupAttribute", &[("SecurityGroupId", group)]);
        shown["Permissions"]["Permission"].as_array().unwrap().clone()
    }

    fn modelled(&self, group: &str) -> SecurityGroup {
        self.trial.world.groups.by_head(&group[3..]).unwrap().clone()
    }
}

#[test]
fn a_new_group_lets_its_members_reach_each_other_and_everything_out_and_shows_no_rule_of_that() {
    let mut scene = Scene::new();
    let group = scene.group("web");
    let modelled = scene.modelled(&group);
    let said: Vec<_> = modelled.rules.iter().map(|rule| (rule.direction, rule.peer)).collect();
    assert_eq!(said, [(Direction::Egress, Peer::Any), (Direction::Ingress, Peer::Group(modelled.id))]);
    assert_eq!(scene.rules(&group), Vec::<Value>::new());
    let policy = |scene: &mut Scene| {
        text(&scene.ok("DescribeSecurityGroupAttribute", &[("SecurityGroupId", &group)])["InnerAccessPolicy"])
    };
    assert_eq!(policy(&mut scene), "Accept");
    for wanted in ["Drop", "Drop", "Accept"] {
        let params = [("SecurityGroupId", group.as_str()), ("InnerAccessPolicy", wanted)];
        scene.ok("ModifySecurityGroupPolicy", &params);
        assert_eq!(policy(&mut scene), wanted);
    }
    let vpc = scene.vpc.clone();
    let listed = scene.ok("DescribeSecurityGroups", &[("VpcId", &vpc)]);
    assert_eq!(listed["TotalCount"], 2, "and the VPC's default one");
}

#[test]
fn rules_are_added_once_changed_in_place_and_revoked_by_what_they_say_or_by_id() {
    let mut scene = Scene::new();
    let (group, other) = (scene.group("web"), scene.group("clients"));
    let web = [
        ("SecurityGroupId", group.as_str()),
        ("IpProtocol", "tcp"),
        ("PortRange", "80/88"),
        ("SourceCidrIp", "10.0.0.0/8"),
        ("Priority", "5"),
        ("Policy", "drop"),
    ];
    scene.ok("AuthorizeSecurityGroup", &web);
    scene.ok("AuthorizeSecurityGroup", &web);
    let several = [
        ("SecurityGroupId", group.as_str()),
        ("Permissions.1.IpProtocol", "ICMP"),
        ("Permissions.1.PortRange", "-1/-1"),
        ("Permissions.1.SourceGroupId", &other),
        ("Permissions.2.IpProtocol", "UDP"),
        ("Permissions.2.PortRange", "1/65535"),
        ("Permissions.2.Ipv6SourceCidrIp", "fd00::/8"),
    ];
    scene.ok("AuthorizeSecurityGroup", &several);
    let out = [
        ("SecurityGroupId", group.as_str()),
        ("IpProtocol", "all"),
        ("PortRange", "-1/-1"),
        ("DestCidrIp", "198.51.100.7"),
        ("Policy", "drop"),
    ];
    scene.ok("AuthorizeSecurityGroupEgress", &out);
    let words = |rules: Vec<Value>| -> Vec<String> {
        let of = |rule: &Value| {
            let peers = ["SourceCidrIp", "Ipv6SourceCidrIp", "SourceGroupId", "DestCidrIp"];
            let peer: String = peers.iter().map(|name| text(&rule[*name])).collect();
            let (way, protocol, ports) = (&rule["Direction"], &rule["IpProtocol"], &rule["PortRange"]);
            let (way, protocol, ports) = (text(way), text(protocol), text(ports));
            format!("{way} {protocol} {ports} {peer} {} {}", rule["Priority"], text(&rule["Policy"]))
        };
        rules.iter().map(of).collect()
    };
    let rules = scene.rules(&group);
    let (by_group, id) =
        (format!("ingress ICMP -1/-1 {other} 1 Accept"), text(&rules[0]["SecurityGroupRuleId"]));
    assert_eq!(
        words(rules),
        [
            "ingress TCP 80/88 10.0.0.0/8 5 Drop",
            &by_group,
            "ingress UDP 1/65535 fd00::/8 1 Accept",
            "egress ALL -1/-1 198.51.100.7/32 1 Drop",
        ]
    );

    let change = [("SecurityGroupId", group.as_str()), ("SecurityGroupRuleId", &id), ("Policy", "accept")];
    scene.ok("ModifySecurityGroupRule", &change);
    assert!(words(scene.rules(&group)).contains(&"ingress TCP 80/88 10.0.0.0/8 5 Accept".to_string()));
    scene.ok("RevokeSecurityGroupEgress", &out);
    // What is not there is no mistake to the cloud.
    scene.ok("RevokeSecurityGroupEgress", &out);
    let id =
        text(&scene.rules(&group).iter().find(|rule| rule["Priority"] == 5).unwrap()["SecurityGroupRuleId"]);
    scene.ok("RevokeSecurityGroup", &[("SecurityGroupId", &group), ("SecurityGroupRuleId.1", &id)]);
    assert_eq!(scene.rules(&group).len(), 2);
    let code = "DependencyViolation";
    scene.refused("DeleteSecurityGroup", &[("SecurityGroupId", &other)], 403, code);
    let named = scene.ok("DescribeSecurityGroupReferences", &[("SecurityGroupId.1", &other)]);
    let named = &named["SecurityGroupReferences"]["SecurityGroupReference"][0]["ReferencingSecurityGroups"];
    assert_eq!(text(&named["ReferencingSecurityGroup"][0]["SecurityGroupId"]), group);
    scene.ok("DeleteSecurityGroup", &[("SecurityGroupId", &group)]);
    scene.ok("DeleteSecurityGroup", &[("SecurityGroupId", &other)]);
}

#[test]
fn what_makes_no_rule_is_refused_in_the_clouds_words() {
    let mut scene = Scene::new();
    let group = scene.group("web");
    let usual = [("IpProtocol", "tcp"), ("PortRange", "80/80"), ("SourceCidrIp", "10.0.0.0/8")];
    for (name, value, status, code) in [
        ("IpProtocol", "sctp", 400, "InvalidIpProtocol.Malformed"),
        ("PortRange", "80", 400, "InvalidParam.PortRange"),
        ("PortRange", "-1/-1", 400, "InvalidParam.PortRange"),
        ("PortRange", "90/80", 400, "InvalidParam.PortRange"),
        ("SourceCidrIp", "10.0.0.0/33", 400, "InvalidParam.SourceIp"),
        ("SourceCidrIp", "10.0.0.1/8", 400, "InvalidParam.SourceIp"),
        ("SourceCidrIp", "", 400, "MissingParameter"),
        ("SourceGroupId", "sg-of-nobody", 400, "MissingParameter"),
        ("Policy", "maybe", 400, "InvalidPolicy.Malformed"),
        ("Priority", "0", 400, "InvalidPriority.Malformed"),
        ("Priority", "101", 400, "InvalidPriority.Malformed"),
        ("DestCidrIp", "10.0.0.9/32", 400, "InvalidParameter"),
        ("NicType", "internet", 400, "InvalidParameter"),
        ("SourcePortRange", "1/2", 400, "InvalidParameter"),
        ("SecurityGroupId", "sg-of-nobody", 404, "InvalidSecurityGroupId.NotFound"),
    ] {
        let mut params = std::collections::BTreeMap::from(usual);
        params.insert("SecurityGroupId", &group);
        params.insert(name, value);
        let params: Vec<_> = params.into_iter().collect();
        scene.refused("AuthorizeSecurityGroup", &params, status, code);
    }
    assert_eq!(scene.rules(&group).len(), 0);
}

#[test]
fn instances_and_interfaces_are_made_in_groups_and_join_and_leave_them() {
    let mut scene = Scene::new();
    let (web, more, vswitch) = (scene.group("web"), scene.group("more"), scene.vswitch.clone());
    let run = [
        ("VSwitchId", vswitch.as_str()),
        ("ImageId", "debian_12"),
        ("InstanceType", "ecs.g6.large"),
        ("SecurityGroupIds.1", &web),
    ];
    let instance = text(&scene.ok("RunInstances", &run)["InstanceIdSets"]["InstanceIdSet"][0]);
    let groups = |scene: &mut Scene| {
        let shown = scene.ok("DescribeInstances", &[("InstanceIds", &json!([instance]).to_string())]);
        shown["Instances"]["Instance"][0]["SecurityGroupIds"]["SecurityGroupId"].clone()
    };
    assert_eq!(groups(&mut scene), json!([web]));
    let member = [("SecurityGroupId", more.as_str()), ("InstanceId", &instance)];
    scene.ok("JoinSecurityGroup", &member);
    assert_eq!(groups(&mut scene), json!([web, more]));
    scene.refused("JoinSecurityGroup", &member, 403, "InvalidInstanceId.AlreadyExists");
    assert_eq!(scene.ok("DescribeInstances", &[("SecurityGroupId", &more)])["TotalCount"], 1);
    scene.refused("DeleteSecurityGroup", &[("SecurityGroupId", &more)], 403, "DependencyViolation");
    scene.ok("LeaveSecurityGroup", &member);
    scene.refused("LeaveSecurityGroup", &member, 403, "InstanceNotInSecurityGroup");
    let last = [("SecurityGroupId", web.as_str()), ("InstanceId", &instance)];
    scene.refused("LeaveSecurityGroup", &last, 403, "InstanceLastSecurityGroup");

    let made = scene.ok("CreateNetworkInterface", &[("VSwitchId", &vswitch), ("SecurityGroupId", &more)]);
    assert_eq!(made["SecurityGroupIds"]["SecurityGroupId"], json!([more]));
    assert_eq!(scene.ok("DescribeNetworkInterfaces", &[("SecurityGroupId", &more)])["TotalCount"], 1);
    let code = "InvalidSecurityGroupId.NotFound";
    let nowhere = [("VSwitchId", vswitch.as_str()), ("SecurityGroupId", "sg-of-nobody")];
    scene.refused("CreateNetworkInterface", &nowhere, 404, code);
    let elsewhere = text(&scene.ok("CreateVpc", &[("CidrBlock", "172.16.0.0/16")])["VpcId"]);
    let foreign = text(&scene.ok("CreateSecurityGroup", &[("VpcId", &elsewhere)])["SecurityGroupId"]);
    let stray = [("SecurityGroupId", foreign.as_str()), ("InstanceId", &instance)];
    scene.refused("JoinSecurityGroup", &stray, 403, "InvalidParameter.VPCMismatch");
}
