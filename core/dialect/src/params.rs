//! Parameters: names with dots for what is nested, texts for everything.

use serde_json::Value;
use std::{collections::BTreeMap, str::FromStr};

/// The parameters of a request. `Filter.1.Value.2` is the second value of the first filter; whether a cloud counts
/// from 0 or from 1 makes no difference here.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Params(BTreeMap<String, String>);

impl FromIterator<(String, String)> for Params {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(pairs: I) -> Self {
        Self(pairs.into_iter().collect())
    }
}

impl Extend<(String, String)> for Params {
    fn extend<I: IntoIterator<Item = (String, String)>>(&mut self, pairs: I) {
        self.0.extend(pairs);
    }
}

/// What is wrong with a parameter.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParamError {
    /// It is not there, or empty.
    #[error("the parameter {0} is missing")]
    Missing(String),
    /// It is not what it must be.
    #[error("the parameter {name} is {given:?}; it must be {must}")]
    Wrong {
        /// Which.
        name: String,
        /// The beginning of what was given.
        given: String,
        /// What it must be.
        must: &'static str,
    },
}

/// The body cannot be read as parameters.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WrongForm {
    /// It is not a JSON object.
    #[error("the body is not a JSON object: {0}")]
    NotAnObject(String),
    /// It is deeper than anything that the clouds ask for.
    #[error("the body is nested more than {DEEPEST} levels deep")]
    TooDeep,
    /// There are more of them than anything that the clouds ask for.
    #[error("there are more than {MOST} parameters")]
    TooMany,
}

impl Params {
    /// Reads `application/x-www-form-urlencoded` and adds it to what is there; the later one wins.
    ///
    /// # Errors
    /// There are too many.
    pub fn add_form(&mut self, form: &[u8]) -> Result<(), WrongForm> {
        for (name, value) in form_urlencoded::parse(form) {
            self.add(name.into_owned(), value.into_owned())?;
        }
        Ok(())
    }

    /// Reads a JSON object and adds it, lists counted from 0. An empty body is an empty object.
    ///
    /// # Errors
    /// It is something else, too deep or too large.
    pub fn add_json(&mut self, body: &[u8]) -> Result<(), WrongForm> {
        if body.is_empty() {
            return Ok(());
        }
        let value: Value =
            serde_json::from_slice(body).map_err(|error| WrongForm::NotAnObject(error.to_string()))?;
        match value.is_object() {
            true => self.add_value(String::new(), value, DEEPEST),
            false => Err(WrongForm::NotAnObject("it is another value".into())),
        }
    }

    fn add_value(&mut self, name: String, value: Value, deeper: usize) -> Result<(), WrongForm> {
        let below = |part: &str| if name.is_empty() { part.to_string() } else { format!("{name}.{part}") };
        let Some(next) = deeper.checked_sub(1) else { return Err(WrongForm::TooDeep) };
        match value {
            Value::Null => Ok(()),
            Value::Object(parts) => {
                parts.into_iter().try_for_each(|(part, value)| self.add_value(below(&part), value, next))
            }
            Value::Array(parts) => parts
                .into_iter()
                .enumerate()
                .try_for_each(|(at, value)| self.add_value(below(&at.to_string()), value, next)),
            Value::String(text) => self.add(name, text),
            other => self.add(name, other.to_string()),
        }
    }

    fn add(&mut self, name: String, value: String) -> Result<(), WrongForm> {
        self.0.insert(name, value);
        if self.0.len() > MOST { Err(WrongForm::TooMany) } else { Ok(()) }
    }

    /// All of them, in the order of their names' bytes.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Takes one out.
    pub fn remove(&mut self, name: &str) -> Option<String> {
        self.0.remove(name)
    }

    /// The first one that is in none of the tables. `Filters.0.Name` is in a table that has `Filters.Name`, or `Filters`
    /// with everything in it.
    pub fn stranger(&self, tables: &[&[&str]]) -> Option<String> {
        let is_number = |part: &&str| part.bytes().all(|byte| byte.is_ascii_digit());
        let mut paths = self.0.keys().map(|name| {
            let parts: Vec<&str> = name.split('.').filter(|part| !is_number(part)).collect();
            parts.join(".")
        });
        paths.find(|path| {
            let is_it = |known: &&str| {
                path.strip_prefix(*known).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
            };
            !tables.iter().any(|table| table.iter().any(&is_it))
        })
    }

    /// One as it was sent, also if it is empty.
    pub fn sent(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// One that is not empty.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.sent(name).filter(|value| !value.is_empty())
    }

    /// One that must be there.
    ///
    /// # Errors
    /// It is missing or empty.
    pub fn required(&self, name: &str) -> Result<&str, ParamError> {
        self.text(name).ok_or_else(|| ParamError::Missing(name.into()))
    }

    /// One of a type.
    ///
    /// # Errors
    /// It is something else; `must` says what it must be.
    pub fn parsed<T: FromStr>(&self, name: &str, must: &'static str) -> Result<Option<T>, ParamError> {
        self.text(name).map(|text| text.parse().map_err(|_| wrong(name, text, must))).transpose()
    }

    /// Yes or no; Python writes `True`, Go `true`.
    ///
    /// # Errors
    /// It is something else.
    pub fn flag(&self, name: &str) -> Result<Option<bool>, ParamError> {
        let flag = |text: &str| match text.to_ascii_lowercase().as_str() {
            "true" => Ok(true),
            "false" => Ok(false),
            _ => Err(wrong(name, text, "true or false")),
        };
        self.text(name).map(flag).transpose()
    }

    /// The texts of a list, in order.
    pub fn list(&self, name: &str) -> Vec<&str> {
        let parts = self.below(name).filter_map(|(part, value)| Some((part.parse::<u32>().ok()?, value)));
        parts.collect::<BTreeMap<_, _>>().into_values().collect()
    }

    /// The parts of a list of structures, in order, with the names that they have within.
    pub fn structs(&self, name: &str) -> Vec<Self> {
        let mut all = BTreeMap::<u32, Self>::new();
        for (rest, value) in self.below(name) {
            if let Some((at, part)) = rest.split_once('.')
                && let Ok(at) = at.parse()
            {
                all.entry(at).or_default().0.insert(part.into(), value.into());
            }
        }
        all.into_values().collect()
    }

    /// The parts of a structure, with the names that they have within.
    pub fn part(&self, name: &str) -> Self {
        Self(self.below(name).map(|(part, value)| (part.into(), value.into())).collect())
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn below<'a>(&'a self, name: &str) -> impl Iterator<Item = (&'a str, &'a str)> {
        let prefix = format!("{name}.");
        let from = self.0.range(prefix.clone()..);
        from.map_while(move |(name, value)| Some((name.strip_prefix(&prefix)?, value.as_str())))
    }
}

/// A parameter that is not what it must be.
fn wrong(name: &str, given: &str, must: &'static str) -> ParamError {
    ParamError::Wrong { name: name.into(), given: given.chars().take(64).collect(), must }
}

impl ParamError {
    /// A parameter that is not what it must be.
    pub fn wrong(name: &str, given: &str, must: &'static str) -> Self {
        wrong(name, given, must)
    }
}

/// A call with 100 instances of 20 tags has fewer.
const MOST: usize = 5000;
const DEEPEST: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn form(text: &str) -> Params {
        let mut params = Params::default();
        params.add_form(text.as_bytes()).unwrap();
        params
    }

    #[test]
    fn plus_and_percent_20_are_both_a_space_and_empty_values_stay() {
        let params = form("a=x+y&b=x%20y&c=&d");
        assert_eq!(params.iter().collect::<Vec<_>>(), [("a", "x y"), ("b", "x y"), ("c", ""), ("d", "")]);
        assert_eq!(params.text("c"), None);
    }

    #[test]
    fn lists_are_in_the_order_of_their_numbers() {
        let params = form("I.10=c&I.2=b&I.1=a&Other.1=z&I=q");
        assert_eq!(params.list("I"), ["a", "b", "c"]);
    }

    #[test]
    fn structures_have_their_own_names() {
        let params = form("Filter.2.Key=b&Filter.1.Key=a&Filter.1.Value.2=y&Filter.1.Value.1=x");
        let filters = params.structs("Filter");
        assert_eq!(filters.len(), 2);
        assert_eq!((filters[0].text("Key"), filters[0].list("Value")), (Some("a"), vec!["x", "y"]));
    }

    #[test]
    fn a_parameter_is_known_by_its_own_name_or_by_that_of_all_that_it_is_in() {
        let params = form("Filters.0.Name=a&Filters.0.Values.1=b&Disk.Size=1&Tag.1.Key=k");
        let known: &[&str] = &["Filters.Name", "Filters.Values", "Disk"];
        assert_eq!(params.stranger(&[known]).as_deref(), Some("Tag.Key"));
        assert_eq!(params.stranger(&[known, &["Tag"]]), None);
        assert_eq!(form("Filters.0.Nam=a").stranger(&[known]).as_deref(), Some("Filters.Nam"));
        assert_eq!(form("Disks=a").stranger(&[known]).as_deref(), Some("Disks"));
    }

    #[test]
    fn json_is_read_like_a_form() {
        let mut params = Params::default();
        params
            .add_json(br#"{"Filters":[{"Name":"vip","Values":["a","b"]}],"Limit":20,"Yes":true,"No":null,"Empty":[]}"#)
            .unwrap();
        let mut same = form("Filters.0.Name=vip&Filters.0.Values.0=a&Filters.0.Values.1=b&Limit=20&Yes=true");
        assert_eq!(params, same);
        assert_eq!(same.remove("Limit").as_deref(), Some("20"));
    }

    #[test]
    fn what_is_not_an_object_or_too_deep_is_refused() {
        for body in ["[]", "1", "{", "null"] {
            assert!(
                matches!(Params::default().add_json(body.as_bytes()), Err(WrongForm::NotAnObject(_))),
                "{body}"
            );
        }
        let deep = format!("{{\"a\":{}1{}}}", "[".repeat(20), "]".repeat(20));
        assert_eq!(Params::default().add_json(deep.as_bytes()), Err(WrongForm::TooDeep));
        let many = "&".repeat(10) + &(0..6000).map(|n| format!("a{n}=1&")).collect::<String>();
        assert_eq!(Params::default().add_form(many.as_bytes()), Err(WrongForm::TooMany));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let mut params = Params::default();
            let _ = params.add_form(&bytes);
            let _ = params.add_json(&bytes);
            let names: Vec<String> = params.iter().map(|(name, _)| name.split('.').next().unwrap_or("").into()).collect();
            for name in names {
                params.list(&name);
                params.structs(&name);
            }
        }
    }
}
