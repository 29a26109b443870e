//! One entry: who, from where, by which key, what, through which API, on what, with which outcome.

use havip_model::Timestamp;
use serde::{Deserialize, Serialize};

/// What is to be told of one request.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Noted {
    /// When it was decided.
    pub at: Timestamp,
    /// The user's name; empty of whoever is not known.
    pub user: String,
    /// The access key; of whoever is not known what was sent as one, if it looks like one.
    pub key: String,
    /// The project that was asked for; empty of whoever is not known.
    pub project: String,
    /// From which address; empty if that is not known.
    pub source: String,
    /// Through which API: `native`, `aliyun`, `tencent`, `ucloud`, `ucloudstack`; `agent` of a host that joins.
    pub dialect: String,
    /// What was asked for, by the name that policies use; `unknown` if that is none.
    pub action: String,
    /// What it was about, by the ids of the native API.
    pub resources: Vec<String>,
    /// Finds the request in the log.
    pub request_id: String,
    /// What became of it.
    pub outcome: Outcome,
    /// How many requests alike this one stands for: of refusals that come too fast to be noted one by one.
    pub count: u64,
}

/// What became of a request.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It was carried out.
    #[default]
    Done,
    /// It was not, with the API's code for why.
    Refused(String),
}

/// A link of the chain. The order of its fields is part of what is hashed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Counts entries, from 1, without a gap.
    pub sequence: u64,
    /// What is told.
    #[serde(flatten)]
    pub noted: Noted,
    /// The hash of the entry before; of nothing for the first one.
    pub previous: String,
    /// SHA-256, in hexadecimal, over everything above.
    pub hash: String,
}
