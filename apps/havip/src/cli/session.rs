//! One run of a verb: the client, the format, and names for ids.

use super::kind::{Kind, Named, names_by_id};
use super::show::{self, Format, Names, Row};
use anyhow::{Result, bail};
use havip_api::{Client, Resource};
use serde::Serialize;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::Write;

/// One run of a verb.
pub struct Session {
    /// Asks the server.
    pub client: Client,
    /// How answers are shown.
    pub format: Format,
    /// Names by id, one map per prefix, read when first needed.
    names: RefCell<BTreeMap<String, BTreeMap<String, String>>>,
}

impl Session {
    /// Begins.
    pub fn new(client: Client, format: Format) -> Self {
        Self { client, format, names: RefCell::default() }
    }

    /// The id of what the user calls so: an id, or a name that only one has.
    pub fn id_of<K: Kind>(&self, called: &str) -> Result<String> {
        if K::is_id(called) {
            return Ok(called.to_owned());
        }
        let candidates = K::called(&self.client, called)?.iter().map(Named::of).collect();
        choose(K::NOUN, K::COMMAND, called, candidates)
    }

    /// As [`Self::id_of`], of something that need not be said.
    pub fn id_of_any<K: Kind>(&self, called: Option<&str>) -> Result<Option<String>> {
        called.map(|called| self.id_of::<K>(called)).transpose()
    }

    /// As [`Self::id_of`], of several.
    pub fn ids_of<K: Kind>(&self, called: &[String]) -> Result<Vec<String>> {
        called.iter().map(|called| self.id_of::<K>(called)).collect()
    }

    /// What the user calls so.
    pub fn get<K: Kind>(&self, called: &str) -> Result<K> {
        Ok(K::fetch(&self.client, &self.id_of::<K>(called)?)?)
    }

    /// Shows many.
    pub fn show_all<T: Row + Serialize>(&self, items: &[T]) -> Result<()> {
        print(&show::all(self.format, items, self)?)
    }

    /// Shows one as a row, as after a change.
    pub fn show<T: Row + Serialize>(&self, item: &T) -> Result<()> {
        print(&show::one(self.format, item, self)?)
    }

    /// Shows everything of one.
    pub fn show_details<T: Row + Serialize>(&self, item: &T) -> Result<()> {
        print(&show::details(self.format, item, self)?)
    }

    /// Says what was done where there is nothing to show; programs that read JSON need no words.
    pub fn say(&self, text: &str) -> Result<()> {
        match self.format {
            Format::Table | Format::Wide => print(&format!("{text}\n")),
            Format::Json | Format::Yaml => Ok(()),
        }
    }
}

impl Names for Session {
    fn name(&self, id: &str) -> String {
        let prefix = id.split_inclusive('-').next().unwrap_or_default();
        let mut known = self.names.borrow_mut();
        let names = known
            .entry(prefix.to_owned())
            // A name is a courtesy: without it the id is shown.
            .or_insert_with(|| names_by_id(&self.client, prefix).unwrap_or_default());
        names.get(id).filter(|name| !name.is_empty()).cloned().unwrap_or_else(|| id.to_owned())
    }
}

/// The one candidate, or an error that names what to do.
pub fn choose(noun: &str, command: &str, called: &str, candidates: Vec<Named>) -> Result<String> {
    match candidates.as_slice() {
        [only] => Ok(only.id.clone()),
        [] => {
            bail!(NotFound(format!("there is no {noun} called {called:?}; `havip {command} list` shows all")))
        }
        several => {
            let list: Vec<_> = several.iter().map(Named::to_string).collect();
            bail!("{} are called {called:?}: {}; say which by its id", several.len(), list.join(", "))
        }
    }
}

/// What the user named does not exist.
#[derive(Debug)]
pub struct NotFound(pub String);

impl std::fmt::Display for NotFound {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}
impl std::error::Error for NotFound {}

impl Named {
    fn of(resource: &impl Resource) -> Self {
        let meta = resource.meta();
        Self { id: meta.id.clone(), name: meta.name.clone() }
    }
}

/// Writes to standard output; a reader that has gone is an error, not a panic.
pub fn print(text: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())?;
    Ok(out.flush()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(id: &str) -> Named {
        Named { id: id.into(), name: "web".into() }
    }

    #[test]
    fn a_name_that_only_one_has_is_as_good_as_its_id() {
        assert_eq!(choose("VPC", "vpc", "web", vec![named("vpc-a")]).unwrap(), "vpc-a");
    }

    #[test]
    fn an_ambiguous_name_is_refused_with_the_candidates() {
        let error = choose("VPC", "vpc", "web", vec![named("vpc-a"), named("vpc-b")]).unwrap_err();
        assert_eq!(error.to_string(), "2 are called \"web\": vpc-a (web), vpc-b (web); say which by its id");
    }

    #[test]
    fn an_unknown_name_is_refused_with_the_command_that_lists() {
        let error = choose("VPC", "vpc", "web", vec![]).unwrap_err();
        assert_eq!(error.to_string(), "there is no VPC called \"web\"; `havip vpc list` shows all");
        assert!(error.is::<NotFound>());
    }
}
