"""Alibaba Cloud's older Python SDK (signature V1), unmodified."""

import json
import unittest
import xml.etree.ElementTree

from aliyunsdkcore.acs_exception.exceptions import ServerException
from aliyunsdkcore.client import AcsClient
from aliyunsdkecs.request.v20140526.DescribeInstancesRequest import DescribeInstancesRequest
from aliyunsdkvpc.request.v20160428.CreateVpcRequest import CreateVpcRequest
from aliyunsdkvpc.request.v20160428.DeleteVpcRequest import DeleteVpcRequest
from aliyunsdkvpc.request.v20160428.DescribeHaVipsRequest import DescribeHaVipsRequest
from aliyunsdkvpc.request.v20160428.DescribeVpcAttributeRequest import DescribeVpcAttributeRequest

from clouds import HOST, KEY, PORT, REGION, SECRET


def ask(request, secret=SECRET):
    request.set_endpoint(f"{HOST}:{PORT}")
    request.set_protocol_type("http")
    return json.loads(AcsClient(KEY, secret, REGION).do_action_with_exception(request))


class Older(unittest.TestCase):
    def test_a_vpc_is_made_shown_and_deleted(self):
        create = CreateVpcRequest()
        create.set_CidrBlock("172.26.0.0/16")
        create.set_VpcName("名 a+b*~")
        made = ask(create)
        show = DescribeVpcAttributeRequest()
        show.set_VpcId(made["VpcId"])
        self.assertEqual(ask(show)["VpcName"], "名 a+b*~")
        delete = DeleteVpcRequest()
        delete.set_VpcId(made["VpcId"])
        ask(delete)

    def test_empty_lists_are_there(self):
        self.assertEqual(ask(DescribeInstancesRequest())["Instances"], {"Instance": []})
        listed = ask(DescribeHaVipsRequest())
        self.assertIsInstance(listed["HaVips"]["HaVip"], list)

    def test_a_wrong_secret_is_found_to_be_one(self):
        with self.assertRaises(ServerException) as refused:
            ask(DescribeHaVipsRequest(), secret="wrong")
        # The SDK compares the server's text with its own, and says which of the two is wrong.
        self.assertEqual(refused.exception.error_code, "InvalidAccessKeySecret")

    def test_who_does_not_ask_for_json_gets_xml(self):
        request = DescribeHaVipsRequest()
        request.set_endpoint(f"{HOST}:{PORT}")
        request.set_protocol_type("http")
        request.set_accept_format("XML")
        text = AcsClient(KEY, SECRET, REGION).do_action(request)
        root = xml.etree.ElementTree.fromstring(text)
        self.assertEqual(root.tag, "DescribeHaVipsResponse")


if __name__ == "__main__":
    unittest.main()
