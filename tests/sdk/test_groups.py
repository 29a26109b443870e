"""Security groups by the clouds' own SDKs: their rules decide what instances are reached by."""

import unittest

from alibabacloud_ecs20140526 import models as ecs
from alibabacloud_tea_openapi.exceptions import ClientException
from alibabacloud_vpc20160428 import models as alibaba
from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException
from tencentcloud.cvm.v20170312 import models as cvm
from tencentcloud.vpc.v20170312 import models as vpc
from ucloud.core import exc
from ucloud.services.ucloudstack.client import UCloudStackClient

import test_aliyun
import test_tencent
from clouds import REGION, eventually, script, ucloud_config
from test_tencent import request
from test_ucloud import PLACE


def claims_what_it_reaches(shut, vip_of_shut, open_, vip_of_open):
    """A guest that takes one VIP while it reaches one address, and another for the other: who holds them tells."""
    return script(f"""
while true; do
    for pair in {shut}={vip_of_shut} {open_}={vip_of_open}; do
        ping -q -c 1 -W 1 ${{pair%=*}} > /dev/null || continue
        ip address replace ${{pair#*=}}/32 dev eth0
        arping -q -U -c 1 -w 1 -I eth0 ${{pair#*=}}
    done
    sleep 0.2
done
""")


class Alibaba(unittest.TestCase):
    def test_a_rule_opens_what_a_group_keeps_shut_and_its_members_reach_each_other(self):
        scene = test_aliyun.Scene(self, "172.26")
        make = lambda name: scene.ecs.create_security_group(
            ecs.CreateSecurityGroupRequest(region_id=REGION, vpc_id=scene.vpc_id, security_group_name=name)
        ).body.security_group_id
        web, shut = make("web"), make("shut")
        listed = scene.ecs.describe_security_groups(
            ecs.DescribeSecurityGroupsRequest(region_id=REGION, vpc_id=scene.vpc_id)
        ).body.security_groups.security_group
        self.assertEqual(sorted(one.security_group_name for one in listed), ["default", "shut", "web"])

        vips = {address: scene.havip(ip_address=address).ha_vip_id for address in ("172.26.0.88", "172.26.0.89")}

        def run(address, group, user_data=""):
            made = scene.ecs.run_instances(
                ecs.RunInstancesRequest(
                    region_id=REGION, image_id="debian_12", instance_type="ecs.t6-c1m2.large",
                    v_switch_id=scene.vswitch_id, private_ip_address=address, security_group_id=group,
                    user_data=user_data,
                )
            ).body.instance_id_sets.instance_id_set[0]
            eventually(lambda: scene.status(made) == "Running", "the instance runs")
            return made

        closed, opened = run("172.26.0.11", shut), run("172.26.0.12", web)
        client = run(
            "172.26.0.13", web, claims_what_it_reaches("172.26.0.11", "172.26.0.88", "172.26.0.12", "172.26.0.89")
        )
        for havip in vips.values():
            scene.vpc.associate_ha_vip(
                alibaba.AssociateHaVipRequest(region_id=REGION, ha_vip_id=havip, instance_id=client)
            )
        holds = lambda address: scene.shown(vips[address]).master_instance_id == client
        # One of its own group it reaches, after it has tried the other.
        eventually(lambda: holds("172.26.0.89"), "the client reaches a member of its group", 30)
        self.assertFalse(holds("172.26.0.88"), "nobody lets it in")

        scene.ecs.authorize_security_group(
            ecs.AuthorizeSecurityGroupRequest(
                region_id=REGION, security_group_id=shut, ip_protocol="icmp", port_range="-1/-1",
                source_group_id=web, priority="1",
            )
        )
        eventually(lambda: holds("172.26.0.88"), "a rule lets the client in", 30)
        rules = lambda: scene.ecs.describe_security_group_attribute(
            ecs.DescribeSecurityGroupAttributeRequest(region_id=REGION, security_group_id=shut, direction="ingress")
        ).body
        [rule] = rules().permissions.permission
        self.assertEqual((rule.ip_protocol, rule.port_range, rule.policy), ("ICMP", "-1/-1", "Accept"))
        self.assertEqual((rule.source_group_id, rule.source_group_name), (web, "web"))
        self.assertEqual(rules().inner_access_policy, "Accept")

        with self.assertRaises(ClientException) as refused:
            scene.ecs.delete_security_group(
                ecs.DeleteSecurityGroupRequest(region_id=REGION, security_group_id=web)
            )
        self.assertEqual(refused.exception.code, "DependencyViolation")
        scene.ecs.revoke_security_group(
            ecs.RevokeSecurityGroupRequest(
                region_id=REGION, security_group_id=shut, security_group_rule_id=[rule.security_group_rule_id]
            )
        )
        self.assertEqual(rules().permissions.permission, [])

        # An instance may be in several, and not in none.
        move = lambda kind, call: call(kind(region_id=REGION, security_group_id=web, instance_id=closed))
        move(ecs.JoinSecurityGroupRequest, scene.ecs.join_security_group)
        with self.assertRaises(ClientException) as refused:
            move(ecs.JoinSecurityGroupRequest, scene.ecs.join_security_group)
        self.assertEqual(refused.exception.code, "InvalidInstanceId.AlreadyExists")
        move(ecs.LeaveSecurityGroupRequest, scene.ecs.leave_security_group)
        with self.assertRaises(ClientException) as refused:
            scene.ecs.leave_security_group(
                ecs.LeaveSecurityGroupRequest(region_id=REGION, security_group_id=shut, instance_id=closed)
            )
        self.assertEqual(refused.exception.code, "InstanceLastSecurityGroup")

        everyone = [closed, opened, client]
        for havip in vips.values():
            scene.vpc.unassociate_ha_vip(
                alibaba.UnassociateHaVipRequest(region_id=REGION, ha_vip_id=havip, instance_id=client, force="True")
            )
            scene.delete(havip)
        scene.ecs.delete_instances(ecs.DeleteInstancesRequest(region_id=REGION, instance_id=everyone, force=True))
        eventually(lambda: all(scene.status(one) is None for one in everyone), "the instances are gone")
        for group in (web, shut):
            scene.ecs.delete_security_group(
                ecs.DeleteSecurityGroupRequest(region_id=REGION, security_group_id=group)
            )


class Tencent(unittest.TestCase):
    def test_policies_count_by_their_places_and_decide_in_every_vpc(self):
        scene = test_tencent.Scene(self, "10.34")
        make = lambda name: scene.vpc.CreateSecurityGroup(
            request(vpc.CreateSecurityGroupRequest, GroupName=name, GroupDescription="of the shop")
        ).SecurityGroup.SecurityGroupId
        shut, open_ = make("shut"), make("open")

        def add(group, direction, *policies):
            scene.vpc.CreateSecurityGroupPolicies(
                request(
                    vpc.CreateSecurityGroupPoliciesRequest, SecurityGroupId=group,
                    SecurityGroupPolicySet={direction: list(policies)},
                )
            )

        anybody = {"Protocol": "ALL", "CidrBlock": "0.0.0.0/0", "Action": "ACCEPT"}
        for direction in ("Ingress", "Egress"):
            add(open_, direction, anybody)
        holder = lambda address: scene.shown(vips[address]).InstanceId
        vips = {address: scene.havip(Vip=address).HaVipId for address in ("10.34.1.88", "10.34.1.89")}

        def run(address, group, user_data=""):
            made = scene.cvm.RunInstances(
                request(
                    cvm.RunInstancesRequest, Placement={"Zone": test_tencent.ZONE}, ImageId="img-1",
                    VirtualPrivateCloud={
                        "VpcId": scene.vpc_id, "SubnetId": scene.subnet_id, "PrivateIpAddresses": [address],
                    },
                    SecurityGroupIds=[group], UserData=user_data,
                )
            ).InstanceIdSet[0]
            eventually(lambda: scene.state(made) == "RUNNING", "the instance runs")
            return made

        servers = [run("10.34.1.11", shut), run("10.34.1.12", open_)]
        client = run(
            "10.34.1.13", open_, claims_what_it_reaches("10.34.1.11", "10.34.1.88", "10.34.1.12", "10.34.1.89")
        )
        eventually(lambda: holder("10.34.1.89") == client, "the client reaches the open one", 30)
        self.assertNotEqual(holder("10.34.1.88"), client, "a group without policies lets nobody in")

        drop = {"Protocol": "ICMP", "CidrBlock": "10.34.1.13/32", "Action": "DROP"}
        add(shut, "Ingress", drop, {"Protocol": "ICMP", "SecurityGroupId": open_, "Action": "ACCEPT"})
        policies = lambda: scene.vpc.DescribeSecurityGroupPolicies(
            request(vpc.DescribeSecurityGroupPoliciesRequest, SecurityGroupId=shut)
        ).SecurityGroupPolicySet
        said = [(one.PolicyIndex, one.Action) for one in policies().Ingress]
        self.assertEqual(said, [(0, "DROP"), (1, "ACCEPT")])
        self.assertNotEqual(holder("10.34.1.88"), client, "the first one counts")
        with self.assertRaises(TencentCloudSDKException) as refused:
            add(shut, "Ingress", drop)
        self.assertEqual(refused.exception.code, "InvalidParameterValue.Duplicate")
        version = policies().Version
        delete = lambda: scene.vpc.DeleteSecurityGroupPolicies(
            request(
                vpc.DeleteSecurityGroupPoliciesRequest, SecurityGroupId=shut,
                SecurityGroupPolicySet={"Version": version, "Ingress": [{"PolicyIndex": 0}]},
            )
        )
        delete()
        eventually(lambda: holder("10.34.1.88") == client, "the second one lets the client in", 30)
        with self.assertRaises(TencentCloudSDKException) as refused:
            delete()
        self.assertEqual(refused.exception.code, "UnsupportedOperation.VersionMismatch")

        with self.assertRaises(TencentCloudSDKException) as refused:
            scene.vpc.DeleteSecurityGroup(request(vpc.DeleteSecurityGroupRequest, SecurityGroupId=open_))
        self.assertEqual(refused.exception.code, "ResourceInUse")
        everyone = [*servers, client]
        scene.cvm.TerminateInstances(request(cvm.TerminateInstancesRequest, InstanceIds=everyone))
        eventually(lambda: all(scene.state(one) is None for one in everyone), "the instances are gone")
        for havip in vips.values():
            eventually(lambda: scene.shown(havip).State == "UNBIND", "nobody holds it")
            scene.delete(havip)
        for group in (shut, open_):
            scene.vpc.DeleteSecurityGroup(request(vpc.DeleteSecurityGroupRequest, SecurityGroupId=group))


class Stack(unittest.TestCase):
    def test_a_group_and_its_rules_live_and_are_bound(self):
        client = UCloudStackClient(ucloud_config("/api"))
        group = client.create_security_group(
            {"Name": "web", "Rule": ["TCP|80|0.0.0.0/0|ACCEPT|HIGH|1"], **PLACE}
        )["SGID"]
        client.create_security_group_rule({"SGID": group, "Rules": ["UDP|53|10.0.0.0/8|DROP|LOW|1"], **PLACE})
        shown = lambda: client.describe_security_group({"SGIDs": [group], **PLACE})["Infos"][0]
        ours = lambda: [
            (one["ProtocolType"], one["DstPort"], one["SrcIP"], one["RuleAction"], one["Priority"])
            for one in shown()["Rule"] if one["IsIn"] == "1"
        ]
        self.assertEqual(
            ours(),
            [("TCP", "80", "0.0.0.0/0", "ACCEPT", "HIGH"), ("UDP", "53", "10.0.0.0/8", "DROP", "LOW")],
        )
        rule = shown()["Rule"][-1]["RuleID"]
        client.update_security_group_rule(
            {"SGID": group, "Rules": [f"UDP|53|10.0.0.0/8|ACCEPT|MEDIUM|1|{rule}"], **PLACE}
        )
        self.assertEqual(ours()[-1], ("UDP", "53", "10.0.0.0/8", "ACCEPT", "MEDIUM"))

        network = client.create_vpc({"Name": "shop", "Network": "10.43.0.0/16", **PLACE})["VPCID"]
        subnet = client.create_subnet({"VPCID": network, "Name": "web", "Network": "10.43.1.0/24", **PLACE})
        nic = client.create_nic(
            {"Name": "n", "VPCID": network, "SubnetID": subnet["SubnetID"], "SGID": group, **PLACE}
        )["NICID"]
        bound = lambda: client.describe_security_group_resource({"SGID": group, **PLACE})["Infos"]
        self.assertEqual([one["ResourceID"] for one in bound()], [nic])
        with self.assertRaises(exc.RetCodeException) as refused:
            client.delete_security_group({"SGID": group, **PLACE})
        self.assertEqual(refused.exception.code, 302)
        with self.assertRaises(exc.RetCodeException) as refused:
            client.un_bind_security_group({"SGID": group, "ResourceID": nic, **PLACE})
        self.assertEqual(refused.exception.code, 304, "it would have none left")
        client.invoke("DeleteNIC", {"NICID": nic, **PLACE})
        rule = shown()["Rule"][-1]["RuleID"]
        client.delete_security_group_rule({"SGID": group, "SGRuleID": rule, **PLACE})
        self.assertEqual(len(ours()), 1)
        client.delete_security_group({"SGID": group, **PLACE})
        client.delete_subnet({"SubnetID": subnet["SubnetID"], **PLACE})
        client.delete_vpc({"VPCID": network, **PLACE})


if __name__ == "__main__":
    unittest.main()
