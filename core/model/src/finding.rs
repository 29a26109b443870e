//! What a host found out about a VIP besides its moves: people should know, and can do something.

use crate::Holder;
use serde::{Deserialize, Serialize};

/// What a host found out about a VIP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "kebab-case")]
pub enum Finding {
    /// Two ports have the address; the holder keeps the VIP (C10 b).
    BothAnswer {
        /// Who holds it.
        holder: Holder,
        /// Who has the address, too.
        other: Holder,
    },
    /// What was found before is over: one of the two has the address no more, or nobody holds the VIP (C9).
    OneAnswers {
        /// Who held it.
        holder: Holder,
        /// Who had the address, too.
        other: Holder,
    },
    /// The claim's epoch is more than an hour ahead of the finder's clock; until then the VIP counts moves, not time.
    ClockAhead {
        /// Whose claim it is.
        holder: Holder,
        /// How far ahead.
        ahead_ms: u64,
    },
}

impl Finding {
    /// Its name in JSON, and what a later one of the same VIP takes the place of.
    pub fn word(&self) -> &'static str {
        match self {
            Self::BothAnswer { .. } => "both-answer",
            Self::OneAnswers { .. } => "one-answers",
            Self::ClockAhead { .. } => "clock-ahead",
        }
    }

    /// Whether it tells nothing that the other one has not told, figures aside.
    pub fn repeats(&self, earlier: &Self) -> bool {
        match (self, earlier) {
            (Self::BothAnswer { .. } | Self::OneAnswers { .. }, _) => self == earlier,
            (Self::ClockAhead { holder, .. }, Self::ClockAhead { holder: earlier, .. }) => holder == earlier,
            (Self::ClockAhead { .. }, _) => false,
        }
    }
}
