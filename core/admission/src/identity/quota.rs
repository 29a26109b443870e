//! Limits: what an administrator gives a project, and what asks for it.

use super::{DECIDED_QUOTA_REQUESTS, Given, IdentityChange, QUOTA_REQUESTS_PER_PROJECT, decide::Decision};
use crate::{Code, Draw, Refusal, decide::check};
use havip_model::{
    Granted, IdentityKey, Profile, Project, ProjectId, Quota, QuotaDecision, QuotaRequest, QuotaRequestId,
};

impl Decision<'_> {
    pub(super) fn set_quota(
        &self,
        project: ProjectId,
        quota: Quota,
        profile: Option<Profile>,
        limit: Option<usize>,
    ) -> Result<IdentityChange, Refusal> {
        let mut project = self.project(project, "/project")?.clone();
        check_profile(quota, profile)?;
        limit.map_or(Ok(()), |limit| check_limit(quota, limit))?;
        project.grant(quota, profile, limit);
        Ok(changed(project, vec![]))
    }

    pub(super) fn request_quota(
        &self,
        id: ProjectId,
        wanted: Granted,
        reason: &str,
        user: &str,
    ) -> Result<IdentityChange, Refusal> {
        let project = self.project(id, "/project")?;
        let Granted { quota, profile, limit } = wanted;
        check_profile(quota, profile)?;
        check_limit(quota, limit)?;
        check::text(reason, "/reason", 256)?;
        let limits = self.facts.quotas.with(&project.granted).limits(profile.unwrap_or_default());
        let has = quota.of(&limits);
        if limit <= has {
            let message = format!("the quota {quota} is {has} already; ask for more, or for nothing");
            return Err(Code::NothingToDo.at("/limit", message));
        }
        let known = self.directory.quota_requests_of(id);
        let (decided, open): (Vec<&QuotaRequest>, Vec<_>) =
            known.into_iter().partition(|request| request.decision.is_some());
        if open.len() >= QUOTA_REQUESTS_PER_PROJECT {
            let message = format!(
                "the project has {QUOTA_REQUESTS_PER_PROJECT} undecided requests, the most there may be; \
                 wait until an administrator has decided one"
            );
            return Err(Code::TooManyQuotaRequests.at("", message));
        }
        let request = QuotaRequest {
            id: QuotaRequestId::new(Draw::new(self.facts.entropy).body()),
            project: id,
            wanted,
            reason: reason.into(),
            user: user.into(),
            created_at: self.facts.now,
            decision: None,
        };
        // The oldest decided ones make room.
        let excess = (decided.len() + 1).saturating_sub(DECIDED_QUOTA_REQUESTS);
        let deletes = decided.iter().take(excess).map(|old| IdentityKey::QuotaRequest(old.id)).collect();
        let subject = IdentityKey::QuotaRequest(request.id);
        Ok(IdentityChange { subject, deletes, puts: vec![request.into()] })
    }

    pub(super) fn decide_quota(
        &self,
        id: QuotaRequestId,
        given: Option<Given>,
        comment: &str,
        user: &str,
    ) -> Result<IdentityChange, Refusal> {
        let missing =
            || Code::QuotaRequestNotFound.at("/request", format!("request {id} does not exist; list them"));
        let mut request = self.directory.quota_requests.get(&id).ok_or_else(missing)?.clone();
        if request.decision.is_some() {
            let message = format!("request {id} was decided already; set the quota, or ask anew");
            return Err(Code::AlreadyDecided.at("/request", message));
        }
        check::text(comment, "/comment", 256)?;
        let Granted { quota, profile, limit: wanted } = request.wanted;
        let limit = given.map(|given| match given {
            Given::Wanted => wanted,
            Given::Other(limit) => limit,
        });
        limit.map_or(Ok(()), |limit| check_limit(quota, limit))?;
        let (comment, user) = (comment.into(), user.into());
        request.decision = Some(QuotaDecision { limit, comment, user, decided_at: self.facts.now });
        let subject = IdentityKey::QuotaRequest(id);
        let Some(limit) = limit else {
            return Ok(IdentityChange { subject, deletes: vec![], puts: vec![request.into()] });
        };
        let mut project = self.project(request.project, "/request")?.clone();
        project.grant(quota, profile, Some(limit));
        Ok(IdentityChange { subject, ..changed(project, vec![request]) })
    }
}

fn changed(project: Project, requests: Vec<QuotaRequest>) -> IdentityChange {
    let subject = IdentityKey::Project(project.id);
    let puts = std::iter::once(project.into()).chain(requests.into_iter().map(Into::into)).collect();
    IdentityChange { subject, deletes: vec![], puts }
}

fn check_profile(quota: Quota, profile: Option<Profile>) -> Result<(), Refusal> {
    match profile {
        Some(_) if !quota.follows_profile() => {
            let message = format!("the quota {quota} has one limit, whichever API asks; leave profile out");
            Err(Code::InvalidProfile.at("/profile", message))
        }
        _ => Ok(()),
    }
}

fn check_limit(quota: Quota, limit: usize) -> Result<(), Refusal> {
    check::within(limit as u64, 0, quota.most() as u64, "/limit", &format!("the quota {quota}"))
}
