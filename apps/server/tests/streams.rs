//! Streams that go on for long end when whoever began them may not any more.

mod support;

use havip_api::*;
use std::{sync::mpsc, time::Duration};
use support::{Scene, eventually};

/// What a stream tells, and how it ends, read by a thread of its own.
struct Reader<T>(mpsc::Receiver<Result<T, ClientError>>);

impl<T: serde::de::DeserializeOwned + Send + 'static> Reader<T> {
    fn of(stream: Follow<T>) -> Self {
        let (tell, told) = mpsc::channel();
        std::thread::spawn(move || stream.map(|one| tell.send(one)).find(Result::is_err));
        Self(told)
    }

    fn next(&self) -> Option<Result<T, ClientError>> {
        // Half a second is what it may take; a busy machine has more.
        match self.0.recv_timeout(Duration::from_secs(10)) {
            Ok(one) => Some(one),
            Err(mpsc::RecvTimeoutError::Disconnected) => None,
            Err(mpsc::RecvTimeoutError::Timeout) => panic!("the stream goes on in silence"),
        }
    }

    /// Why the stream ends; what came before is passed over.
    fn end(&self) -> Problem {
        loop {
            match self.next().expect("a stream says why it ends") {
                Ok(_) => {}
                Err(ClientError::Refused(problem)) => {
                    assert!(self.next().is_none(), "nothing follows");
                    return *problem;
                }
                Err(error) => panic!("{error}"),
            }
        }
    }
}

fn watch(client: &Client) -> Reader<Event> {
    Reader::of(client.watch_events(&WatchFilter::default()).unwrap())
}

fn document(actions: &str) -> String {
    format!(r#"{{"Version":"1","Statement":[{{"Effect":"Allow","Action":{actions},"Resource":"*"}}]}}"#)
}

fn administrator(scene: &Scene, name: &str) -> (String, KeyFile) {
    let wish = CreateUser { name: name.into(), administrator: true, ..Default::default() };
    let user = scene.client.create_user(&wish).unwrap().id;
    let wish = CreateAccessKey { user: Some(user.clone()), ..Default::default() };
    let made = scene.client.create_access_key(&wish).unwrap();
    (user, KeyFile { access_key_id: made.access_key.id, access_key_secret: made.access_key_secret })
}

#[test]
fn a_watch_ends_when_its_key_is_disabled_or_deleted_or_its_user_and_says_why() {
    let scene = Scene::start();
    let keys = ["ann", "ben", "cat"].map(|name| scene.user("default", name));
    let users = scene.client.users().unwrap().items;
    let user = |name: &str| users.iter().find(|user| user.name == name).unwrap().id.clone();
    let [ann, ben, cat] = keys.each_ref().map(|key| watch(&scene.client_of(key)));
    let other = watch(&scene.client);

    let disabled = UpdateAccessKey { disabled: Some(true), ..Default::default() };
    scene.client.update_access_key(&keys[0].access_key_id, &disabled).unwrap();
    let problem = ann.end();
    assert_eq!((problem.status, problem.code.as_str()), (401, "access_key_disabled"));
    assert!(problem.detail.contains("was disabled"), "{problem:?}");

    scene.client.delete_access_key(&keys[1].access_key_id).unwrap();
    let problem = ben.end();
    assert_eq!((problem.status, problem.code.as_str()), (401, "unauthenticated"));
    assert!(problem.detail.contains("no longer there"), "{problem:?}");

    for key in scene.client.access_keys(&AccessKeyFilter::default()).unwrap().items {
        if key.user == user("cat") {
            scene.client.delete_access_key(&key.id).unwrap();
        }
    }
    scene.client.delete_user(&user("cat")).unwrap();
    assert_eq!(cat.end().code, "unauthenticated");

    // Somebody else's goes on.
    let (vpc, _) = scene.network();
    let told = other.next().unwrap().unwrap();
    assert_eq!(told.resource.as_deref(), Some(vpc.meta.id.as_str()));

    // Each end is a refusal, by the request that began the stream.
    let refused = AuditFilter { outcome: Some("refused".into()), ..Default::default() };
    let ended = eventually("three refusals are noted", || {
        let entries = scene.client.audit(&refused).unwrap().items;
        (entries.len() == 3).then_some(entries)
    });
    for (entry, (key, code)) in
        ended.iter().zip(keys.iter().zip(["access_key_disabled", "unauthenticated", "unauthenticated"]))
    {
        assert_eq!((&entry.key, entry.code.as_deref()), (&key.access_key_id, Some(code)));
        assert_eq!((entry.action.as_str(), entry.dialect.as_str()), ("havip:ListEvents", "native"));
    }
    let users: Vec<_> = ended.iter().map(|entry| entry.user.as_str()).collect();
    assert_eq!(users, ["ann", "ben", "cat"]);
}

#[test]
fn a_stream_ends_when_no_policy_allows_it_any_more_and_while_one_does_it_outlives_every_change() {
    let scene = Scene::start();
    let (vpc, subnet) = scene.network();
    let member = scene.join("h1");
    let live = scene.follow(&member).live(&scene);
    let wish = RunInstance { subnet: subnet.meta.id.clone(), name: "blue".into(), ..Default::default() };
    scene.client.run_instance(&wish).unwrap();
    let key = scene.user_with_policy("looker", &document(r#"["havip:FollowFlowLog","havip:ListEvents"]"#));
    let client = scene.client_of(&key);
    let events = watch(&client);
    let flows = Reader::of(client.follow_flows(&vpc.meta.id, &FlowFilter::default()).unwrap());
    assert!(matches!(flows.next(), Some(Ok(Logged::Flow(_)))));

    let policy = scene.client.policies().unwrap().items.into_iter().find(|policy| policy.name == "looker");
    let policy = policy.unwrap().id;
    let changed = |actions: &str| {
        let wish = UpdatePolicy { document: Some(document(actions)), ..Default::default() };
        scene.client.update_policy(&policy, &wish).unwrap();
    };
    changed(r#"["havip:ListEvents"]"#);

    let problem = flows.end();
    assert_eq!((problem.status, problem.code.as_str()), (403, "forbidden"));
    assert!(problem.detail.contains("no policy of user looker allows havip:FollowFlowLog"), "{problem:?}");
    let refused = client.follow_flows(&vpc.meta.id, &FlowFilter::default()).err().unwrap();
    assert_eq!(refused.code(), Some("forbidden"));
    // The watch has seen the same change and its check, and still tells what happens.
    let renamed = UpdateNetwork { name: Some("shop-2".into()), ..Default::default() };
    scene.client.update_vpc(&vpc.meta.id, &renamed).unwrap();
    assert_eq!(events.next().unwrap().unwrap().resource.as_deref(), Some(vpc.meta.id.as_str()));
    changed(r#"["vpc:DescribeVpcs"]"#);
    assert_eq!(events.end().code, "forbidden");
    drop(live);
}

#[test]
fn who_is_no_administrator_any_more_looks_on_at_no_host_and_no_other_project() {
    let scene = Scene::start();
    let (_, subnet) = scene.network();
    let member = scene.join("h1");
    let live = scene.follow(&member).live(&scene);
    let wish = RunInstance { subnet: subnet.meta.id.clone(), name: "blue".into(), ..Default::default() };
    scene.client.run_instance(&wish).unwrap();
    let (user, key) = administrator(&scene, "root-2");
    let client = scene.client_of(&key);
    scene.user("other", "eve");
    let trace = Reader::of(client.trace_host(&member.id, &TraceFilter::default()).unwrap());
    let elsewhere = watch(&client.in_project("other"));
    let own = watch(&client);
    assert!(matches!(trace.next(), Some(Ok(Traced::Frame(_)))));

    let wish = UpdateUser { administrator: Some(false), ..Default::default() };
    scene.client.update_user(&user, &wish).unwrap();

    assert_eq!((trace.end().code.as_str(), own.end().code.as_str()), ("forbidden", "forbidden"));
    assert_eq!(elsewhere.end().code, "project_not_found");
    // As a user with full access of its own project it begins anew.
    let _ = watch(&client);
    drop(live);
}
