//! Answering others that have missed a host: does this one hear it (section 6 of the design)?

use havip_model::HostNumber;
use std::{collections::BTreeMap, time::Duration};

/// The questions of other hosts that wait for an answer.
///
/// What was heard before the question says nothing: its asker heard the host before, too. So the answer is yes with
/// the next frame of the host, and no when an echo of this host has had its time without one.
#[derive(Debug, Clone, Default)]
pub struct Witness {
    questions: BTreeMap<u64, Question>,
    next: u64,
}

#[derive(Debug, Clone, Copy)]
struct Question {
    about: HostNumber,
    asked_at: Duration,
}

impl Witness {
    /// Nobody asks.
    pub fn new() -> Self {
        Self::default()
    }

    /// Another host asks; returns the question's number, or none if too many wait already.
    pub fn asked(&mut self, now: Duration, about: HostNumber) -> Option<u64> {
        if self.questions.len() >= MOST_QUESTIONS {
            return None;
        }
        self.next += 1;
        self.questions.insert(self.next, Question { about, asked_at: now });
        Some(self.next)
    }

    /// A frame of the host came at this moment; returns the questions that are answered with yes.
    pub fn heard(&mut self, at: Duration, host: HostNumber) -> Vec<u64> {
        self.take(|question| question.about == host && at > question.asked_at)
    }

    /// The questions that are answered with no by now.
    pub fn deadline_reached(&mut self, now: Duration) -> Vec<u64> {
        self.take(|question| question.asked_at + ANSWERS_WITHIN <= now)
    }

    /// This host was late itself: what it did not hear says nothing. Returns the questions that get no answer.
    pub fn was_late(&mut self) -> Vec<u64> {
        self.take(|_| true)
    }

    /// When [`Self::deadline_reached`] is wanted.
    pub fn next_deadline(&self) -> Option<Duration> {
        self.questions.values().map(|question| question.asked_at + ANSWERS_WITHIN).min()
    }

    fn take(&mut self, is_answered: impl Fn(&Question) -> bool) -> Vec<u64> {
        let answered: Vec<u64> =
            self.questions.iter().filter(|(_, question)| is_answered(question)).map(|(id, _)| *id).collect();
        for id in &answered {
            self.questions.remove(id);
        }
        answered
    }
}

/// An echo is sent every 50 ms and answered within one; the asker waits 100 ms, from its first to its third miss.
const ANSWERS_WITHIN: Duration = Duration::from_millis(75);
/// 64 members of a VPC and some edges, each asking about a host or two.
const MOST_QUESTIONS: usize = 256;
