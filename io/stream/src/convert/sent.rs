//! When holders sent as their VIPs.

use super::ConvertError;
use super::field::present;
use super::record::{vip_key, vip_key_message};
use crate::proto::{self, sent::What};
use havip_model::{Epoch, Timestamp, VipKey};

/// What a port of a host sent as a VIP; the host is the one whose stream this came by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sent {
    /// The VIP.
    pub vip: VipKey,
    /// The claim under which the port held it.
    pub epoch: Epoch,
    /// What.
    pub sending: Sending,
}

/// When a holder sent, by its host's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sending {
    /// It sent its first packet.
    Began {
        /// When.
        first_at: Timestamp,
        /// The last packet that a port of the same host had sent under an earlier claim.
        before_at: Option<Timestamp>,
    },
    /// It does not hold the VIP any more.
    Ended {
        /// Its last packet; none if it sent none.
        last_at: Option<Timestamp>,
    },
}

/// As a message.
pub fn sent_message(sent: &Sent) -> proto::Sent {
    let ms = |at: Option<Timestamp>| at.map_or(0, |at| at.0);
    let what = match sent.sending {
        Sending::Began { first_at, before_at } => {
            What::First(proto::SentFirst { at_ms: first_at.0, before_ms: ms(before_at) })
        }
        Sending::Ended { last_at } => What::Last(proto::SentLast { at_ms: ms(last_at) }),
    };
    proto::Sent { vip: Some(vip_key_message(sent.vip)), epoch: sent.epoch.0, what: Some(what) }
}

/// Reads it.
pub fn sent(message: &proto::Sent) -> Result<Sent, ConvertError> {
    let at = |ms| (ms != 0).then_some(Timestamp(ms));
    let sending = match present("what", message.what)? {
        What::First(first) => {
            Sending::Began { first_at: Timestamp(first.at_ms), before_at: at(first.before_ms) }
        }
        What::Last(last) => Sending::Ended { last_at: at(last.at_ms) },
    };
    let vip = vip_key(&present("vip", message.vip.clone())?).map_err(|error| error.within("vip"))?;
    Ok(Sent { vip, epoch: Epoch(message.epoch), sending })
}
