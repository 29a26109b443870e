//! What may happen to projects, users and access keys.

use super::*;
use crate::{Code, Facts, Refusal};
use havip_model::{Body, Directory};
use proptest::prelude::*;

struct Scene {
    directory: Directory,
    seed: u64,
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
            granted: vec![],
        };
        scene.directory.put(project.into());
        let user = scene.user(ProjectId::first(), "admin", true).unwrap();
        let key = scene.key(user).unwrap();
        (scene, user, key)
    }

    fn ask(&mut self, request: IdentityRequest) -> Result<IdentityKey, Refusal> {
        self.seed += 1;
        let mut entropy = [7; 32];
        entropy[..8].copy_from_slice(&self.seed.to_be_bytes());
        let facts = Facts { entropy, now: Timestamp(100), ..Facts::default() };
        let change = decide(&self.directory, |_| false, &request, &facts)?;
        change.deletes.iter().for_each(|key| self.directory.remove(*key));
        change.puts.into_iter().for_each(|put| self.directory.put(put));
        Ok(change.subject)
    }

    fn project(&mut self, name: &str) -> Result<ProjectId, Refusal> {
        let texts = Texts { name: name.into(), ..Texts::default() };
        match self.ask(IdentityRequest::CreateProject { texts })? {
            IdentityKey::Project(id) => Ok(id),
            other => panic!("{other:?}"),
        }
    }

    fn user(&mut self, project: ProjectId, name: &str, is_administrator: bool) -> Result<UserId, Refusal> {
        let texts = Texts { name: name.into(), ..Texts::default() };
        match self.ask(IdentityRequest::CreateUser { project, texts, is_administrator, policies: vec![] })? {
            IdentityKey::User(id) => Ok(id),
            other => panic!("{other:?}"),
        }
    }

    fn key(&mut self, user: UserId) -> Result<AccessKeyId, Refusal> {
        let id = AccessKeyId::new(Body::from_entropy([(self.seed as u8).wrapping_add(100); 16]));
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
        let texts = Texts { name: name.into(), ..Texts::default() };
        scene.ask(IdentityRequest::CreatePolicy { project: shop, texts, document: "{}".into() })
    };
    let Ok(IdentityKey::Policy(known)) = policy(&mut scene, "p") else { panic!("it may be made") };
    let attach = |policy: &str| IdentityRequest::AttachPolicy { user, policy: policy.into() };
    scene.ask(attach("p")).unwrap();
    let many: Vec<String> = (0..POLICIES_PER_USER).map(|_| FULL_ACCESS.into()).chain(["p".into()]).collect();
    let texts = Texts { name: "many".into(), ..Texts::default() };
    let too_many =
        IdentityRequest::CreateUser { project: shop, texts, is_administrator: false, policies: many };
    let tencents = |limit| granted(Quota::RulesPerGroup, Some(Profile::Tencent), limit);
    let wanted = granted(Quota::VipsPerVpc, None, 80);
    let open: Vec<_> = (0..QUOTA_REQUESTS_PER_PROJECT).map(|_| scene.wish(wanted).unwrap()).collect();
    let one_more = scene.wish(wanted).map(IdentityKey::QuotaRequest);
    scene.decide(open[0], None).unwrap();
    let again = scene.decide(open[0], None).map(|()| IdentityKey::QuotaRequest(open[0]));
    let nowhere_asked = QuotaRequestId::new(Body::from_entropy([9; 16]));
    let unknown = scene.decide(nowhere_asked, None).map(|()| IdentityKey::QuotaRequest(nowhere_asked));
    let one_limit = scene.wish(tencents(9)).map(IdentityKey::QuotaRequest);
    let table = [
        (one_more, Code::TooManyQuotaRequests, ""),
        (again, Code::AlreadyDecided, "/request"),
        (unknown, Code::QuotaRequestNotFound, "/request"),
        (one_limit, Code::InvalidProfile, "/profile"),
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

fn granted(quota: Quota, profile: Option<Profile>, limit: usize) -> Granted {
    Granted { quota, profile, limit }
}

impl Scene {
    fn set(&mut self, quota: Quota, profile: Option<Profile>, limit: Option<usize>) -> Result<(), Refusal> {
        let project = ProjectId::first();
        self.ask(IdentityRequest::SetQuota { project, quota, profile, limit }).map(|_| ())
    }

    fn wish(&mut self, wanted: Granted) -> Result<QuotaRequestId, Refusal> {
        let (project, reason, user) = (ProjectId::first(), "growth".into(), "ann".into());
        match self.ask(IdentityRequest::RequestQuota { project, wanted, reason, user })? {
            IdentityKey::QuotaRequest(id) => Ok(id),
            other => panic!("{other:?}"),
        }
    }

    fn decide(&mut self, request: QuotaRequestId, given: Option<Given>) -> Result<(), Refusal> {
        let (comment, user) = ("so be it".into(), "admin".into());
        self.ask(IdentityRequest::DecideQuota { request, given, comment, user }).map(|_| ())
    }

    fn granted(&self) -> &[Granted] {
        &self.directory.projects[&ProjectId::first()].granted
    }
}

#[test]
fn a_limit_is_set_for_all_profiles_or_one_and_taken_back() {
    let (mut scene, ..) = Scene::new();
    let tencent = Some(Profile::Tencent);
    scene.set(Quota::VipsPerVpc, None, Some(80)).unwrap();
    scene.set(Quota::VipsPerVpc, tencent, Some(20)).unwrap();
    scene.set(Quota::VipsPerVpc, None, Some(90)).unwrap();
    let both = [granted(Quota::VipsPerVpc, tencent, 20), granted(Quota::VipsPerVpc, None, 90)];
    assert_eq!(scene.granted(), both);
    scene.set(Quota::VipsPerVpc, tencent, None).unwrap();
    assert_eq!(scene.granted(), &both[1..]);
    let refused = [
        (scene.set(Quota::RulesPerGroup, tencent, Some(9)), Code::InvalidProfile, "/profile"),
        (scene.set(Quota::RulesPerGroup, None, Some(201)), Code::OutOfRange, "/limit"),
        (scene.set(Quota::VipsPerVpc, None, Some(1_000_001)), Code::OutOfRange, "/limit"),
    ];
    for (result, code, field) in refused {
        let refusal = result.unwrap_err();
        assert_eq!((refusal.code, refusal.field.as_str()), (code, field), "{refusal}");
    }
}

#[test]
fn a_request_for_more_is_decided_once_and_given_whole_in_part_or_not_at_all() {
    let (mut scene, ..) = Scene::new();
    let whole = scene.wish(granted(Quota::VipsPerVpc, None, 80)).unwrap();
    scene.decide(whole, Some(Given::Wanted)).unwrap();
    assert_eq!(scene.granted(), [granted(Quota::VipsPerVpc, None, 80)]);
    assert_eq!(scene.decide(whole, None).unwrap_err().code, Code::AlreadyDecided);
    let part = scene.wish(granted(Quota::VipRoutesPerVpc, None, 50)).unwrap();
    scene.decide(part, Some(Given::Other(10))).unwrap();
    let decision = scene.directory.quota_requests[&part].decision.clone().unwrap();
    assert_eq!((decision.limit, decision.user.as_str()), (Some(10), "admin"));
    let nothing = scene.wish(granted(Quota::VipsPerProject, None, 5000)).unwrap();
    scene.decide(nothing, None).unwrap();
    assert_eq!(scene.granted().len(), 2);
    // Less than there is, is no increase.
    assert_eq!(scene.wish(granted(Quota::VipsPerVpc, None, 80)).unwrap_err().code, Code::NothingToDo);
    let nowhere = QuotaRequestId::new(Body::from_entropy([9; 16]));
    assert_eq!(scene.decide(nowhere, None).unwrap_err().code, Code::QuotaRequestNotFound);
}

#[test]
fn requests_are_bounded_and_the_oldest_decided_ones_go() {
    let (mut scene, ..) = Scene::new();
    let wanted = granted(Quota::VipsPerVpc, None, 80);
    let open: Vec<_> = (0..QUOTA_REQUESTS_PER_PROJECT).map(|_| scene.wish(wanted).unwrap()).collect();
    assert_eq!(scene.wish(wanted).unwrap_err().code, Code::TooManyQuotaRequests);
    open.iter().for_each(|id| scene.decide(*id, None).unwrap());
    for _ in 0..DECIDED_QUOTA_REQUESTS {
        let id = scene.wish(wanted).unwrap();
        scene.decide(id, None).unwrap();
    }
    assert_eq!(scene.directory.quota_requests.len(), DECIDED_QUOTA_REQUESTS);
    // A project goes with what it asked for.
    let shop = scene.project("shop").unwrap();
    let (reason, user) = (String::new(), "ann".into());
    scene.ask(IdentityRequest::RequestQuota { project: shop, wanted, reason, user }).unwrap();
    scene.ask(IdentityRequest::DeleteProject { project: shop }).unwrap();
    assert_eq!(scene.directory.quota_requests.len(), DECIDED_QUOTA_REQUESTS);
}
