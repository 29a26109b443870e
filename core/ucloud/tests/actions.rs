//! What actions do and answer, on a world without hosts in between.

mod client;

use client::Client;
use havip_dialect::trial::Trial;
use havip_model::{Binding, Profile};
use serde_json::{Value, json};

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_string()
}

mod public {
    use super::*;

    struct Scene {
        client: Client,
        trial: Trial,
        vpc: String,
        subnet: String,
    }

    impl Scene {
        fn new() -> Self {
            let (client, mut trial) = (Client::new("/"), Trial::new("local-a"));
            let vpc = client.ok(&mut trial, "CreateVPC", &[("Name", "shop"), ("Network.0", "10.0.0.0/16")]);
            let vpc = text(&vpc["VPCId"]);
            let subnet = client.ok(&mut trial, "CreateSubnet", &[("VPCId", &vpc), ("Subnet", "10.0.1.0")]);
            let subnet = text(&subnet["SubnetId"]);
            Self { client, trial, vpc, subnet }
        }

        fn ok(&mut self, action: &str, params: &[(&str, &str)]) -> Value {
            self.client.ok(&mut self.trial, action, params)
        }
    }

    #[test]
    fn a_vip_is_allocated_shown_with_its_holder_and_released() {
        let mut scene = Scene::new();
        let (vpc, subnet) = (scene.vpc.clone(), scene.subnet.clone());
        let made = scene.ok(
            "AllocateVIP",
            &[("VPCId", &vpc), ("SubnetId", &subnet), ("Ip", "10.0.1.88"), ("Tag", "web")],
        );
        assert_eq!(made["DataSet"], json!(["10.0.1.88"]));
        let id = text(&made["VIPSet"][0]["VIPId"]);
        let vip = scene.trial.world.vips.values().next().unwrap().clone();
        assert_eq!(vip.binding, Binding::Subnet, "nobody is associated here: the subnet may claim it");
        let shown = scene.ok("DescribeVIP", &[("VPCId", &vpc), ("VIPId", &id)])["VIPSet"][0].clone();
        assert_eq!(
            (&shown["Name"], &shown["Tag"], &shown["RealIp"]),
            (&json!("VIP"), &json!("web"), &json!(""))
        );
        assert!(shown["CreateTime"].is_u64());

        let step = havip_admission::request::RunInstance::of(vip.subnet);
        let made = scene.trial.change(&[havip_admission::Request::from(step).into()]).unwrap();
        let havip_model::ResourceKey::Instance(instance) = made[0] else { unreachable!() };
        scene.trial.claim(&vip, instance);
        assert_eq!(scene.ok("DescribeVIP", &[])["VIPSet"][0]["RealIp"], "10.0.1.3");
        scene.ok("UpdateVIPAttribute", &[("VIPId", &id), ("Name", "front"), ("Remark", "of the shop")]);
        assert_eq!(scene.ok("DescribeVIP", &[])["VIPSet"][0]["Remark"], "of the shop");
        scene.ok("ReleaseVIP", &[("VIPId", &id)]);
        assert_eq!(scene.ok("DescribeVIP", &[])["TotalCount"], 0);
    }

    #[test]
    fn refusals_are_below_2000_which_the_sdk_does_not_repeat() {
        let mut scene = Scene::new();
        let (vpc, subnet) = (scene.vpc.clone(), scene.subnet.clone());
        let same = [("VPCId", vpc.as_str()), ("SubnetId", &subnet), ("Ip", "10.0.1.88")];
        scene.ok("AllocateVIP", &same);
        let Scene { client, trial, .. } = &mut scene;
        client.refused(trial, "AllocateVIP", &same, 304);
        client.refused(trial, "AllocateVIP", &[("VPCId", &vpc)], 220);
        client.refused(trial, "AllocateVIP", &[("VPCId", "uvnet-aaaaaaaa"), ("SubnetId", &subnet)], 301);
        client.refused(trial, "ReleaseVIP", &[("VIPId", "vip-aaaaaaaa")], 301);
        client.refused(trial, "DeleteSubnet", &[("SubnetId", &subnet)], 302);
        client.refused(trial, "AllocateVIP", &[("VPCId", &vpc), ("SubnetId", &subnet), ("Count", "51")], 230);
    }

    #[test]
    fn several_are_allocated_at_once_or_none() {
        let mut scene = Scene::new();
        let (vpc, subnet) = (scene.vpc.clone(), scene.subnet.clone());
        let made = scene.ok("AllocateVIP", &[("VPCId", &vpc), ("SubnetId", &subnet), ("Count", "3")]);
        assert_eq!(made["VIPSet"].as_array().unwrap().len(), 3);
        let Scene { client, trial, .. } = &mut scene;
        client.refused(trial, "AllocateVIP", &[("VPCId", &vpc), ("SubnetId", &subnet), ("Count", "48")], 303);
        assert_eq!(scene.ok("DescribeVIP", &[])["TotalCount"], 3);
        assert_eq!(scene.ok("DescribeSubnet", &[("VPCId", &vpc)])["DataSet"][0]["Netmask"], "24");
    }
}

mod stack {
    use super::*;

    struct Scene {
        client: Client,
        trial: Trial,
        vpc: String,
        subnet: String,
        group: String,
    }

    impl Scene {
        fn new() -> Self {
            let (client, mut trial) = (Client::new("/api"), Trial::new("local-a"));
            let all = [("Name", "all"), ("Rule.0", "ALL||0.0.0.0/0|ACCEPT|LOW|1")];
            let group = text(&client.ok(&mut trial, "CreateSecurityGroup", &all)["SGID"]);
            let vpc = client.ok(&mut trial, "CreateVPC", &[("Name", "shop"), ("Network", "10.0.0.0/16")]);
            let vpc = text(&vpc["VPCID"]);
            let params = [("Name", "web"), ("VPCID", vpc.as_str()), ("Network", "10.0.1.0/24")];
            let subnet = text(&client.ok(&mut trial, "CreateSubnet", &params)["SubnetID"]);
            Self { client, trial, vpc, subnet, group }
        }

        fn ok(&mut self, action: &str, params: &[(&str, &str)]) -> Value {
            self.client.ok(&mut self.trial, action, params)
        }

        fn refused(&mut self, action: &str, params: &[(&str, &str)], code: u32) {
            self.client.refused(&mut self.trial, action, params, code);
        }

        fn vm(&mut self, name: &str) -> String {
            let (vpc, subnet, group) = (self.vpc.clone(), self.subnet.clone(), self.group.clone());
            let params = [
                ("Name", name),
                ("VPCID", &vpc),
                ("SubnetID", &subnet),
                ("CPU", "2"),
                ("Memory", "2048"),
                ("ImageID", "image-1"),
                ("VMType", "Normal"),
                ("Password", "abc"),
                ("ChargeType", "Dynamic"),
                ("WANSGID", &group),
            ];
            text(&self.ok("CreateVMInstance", &params)["VMID"])
        }

        fn vip(&mut self, vms: &[&str]) -> String {
            let (vpc, subnet) = (self.vpc.clone(), self.subnet.clone());
            let names: Vec<String> = (0..vms.len()).map(|at| format!("AssociatedResourceIDs.{at}")).collect();
            let mut params = vec![
                ("Name", "front"),
                ("VIPType", "LAN"),
                ("VPCID", vpc.as_str()),
                ("SubnetID", &subnet),
                ("Quantity", "1"),
            ];
            params.extend(names.iter().map(String::as_str).zip(vms.iter().copied()));
            text(&self.ok("AllocateVIP", &params)["VIPID"])
        }

        fn shown(&mut self, vip: &str) -> Value {
            self.ok("DescribeVIP", &[("VIPIDs.0", vip)])["Infos"][0].clone()
        }
    }

    #[test]
    fn the_machines_of_a_vip_are_replaced_as_a_whole_and_unbound_by_an_empty_set() {
        let mut scene = Scene::new();
        let vms = [scene.vm("a"), scene.vm("b"), scene.vm("c"), scene.vm("d")];
        let vip = scene.vip(&[&vms[0], &vms[1]]);
        let shown = scene.shown(&vip);
        assert_eq!(
            (&shown["Status"], &shown["IP"], &shown["SubnetName"]),
            (&json!("Available"), &json!("10.0.1.7"), &json!("web"))
        );
        let stored = scene.trial.world.vips.values().next().unwrap().clone();
        assert_eq!((stored.profile, stored.binding), (Profile::Ucloudstack, Binding::Associated));

        let three = [
            ("VIPID", vip.as_str()),
            ("AssociatedResourceIDs.0", &vms[1]),
            ("AssociatedResourceIDs.1", &vms[2]),
            ("AssociatedResourceIDs.2", &vms[3]),
        ];
        scene.ok("UpdateVIPBindResource", &three);
        let names = |shown: &Value| {
            shown["AssociatedResources"]
                .as_array()
                .unwrap()
                .iter()
                .map(|one| text(&one["ResourceName"]))
                .collect::<Vec<_>>()
        };
        assert_eq!(names(&scene.shown(&vip)), ["b", "c", "d"]);
        let mut four = three.to_vec();
        four.push(("AssociatedResourceIDs.3", &vms[0]));
        scene.refused("UpdateVIPBindResource", &four, 303);
        assert_eq!(names(&scene.shown(&vip)), ["b", "c", "d"], "a refused update leaves the old set");
        scene.ok("UpdateVIPBindResource", &[("VIPID", &vip)]);
        assert_eq!(scene.shown(&vip)["AssociatedResources"], json!([]));
    }

    #[test]
    fn a_release_unbinds_by_itself_but_leaves_no_eip_without_a_target() {
        let mut scene = Scene::new();
        let vm = scene.vm("a");
        let vip = scene.vip(&[&vm]);
        let eip = text(&scene.ok("AllocateEIP", &[("Name", "out"), ("Bandwidth", "5")])["EIPID"]);
        scene.ok("BindEIP", &[("EIPID", &eip), ("ResourceID", &vip), ("ResourceType", "VIP")]);
        scene.refused("ReleaseVIP", &[("VIPID", &vip)], 302);
        scene.ok("UnBindEIP", &[("EIPID", &eip), ("ResourceID", &vip), ("ResourceType", "VIP")]);
        scene.ok("ReleaseVIP", &[("VIPID", &vip)]);
        assert_eq!(scene.ok("DescribeVIP", &[])["TotalCount"], 0);
        assert_eq!(scene.ok("DescribeEIP", &[])["Totalcount"], 1);
    }

    #[test]
    fn machines_start_stop_and_go_and_anything_is_renamed() {
        let mut scene = Scene::new();
        let vm = scene.vm("a");
        let shown = scene.ok("DescribeVMInstance", &[("VMIDs.0", &vm)])["Infos"][0].clone();
        assert_eq!(
            (&shown["State"], &shown["CPU"], &shown["Memory"]),
            (&json!("Running"), &json!(2), &json!(2048))
        );
        scene.refused("DeleteVMInstance", &[("VMID", &vm)], 305);
        scene.ok("RestartVMInstance", &[("VMID", &vm)]);
        scene.ok("StopVMInstance", &[("VMID", &vm)]);
        scene.refused("RestartVMInstance", &[("VMID", &vm)], 305);
        scene.ok("StartVMInstance", &[("VMID", &vm)]);
        scene.ok("PoweroffVMInstance", &[("VMID", &vm)]);
        scene.ok("ModifyNameAndRemark", &[("ResourceID", &vm), ("Name", "z")]);
        assert_eq!(scene.ok("DescribeVMInstance", &[])["Infos"][0]["Name"], "z");
        scene.ok("DeleteVMInstance", &[("VMID", &vm)]);
        assert_eq!(scene.ok("DescribeVMInstance", &[])["TotalCount"], 0);
    }

    #[test]
    fn a_vip_is_made_with_tags_in_base64_and_shows_them() {
        let mut scene = Scene::new();
        let (vpc, subnet) = (scene.vpc.clone(), scene.subnet.clone());
        let encoded = |text: &str| havip_dialect::encode_base64(text.as_bytes());
        let with = |first: &str, second: &str| {
            let tags =
                [("TagKeyValuePairs.0", first.to_string()), ("TagKeyValuePairs.1", second.to_string())];
            let rest = [("Name", "x"), ("VIPType", "LAN"), ("VPCID", vpc.as_str()), ("SubnetID", &subnet)];
            rest.map(|(name, value)| (name, value.to_string())).into_iter().chain(tags).collect::<Vec<_>>()
        };
        for (first, second, code) in [
            (encoded("k:a"), encoded("k:b"), 230),
            (encoded("no colon"), encoded("k:v"), 230),
            ("%%".into(), encoded("k:v"), 230),
            (encoded("aliyun:v"), encoded("k:v"), 230),
        ] {
            let params = with(&first, &second);
            let params: Vec<(&str, &str)> =
                params.iter().map(|(name, value)| (*name, value.as_str())).collect();
            scene.refused("AllocateVIP", &params, code);
        }
        let params = with(&encoded("team:shop"), &encoded("see:a:b"));
        let params: Vec<(&str, &str)> = params.iter().map(|(name, value)| (*name, value.as_str())).collect();
        scene.ok("AllocateVIP", &params);
        let shown = scene.ok("DescribeVIP", &[])["Infos"][0]["Tags"].clone();
        assert_eq!(shown, json!([{"Key": "see", "Value": "a:b"}, {"Key": "team", "Value": "shop"}]));
    }

    #[test]
    fn whatever_is_made_in_ucloudstack_may_have_tags() {
        let mut scene = Scene::new();
        let (vpc, subnet, group) = (scene.vpc.clone(), scene.subnet.clone(), scene.group.clone());
        let [tag, odd] = [&b"team:shop"[..], b"aliyun:shop"].map(havip_dialect::encode_base64);
        let within = [("VPCID", vpc.as_str()), ("SubnetID", subnet.as_str())];
        let machine = [("CPU", "1"), ("Memory", "512"), ("ImageID", "image-1"), ("VMType", "Normal")];
        let machine = [&machine[..], &within, &[("WANSGID", group.as_str())]].concat();
        let nic = [&within[..], &[("SGID", group.as_str())]].concat();
        for (create, describe, rest) in [
            ("CreateVPC", "DescribeVPC", vec![("Network", "10.1.0.0/16")]),
            ("CreateSubnet", "DescribeSubnet", vec![("VPCID", vpc.as_str()), ("Network", "10.0.2.0/24")]),
            ("CreateSecurityGroup", "DescribeSecurityGroup", vec![("Rule.0", "ALL||0.0.0.0/0|ACCEPT|LOW|1")]),
            ("CreateVMInstance", "DescribeVMInstance", machine),
            ("CreateNIC", "DescribeNIC", nic),
            ("AllocateEIP", "DescribeEIP", vec![("Bandwidth", "5")]),
        ] {
            let with = |tag| [&[("Name", "tagged"), ("TagKeyValuePairs.0", tag)], &rest[..]].concat();
            scene.refused(create, &with(odd.as_str()), 230);
            scene.ok(create, &with(tag.as_str()));
            let shown = scene.ok(describe, &[])["Infos"].as_array().unwrap().clone();
            let tags: Vec<&Value> =
                shown.iter().filter(|one| one["Name"] == "tagged").map(|one| &one["Tags"]).collect();
            assert_eq!(tags, [&json!([{"Key": "team", "Value": "shop"}])], "{describe}: {shown:?}");
        }
    }

    #[test]
    fn a_search_is_fuzzy_and_a_wide_vip_is_refused() {
        let mut scene = Scene::new();
        scene.vip(&[]);
        assert_eq!(scene.ok("DescribeVIP", &[("Keyword", "RON")])["TotalCount"], 1);
        assert_eq!(scene.ok("DescribeVIP", &[("Keyword", "back")])["TotalCount"], 0);
        let (vpc, subnet) = (scene.vpc.clone(), scene.subnet.clone());
        let wide = [("Name", "x"), ("VIPType", "WAN"), ("VPCID", vpc.as_str()), ("SubnetID", &subnet)];
        scene.refused("AllocateVIP", &wide, 306);
        let vip = scene.vip(&[]);
        let wider = [("VIPID", vip.as_str()), ("Bandwidth", "20")];
        scene.refused("UpdateVIPBandwidth", &wider, 306);
        assert_eq!(scene.ok("GetVIPDiffPrice", &wider)["Infos"][0]["Price"], 0);
    }

    #[test]
    fn a_group_s_rules_come_and_go_and_it_guards_what_names_it() {
        let mut scene = Scene::new();
        let (vpc, subnet) = (scene.vpc.clone(), scene.subnet.clone());
        let made =
            scene.ok("CreateSecurityGroup", &[("Name", "web"), ("Rule.0", "TCP|80|0.0.0.0/0|ACCEPT|HIGH|1")]);
        let group = text(&made["SGID"]);
        let rule = [("SGID", group.as_str()), ("Rules.0", "UDP|53-60|fd00::/8|DROP|MEDIUM|1")];
        let added = text(&scene.ok("CreateSecurityGroupRule", &rule)["SGRuleID"]);
        let shown =
            |scene: &mut Scene| scene.ok("DescribeSecurityGroup", &[("SGIDs.0", &group)])["Infos"][0].clone();
        let says = |one: &Value| {
            ["ProtocolType", "DstPort", "SrcIP", "RuleAction", "Priority", "IsIn"]
                .map(|name| text(&one[name]))
                .join("|")
        };
        let rules = |scene: &mut Scene| -> Vec<String> {
            shown(scene)["Rule"].as_array().unwrap().iter().map(says).collect()
        };
        let web = "TCP|80|0.0.0.0/0|ACCEPT|HIGH|1";
        let out = "ALL||0.0.0.0/0|ACCEPT|LOW|0";
        assert_eq!(rules(&mut scene), [out, web, "UDP|53-60|fd00::/8|DROP|MEDIUM|1"]);
        let other = format!("ICMP||10.0.0.0/8|ACCEPT|LOW|1|{added}");
        scene.ok("UpdateSecurityGroupRule", &[("SGID", &group), ("Rules.0", &other)]);
        assert_eq!(rules(&mut scene), [out, web, "ICMP||10.0.0.0/8|ACCEPT|LOW|1"]);
        let last = text(&shown(&mut scene)["Rule"][2]["RuleID"]);
        scene.ok("DeleteSecurityGroupRule", &[("SGID", &group), ("SGRuleID", &last)]);
        assert_eq!(rules(&mut scene), [out, web]);
        for wrong in
            ["TCP|80|0.0.0.0/0|ACCEPT|HIGH", "TCP|80|here|ACCEPT|HIGH|1", "TCP|80|::/0|ACCEPT|URGENT|1", ""]
        {
            scene.refused("CreateSecurityGroupRule", &[("SGID", &group), ("Rules.0", wrong)], 230);
        }

        let vm = scene.vm("web");
        let bind = [("SGID", group.as_str()), ("ResourceID", &vm)];
        scene.ok("BindSecurityGroup", &bind);
        let members = scene.ok("DescribeSecurityGroupResource", &[("SGID", &group)]);
        assert_eq!((&members["TotalCount"], &members["Infos"][0]["ResourceID"]), (&json!(1), &json!(vm)));
        scene.refused("DeleteSecurityGroup", &[("SGID", &group)], 302);
        scene.ok("UnBindSecurityGroup", &bind);
        scene.refused("UnBindSecurityGroup", &bind, 304);
        let nic = [("Name", "n"), ("VPCID", &vpc), ("SubnetID", &subnet), ("SGID", "sg-aaaaaaaaaaaa")];
        scene.refused("CreateNIC", &nic, 301);
        scene.ok("DeleteSecurityGroup", &[("SGID", &group)]);
    }
}
