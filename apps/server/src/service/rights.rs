//! What somebody may do: every request and every step of a cloud's call passes here.

use super::{Fault, FaultKind, Principal, Service};
use crate::entropy;
use havip_admission::{Request, identity::READ_ONLY_ACCESS};
use havip_model::{FULL_ACCESS, ResourceGroupId, ResourceKey, User, World};
use havip_policy::{Context, Document, Needed, Verdict, evaluate, may_ever, needed, resource_of};
use std::{net::IpAddr, sync::Arc};

/// Who asks, and how: everything that a decision about rights rests on. The server itself has none, and may everything.
#[derive(Debug, Clone)]
pub struct Rights {
    /// Who.
    pub principal: Arc<Principal>,
    /// From where, when and how.
    pub context: Context,
}

/// A policy that a user has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// Its name.
    pub name: String,
    /// What it says; none if this version does not understand it: then it denies everything.
    pub document: Option<Arc<Document>>,
}

impl Rights {
    /// Of somebody who asks now.
    pub fn new(
        principal: Arc<Principal>,
        source: Option<IpAddr>,
        is_secure: bool,
        dialect: &'static str,
    ) -> Self {
        let now = i64::try_from(entropy::now().0 / 1000).unwrap_or(i64::MAX);
        Self { principal, context: Context { source, now, is_secure, dialect } }
    }

    /// Whether one thing may be done; if not, why, in words.
    pub fn check(&self, asked: &Needed) -> Result<(), String> {
        self.principal.check(asked, &self.context)
    }

    /// Whether a request to the rules may be made, of what is there now: every part of it.
    pub fn check_request(&self, request: &Request, region: &str, world: &World) -> Result<(), String> {
        // Decisions wait for each other, so nothing is named that nobody looks at.
        if self.principal.is_administrator {
            return Ok(());
        }
        let all = needed(request, region, self.principal.project, world);
        all.iter().try_for_each(|asked| self.check(asked))
    }

    /// Whether an action may ever be done, on something.
    pub fn check_action(&self, action: &str) -> Result<(), String> {
        let who = &self.principal;
        if who.is_administrator {
            return Ok(());
        }
        let is_allowed = who.documents().is_some_and(|documents| may_ever(documents, action, &self.context));
        is_allowed.then_some(()).ok_or_else(|| format!("no policy of user {} allows {action}", who.name))
    }

    /// Whether something may be read, of one resource or of a kind, in this resource group if it is only about that.
    pub fn check_read(
        &self,
        action: &str,
        of: Option<ResourceKey>,
        group: Option<ResourceGroupId>,
        region: &str,
    ) -> Result<(), String> {
        let resource = match of {
            Some(key) => resource_of(action, Some(key), region, self.principal.project),
            None => havip_policy::all_of(action, region, self.principal.project),
        };
        self.check(&Needed { action: action.to_string().into(), resource, group })
    }
}

impl Principal {
    /// Whether one thing may be done; if not, why, in words.
    pub fn check(&self, asked: &Needed, context: &Context) -> Result<(), String> {
        let Needed { action, resource, group } = asked;
        if self.is_administrator {
            return Ok(());
        }
        let Some(documents) = self.documents() else {
            return Err(format!("a policy of user {} is not understood, so nothing is allowed", self.name));
        };
        let of = || match group {
            Some(group) => format!("{resource} in resource group {group}"),
            None => resource.clone(),
        };
        match evaluate(documents, asked, context) {
            Verdict::Allowed(_) => Ok(()),
            Verdict::Denied(at) => {
                let policy = self.policies.get(at.policy).map(|held| held.name.as_str()).unwrap_or_default();
                let number = at.statement + 1;
                Err(format!("statement {number} of policy {policy} denies {action} on {}", of()))
            }
            Verdict::NotAllowed => {
                Err(format!("no policy of user {} allows {action} on {}", self.name, of()))
            }
        }
    }

    /// The documents of all policies, in order; none if one is not understood.
    pub fn documents(&self) -> Option<Vec<&Document>> {
        self.policies.iter().map(|held| held.document.as_deref()).collect()
    }
}

impl Service {
    /// The policies that a user has, understood.
    pub(super) fn held(directory: &havip_model::Directory, user: &User) -> Vec<Held> {
        let held = |name: &String| {
            let own = directory.policy_called(user.project, name).map(|policy| policy.document.as_str());
            let text = built_in(name).or(own);
            let document = text.and_then(|text| match Document::read(text) {
                Ok(document) => Some(Arc::new(document)),
                Err(error) => {
                    tracing::error!(
                        error = &error as &dyn std::error::Error,
                        name,
                        "a policy is not understood"
                    );
                    None
                }
            });
            Held { name: name.clone(), document }
        };
        user.policies.iter().map(held).collect()
    }
}

/// The policies that every project has.
pub fn built_in(name: &str) -> Option<&'static str> {
    match name {
        FULL_ACCESS => {
            Some(r#"{"Version":"1","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#)
        }
        READ_ONLY_ACCESS => Some(
            r#"{"Version":"1","Statement":[{"Effect":"Allow","Action":["*:Describe*","*:List*","*:Get*","havip:FindPath"],"Resource":"*"}]}"#,
        ),
        _ => None,
    }
}

impl Fault {
    /// Whoever asks may not, and why.
    pub fn forbidden(why: &str) -> Self {
        Self::new(
            FaultKind::Forbidden,
            "forbidden",
            format!("{why}; an administrator can give a policy that does"),
        )
    }
}
