"""What Terraform's provider alicloud asks for: its calls in its order, its waits and what it takes for an end.

The provider itself cannot be had here; this replays what its sources do, with signature V1 as its older resources use.
"""

import base64
import json
import time
import unittest

from aliyunsdkcore.acs_exception.exceptions import ServerException
from aliyunsdkcore.client import AcsClient
from aliyunsdkcore.request import CommonRequest

from clouds import HOST, KEY, PORT, REGION, SECRET

VERSIONS = {"vpc": "2016-04-28", "ecs": "2014-05-26"}
BUSY = ["OperationConflict", "LastTokenProcessing", "IncorrectStatus", "SystemBusy", "ServiceUnavailable"]
# The provider sleeps 3 s and more between tries, and waits 5 minutes; the work takes as long as it takes.
PAUSE, PATIENCE = 0.1, 60


def ask(product, action, **params):
    request = CommonRequest()
    request.set_domain(f"{HOST}:{PORT}")
    request.set_protocol_type("http")
    request.set_method("POST")
    request.set_accept_format("json")
    request.set_version(VERSIONS[product])
    request.set_action_name(action)
    for name, value in {"RegionId": REGION, **params}.items():
        request.add_query_param(name.replace("__", "."), value)
    return json.loads(AcsClient(KEY, SECRET, REGION).do_action_with_exception(request))


def is_one_of(error, codes):
    """As loosely as the provider: equal to an expected code, a prefix of one, or one anywhere in the answer."""
    told = f"{error.get_error_code()} {error.get_error_msg()}"
    return any(expected.startswith(error.get_error_code()) or expected in told for expected in codes)


def retried(codes, product, action, **params):
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return ask(product, action, **params)
        except ServerException as error:
            if not is_one_of(error, codes) or time.monotonic() > deadline:
                raise
            time.sleep(PAUSE)


def awaited(read, what):
    deadline = time.monotonic() + PATIENCE
    while True:
        found = read()
        if found:
            return found
        assert time.monotonic() < deadline, what
        time.sleep(PAUSE)


def gone(codes, product, action, **params):
    """Whether a read says that a thing is not there."""
    try:
        ask(product, action, **params)
    except ServerException as error:
        if is_one_of(error, codes):
            return True
        raise
    return False


TAGS = {"team": "shop", "owner": "ops"}


def tags(kind, id, old, new):
    """How its resources change tags, after they were made, too: what is no more, then what is new or other."""
    product = "ecs" if kind == "securitygroup" else "vpc"
    gone = [key for key in old if key not in new]
    if gone:
        keys = {f"TagKey__{at}": key for at, key in enumerate(gone, 1)}
        retried(BUSY, product, "UnTagResources" if product == "vpc" else "UntagResources", ResourceType=kind, ResourceId__1=id, **keys)
    pairs = [pair for pair in new.items() if pair not in old.items()]
    if pairs:
        more = {f"Tag__{at}__{part}": text for at, pair in enumerate(pairs, 1) for part, text in zip(("Key", "Value"), pair)}
        retried(BUSY, product, "TagResources", ResourceType=kind, ResourceId__1=id, **more)


def tags_of(shown):
    """Of an answer, in the words of either product."""
    return {one.get("Key", one.get("TagKey")): one.get("Value", one.get("TagValue")) for one in shown["Tags"]["Tag"]}


class Vpc:
    def __init__(self, cidr, name):
        made = retried(["TaskConflict", "UnknownError"], "vpc", "CreateVpc", CidrBlock=cidr, VpcName=name, ClientToken=name)
        self.id = made["VpcId"]
        awaited(lambda: self.read()["Status"] == "Available", "the VPC is available")
        tags("VPC", self.id, {}, TAGS)

    def read(self):
        found = ask("vpc", "DescribeVpcAttribute", VpcId=self.id)
        tables = ask("vpc", "DescribeRouteTableList", VpcId=self.id)["RouterTableList"]["RouterTableListType"]
        self.table = next(one["RouteTableId"] for one in tables if one["RouteTableType"] == "System")
        return found

    def delete(self):
        codes = ["DependencyViolation.VSwitch", "DependencyViolation.SecurityGroup", "IncorrectVpcStatus"]
        retried(codes, "vpc", "DeleteVpc", VpcId=self.id)
        missing = ["InvalidVpcID.NotFound", "InvalidVpcId.NotFound", "Forbidden.VpcNotFound"]
        awaited(lambda: gone(missing, "vpc", "DescribeVpcAttribute", VpcId=self.id), "the VPC is gone")


class VSwitch:
    def __init__(self, vpc, cidr, name):
        codes = ["TaskConflict", "IncorrectStatus", "IncorrectVSwitchStatus", "OperationConflict"]
        self.id = retried(
            codes, "vpc", "CreateVSwitch", VpcId=vpc.id, ZoneId="cn-hangzhou-h", CidrBlock=cidr, VSwitchName=name
        )["VSwitchId"]
        awaited(lambda: self.read()["Status"] == "Available", "the vSwitch is available")
        tags("VSWITCH", self.id, {}, TAGS)

    def read(self):
        return ask("vpc", "DescribeVSwitchAttributes", VSwitchId=self.id)

    def delete(self):
        codes = [*BUSY, "IncorrectVSwitchStatus", "DependencyViolation"]
        retried(codes, "vpc", "DeleteVSwitch", VSwitchId=self.id)
        missing = ["InvalidVSwitchId.NotFound", "InvalidVswitchID.NotFound"]
        read = lambda: gone(missing, "vpc", "DescribeVSwitchAttributes", VSwitchId=self.id)
        awaited(read, "the vSwitch is gone")


class SecurityGroup:
    def __init__(self, vpc, name):
        self.id = ask("ecs", "CreateSecurityGroup", VpcId=vpc.id, SecurityGroupName=name)["SecurityGroupId"]
        rule = {"IpProtocol": "tcp", "PortRange": "80/80", "SourceCidrIp": "0.0.0.0/0", "Policy": "accept", "Priority": 1}
        ask("ecs", "AuthorizeSecurityGroup", SecurityGroupId=self.id, NicType="intranet", **rule)
        tags("securitygroup", self.id, {}, TAGS)

    def read(self):
        listed = ask("ecs", "DescribeSecurityGroups", SecurityGroupId=self.id)["SecurityGroups"]["SecurityGroup"]
        rules = ask("ecs", "DescribeSecurityGroupAttribute", SecurityGroupId=self.id)["Permissions"]["Permission"]
        return listed, rules

    def delete(self):
        retried(["DependencyViolation"], "ecs", "DeleteSecurityGroup", SecurityGroupId=self.id)
        awaited(lambda: not ask("ecs", "DescribeSecurityGroups", SecurityGroupId=self.id)["SecurityGroups"]["SecurityGroup"],
                "the security group is gone")


class Instance:
    def __init__(self, vswitch, group, address, name):
        self.user_data = base64.b64encode(f"#!/bin/sh\necho {name}\n".encode()).decode()
        made = retried(
            ["IncorrectVSwitchStatus"], "ecs", "RunInstances", ImageId="debian_12_4_x64_20G_alibase_20231220.vhd",
            InstanceType="ecs.t6-c1m2.large", VSwitchId=vswitch.id, SecurityGroupId=group.id, PrivateIpAddress=address,
            InstanceName=name, UserData=self.user_data, Amount=1, MinAmount=1, InstanceChargeType="PostPaid",
            SpotStrategy="SpotAsPriceGo", SystemDisk__Category="cloud_efficiency", SystemDisk__Size="20",
            **{f"Tag__{at}__{part}": text for at, pair in enumerate(TAGS.items(), 1) for part, text in zip(("Key", "Value"), pair)},
        )
        self.id = made["InstanceIdSets"]["InstanceIdSet"][0]
        awaited(self.runs, "the instance runs")

    def listed(self):
        found = ask("ecs", "DescribeInstances", InstanceIds=json.dumps([self.id]))["Instances"]["Instance"]
        return found[0] if found else None

    def runs(self):
        status = self.listed()["Status"]
        # Whatever else it is, the provider gives up.
        assert status in ("Pending", "Starting", "Stopped", "Running"), status
        return status == "Running"

    def read(self):
        """An error or a missing entry in any of these fails the apply."""
        found, one, many = self.listed(), {"InstanceId": self.id}, {"InstanceIds": json.dumps([self.id])}
        disks = ask("ecs", "DescribeDisks", DiskType="system", **one)["Disks"]["Disk"]
        assert [disk["InstanceId"] for disk in disks] == [self.id] and disks[0]["Size"] > 0, disks
        data = ask("ecs", "DescribeUserData", **one)
        assert (data["InstanceId"], data["UserData"]) == (self.id, self.user_data), data
        assert "InstanceRamRoleSet" in ask("ecs", "DescribeInstanceRamRole", **many)["InstanceRamRoleSets"]
        eni = found["NetworkInterfaces"]["NetworkInterface"][0]["NetworkInterfaceId"]
        sets = ask("ecs", "DescribeNetworkInterfaces", NetworkInterfaceId__1=eni)["NetworkInterfaceSets"]
        assert sets["NetworkInterfaceSet"][0]["InstanceId"] == self.id, sets
        kept = ask("ecs", "DescribeInstanceMaintenanceAttributes", InstanceId__1=self.id)["MaintenanceAttributes"]
        assert kept["MaintenanceAttribute"][0]["InstanceId"] == self.id, kept
        attached = ask("ecs", "DescribeInstanceAttachmentAttributes", **many)["Instances"]["Instance"]
        assert attached[0]["InstanceId"] == self.id, attached
        attribute = ask("ecs", "DescribeInstanceAttribute", **one)
        return {**found, "SecurityGroupIds": attribute["SecurityGroupIds"], "HostName": attribute["HostName"]}

    def delete(self):
        codes = ["IncorrectInstanceStatus", "DependencyViolation.RouteEntry", "LastTokenProcessing"]
        retried(codes, "ecs", "DeleteInstance", InstanceId=self.id, Force="true")
        awaited(lambda: self.listed() is None, "the instance is gone")


class HaVip:
    def __init__(self, vswitch, address, name):
        self.id = retried(
            BUSY, "vpc", "CreateHaVip", VSwitchId=vswitch.id, IpAddress=address, Name=name, ClientToken=name
        )["HaVipId"]
        awaited(lambda: self.read()["Status"] == "Available", "the HAVIP is available")
        tags("HAVIP", self.id, {}, TAGS)

    def read(self):
        listed = ask("vpc", "DescribeHaVips", Filter__1__Key="HaVipId", Filter__1__Value__1=self.id)["HaVips"]["HaVip"]
        return listed[0] if listed else None

    def update(self, name):
        retried(BUSY, "vpc", "ModifyHaVipAttribute", HaVipId=self.id, Name=name)
        awaited(lambda: self.read()["Status"] in ("Available", "InUse"), "the HAVIP is available")

    def delete(self):
        retried(BUSY, "vpc", "DeleteHaVip", HaVipId=self.id)
        awaited(lambda: self.read() is None, "the HAVIP is gone")


class Attachment:
    codes = ["IncorrectInstanceStatus", "IncorrectHaVipStatus", "InvalidVip.Status", *BUSY]

    def __init__(self, havip, instance):
        self.havip, self.both = havip, {"HaVipId": havip.id, "InstanceId": instance.id}
        retried(self.codes, "vpc", "AssociateHaVip", ClientToken=f"{havip.id}:{instance.id}"[:64], **self.both)
        awaited(self.is_there, "the instance is associated")

    def is_there(self):
        found = self.havip.read()
        listed = found["AssociatedInstances"]["associatedInstance"]
        return self.both["InstanceId"] in listed and found["Status"] == "InUse"

    def delete(self):
        # The next is deleted at once.
        retried(self.codes, "vpc", "UnassociateHaVip", Force="True", **self.both)


class Eip:
    def __init__(self, name):
        made = retried(
            [*BUSY, "FrequentPurchase.EIP"], "vpc", "AllocateEipAddress", Bandwidth="5", ISP="BGP", Name=name,
            InternetChargeType="PayByTraffic", InstanceChargeType="PostPaid",
        )
        self.id, self.address = made["AllocationId"], made["EipAddress"]
        awaited(lambda: self.read()["Status"] in ("Available", "InUse"), "the EIP is available")
        tags("EIP", self.id, {}, TAGS)

    def read(self):
        listed = ask("vpc", "DescribeEipAddresses", AllocationId=self.id)["EipAddresses"]["EipAddress"]
        return listed[0] if listed else None

    def delete(self):
        retried([*BUSY, "IncorrectEipStatus"], "vpc", "ReleaseEipAddress", AllocationId=self.id)
        awaited(lambda: self.read() is None, "the EIP is gone")


class EipAssociation:
    codes = ["TaskConflict", "IncorrectEipStatus", "InvalidBindingStatus", "IncorrectInstanceStatus", *BUSY]

    def __init__(self, eip, havip):
        self.eip, self.both = eip, {"AllocationId": eip.id, "InstanceId": havip.id, "InstanceType": "HaVip"}
        retried(self.codes, "vpc", "AssociateEipAddress", **self.both)
        # Read once, straight after the call: without the target the apply fails.
        found = eip.read()
        assert (found["InstanceId"], found["InstanceType"]) == (havip.id, "HaVip"), found

    def delete(self):
        retried([*self.codes, "IncorrectHaVipStatus"], "vpc", "UnassociateEipAddress", **self.both)
        awaited(lambda: self.eip.read()["InstanceId"] != self.both["InstanceId"], "the EIP is free")


class RouteEntry:
    codes = ["TaskConflict", "IncorrectRouteEntryStatus", "IncorrectHaVipStatus", "IncorrectVpcStatus", "SystemBusy"]

    def __init__(self, vpc, havip, cidr):
        self.table, self.havip, self.cidr = vpc.table, havip, cidr
        awaited(lambda: all(entry["Status"] == "Available" for entry in self.entries()), "all routes are available")
        self.which = {"RouteTableId": self.table, "DestinationCidrBlock": cidr, "NextHopId": havip.id}
        retried(self.codes, "vpc", "CreateRouteEntry", NextHopType="HaVip", **self.which)
        awaited(lambda: self.read() and self.read()["Status"] == "Available", "the route is available")

    def entries(self):
        tables = ask("vpc", "DescribeRouteTables", RouteTableId=self.table)["RouteTables"]["RouteTable"]
        return tables[0]["RouteEntrys"]["RouteEntry"]

    def read(self):
        mine = lambda entry: (entry["DestinationCidrBlock"], entry["NextHopType"], entry["InstanceId"])
        found = [entry for entry in self.entries() if mine(entry) == (self.cidr, "HaVip", self.havip.id)]
        return found[0] if found else None

    def delete(self):
        retried(self.codes, "vpc", "DeleteRouteEntry", **self.which)
        awaited(lambda: self.read() is None, "the route is gone")


class Provider(unittest.TestCase):
    def test_everything_is_applied_planned_without_a_difference_and_destroyed(self):
        vpc = Vpc("10.61.0.0/16", "tf-vpc")
        vswitch = VSwitch(vpc, "10.61.1.0/24", "tf-vswitch")
        group = SecurityGroup(vpc, "tf-group")
        machines = [Instance(vswitch, group, f"10.61.1.1{i}", f"tf-{i}") for i in (1, 2)]
        havip = HaVip(vswitch, "10.61.1.100", "tf-havip")
        attachments = [Attachment(havip, machine) for machine in machines]
        eip = Eip("tf-eip")
        association = EipAssociation(eip, havip)
        route = RouteEntry(vpc, havip, "10.99.0.0/16")

        # What a plan compares with the configuration.
        shown = vpc.read()
        self.assertEqual((shown["CidrBlock"], shown["VpcName"], shown["IsDefault"]), ("10.61.0.0/16", "tf-vpc", False))
        for read in (vpc.read, vswitch.read, lambda: group.read()[0][0], *(one.read for one in machines), havip.read, eip.read):
            self.assertEqual(tags_of(read()), TAGS)
        shown = vswitch.read()
        self.assertEqual((shown["CidrBlock"], shown["ZoneId"], shown["VpcId"]), ("10.61.1.0/24", "cn-hangzhou-h", vpc.id))
        listed, rules = group.read()
        self.assertEqual([(one["SecurityGroupName"], one["VpcId"]) for one in listed], [("tf-group", vpc.id)])
        rules = [(one["IpProtocol"].lower(), one["PortRange"], one["SourceCidrIp"]) for one in rules]
        self.assertIn(("tcp", "80/80", "0.0.0.0/0"), rules)
        for i, machine in enumerate(machines, 1):
            shown = machine.read()
            self.assertEqual((shown["InstanceName"], shown["InstanceType"]), (f"tf-{i}", "ecs.t6-c1m2.large"))
            self.assertEqual(shown["VpcAttributes"]["PrivateIpAddress"]["IpAddress"], [f"10.61.1.1{i}"])
            self.assertEqual(shown["SecurityGroupIds"]["SecurityGroupId"], [group.id])
        shown = havip.read()
        self.assertEqual((shown["IpAddress"], shown["Name"], shown["VpcId"]), ("10.61.1.100", "tf-havip", vpc.id))
        self.assertEqual(shown["AssociatedEipAddresses"]["associatedEipAddresse"], [eip.address])
        associated = shown["AssociatedInstances"]["associatedInstance"]
        self.assertEqual(sorted(associated), sorted(machine.id for machine in machines))
        self.assertEqual(eip.read()["ChargeType"], "PostPaid")
        havip.update("tf-renamed")
        tags("HAVIP", havip.id, TAGS, {"team": "store", "tier": "front"})
        shown = havip.read()
        self.assertEqual((shown["Name"], tags_of(shown)), ("tf-renamed", {"team": "store", "tier": "front"}))

        # What depends on others goes first; each is gone, as the provider sees it, before the next.
        for resource in [route, association, eip, *attachments, havip, *machines, group, vswitch, vpc]:
            resource.delete()

    def test_what_somebody_else_deleted_is_found_to_be_gone(self):
        """Each read's own signal, by which a plan creates it anew; and a deletion of what is gone is done."""
        vpc = Vpc("10.62.0.0/16", "tf-gone")
        vswitch = VSwitch(vpc, "10.62.1.0/24", "tf-gone")
        havip, eip = HaVip(vswitch, "10.62.1.100", "tf-gone"), Eip("tf-gone")
        for resource in (havip, eip, vswitch, vpc):
            resource.delete()
        self.assertIsNone(havip.read())
        self.assertIsNone(eip.read())
        self.assertTrue(gone(["InvalidVswitchID.NotFound", "InvalidVSwitchId.NotFound"], "vpc", "DescribeVSwitchAttributes",
                             VSwitchId=vswitch.id))
        for action, params, done in [
            ("DeleteHaVip", {"HaVipId": havip.id}, "InvalidHaVipId.NotFound"),
            ("ReleaseEipAddress", {"AllocationId": eip.id}, "InvalidAllocationId.NotFound"),
            ("DeleteVSwitch", {"VSwitchId": vswitch.id}, "InvalidVSwitchId.NotFound"),
        ]:
            self.assertTrue(gone([done], "vpc", action, **params), action)


if __name__ == "__main__":
    unittest.main()
