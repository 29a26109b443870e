"""Tencent Cloud's Python SDK, unmodified: TC3-HMAC-SHA256, and both signatures of version 1."""

import unittest
from unittest import mock

from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException
from tencentcloud.cvm.v20170312 import models as cvm
from tencentcloud.cvm.v20170312.cvm_client import CvmClient
from tencentcloud.vpc.v20170312 import models as vpc
from tencentcloud.vpc.v20170312.vpc_client import VpcClient

from clouds import eventually, script, tencent

ZONE = "ap-guangzhou-3"


def request(kind, **fields):
    made = kind()
    made._deserialize(fields)
    return made


class Scene:
    """A VPC with a subnet, and everything in it gone afterwards."""

    def __init__(self, test, cidr):
        self.vpc, self.cvm = tencent(VpcClient), tencent(CvmClient)
        made = self.vpc.CreateVpc(request(vpc.CreateVpcRequest, VpcName="shop", CidrBlock=cidr + ".0.0/16"))
        self.vpc_id = made.Vpc.VpcId
        test.addCleanup(self._delete)
        made = self.vpc.CreateSubnet(
            request(vpc.CreateSubnetRequest, VpcId=self.vpc_id, SubnetName="web", Zone=ZONE, CidrBlock=cidr + ".1.0/24")
        )
        self.subnet_id = made.Subnet.SubnetId

    def _delete(self):
        self.vpc.DeleteSubnet(request(vpc.DeleteSubnetRequest, SubnetId=self.subnet_id))
        self.vpc.DeleteVpc(request(vpc.DeleteVpcRequest, VpcId=self.vpc_id))

    def havip(self, **more):
        return self.vpc.CreateHaVip(
            request(vpc.CreateHaVipRequest, VpcId=self.vpc_id, SubnetId=self.subnet_id, HaVipName="front", **more)
        ).HaVip

    def shown(self, havip_id):
        listed = self.vpc.DescribeHaVips(request(vpc.DescribeHaVipsRequest, HaVipIds=[havip_id])).HaVipSet
        return listed[0] if listed else None

    def delete(self, havip_id):
        done = self.vpc.DeleteHaVip(request(vpc.DeleteHaVipRequest, HaVipId=havip_id))
        # The request's id is the task's.
        task = request(vpc.DescribeVpcTaskResultRequest, TaskId=done.RequestId)
        eventually(lambda: self.vpc.DescribeVpcTaskResult(task).Status == "SUCCESS", "the HAVIP is deleted")
        assert self.shown(havip_id) is None

    def run(self, address, user_data="", **more):
        made = self.cvm.RunInstances(
            request(
                cvm.RunInstancesRequest, Placement={"Zone": ZONE}, ImageId="img-1", InstanceType="S5.SMALL2",
                VirtualPrivateCloud={
                    "VpcId": self.vpc_id, "SubnetId": self.subnet_id, "PrivateIpAddresses": [address],
                },
                InstanceCount=1, UserData=user_data, **more,
            )
        )
        instance = made.InstanceIdSet[0]
        eventually(lambda: self.state(instance) == "RUNNING", "the instance runs")
        return instance

    def state(self, instance_id):
        listed = self.cvm.DescribeInstances(request(cvm.DescribeInstancesRequest, InstanceIds=[instance_id]))
        return listed.InstanceSet[0].InstanceState if listed.InstanceSet else None


class Lives(unittest.TestCase):
    def test_any_instance_of_the_subnet_takes_a_havip_unless_it_checks_associations(self):
        scene = Scene(self, "10.31")
        free, checked = scene.havip(Vip="10.31.1.88"), scene.havip(Vip="10.31.1.89", CheckAssociate=True)
        self.assertEqual((free.State, free.Vip, free.FlushedTime), ("UNBIND", "10.31.1.88", "0000-00-00 00:00:00"))
        announce = script("""
for vip in 10.31.1.88 10.31.1.89; do ip address add $vip/32 dev eth0; done
while true; do
    for vip in 10.31.1.88 10.31.1.89; do arping -q -U -c 1 -w 1 -I eth0 $vip; done
    sleep 0.2
done
""")
        instance = scene.run("10.31.1.11", announce)
        holds = lambda one: scene.shown(one.HaVipId).InstanceId == instance
        eventually(lambda: holds(free), "the instance holds the HAVIP without an association")
        shown = scene.shown(free.HaVipId)
        self.assertEqual(shown.State, "AVAILABLE")
        self.assertNotEqual(shown.FlushedTime, "0000-00-00 00:00:00")
        self.assertEqual(scene.shown(checked.HaVipId).State, "UNBIND", "it is announced by nobody who may")

        entry = {"HaVipId": checked.HaVipId, "InstanceId": instance, "InstanceType": "CVM"}
        scene.vpc.AssociateHaVipInstance(
            request(vpc.AssociateHaVipInstanceRequest, HaVipAssociationSet=[entry])
        )
        eventually(lambda: holds(checked), "the associated instance holds it")
        with self.assertRaises(TencentCloudSDKException) as refused:
            scene.delete(free.HaVipId)
        self.assertEqual(refused.exception.code, "UnsupportedOperation")

        scene.cvm.StopInstances(request(cvm.StopInstancesRequest, InstanceIds=[instance], StopType="HARD"))
        eventually(lambda: scene.shown(free.HaVipId).State == "UNBIND", "a stopped instance holds nothing")
        eventually(lambda: scene.shown(checked.HaVipId).State == "UNBIND", "a stopped instance holds nothing")
        scene.cvm.TerminateInstances(request(cvm.TerminateInstancesRequest, InstanceIds=[instance]))
        for one in (free, checked):
            scene.delete(one.HaVipId)

    def test_an_eip_is_bound_to_a_havip_by_its_address(self):
        scene = Scene(self, "10.32")
        made = scene.havip()
        allocated = scene.vpc.AllocateAddresses(request(vpc.AllocateAddressesRequest, AddressCount=1))
        task = request(vpc.DescribeTaskResultRequest, TaskId=int(allocated.TaskId))
        eventually(lambda: scene.vpc.DescribeTaskResult(task).Result == "SUCCESS", "the EIP is allocated")
        addresses = request(vpc.DescribeAddressesRequest, AddressIds=allocated.AddressSet)
        eip = scene.vpc.DescribeAddresses(addresses).AddressSet[0]
        scene.vpc.HaVipAssociateAddressIp(
            request(vpc.HaVipAssociateAddressIpRequest, HaVipId=made.HaVipId, AddressIp=eip.AddressIp)
        )
        self.assertEqual(scene.shown(made.HaVipId).AddressIp, eip.AddressIp)
        bound = lambda: scene.vpc.DescribeAddresses(addresses).AddressSet[0]
        eventually(lambda: bound().AddressStatus == "BIND", "the EIP is bound")
        self.assertEqual((bound().InstanceType, bound().InstanceId), ("HAVIP", made.HaVipId))
        scene.vpc.HaVipDisassociateAddressIp(
            request(vpc.HaVipDisassociateAddressIpRequest, HaVipId=made.HaVipId)
        )
        self.assertEqual(scene.shown(made.HaVipId).AddressIp, "")
        scene.vpc.ReleaseAddresses(request(vpc.ReleaseAddressesRequest, AddressIds=allocated.AddressSet))
        scene.delete(made.HaVipId)

    def test_a_token_does_a_thing_once(self):
        scene = Scene(self, "10.33")
        first, again = (scene.havip(ClientToken="once-10-33") for _ in range(2))
        self.assertEqual(first.HaVipId, again.HaVipId)
        scene.delete(first.HaVipId)


class Places(unittest.TestCase):
    def test_instances_of_a_placement_group_are_on_different_hosts_and_refused_where_none_is_left(self):
        scene = Scene(self, "10.34")
        tags = [{"ResourceType": "ps", "Tags": [{"Key": "team", "Value": "shop"}]}]
        made = scene.cvm.CreateDisasterRecoverGroup(
            request(cvm.CreateDisasterRecoverGroupRequest, Name="web", Type="HOST", TagSpecification=tags)
        )
        group = made.DisasterRecoverGroupId
        # The lab has two hosts and an edge, which runs instances, too.
        self.assertEqual((made.Name, made.CvmQuotaTotal, made.CurrentNum), ("web", 3, 0))

        def run(count, **more):
            wanted = request(
                cvm.RunInstancesRequest, Placement={"Zone": ZONE}, ImageId="img-9qabwvbn", InstanceType="S5.SMALL2",
                VirtualPrivateCloud={"VpcId": scene.vpc_id, "SubnetId": scene.subnet_id}, InstanceCount=count, **more,
            )
            return scene.cvm.RunInstances(wanted).InstanceIdSet

        with self.assertRaises(TencentCloudSDKException) as refused:
            run(4, DisasterRecoverGroupIds=[group])
        self.assertEqual(refused.exception.code, "ResourceInsufficient.DisasterRecoverGroupCvmQuota")
        three = run(3, DisasterRecoverGroupIds=[group])
        by_tag = [{"Name": "tag:team", "Values": ["shop"]}]
        listed = scene.cvm.DescribeDisasterRecoverGroups(
            request(cvm.DescribeDisasterRecoverGroupsRequest, Filters=by_tag)
        ).DisasterRecoverGroupSet
        self.assertEqual([(one.DisasterRecoverGroupId, sorted(one.InstanceIds)) for one in listed], [(group, sorted(three))])
        shown = scene.cvm.DescribeInstances(request(cvm.DescribeInstancesRequest, InstanceIds=three)).InstanceSet
        self.assertEqual([one.DisasterRecoverGroupIds for one in shown], [[group]] * 3)
        quota = scene.cvm.DescribeDisasterRecoverGroupQuota(request(cvm.DescribeDisasterRecoverGroupQuotaRequest))
        self.assertEqual((quota.GroupQuota, quota.CvmInHostGroupQuota), (100, 3))

        # One leaves, and another one may come in its place and nowhere else.
        other = run(1)[0]
        join = request(cvm.ModifyInstancesDisasterRecoverGroupRequest, InstanceIds=[other], DisasterRecoverGroupId=group)
        with self.assertRaises(TencentCloudSDKException) as refused:
            scene.cvm.ModifyInstancesDisasterRecoverGroup(join)
        self.assertEqual(refused.exception.code, "ResourceInsufficient.DisasterRecoverGroupCvmQuota")
        scene.cvm.DeleteInstancesDisasterRecoverGroups(
            request(
                cvm.DeleteInstancesDisasterRecoverGroupsRequest, InstanceIds=three, DisasterRecoverGroupIds=[group]
            )
        )
        scene.cvm.ModifyInstancesDisasterRecoverGroup(join)
        gone = request(cvm.DeleteDisasterRecoverGroupsRequest, DisasterRecoverGroupIds=[group])
        with self.assertRaises(TencentCloudSDKException) as refused:
            scene.cvm.DeleteDisasterRecoverGroups(gone)
        self.assertEqual(refused.exception.code, "FailedOperation.PlacementSetNotEmpty")
        scene.cvm.ModifyDisasterRecoverGroupAttribute(
            request(cvm.ModifyDisasterRecoverGroupAttributeRequest, DisasterRecoverGroupId=group, Name="front")
        )
        scene.cvm.TerminateInstances(request(cvm.TerminateInstancesRequest, InstanceIds=[*three, other]))
        scene.cvm.DeleteDisasterRecoverGroups(gone)
        with self.assertRaises(TencentCloudSDKException) as refused:
            scene.cvm.DeleteDisasterRecoverGroups(gone)
        self.assertEqual(refused.exception.code, "ResourceNotFound.InvalidPlacementSet")

    def test_the_image_is_shown_by_whatever_id_it_is_asked_for(self):
        client = tencent(CvmClient)
        public = [{"Name": "image-type", "Values": ["PUBLIC_IMAGE"]}]
        listed = client.DescribeImages(request(cvm.DescribeImagesRequest, Filters=public, InstanceType="S5.SMALL2"))
        self.assertEqual((listed.TotalCount, listed.ImageSet[0].ImageState), (1, "NORMAL"))
        named = client.DescribeImages(request(cvm.DescribeImagesRequest, ImageIds=["img-9qabwvbn"])).ImageSet
        self.assertEqual([one.ImageId for one in named], ["img-9qabwvbn"])
        with self.assertRaises(TencentCloudSDKException) as refused:
            client.DescribeImages(request(cvm.DescribeImagesRequest, ImageIds=["debian"]))
        self.assertEqual(refused.exception.code, "InvalidImageId.Malformed")


class Signatures(unittest.TestCase):
    request = request(vpc.DescribeVpcsRequest, Limit="20")

    def code(self, **how):
        with self.assertRaises(TencentCloudSDKException) as refused:
            tencent(VpcClient, **how).DescribeVpcs(self.request)
        return refused.exception.code

    def test_every_signature_by_both_methods_is_taken(self):
        for method in ("TC3-HMAC-SHA256", "HmacSHA1", "HmacSHA256"):
            for verb in ("POST", "GET"):
                answer = tencent(VpcClient, method=method, verb=verb).DescribeVpcs(self.request)
                self.assertIsInstance(answer.TotalCount, int, (method, verb))

    def test_a_wrong_secret_and_an_unknown_key_are_told_apart(self):
        for method in ("TC3-HMAC-SHA256", "HmacSHA256"):
            self.assertEqual(self.code(secret="wrong", method=method), "AuthFailure.SignatureFailure")
            self.assertEqual(self.code(key="key-of-nobody", method=method), "AuthFailure.SecretIdNotFound")

    def test_a_clock_that_is_off_is_refused(self):
        with mock.patch("time.time", return_value=1_700_000_000):
            self.assertEqual(self.code(), "AuthFailure.SignatureExpire")

    def test_a_refusal_has_its_code_and_the_requests_id(self):
        with self.assertRaises(TencentCloudSDKException) as refused:
            tencent(VpcClient).DeleteHaVip(request(vpc.DeleteHaVipRequest, HaVipId="havip-aaaaaaaa"))
        self.assertEqual(refused.exception.code, "ResourceNotFound")
        self.assertEqual(len(refused.exception.requestId), 36)


if __name__ == "__main__":
    unittest.main()
