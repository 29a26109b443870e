//! The command line against a real server: what a stranger types, and what is answered.

mod server;

use server::{Answer, Server};
use std::process::Command;

fn with_a_subnet() -> Server {
    let server = Server::start();
    server.havip("vpc create --name shop --cidr 10.20.0.0/16").ok();
    server.havip("subnet create --vpc shop --name web --cidr 10.20.1.0/24").ok();
    server
}

#[test]
fn a_vip_is_made_by_names_shown_and_deleted() {
    let server = with_a_subnet();

    let vip = server.havip("vip create --subnet web --name shop-vip --address 10.20.1.100 -o json").json();
    assert_eq!(vip["address"], "10.20.1.100");
    assert_eq!(vip["status"], "available");
    assert!(vip["holder"].is_null());

    let id = vip["id"].as_str().unwrap();
    assert_eq!(server.havip("vip get shop-vip -o json").json()["id"], id);
    assert_eq!(server.havip("vip get 10.20.1.100 -o json").json()["id"], id);
    let table = server.havip("vip list").ok();
    let row: Vec<_> = table.lines().nth(1).unwrap().split_whitespace().collect();
    assert_eq!(row, [id, "shop-vip", "10.20.1.100", "web", "nobody", "-", "-", "available"]);
    assert!(server.havip("vip get shop-vip").ok().contains("Subnet:"));

    assert_eq!(server.havip("vip delete shop-vip").ok(), format!("{id} deleted\n"));
    assert_eq!(server.havip("vip list -o json").json(), serde_json::json!([]));
}

#[test]
fn what_is_made_with_tags_is_listed_by_them() {
    let server = with_a_subnet();
    let vip = server.havip("vip create --subnet web --name a --tag team=shop --tag tier -o json").json();
    assert_eq!(vip["tags"], serde_json::json!({"team": "shop", "tier": ""}));
    server.havip("vip create --subnet web --name b").ok();
    let names = |line: &str| {
        let all = server.havip(line).json();
        all.as_array().unwrap().iter().map(|one| one["name"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(names("vip list --tag team=shop -o json"), ["a"]);
    assert_eq!(names("vip list --tag tier -o json"), ["a"]);
    assert_eq!(names("vip list --tag team=bank -o json"), [] as [&str; 0]);
    assert!(server.havip("vip create --subnet web --tag acs:x=1").refused(3).contains("do not begin with"));
}

#[test]
fn a_resource_group_is_made_filled_listed_and_emptied_by_name() {
    let server = with_a_subnet();
    server.havip("resource-group create --name shop").ok();
    let vip = server.havip("vip create --subnet web --name a --resource-group shop -o json").json();
    server.havip("vip create --subnet web --name b").ok();
    let names = |group: &str| {
        let all = server.havip(&format!("vip list --resource-group {group} -o json")).json();
        all.as_array().unwrap().iter().map(|one| one["name"].clone()).collect::<Vec<_>>()
    };
    assert_eq!((names("shop"), names("default")), (vec!["a".into()], vec!["b".into()]));
    assert!(server.havip("resource-group delete shop").refused(3).contains("move them"));
    let id = vip["id"].as_str().unwrap();
    server.havip(&format!("resource-group move default {id}")).ok();
    assert!(server.havip("resource-group list").ok().contains("shop"));
    server.havip("resource-group delete shop").ok();
}

#[test]
fn a_deployment_set_is_made_listed_and_deleted_and_needs_a_host_for_each_instance() {
    let server = with_a_subnet();
    server.havip("deployment-set create --name web --tag team=shop").ok();
    let all = server.havip("deployment-set list --tag team -o json").json();
    assert_eq!((&all[0]["name"], &all[0]["instances"]), (&"web".into(), &serde_json::json!([])));
    // There is no host at all here.
    let line = server.havip("instance run --subnet web --deployment-set web").refused(3);
    assert!(line.contains("no host"), "{line}");
    assert!(
        server.havip("instance run --subnet web --deployment-set back").refused(4).contains("deployment set")
    );
    assert!(server.havip("deployment-set join web web-1").refused(4).contains("instance"));
    assert!(server.havip("deployment-set leave web-1").refused(4).contains("instance"));
    assert_eq!(server.havip("instance list --deployment-set web -o json").json(), serde_json::json!([]));
    server.havip("deployment-set update web --name front").ok();
    server.havip("deployment-set delete front").ok();
}

#[test]
fn a_change_of_a_vip_leaves_what_is_not_named() {
    let server = with_a_subnet();
    server.havip("vip create --subnet web --name a --description first").ok();
    let vip = server.havip("vip update a --name b --advert-source 10.20.1.9 -o json").json();
    assert_eq!((&vip["name"], &vip["description"]), (&"b".into(), &"first".into()));
    assert_eq!(vip["advert_sources"], serde_json::json!(["10.20.1.9"]));
    let vip = server.havip("vip update b --no-advert-sources -o json").json();
    assert_eq!(vip["advert_sources"], serde_json::json!([]));
}

#[test]
fn an_ipv6_address_names_a_vip_and_an_interface_however_it_is_spelled() {
    let server = Server::start();
    server.havip("vpc create --name both --cidr 10.20.0.0/16 --cidr6 fd00:20::/56").ok();
    let subnet = "subnet create --vpc both --name web --cidr 10.20.1.0/24 --cidr6 fd00:20:0:1::/64 -o json";
    assert_eq!(server.havip(subnet).json()["gateway6"], "fd00:20:0:1::1");
    let spare = server.havip("interface create --subnet web --name spare -o json").json();
    assert_eq!((&spare["address"], &spare["address6"]), (&"10.20.1.3".into(), &"fd00:20:0:1::3".into()));
    let vip = server.havip("vip create --subnet web --name six --family ipv6 -o json").json();
    assert_eq!(vip["address"], "fd00:20:0:1::4");

    server.havip("vip associate FD00:20:0:1::0004 fd00:20:0:1:0:0:0:3").ok();

    let vip = server.havip("vip get fd00:20:0:1:0::4 -o json").json();
    assert_eq!(vip["associations"][0]["target"], spare["id"]);
    assert!(server.havip("interface list -o wide").ok().contains("fd00:20:0:1::3"));
    let line = server.havip("vip create --subnet web --address fe80::1").refused(3);
    assert!(line.contains("choose one of fd00:20:0:1::3"), "{line}");
}

#[test]
fn an_interface_is_associated_by_its_name_and_blocks_the_deletion() {
    let server = with_a_subnet();
    server.havip("interface create --subnet web --name spare").ok();
    let vip = server.havip("vip create --subnet web --name v --associate spare -o json").json();
    assert_eq!(vip["associations"].as_array().unwrap().len(), 1);

    let line = server.havip("vip delete v").refused(3);
    assert!(line.contains("unbind"), "{line}");
    assert!(server.havip("vip dissociate v spare").ok().contains("may no longer claim"));
    server.havip("vip delete v").ok();
}

#[test]
fn why_nobody_holds_a_vip_is_explained_with_what_to_do() {
    let server = with_a_subnet();
    server.havip("vip create --subnet web --name v --address 10.20.1.100").ok();
    let page = server.havip("vip why v").ok();
    assert!(page.starts_with("Nobody holds 10.20.1.100: nobody may claim it\n"), "{page}");
    assert!(
        page.contains("    what to do: associate the instances that may claim it: havip vip associate"),
        "{page}"
    );

    server.havip("interface create --subnet web --name spare").ok();
    server.havip("vip associate v spare").ok();
    let why = server.havip("vip why v -o json").json();
    assert_eq!(why["situation"], "candidates-down");
    assert_eq!(why["reasons"][1]["advice"], "attach the interface to an instance");
    assert!(server.havip("vip why v -o yaml").ok().contains("situation: candidates-down\n"));
    assert!(server.havip("vip why nothing").refused(4).contains("havip vip list"));
}

#[test]
fn a_drill_is_refused_without_a_holder_and_never_begins_unasked() {
    let server = with_a_subnet();
    server.havip("vip create --subnet web --name v --address 10.20.1.100").ok();
    let line = server.havip("vip drill v --yes").refused(3);
    assert!(line.contains("nobody holds 10.20.1.100") && line.contains("vip_has_no_holder"), "{line}");
    assert!(server.havip("vip drill v").refused(1).contains("say --yes"));
}

#[test]
fn an_eip_is_allocated_and_bound_in_one_line() {
    let server = with_a_subnet();
    let vip = server.havip("vip create --subnet web --name v -o json").json();
    let eip = server.havip("eip allocate --name front --bind v -o json").json();
    assert_eq!(eip["target"], vip["id"]);
    assert!(eip["address"].as_str().unwrap().starts_with("203.0.113."));
    assert_eq!(server.havip("vip get v -o json").json()["eip"]["address"], eip["address"]);
    server.havip("eip unbind front").ok();
    server.havip("eip release front").ok();
    assert_eq!(server.havip("eip list -o json").json(), serde_json::json!([]));
}

#[test]
fn an_eip_is_not_taken_for_a_target_that_does_not_exist() {
    let server = with_a_subnet();
    let line = server.havip("eip allocate --bind nobody").refused(4);
    assert!(line.contains("no VIP, instance or interface called \"nobody\""), "{line}");
    assert_eq!(server.havip("eip list -o json").json(), serde_json::json!([]));
}

#[test]
fn several_vips_are_deleted_with_a_line_for_each() {
    let server = with_a_subnet();
    server.havip("interface create --subnet web --name spare").ok();
    server.havip("vip create --subnet web --name free").ok();
    server.havip("vip create --subnet web --name kept --associate spare").ok();

    let line = server.havip("vip delete free kept").refused(1);
    assert_eq!(line, "havip: 1 of 2 VIPs were not deleted");
    // A batch answers when it is decided; what was deleted is withdrawn right after.
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(5);
    while server.havip("vip list -o json").json().as_array().unwrap().len() != 1 {
        assert!(std::time::Instant::now() < deadline, "the deleted VIP is still listed");
    }
    let result = server.havip("vip delete kept --unbind -o json").ok();
    assert_eq!(result, "");
}

#[test]
fn an_ambiguous_name_is_refused_with_the_candidates() {
    let server = with_a_subnet();
    server.havip("vpc create --name shop --cidr 10.30.0.0/16").ok();
    let line = server.havip("subnet create --vpc shop --cidr 10.20.2.0/24").refused(1);
    assert!(line.contains("2 are called \"shop\": vpc-") && line.ends_with("say which by its id"), "{line}");
}

#[test]
fn what_does_not_exist_is_exit_code_4_by_name_and_by_id() {
    let server = Server::start();
    let line = server.havip("vpc get nothing").refused(4);
    assert_eq!(line, "havip: there is no VPC called \"nothing\"; `havip vpc list` shows all");
    server.havip("vip get vip-aaaaaaaaaaaaaaaaaaaa").refused(4);
}

#[test]
fn a_refusal_names_the_reason_and_its_code_on_one_line() {
    let server = with_a_subnet();
    let line = server.havip("vip create --subnet web --address 10.99.0.1").refused(3);
    assert!(line.contains("10.99.0.1") && line.ends_with(')'), "{line}");
    let gateway = server.havip("vip create --subnet web --address 10.20.1.1").refused(3);
    assert!(gateway.contains("gateway"), "{gateway}");
}

#[test]
fn events_are_listed_as_a_table_and_as_json() {
    let server = with_a_subnet();
    let events = server.havip("event list -o json").json();
    let kinds: Vec<_> =
        events.as_array().unwrap().iter().map(|event| event["kind"].as_str().unwrap()).collect();
    assert!(kinds.contains(&"changed"), "{kinds:?}");
    assert!(server.havip("event list").ok().starts_with("AT "));
}

#[test]
fn a_join_token_is_printed_alone_so_that_a_script_can_take_it() {
    let server = Server::start();
    let token = server.havip("host token").ok();
    assert_eq!(token.split_whitespace().count(), 1);
    assert!(token.len() > 100, "{token}");
}

#[test]
fn a_wrong_key_is_refused_with_what_to_do() {
    let server = Server::start();
    let scratch = tempfile::tempdir().unwrap();
    let key = scratch.path().join("key.json");
    let other = r#"{"access_key_id": "key-aaaaaaaaaaaaaaaaaaaa", "access_key_secret": "wrong"}"#;
    std::fs::write(&key, other).unwrap();
    server.havip(&format!("vpc list --key-file {}", key.display())).refused(3);
}

#[test]
fn a_server_that_is_not_there_is_exit_code_5() {
    let server = Server::start();
    let line = server.havip("vpc list --server http://127.0.0.1:1").refused(5);
    assert!(line.contains("http://127.0.0.1:1") && line.contains("havip up"), "{line}");
}

#[test]
fn a_reader_that_has_gone_is_no_failure() {
    let script = format!("{} completions bash | head -n 1", env!("CARGO_BIN_EXE_havip"));
    let output = Command::new("sh").args(["-c", &script]).output().unwrap();
    assert_eq!(Answer::of("completions bash", output).ok().lines().count(), 1);
}

#[test]
fn the_copy_of_the_api_description_in_docs_is_the_one_that_is_served() {
    let copy = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/openapi.json");
    let copy =
        std::fs::read_to_string(copy).expect("docs/openapi.json is there; `cargo xtask openapi` writes it");
    let output = Command::new(env!("CARGO_BIN_EXE_havip")).arg("openapi").output().unwrap();
    let now = Answer::of("openapi", output).ok();
    assert!(copy == now, "docs/openapi.json is old: `cargo xtask openapi` writes it anew");
}
