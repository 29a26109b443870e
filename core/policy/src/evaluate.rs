//! The evaluator: deny wins, and what nobody allows is not allowed.

use crate::{Context, Document, Effect, Needed, Statement, document::Choice};

/// What policies say of one thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is allowed, by this statement before others.
    Allowed(At),
    /// It is denied, by this statement before others.
    Denied(At),
    /// No statement allows it.
    NotAllowed,
}

/// A statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct At {
    /// Of which policy, counted from 0.
    pub policy: usize,
    /// Which of its statements, counted from 0.
    pub statement: usize,
}

impl Verdict {
    /// Whether it may happen.
    pub fn is_allowed(self) -> bool {
        matches!(self, Self::Allowed(_))
    }
}

/// What these policies say of one thing.
pub fn evaluate<'a>(
    policies: impl IntoIterator<Item = &'a Document>,
    asked: &Needed,
    context: &Context,
) -> Verdict {
    let mut allowed = None;
    for (policy, document) in policies.into_iter().enumerate() {
        for (statement, says) in document.statements.iter().enumerate() {
            if !says.is_about(asked, context) {
                continue;
            }
            let at = At { policy, statement };
            match says.effect {
                Effect::Deny => return Verdict::Denied(at),
                Effect::Allow => allowed = allowed.or(Some(at)),
            }
        }
    }
    allowed.map_or(Verdict::NotAllowed, Verdict::Allowed)
}

/// Whether there is anything for which these policies allow an action, conditions included: what is asked for, and in
/// which resource group, is not known yet, so a denial of some of it does not count.
pub fn may_ever<'a>(
    policies: impl IntoIterator<Item = &'a Document>,
    action: &str,
    context: &Context,
) -> bool {
    let mut is_allowed = false;
    for says in policies.into_iter().flat_map(|document| &document.statements) {
        let (of_groups, others): (Vec<_>, Vec<_>) =
            says.conditions.iter().partition(|condition| condition.is_about_group());
        let is_of_now = others.iter().all(|condition| condition.holds(context, None));
        if !says.actions.has(|pattern| pattern.fits_any_case(action)) || !is_of_now {
            continue;
        }
        match says.effect {
            Effect::Deny if says.resources.is_everything() && of_groups.is_empty() => return false,
            Effect::Deny => {}
            Effect::Allow => is_allowed = true,
        }
    }
    is_allowed
}

impl Statement {
    fn is_about(&self, asked: &Needed, context: &Context) -> bool {
        self.actions.has(|pattern| pattern.fits_any_case(&asked.action))
            && self.resources.has(|pattern| pattern.fits(&asked.resource))
            && self.conditions.iter().all(|condition| condition.holds(context, asked.group))
    }
}

impl Choice {
    fn has(&self, fits: impl FnMut(&crate::Pattern) -> bool) -> bool {
        self.patterns.iter().any(fits) != self.is_negated
    }

    fn is_everything(&self) -> bool {
        !self.is_negated && self.patterns.iter().any(|pattern| pattern.as_str() == "*")
    }
}
