//! Lists, page by page.

use crate::{ask::Ask, error};
use havip_dialect::Error;
use havip_model::Meta;
use serde_json::{Value, json};

/// One page of a list: `PageNumber` from 1, `PageSize` up to `most`. A page past the end is empty.
///
/// `{outer: {inner: [...]}, PageNumber, PageSize, TotalCount}`, the oldest first.
pub fn page<T>(
    ask: &Ask,
    (outer, inner): (&str, &str),
    most: usize,
    mut rows: Vec<T>,
    meta: impl Fn(&T) -> &Meta,
    show: impl Fn(&T) -> Value,
) -> Result<Value, Error> {
    let number = ask.number("PageNumber")?.unwrap_or(1).max(1) as usize;
    let size = ask.number("PageSize")?.unwrap_or(10).clamp(1, most as u32) as usize;
    let total = rows.len();
    // The ids, by which they came, decide between those of one moment.
    rows.sort_by_key(|row| meta(row).created_at);
    let shown: Vec<Value> =
        rows.iter().skip((number - 1).saturating_mul(size)).take(size).map(show).collect();
    Ok(json!({ outer: { inner: shown }, "PageNumber": number, "PageSize": size, "TotalCount": total }))
}

/// What a list is narrowed by: pairs of `Filter.N.Key` and values, of which one must hold.
pub struct Filters(Vec<(String, Vec<String>)>);

impl Filters {
    /// Reads at most five filters of at most five values, with these keys.
    pub fn read(ask: &Ask, keys: &[&str]) -> Result<Self, Error> {
        let filters = ask.params.structs("Filter");
        if filters.len() > 5 {
            return Err(error::invalid("There may be at most 5 filters."));
        }
        let filters = filters.iter().map(|filter| {
            let key = filter.required("Key").map_err(error::of_parameter)?;
            if !keys.contains(&key) {
                let message = format!("The filter key {key:?} is not one of {}.", keys.join(", "));
                return Err(Error::new(404, "InvalidFilterKey.ValueNotSupported", message));
            }
            let values: Vec<String> = filter.list("Value").into_iter().map(Into::into).collect();
            match values.len() {
                0 => Err(error::of_parameter(havip_dialect::ParamError::Missing("Filter.N.Value".into()))),
                1..=5 => Ok((key.to_string(), values)),
                _ => Err(error::invalid("A filter may have at most 5 values.")),
            }
        });
        filters.collect::<Result<_, _>>().map(Self)
    }

    /// The values of a key's first filter; none if there is no such filter.
    pub fn wanted(&self, key: &str) -> &[String] {
        self.0.iter().find(|(other, _)| other == key).map_or(&[], |(_, values)| values)
    }

    /// Whether every filter holds of what `value` says of a key.
    pub fn pass(&self, value: impl Fn(&str) -> String) -> bool {
        self.0.iter().all(|(key, values)| values.contains(&value(key)))
    }
}
