//! Limits, as the API shows them.

use super::time;
use havip_admission::Quotas;
use havip_model::{Profile, Quota, QuotaRequest, ResourceKey, World};

/// A limit for VIPs of a profile, or the only one there is, and how much is used in this world: of one resource, or where that is most.
///
/// None if the quota is not about that resource.
pub fn quota(
    quotas: &Quotas,
    world: &World,
    quota: Quota,
    profile: Option<Profile>,
    resource: Option<ResourceKey>,
) -> Option<havip_api::Quota> {
    let limit = |quotas: &Quotas| quota.of(&quotas.limits(profile.unwrap_or_default())) as u64;
    let used = quota.used(world).into_iter();
    let used = used.filter(|(of, _)| resource.is_none() || *of == resource);
    let fullest = used.max_by_key(|(of, used)| (*used, std::cmp::Reverse(*of)));
    if resource.is_some() && fullest.is_none() {
        return None;
    }
    let (of, used) = fullest.unwrap_or((None, 0));
    let cloud_name = quota.cloud_name().filter(|(named, _)| profile.is_none_or(|profile| profile == *named));
    Some(havip_api::Quota {
        name: quota.word().into(),
        profile: profile.map(Into::into),
        cloud_name: cloud_name.map(|(_, name)| name.into()),
        limit: limit(quotas),
        usual: limit(&quotas.with(&[])),
        most: quota.most() as u64,
        used: used as u64,
        fullest: of.filter(|_| used > 0 || resource.is_some()).map(|key| key.id()),
    })
}

/// A request for a higher limit.
pub fn quota_request(request: &QuotaRequest) -> havip_api::QuotaRequest {
    let decision = request.decision.as_ref().map(|decision| havip_api::QuotaDecision {
        limit: decision.limit.map(|limit| limit as u64),
        comment: decision.comment.clone(),
        user: decision.user.clone(),
        decided_at: time(decision.decided_at),
    });
    havip_api::QuotaRequest {
        id: request.id.to_string(),
        project: request.project.to_string(),
        quota: request.wanted.quota.word().into(),
        profile: request.wanted.profile.map(Into::into),
        limit: request.wanted.limit as u64,
        reason: request.reason.clone(),
        user: request.user.clone(),
        created_at: time(request.created_at),
        decision,
    }
}
