//! What an earlier version has stored is read by this one, and means the same.

use havip_model::{Resource, World};
use havip_store::stored::Stored;

/// As version 0.1 wrote it: never edit a line, add new ones.
const WRITTEN: [(&str, &str); 39] = [
    ("meta/history", r#""3f9c""#),
    ("meta/newest", "null"),
    ("counter/vni", "2"),
    ("counter/incarnation", "3"),
    (
        "resource/vpc/vpc-aaaaaaaaaaaaaaaaaaaa",
        r#"{"id":"vpc-aaaaaaaaaaaaaaaaaaaa","meta":{"name":"web","description":"","created_at":1000,"updated_at":1000,"generation":1,"deleting":false},"region":"local","cidr":"10.20.0.0/16","cidr6":null,"vni":1,"virtual_mac":"02:68:77:00:00:01"}"#,
    ),
    (
        "resource/subnet/subnet-aaaaaaaaaaaaaaaaaaaa",
        r#"{"id":"subnet-aaaaaaaaaaaaaaaaaaaa","meta":{"name":"web","description":"","created_at":1000,"updated_at":1000,"generation":1,"deleting":false},"vpc":"vpc-aaaaaaaaaaaaaaaaaaaa","zone":"local-a","cidr":"10.20.1.0/24","cidr6":null,"gateway":"10.20.1.1","gateway6":null,"number":1}"#,
    ),
    (
        "resource/host/1",
        r#"{"id":"host-aaaaaaaaaaaaaaaaaaaa","meta":{"name":"h1","description":"","created_at":1000,"updated_at":1000,"generation":1,"deleting":false},"region":"local","zone":"local-a","number":1,"underlay":"192.168.0.1","peer_endpoint":"192.168.0.1:7403","edge_device":"out0","guest_mtu":1500}"#,
    ),
    (
        "resource/instance/i-aaaaaaaaaaaaaaaaaaaa",
        r#"{"id":"i-aaaaaaaaaaaaaaaaaaaa","meta":{"name":"blue","description":"","created_at":1000,"updated_at":1000,"generation":1,"deleting":false},"region":"local","zone":"local-a","driver":"namespace","host":1,"cpu_millis":1000,"memory_mib":512,"user_data":"true","power":"powered-off","starts":1}"#,
    ),
    (
        "resource/interface/eni-aaaaaaaaaaaaaaaaaaaa",
        r#"{"id":"eni-aaaaaaaaaaaaaaaaaaaa","meta":{"name":"","description":"","created_at":1000,"updated_at":1000,"generation":1,"deleting":false},"vpc":"vpc-aaaaaaaaaaaaaaaaaaaa","subnet":"subnet-aaaaaaaaaaaaaaaaaaaa","port":1,"mac":"02:aa:00:00:00:01","primary":"10.20.1.3","secondary":["10.20.1.9"],"instance":"i-aaaaaaaaaaaaaaaaaaaa","position":0,"is_primary":true,"host":1,"device":null,"source_dest_check":true,"port_state":"inactive"}"#,
    ),
    (
        "resource/vip/vip-aaaaaaaaaaaaaaaaaaaa",
        r#"{"id":"vip-aaaaaaaaaaaaaaaaaaaa","meta":{"name":"front","description":"","created_at":1000,"updated_at":2000,"generation":2,"deleting":false},"vpc":"vpc-aaaaaaaaaaaaaaaaaaaa","subnet":"subnet-aaaaaaaaaaaaaaaaaaaa","key":{"vni":1,"address":"10.20.1.100"},"incarnation":1,"binding":"associated","contention":"follow","assist":true,"profile":"native","associations":[{"target":{"instance":"i-aaaaaaaaaaaaaaaaaaaa"},"mode":"direct-return","created_at":2000}],"advert_sources":["10.20.1.77"]}"#,
    ),
    (
        "resource/eip-pool/pool-aaaaaaaaaaaaaaaaaaaa",
        r#"{"id":"pool-aaaaaaaaaaaaaaaaaaaa","meta":{"name":"public","description":"","created_at":1000,"updated_at":1000,"generation":1,"deleting":false},"cidr":"203.0.113.0/24","gateway":null,"reserved":["203.0.113.1"]}"#,
    ),
    (
        "resource/eip/eip-aaaaaaaaaaaaaaaaaaaa",
        r#"{"id":"eip-aaaaaaaaaaaaaaaaaaaa","meta":{"name":"","description":"","created_at":1000,"updated_at":1000,"generation":1,"deleting":false},"pool":"pool-aaaaaaaaaaaaaaaaaaaa","address":"203.0.113.2","bandwidth_mbps":5,"target":{"vip":"vip-aaaaaaaaaaaaaaaaaaaa"},"vpc":"vpc-aaaaaaaaaaaaaaaaaaaa","incarnation":2}"#,
    ),
    (
        "resource/route/route-aaaaaaaaaaaaaaaaaaaa",
        r#"{"id":"route-aaaaaaaaaaaaaaaaaaaa","meta":{"name":"","description":"","created_at":1000,"updated_at":1000,"generation":1,"deleting":false},"vpc":"vpc-aaaaaaaaaaaaaaaaaaaa","destination":"0.0.0.0/0","next_hop":{"vip":"vip-aaaaaaaaaaaaaaaaaaaa"}}"#,
    ),
    (
        "record/1/10.20.1.100",
        r#"{"incarnation":1,"epoch":113967432499200,"holder":{"host":1,"port":1},"released":false,"mac":"02:aa:00:00:00:01","moves":4}"#,
    ),
    (
        "event/00000000000000000007",
        r#"{"sequence":7,"at":3000,"kind":{"kind":"vip-moved","vip":"vip-aaaaaaaaaaaaaaaaaaaa","address":"10.20.1.100","epoch":9,"from":null,"to":{"host":1,"port":1},"cause":"claim"}}"#,
    ),
    (
        "event/00000000000000000008",
        r#"{"sequence":8,"at":3001,"kind":{"kind":"vip-moved","vip":"vip-aaaaaaaaaaaaaaaaaaaa","address":"10.20.1.100","epoch":10,"from":{"host":1,"port":1},"to":{"host":1,"port":2},"cause":"doubted","moves":5}}"#,
    ),
    (
        "event/00000000000000000009",
        r#"{"sequence":9,"at":3002,"kind":{"kind":"found","vip":"vip-aaaaaaaaaaaaaaaaaaaa","address":"10.20.1.100","epoch":10,"host":1,"count":1,"finding":{"what":"both-answer","holder":{"host":1,"port":2},"other":{"host":1,"port":1}}}}"#,
    ),
    (
        "event/00000000000000000010",
        r#"{"sequence":10,"at":3003,"kind":{"kind":"vip-served","vip":"vip-aaaaaaaaaaaaaaaaaaaa","address":"10.20.1.100","epoch":10,"holder":{"host":1,"port":2},"last_at":3000,"first_at":3003}}"#,
    ),
    (
        "audit/00000000000000000001",
        r#"{"sequence":1,"at":1,"user":"ci","key":"key-aaaaaaaaaaaaaaaaaaaa","project":"project-aaaaaaaaaaaaaaaaaaaa","source":"192.0.2.9","dialect":"aliyun","action":"vpc:CreateHaVip","resources":["vip-aaaaaaaaaaaaaaaaaaaa"],"request_id":"00ff","outcome":{"refused":"forbidden"},"count":2,"previous":"","hash":"00ff"}"#,
    ),
    (
        "answer/key-aaaaaaaaaaaaaaaaaaaa/once",
        r#"{"name":"key-aaaaaaaaaaaaaaaaaaaa/once","request":"00ff","status":201,"subject":"vip/vip-aaaaaaaaaaaaaaaaaaaa","at":1000}"#,
    ),
    (
        "meta/seal-keys",
        r#"{"stage":4,"sending":1,"required":true,"made_at":1000,"keys":[{"id":1,"sealed_secret":"c2VhbGVk"},{"id":2,"sealed_secret":"c2VhbGVk"}]}"#,
    ),
    ("token/00ff", r#"{"digest":"00ff","expires_at":9000}"#),
    (
        "access-key/key-aaaaaaaaaaaaaaaaaaaa",
        r#"{"id":"key-aaaaaaaaaaaaaaaaaaaa","name":"admin","created_at":1000,"sealed_secret":"c2VhbGVk"}"#,
    ),
    // Since there is IPv6.
    (
        "resource/vpc/vpc-bbbbbbbbbbbbbbbbbbbb",
        r#"{"id":"vpc-bbbbbbbbbbbbbbbbbbbb","meta":{"name":"six","description":"","created_at":1000,"updated_at":1000,"generation":1,"deleting":false},"region":"local","cidr":"10.20.0.0/16","cidr6":"fd00:20::/56","vni":2,"virtual_mac":"02:68:77:00:00:02"}"#,
    ),
    (
        "resource/subnet/subnet-bbbbbbbbbbbbbbbbbbbb",
        r#"{"id":"subnet-bbbbbbbbbbbbbbbbbbbb","meta":{"name":"six","description":"","created_at":1000,"updated_at":1000,"generation":1,"deleting":false},"vpc":"vpc-bbbbbbbbbbbbbbbbbbbb","zone":"local-a","cidr":"10.20.1.0/24","cidr6":"fd00:20:0:1::/64","gateway":"10.20.1.1","gateway6":"fd00:20:0:1::1","number":2}"#,
    ),
    (
        "resource/interface/eni-bbbbbbbbbbbbbbbbbbbb",
        r#"{"id":"eni-bbbbbbbbbbbbbbbbbbbb","meta":{"name":"","description":"","created_at":1000,"updated_at":1000,"generation":1,"deleting":false},"vpc":"vpc-bbbbbbbbbbbbbbbbbbbb","subnet":"subnet-bbbbbbbbbbbbbbbbbbbb","port":2,"mac":"02:aa:00:00:00:02","primary":"10.20.1.3","primary6":"fd00:20:0:1::3","secondary":["fd00:20:0:1::9"],"instance":null,"position":0,"is_primary":false,"host":null,"device":null,"source_dest_check":true,"port_state":"inactive"}"#,
    ),
    (
        "resource/vip/vip-bbbbbbbbbbbbbbbbbbbb",
        r#"{"id":"vip-bbbbbbbbbbbbbbbbbbbb","meta":{"name":"front","description":"","created_at":1000,"updated_at":2000,"generation":2,"deleting":false},"vpc":"vpc-bbbbbbbbbbbbbbbbbbbb","subnet":"subnet-bbbbbbbbbbbbbbbbbbbb","key":{"vni":2,"address":"fd00:20:0:1::100"},"incarnation":3,"binding":"associated","contention":"hold","assist":true,"profile":"native","associations":[],"advert_sources":["fe80::1"]}"#,
    ),
    (
        "record/2/fd00:20:0:1::100",
        r#"{"incarnation":3,"epoch":113967432499200,"holder":{"host":1,"port":2},"released":false,"mac":"02:aa:00:00:00:02","moves":4}"#,
    ),
    // Since there are the clouds' APIs.
    (
        "resource/vpc/vpc-cccccccccccccccccccc",
        r#"{"id":"vpc-cccccccccccccccccccc","meta":{"name":"said","description":"","created_at":1000,"updated_at":1000,"generation":1,"deleting":false,"said":{"aliyun.zone":"cn-hangzhou-h"}},"region":"local","cidr":"10.20.0.0/16","cidr6":null,"vni":3,"virtual_mac":"02:68:77:00:00:03"}"#,
    ),
    (
        "answer/key-aaaaaaaaaaaaaaaaaaaa/00fe",
        r#"{"name":"key-aaaaaaaaaaaaaaaaaaaa/00fe","request":"00ff","status":200,"subject":"i-a i-b","at":1000,"body":"{}"}"#,
    ),
    // Since there are projects.
    (
        "project/project-aaaaaaaaaaaaaaaaaaaa",
        r#"{"id":"project-aaaaaaaaaaaaaaaaaaaa","name":"default","description":"","created_at":1000}"#,
    ),
    (
        "user/user-aaaaaaaaaaaaaaaaaaaa",
        r#"{"id":"user-aaaaaaaaaaaaaaaaaaaa","project":"project-aaaaaaaaaaaaaaaaaaaa","name":"admin","description":"","is_administrator":true,"created_at":1000}"#,
    ),
    (
        "access-key/key-bbbbbbbbbbbbbbbbbbbb",
        r#"{"id":"key-bbbbbbbbbbbbbbbbbbbb","user":"user-aaaaaaaaaaaaaaaaaaaa","name":"ci","created_at":1000,"is_disabled":true,"expires_at":9000,"used_at":2000,"sealed_secret":"c2VhbGVk"}"#,
    ),
    (
        "resource/vpc/vpc-dddddddddddddddddddd",
        r#"{"id":"vpc-dddddddddddddddddddd","meta":{"name":"theirs","description":"","created_at":1000,"updated_at":1000,"generation":1,"project":"project-bbbbbbbbbbbbbbbbbbbb","deleting":false},"region":"local","cidr":"10.20.0.0/16","cidr6":null,"vni":4,"virtual_mac":"02:68:77:00:00:04"}"#,
    ),
    (
        "event/00000000000000000011",
        r#"{"sequence":11,"at":3004,"project":"project-bbbbbbbbbbbbbbbbbbbb","kind":{"kind":"changed","resource":"vpc-dddddddddddddddddddd","change":"created"}}"#,
    ),
    // Since there are policies.
    (
        "policy/policy-aaaaaaaaaaaaaaaaaaaa",
        r#"{"id":"policy-aaaaaaaaaaaaaaaaaaaa","project":"project-aaaaaaaaaaaaaaaaaaaa","name":"read","description":"","document":"{}","created_at":1000,"updated_at":1000}"#,
    ),
    // Since projects have limits of their own.
    (
        "project/project-bbbbbbbbbbbbbbbbbbbb",
        r#"{"id":"project-bbbbbbbbbbbbbbbbbbbb","name":"shop","description":"","created_at":1000,"granted":[{"quota":"vips_per_vpc","profile":"tencent","limit":20},{"quota":"rules_per_group","limit":100}]}"#,
    ),
    (
        "quota-request/quotareq-aaaaaaaaaaaaaaaaaaaa",
        r#"{"id":"quotareq-aaaaaaaaaaaaaaaaaaaa","project":"project-bbbbbbbbbbbbbbbbbbbb","wanted":{"quota":"vip_routes_per_vpc","limit":20},"reason":"growth","user":"ann","created_at":1000}"#,
    ),
    (
        "quota-request/quotareq-bbbbbbbbbbbbbbbbbbbb",
        r#"{"id":"quotareq-bbbbbbbbbbbbbbbbbbbb","project":"project-bbbbbbbbbbbbbbbbbbbb","wanted":{"quota":"vips_per_vpc","limit":80},"reason":"","user":"ann","created_at":1000,"decision":{"limit":null,"comment":"no","user":"admin","decided_at":2000}}"#,
    ),
];

#[test]
fn what_version_0_1_wrote_is_read_and_nothing_of_it_is_lost() {
    let mut resources: Vec<Resource> = Vec::new();
    for (key, value) in WRITTEN {
        let stored = Stored::read(key, value.as_bytes()).unwrap_or_else(|error| panic!("{key}: {error:?}"));
        assert_eq!(stored.key(), key);
        let (old, new) = (json(value.as_bytes()), json(&stored.value()));
        assert!(holds(&new, &old), "{key} says\n{new}\ninstead of\n{old}");
        if let Stored::Resource(resource) = stored {
            resources.push(resource);
        }
    }
    let world = World::of(resources, []);
    let instance = *world.instances.keys().next().unwrap();
    assert_eq!((world.vip_count_of_instance(instance), world.edges().count()), (1, 1));
    assert_eq!(world.eips_into(*world.vpcs.keys().next().unwrap()).count(), 1);
}

fn json(bytes: &[u8]) -> serde_json::Value {
    serde_json::from_slice(bytes).unwrap()
}

/// Whether everything that the old value says is in the new one, which may say more.
fn holds(new: &serde_json::Value, old: &serde_json::Value) -> bool {
    match (new, old) {
        (serde_json::Value::Object(new), serde_json::Value::Object(old)) => {
            old.iter().all(|(field, old)| new.get(field).is_some_and(|new| holds(new, old)))
        }
        (new, old) => new == old,
    }
}
