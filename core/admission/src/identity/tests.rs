//! What may happen to projects, users and access keys.

use super::*;
use crate::{Code, Facts, Refusal};
use havip_model::{Body, Directory};
use proptest::prelude::*;

struct Scene {
    directory: Directory,
    seed: u8,
}

impl Scene {
    /// The first project with an administrator who has a key.
    fn new() -> (Self, UserId, AccessKeyId) {
        let mut scene = Self { directory: Directory::default(), seed: 0 };
        let project = havip_model::Project {
            id: ProjectId::first(),
            name: "default".into(),
            description: String::new(),
            created_at: Timestamp(0),
        };
        scene.directory.put(project.into());
        let user = scene.user(ProjectId::first(), "admin", true).unwrap();
        let key = scene.key(user).unwrap();
        (scene, user, key)
    }

    fn ask(&mut self, request: IdentityRequest) -> Result<IdentityKey, Refusal> {
        self.seed += 1;
        let facts = Facts { entropy: [self.seed; 32], now: Timestamp(100), ..Facts::default() };
        let change = decide(&self.directory, |_| false, &request, &facts)?;
        change.deletes.iter().for_each(|key| self.directory.remove(*key));
        change.puts.into_iter().for_each(|put| self.directory.put(put));
        Ok(change.subject)
    }

    fn project(&mut self, name: &str) -> Result<ProjectId, Refusal> {
        let texts = Texts { name: name.into(), description: String::new() };
        match self.ask(IdentityRequest::CreateProject { texts })? {
            IdentityKey::Project(id) => Ok(id),
            other => panic!("{other:?}"),
        }
    }

    fn user(&mut self, project: ProjectId, name: &str, is_administrator: bool) -> Result<UserId, Refusal> {
        let texts = Texts { name: name.into(), description: String::new() };
        match self.ask(IdentityRequest::CreateUser { project, texts, is_administrator, policies: vec![] })? {
            IdentityKey::User(id) => Ok(id),
            other => panic!("{other:?}"),
        }
    }

    fn key(&mut self, user: UserId) -> Result<AccessKeyId, Refusal> {
        let id = AccessKeyId::new(Body::from_entropy([self.seed + 100; 16]));
        let request =
            IdentityRequest::CreateKey { user, name: String::new(), id, sealed_secret: "sealed".into() };
        self.ask(request).map(|_| id)
    }
}

/// Every refusal of a request about those who may ask, each with where the trouble is.
pub fn refused() -> Vec<Code> {
    let (mut scene, admin, key) = Scene::new();
    let shop = scene.project("shop").unwrap();
    let user = scene.user(shop, "me", false).unwrap();
    let (nobody, nothing) =
        (UserId::new(Body::from_entropy([9; 16])), AccessKeyId::new(Body::from_entropy([9; 16])));
    let nowhere = ProjectId::new(Body::from_entropy([9; 16]));
    for _ in 0..KEYS_PER_USER {
        scene.key(user).unwrap();
    }
    let policy = |scene: &mut Scene, name: &str| {
        let texts = Texts { name: name.into(), description: String::new() };
        scene.ask(IdentityRequest::CreatePolicy { project: shop, texts, document: "{}".into() })
    };
    let Ok(IdentityKey::Policy(known)) = policy(&mut scene, "p") else { panic!("it may be made") };
    let attach = |policy: &str| IdentityRequest::AttachPolicy { user, policy: policy.into() };
    scene.ask(attach("p")).unwrap();
    let many: Vec<String> = (0..POLICIES_PER_USER).map(|_| FULL_ACCESS.into()).chain(["p".into()]).collect();
    let texts = Texts { name: "many".into(), description: String::new() };
    let too_many =
        IdentityRequest::CreateUser { project: shop, texts, is_administrator: false, policies: many };
    let table = [
        (policy(&mut scene, "p"), Code::NameInUse, "/name"),
        (policy(&mut scene, READ_ONLY_ACCESS), Code::NameInUse, "/name"),
        (scene.ask(attach("q")), Code::PolicyNotFound, "/policy"),
        (
            scene.ask(IdentityRequest::DetachPolicy { user, policy: "q".into() }),
            Code::PolicyNotFound,
            "/policy",
        ),
        (scene.ask(IdentityRequest::DeletePolicy { policy: known }), Code::PolicyInUse, "/policy"),
        (scene.ask(too_many), Code::TooManyPolicies, ""),
        (scene.ask(IdentityRequest::DeleteProject { project: nowhere }), Code::ProjectNotFound, "/project"),
        (scene.ask(IdentityRequest::DeleteUser { user: nobody }), Code::UserNotFound, "/user"),
        (scene.ask(IdentityRequest::DeleteKey { key: nothing }), Code::AccessKeyNotFound, "/key"),
        (scene.project("shop").map(IdentityKey::Project), Code::NameInUse, "/name"),
        (scene.ask(IdentityRequest::DeleteKey { key }), Code::LastAdministrator, ""),
        (scene.ask(IdentityRequest::DeleteUser { user: admin }), Code::LastAdministrator, ""),
        (scene.key(user).map(IdentityKey::AccessKey), Code::TooManyAccessKeys, "/user"),
        (scene.ask(IdentityRequest::DeleteProject { project: shop }), Code::ProjectInUse, "/project"),
    ];
    let row = |(asked, code, field): (Result<IdentityKey, Refusal>, Code, &str)| {
        let refusal = asked.unwrap_err();
        assert_eq!((refusal.code, refusal.field.as_str()), (code, field), "{refusal}");
        code
    };
    table.into_iter().map(row).collect()
}

#[test]
fn a_name_is_had_once_a_project_and_other_projects_do_not_matter() {
    let (mut scene, ..) = Scene::new();
    let shop = scene.project("shop").unwrap();
    assert_eq!(scene.project("shop").unwrap_err().code, Code::NameInUse);
    assert_eq!(scene.project("").unwrap_err().code, Code::InvalidText);
    scene.user(shop, "admin", false).unwrap();
    assert_eq!(scene.user(shop, "admin", false).unwrap_err().code, Code::NameInUse);
    let nowhere = ProjectId::new(Body::from_entropy([9; 16]));
    assert_eq!(scene.user(nowhere, "x", false).unwrap_err().code, Code::ProjectNotFound);
}

#[test]
fn a_project_goes_when_it_is_empty_and_the_first_one_never() {
    let (mut scene, ..) = Scene::new();
    let shop = scene.project("shop").unwrap();
    let user = scene.user(shop, "me", false).unwrap();
    let delete = |project| IdentityRequest::DeleteProject { project };
    assert_eq!(scene.ask(delete(shop)).unwrap_err().code, Code::ProjectInUse);
    scene.ask(IdentityRequest::DeleteUser { user }).unwrap();
    let with_resources = decide(&scene.directory, |_| true, &delete(shop), &Facts::default());
    assert_eq!(with_resources.unwrap_err().code, Code::ProjectInUse);
    scene.ask(delete(shop)).unwrap();
    assert_eq!(scene.ask(delete(ProjectId::first())).unwrap_err().code, Code::ProjectInUse);
}

#[test]
fn a_rotated_key_is_good_until_the_other_is_in_use() {
    let (mut scene, user, key) = Scene::new();
    let id = AccessKeyId::new(Body::from_entropy([77; 16]));
    let (expires_at, sealed_secret) = (Timestamp(500), "new".to_string());
    scene.ask(IdentityRequest::RotateKey { key, expires_at, id, sealed_secret }).unwrap();
    let keys = &scene.directory.keys;
    assert!(keys[&key].is_good(Timestamp(499)) && !keys[&key].is_good(Timestamp(500)));
    assert!(keys[&id].is_good(Timestamp(10_000)) && keys[&id].user == Some(user));
}

#[test]
fn a_user_has_at_most_five_keys_which_go_with_it() {
    let (mut scene, ..) = Scene::new();
    let user = scene.user(ProjectId::first(), "me", false).unwrap();
    for _ in 0..KEYS_PER_USER {
        scene.key(user).unwrap();
    }
    assert_eq!(scene.key(user).unwrap_err().code, Code::TooManyAccessKeys);
    scene.ask(IdentityRequest::DeleteUser { user }).unwrap();
    assert_eq!(scene.directory.keys.len(), 1);
}

proptest! {
    /// Whatever is asked, somebody is left who may do everything.
    #[test]
    fn nobody_can_lock_everybody_out(steps in prop::collection::vec((0u8..6, any::<prop::sample::Index>()), 1..40)) {
        let (mut scene, ..) = Scene::new();
        for (kind, which) in steps {
            let users: Vec<UserId> = scene.directory.users.keys().copied().collect();
            let keys: Vec<AccessKeyId> = scene.directory.keys.keys().copied().collect();
            let (user, key) = (*which.get(&users), *which.get(&keys));
            let texts = NewTexts::default();
            let _ = match kind {
                0 => scene.user(ProjectId::first(), &format!("u{}", scene.seed), true).map(|_| ()),
                1 => scene.key(user).map(|_| ()),
                2 => scene.ask(IdentityRequest::DeleteUser { user }).map(|_| ()),
                3 => scene.ask(IdentityRequest::UpdateUser { user, texts, is_administrator: Some(false) }).map(|_| ()),
                4 => scene.ask(IdentityRequest::UpdateKey { key, name: None, is_disabled: Some(true) }).map(|_| ()),
                _ => scene.ask(IdentityRequest::DeleteKey { key }).map(|_| ()),
            };
            let directory = &scene.directory;
            let good = directory.keys.values().filter(|key| key.is_good(Timestamp(100)));
            prop_assert!(good.filter_map(|key| directory.user_of(key)).any(|user| user.is_administrator));
        }
    }
}
