//! Whether anything grows that should not: the memory of our programs, the entries of the switches' maps.

use anyhow::Result;
use havip_lab::Scene;
use std::collections::BTreeMap;

/// Samples of everything that could grow, taken while everything lives.
#[derive(Debug, Default)]
pub struct Growth {
    /// By name: `server, KiB`, `h1, KiB`, `h1: records` and the like.
    series: BTreeMap<String, Vec<u64>>,
}

/// Something that was sampled, from its beginning to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grown {
    /// What.
    pub what: String,
    /// The middle of the samples of the first half, without the very first ones, in which caches fill.
    pub before: u64,
    /// The middle of the last quarter's.
    pub after: u64,
}

impl Growth {
    /// Takes a sample of everything.
    pub fn sample(&mut self, scene: &Scene) -> Result<()> {
        for role in scene.lab.processes().iter().map(|process| process.role.clone()) {
            if let Some(memory) = scene.memory_kib(&role) {
                self.add(format!("{role}, KiB"), memory);
            }
        }
        for host in scene.lab.hosts() {
            for map in scene.switch_state(host)?.maps.into_iter().filter(|map| !map.forgets) {
                self.add(format!("{host}: {}", map.map), map.entries);
            }
        }
        Ok(())
    }

    fn add(&mut self, what: String, value: u64) {
        self.series.entry(what).or_default().push(value);
    }

    /// Everything with its middle before and after; nothing while there are too few samples to tell.
    pub fn all(&self) -> Vec<Grown> {
        let of = |(what, values): (&String, &Vec<u64>)| {
            let count = values.len();
            (count >= FEWEST).then(|| Grown {
                what: what.clone(),
                before: middle(&values[count / 8..count / 2]),
                after: middle(&values[count - count / 4..]),
            })
        };
        self.series.iter().filter_map(of).collect()
    }

    /// What has grown by more than a quarter and by more than is noise.
    pub fn suspicious(&self) -> Vec<Grown> {
        let noise = |what: &str| if what.ends_with("KiB") { 16 << 10 } else { 64 };
        let all = self.all().into_iter();
        all.filter(|grown| grown.after > grown.before + grown.before / 4 + noise(&grown.what)).collect()
    }
}

fn middle(values: &[u64]) -> u64 {
    let mut sorted = values.to_vec();
    sorted.sort();
    sorted.get(sorted.len() / 2).copied().unwrap_or_default()
}

/// Below so many nothing can be told apart.
const FEWEST: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    fn suspicious(values: impl IntoIterator<Item = u64>) -> bool {
        let mut growth = Growth::default();
        values.into_iter().for_each(|value| growth.add("h1: records".into(), value));
        !growth.suspicious().is_empty()
    }

    #[test]
    fn what_grows_all_the_time_is_found_and_what_fills_once_is_not() {
        assert!(suspicious((0..40).map(|sample| 100 + 10 * sample)));
        assert!(!suspicious((0..40).map(|sample| if sample < 4 { 20 } else { 500 })));
        assert!(!suspicious((0..40).map(|sample| 500 + sample % 7 * 20)));
        assert!(!suspicious([1, 1000, 100_000]), "three samples say nothing");
    }
}
