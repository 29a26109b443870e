"""UCloud's Python SDK, unmodified, against both of its clouds."""

import base64
import unittest

from ucloud.client import Client
from ucloud.core import exc
from ucloud.services.ucloudstack.client import UCloudStackClient

from clouds import eventually, ucloud_config

PLACE = {"Region": "cn-bj2", "Zone": "cn-bj2-02"}


class Public(unittest.TestCase):
    def test_a_vip_is_allocated_described_and_released(self):
        client = Client(ucloud_config()).vpc()
        vpc = client.create_vpc({"Name": "shop", "Network": ["10.41.0.0/16"]})["VPCId"]
        subnet = client.create_subnet({"VPCId": vpc, "Subnet": "10.41.1.0", "Netmask": 24})["SubnetId"]
        made = client.allocate_vip({"VPCId": vpc, "SubnetId": subnet, "Ip": "10.41.1.88", "Name": "名 a"})
        self.assertEqual(made["DataSet"], ["10.41.1.88"])
        vip = made["VIPSet"][0]["VIPId"]
        with self.assertRaises(exc.RetCodeException) as refused:
            client.allocate_vip({"VPCId": vpc, "SubnetId": subnet, "Ip": "10.41.1.88"})
        self.assertEqual(refused.exception.code, 304)
        shown = client.describe_vip({"VPCId": vpc, "VIPId": vip})["VIPSet"][0]
        self.assertEqual((shown["VIP"], shown["Name"], shown["RealIp"]), ("10.41.1.88", "名 a", ""))
        client.update_vip_attribute({"VIPId": vip, "Name": "back"})
        client.update_vip_attribute({"VIPId": vip, "Tag": "shops"})
        found = client.describe_vip({"VPCId": vpc, "Tag": "shops"})["VIPSet"]
        self.assertEqual([(one["VIPId"], one["Name"]) for one in found], [(vip, "back")])
        client.release_vip({"VIPId": vip})
        eventually(lambda: client.describe_vip({"VIPId": vip})["TotalCount"] == 0, "the VIP is gone")
        client.delete_subnet({"SubnetId": subnet})
        client.delete_vpc({"VPCId": vpc})

    def test_a_wrong_secret_and_an_unknown_key_are_told_apart(self):
        for how, code in (({"secret": "wrong"}, 171), ({"key": "key-of-nobody"}, 172)):
            with self.assertRaises(exc.RetCodeException) as refused:
                Client(ucloud_config(**how)).vpc().describe_vpc()
            self.assertEqual(refused.exception.code, code)


class Stack(unittest.TestCase):
    def test_three_machines_of_a_vip_are_replaced_and_unbound(self):
        client = UCloudStackClient(ucloud_config("/api"))
        vpc = client.create_vpc({"Name": "shop", "Network": "10.42.0.0/16", **PLACE})["VPCID"]
        subnet = client.create_subnet({"VPCID": vpc, "Name": "web", "Network": "10.42.1.0/24", **PLACE})["SubnetID"]

        group = client.create_security_group({"Name": "all", "Rule": ["ALL||0.0.0.0/0|ACCEPT|LOW|1"], **PLACE})["SGID"]

        def machine(name):
            return client.create_vm_instance(
                {
                    "BootDiskSetType": "Normal", "DataDiskSetType": "Normal", "CPU": 1, "Memory": 512, "ChargeType": "Dynamic",
                    "ImageID": "image-1", "Name": name, "Password": "Abc123456", "SubnetID": subnet, "VMType": "Normal",
                    "VPCID": vpc, "WANSGID": group, **PLACE,
                }
            )["VMID"]

        # The typed client has no tags either.
        tag = base64.b64encode(b"team:shop").decode()
        invoked = lambda action, **fields: client.invoke(action, {**PLACE, **fields})
        eip = invoked("AllocateEIP", Name="out", Bandwidth=5, TagKeyValuePairs=[tag])["EIPID"]
        self.assertEqual(invoked("DescribeEIP", EIPIDs=[eip])["Infos"][0]["Tags"], [{"Key": "team", "Value": "shop"}])
        client.release_eip({"EIPID": eip, **PLACE})

        vms = [machine(name) for name in ("a", "b", "c", "d")]
        states = lambda: {one["State"] for one in client.describe_vm_instance(PLACE)["Infos"] if one["VMID"] in vms}
        eventually(lambda: states() == {"Running"}, "the machines run")
        # The typed client has no actions for VIPs; the vendor's way for those is this.
        ask = lambda action, **fields: client.invoke(action, {**PLACE, "CompanyID": 1, **fields})
        made = ask(
            "AllocateVIP", Name="front", VIPType="LAN", VPCID=vpc, SubnetID=subnet, Quantity=1, IP="10.42.1.88",
            AssociatedResourceIDs=vms[:3],
        )
        vip = made["VIPID"]
        shown = lambda: ask("DescribeVIP", VIPIDs=[vip])["Infos"][0]
        names = lambda: [one["ResourceName"] for one in shown()["AssociatedResources"]]
        eventually(lambda: shown()["Status"] == "Available", "the VIP is available")
        self.assertEqual((names(), shown()["IP"]), (["a", "b", "c"], "10.42.1.88"))
        with self.assertRaises(exc.RetCodeException) as refused:
            ask("UpdateVIPBindResource", VIPID=vip, AssociatedResourceIDs=vms)
        self.assertEqual((refused.exception.code, names()), (303, ["a", "b", "c"]))
        ask("UpdateVIPBindResource", VIPID=vip, AssociatedResourceIDs=[vms[3]])
        self.assertEqual(names(), ["d"])
        ask("UpdateVIPBindResource", VIPID=vip, AssociatedResourceIDs=[])
        self.assertEqual(names(), [])
        ask("ReleaseVIP", VIPID=vip)
        for vm in vms:
            client.poweroff_vm_instance({"VMID": vm, **PLACE})
        eventually(lambda: states() == {"Stopped"}, "the machines are off")
        for vm in vms:
            client.delete_vm_instance({"VMID": vm, **PLACE})
        eventually(lambda: ask("DescribeVIP", VIPIDs=[vip])["TotalCount"] == 0, "the VIP is gone")
        client.delete_security_group({"SGID": group, **PLACE})
        client.delete_subnet({"SubnetID": subnet, **PLACE})
        client.delete_vpc({"VPCID": vpc, **PLACE})


if __name__ == "__main__":
    unittest.main()
