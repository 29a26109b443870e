//! The bytes of `bpf/maps.h`: the same structs, field by field; a test compares both through BTF.

use havip_model::{Epoch, Holder, HostNumber, Incarnation, MacAddr, PortNumber, VipKey, Vni};
use std::{
    mem::size_of,
    net::{IpAddr, Ipv6Addr},
    slice,
};

/// A struct without padding of which every bit pattern is a value.
///
/// # Safety
/// Implemented only by [`plain!`], for `repr(C)` structs of integers and arrays of them whose padding is named.
pub unsafe trait Plain: Copy {
    /// All zero.
    fn zeroed() -> Self {
        // SAFETY: every bit pattern is a value.
        unsafe { std::mem::zeroed() }
    }
    /// The value as the map holds it.
    fn bytes(&self) -> &[u8] {
        // SAFETY: no padding, so every byte is initialised.
        unsafe { slice::from_raw_parts((self as *const Self).cast(), size_of::<Self>()) }
    }
    /// The same, to be filled in.
    fn bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: no padding, and every bit pattern is a value.
        unsafe { slice::from_raw_parts_mut((self as *mut Self).cast(), size_of::<Self>()) }
    }
    /// Reads the first bytes; none if there are too few.
    fn read(bytes: &[u8]) -> Option<Self> {
        let mut value = Self::zeroed();
        value.bytes_mut().copy_from_slice(bytes.get(..size_of::<Self>())?);
        Some(value)
    }
}

// SAFETY: integers.
unsafe impl Plain for u32 {}
// SAFETY: integers.
unsafe impl Plain for u64 {}

macro_rules! plain {
    ($($(#[$doc:meta])* $name:ident = $c:literal { $($field:ident: $type:ty,)* })*) => {
        $($(#[$doc])* #[repr(C)] #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct $name { $(pub $field: $type,)* }
        // SAFETY: repr(C), integers only, and the assertion below leaves no room for padding.
        unsafe impl Plain for $name {}
        const _: () = assert!(size_of::<$name>() == 0 $(+ size_of::<$type>())*, "padding must be named");)*

        /// Every struct with its size and fields, for the comparison with BTF.
        #[cfg(test)]
        pub fn structs() -> Vec<Layout> {
            vec![$(Layout {
                name: $c,
                size: size_of::<$name>(),
                fields: vec![$((stringify!($field), std::mem::offset_of!($name, $field), size_of::<$type>()),)*],
            },)*]
        }
    };
}

/// A struct's layout.
#[cfg(test)]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    /// Its name in C.
    pub name: &'static str,
    /// In bytes.
    pub size: usize,
    /// Name, offset and size in bytes.
    pub fields: Vec<(&'static str, usize, usize)>,
}

plain! {
    Ip16 = "ip16" { address: [u8; 16], }
    AddressKey = "address_key" { vni: u32, address: [u8; 16], }
    AddressPortKey = "address_port_key" { vni: u32, address: [u8; 16], port: u32, }
    AdvertSourceKey = "advert_source_key" { vni: u32, vip: [u8; 16], source: [u8; 16], }
    MacKey = "mac_key" { subnet: u32, mac: [u8; 6], zero: [u8; 2], }
    RouteKey = "route_key" { prefixlen: u32, vni: [u8; 4], address: [u8; 16], }
    PoolKey = "pool_key" { prefixlen: u32, address: [u8; 16], }
    Address = "address" {
        incarnation: u64, subnet: u32, port: u32, host: u32, mac: [u8; 6], kind: u8, flags: u8, zero: u32,
    }
    MacValue = "mac_value" { address: [u8; 16], port: u32, }
    Port = "port" {
        ifindex: u32, number: u32, vni: u32, subnet: u32, primary: [u8; 16], primary6: [u8; 16],
        mac: [u8; 6], virtual_mac: [u8; 6], mtu: u16, state: u8, flags: u8, editions: [u32; GROUPS_MAX], stamp: u32,
    }
    Subnet = "subnet" { gateway: [u8; 16], gateway6: [u8; 16], vni: u32, virtual_mac: [u8; 6], zero: [u8; 2], }
    Host = "host" { underlay: [u8; 16], }
    Peer = "peer" { heard_at: u64, host: u32, zero: u32, asked_at: u64, said_at: u64, }
    SealKey = "seal_key" { id: u32, zero: u32, first: u64, second: u64, }
    Sealing = "sealing" { key: u32, required: u32, }
    Members = "members" { count: u32, hosts: [u32; MEMBERS_MAX], }
    Circle = "circle" { count: u32, ports: [u32; CIRCLE_MAX], }
    Entitled = "entitled" { direct_return: u8, zero: [u8; 3], }
    Eip = "eip" { target: [u8; 16], vni: u32, bandwidth_mbps: u32, }
    Segment = "segment" { vni: u32, network: [u8; 4], mask: [u8; 4], vlan: u16, zero: [u8; 2], network6: [u8; 16], }
    Nat = "nat" { incarnation: u64, public_address: [u8; 16], }
    Settings = "settings" {
        host: u32, underlay: [u8; 4], overlay_ifindex: u32, dhcp_ifindex: u32, edge_ifindex: u32,
        edge_mac: [u8; 6], zero: [u8; 2], edge_address: [u8; 4], network: u64,
    }
    Clock = "clock" { offset_ns: i64, beat_at: u64, }
    Record = "record" { incarnation: u64, epoch: u64, holder: u64, mac: u64, moves: u32, port_down: u32, }
    Move = "move" { epoch: u64, holder: u64, from: u64, at_ms: u64, cause: u32, moves: u32, }
    KeptRecord = "kept_record" {
        lock: u32, flags: u32, now: Record, changed_at: u64, announced_at: u64, next_move: u32, zero: u32,
        sent_epoch: u64, first_sent_at: u64, last_sent_at: u64, before_sent_at: u64, reserved: [u8; 8],
        history: [Move; HISTORY_LEN],
    }
    AdvertMemory = "advert_memory" { at: u64, interval_ns: u64, stalled_at: u64, }
    RuleBits = "rule_bits" { words: [u64; 4], }
    NetKey = "net_key" { prefixlen: u32, table: [u8; 4], address: [u8; 16], }
    PeerKey = "peer_key" { table: u32, group: u32, }
    ServiceKey = "service_key" { prefixlen: u32, table: [u8; 4], protocol: u8, port: [u8; 2], zero: u8, }
    RuleKey = "rule_key" { edition: u32, place: u32, }
    Rule = "rule" { rank: u32, number: u32, }
    Membership = "membership" { groups: [u32; GROUPS_MAX], }
    FlowKey = "flow_key" { port: u32, set: u32, }
    Flow = "flow" {
        who: [u8; 40], seen_at: u32, judged_at: u32, stamp: u32, state: u8, opened: u8, closed_by: u8, zero: u8,
    }
    FlowSet = "flow_set" { lock: u32, zero: u32, ways: [Flow; FLOW_WAYS], }
    FragmentKey = "fragment_key" { port: u32, slot: u32, }
    Fragment = "fragment" {
        own: [u8; 16], peer: [u8; 16], identification: [u8; 4], at: u32, protocol: u8, is_out: u8, zero: [u8; 2],
    }
    DropKey = "drop_key" { port: u32, reason: u32, }
    DropValue = "drop_value" { count: u64, reported_at: u64, reported: u64, }
    Event = "event" {
        kind: u32, vni: u32, address: [u8; 16], port: u32, host: u32, at: u64, nonce: u64, cause: u32,
        mac: [u8; 6], zero: [u8; 2], zero2: u32, now: Record, before: Record,
    }
    Refusal = "refusal" {
        at: u64, count: u64, reason: u32, port: u32, mac: [u8; 6], zero: [u8; 2], address: [u8; 16],
        outer: [u8; 4], zero2: u32,
    }
    Order = "order" {
        kind: u32, vni: u32, address: [u8; 16], port: u32, host: u32, cause: u32, mac: [u8; 6], zero: [u8; 6],
        nonce: u64, record: Record, sender: [u8; 16], router: u32, heir: u32,
    }
    LookWanted = "look_wanted" {
        ifindex: u32, flags: u32, vni: u32, verdicts: u32, address: [u8; 16], service: [u8; 2], protocol: u8, zero: u8,
    }
    Seen = "seen" {
        sequence: u64, at: u64, cpu: u32, ifindex: u32, length: u32, captured: u32, reason: u32, left_by: u32, to: [u8; 4],
        tunnel: u32, port: u32, vni: u32, zero: u32,
        came: [u8; TUNNEL_KEY], frame: [u8; LOOK_SNAP], sequence_behind: u64,
    }
    LoggedKey = "logged_key" {
        vni: u32, from: u32, to: u32, source: [u8; 16], destination: [u8; 16], source_port: [u8; 2],
        destination_port: [u8; 2], reason: u16, protocol: u8, zero: u8,
    }
    Logged = "logged" { packets: u64, bytes: u64, first_at: u64, last_at: u64, }
    Followed = "followed" { one_of: u32, zero: u32, room: u64, }
    FollowedSoFar = "followed_so_far" { begun: u64, lost: u64, }
    DeliveredKey = "delivered_key" { port: u32, source: [u8; 16], router: u32, }
    Delivered = "delivered" {
        at: u64, length: u32, offset: u32, repeated: u32, sender: u32, frame: [u8; DELIVERED_MAX],
    }
}

/// `enum limit`.
pub const MEMBERS_MAX: usize = 64;
/// `enum limit`.
pub const HISTORY_LEN: usize = 8;
/// `enum limit`.
pub const CIRCLE_MAX: usize = 32;
/// `enum limit`.
pub const GROUPS_MAX: usize = 5;
/// `enum limit`.
pub const FLOW_SETS: u32 = 1024;
/// `enum limit`.
pub const FLOW_WAYS: usize = 8;

/// The longest advert that is remembered.
pub const DELIVERED_MAX: usize = 192;

/// An address as every key holds it.
pub fn octets(address: IpAddr) -> [u8; 16] {
    match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().octets(),
        IpAddr::V6(v6) => v6.octets(),
    }
}

/// The other way round; mapped addresses are IPv4.
pub fn address(octets: [u8; 16]) -> IpAddr {
    Ipv6Addr::from(octets).to_canonical()
}

/// The same, where zero stands for none.
pub fn some_address(bytes: [u8; 16]) -> Option<IpAddr> {
    (bytes != [0; 16]).then(|| address(bytes))
}

impl AddressKey {
    pub fn new(vni: Vni, address: IpAddr) -> Self {
        Self { vni: vni.get(), address: octets(address) }
    }
    pub fn vip(key: VipKey) -> Self {
        Self::new(key.vni, key.address)
    }
    /// None if it is not a tenant's.
    pub fn key(&self) -> Option<VipKey> {
        Some(VipKey { vni: Vni::new(self.vni).ok()?, address: address(self.address) })
    }
}

impl AddressPortKey {
    pub fn new(key: VipKey, port: PortNumber) -> Self {
        Self { vni: key.vni.get(), address: octets(key.address), port: port.get() }
    }
    pub fn key(&self) -> Option<VipKey> {
        AddressKey { vni: self.vni, address: self.address }.key()
    }
}

/// A holder as one word: host, port and the released bit, in the order of rule C5.
pub fn holder_word(holder: Holder, released: bool) -> u64 {
    u64::from(holder.host.get()) << 33 | u64::from(holder.port.get()) << 1 | u64::from(released)
}

/// None if it names nobody.
pub fn holder(word: u64) -> Option<Holder> {
    let host = u32::try_from(word >> 33).ok()?;
    let port = (word >> 1 & u64::from(u32::MAX)) as u32;
    Some(Holder { host: HostNumber::new(host).ok()?, port: PortNumber::new(port).ok()? })
}

impl Record {
    /// No record of a claim, under this incarnation.
    pub fn empty(incarnation: Incarnation) -> Self {
        Self { incarnation: incarnation.0, ..Self::zeroed() }
    }
    /// None if nobody has claimed.
    pub fn model(&self) -> Option<havip_model::Record> {
        let mac: [u8; 6] = self.mac.to_be_bytes()[2..].try_into().expect("six of eight bytes");
        Some(havip_model::Record {
            incarnation: Incarnation(self.incarnation),
            epoch: Epoch(self.epoch),
            holder: holder(self.holder)?,
            released: self.holder & 1 == 1,
            mac: MacAddr(mac),
            moves: self.moves,
        })
    }
}

impl From<&havip_model::Record> for Record {
    fn from(record: &havip_model::Record) -> Self {
        let [a, b, c, d, e, f] = record.mac.0;
        let [.., high, low] = record.holder.port.get().to_be_bytes();
        Self {
            incarnation: record.incarnation.0,
            epoch: record.epoch.0,
            holder: holder_word(record.holder, record.released),
            mac: u64::from_be_bytes([high, low, a, b, c, d, e, f]),
            moves: record.moves,
            port_down: 0,
        }
    }
}

/// The bytes of a frame that is looked at.
pub const LOOK_SNAP: usize = 512;
/// `struct bpf_tunnel_key`, with room for newer fields: the number of the tunnel and the sender's address come first.
const TUNNEL_KEY: usize = 44;

/// `enum reason`: counters begin here in the ledger.
pub const REASON_MAX: u32 = 96;

#[cfg(test)]
mod tests {
    use crate::{OBJECT, layout, ledger::COUNTERS, reasons::REASONS};
    use libbpf_rs::HasSize as _;
    use libbpf_rs::btf::{
        Btf,
        types::{Enum, Struct},
    };
    use std::collections::BTreeMap;

    fn btf() -> (tempfile::NamedTempFile, Btf<'static>) {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), OBJECT).unwrap();
        let btf = Btf::from_path(file.path()).unwrap();
        (file, btf)
    }

    /// The constants of an enum in C, by name.
    fn constants(btf: &Btf<'_>, name: &str) -> BTreeMap<String, u32> {
        let found: Enum<'_> = btf.type_by_name(name).unwrap_or_else(|| panic!("no enum {name} in C"));
        let members = found.iter();
        members
            .map(|member| (member.name.unwrap().to_string_lossy().into_owned(), member.value as u32))
            .collect()
    }

    #[test]
    fn every_struct_has_the_size_and_fields_that_c_has() {
        let (_file, btf) = btf();
        for ours in layout::structs() {
            let Some(theirs) = btf.type_by_name::<Struct<'_>>(ours.name) else {
                panic!("C has no struct {}", ours.name)
            };
            assert_eq!(ours.size, theirs.size(), "struct {}", ours.name);
            let fields: Vec<(String, usize)> = theirs
                .iter()
                .map(|member| {
                    let bits = match member.attr {
                        libbpf_rs::btf::types::MemberAttr::Normal { offset } => offset,
                        other => panic!("a bit field in struct {}: {other:?}", ours.name),
                    };
                    (member.name.unwrap().to_string_lossy().into_owned(), bits as usize / 8)
                })
                .collect();
            let expected: Vec<(String, usize)> =
                ours.fields.iter().map(|(name, offset, _)| ((*name).into(), *offset)).collect();
            assert_eq!(fields, expected, "struct {}", ours.name);
        }
    }

    #[test]
    fn every_reason_and_counter_has_its_name_and_number_in_c() {
        let (_file, btf) = btf();
        let mut reasons: BTreeMap<String, u32> =
            REASONS.iter().map(|reason| (spelled("REASON", reason.name), u32::from(reason.number))).collect();
        reasons.insert("REASON_NONE".into(), 0);
        reasons.insert("REASON_MAX".into(), layout::REASON_MAX);
        assert_eq!(constants(&btf, "reason"), reasons);

        let mut counters: BTreeMap<String, u32> = (layout::REASON_MAX..)
            .zip(COUNTERS)
            .map(|(number, name)| (spelled("COUNT", name), number))
            .collect();
        counters.insert("COUNT_END".into(), layout::REASON_MAX + COUNTERS.len() as u32);
        assert_eq!(constants(&btf, "counter"), counters);
    }

    fn spelled(prefix: &str, name: &str) -> String {
        format!("{prefix}_{}", name.to_uppercase())
    }

    #[test]
    fn a_holder_reads_back_from_its_word_and_words_compare_as_rule_c5_says() {
        let holder = |host, port| havip_model::Holder {
            host: havip_model::HostNumber::new(host).unwrap(),
            port: havip_model::PortNumber::new(port).unwrap(),
        };
        let mut last = 0;
        for of in [holder(1, 1), holder(1, u32::MAX), holder(2, 1), holder((1 << 31) - 1, u32::MAX)] {
            for released in [false, true] {
                let word = layout::holder_word(of, released);
                assert_eq!(layout::holder(word), Some(of));
                assert!(word > last);
                last = word;
            }
        }
    }
}
