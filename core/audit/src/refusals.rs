//! Refusals at a limited rate: the first of a kind is told at once, those behind it as a number.

use crate::{Noted, Outcome};
use havip_model::Timestamp;
use std::{collections::HashMap, time::Duration};

/// Decides which refusals become entries, and counts the rest. Time is told since any beginning.
///
/// Whoever is not known has a budget of its own: strangers that guess keys cannot crowd out what is told of users,
/// and are one kind per address and code whatever they send.
#[derive(Debug, Default)]
pub struct Refusals {
    users: Budget,
    strangers: Budget,
    /// Those that found no room, of all kinds together.
    others: Option<Held>,
}

/// What may be told, and what is kept back.
#[derive(Debug, Default)]
struct Budget {
    kinds: HashMap<Kind, Held>,
    bucket: Bucket,
}

/// Refusals alike.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Kind {
    user: String,
    key: String,
    project: String,
    source: String,
    dialect: String,
    action: String,
    code: String,
}

/// What is kept back of a kind.
#[derive(Debug)]
struct Held {
    since: Duration,
    left_out: u64,
    last: Noted,
}

impl Refusals {
    /// Takes a refusal; gives it back if it is to be told now.
    pub fn take(&mut self, now: Duration, noted: Noted) -> Option<Noted> {
        let budget = if noted.user.is_empty() { &mut self.strangers } else { &mut self.users };
        let kind = Kind::of(&noted);
        if let Some(held) = budget.kinds.get_mut(&kind) {
            held.left_out += 1;
            held.last = noted;
            return None;
        }
        if budget.kinds.len() >= MOST_KINDS || !budget.bucket.draw(now) {
            let held = self.others.get_or_insert_with(|| Held::new(now, various(noted.at)));
            held.left_out += 1;
            held.last.at = noted.at;
            return None;
        }
        budget.kinds.insert(kind, Held::new(now, noted.clone()));
        Some(noted)
    }

    /// What was left out and is due to be told, as one entry of each kind with its number.
    pub fn due(&mut self, now: Duration) -> Vec<Noted> {
        let mut told = self.users.due(now);
        told.extend(self.strangers.due(now));
        told.extend(self.others.take_if(|held| held.is_due(now)).map(|mut held| held.told(now)));
        told
    }

    /// Everything that was left out, as at the end.
    pub fn rest(&mut self, now: Duration) -> Vec<Noted> {
        let kinds = [&mut self.users, &mut self.strangers].map(|budget| std::mem::take(&mut budget.kinds));
        let held = kinds.into_iter().flat_map(HashMap::into_values).chain(self.others.take());
        held.filter(|held| held.left_out > 0).map(|mut held| held.told(now)).collect()
    }
}

impl Budget {
    /// Numbers wait for room, too: however many take part in a flood, and however long it lasts, it is told at the
    /// limited rate.
    fn due(&mut self, now: Duration) -> Vec<Noted> {
        let mut told = vec![];
        let bucket = &mut self.bucket;
        self.kinds.retain(|_, held| {
            if !held.is_due(now) {
                return true;
            }
            if held.left_out > 0 && bucket.draw(now) {
                told.push(held.told(now));
                return true;
            }
            // Quiet for a whole window: the next one is a first one again.
            held.left_out > 0
        });
        told
    }
}

impl Held {
    fn new(since: Duration, last: Noted) -> Self {
        Self { since, left_out: 0, last }
    }

    fn is_due(&self, now: Duration) -> bool {
        now.saturating_sub(self.since) >= WINDOW
    }

    fn told(&mut self, now: Duration) -> Noted {
        self.since = now;
        Noted { count: std::mem::take(&mut self.left_out), ..self.last.clone() }
    }
}

impl Kind {
    fn of(noted: &Noted) -> Self {
        let Noted { user, key, project, source, dialect, action, outcome, .. } = noted.clone();
        let code = match outcome {
            Outcome::Done => String::new(),
            Outcome::Refused(code) => code,
        };
        match user.is_empty() {
            // Keys and actions that a stranger makes up are no kinds of their own.
            true => Self { key: String::new(), action: String::new(), user, project, source, dialect, code },
            false => Self { user, key, project, source, dialect, action, code },
        }
    }
}

fn various(at: Timestamp) -> Noted {
    Noted { at, outcome: Outcome::Refused(VARIOUS.into()), ..Noted::default() }
}

/// How many new kinds may be told.
#[derive(Debug, Default)]
struct Bucket {
    drawn: u32,
    refilled_at: Option<Duration>,
}

impl Bucket {
    fn draw(&mut self, now: Duration) -> bool {
        let refilled_at = *self.refilled_at.get_or_insert(now);
        let passed = now.saturating_sub(refilled_at).as_millis() / REFILL.as_millis();
        let passed = u32::try_from(passed).unwrap_or(u32::MAX);
        if passed > 0 {
            self.drawn = self.drawn.saturating_sub(passed);
            // What is over a whole step counts for the next one; a full bucket saves nothing.
            self.refilled_at = Some(refilled_at + REFILL.saturating_mul(passed));
        }
        let is_left = self.drawn < BURST;
        self.drawn += u32::from(is_left);
        is_left
    }
}

/// The code of an entry for refusals of all kinds that found no room.
pub const VARIOUS: &str = "various";
/// Refusals alike are told once a minute.
pub const WINDOW: Duration = Duration::from_secs(60);
/// Of users, and of strangers: some 1 MB.
const MOST_KINDS: usize = 1024;
/// New kinds at once; then one entry in each step: 14 400 a day, of 100 000 that are kept.
const BURST: u32 = 50;
const REFILL: Duration = Duration::from_secs(6);

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(user: &str, source: &str, action: &str, key: &str) -> Noted {
        Noted {
            at: Timestamp(1),
            user: user.into(),
            key: key.into(),
            source: source.into(),
            dialect: "native".into(),
            action: action.into(),
            outcome: Outcome::Refused("forbidden".into()),
            count: 1,
            ..Noted::default()
        }
    }

    #[test]
    fn the_first_of_a_kind_is_told_at_once_and_the_others_as_a_number_after_a_minute() {
        let (mut refusals, now) = (Refusals::default(), Duration::from_secs(9));
        let one = || refused("ann", "192.0.2.1", "vpc:DeleteHaVip", "key-a");
        assert_eq!(refusals.take(now, one()).unwrap().count, 1);
        for _ in 0..500 {
            assert_eq!(refusals.take(now, one()), None);
        }
        assert!(refusals.due(now + WINDOW / 2).is_empty());
        let told = refusals.due(now + WINDOW);
        assert_eq!(
            told.iter().map(|noted| (noted.user.as_str(), noted.count)).collect::<Vec<_>>(),
            [("ann", 500)]
        );
        // Quiet for another minute: forgotten, and told at once when it begins again.
        assert!(refusals.due(now + WINDOW * 2).is_empty());
        assert!(refusals.take(now + WINDOW * 2, one()).is_some());
    }

    #[test]
    fn a_stranger_that_guesses_keys_is_one_kind() {
        let (mut refusals, now) = (Refusals::default(), Duration::from_secs(9));
        let guess =
            |number: usize| refused("", "192.0.2.1", &format!("a:{number}"), &format!("key-{number}"));
        let told = (0..1000).filter_map(|number| refusals.take(now, guess(number))).count();
        assert_eq!(told, 1);
        assert_eq!(refusals.rest(now)[0].count, 999);
    }

    #[test]
    fn strangers_from_everywhere_leave_the_users_their_budget_and_nobody_is_not_counted() {
        let (mut refusals, now) = (Refusals::default(), Duration::from_secs(9));
        let from = |number: u32| refused("", &format!("2001:db8::{number:x}"), "unknown", "");
        let told = (0..10_000).filter_map(|number| refusals.take(now, from(number))).count();
        assert_eq!(told, BURST as usize);
        assert!(refusals.take(now, refused("ann", "192.0.2.1", "vpc:CreateVpc", "key-a")).is_some());
        let rest = refusals.rest(now);
        let various = rest.iter().find(|noted| noted.outcome == Outcome::Refused(VARIOUS.into())).unwrap();
        assert_eq!(various.count, 10_000 - u64::from(BURST));
        assert!(refusals.rest(now).is_empty(), "nothing is told twice");
        // A minute is ten steps.
        let later = now + REFILL * 10;
        refusals.due(later);
        let told = (20_000..30_000).filter_map(|number| refusals.take(later, from(number))).count();
        assert_eq!(told, 10);
    }

    #[test]
    fn a_flood_that_lasts_is_told_at_the_limited_rate_and_each_refusal_is_counted_once() {
        let (mut refusals, begun) = (Refusals::default(), Duration::from_secs(9));
        let (steps, sources) = (200, 1500);
        let mut told = vec![];
        for step in 0..steps {
            let now = begun + REFILL * step;
            for source in 0..sources {
                told.extend(refusals.take(now, refused("", &format!("2001:db8::{source:x}"), "unknown", "")));
            }
            told.extend(refusals.due(now));
        }
        // The budget, and each minute one for all that found no room.
        assert!(told.len() <= (BURST + steps + steps / 10 + 1) as usize, "{}", told.len());
        told.extend(refusals.rest(begun + REFILL * steps));
        assert_eq!(told.iter().map(|noted| noted.count).sum::<u64>(), u64::from(steps * sources));
    }
}
