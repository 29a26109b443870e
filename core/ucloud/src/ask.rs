//! One request on its way: an action of one of the tables with its parameters.

use crate::{
    action::{Action, Does},
    error,
    error::error,
    name,
    permission::permission,
};
use havip_admission::{Code, Kind, Refusal};
use havip_dialect::{Call, Denied, Error, Home, Naming, Once, Params, Step, View, rename};
use havip_model::{Id, Map, Meta, ResourceKey};
use serde_json::{Value, json};
use std::sync::Arc;

/// An action with its parameters.
pub struct Ask {
    /// With what.
    pub params: Params,
    /// Where.
    pub home: Arc<Home>,
    action: &'static Action,
    is_stack: bool,
}

impl Ask {
    /// An action with parameters that it knows.
    ///
    /// # Errors
    /// A parameter whose effect somebody would miss.
    pub fn new(
        action: &'static Action,
        params: Params,
        is_stack: bool,
        home: Arc<Home>,
    ) -> Result<Self, Error> {
        match params.stranger(&[action.honoured, action.harmless, COMMON]) {
            Some(stranger) => Err(error::unsupported(&stranger)),
            None => Ok(Self { params, home, action, is_stack }),
        }
    }

    /// One parameter that is not empty.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.params.text(name)
    }

    /// One that must be there.
    pub fn required(&self, name: &str) -> Result<&str, Error> {
        self.params.required(name).map_err(error::of_parameter)
    }

    /// A number.
    pub fn number(&self, name: &str) -> Result<Option<u32>, Error> {
        self.params.parsed(name, "a whole number").map_err(error::of_parameter)
    }

    /// The resource that a parameter names, which must be there.
    pub fn find<'a, K: Id, V>(
        &self,
        parameter: &str,
        naming: Naming,
        all: &'a Map<K, V>,
    ) -> Result<&'a V, Error> {
        let id = self.required(parameter)?;
        naming.find(all, id).ok_or_else(|| error::not_found(parameter, id))
    }

    /// The resources that a list of ids or a single id names, or all if there is none.
    pub fn named<'a, K: Id, V>(&self, parameter: &str, naming: Naming, all: &'a Map<K, V>) -> Vec<&'a V> {
        let mut names = self.params.list(parameter);
        names.extend(self.text(parameter));
        naming.among(all, &names)
    }

    /// A text that passes if it is not given.
    pub fn is(&self, name: &str, value: &str) -> bool {
        self.text(name).is_none_or(|wanted| wanted == value)
    }

    /// A list of ids that passes if it is empty.
    pub fn among(&self, name: &str, id: &str) -> bool {
        let wanted = self.params.list(name);
        wanted.is_empty() || wanted.contains(&id)
    }

    /// The region that the client speaks of.
    pub fn region(&self) -> &str {
        self.text("Region").unwrap_or(&self.home.region)
    }

    /// The zone that the client speaks of.
    pub fn zone(&self) -> &str {
        self.text("Zone").unwrap_or(&self.home.zone)
    }

    /// The part of a list that `Offset` and `Limit` (20 unless said, at most 100) choose, the oldest first.
    pub fn part<T>(
        &self,
        (set, count): (&str, &str),
        mut rows: Vec<T>,
        meta: impl Fn(&T) -> &Meta,
        show: impl Fn(&T) -> Value,
    ) -> Result<Value, Error> {
        let offset = self.number("Offset")?.unwrap_or(0) as usize;
        let limit = self.number("Limit")?.unwrap_or(20).clamp(1, 100) as usize;
        let total = rows.len();
        rows.sort_by_key(|row| meta(row).created_at);
        let shown: Vec<Value> = rows.iter().skip(offset).take(limit).map(show).collect();
        Ok(json!({ count: total, set: shown }))
    }
}

impl Call for Ask {
    fn action(&self) -> &'static str {
        self.action.name
    }

    fn permission(&self) -> &'static str {
        permission(self.action.name).expect("the table of permissions has every action")
    }

    fn is_change(&self) -> bool {
        matches!(self.action.does, Does::Change { .. })
    }

    /// These clouds have no tokens.
    fn once(&self) -> Option<Once> {
        None
    }

    fn rehearsed(&self) -> Option<Error> {
        None
    }

    fn plan(&self, view: &View) -> Result<Vec<Step>, Error> {
        match self.action.does {
            Does::Change { plan, .. } => plan(self, view),
            Does::Read(_) => Ok(vec![]),
        }
    }

    fn answer(&self, view: &View, made: &[ResourceKey]) -> Result<Value, Error> {
        match self.action.does {
            Does::Change { answer, .. } => Ok(answer(self, view, made)),
            Does::Read(read) => read(self, view),
        }
    }

    fn refused(&self, refusal: &Refusal) -> Error {
        let number = match (refusal.code, refusal.kind()) {
            (Code::NumbersExhausted, _) => 150,
            (Code::AlreadyInState, _) => error::STATE,
            (_, Kind::NotFound) => error::NOT_FOUND,
            (_, Kind::Conflict) => error::CONFLICT,
            (_, Kind::Invalid) => error::NOT_AVAILABLE,
            (_, Kind::LimitExceeded) => error::LIMIT,
            (_, Kind::InUse) => error::IN_USE,
        };
        let names = if self.is_stack { name::stack::RENAMED } else { name::RENAMED };
        error(number, rename(&refusal.message, names))
    }

    fn token_reused(&self) -> Error {
        error(error::CONFLICT, "the request was sent before with other parameters")
    }

    fn denied(&self, denied: Denied) -> Error {
        match denied {
            Denied::KeyDisabled => error(172, "User Not Exists: the key is disabled"),
            Denied::Throttled(wait) => {
                error(153, "Too many requests of this action by this key; ask again in a second")
                    .retry_after(wait)
            }
            Denied::Forbidden(why) => error(299, format!("Not authorized: {why}")),
        }
    }

    fn unavailable(&self) -> Error {
        error(150, "Service unavailable, ask again")
    }
}

/// What may stand in every request: who asks, where, and for which project, of which a key has one.
const COMMON: &[&str] = &[
    "Action",
    "PublicKey",
    "Signature",
    "Region",
    "Zone",
    "ProjectId",
    "ProjectID",
    "CompanyID",
    "BusinessId",
];
