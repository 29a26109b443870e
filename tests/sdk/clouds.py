"""Where Havip is, and clients of each cloud's own SDK that are pointed at it."""

import base64
import json
import logging
import os
import time

HOST = os.environ["HAVIP_HOST"]
PORT = int(os.environ["HAVIP_PORT"])
with open(os.environ["HAVIP_KEY_FILE"]) as file:
    _key = json.load(file)
KEY, SECRET = _key["access_key_id"], _key["access_key_secret"]
REGION = "cn-hangzhou"


def eventually(look, what, seconds=20):
    """Waits until `look` gives something true. Starting an instance takes under a second on an idle machine."""
    deadline = time.monotonic() + seconds
    while True:
        found = look()
        if found:
            return found
        assert time.monotonic() < deadline, f"{what}: not within {seconds} s"
        time.sleep(0.05)


def script(text):
    """User data that is run by a shell."""
    return base64.b64encode(("#!/bin/sh\n" + text).encode()).decode()


def keepalived(own, other, priority, vip):
    """What the clouds' guides tell people to write, started as user data."""
    return script(f"""
cat > /tmp/keepalived.conf <<END
vrrp_instance VI_1 {{
    state BACKUP
    interface eth0
    virtual_router_id 51
    nopreempt
    priority {priority}
    advert_int 1
    unicast_src_ip {own}
    unicast_peer {{
        {other}
    }}
    virtual_ipaddress {{
        {vip}
    }}
    garp_master_delay 1
    garp_master_refresh 5
}}
END
exec keepalived -n -l -f /tmp/keepalived.conf
""")


def aliyun_config(key=KEY, secret=SECRET, algorithm=None):
    from alibabacloud_tea_openapi.models import Config

    config = Config(access_key_id=key, access_key_secret=secret, region_id=REGION)
    config.endpoint, config.protocol = f"{HOST}:{PORT}", "http"
    if algorithm:
        config.signature_algorithm = algorithm
    return config


def aliyun_vpc(**how):
    from alibabacloud_vpc20160428.client import Client

    return Client(aliyun_config(**how))


def aliyun_ecs(**how):
    from alibabacloud_ecs20140526.client import Client

    return Client(aliyun_config(**how))


def tencent(kind, key=KEY, secret=SECRET, method="TC3-HMAC-SHA256", verb="POST"):
    from tencentcloud.common.credential import Credential
    from tencentcloud.common.profile.client_profile import ClientProfile
    from tencentcloud.common.profile.http_profile import HttpProfile

    http = HttpProfile(protocol="http", endpoint=f"{HOST}:{PORT}", reqMethod=verb)
    return kind(Credential(key, secret), "ap-guangzhou", ClientProfile(signMethod=method, httpProfile=http))


def ucloud_config(path="/", key=KEY, secret=SECRET):
    return {
        "public_key": key,
        "private_key": secret,
        "region": "cn-bj2",
        "project_id": "org-1",
        "base_url": f"http://{HOST}:{PORT}{path}",
        "max_retries": 0,
        "log_level": logging.CRITICAL,
    }
