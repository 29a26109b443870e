//! The audit over HTTP: read, never written.

use super::{
    ask::{Params, Server},
    list::{cursor, limit},
};
use crate::{service::Fault, shape::audit_entry};
use axum::Json;
use havip_api::{AuditEntry, AuditFilter, Page, Problem};
use havip_audit::{Entry, Outcome};
use havip_model::Timestamp;

/// Which entries are wanted.
struct Wanted {
    filter: AuditFilter,
    since: Option<Timestamp>,
    until: Option<Timestamp>,
    /// Whoever is no administrator sees what is of its project, and nothing of strangers.
    only: Option<String>,
}

impl Wanted {
    fn passes(&self, entry: &Entry) -> bool {
        let AuditFilter {
            user, key, project, source, dialect, action, resource, request_id, outcome, ..
        } = &self.filter;
        let noted = &entry.noted;
        let is = |wanted: &Option<String>, have: &str| wanted.as_ref().is_none_or(|wanted| wanted == have);
        let outcome_is = |wanted: &String| match &noted.outcome {
            Outcome::Done => wanted == "done",
            Outcome::Refused(code) => wanted == "refused" || wanted == code,
        };
        is(&self.only, &noted.project)
            && is(user, &noted.user)
            && is(key, &noted.key)
            && is(project, &noted.project)
            && is(source, &noted.source)
            && is(dialect, &noted.dialect)
            && is(action, &noted.action)
            && is(request_id, &noted.request_id)
            && resource.as_ref().is_none_or(|wanted| noted.resources.contains(wanted))
            && outcome.as_ref().is_none_or(outcome_is)
            && self.since.is_none_or(|since| since <= noted.at)
            && self.until.is_none_or(|until| noted.at < until)
    }
}

/// Lists entries of the audit, oldest first; a page may have fewer than its limit, or none, and yet a next one.
#[utoipa::path(get, path = "/v1/audit", tag = "Audit", params(AuditFilter), responses(
    (status = 200, body = Page<AuditEntry>), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn list_audit_entries(
    server: Server,
    Params(filter): Params<AuditFilter>,
) -> Result<Json<Page<AuditEntry>>, Fault> {
    let limit = limit(filter.limit)?;
    let after = cursor(&filter.after)?.unwrap_or(0);
    let only = (!server.asker.is_administrator).then(|| server.asker.project.to_string());
    let since = instant("since", filter.since.as_ref())?;
    let until = instant("until", filter.until.as_ref())?;
    let wanted = Wanted { filter, since, until, only };
    let (found, next) = server.audit(after, limit, |entry| wanted.passes(entry)).await?;
    let items = found.into_iter().map(audit_entry).collect();
    Ok(Json(Page { items, next: next.map(|next| next.to_string()) }))
}

fn instant(field: &str, text: Option<&String>) -> Result<Option<Timestamp>, Fault> {
    let parse = |text: &String| {
        let instant: Option<jiff::Timestamp> = text.parse().ok();
        let millis = instant.and_then(|instant| u64::try_from(instant.as_millisecond()).ok());
        let detail = format!("{field} is an instant such as 2026-01-31T12:00:00Z, not {text:?}");
        millis.map(Timestamp).ok_or_else(|| Fault::invalid(field, "invalid_instant", detail))
    };
    text.map(parse).transpose()
}
