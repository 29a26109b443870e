//! The chain: how the next link is made, and how a whole one is verified.

use crate::{Entry, Noted};
use ring::digest::{SHA256, digest};

/// The end of a chain.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Chain {
    /// The last entry's number; 0 if there is none.
    pub sequence: u64,
    /// Its hash; empty if there is none.
    pub hash: String,
}

impl Chain {
    /// The end behind an entry.
    pub fn at(entry: &Entry) -> Self {
        Self { sequence: entry.sequence, hash: entry.hash.clone() }
    }

    /// The next link.
    pub fn link(&self, noted: Noted) -> Entry {
        let entry =
            Entry { sequence: self.sequence + 1, noted, previous: self.hash.clone(), hash: String::new() };
        Entry { hash: hash(&entry), ..entry }
    }
}

/// Takes entries in order, from the oldest that is kept, and says where the chain is broken.
#[derive(Debug, Clone, Default)]
pub struct Verifier {
    end: Option<Chain>,
    /// The end as it was noted elsewhere, until it was met.
    noted: Option<Chain>,
}

/// A chain that somebody changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// An entry is missing, or there are two.
    #[error("entry {expected} is missing: entry {found} follows the one before it")]
    Gap {
        /// The number that should be.
        expected: u64,
        /// The number that is.
        found: u64,
    },
    /// An entry was changed.
    #[error("entry {0} was changed: its hash is not that of what it says")]
    Changed(u64),
    /// An entry does not follow the one before it.
    #[error("entry {0} does not follow the one before it: that had another hash")]
    NotLinked(u64),
    /// The chain is not the one that was noted.
    #[error(
        "entry {sequence} is not there with the hash that was noted: the chain was written anew, or cut off"
    )]
    NotAsNoted {
        /// The entry whose hash was noted.
        sequence: u64,
    },
    /// What was noted is older than everything that is kept.
    #[error(
        "entry {sequence}, whose hash was noted, is no longer kept: the oldest is {oldest}; compare with an export"
    )]
    NotedIsForgotten {
        /// The entry whose hash was noted.
        sequence: u64,
        /// The oldest that is kept.
        oldest: u64,
    },
}

impl Verifier {
    /// A verifier that also holds the chain against an end that was noted elsewhere.
    pub fn against(noted: Option<Chain>) -> Self {
        Self { end: None, noted }
    }

    /// Takes the next entry.
    ///
    /// # Errors
    /// It is not the next link of the chain, or not the one that was noted.
    pub fn take(&mut self, entry: &Entry) -> Result<(), Broken> {
        let before = match &self.end {
            Some(end) => end.clone(),
            None => self.before(entry)?,
        };
        let expected = before.sequence + 1;
        if entry.sequence != expected {
            return Err(Broken::Gap { expected, found: entry.sequence });
        }
        if entry.hash != hash(entry) {
            return Err(Broken::Changed(entry.sequence));
        }
        if entry.previous != before.hash {
            return Err(Broken::NotLinked(entry.sequence));
        }
        let end = Chain::at(entry);
        self.meet(&before)?;
        self.meet(&end)?;
        self.end = Some(end);
        Ok(())
    }

    /// Where the chain ends: what to note elsewhere; none if there is no entry.
    ///
    /// # Errors
    /// It ends before the entry that was noted.
    pub fn end(self) -> Result<Option<Chain>, Broken> {
        match self.noted {
            Some(Chain { sequence, .. }) => Err(Broken::NotAsNoted { sequence }),
            None => Ok(self.end),
        }
    }

    /// What the oldest entry that is kept must follow: what it says itself, unless it is the first of all.
    fn before(&self, oldest: &Entry) -> Result<Chain, Broken> {
        if oldest.sequence <= 1 {
            return Ok(Chain::default());
        }
        let before = Chain { sequence: oldest.sequence - 1, hash: oldest.previous.clone() };
        match &self.noted {
            Some(Chain { sequence, .. }) if *sequence < before.sequence => {
                Err(Broken::NotedIsForgotten { sequence: *sequence, oldest: oldest.sequence })
            }
            _ => Ok(before),
        }
    }

    fn meet(&mut self, link: &Chain) -> Result<(), Broken> {
        match self.noted.take_if(|noted| noted.sequence == link.sequence) {
            Some(noted) if noted.hash != link.hash => Err(Broken::NotAsNoted { sequence: noted.sequence }),
            _ => Ok(()),
        }
    }
}

fn hash(entry: &Entry) -> String {
    let unsealed = Entry { hash: String::new(), ..entry.clone() };
    let bytes = serde_json::to_vec(&unsealed).expect("an entry holds only what JSON can say");
    digest(&SHA256, &bytes).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Outcome;
    use havip_model::Timestamp;
    use proptest::prelude::*;

    fn noted(number: u64) -> Noted {
        Noted {
            at: Timestamp(number),
            user: "ci".into(),
            key: "key-a".into(),
            project: "project-a".into(),
            source: "192.0.2.9".into(),
            dialect: "native".into(),
            action: "vpc:CreateHaVip".into(),
            resources: vec!["vip-a".into()],
            request_id: format!("{number}"),
            outcome: if number.is_multiple_of(3) {
                Outcome::Refused("forbidden".into())
            } else {
                Outcome::Done
            },
            count: 1,
        }
    }

    fn chain(length: u64) -> Vec<Entry> {
        let mut end = Chain::default();
        let link = |number| {
            let entry = end.link(noted(number));
            end = Chain::at(&entry);
            entry
        };
        (1..=length).map(link).collect()
    }

    fn verify(entries: &[Entry], noted: Option<Chain>) -> Result<Option<Chain>, Broken> {
        let mut verifier = Verifier::against(noted);
        entries.iter().try_for_each(|entry| verifier.take(entry))?;
        verifier.end()
    }

    #[test]
    fn a_chain_reads_back_as_it_was_made() {
        let chain = chain(10);
        let lines: Vec<String> = chain.iter().map(|entry| serde_json::to_string(entry).unwrap()).collect();
        let read: Vec<Entry> = lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(verify(&read, None), Ok(Some(Chain::at(&chain[9]))));
        // What one of them looks like, once and for all: a chain of today is verified in ten years.
        assert_eq!(
            lines[0],
            r#"{"sequence":1,"at":1,"user":"ci","key":"key-a","project":"project-a","source":"192.0.2.9","dialect":"native","action":"vpc:CreateHaVip","resources":["vip-a"],"request_id":"1","outcome":"done","count":1,"previous":"","hash":"HASH"}"#
                .replace("HASH", &chain[0].hash)
        );
    }

    #[test]
    fn a_chain_whose_oldest_entries_are_forgotten_is_verified_from_the_first_that_is_left() {
        let chain = chain(10);
        let end = Some(Chain::at(&chain[9]));
        assert_eq!(verify(&chain[4..], None), Ok(end.clone()));
        assert_eq!(verify(&chain[4..], end.clone()), Ok(end.clone()));
        // The first that is left names the one before it, and so do they who noted that one.
        assert_eq!(verify(&chain[4..], Some(Chain::at(&chain[3]))), Ok(end));
        let other = Chain { sequence: 4, hash: "00".into() };
        assert_eq!(verify(&chain[4..], Some(other)), Err(Broken::NotAsNoted { sequence: 4 }));
        let forgotten = Broken::NotedIsForgotten { sequence: 3, oldest: 5 };
        assert_eq!(verify(&chain[4..], Some(Chain::at(&chain[2]))), Err(forgotten));
    }

    #[test]
    fn a_chain_that_was_cut_off_is_not_the_one_that_was_noted() {
        let chain = chain(10);
        let noted = Chain::at(&chain[9]);
        assert_eq!(verify(&chain[..9], Some(noted.clone())), Err(Broken::NotAsNoted { sequence: 10 }));
        assert_eq!(verify(&[], Some(noted)), Err(Broken::NotAsNoted { sequence: 10 }));
        assert_eq!(verify(&[], None), Ok(None));
    }

    proptest! {
        /// Whatever is changed, left out, doubled or exchanged: the chain is broken, or it ends otherwise.
        #[test]
        fn no_change_goes_unnoticed(length in 2u64..12, at in any::<prop::sample::Index>(), how in 0u8..7) {
            let good = chain(length);
            let mut bad = good.clone();
            let at = at.index(bad.len());
            match how {
                0 => bad[at].noted.user = "somebody".into(),
                1 => bad[at].noted.outcome = Outcome::Refused("else".into()),
                2 => drop(bad.remove(at)),
                3 => bad.insert(at, good[at].clone()),
                4 => bad.swap(at, (at + 1) % good.len()),
                5 => bad[at].noted.at = Timestamp(99),
                // All of it written anew from here on, by somebody who knows how.
                _ => {
                    let mut end = if at == 0 { Chain::default() } else { Chain::at(&bad[at - 1]) };
                    for entry in &mut bad[at..] {
                        entry.noted.user = "nobody".into();
                        *entry = end.link(entry.noted.clone());
                        end = Chain::at(entry);
                    }
                }
            }
            // Without its oldest entry a chain may be one that has forgotten it.
            let is_forgotten = how == 2 && at == 0;
            prop_assert_eq!(verify(&bad, Some(Chain::at(good.last().unwrap()))).is_ok(), is_forgotten);
        }
    }
}
