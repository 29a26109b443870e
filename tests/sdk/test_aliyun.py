"""Alibaba Cloud's present Python SDK (signature V3, and V1 where it is told to), unmodified."""

import json
import unittest
from unittest import mock

from alibabacloud_ecs20140526 import models as ecs
from alibabacloud_tea_openapi.exceptions import ClientException
from alibabacloud_vpc20160428 import models as vpc

from clouds import REGION, aliyun_ecs, aliyun_vpc, eventually, keepalived


class Scene:
    """A VPC with a vSwitch, and everything in it gone afterwards."""

    def __init__(self, test, cidr):
        self.vpc, self.ecs = aliyun_vpc(), aliyun_ecs()
        made = self.vpc.create_vpc(vpc.CreateVpcRequest(region_id=REGION, cidr_block=cidr + ".0.0/16", vpc_name="shop"))
        self.vpc_id = made.body.vpc_id
        test.addCleanup(self._delete_vpc)
        made = self.vpc.create_vswitch(
            vpc.CreateVSwitchRequest(
                region_id=REGION, vpc_id=self.vpc_id, zone_id="cn-hangzhou-h", cidr_block=cidr + ".0.0/24"
            )
        )
        self.vswitch_id = made.body.v_switch_id

    def _delete_vpc(self):
        # Until the hosts have acknowledged what was deleted before, the vSwitch is listed.
        eventually(lambda: self._gone(self.vswitch_id), "the vSwitch is deleted")
        self.vpc.delete_vpc(vpc.DeleteVpcRequest(region_id=REGION, vpc_id=self.vpc_id))

    def _gone(self, vswitch_id):
        try:
            self.vpc.delete_vswitch(vpc.DeleteVSwitchRequest(region_id=REGION, v_switch_id=vswitch_id))
        except ClientException as error:
            return error.code == "InvalidVSwitchId.NotFound"
        return False

    def havip(self, **more):
        request = vpc.CreateHaVipRequest(region_id=REGION, v_switch_id=self.vswitch_id, **more)
        return self.vpc.create_ha_vip(request).body

    def shown(self, havip_id):
        filters = [vpc.DescribeHaVipsRequestFilter(key="HaVipId", value=[havip_id])]
        listed = self.vpc.describe_ha_vips(vpc.DescribeHaVipsRequest(region_id=REGION, filter=filters)).body
        return listed.ha_vips.ha_vip[0] if listed.ha_vips.ha_vip else None

    def in_status(self, havip_id, status):
        shown = self.shown(havip_id)
        return shown if shown and shown.status == status else None

    def delete(self, havip_id):
        self.vpc.delete_ha_vip(vpc.DeleteHaVipRequest(region_id=REGION, ha_vip_id=havip_id))
        eventually(lambda: self.shown(havip_id) is None, "the HAVIP is not listed any more")

    def run(self, address, user_data="", name="web"):
        made = self.ecs.run_instances(
            ecs.RunInstancesRequest(
                region_id=REGION, image_id="debian_12", instance_type="ecs.t6-c1m2.large", v_switch_id=self.vswitch_id,
                private_ip_address=address, user_data=user_data, instance_name=name, amount=1,
                instance_charge_type="PostPaid", spot_strategy="SpotAsPriceGo",
            )
        )
        return made.body.instance_id_sets.instance_id_set[0]

    def status(self, instance_id):
        listed = self.ecs.describe_instances(
            ecs.DescribeInstancesRequest(region_id=REGION, instance_ids=f'["{instance_id}"]')
        ).body.instances.instance
        return listed[0].status if listed else None


class Lives(unittest.TestCase):
    def test_a_havip_lives_from_creation_to_deletion(self):
        scene = Scene(self, "172.20")
        made = scene.havip(name="front", description="of the shop", ip_address="172.20.0.88")
        shown = eventually(lambda: scene.in_status(made.ha_vip_id, "Available"), "the HAVIP is available")
        self.assertEqual((shown.ip_address, shown.name, shown.description), ("172.20.0.88", "front", "of the shop"))
        self.assertEqual((shown.vpc_id, shown.v_switch_id), (scene.vpc_id, scene.vswitch_id))
        self.assertEqual((shown.associated_instances.associated_instance, shown.master_instance_id), ([], ""))
        scene.vpc.modify_ha_vip_attribute(
            vpc.ModifyHaVipAttributeRequest(region_id=REGION, ha_vip_id=made.ha_vip_id, name="back")
        )
        self.assertEqual(scene.shown(made.ha_vip_id).name, "back")
        scene.delete(made.ha_vip_id)

    def test_the_master_is_who_holds_it_and_a_stopped_one_is_not(self):
        scene = Scene(self, "172.21")
        made = scene.havip(ip_address="172.21.0.100")
        one = scene.run("172.21.0.11", keepalived("172.21.0.11", "172.21.0.12", 200, "172.21.0.100"), "web-1")
        two = scene.run("172.21.0.12", keepalived("172.21.0.12", "172.21.0.11", 100, "172.21.0.100"), "web-2")
        for instance in (one, two):
            eventually(lambda: scene.status(instance) == "Running", "the instance runs")
            scene.vpc.associate_ha_vip(
                vpc.AssociateHaVipRequest(region_id=REGION, ha_vip_id=made.ha_vip_id, instance_id=instance)
            )
        eventually(lambda: scene.in_status(made.ha_vip_id, "InUse"), "the HAVIP is in use")
        # Three missed adverts of 1 s and the skew, on a busy machine.
        eventually(lambda: scene.shown(made.ha_vip_id).master_instance_id == one, "the first one holds it", 30)

        allocated = scene.vpc.allocate_eip_address(vpc.AllocateEipAddressRequest(region_id=REGION, bandwidth="5")).body
        scene.vpc.associate_eip_address(
            vpc.AssociateEipAddressRequest(
                region_id=REGION, allocation_id=allocated.allocation_id, instance_id=made.ha_vip_id, instance_type="HaVip"
            )
        )
        self.assertEqual(
            scene.shown(made.ha_vip_id).associated_eip_addresses.associated_eip_addresse, [allocated.eip_address]
        )
        with self.assertRaises(ClientException) as refused:
            scene.vpc.unassociate_ha_vip(
                vpc.UnassociateHaVipRequest(region_id=REGION, ha_vip_id=made.ha_vip_id, instance_id=one)
            )
        self.assertEqual(refused.exception.code, "Forbidden.UnassociateMaster")

        scene.ecs.stop_instance(
            ecs.StopInstanceRequest(instance_id=one, force_stop=False, stopped_mode="KeepCharging", dry_run=False)
        )
        eventually(lambda: scene.shown(made.ha_vip_id).master_instance_id == two, "the second one holds it", 30)
        eventually(lambda: scene.status(one) == "Stopped", "the first one is stopped", 30)

        # As the provider destroys it.
        scene.vpc.unassociate_eip_address(
            vpc.UnassociateEipAddressRequest(region_id=REGION, allocation_id=allocated.allocation_id)
        )
        scene.vpc.release_eip_address(
            vpc.ReleaseEipAddressRequest(region_id=REGION, allocation_id=allocated.allocation_id)
        )
        for instance in (one, two):
            scene.vpc.unassociate_ha_vip(
                vpc.UnassociateHaVipRequest(
                    region_id=REGION, ha_vip_id=made.ha_vip_id, instance_id=instance, force="True"
                )
            )
        scene.delete(made.ha_vip_id)
        scene.ecs.delete_instances(ecs.DeleteInstancesRequest(region_id=REGION, instance_id=[one, two], force=True))
        eventually(lambda: scene.status(one) is None, "the instances are gone")

    def test_a_network_interface_is_associated_in_place_of_an_instance(self):
        scene = Scene(self, "172.22")
        instance, made = scene.run("172.22.0.11"), scene.havip()
        created = scene.ecs.create_network_interface(
            ecs.CreateNetworkInterfaceRequest(region_id=REGION, v_switch_id=scene.vswitch_id)
        ).body
        eni = created.network_interface_id
        scene.ecs.attach_network_interface(
            ecs.AttachNetworkInterfaceRequest(region_id=REGION, instance_id=instance, network_interface_id=eni)
        )
        scene.vpc.associate_ha_vip(
            vpc.AssociateHaVipRequest(
                region_id=REGION, ha_vip_id=made.ha_vip_id, instance_id=eni, instance_type="NetworkInterface"
            )
        )
        shown = scene.shown(made.ha_vip_id)
        self.assertEqual(shown.associated_instance_type, "NetworkInterface")
        self.assertEqual(shown.associated_instances.associated_instance, [eni])
        scene.vpc.unassociate_ha_vip(
            vpc.UnassociateHaVipRequest(
                region_id=REGION, ha_vip_id=made.ha_vip_id, instance_id=eni, instance_type="NetworkInterface"
            )
        )
        scene.delete(made.ha_vip_id)
        scene.ecs.delete_instance(ecs.DeleteInstanceRequest(instance_id=instance, force=True))
        scene.ecs.delete_network_interface(
            ecs.DeleteNetworkInterfaceRequest(region_id=REGION, network_interface_id=eni)
        )


class Sorting(unittest.TestCase):
    def test_what_is_made_with_tags_is_found_by_them(self):
        scene = Scene(self, "172.26")
        tags = [vpc.CreateHaVipRequestTag(key="team", value="shop"), vpc.CreateHaVipRequestTag(key="tier", value="")]
        tagged, other = scene.havip(tag=tags), scene.havip()
        by = [vpc.DescribeHaVipsRequestTags(key="team", value="shop"), vpc.DescribeHaVipsRequestTags(key="tier")]
        found = scene.vpc.describe_ha_vips(vpc.DescribeHaVipsRequest(region_id=REGION, tags=by)).body.ha_vips.ha_vip
        self.assertEqual([one.ha_vip_id for one in found], [tagged.ha_vip_id])
        self.assertEqual([(one.key, one.value) for one in found[0].tags.tag], [("team", "shop"), ("tier", "")])
        with self.assertRaises(ClientException) as refused:
            scene.havip(tag=[vpc.CreateHaVipRequestTag(key="acs:team")])
        self.assertEqual(refused.exception.code, "InvalidTagKey")
        eni = scene.ecs.create_network_interface(
            ecs.CreateNetworkInterfaceRequest(
                region_id=REGION, v_switch_id=scene.vswitch_id,
                tag=[ecs.CreateNetworkInterfaceRequestTag(key="team", value="shop")],
            )
        ).body
        self.assertEqual([(one.tag_key, one.tag_value) for one in eni.tags.tag], [("team", "shop")])
        listed = scene.ecs.describe_network_interfaces(
            ecs.DescribeNetworkInterfacesRequest(
                region_id=REGION, tag=[ecs.DescribeNetworkInterfacesRequestTag(key="team", value="shop")]
            )
        ).body.network_interface_sets.network_interface_set
        self.assertEqual([one.network_interface_id for one in listed], [eni.network_interface_id])
        scene.ecs.delete_network_interface(
            ecs.DeleteNetworkInterfaceRequest(region_id=REGION, network_interface_id=eni.network_interface_id)
        )
        scene.delete(tagged.ha_vip_id)
        scene.delete(other.ha_vip_id)


class Places(unittest.TestCase):
    def test_instances_of_a_deployment_set_are_on_different_hosts_and_refused_where_none_is_left(self):
        scene = Scene(self, "172.27")
        made = scene.ecs.create_deployment_set(ecs.CreateDeploymentSetRequest(region_id=REGION, deployment_set_name="web"))
        set_id = made.body.deployment_set_id

        def run(amount):
            request = ecs.RunInstancesRequest(
                region_id=REGION, image_id="debian_12", instance_type="ecs.t6-c1m2.large", v_switch_id=scene.vswitch_id,
                deployment_set_id=set_id, amount=amount,
            )
            return scene.ecs.run_instances(request).body.instance_id_sets.instance_id_set

        # The lab has two hosts and an edge, which runs instances, too.
        with self.assertRaises(ClientException) as refused:
            run(4)
        self.assertEqual(refused.exception.code, "QuotaExceed.DeploymentSetInstanceQuotaFull")
        both = run(2)
        listed = scene.ecs.describe_deployment_sets(ecs.DescribeDeploymentSetsRequest(region_id=REGION)).body
        self.assertEqual(sorted(listed.deployment_sets.deployment_set[0].instance_ids.instance_id), sorted(both))
        with self.assertRaises(ClientException) as refused:
            scene.ecs.delete_deployment_set(
                ecs.DeleteDeploymentSetRequest(region_id=REGION, deployment_set_id=set_id)
            )
        self.assertEqual(refused.exception.code, "DependencyViolation.NotEmpty")
        scene.ecs.delete_instances(ecs.DeleteInstancesRequest(region_id=REGION, instance_id=both, force=True))
        scene.ecs.delete_deployment_set(ecs.DeleteDeploymentSetRequest(region_id=REGION, deployment_set_id=set_id))


    def test_an_instance_joins_a_deployment_set_where_it_is_and_leaves_it(self):
        scene = Scene(self, "172.28")
        made = scene.ecs.create_deployment_set(ecs.CreateDeploymentSetRequest(region_id=REGION, deployment_set_name="late"))
        set_id = made.body.deployment_set_id
        request = ecs.RunInstancesRequest(
            region_id=REGION, image_id="debian_12", instance_type="ecs.t6-c1m2.large", v_switch_id=scene.vswitch_id,
            amount=4,
        )
        four = scene.ecs.run_instances(request).body.instance_id_sets.instance_id_set

        def change(instance, **more):
            scene.ecs.modify_instance_deployment(
                ecs.ModifyInstanceDeploymentRequest(
                    region_id=REGION, instance_id=instance, deployment_set_id=set_id, **more
                )
            )

        def joins(instance):
            try:
                change(instance)
            except ClientException as refused:
                self.assertEqual(refused.code, "DeploymentSet.ModificationFailed")
                return False
            return True

        # Four instances are on three hosts, so two of them are on one.
        joined = [instance for instance in four if joins(instance)]
        self.assertEqual(len(joined), 3)
        listed = scene.ecs.describe_instances(
            ecs.DescribeInstancesRequest(region_id=REGION, instance_ids=json.dumps(four))
        ).body.instances.instance
        self.assertEqual(sorted(one.instance_id for one in listed if one.deployment_set_id == set_id), sorted(joined))
        for instance in joined:
            change(instance, remove_from_deployment_set=True)
        scene.ecs.delete_deployment_set(ecs.DeleteDeploymentSetRequest(region_id=REGION, deployment_set_id=set_id))
        scene.ecs.delete_instances(ecs.DeleteInstancesRequest(region_id=REGION, instance_id=four, force=True))


class Signatures(unittest.TestCase):
    request = vpc.DescribeVpcsRequest(region_id=REGION)

    def refused(self, client):
        with self.assertRaises(ClientException) as refused:
            client.describe_vpcs(self.request)
        return refused.exception

    def test_the_older_signature_is_taken_too(self):
        answer = aliyun_vpc(algorithm="v2").describe_vpcs(self.request)
        self.assertEqual(answer.status_code, 200)

    def test_a_wrong_secret_is_told_apart_from_an_unknown_key(self):
        for algorithm in (None, "v2"):
            error = self.refused(aliyun_vpc(secret="wrong", algorithm=algorithm))
            self.assertEqual((error.code, error.status_code), ("SignatureDoesNotMatch", 400))
            error = self.refused(aliyun_vpc(key="key-of-nobody", algorithm=algorithm))
            self.assertEqual((error.code, error.status_code), ("InvalidAccessKeyId.NotFound", 404))

    def test_a_clock_that_is_off_by_an_hour_is_refused(self):
        with mock.patch(
            "alibabacloud_tea_openapi.utils.Utils.get_timestamp", return_value="2020-01-02T03:04:05Z"
        ):
            error = self.refused(aliyun_vpc())
        self.assertEqual(error.code, "InvalidTimeStamp.Expired")

    def test_a_nonce_is_good_once(self):
        client = aliyun_vpc()
        with mock.patch("alibabacloud_tea_openapi.utils.Utils.get_nonce", return_value="0" * 31 + "1"):
            client.describe_vpcs(self.request)
            self.assertEqual(self.refused(client).code, "SignatureNonceUsed")


class Refusals(unittest.TestCase):
    def test_every_kind_of_refusal_reaches_the_caller(self):
        scene = Scene(self, "172.23")
        made = scene.havip(ip_address="172.23.0.9")
        for call, code, status in [
            (lambda: scene.havip(ip_address="172.23.0.9"), "InvalidIPAddress.AlreadyUsed", 400),
            (lambda: scene.havip(ip_address="10.0.0.9"), "InvalidIPAddress.OutOfRange", 400),
            (lambda: scene.havip(name="http://x"), "Abs.Vpc.InvalidName.Malformed", 400),
            (lambda: scene.havip(resource_group_id="rg-1"), "IllegalParam.ResourceGroupId", 404),
            (lambda: scene.havip(client_token="x" * 65), "InvalidParameter", 400),
            (lambda: scene.delete("havip-of-nobody"), "InvalidHaVipId.NotFound", 404),
            (lambda: scene.run("172.23.0.9"), "InvalidPrivateIpAddress.Duplicated", 400),
        ]:
            with self.assertRaises(ClientException) as refused:
                call()
            self.assertEqual((refused.exception.code, refused.exception.status_code), (code, status))
        scene.delete(made.ha_vip_id)

    def test_a_token_does_a_thing_once_and_no_other_thing(self):
        scene = Scene(self, "172.24")
        first, again = (scene.havip(client_token="once-172-24", name="a") for _ in range(2))
        self.assertEqual((first.ha_vip_id, first.ip_address), (again.ha_vip_id, again.ip_address))
        with self.assertRaises(ClientException) as refused:
            scene.havip(client_token="once-172-24", name="b")
        self.assertEqual(refused.exception.code, "IdempotentParameterMismatch")
        scene.delete(first.ha_vip_id)
        # Whatever has become of it: the first answer.
        self.assertEqual(scene.havip(client_token="once-172-24", name="a").ha_vip_id, first.ha_vip_id)

    def test_a_rehearsal_changes_nothing(self):
        scene = Scene(self, "172.25")
        with self.assertRaises(ClientException) as refused:
            scene.ecs.run_instances(
                ecs.RunInstancesRequest(
                    region_id=REGION, image_id="a", instance_type="b", v_switch_id=scene.vswitch_id, dry_run=True
                )
            )
        self.assertEqual(refused.exception.code, "DryRunOperation")


if __name__ == "__main__":
    unittest.main()
