//! Entries of the audit, as the API shows them.

use super::time;
use havip_api::{AuditEntry, AuditOutcome};
use havip_audit::{Entry, Outcome};

/// An entry.
pub fn audit_entry(entry: Entry) -> AuditEntry {
    let Entry { sequence, noted, previous, hash } = entry;
    let (outcome, code) = match noted.outcome {
        Outcome::Done => (AuditOutcome::Done, None),
        Outcome::Refused(code) => (AuditOutcome::Refused, Some(code)),
    };
    AuditEntry {
        sequence,
        at: time(noted.at),
        user: noted.user,
        key: noted.key,
        project: noted.project,
        source: noted.source,
        dialect: noted.dialect,
        action: noted.action,
        resources: noted.resources,
        request_id: noted.request_id,
        outcome,
        code,
        count: noted.count,
        previous,
        hash,
    }
}
