"""One resource in four APIs: what one made is listed, bound and deleted by every other."""

import unittest

from alibabacloud_tea_openapi.exceptions import ClientException
from alibabacloud_vpc20160428 import models as vpc
from tencentcloud.vpc.v20170312 import models as tencent_vpc
from tencentcloud.vpc.v20170312.vpc_client import VpcClient
from ucloud.client import Client
from ucloud.services.ucloudstack.client import UCloudStackClient

from clouds import REGION, aliyun_vpc, eventually, tencent, ucloud_config


class Together(unittest.TestCase):
    def test_a_havip_is_the_same_under_four_names(self):
        alibaba, other = aliyun_vpc(), tencent(VpcClient)
        public, stack = Client(ucloud_config()).vpc(), UCloudStackClient(ucloud_config("/api"))
        network = alibaba.create_vpc(vpc.CreateVpcRequest(region_id=REGION, cidr_block="10.51.0.0/16")).body.vpc_id
        vswitch = alibaba.create_vswitch(
            vpc.CreateVSwitchRequest(region_id=REGION, vpc_id=network, zone_id="a", cidr_block="10.51.1.0/24")
        ).body.v_switch_id
        havip = alibaba.create_ha_vip(
            vpc.CreateHaVipRequest(region_id=REGION, v_switch_id=vswitch, ip_address="10.51.1.77")
        ).body.ha_vip_id

        by_address = tencent_vpc.DescribeHaVipsRequest()
        by_address._deserialize({"Filters": [{"Name": "vip", "Values": ["10.51.1.77"]}]})
        seen = other.DescribeHaVips(by_address).HaVipSet[0]
        body = havip.removeprefix("havip-")
        self.assertEqual(seen.HaVipId, "havip-" + body[:8])
        self.assertTrue(seen.CheckAssociate, "it keeps the binding of the API that made it")
        of_public = [one for one in public.describe_vip()["VIPSet"] if one["VIP"] == "10.51.1.77"]
        self.assertEqual([one["VIPId"] for one in of_public], ["vip-" + body[:8]])
        of_stack = stack.invoke("DescribeVIP", {"Region": "cn-bj2", "Keyword": "10.51.1.77"})["Infos"]
        self.assertEqual([one["VIPID"] for one in of_stack], ["vip-" + body[:12]])

        delete = tencent_vpc.DeleteHaVipRequest()
        delete.HaVipId = seen.HaVipId
        other.DeleteHaVip(delete)
        eventually(lambda: not other.DescribeHaVips(by_address).HaVipSet, "it is gone in every API")
        with self.assertRaises(ClientException) as refused:
            alibaba.delete_ha_vip(vpc.DeleteHaVipRequest(region_id=REGION, ha_vip_id=havip))
        self.assertEqual(refused.exception.code, "InvalidHaVipId.NotFound")
        alibaba.delete_vswitch(vpc.DeleteVSwitchRequest(region_id=REGION, v_switch_id=vswitch))
        alibaba.delete_vpc(vpc.DeleteVpcRequest(region_id=REGION, vpc_id=network))


if __name__ == "__main__":
    unittest.main()
