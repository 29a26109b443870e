//! Requests about VIPs and associations.

use super::{Choice, NewTexts, Texts};
use havip_model::{AssociationMode, Binding, Contention, Profile, SubnetId, Target, VipId};
use std::net::IpAddr;

/// See [`Request::CreateVip`](super::Request::CreateVip).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateVip {
    /// Its subnet.
    pub subnet: SubnetId,
    /// Name and description.
    pub texts: Texts,
    /// Its address; not [`Choice::Without`].
    pub address: Choice,
    /// Who may claim it; none for what the profile says.
    pub binding: Option<Binding>,
    /// What happens to a claim by a port that has just lost it.
    pub contention: Contention,
    /// Whether the fabric speaks for its dead holder.
    pub assist: bool,
    /// The API that makes it.
    pub profile: Profile,
    /// Who is associated with it from the beginning.
    pub associations: Vec<(Target, AssociationMode)>,
    /// Further addresses whose adverts naming it reach associated ports.
    pub advert_sources: Vec<IpAddr>,
}

/// See [`Request::UpdateVip`](super::Request::UpdateVip).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpdateVip {
    /// Which.
    pub vip: VipId,
    /// The new texts.
    pub texts: NewTexts,
    /// What happens to a claim by a port that has just lost it.
    pub contention: Option<Contention>,
    /// Whether the fabric speaks for its dead holder.
    pub assist: Option<bool>,
    /// Further addresses whose adverts naming it reach associated ports.
    pub advert_sources: Option<Vec<IpAddr>>,
}

/// See [`Request::RenewVip`](super::Request::RenewVip).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RenewVip {
    /// Which.
    pub vip: VipId,
}

/// See [`Request::DeleteVip`](super::Request::DeleteVip).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeleteVip {
    /// Which.
    pub vip: VipId,
    /// Ends its associations, unbinds its EIP and deletes the routes that lead to it first.
    pub unbind: bool,
}

/// See [`Request::Associate`](super::Request::Associate).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Associate {
    /// With which VIP.
    pub vip: VipId,
    /// Who.
    pub target: Target,
    /// How.
    pub mode: AssociationMode,
}

/// See [`Request::Dissociate`](super::Request::Dissociate).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dissociate {
    /// From which VIP.
    pub vip: VipId,
    /// Who.
    pub target: Target,
}

impl CreateVip {
    /// A VIP with an automatic address and everything else as by default.
    pub fn of(subnet: SubnetId) -> Self {
        Self {
            subnet,
            texts: Texts::default(),
            address: Choice::default(),
            binding: None,
            contention: Contention::default(),
            assist: true,
            profile: Profile::default(),
            associations: Vec::new(),
            advert_sources: Vec::new(),
        }
    }
}
