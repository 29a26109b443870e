//! Which keys to read, and what was found.

use crate::LeaseId;

/// A moment in the history of a store; the empty store is at 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Revision(pub u64);

impl Revision {
    /// The one behind it.
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

/// Which keys to read: those from `start` up to but without `end`, in the order of their bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    /// The first key.
    pub start: String,
    /// The first key that is no longer read; none for all that follow.
    pub end: Option<String>,
    /// At most so many.
    pub limit: Option<usize>,
    /// The last keys first.
    pub descending: bool,
    /// As they were at this revision; none for now.
    pub at: Option<Revision>,
}

impl Query {
    /// This key alone.
    pub fn key(key: &str) -> Self {
        Self { start: key.into(), end: Some(format!("{key}\0")), limit: None, descending: false, at: None }
    }

    /// All keys with this prefix; the empty one is of all keys.
    pub fn prefix(prefix: &str) -> Self {
        Self { start: prefix.into(), end: end_of_prefix(prefix), limit: None, descending: false, at: None }
    }

    /// Only keys behind this one.
    pub fn after(mut self, key: &str) -> Self {
        self.start = self.start.max(format!("{key}\0"));
        self
    }

    /// Only keys before this one.
    pub fn before(mut self, key: &str) -> Self {
        self.end = Some(self.end.map_or_else(|| key.into(), |end| end.min(key.into())));
        self
    }

    /// At most so many.
    pub fn limit(mut self, limit: usize) -> Self {
        self.limit = Some(limit);
        self
    }

    /// The last keys first.
    pub fn descending(mut self) -> Self {
        self.descending = true;
        self
    }

    /// As it was at this revision.
    pub fn at(mut self, revision: Revision) -> Self {
        self.at = Some(revision);
        self
    }
}

/// A key with its value and its history in short.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The key.
    pub key: String,
    /// The value.
    pub value: Vec<u8>,
    /// When it was made.
    pub created: Revision,
    /// When it was last written.
    pub modified: Revision,
    /// How often it was written since it was made, from 1.
    pub version: u64,
    /// The lease it ends with.
    pub lease: Option<LeaseId>,
}

/// What a query found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Range {
    /// The revision at which it was read.
    pub revision: Revision,
    /// What was found, in order.
    pub entries: Vec<Entry>,
    /// There would have been more.
    pub more: bool,
}

/// The first text greater than all that begin with the prefix.
pub(crate) fn end_of_prefix(prefix: &str) -> Option<String> {
    let mut end: Vec<char> = prefix.chars().collect();
    while let Some(last) = end.pop() {
        // The order of chars is that of their UTF-8; D7FF is followed by E000.
        let next = if last == '\u{d7ff}' { Some('\u{e000}') } else { char::from_u32(last as u32 + 1) };
        if let Some(next) = next {
            end.push(next);
            return Some(end.into_iter().collect());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_ends_before_the_first_text_that_does_not_begin_with_it() {
        assert_eq!(end_of_prefix("vip/"), Some("vip0".into()));
        assert_eq!(end_of_prefix(""), None);
        assert_eq!(end_of_prefix("a\u{10ffff}"), Some("b".into()));
        assert_eq!(end_of_prefix("\u{d7ff}"), Some("\u{e000}".into()));
    }
}
