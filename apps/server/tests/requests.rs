//! What every request has: who asks, once, of which generation, and why not.

mod support;

use havip_api::*;
use std::os::unix::fs::PermissionsExt;
use support::{
    Scene,
    clouds::{Aliyun, Tencent},
};

fn problem(body: &str) -> Problem {
    serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {body}"))
}

#[test]
fn nobody_gets_in_without_the_key() {
    let scene = Scene::start();
    let key = scene.key();
    let wrong = KeyFile { access_key_secret: "x".repeat(64), ..key.clone() }.bearer();
    let other = KeyFile { access_key_id: "key-aaaaaaaaaaaaaaaaaaaa".into(), ..key.clone() }.bearer();
    for header in [
        vec![],
        vec![("Authorization", "Basic eDp5")],
        vec![("Authorization", wrong.as_str())],
        vec![("Authorization", other.as_str())],
    ] {
        for (method, path) in
            [("GET", "/v1/vips"), ("DELETE", "/v1/vips/vip-x"), ("GET", "/v1/none"), ("POST", "/v1/health")]
        {
            let (status, head, body) = scene.raw(method, path, &header, "");
            assert_eq!((status, problem(&body).code.as_str()), (401, "unauthenticated"), "{method} {path}");
            assert!(head.contains("www-authenticate: bearer"));
        }
    }
    for path in ["/v1/health", "/v1/openapi.json", "/metrics"] {
        assert_eq!(scene.raw("GET", path, &[], "").0, 200, "{path}");
    }
    assert_eq!(scene.raw("GET", "/v1/vips", &[("Authorization", &key.bearer())], "").0, 200);
}

#[test]
fn the_first_start_writes_the_key_once_and_stores_no_secret_in_the_clear() {
    let mut scene = Scene::start();
    let key = scene.key();
    let mode = std::fs::metadata(scene.key_file()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);

    scene.restart();

    assert_eq!(scene.key(), key, "a second start makes no second key");
    assert_eq!(scene.client.access_keys(&AccessKeyFilter::default()).unwrap().items.len(), 1);
    for entry in std::fs::read_dir(&scene.config.data).unwrap() {
        let path = entry.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        let secret = key.access_key_secret.as_bytes();
        assert!(!bytes.windows(secret.len()).any(|window| window == secret), "{}", path.display());
    }
}

#[test]
fn a_retry_with_the_same_key_creates_once_also_after_a_restart() {
    let mut scene = Scene::start();
    let wish = CreateVpc { cidr: "10.0.0.0/16".into(), ..Default::default() };
    let first = scene.client.with_idempotency_key("once").create_vpc(&wish).unwrap();
    assert_eq!(scene.client.with_idempotency_key("once").create_vpc(&wish).unwrap(), first);

    scene.restart();

    assert_eq!(scene.client.with_idempotency_key("once").create_vpc(&wish).unwrap(), first);
    assert_eq!(scene.client.all_vpcs(&VpcFilter::default()).unwrap().len(), 1);
    let other = CreateVpc { cidr: "10.1.0.0/16".into(), ..Default::default() };
    let refused = scene.client.with_idempotency_key("once").create_vpc(&other).unwrap_err();
    assert_eq!((refused.status(), refused.code()), (Some(422), Some("idempotency_key_reused")));

    let headers = [("Authorization", scene.bearer()), ("Idempotency-Key", "once".to_string())];
    let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let (status, head, _) = scene.raw("POST", "/v1/vpcs", &headers, &serde_json::to_string(&wish).unwrap());
    assert_eq!(status, 201);
    assert!(head.contains("idempotency-replayed: true"));
}

#[test]
fn a_clouds_token_makes_one_thing_also_after_a_restart() {
    let mut scene = Scene::start();
    let key = scene.key();
    let (vpc, subnet) = scene.network();
    let body = |id: &str, length| id.rsplit_once('-').unwrap().1[..length].to_string();
    let (vswitch, place) = (format!("vsw-{}", body(&subnet.meta.id, 20)), body(&subnet.meta.id, 8));
    let (place, of) = (format!("subnet-{place}"), format!("vpc-{}", body(&vpc.meta.id, 8)));
    let alibaba = [("VSwitchId", vswitch.as_str()), ("ClientToken", "once")];
    let tencent = [("VpcId", &*of), ("SubnetId", &*place), ("HaVipName", "a"), ("ClientToken", "once")];
    let ask = |scene: &Scene| {
        let (status, first) = Aliyun.ask(scene, &key, "CreateHaVip", &alibaba);
        assert_eq!(status, 200, "{first}");
        let (_, second) = Tencent.ask(scene, &key, "CreateHaVip", &tencent);
        assert_eq!(Tencent.code(&second), "", "{second}");
        (first["HaVipId"].clone(), second["HaVip"]["HaVipId"].clone())
    };
    let made = ask(&scene);
    assert_eq!(ask(&scene), made);

    scene.restart();

    assert_eq!(ask(&scene), made);
    assert_eq!(scene.client.all_vips(&VipFilter::default()).unwrap().len(), 2);
}

#[test]
fn sixteen_that_ask_at_once_with_one_key_make_one() {
    let scene = Scene::start();
    let (_, subnet) = scene.network();
    let wish = CreateVip { subnet: subnet.meta.id, ..Default::default() };
    let ids: Vec<String> = std::thread::scope(|threads| {
        let ask = || scene.client.with_idempotency_key("storm").create_vip(&wish).unwrap().meta.id;
        let all: Vec<_> = (0..16).map(|_| threads.spawn(ask)).collect();
        all.into_iter().map(|one| one.join().unwrap()).collect()
    });
    assert!(ids.iter().all(|id| *id == ids[0]));
    assert_eq!(scene.client.all_vips(&VipFilter::default()).unwrap().len(), 1);
}

#[test]
fn many_that_ask_at_once_get_different_addresses() {
    let scene = Scene::start();
    let (_, subnet) = scene.network();
    let wish = CreateVip { subnet: subnet.meta.id, ..Default::default() };
    let mut addresses: Vec<String> = std::thread::scope(|threads| {
        let all: Vec<_> =
            (0..24).map(|_| threads.spawn(|| scene.client.create_vip(&wish).unwrap().address)).collect();
        all.into_iter().map(|one| one.join().unwrap()).collect()
    });
    addresses.sort();
    addresses.dedup();
    assert_eq!(addresses.len(), 24);
}

#[test]
fn a_change_of_another_generation_is_refused() {
    let scene = Scene::start();
    let (vpc, _) = scene.network();
    let rename = |name: &str| UpdateNetwork { name: Some(name.into()), ..Default::default() };
    let id = &vpc.meta.id;
    assert_eq!(scene.client.if_generation(1).update_vpc(id, &rename("two")).unwrap().meta.generation, 2);

    let refused = scene.client.if_generation(1).update_vpc(id, &rename("three")).unwrap_err();

    assert_eq!((refused.status(), refused.code()), (Some(412), Some("precondition_failed")));
    assert_eq!(scene.client.vpc(id).unwrap().meta.name, "two");
    let (_, head, _) = scene.raw("GET", &format!("/v1/vpcs/{id}"), &[("Authorization", &scene.bearer())], "");
    assert!(head.contains("etag: \"2\""), "{head}");
    let create = CreateVpc { cidr: "10.99.0.0/16".into(), ..Default::default() };
    let pointless = scene.client.if_generation(1).create_vpc(&create).unwrap_err();
    assert_eq!(pointless.code(), Some("contradiction"));
    let bad = [("Authorization", scene.bearer()), ("If-Match", "2".into())];
    let bad: Vec<(&str, &str)> = bad.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let (status, _, body) = scene.raw("DELETE", &format!("/v1/vpcs/{id}"), &bad, "");
    assert_eq!((status, problem(&body).code.as_str()), (400, "invalid_etag"));
}

#[test]
fn what_is_wrong_is_named_with_its_field_and_what_to_do() {
    let scene = Scene::start();
    let (vpc, subnet) = scene.network();
    let (vpc, subnet) = (vpc.meta.id, subnet.meta.id);
    let nowhere = "subnet-aaaaaaaaaaaaaaaaaaaa";
    let json = |text: &str| text.replace("VPC", &vpc).replace("SUBNET", &subnet).replace("NOWHERE", nowhere);
    #[rustfmt::skip]
    let table = [
        ("POST", "/v1/vpcs", "{", 400, "invalid_body", ""),
        ("POST", "/v1/vpcs", "{} x", 400, "invalid_body", ""),
        ("POST", "/v1/vpcs", r#"{"cidr":"10.0.0.0/8","colour":1}"#, 400, "invalid_body", "/colour"),
        ("POST", "/v1/vpcs", r#"{"cidr":7}"#, 400, "invalid_body", "/cidr"),
        ("POST", "/v1/vpcs", r#"{"cidr":"ten"}"#, 400, "invalid_cidr", "/cidr"),
        ("POST", "/v1/vpcs", r#"{"cidr":"10.0.0.1/8"}"#, 400, "cidr_has_host_bits", "/cidr"),
        ("POST", "/v1/vpcs", r#"{"cidr":"224.0.0.0/8"}"#, 400, "cidr_not_usable", "/cidr"),
        ("POST", "/v1/subnets", r#"{"vpc":"x","cidr":"10.20.2.0/24"}"#, 400, "invalid_id", "/vpc"),
        ("POST", "/v1/subnets", r#"{"vpc":"VPC","cidr":"10.99.2.0/24"}"#, 400, "cidr_outside_vpc", "/cidr"),
        ("POST", "/v1/subnets", r#"{"vpc":"VPC","cidr":"10.20.1.0/25"}"#, 409, "cidr_overlaps", "/cidr"),
        ("POST", "/v1/vips", r#"{"subnet":"NOWHERE"}"#, 404, "subnet_not_found", "/subnet"),
        ("POST", "/v1/vips", r#"{"subnet":"SUBNET","address":"10.20.1"}"#, 400, "invalid_address", "/address"),
        ("POST", "/v1/vips", r#"{"subnet":"SUBNET","address":"10.20.2.9"}"#, 400, "address_outside_subnet", "/address"),
        ("POST", "/v1/vips", r#"{"subnet":"SUBNET","address":"10.20.1.1"}"#, 400, "address_reserved", "/address"),
        ("POST", "/v1/vips", r#"{"subnet":"SUBNET","address":"10.20.1.255"}"#, 400, "address_reserved", "/address"),
        ("POST", "/v1/vips", r#"{"subnet":"SUBNET","associations":[{"target":"i-x"}]}"#, 400, "invalid_id", "/associations/0/target"),
        ("POST", "/v1/vips", r#"{"subnet":"SUBNET","binding":"all"}"#, 400, "invalid_body", "/binding"),
        ("POST", "/v1/instances", r#"{"subnet":"SUBNET"}"#, 409, "no_host", "/host"),
        ("POST", "/v1/vips/batch-delete", r#"{"ids":[]}"#, 400, "out_of_range", "/ids"),
        ("POST", "/v1/eips", r#"{"address":"198.51.100.1"}"#, 400, "address_outside_pool", "/address"),
        ("POST", "/v1/vips?wait=1h", r#"{"subnet":"SUBNET"}"#, 400, "invalid_wait", "wait"),
        ("GET", "/v1/vips/vip-nonsense", "", 404, "vip_not_found", ""),
        ("GET", "/v1/vips?limit=0", "", 400, "invalid_limit", "limit"),
        ("GET", "/v1/vips?limit=x", "", 400, "invalid_parameter", "limit"),
        ("GET", "/v1/vips?colour=red", "", 400, "invalid_parameter", "colour"),
        ("GET", "/v1/vips?after=x", "", 400, "invalid_cursor", "after"),
        ("GET", "/v1/events?after=x", "", 400, "invalid_cursor", "after"),
        ("POST", "/v1/eips", "", 400, "invalid_body", ""),
        ("GET", "/v1/vips/%ff", "", 400, "invalid_request", ""),
        ("GET", "/v1/nothing", "", 404, "no_such_path", ""),
        ("PUT", "/v1/vips", "", 405, "no_such_method", ""),
    ];
    for (method, path, body, status, code, field) in table {
        let (got, head, answer) = scene.raw(method, path, &[("Authorization", &scene.bearer())], &json(body));
        assert_eq!(got, status, "{method} {path} {body}: {answer}");
        let problem = problem(&answer);
        let row = format!("{method} {path} {body}: {problem:?}");
        assert_eq!(
            (problem.code.as_str(), problem.field.as_deref().unwrap_or_default()),
            (code, field),
            "{row}"
        );
        assert!(head.contains("application/problem+json") && head.contains(&problem.request_id), "{head}");
        assert!(problem.detail.len() > 10, "{row}");
    }
}

#[test]
fn a_path_says_which_methods_it_answers() {
    let scene = Scene::start();
    for (path, methods) in [("/v1/vips", "get,head,post"), ("/v1/hosts/tokens", "post")] {
        let (status, head, _) = scene.raw("OPTIONS", path, &[("Authorization", &scene.bearer())], "");
        assert_eq!(status, 405);
        assert!(head.contains(&format!("allow: {methods}")), "{head}");
    }
}

#[test]
fn a_body_that_is_too_large_or_no_json_is_refused() {
    let scene = Scene::start();
    let bearer = scene.bearer();
    let large = format!("{{\"name\":\"{}\"}}", "x".repeat(2 << 20));
    let (status, _, body) = scene.raw("POST", "/v1/vpcs", &[("Authorization", &bearer)], &large);
    assert_eq!((status, problem(&body).code.as_str()), (413, "body_too_large"));
    let headers = [("Authorization", bearer.as_str()), ("Content-Type", "text/xml")];
    let (status, _, body) = scene.raw("POST", "/v1/vpcs", &headers, "<a/>");
    assert_eq!((status, problem(&body).code.as_str()), (415, "not_json"));
}

#[test]
fn metrics_count_requests_by_route_and_status() {
    let scene = Scene::start();
    scene.network();
    let _ = scene.client.vip("vip-nonsense");
    let (_, _, text) = scene.raw("GET", "/metrics", &[], "");
    assert!(
        text.contains("havip_server_requests_total{method=\"POST\",path=\"/v1/vpcs\",status=\"201\"} 1"),
        "{text}"
    );
    assert!(text.contains("path=\"/v1/vips/{id}\",status=\"404\"} 1"), "{text}");
    assert!(text.contains("havip_server_resources{kind=\"subnet\"} 1"), "{text}");
    assert!(!text.contains(&scene.key().access_key_secret));
}
