//! Why a VIP is where it is, or why nobody holds it: facts to sentences. And [`path`]: what a host would do with a packet;
//! [`probe`]: what hosts did with one.
//!
//! Names of instances and hosts are words here (`web-1 on host h1`), times are told as ages; nothing is looked up.

mod drill;
mod facts;
pub mod path;
pub mod probe;
mod sentence;
#[cfg(test)]
mod tests;

pub use drill::{Obstacle, obstacle};
pub use facts::{Candidate, Facts, Guest, Holding, Programming, Refused, Seen};

/// Why a VIP is where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// What is the matter, in one word.
    pub situation: Situation,
    /// The same in one sentence.
    pub summary: String,
    /// What speaks for it, what matters most first.
    pub reasons: Vec<Reason>,
}

/// One thing that matters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    /// Its name, for programs.
    pub code: &'static str,
    /// In words.
    pub text: String,
    /// What to do about it; empty where there is nothing to do.
    pub advice: String,
}

/// What is the matter with a VIP; the first that is true.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Situation {
    /// A host could not program it.
    Failed,
    /// Somebody holds it, and somebody else has its address, too.
    Contested,
    /// Somebody holds it, but the holder's host is not heard.
    HostLost,
    /// Somebody holds it.
    Held,
    /// Nobody holds it: it was announced by somebody who may not.
    Refused,
    /// Nobody holds it, as nobody may.
    NoCandidate,
    /// Nobody holds it: who may claim it does not run, or has no link.
    CandidatesDown,
    /// Nobody has ever held it.
    NeverClaimed,
    /// Nobody holds it any more: who may claim it does not.
    CandidatesSilent,
}

impl Situation {
    /// Its name, for programs.
    pub fn word(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Contested => "contested",
            Self::HostLost => "host-lost",
            Self::Held => "held",
            Self::Refused => "refused",
            Self::NoCandidate => "no-candidate",
            Self::CandidatesDown => "candidates-down",
            Self::NeverClaimed => "never-claimed",
            Self::CandidatesSilent => "candidates-silent",
        }
    }
}

/// Says why.
pub fn explain(facts: &Facts) -> Explanation {
    let situation = situation(facts);
    let mut reasons = vec![];
    reasons.extend(sentence::programming(&facts.programming));
    reasons.push(sentence::holding(facts));
    reasons.extend(facts.other.as_deref().map(|other| sentence::other(facts, other)));
    reasons.extend(facts.refused.iter().map(sentence::refused));
    if facts.candidates.is_empty() {
        reasons.push(sentence::no_candidate(facts));
    }
    let holder = match &facts.holding {
        Holding::Held { who, .. } => Some(who),
        Holding::Never | Holding::Released { .. } => None,
    };
    // The holder is no candidate to wonder about.
    let others = facts.candidates.iter().filter(|candidate| Some(&candidate.who) != holder);
    reasons.extend(others.map(|candidate| sentence::candidate(candidate, &facts.address, holder.is_some())));
    Explanation { situation, summary: sentence::summary(facts, situation), reasons }
}

fn situation(facts: &Facts) -> Situation {
    if matches!(facts.programming, Programming::Failed(_)) {
        return Situation::Failed;
    }
    match &facts.holding {
        Holding::Held { .. } if facts.other.is_some() => return Situation::Contested,
        Holding::Held { host_is_heard: false, .. } => return Situation::HostLost,
        Holding::Held { .. } => return Situation::Held,
        Holding::Never | Holding::Released { .. } => {}
    }
    let can_claim = |candidate: &&Candidate| candidate.may_hold && candidate.is_there();
    let is_up = facts.candidates.iter().filter(can_claim).count() > 0;
    let is_claimed = facts.refused.iter().any(|refused| refused.is_claim);
    match (facts.candidates.iter().any(|candidate| candidate.may_hold), is_up, &facts.holding) {
        (_, false, _) if is_claimed => Situation::Refused,
        (false, ..) => Situation::NoCandidate,
        (true, false, _) => Situation::CandidatesDown,
        // Somebody of them would have answered when asked, so it is not them who announced it.
        (true, true, _) if is_claimed => Situation::Refused,
        (true, true, Holding::Never) => Situation::NeverClaimed,
        (true, true, _) => Situation::CandidatesSilent,
    }
}
