//! VIPs: what they are, who may claim them, who holds them, how they moved.

use crate::{AssociationMode, Binding, Contention, Family, Meta, MoveCause, Problem, Profile};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// A floating private address, claimed by gratuitous ARP or an unsolicited neighbour advertisement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Vip {
    /// Id, names, times, status.
    #[serde(flatten)]
    pub meta: Meta,
    /// Its VPC's id.
    pub vpc: String,
    /// Its subnet's id.
    pub subnet: String,
    /// Its address.
    pub address: String,
    /// Who may claim it.
    pub binding: Binding,
    /// What happens to a claim by a port that has just lost it.
    pub contention: Contention,
    /// Whether the fabric speaks for a dead holder.
    pub assist: bool,
    /// The API whose limits and rules it keeps.
    pub profile: Profile,
    /// Which making of the address it is.
    pub incarnation: u64,
    /// Who is associated with it.
    pub associations: Vec<Association>,
    /// Addresses besides those of associated ports whose adverts naming the VIP reach associated ports.
    pub advert_sources: Vec<String>,
    /// Who holds it; null while nobody does.
    pub holder: Option<Holder>,
    /// Its public address.
    pub eip: Option<BoundEip>,
}

/// Permission to claim a VIP.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Association {
    /// The id of the instance or interface.
    pub target: String,
    /// What it permits.
    pub mode: AssociationMode,
    /// Since when.
    #[schema(format = DateTime)]
    pub created_at: String,
}

/// Who holds a VIP.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Holder {
    /// The host's id; null if the host was removed.
    pub host: Option<String>,
    /// The host's name.
    pub host_name: String,
    /// The host's number.
    pub host_number: u32,
    /// The port's number.
    pub port: u32,
    /// The id of the interface that is plugged there; null if it was deleted.
    pub interface: Option<String>,
    /// The id of the interface's instance.
    pub instance: Option<String>,
    /// The instance's name; empty without one.
    pub instance_name: String,
    /// The MAC that it claimed with.
    pub mac: String,
    /// When it claimed.
    #[schema(format = DateTime)]
    pub since: String,
    /// The claim's number: a later claim has a greater one.
    #[serde(with = "crate::meta::number_as_text")]
    #[schema(value_type = String)]
    pub epoch: u64,
    /// How often the VIP had moved by then since it was made; null where that is not kept any more.
    pub moves: Option<u32>,
}

/// The public address of a VIP.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BoundEip {
    /// The EIP's id.
    pub id: String,
    /// The address.
    pub address: String,
}

/// Makes a VIP, with its associations, in one step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateVip {
    /// Its subnet's id.
    pub subnet: String,
    /// Its address, IPv4 or IPv6; chosen if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "10.20.1.100")]
    pub address: Option<String>,
    /// Of which family the address is to be chosen; `ipv4` if absent. Not together with `address`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub family: Option<Family>,
    /// May be empty.
    #[serde(default)]
    pub name: String,
    /// May be empty.
    #[serde(default)]
    pub description: String,
    /// What it is sorted by: at most 20 keys of 1 to 128 characters, each with a value of at most 128.
    ///
    /// Neither begins with `aliyun` or `acs:`, nor holds `http://` or `https://`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// The id of the resource group that it is to be in; the project's default one if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_group: Option<String>,
    /// Who may claim it.
    #[serde(default = "associated")]
    pub binding: Binding,
    /// What happens to a claim by a port that has just lost it.
    #[serde(default = "hold")]
    pub contention: Contention,
    /// Whether the fabric speaks for a dead holder.
    #[serde(default = "yes")]
    pub assist: bool,
    /// Who may claim it from the beginning.
    #[serde(default)]
    pub associations: Vec<Associate>,
    /// Addresses besides those of associated ports whose adverts naming the VIP reach associated ports.
    #[serde(default)]
    pub advert_sources: Vec<String>,
}

impl Default for CreateVip {
    fn default() -> Self {
        Self {
            subnet: String::new(),
            address: None,
            family: None,
            name: String::new(),
            description: String::new(),
            tags: BTreeMap::new(),
            resource_group: None,
            binding: associated(),
            contention: hold(),
            assist: true,
            associations: vec![],
            advert_sources: vec![],
        }
    }
}

/// Lets an instance or an interface claim a VIP.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Associate {
    /// The id of an instance (`i-…`: all its interfaces in the VIP's subnet) or of an interface (`eni-…`).
    pub target: String,
    /// What it permits.
    #[serde(default = "claim")]
    pub mode: AssociationMode,
}

impl Associate {
    /// Permits this instance or interface to claim.
    pub fn claim(target: impl Into<String>) -> Self {
        Self { target: target.into(), mode: claim() }
    }
}

/// Changes a VIP; what is absent stays.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateVip {
    /// The new name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The new description.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// What happens to a claim by a port that has just lost it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contention: Option<Contention>,
    /// Whether the fabric speaks for a dead holder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assist: Option<bool>,
    /// All further addresses whose adverts naming the VIP reach associated ports.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub advert_sources: Option<Vec<String>>,
}

/// Deletes many VIPs, each for itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BatchDelete {
    /// Their ids, at most 200.
    #[schema(min_items = 1, max_items = 200)]
    pub ids: Vec<String>,
    /// Unbind them first.
    #[serde(default)]
    pub unbind: bool,
}

/// What became of a batch, in the order of the request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BatchDeleted {
    /// One row per id.
    pub results: Vec<BatchRow>,
}

/// What became of one id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BatchRow {
    /// As sent.
    pub id: String,
    /// The HTTP status that the single deletion would have had.
    pub status: u16,
    /// Why it was refused; null if it was deleted.
    pub problem: Option<Problem>,
}

/// A VIP got another holder, or none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Move {
    /// Its event's number.
    pub sequence: u64,
    /// When it happened, by the clock of the host that saw it.
    #[schema(format = DateTime)]
    pub at: String,
    /// Who held it before; `since`, `epoch`, `mac` and `moves` are of that claim as far as they are known.
    pub from: Option<Holder>,
    /// Who held it then; null: nobody.
    pub to: Option<Holder>,
    /// The claim's number.
    #[serde(with = "crate::meta::number_as_text")]
    #[schema(value_type = String)]
    pub epoch: u64,
    /// Why.
    pub cause: MoveCause,
    /// How often the VIP had moved by then since it was made; null for what version 0.1 noted.
    pub moves: Option<u32>,
    /// On what it rests that the holder before was dead, in words, if the switch spoke for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<String>,
    /// How many milliseconds nobody had sent as the VIP when the new holder did; null while that is not known.
    ///
    /// From `last_sent_at` to `first_sent_at`; of a VIP that nobody uses it is no more than silence.
    pub outage_ms: Option<u64>,
    /// The last packet from the VIP before, by the clock of its sender's host.
    #[schema(format = DateTime)]
    pub last_sent_at: Option<String>,
    /// The first packet from the VIP since, by the clock of its sender's host.
    #[schema(format = DateTime)]
    pub first_sent_at: Option<String>,
    /// Why `outage_ms` is not known; null where it is, and where nobody holds the VIP.
    pub outage_unknown: Option<String>,
    /// The move in plain words.
    pub text: String,
}

fn associated() -> Binding {
    Binding::Associated
}
fn hold() -> Contention {
    Contention::Hold
}
fn claim() -> AssociationMode {
    AssociationMode::Claim
}
fn yes() -> bool {
    true
}
