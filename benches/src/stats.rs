//! Medians and their spread.

use serde::Serialize;

/// What a series of trials says.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Summary {
    /// How many trials.
    pub trials: usize,
    /// Half of them were below.
    pub median: f64,
    /// 5 % were below.
    pub p5: f64,
    /// 95 % were below.
    pub p95: f64,
    /// 99 % were below; of fewer than 50 values the greatest.
    pub p99: f64,
    /// The greatest.
    pub most: f64,
}

impl Summary {
    /// Of at least one value; they need not be sorted.
    pub fn of(values: &[f64]) -> Option<Self> {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let at = |share: f64| sorted[((sorted.len() - 1) as f64 * share).round() as usize];
        let most = *sorted.last()?;
        Some(Self { trials: sorted.len(), median: at(0.5), p5: at(0.05), p95: at(0.95), p99: at(0.99), most })
    }
}

/// The value below which this share of them is; none of nothing.
pub fn quantile(values: &[f64], share: f64) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let index = (sorted.len().checked_sub(1)? as f64 * share).round() as usize;
    sorted.get(index).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_says_where_the_middle_and_the_edges_are() {
        let values: Vec<f64> = (0..=100).rev().map(f64::from).collect();
        let summary = Summary::of(&values).unwrap();
        assert_eq!((summary.p5, summary.median, summary.p95), (5.0, 50.0, 95.0));
        assert_eq!((summary.p99, summary.most), (99.0, 100.0));
        assert_eq!(Summary::of(&[]), None);
        assert_eq!((quantile(&values, 0.999), quantile(&[], 0.5)), (Some(100.0), None));
    }
}
