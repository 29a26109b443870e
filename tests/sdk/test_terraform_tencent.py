"""What Terraform's provider tencentcloud asks for: its calls in its order, and what it takes for an end."""

import unittest

from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException
from tencentcloud.cvm.v20170312 import models as cvm
from tencentcloud.vpc.v20170312 import models as vpc

from clouds import eventually
from test_tencent import Scene, request


class HaVip:
    def __init__(self, scene, name, address):
        self.vpc = scene.vpc
        self.id = scene.vpc.CreateHaVip(
            request(
                vpc.CreateHaVipRequest, VpcId=scene.vpc_id, SubnetId=scene.subnet_id, HaVipName=name, Vip=address,
                CheckAssociate=True,
            )
        ).HaVip.HaVipId

    def read(self):
        """Nothing listed, and the code for it, are its two signs that a HAVIP is gone."""
        try:
            listed = self.vpc.DescribeHaVips(request(vpc.DescribeHaVipsRequest, HaVipIds=[self.id])).HaVipSet
        except TencentCloudSDKException as error:
            if error.code == "ResourceNotFound":
                return None
            raise
        return listed[0] if listed else None

    def delete(self):
        def done():
            try:
                self.vpc.DeleteHaVip(request(vpc.DeleteHaVipRequest, HaVipId=self.id))
            except TencentCloudSDKException as error:
                if error.code == "UnsupportedOperation":
                    return False
                raise
            return True

        eventually(done, "the HAVIP may be deleted")
        eventually(lambda: self.read() is None, "the HAVIP is gone")


class Provider(unittest.TestCase):
    def test_a_havip_with_an_eip_and_two_instances_is_applied_read_and_destroyed(self):
        scene = Scene(self, "10.63")
        havip = HaVip(scene, "tf-havip", "10.63.1.100")
        shown = havip.read()
        self.assertEqual((shown.HaVipName, shown.Vip, shown.VpcId), ("tf-havip", "10.63.1.100", scene.vpc_id))
        self.assertEqual((shown.SubnetId, shown.CheckAssociate, shown.AddressIp), (scene.subnet_id, True, ""))
        scene.vpc.ModifyHaVipAttribute(
            request(vpc.ModifyHaVipAttributeRequest, HaVipId=havip.id, HaVipName="tf-renamed")
        )
        self.assertEqual(havip.read().HaVipName, "tf-renamed")

        tags = [{"Key": "team", "Value": "shop"}]
        specification = [{"ResourceType": "instance", "Tags": tags}]
        machines = [scene.run(f"10.63.1.1{i}", TagSpecification=specification) for i in (1, 2)]
        listed = scene.cvm.DescribeInstances(request(cvm.DescribeInstancesRequest, InstanceIds=machines)).InstanceSet
        self.assertEqual([[(tag.Key, tag.Value) for tag in one.Tags] for one in listed], [[("team", "shop")]] * 2)
        entries = [{"HaVipId": havip.id, "InstanceId": machine, "InstanceType": "CVM"} for machine in machines]
        for entry in entries:
            scene.vpc.AssociateHaVipInstance(
                request(vpc.AssociateHaVipInstanceRequest, HaVipAssociationSet=[entry])
            )
        # It reads the first one of what the filters leave.
        for entry in entries:
            filters = {
                "havip-id": havip.id, "havip-association.instance-id": entry["InstanceId"],
                "havip-association.instance-type": "CVM",
            }
            filters = [{"Name": name, "Values": [value]} for name, value in filters.items()]
            listed = scene.vpc.DescribeHaVips(request(vpc.DescribeHaVipsRequest, Filters=filters)).HaVipSet
            first = listed[0].HaVipAssociationSet[0]
            self.assertEqual((first.HaVipId, first.InstanceId, first.InstanceType), (havip.id, entry["InstanceId"], "CVM"))

        allocated = scene.vpc.AllocateAddresses(request(vpc.AllocateAddressesRequest, AddressCount=1, Tags=tags))
        addresses = request(vpc.DescribeAddressesRequest, AddressIds=allocated.AddressSet)
        eip = lambda: scene.vpc.DescribeAddresses(addresses).AddressSet[0]
        eventually(lambda: eip().AddressStatus == "UNBIND", "the EIP is there")
        address = eip().AddressIp
        self.assertEqual([(tag.Key, tag.Value) for tag in eip().TagSet], [("team", "shop")])
        scene.vpc.HaVipAssociateAddressIp(
            request(vpc.HaVipAssociateAddressIpRequest, HaVipId=havip.id, AddressIp=address)
        )
        eventually(lambda: havip.read().AddressIp == address, "the EIP is bound")

        scene.vpc.HaVipDisassociateAddressIp(request(vpc.HaVipDisassociateAddressIpRequest, HaVipId=havip.id))
        eventually(lambda: havip.read().AddressIp == "", "the EIP is free")
        eventually(lambda: eip().AddressStatus == "UNBIND", "the EIP is free")
        scene.vpc.ReleaseAddresses(request(vpc.ReleaseAddressesRequest, AddressIds=allocated.AddressSet))
        for entry in entries:
            scene.vpc.DisassociateHaVipInstance(
                request(vpc.DisassociateHaVipInstanceRequest, HaVipAssociationSet=[entry])
            )
        havip.delete()
        scene.cvm.TerminateInstances(request(cvm.TerminateInstancesRequest, InstanceIds=machines))
        eventually(lambda: all(scene.state(machine) is None for machine in machines), "the instances are gone")


if __name__ == "__main__":
    unittest.main()
