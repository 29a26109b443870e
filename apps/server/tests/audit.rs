//! Who did what, and what was refused, is told, once and in a chain.

mod support;

use havip_api::*;
use havip_audit::{Broken, Chain, Verifier};
use havip_store::{Query, Store, Transaction, stored};
use support::{
    Scene,
    clouds::{Aliyun, Tencent},
};

fn entries(scene: &Scene, filter: AuditFilter) -> Vec<AuditEntry> {
    entries_of(&scene.client, filter)
}

fn entries_of(client: &Client, filter: AuditFilter) -> Vec<AuditEntry> {
    let (mut all, mut filter) = (vec![], AuditFilter { limit: Some(7), ..filter });
    loop {
        let page = client.audit(&filter).unwrap();
        all.extend(page.items);
        match page.next {
            Some(next) => filter.after = Some(next),
            None => return all,
        }
    }
}

fn actions(entries: &[AuditEntry]) -> Vec<&str> {
    entries.iter().map(|entry| entry.action.as_str()).collect()
}

/// A user who may do this and nothing else.
fn user(scene: &Scene, name: &str, actions: &str) -> KeyFile {
    let document = format!(
        r#"{{"Version":"1","Statement":[{{"Effect":"Allow","Action":"{actions}","Resource":"*"}}]}}"#
    );
    scene.user_with_policy(name, &document)
}

#[test]
fn every_change_is_told_with_who_from_where_by_which_key_and_through_which_api() {
    let scene = Scene::start();
    let (vpc, subnet) = scene.network();
    let key = scene.key();
    let (status, made) =
        Aliyun.ask(&scene, &key, "CreateHaVip", &[("VSwitchId", &aliyun_id(&subnet.meta.id))]);
    assert_eq!(status, 200, "{made}");
    let all = entries(&scene, AuditFilter::default());
    assert_eq!(actions(&all), ["vpc:CreateVpc", "vpc:CreateVSwitch", "vpc:CreateHaVip"]);
    assert_eq!(all[0].resources, std::slice::from_ref(&vpc.meta.id));
    for entry in &all {
        assert_eq!((entry.user.as_str(), entry.source.as_str()), ("admin", "127.0.0.1"));
        assert_eq!((entry.key.as_str(), entry.outcome), (key.access_key_id.as_str(), AuditOutcome::Done));
        assert_eq!((entry.count, entry.request_id.len()), (1, 32));
        assert!(entry.project.starts_with("project-"), "{entry:?}");
    }
    assert_eq!((all[1].dialect.as_str(), all[2].dialect.as_str()), ("native", "aliyun"));
    assert_eq!(all[2].previous, all[1].hash);

    // What reads changes nothing, and what is repeated happened once.
    scene.client.vpcs(&VpcFilter::default()).unwrap();
    let bearer = scene.bearer();
    let headers = [("Authorization", bearer.as_str()), ("Idempotency-Key", "once")];
    for _ in 0..2 {
        assert_eq!(scene.raw("POST", "/v1/vpcs", &headers, r#"{"cidr":"10.30.0.0/16"}"#).0, 201);
    }
    let of = |filter: AuditFilter| entries(&scene, filter);
    assert_eq!(of(AuditFilter::default()).len(), 4);
    let some = |text: &str| Some(text.to_string());
    assert_eq!(of(AuditFilter { action: some("vpc:CreateVpc"), ..Default::default() }).len(), 2);
    assert_eq!(of(AuditFilter { dialect: some("aliyun"), ..Default::default() }).len(), 1);
    assert_eq!(of(AuditFilter { resource: Some(subnet.meta.id), ..Default::default() }).len(), 1);
    assert_eq!(of(AuditFilter { until: Some(all[0].at.clone()), ..Default::default() }).len(), 0);
    assert_eq!(of(AuditFilter { since: Some(all[0].at.clone()), ..Default::default() }).len(), 4);
    let wrong = scene.client.audit(&AuditFilter { since: some("yesterday"), ..Default::default() });
    assert_eq!(wrong.unwrap_err().code(), Some("invalid_instant"));
}

fn aliyun_id(subnet: &str) -> String {
    format!("vsw-{}", subnet.rsplit_once('-').unwrap().1)
}

#[test]
fn refusals_are_told_with_their_code_whoever_refuses() {
    let scene = Scene::start();
    let (vpc, _) = scene.network();
    let key = user(&scene, "reader", "vpc:Describe*");
    let mine = scene.client_of(&key);
    // By policy, by the rules, by authentication, and by each in a cloud's words.
    assert_eq!(mine.delete_vpc(&vpc.meta.id).unwrap_err().code(), Some("forbidden"));
    assert_eq!(scene.client.delete_vpc(&vpc.meta.id).unwrap_err().status(), Some(409));
    let wrong = "Bearer key-aaaaaaaaaaaaaaaaaaaa.wrong";
    assert_eq!(scene.raw("GET", "/v1/vips", &[("Authorization", wrong)], "").0, 401);
    let (_, answer) = Aliyun.ask(&scene, &key, "CreateVpc", &[("CidrBlock", "10.0.0.0/8")]);
    assert_eq!(Aliyun.code(&answer), "Forbidden.RAM");
    let stranger = KeyFile { access_key_secret: "wrong".into(), ..key.clone() };
    let (_, answer) = Tencent.ask(&scene, &stranger, "DescribeVpcs", &[]);
    let code = Tencent.code(&answer);

    let refused = AuditFilter { outcome: Some("refused".into()), ..Default::default() };
    let told = support::eventually("all refusals are stored", || {
        Some(entries(&scene, refused.clone())).filter(|told| told.len() == 5)
    });
    let shown: Vec<_> = told
        .iter()
        .map(|entry| (entry.user.as_str(), entry.action.as_str(), entry.code.as_deref().unwrap_or_default()))
        .collect();
    assert_eq!(shown[0], ("reader", "vpc:DeleteVpc", "forbidden"));
    assert_eq!((shown[1].0, shown[1].1), ("admin", "vpc:DeleteVpc"));
    assert_eq!(shown[2], ("", "vpc:DescribeHaVips", "unauthenticated"));
    assert_eq!(told[2].key, "key-aaaaaaaaaaaaaaaaaaaa");
    assert_eq!(shown[3], ("reader", "vpc:CreateVpc", "Forbidden.RAM"));
    assert_eq!((shown[4].0, shown[4].2, told[4].dialect.as_str()), ("", code.as_str(), "tencent"));
    assert_eq!(told[4].key, key.access_key_id, "what was sent, though nobody proved it");
    // No secret, good or wrong, is told.
    let text = serde_json::to_string(&told).unwrap();
    assert!(!text.contains(&key.access_key_secret) && !text.contains("wrong"), "{text}");
}

#[test]
fn a_flood_of_refusals_is_one_entry_and_a_number_that_outlives_the_server() {
    let mut scene = Scene::start();
    for number in 0..100 {
        let guess = format!("Bearer key-{number:020}.guess");
        assert_eq!(scene.raw("GET", "/v1/vips", &[("Authorization", &guess)], "").0, 401);
    }
    let refused = AuditFilter { outcome: Some("unauthenticated".into()), ..Default::default() };
    let told = support::eventually("the first refusal is stored", || {
        Some(entries(&scene, refused.clone())).filter(|told| !told.is_empty())
    });
    // A slow machine may take more than the minute after which a number is told.
    let minutes = |told: &[AuditEntry]| told.len() <= 3;
    assert!(minutes(&told), "{told:?}");
    scene.restart();
    let told = entries(&scene, refused);
    assert!(told.len() >= 2 && minutes(&told), "{told:?}");
    assert_eq!(told.iter().map(|entry| entry.count).sum::<u64>(), 100);
}

#[test]
fn users_see_what_is_of_their_project_if_a_policy_lets_them() {
    let scene = Scene::start();
    scene.network();
    let other = scene.client_of(&scene.user("other", "ann"));
    other.create_vpc(&CreateVpc { cidr: "10.0.0.0/16".into(), ..Default::default() }).unwrap();
    let seen = entries_of(&other, AuditFilter::default());
    // What an administrator does for a project is the project's, too.
    assert_eq!(actions(&seen), ["havip:CreateUser", "havip:CreateAccessKey", "vpc:CreateVpc"]);
    assert_eq!((seen[0].user.as_str(), seen[2].user.as_str()), ("admin", "ann"));
    let auditor = scene.client_of(&user(&scene, "auditor", "havip:ListAuditEntries"));
    assert!(actions(&entries_of(&auditor, AuditFilter::default())).contains(&"vpc:CreateVSwitch"));
    let reader = scene.client_of(&user(&scene, "reader", "vpc:*"));
    assert_eq!(reader.audit(&AuditFilter::default()).unwrap_err().code(), Some("forbidden"));
    // Who joins has no key: it is told all the same, to administrators.
    scene.join("h1");
    let joined = AuditFilter { dialect: Some("agent".into()), ..Default::default() };
    assert_eq!(actions(&entries(&scene, joined.clone())), ["havip:JoinHost"]);
    assert!(entries_of(&auditor, joined).is_empty());
    // Identities, too: who made the other project, its user and its key.
    let made = actions(&entries(&scene, AuditFilter::default())).join(" ");
    for action in ["havip:CreateProject", "havip:CreateUser", "havip:CreateAccessKey", "havip:CreatePolicy"] {
        assert!(made.contains(action), "{action} in {made}");
    }
}

/// Reads everything as `havip audit verify` does.
fn verify(entries: &[AuditEntry], noted: Option<Chain>) -> Result<Option<Chain>, Broken> {
    let mut verifier = Verifier::against(noted);
    entries.iter().try_for_each(|entry| verifier.take(&entry.clone().as_hashed().unwrap()))?;
    verifier.end()
}

#[test]
fn a_changed_row_of_the_store_is_found() {
    let mut scene = Scene::start();
    scene.network();
    let wish = CreateVpc { cidr: "10.40.0.0/16".into(), ..Default::default() };
    scene.client.create_vpc(&wish).unwrap();
    let good = entries(&scene, AuditFilter::default());
    let end = verify(&good, None).unwrap();
    assert_eq!(end.as_ref().map(|end| end.sequence), Some(3));

    scene.with_store(async |store| {
        let second = stored::audit_key(2);
        let row = store.range(Query::key(&second)).await.unwrap().entries.remove(0);
        let changed = String::from_utf8(row.value).unwrap().replace("admin", "nobody");
        store.commit(Transaction::by("thief").put(second, changed)).await.unwrap();
    });
    let bad = entries(&scene, AuditFilter::default());
    assert_eq!(bad[1].user, "nobody");
    assert_eq!(verify(&bad, None), Err(Broken::Changed(2)));

    // Cut off instead, the rest is a chain, but not the one whose end was noted.
    scene.with_store(async |store| {
        let last = Transaction::by("thief").delete(stored::audit_key(2)).delete(stored::audit_key(3));
        store.commit(last).await.unwrap();
    });
    let cut = entries(&scene, AuditFilter::default());
    assert_eq!(verify(&cut, None).unwrap().map(|end| end.sequence), Some(1));
    assert_eq!(verify(&cut, end), Err(Broken::NotAsNoted { sequence: 3 }));
}
