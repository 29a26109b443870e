"""The guide's quick deployment by Alibaba Cloud's SDK alone, as a user who may do what the guide lists and no more."""

import json
import unittest
import urllib.request

from alibabacloud_ecs20140526 import models as ecs
from alibabacloud_tea_openapi.exceptions import ClientException
from alibabacloud_vpc20160428 import models as vpc

from clouds import HOST, KEY, PORT, REGION, SECRET, aliyun_ecs, aliyun_vpc, eventually, script

MAY = """
vpc:CreateVpc vpc:DeleteVpc vpc:DescribeVpcs vpc:AllocateEipAddress vpc:AssociateEipAddress
vpc:DescribeEipAddresses vpc:UnassociateEipAddress vpc:ReleaseEipAddress vpc:CreateVSwitch vpc:DeleteVSwitch
vpc:DescribeVSwitches vpc:CreateHaVip vpc:DeleteHaVip vpc:AssociateHaVip vpc:UnassociateHaVip vpc:DescribeHaVips
ecs:RunInstances ecs:StartInstances ecs:StopInstances ecs:DescribeInstances ecs:DeleteInstances
""".split()
HAVIP = "192.168.0.88"
ADDRESSES = {"ecs1": "192.168.0.209", "ecs2": "192.168.0.210", "ecs3": "192.168.0.211"}


def native(method, path, body=None):
    """What the console does for the account's owner: Havip's own API, as its administrator."""
    asked = urllib.request.Request(
        f"http://{HOST}:{PORT}/v1{path}", method=method, data=body and json.dumps(body).encode(),
        headers={"Authorization": f"Bearer {KEY}.{SECRET}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(asked, timeout=30) as answer:
        return json.loads(answer.read() or b"null")


def server(name, peer, state, priority):
    """nginx, and keepalived with the guide's configuration."""
    return script(f"""
mkdir -p /run/web /var/www/havip
echo {name} > /var/www/havip/index.html
cat > /run/web/nginx.conf <<END
pid /run/web/nginx.pid;
error_log stderr;
events {{}}
http {{
    access_log off;
    server {{ listen 80; root /var/www/havip; }}
}}
END
nginx -c /run/web/nginx.conf
cat > /run/web/keepalived.conf <<END
! Configuration File for keepalived
vrrp_instance VI_1 {{
    state {state}
    interface eth0
    virtual_router_id 51
    nopreempt
    priority {priority}
    advert_int 1
    authentication {{
        auth_type PASS
        auth_pass 1111
    }}
    unicast_src_ip {ADDRESSES[name]}
    unicast_peer {{
        {ADDRESSES[peer]}
    }}
    virtual_ipaddress {{
        {HAVIP}
    }}
    garp_master_delay 1
    garp_master_refresh 5
    track_interface {{
        eth0
    }}
}}
END
exec keepalived -n -l -f /run/web/keepalived.conf
""")


class Deployment(unittest.TestCase):
    def setUp(self):
        document = {"Version": "1", "Statement": [{"Effect": "Allow", "Action": MAY, "Resource": "*"}]}
        policy = native("POST", "/policies", {"name": "guide", "document": json.dumps(document)})
        self.addCleanup(native, "DELETE", f"/policies/{policy['id']}")
        user = native("POST", "/users", {"name": "terraform", "policies": ["guide"]})
        self.addCleanup(native, "DELETE", f"/users/{user['id']}")
        key = native("POST", "/access-keys", {"user": user["id"]})
        name = key["access_key"]["id"]
        self.addCleanup(native, "DELETE", f"/access-keys/{name}")
        who = {"key": name, "secret": key["access_key_secret"]}
        self.vpc, self.ecs = aliyun_vpc(**who), aliyun_ecs(**who)

    def test_the_guide_from_its_first_step_to_its_last(self):
        # In the order in which the provider makes it.
        network = self.vpc.create_vpc(vpc.CreateVpcRequest(region_id=REGION, cidr_block="192.168.0.0/16")).body.vpc_id
        vswitch = self.vpc.create_vswitch(
            vpc.CreateVSwitchRequest(
                region_id=REGION, vpc_id=network, zone_id="cn-hangzhou-h", cidr_block="192.168.0.0/24"
            )
        ).body.v_switch_id
        havip = self.vpc.create_ha_vip(
            vpc.CreateHaVipRequest(region_id=REGION, v_switch_id=vswitch, ip_address=HAVIP)
        ).body.ha_vip_id
        servers = {
            "ecs1": server("ecs1", "ecs2", "MASTER", 100), "ecs2": server("ecs2", "ecs1", "BACKUP", 10), "ecs3": "",
        }
        machines = {name: self.run_instance(vswitch, name, data) for name, data in servers.items()}
        for name in ("ecs1", "ecs2"):
            self.vpc.associate_ha_vip(
                vpc.AssociateHaVipRequest(region_id=REGION, ha_vip_id=havip, instance_id=machines[name])
            )
        eip = self.vpc.allocate_eip_address(vpc.AllocateEipAddressRequest(region_id=REGION)).body
        self.vpc.associate_eip_address(
            vpc.AssociateEipAddressRequest(
                region_id=REGION, allocation_id=eip.allocation_id, instance_id=havip, instance_type="HaVip"
            )
        )

        # "Log on to ECS3. Run the curl ha_vip_private_ip command."
        curl = lambda: native(
            "POST", f"/instances/{machines['ecs3']}/exec", {"argv": ["curl", "-sS", "-m", "2", f"http://{HAVIP}/"]}
        )["stdout"].strip()
        # Three missed adverts of 1 s and the skew, on a busy machine.
        eventually(lambda: curl() == "ecs1", "the primary answers", 30)
        self.assertEqual(self.shown(havip).master_instance_id, machines["ecs1"])

        self.ecs.stop_instance(
            ecs.StopInstanceRequest(
                instance_id=machines["ecs1"], force_stop=False, stopped_mode="KeepCharging", dry_run=False
            )
        )
        eventually(lambda: curl() == "ecs2", "the secondary answers", 30)
        self.assertEqual(self.shown(havip).master_instance_id, machines["ecs2"])

        # What the list does not name is not allowed.
        with self.assertRaises(ClientException) as refused:
            self.vpc.modify_ha_vip_attribute(
                vpc.ModifyHaVipAttributeRequest(region_id=REGION, ha_vip_id=havip, name="mine")
            )
        self.assertEqual(refused.exception.code, "Forbidden.RAM")
        self.destroy(network, vswitch, havip, machines, eip.allocation_id)

    def run_instance(self, vswitch, name, user_data):
        made = self.ecs.run_instances(
            ecs.RunInstancesRequest(
                region_id=REGION, image_id="aliyun_3_x64_20G_alibase_20240528.vhd", instance_type="ecs.t6-c1m2.large",
                v_switch_id=vswitch, private_ip_address=ADDRESSES[name], user_data=user_data, instance_name=name,
                amount=1, spot_strategy="SpotAsPriceGo",
            )
        )
        instance = made.body.instance_id_sets.instance_id_set[0]
        eventually(lambda: self.status(instance) == "Running", f"{name} runs")
        return instance

    def status(self, instance):
        listed = self.ecs.describe_instances(
            ecs.DescribeInstancesRequest(region_id=REGION, instance_ids=json.dumps([instance]))
        ).body.instances.instance
        return listed[0].status if listed else None

    def shown(self, havip):
        filters = [vpc.DescribeHaVipsRequestFilter(key="HaVipId", value=[havip])]
        listed = self.vpc.describe_ha_vips(vpc.DescribeHaVipsRequest(region_id=REGION, filter=filters)).body
        return listed.ha_vips.ha_vip[0] if listed.ha_vips.ha_vip else None

    def destroy(self, network, vswitch, havip, machines, eip):
        """`terraform destroy`: what depends on others first, and each gone before the next."""
        self.vpc.unassociate_eip_address(vpc.UnassociateEipAddressRequest(region_id=REGION, allocation_id=eip))
        self.vpc.release_eip_address(vpc.ReleaseEipAddressRequest(region_id=REGION, allocation_id=eip))
        for name in ("ecs1", "ecs2"):
            self.vpc.unassociate_ha_vip(
                vpc.UnassociateHaVipRequest(
                    region_id=REGION, ha_vip_id=havip, instance_id=machines[name], force="True"
                )
            )
        eventually(lambda: self.shown(havip).status == "Available", "nobody is associated any more")
        self.vpc.delete_ha_vip(vpc.DeleteHaVipRequest(region_id=REGION, ha_vip_id=havip))
        eventually(lambda: self.shown(havip) is None, "the HAVIP is gone")
        for instance in machines.values():
            self.ecs.delete_instance(ecs.DeleteInstanceRequest(instance_id=instance, force=True))
        eventually(lambda: all(self.status(one) is None for one in machines.values()), "the instances are gone")
        eventually(lambda: self.deleted(vswitch), "the vSwitch is deleted")
        self.vpc.delete_vpc(vpc.DeleteVpcRequest(region_id=REGION, vpc_id=network))

    def deleted(self, vswitch):
        # Until the hosts have acknowledged what was deleted before, it is refused.
        try:
            self.vpc.delete_vswitch(vpc.DeleteVSwitchRequest(region_id=REGION, v_switch_id=vswitch))
        except ClientException as error:
            return error.code == "InvalidVSwitchId.NotFound"
        return False


if __name__ == "__main__":
    unittest.main()
