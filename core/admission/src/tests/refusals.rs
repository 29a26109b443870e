//! The API's error list: each refusal at least once, with its code and where in the request the trouble is.

mod eips;
mod external;
mod groups;
mod hosts;
mod instances;
mod interfaces;
mod ipv6;
mod networks;
mod routes;
mod vips;

use crate::{Code, Kind, Refusal};
use havip_model::ResourceKey;
use std::collections::BTreeSet;

/// A refusal and what it must be.
pub struct Row(pub Refusal, pub Code, pub &'static str, pub &'static str);

/// Checks each row: code, field, and words of the sentence; gives the codes.
fn check(rows: Vec<Row>) -> BTreeSet<Code> {
    let is_wrong = |Row(refusal, code, field, words): &&Row| {
        (refusal.code, refusal.field.as_str()) != (*code, *field) || !refusal.message.contains(words)
    };
    let wrong: Vec<_> = rows.iter().filter(is_wrong).map(|Row(refusal, code, ..)| (code, refusal)).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    rows.into_iter().map(|Row(_, code, ..)| code).collect()
}

fn blocked_by(refusal: &Refusal, blockers: impl IntoIterator<Item = impl Into<ResourceKey>>) {
    assert_eq!(refusal.blocked_by, blockers.into_iter().map(Into::into).collect::<Vec<_>>(), "{refusal}");
}

#[test]
fn every_refusal_has_a_row() {
    let groups = [
        networks::rows(),
        external::rows(),
        external::rows6(),
        interfaces::rows(),
        instances::rows(),
        vips::rows(),
        eips::rows(),
        routes::rows(),
        hosts::rows(),
        ipv6::rows(),
        groups::rows(),
        super::tags::rows(),
        super::resource_groups::rows(),
        super::deployment_sets::rows(),
        super::shares::rows(),
    ];
    let tested = groups.into_iter().flat_map(check).chain(crate::identity::tests::refused());
    let tested: BTreeSet<_> = tested.collect();
    let all: BTreeSet<_> = Code::ALL.iter().copied().collect();
    assert_eq!(all.difference(&tested).collect::<Vec<_>>(), [] as [&Code; 0]);
}

#[test]
fn codes_are_distinct_words_and_kinds_follow_them() {
    let words: BTreeSet<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
    assert_eq!(words.len(), Code::ALL.len());
    for code in Code::ALL {
        let word = code.as_str();
        assert!(word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_'), "{word}");
        assert!(!word.ends_with("_not_found") || code.kind() == Kind::NotFound, "{word}");
        assert!(!word.starts_with("too_many_") || code.kind() == Kind::LimitExceeded, "{word}");
    }
}
