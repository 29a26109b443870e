//! A policy's document: JSON with a version and statements; whatever is not understood is refused.

use crate::{Pattern, condition::Condition};
use serde_json::{Map, Value};

/// A policy that was understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// What it says, in order.
    pub statements: Vec<Statement>,
}

/// One thing that a policy says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// Whether it allows or denies.
    pub effect: Effect,
    pub(crate) actions: Choice,
    pub(crate) resources: Choice,
    pub(crate) conditions: Vec<Condition>,
}

/// Whether a statement allows or denies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Effect {
    /// It allows.
    Allow,
    /// It denies, whatever others allow.
    Deny,
}

/// Those that one of the patterns fits, or those that none fits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Choice {
    pub is_negated: bool,
    pub patterns: Vec<Pattern>,
}

/// Why a text is no policy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DocumentError {
    /// It is too long.
    #[error("a policy has at most {LONGEST} characters, this one has {0}")]
    TooLong(usize),
    /// It is not JSON.
    #[error("a policy is JSON: {0}")]
    NotJson(String),
    /// Something in it is not as it must be.
    #[error("{at}: {what}")]
    Wrong {
        /// Where, as a path such as `Statement/0/Action`.
        at: String,
        /// What must be there.
        what: String,
    },
    /// A condition makes no sense.
    #[error("condition {operator} on {key}: {what}")]
    Condition {
        /// The operator.
        operator: String,
        /// The key.
        key: String,
        /// What is wrong.
        what: String,
    },
}

impl Document {
    /// Reads a document.
    ///
    /// # Errors
    /// The first thing in it that is not understood, with where it stands.
    pub fn read(text: &str) -> Result<Self, DocumentError> {
        let length = text.chars().count();
        if length > LONGEST {
            return Err(DocumentError::TooLong(length));
        }
        let value: Value =
            serde_json::from_str(text).map_err(|error| DocumentError::NotJson(error.to_string()))?;
        let fields = object(&value, "the policy")?;
        known(fields, "the policy", &["Version", "Statement"])?;
        if fields.get("Version").and_then(Value::as_str) != Some("1") {
            return Err(wrong("Version", "must be \"1\""));
        }
        let statements = match fields.get("Statement") {
            Some(Value::Array(statements)) if !statements.is_empty() => statements,
            _ => return Err(wrong("Statement", "must be a list of at least one statement")),
        };
        let statements = statements.iter().enumerate().map(|(at, value)| statement(value, at));
        Ok(Self { statements: statements.collect::<Result<_, _>>()? })
    }
}

fn statement(value: &Value, number: usize) -> Result<Statement, DocumentError> {
    let at = format!("Statement/{number}");
    let fields = object(value, &at)?;
    let all = ["Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Condition"];
    known(fields, &at, &all)?;
    let effect = match fields.get("Effect").and_then(Value::as_str) {
        Some("Allow") => Effect::Allow,
        Some("Deny") => Effect::Deny,
        _ => return Err(wrong(format!("{at}/Effect"), "must be \"Allow\" or \"Deny\"")),
    };
    let actions = choice(fields, &at, "Action", "NotAction")?;
    for pattern in &actions.patterns {
        // `vpc:*`, or everything.
        if pattern.as_str() != "*" && !pattern.as_str().contains(':') {
            let what = format!("{:?} must be * or SERVICE:ACTION, such as vpc:CreateHaVip", pattern.as_str());
            return Err(wrong(format!("{at}/Action"), what));
        }
    }
    let resources = choice(fields, &at, "Resource", "NotResource")?;
    for pattern in &resources.patterns {
        if pattern.as_str() != "*" && !pattern.as_str().starts_with("acs:") {
            let what = format!(
                "{:?} must be * or acs:SERVICE:REGION:PROJECT:KIND/ID, such as acs:vpc:*:*:havip/*",
                pattern.as_str()
            );
            return Err(wrong(format!("{at}/Resource"), what));
        }
    }
    let mut conditions = vec![];
    if let Some(value) = fields.get("Condition") {
        for (operator, keys) in object(value, &format!("{at}/Condition"))? {
            for (key, values) in object(keys, &format!("{at}/Condition/{operator}"))? {
                let values = texts(values, &format!("{at}/Condition/{operator}/{key}"))?;
                conditions.push(Condition::read(operator, key, &values)?);
            }
        }
    }
    Ok(Statement { effect, actions, resources, conditions })
}

fn choice(fields: &Map<String, Value>, at: &str, name: &str, negated: &str) -> Result<Choice, DocumentError> {
    let (is_negated, name, value) = match (fields.get(name), fields.get(negated)) {
        (Some(value), None) => (false, name, value),
        (None, Some(value)) => (true, negated, value),
        _ => return Err(wrong(at, format!("must have either {name} or {negated}"))),
    };
    let patterns = texts(value, &format!("{at}/{name}"))?.into_iter().map(Pattern::new).collect();
    Ok(Choice { is_negated, patterns })
}

/// One text or a list of some.
fn texts(value: &Value, at: &str) -> Result<Vec<String>, DocumentError> {
    let text = |value: &Value| match value {
        Value::String(text) => Ok(text.clone()),
        Value::Bool(yes) => Ok(yes.to_string()),
        _ => Err(wrong(at, "must be a text or a list of texts")),
    };
    match value {
        Value::Array(values) if !values.is_empty() => values.iter().map(text).collect(),
        Value::Array(_) => Err(wrong(at, "must not be empty")),
        value => Ok(vec![text(value)?]),
    }
}

fn object<'a>(value: &'a Value, at: &str) -> Result<&'a Map<String, Value>, DocumentError> {
    value.as_object().ok_or_else(|| wrong(at, "must be an object"))
}

fn known(fields: &Map<String, Value>, at: &str, names: &[&str]) -> Result<(), DocumentError> {
    match fields.keys().find(|name| !names.contains(&name.as_str())) {
        Some(stranger) => Err(wrong(at, format!("knows no {stranger:?}, only {}", names.join(", ")))),
        None => Ok(()),
    }
}

fn wrong(at: impl Into<String>, what: impl Into<String>) -> DocumentError {
    DocumentError::Wrong { at: at.into(), what: what.into() }
}

/// As in RAM.
const LONGEST: usize = 6144;
