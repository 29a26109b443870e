//! Deployment sets are joined and left later, by whoever may, through every API.

mod support;

use havip_api::*;
use support::{
    Scene,
    clouds::{Aliyun, Tencent},
};

/// A server with two hosts, and two instances on the first of them.
fn two_beside() -> (Scene, [Instance; 2]) {
    let scene = Scene::start();
    let (_, subnet) = scene.network();
    let members = [scene.join("h1"), scene.join("h2")];
    let lives = members.each_ref().map(|member| scene.follow(member).live(&scene));
    let both = ["blue", "green"].map(|name| {
        let host = Some(members[0].id.clone());
        let wish =
            RunInstance { subnet: subnet.meta.id.clone(), name: name.into(), host, ..Default::default() };
        scene.client.run_instance(&wish).unwrap()
    });
    drop(lives);
    (scene, both)
}

fn into(set: &DeploymentSet) -> JoinDeploymentSet {
    JoinDeploymentSet { deployment_set: set.meta.id.clone() }
}

#[test]
fn an_instance_joins_a_set_later_is_found_by_it_and_leaves_it_and_it_outlives_the_server() {
    let (mut scene, [blue, green]) = two_beside();
    let set = scene.client.create_deployment_set(&CreateDeploymentSet::default()).unwrap();
    let joined = scene.client.join_deployment_set(&blue.meta.id, &into(&set)).unwrap();
    assert_eq!(joined.deployment_set.as_ref(), Some(&set.meta.id));
    let refused = scene.client.join_deployment_set(&green.meta.id, &into(&set)).unwrap_err();
    assert_eq!((refused.status(), refused.code()), (Some(409), Some("deployment_set_full")));
    let again = scene.client.join_deployment_set(&blue.meta.id, &into(&set)).unwrap_err();
    assert_eq!(again.code(), Some("already_in_state"));

    scene.restart();
    let filter = InstanceFilter { deployment_set: Some(set.meta.id.clone()), ..Default::default() };
    let found = scene.client.all_instances(&filter).unwrap();
    assert_eq!(found.iter().map(|one| &one.meta.id).collect::<Vec<_>>(), [&blue.meta.id]);
    let set_now = scene.client.deployment_set(&set.meta.id).unwrap();
    assert_eq!(set_now.instances, std::slice::from_ref(&blue.meta.id));

    scene.client.leave_deployment_set(&blue.meta.id).unwrap();
    assert_eq!(
        scene.client.leave_deployment_set(&blue.meta.id).unwrap_err().code(),
        Some("already_in_state")
    );
    scene.client.join_deployment_set(&green.meta.id, &into(&set)).unwrap();
    assert_eq!(scene.client.instance(&blue.meta.id).unwrap().deployment_set, None);
}

#[test]
fn who_may_not_change_where_an_instance_is_puts_it_into_no_set_by_any_api() {
    let (scene, [blue, green]) = two_beside();
    let set = scene.client.create_deployment_set(&CreateDeploymentSet::default()).unwrap();
    let document = format!(
        r#"{{"Version":"1","Statement":[{{"Effect":"Allow","Action":"*","Resource":"*"}},
            {{"Effect":"Deny","Action":"ecs:ModifyInstanceDeployment","Resource":"acs:ecs:*:*:instance/{}"}}]}}"#,
        blue.meta.id
    );
    let key = scene.user_with_policy("ann", &document);
    let ann = scene.client_of(&key);
    assert_eq!(ann.join_deployment_set(&blue.meta.id, &into(&set)).unwrap_err().code(), Some("forbidden"));
    let cut = |prefix: &str, id: &str| format!("{prefix}-{}", &id.rsplit_once('-').unwrap().1[..8]);
    let by_alibaba = [("InstanceId", blue.meta.id.as_str()), ("DeploymentSetId", set.meta.id.as_str())];
    let (_, answer) = Aliyun.ask(&scene, &key, "ModifyInstanceDeployment", &by_alibaba);
    assert_eq!(Aliyun.code(&answer), "Forbidden.RAM", "{answer}");
    let (instance, group) = (cut("ins", &blue.meta.id), cut("ps", &set.meta.id));
    let by_tencent = [("InstanceIds.0", instance.as_str()), ("DisasterRecoverGroupId", group.as_str())];
    let (_, answer) = Tencent.ask(&scene, &key, "ModifyInstancesDisasterRecoverGroup", &by_tencent);
    assert_eq!(Tencent.code(&answer), "AuthFailure.UnauthorizedOperation", "{answer}");
    // The other one is not denied.
    ann.join_deployment_set(&green.meta.id, &into(&set)).unwrap();

    // What is another project's is not there.
    let eve = scene.client_of(&scene.user("other", "eve"));
    assert_eq!(
        eve.join_deployment_set(&green.meta.id, &into(&set)).unwrap_err().code(),
        Some("instance_not_found")
    );
    assert_eq!(eve.leave_deployment_set(&green.meta.id).unwrap_err().code(), Some("instance_not_found"));
}
