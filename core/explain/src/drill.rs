//! Whether a failover on purpose makes sense now.

use crate::{Candidate, Facts, Holding};

/// Why a drill is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Obstacle {
    /// Its name, for programs.
    pub code: &'static str,
    /// In words, with what to do.
    pub text: String,
}

/// What stands in the way of taking the holder's link away; none: somebody else can take over.
pub fn obstacle(facts: &Facts) -> Option<Obstacle> {
    let address = &facts.address;
    let refuse = |code, text| Some(Obstacle { code, text });
    let who = match &facts.holding {
        Holding::Held { who, host_is_heard: true, .. } => who,
        Holding::Held { who, host, .. } => {
            let text =
                format!("{host}, where {who} holds {address}, is not heard: a drill could not be ended");
            return refuse("host_not_live", text);
        }
        Holding::Never | Holding::Released { .. } => {
            let text = format!("nobody holds {address}; havip vip why says what to do about that");
            return refuse("vip_has_no_holder", text);
        }
    };
    let could = |other: &&Candidate| other.may_hold && other.is_there() && other.who != *who;
    if facts.candidates.iter().any(|other| could(&other)) {
        return None;
    }
    let text = format!(
        "nobody but {who} could take {address} over: associate another instance that runs, and has a link, first"
    );
    refuse("no_other_candidate", text)
}
