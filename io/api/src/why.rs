//! Why a VIP is where it is.

use crate::Holder;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Why a VIP is where it is, or why nobody holds it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Why {
    /// The VIP's id.
    pub vip: String,
    /// Its address.
    pub address: String,
    /// What is the matter: `failed`, `contested`, `host-lost`, `held`, `refused`, `no-candidate`, `candidates-down`, `never-claimed` or `candidates-silent`.
    pub situation: String,
    /// The same in one sentence.
    pub summary: String,
    /// What speaks for it, what matters most first.
    pub reasons: Vec<WhyReason>,
    /// Who holds it; null while nobody does.
    pub holder: Option<Holder>,
    /// The interfaces that may claim it, at most 20.
    pub candidates: Vec<WhyCandidate>,
}

/// One thing that matters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WhyReason {
    /// Its name, for programs.
    pub code: String,
    /// In words.
    pub text: String,
    /// What to do about it; empty where there is nothing to do.
    pub advice: String,
}

/// An interface that may claim a VIP, and what its host has seen of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WhyCandidate {
    /// The interface's id.
    pub interface: String,
    /// Its instance's id.
    pub instance: Option<String>,
    /// The instance's name; empty without one.
    pub instance_name: String,
    /// Its host's name; empty while it is nowhere.
    pub host_name: String,
    /// It may claim; otherwise it may only send as the VIP (direct return).
    pub may_hold: bool,
    /// It runs and has a link, as far as is known.
    pub is_there: bool,
    /// How long ago it last sent a VRRP advert that names the VIP; null if it has not, or its host does not answer.
    pub advert_ago_ms: Option<u64>,
    /// The interval that this advert named.
    pub advert_interval_ms: Option<u64>,
    /// How long ago its host asked it for the address.
    pub asked_ago_ms: Option<u64>,
    /// How long ago it answered that.
    pub answered_ago_ms: Option<u64>,
}
