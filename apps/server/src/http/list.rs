//! Lists: filtered, in the order of ids, page by page.

use crate::{
    ledger::Durable,
    service::{Fault, Service},
    shape::Shapes,
};
use axum::Json;
use havip_api::Page;
use havip_model::{Map, Meta, Resource};
use std::{fmt::Display, str::FromStr};

/// What every list may be narrowed by.
pub struct Narrow<'a> {
    /// With exactly this name.
    pub name: Option<&'a String>,
    /// Whose texts hold these letters in order.
    pub q: Option<&'a String>,
    /// Behind this one.
    pub after: Option<&'a String>,
    /// At most so many.
    pub limit: Option<u32>,
}

/// One page of a list.
///
/// `of` finds the kind among resources that are being withdrawn; `words` are what `q` looks at besides name
/// and description.
pub fn page<K, V, S>(
    service: &Service,
    narrow: Narrow,
    map: impl Fn(&Durable) -> &Map<K, V>,
    of: impl Fn(&Resource) -> Option<(K, &V)>,
    meta: impl Fn(&V) -> &Meta,
    words: impl Fn(&V) -> String,
    keep: impl Fn(&Durable, &V) -> bool,
    show: impl Fn(&Shapes, &V) -> S,
) -> Result<Json<Page<S>>, Fault>
where
    K: Ord + Clone + Display + FromStr,
{
    let after: Option<K> = match narrow.after {
        None => None,
        Some(text) => Some(text.parse().map_err(|_| {
            Fault::invalid("after", "invalid_cursor", "after takes what the page before gave as next")
        })?),
    };
    let limit = limit(narrow.limit)?;
    service.read(|durable| {
        let passes = |value: &V| {
            let meta = meta(value);
            narrow.name.is_none_or(|name| meta.name == *name)
                && narrow.q.is_none_or(|q| {
                    holds(&meta.name, q) || holds(&meta.description, q) || holds(&words(value), q)
                })
                && keep(durable, value)
        };
        let all = map(durable);
        let mut rows: Vec<(K, &V)> = match &after {
            None => take(all.iter(), &passes, limit + 1),
            Some(after) => take(all.after(after), &passes, limit + 1),
        };
        let withdrawing = durable.state.withdrawing.values().filter_map(|resource| of(resource));
        let behind = |key: &K| after.as_ref().is_none_or(|after| key > after);
        rows.extend(withdrawing.filter(|(key, value)| behind(key) && passes(value)));
        rows.sort_by(|(a, _), (b, _)| a.cmp(b));
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next = rows.last().filter(|_| more).map(|(key, _)| key.to_string());
        let shapes = Shapes::of(service, durable);
        Ok(Json(Page { items: rows.iter().map(|(_, value)| show(&shapes, value)).collect(), next }))
    })
}

/// How many rows a page may have.
pub fn limit(limit: Option<u32>) -> Result<usize, Fault> {
    match limit.unwrap_or(USUAL) {
        limit @ 1..=MOST => Ok(limit as usize),
        other => Err(Fault::invalid("limit", "invalid_limit", format!("limit is 1 to {MOST}, not {other}"))),
    }
}

fn take<'a, K: Clone + 'a, V: 'a>(
    all: impl Iterator<Item = (&'a K, &'a V)>,
    passes: &impl Fn(&V) -> bool,
    most: usize,
) -> Vec<(K, &'a V)> {
    all.filter(|(_, value)| passes(value)).take(most).map(|(key, value)| (key.clone(), value)).collect()
}

/// Whether a text holds the letters of another one in order, whatever their case.
fn holds(text: &str, letters: &str) -> bool {
    let mut text = text.chars().flat_map(char::to_lowercase);
    letters.chars().flat_map(char::to_lowercase).all(|letter| text.any(|one| one == letter))
}

const USUAL: u32 = 50;
const MOST: u32 = 200;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_are_found_in_order_whatever_stands_between() {
        assert!(holds("Web-Frontend", "wfe"));
        assert!(holds("Ärger", "är"));
        assert!(!holds("abc", "cb"));
        assert!(holds("anything", ""));
    }
}
