//! Who did what: entries are linked here, in the step that decides, and read from the store, never from memory.

use super::{Ledger, Removal, Write};
use anyhow::{Context, Result};
use havip_audit::{Chain, Entry};
use havip_store::{
    Query, Revision, Store,
    stored::{self, Stored},
};

/// The ends of the chain.
#[derive(Debug, Clone, Default)]
pub struct Trail {
    /// The oldest entry that is kept; 0 if there is none.
    oldest: u64,
    end: Chain,
}

impl Trail {
    /// Links what a write notes to the chain, and lets the write forget what is too old.
    ///
    /// The entry is one of the write's puts: either both are stored, or neither.
    pub(super) fn link(&self, write: &mut Write) {
        let Some(noted) = write.audit.take() else { return };
        let entry = self.end.link(noted);
        if self.oldest > 0 && entry.sequence - self.oldest >= MOST {
            write.removals.push(Removal::Audit(self.oldest));
        }
        write.puts.push(Stored::Audit(entry));
    }

    pub(super) fn push(&mut self, entry: &Entry) {
        if self.oldest == 0 {
            self.oldest = entry.sequence;
        }
        self.end = Chain::at(entry);
    }

    pub(super) fn forget(&mut self, sequence: u64) {
        self.oldest = sequence + 1;
    }
}

impl Ledger {
    /// Entries behind a number, oldest first, so many at most.
    pub async fn entries(&self, after: u64, most: usize) -> Result<Vec<Entry>> {
        let query = Query::prefix(stored::AUDIT).after(&stored::audit_key(after)).limit(most);
        let range = self.store.range(query).await.context("could not read the audit")?;
        range.entries.iter().map(entry).collect()
    }
}

/// Reads where the chain begins and ends.
pub(super) async fn read(store: &dyn Store, revision: Revision) -> Result<Trail> {
    let mut trail = Trail::default();
    if revision == Revision(0) {
        return Ok(trail);
    }
    let all = Query::prefix(stored::AUDIT).at(revision).limit(1);
    for query in [all.clone(), all.descending()] {
        let range = store.range(query).await.context("could not read the audit")?;
        range.entries.iter().try_for_each(|row| entry(row).map(|entry| trail.push(&entry)))?;
    }
    Ok(trail)
}

fn entry(row: &havip_store::Entry) -> Result<Entry> {
    match Stored::read(&row.key, &row.value)? {
        Stored::Audit(entry) => Ok(entry),
        _ => anyhow::bail!("{} is no entry of the audit", row.key),
    }
}

/// A key behind those of all entries.
pub(super) const BEHIND_ALL: &str = "audit/~";
/// Some 60 MB on disk; weeks of what people do.
const MOST: u64 = 100_000;

#[cfg(test)]
mod tests {
    use super::*;
    use havip_audit::{Noted, Outcome};
    use havip_model::Timestamp;

    fn write() -> Write {
        let noted = Noted {
            at: Timestamp(1),
            user: "ci".into(),
            key: String::new(),
            project: String::new(),
            source: String::new(),
            dialect: "native".into(),
            action: "vpc:CreateVpc".into(),
            resources: vec![],
            request_id: String::new(),
            outcome: Outcome::Done,
            count: 1,
        };
        Write { audit: Some(noted), ..Write::by("ci") }
    }

    fn apply(trail: &mut Trail, write: &Write) {
        write.puts.iter().for_each(|put| match put {
            Stored::Audit(entry) => trail.push(entry),
            other => panic!("{other:?}"),
        });
        write.removals.iter().for_each(|removal| match removal {
            Removal::Audit(sequence) => trail.forget(*sequence),
            other => panic!("{other:?}"),
        });
    }

    #[test]
    fn a_full_audit_forgets_its_oldest_entry_with_each_new_one() {
        let end = Chain { sequence: MOST - 1, hash: "00".into() };
        let mut trail = Trail { oldest: 1, end };
        let mut last = write();
        trail.link(&mut last);
        assert!(last.removals.is_empty(), "there is room for {MOST}");
        apply(&mut trail, &last);
        for oldest in 1..=3 {
            let mut next = write();
            trail.link(&mut next);
            assert_eq!(next.removals, [Removal::Audit(oldest)]);
            apply(&mut trail, &next);
        }
        assert_eq!((trail.oldest, trail.end.sequence), (4, MOST + 3));
    }

    #[test]
    fn a_write_that_notes_nothing_leaves_the_chain_as_it_is() {
        let mut nothing = Write::by("server");
        Trail::default().link(&mut nothing);
        assert!(nothing.puts.is_empty() && nothing.removals.is_empty());
    }
}
