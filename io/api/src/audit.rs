//! The audit: who did what, and what was refused.

use havip_audit::{Entry, Noted, Outcome};
use havip_model::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// An entry of the audit, a link of its chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AuditEntry {
    /// Counts entries, from 1, without a gap; a list continues behind one.
    pub sequence: u64,
    /// When it was decided.
    #[schema(format = DateTime)]
    pub at: String,
    /// The user's name; empty of whoever is not known.
    pub user: String,
    /// The access key; of whoever is not known, what was sent as one, if it looks like one.
    pub key: String,
    /// The id of the project that was asked for; empty of whoever is not known.
    pub project: String,
    /// The address from which the connection came.
    pub source: String,
    /// Through which API: `native`, `aliyun`, `tencent`, `ucloud`, `ucloudstack`; `agent` of a host that joins.
    pub dialect: String,
    /// What was asked for, by the name that policies use; `unknown` if that is none.
    pub action: String,
    /// The ids of what it was about.
    pub resources: Vec<String>,
    /// Finds the request in the log.
    pub request_id: String,
    /// `done` or `refused`.
    pub outcome: AuditOutcome,
    /// Why it was refused: that API's code; `various` where refusals of all kinds are counted together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// How many requests alike it stands for: refusals that come fast are counted.
    pub count: u64,
    /// The hash of the entry before; empty of the first one.
    pub previous: String,
    /// Its own: SHA-256 over everything above, in hexadecimal.
    pub hash: String,
}

impl AuditEntry {
    /// As it was hashed.
    ///
    /// # Errors
    /// `at` is no instant that it could have been decided at.
    pub fn as_hashed(self) -> Result<Entry, jiff::Error> {
        let at: jiff::Timestamp = self.at.parse()?;
        let at = u64::try_from(at.as_millisecond())
            .map_err(|_| jiff::Error::from_args(format_args!("{} is before 1970", self.at)))?;
        Ok(Entry {
            sequence: self.sequence,
            noted: Noted {
                at: Timestamp(at),
                user: self.user,
                key: self.key,
                project: self.project,
                source: self.source,
                dialect: self.dialect,
                action: self.action,
                resources: self.resources,
                request_id: self.request_id,
                outcome: match self.outcome {
                    AuditOutcome::Done => Outcome::Done,
                    AuditOutcome::Refused => Outcome::Refused(self.code.unwrap_or_default()),
                },
                count: self.count,
            },
            previous: self.previous,
            hash: self.hash,
        })
    }
}

/// What became of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AuditOutcome {
    /// It was carried out.
    Done,
    /// It was not.
    Refused,
}
