//! What a host found out about a VIP.

use super::ConvertError;
use super::field::{self, present};
use super::record::{vip_key, vip_key_message};
use crate::proto::{self, finding::What};
use havip_model::{Epoch, Finding, Holder, Timestamp, VipKey};

/// What a host found out about a VIP; the host is the one whose stream this came by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Found {
    /// The VIP.
    pub vip: VipKey,
    /// The claim that it is about.
    pub epoch: Epoch,
    /// How many like it this one stands for.
    pub count: u64,
    /// When, by that host's clock.
    pub at: Timestamp,
    /// What.
    pub finding: Finding,
}

/// A finding as a message.
pub fn found_message(found: &Found) -> proto::Finding {
    let what = match found.finding {
        Finding::BothAnswer { holder, other } => {
            What::BothAnswer(proto::BothAnswer { holder: port(holder), other: port(other) })
        }
        Finding::OneAnswers { holder, other } => {
            What::OneAnswers(proto::BothAnswer { holder: port(holder), other: port(other) })
        }
        Finding::ClockAhead { holder, ahead_ms } => {
            What::ClockAhead(proto::ClockAhead { holder: port(holder), ahead_ms })
        }
    };
    proto::Finding {
        vip: Some(vip_key_message(found.vip)),
        epoch: found.epoch.0,
        count: found.count,
        at_ms: found.at.0,
        what: Some(what),
    }
}

/// Reads a finding; one of a later version is refused.
pub fn found(message: &proto::Finding) -> Result<Found, ConvertError> {
    let finding = match present("what", message.what)? {
        What::BothAnswer(both) => Finding::BothAnswer {
            holder: holder("both_answer.holder", both.holder)?,
            other: holder("both_answer.other", both.other)?,
        },
        What::OneAnswers(two) => Finding::OneAnswers {
            holder: holder("one_answers.holder", two.holder)?,
            other: holder("one_answers.other", two.other)?,
        },
        What::ClockAhead(ahead) => Finding::ClockAhead {
            holder: holder("clock_ahead.holder", ahead.holder)?,
            ahead_ms: ahead.ahead_ms,
        },
    };
    Ok(Found {
        vip: vip_key(&present("vip", message.vip.clone())?).map_err(|error| error.within("vip"))?,
        epoch: Epoch(message.epoch),
        count: message.count,
        at: Timestamp(message.at_ms),
        finding,
    })
}

fn port(holder: Holder) -> Option<proto::Port> {
    Some(proto::Port { host: holder.host.get(), port: holder.port.get() })
}

fn holder(field: &str, message: Option<proto::Port>) -> Result<Holder, ConvertError> {
    let message = present(field, message)?;
    let within = |error: ConvertError| error.within(field);
    Ok(Holder {
        host: field::number("host", message.host).map_err(within)?,
        port: field::number("port", message.port).map_err(within)?,
    })
}
