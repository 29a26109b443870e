//! One fact, one sentence.

use crate::{Candidate, Facts, Guest, Holding, Programming, Reason, Refused, Seen, Situation};
use std::time::Duration;

pub fn summary(facts: &Facts, situation: Situation) -> String {
    let address = &facts.address;
    let nobody = |why: &str| format!("nobody holds {address}: {why}");
    match (situation, &facts.holding) {
        (Situation::Failed, _) => format!("{address} does not work everywhere: a host could not program it"),
        (Situation::Contested, Holding::Held { who, .. }) => {
            let other = facts.other.as_deref().unwrap_or("somebody");
            format!("{who} holds {address}, and {other} has the address, too")
        }
        (Situation::HostLost, Holding::Held { who, host, .. }) => {
            format!("{who} held {address} when {host} was last heard; nobody has taken it since")
        }
        (_, Holding::Held { who, .. }) => format!("{who} holds {address}"),
        (Situation::Refused, _) => nobody("it is announced by somebody who may not claim it"),
        (Situation::NoCandidate, _) => nobody("nobody may claim it"),
        (Situation::CandidatesDown, _) => nobody("none of those who may claim it runs and has a link"),
        (Situation::NeverClaimed, _) => nobody("nobody has announced it yet"),
        (_, _) => nobody("those who may claim it are there, but none of them has the address"),
    }
}

pub fn programming(programming: &Programming) -> Option<Reason> {
    let (code, text, advice) = match programming {
        Programming::Done => return None,
        Programming::Waiting(why) => ("not_programmed", format!("not every host has it yet: {why}"), ""),
        Programming::Failed(why) => (
            "programming_failed",
            why.clone(),
            "look at that host: havip host list -o wide, and its agent's log",
        ),
    };
    Some(Reason { code, text, advice: advice.into() })
}

pub fn holding(facts: &Facts) -> Reason {
    match &facts.holding {
        Holding::Never => Reason {
            code: "never_held",
            text: "nobody has held it since it was made".into(),
            advice: String::new(),
        },
        Holding::Released { who, at, because } => Reason {
            code: "released",
            text: format!("{who} held it until {at}: {because}"),
            advice: String::new(),
        },
        Holding::Held { who, since, because, host_is_heard: true, .. } => {
            let because = if because.is_empty() { String::new() } else { format!(": {because}") };
            Reason {
                code: "held",
                text: format!("{who} holds it since {since}{because}"),
                advice: String::new(),
            }
        }
        Holding::Held { who, host, since, .. } => Reason {
            code: "host_lost",
            text: format!("{host}, where {who} holds it since {since}, is not heard"),
            advice:
                "look at the machine and its agent; another instance takes the VIP as soon as it announces it"
                    .into(),
        },
    }
}

pub fn other(facts: &Facts, other: &str) -> Reason {
    Reason {
        code: "both_answer",
        text: format!("{other} has the address {}, too, and answers for it", facts.address),
        advice: format!(
            "both believe to be master: see that their adverts reach each other (peers, password, firewall), or remove the address from {other}"
        ),
    }
}

pub fn refused(refused: &Refused) -> Reason {
    let Refused { who, what, advice, count, ago, .. } = refused;
    let times = if *count > 1 { format!(", {count} times") } else { String::new() };
    Reason {
        code: "refused",
        text: format!("{who} was refused {} ago: {what}{times}", age(*ago)),
        advice: advice.clone(),
    }
}

pub fn no_candidate(facts: &Facts) -> Reason {
    let associate =
        format!("associate the instances that may claim it: havip vip associate {} INSTANCE", facts.address);
    let (text, advice) = match facts.is_open {
        true => ("its subnet has no interface", "run an instance in its subnet"),
        false => ("no associated instance has an interface in its subnet", associate.as_str()),
    };
    Reason { code: "no_candidate", text: text.into(), advice: advice.into() }
}

/// Why somebody who may claim the VIP does not hold it.
pub fn candidate(candidate: &Candidate, address: &str, is_held: bool) -> Reason {
    let who = &candidate.who;
    let reason = |code, text: String, advice: &str| Reason { code, text, advice: advice.into() };
    if !candidate.may_hold {
        return reason(
            "direct_return",
            format!("{who} may send as it, but not claim it (direct return)"),
            "",
        );
    }
    match &candidate.guest {
        Guest::Runs => {}
        Guest::DoesNotRun(state) => {
            let text = format!("{who} may claim it, but is {state}");
            return reason("candidate_down", text, if is_held { "" } else { "start the instance" });
        }
        Guest::None => {
            let text = format!("{who} may claim it, but belongs to no instance");
            return reason(
                "candidate_down",
                text,
                if is_held { "" } else { "attach the interface to an instance" },
            );
        }
    }
    if !candidate.host_is_heard {
        let host = candidate.host.as_deref().unwrap_or("its host");
        return reason(
            "candidate_lost",
            format!("{who} may claim it, but {host} is not heard"),
            "look at the machine and its agent",
        );
    }
    if candidate.port_is_up == Some(false) {
        let text = format!("{who} may claim it, but its link is down");
        return reason(
            "candidate_down",
            text,
            if is_held { "" } else { "set the interface up in the instance" },
        );
    }
    let text = format!("{who} may claim it{}", candidate.seen.map_or(String::new(), |seen| observed(&seen)));
    let has_answered = candidate.seen.is_some_and(|seen| seen.answered.is_some());
    match (is_held, has_answered) {
        (true, _) => reason("candidate", text, ""),
        (false, true) => reason("candidate", text, "it has the address and is about to hold it; ask again"),
        (false, false) => reason(
            "candidate_silent",
            text,
            &format!(
                "start keepalived there, or add the address and announce it: arping -U -c 1 -I eth0 {address}"
            ),
        ),
    }
}

/// `; its last advert was 0.4 s ago; asked 2.1 s ago, it did not answer`.
fn observed(seen: &Seen) -> String {
    let mut text = match seen.advert {
        Some((ago, interval)) if ago > interval * 3 => {
            format!("; its adverts stopped {} ago (one each {})", age(ago), age(interval))
        }
        Some((ago, _)) => format!("; its last advert was {} ago", age(ago)),
        None => "; it sends no adverts that name the VIP".into(),
    };
    match (seen.asked, seen.answered) {
        (_, Some(answered)) => {
            text.push_str(&format!("; it answered {} ago that it has the address", age(answered)))
        }
        (Some(asked), None) => {
            text.push_str(&format!("; asked for the address {} ago, it did not answer", age(asked)))
        }
        (None, None) => {}
    }
    text
}

/// `0.4 s`, `12 s`, `3 min`, `5 h`, `2 days`.
fn age(age: Duration) -> String {
    match age.as_secs() {
        0..10 => format!("{:.1} s", age.as_secs_f64()),
        seconds @ 10..120 => format!("{seconds} s"),
        seconds @ 120..7_200 => format!("{} min", seconds / 60),
        seconds @ 7_200..172_800 => format!("{} h", seconds / 3_600),
        seconds => format!("{} days", seconds / 86_400),
    }
}
