//! Lists: offset and limit, ids or filters.

use crate::{ask::Ask, error::error};
use havip_dialect::{Error, Naming};
use havip_model::Meta;
use serde_json::{Value, json};

/// The part of a list that `Offset` and `Limit` (20 unless said, at most 100) choose, the oldest first, and how many
/// there are in all.
pub fn part<T>(
    ask: &Ask,
    set: &str,
    mut rows: Vec<T>,
    meta: impl Fn(&T) -> &Meta,
    show: impl Fn(&T) -> Value,
) -> Result<Value, Error> {
    let (offset, limit) = (ask.number("Offset")?.unwrap_or(0) as usize, ask.number("Limit")?.unwrap_or(20));
    if !(1..=100).contains(&limit) {
        return Err(error("InvalidParameterValue.Range", "Limit must be 1 to 100."));
    }
    let total = rows.len();
    rows.sort_by_key(|row| meta(row).created_at);
    let shown: Vec<Value> = rows.iter().skip(offset).take(limit as usize).map(show).collect();
    Ok(json!({ "TotalCount": total, set: shown }))
}

/// What a list is narrowed by: ids, or filters whose values are alternatives.
pub struct Narrow {
    ids: Vec<String>,
    filters: Vec<(String, Vec<String>)>,
}

impl Narrow {
    /// Reads ids, each of which must look like one, or at most ten filters of at most five values with these keys, or
    /// about tags.
    pub fn read(ask: &Ask, ids: &str, naming: Naming, keys: &[&str]) -> Result<Self, Error> {
        let named: Vec<String> = ask.params.list(ids).into_iter().map(Into::into).collect();
        if let Some(wrong) = named.iter().find(|id| !naming.fits(id)) {
            return Err(crate::error::malformed(ids, wrong));
        }
        if named.len() > 100 {
            return Err(error("LimitExceeded", format!("{ids} may name at most 100.")));
        }
        let mut filters = vec![];
        for filter in ask.params.structs("Filters") {
            let name = filter.text("Name").unwrap_or_default().to_string();
            let values: Vec<String> = filter.list("Values").into_iter().map(Into::into).collect();
            if !keys.contains(&name.as_str()) && !TAGS.contains(&name.as_str()) && !name.starts_with("tag:") {
                let message = format!(
                    "The filter {name:?} is not one of {}, {} and tag:KEY.",
                    keys.join(", "),
                    TAGS.join(", ")
                );
                return Err(error("InvalidParameter.FilterInvalidKey", message));
            }
            if values.is_empty() || values.len() > 5 {
                return Err(error(
                    "InvalidParameter.FilterValuesNotList",
                    "Values must be a list of 1 to 5 texts.",
                ));
            }
            filters.push((name, values));
        }
        if !named.is_empty() && !filters.is_empty() {
            return Err(error("InvalidParameter.Coexist", format!("{ids} and Filters exclude each other.")));
        }
        if filters.len() > 10 {
            return Err(error("LimitExceeded.NumberOfFilters", "There may be at most 10 filters."));
        }
        Ok(Self { ids: named, filters })
    }

    /// Whether a row of this id passes; `values` are what it has under a filter's name that is not about tags.
    pub fn pass(&self, id: &str, meta: &Meta, values: impl Fn(&str) -> Vec<String>) -> bool {
        let values = |name: &str| match (name, name.strip_prefix("tag:")) {
            ("tag-key", _) => meta.tags.keys().cloned().collect(),
            ("tag-value", _) => meta.tags.values().cloned().collect(),
            (_, Some(key)) => meta.tags.get(key).cloned().into_iter().collect(),
            (name, None) => values(name),
        };
        (self.ids.is_empty() || self.ids.iter().any(|wanted| wanted == id))
            && self
                .filters
                .iter()
                .all(|(name, wanted)| values(name).iter().any(|value| wanted.contains(value)))
    }

    /// The ids that are asked for, by themselves or by the filter of this name; all if there is none.
    pub fn ids(&self, filter: &str) -> &[String] {
        match self.ids.is_empty() {
            true => self.wanted(filter).unwrap_or_default(),
            false => &self.ids,
        }
    }

    /// The values that a filter asks for.
    pub fn wanted(&self, name: &str) -> Option<&[String]> {
        self.filters.iter().find(|(key, _)| key == name).map(|(_, values)| values.as_slice())
    }
}

/// Filters that every list has, besides `tag:KEY`.
const TAGS: &[&str] = &["tag-key", "tag-value"];
