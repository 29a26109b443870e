//! DHCP for IPv4 (RFC 2131), as much as a server of fixed leases needs and its clients send.

use crate::{DecodeError, reader::Reader};
use havip_model::MacAddr;
use std::net::Ipv4Addr;

/// A DHCP message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dhcp {
    /// What it is; requests and replies of plain BOOTP, which lack it, are refused.
    pub kind: DhcpKind,
    /// Relays passed.
    pub hops: u8,
    /// Chosen by the client for its question, copied into the answers.
    pub transaction: u32,
    /// How long the client has been at it.
    pub seconds: u16,
    /// The client cannot receive unicast before it has an address.
    pub broadcast: bool,
    /// The address that the client has and answers ARP for; else 0.0.0.0.
    pub client: Ipv4Addr,
    /// The address that the server gives.
    pub yours: Ipv4Addr,
    /// The next server to boot from.
    pub next_server: Ipv4Addr,
    /// The relay that took the request in; else 0.0.0.0.
    pub relay: Ipv4Addr,
    /// The client's MAC.
    pub mac: MacAddr,
    /// The options that matter here.
    pub options: DhcpOptions,
}

/// What a DHCP message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DhcpKind {
    /// Client: which servers are there?
    Discover,
    /// Server: this address could be yours.
    Offer,
    /// Client: I take it, keep it, or had it before.
    Request,
    /// Client: somebody else has that address.
    Decline,
    /// Server: it is yours.
    Ack,
    /// Server: it is not, begin again.
    Nak,
    /// Client: I need it no more.
    Release,
    /// Client: I have an address, tell me the rest.
    Inform,
}

/// The options that matter here; those with other codes are left out when reading.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DhcpOptions {
    /// The address the client would like (50).
    pub requested: Option<Ipv4Addr>,
    /// The server that speaks, or is meant (54).
    pub server: Option<Ipv4Addr>,
    /// How long the address may be used (51).
    pub lease_secs: Option<u32>,
    /// When to ask this server again (58).
    pub renewal_secs: Option<u32>,
    /// When to ask any server (59).
    pub rebinding_secs: Option<u32>,
    /// The subnet's mask (1).
    pub mask: Option<Ipv4Addr>,
    /// Gateways (3).
    pub routers: Vec<Ipv4Addr>,
    /// Name servers (6).
    pub name_servers: Vec<Ipv4Addr>,
    /// The largest packet (26).
    pub mtu: Option<u16>,
    /// What the client calls itself (61); copied into answers (RFC 6842).
    pub client_id: Vec<u8>,
    /// The client's name (12).
    pub host_name: Vec<u8>,
    /// The options that the client wants (55).
    pub wanted: Vec<u8>,
    /// The longest message that the client takes (57).
    pub max_size: Option<u16>,
}

/// What a server lends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lease {
    /// The client's address.
    pub address: Ipv4Addr,
    /// Bits of the subnet's mask; at most 32.
    pub prefix_length: u8,
    /// The gateway.
    pub router: Option<Ipv4Addr>,
    /// Who answers: the address that renewals are sent to.
    pub server: Ipv4Addr,
    /// The largest packet, in bytes.
    pub mtu: u16,
    /// How long.
    pub secs: u32,
}

/// Stands between the old BOOTP fields and the options.
const COOKIE: u32 = 0x6382_5363;
/// BOOTP's least message; some clients drop shorter ones.
const LEAST: usize = 300;

impl Dhcp {
    /// What a client with this MAC asks first.
    pub fn discover(mac: MacAddr, transaction: u32) -> Self {
        let none = Ipv4Addr::UNSPECIFIED;
        Self {
            kind: DhcpKind::Discover,
            hops: 0,
            transaction,
            seconds: 0,
            broadcast: false,
            client: none,
            yours: none,
            next_server: none,
            relay: none,
            mac,
            options: DhcpOptions::default(),
        }
    }

    /// Reads a message for Ethernet. Options that came in pieces are joined (RFC 3396).
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new("a DHCP message", bytes);
        let operation = reader.u8()?;
        let hardware = reader.u16()?;
        if hardware != 0x0106 {
            return Err(DecodeError::wrong("the hardware type and size of DHCP", hardware));
        }
        let (hops, transaction, seconds) = (reader.u8()?, reader.u32()?, reader.u16()?);
        let broadcast = reader.u16()? & 0x8000 != 0;
        let (client, yours) = (reader.ipv4()?, reader.ipv4()?);
        let (next_server, relay) = (reader.ipv4()?, reader.ipv4()?);
        let mac = reader.mac()?;
        reader.slice(10)?;
        let (server_name, boot_file) = (reader.slice(64)?, reader.slice(128)?);
        let cookie = reader.u32()?;
        if cookie != COOKIE {
            return Err(DecodeError::wrong("the magic cookie of DHCP", cookie));
        }
        let mut raw = RawOptions::default();
        raw.read(reader.rest())?;
        // Options may go on in the two old fields (RFC 2132 section 9.3), the boot file first.
        let overload = raw.of(52).first().copied().unwrap_or(0);
        for (bit, field) in [(1, boot_file), (2, server_name)] {
            if overload & bit != 0 {
                raw.read(field)?;
            }
        }
        let kind = match raw.number::<1>(53)? {
            Some([number]) => {
                DhcpKind::of(number).ok_or(DecodeError::wrong("the DHCP message type", number))?
            }
            None => return Err(DecodeError::Truncated { what: "the DHCP message type", need: 1, got: 0 }),
        };
        if operation != kind.operation() {
            return Err(DecodeError::wrong("the operation of DHCP", operation));
        }
        let options = raw.into_options()?;
        Ok(Self {
            kind,
            hops,
            transaction,
            seconds,
            broadcast,
            client,
            yours,
            next_server,
            relay,
            mac,
            options,
        })
    }

    /// Writes the message, filled up to 300 bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![self.kind.operation(), 1, 6, self.hops];
        bytes.extend(self.transaction.to_be_bytes());
        bytes.extend(self.seconds.to_be_bytes());
        bytes.extend((u16::from(self.broadcast) << 15).to_be_bytes());
        for address in [self.client, self.yours, self.next_server, self.relay] {
            bytes.extend(address.octets());
        }
        bytes.extend(self.mac.0);
        bytes.extend([0; 10 + 64 + 128]);
        bytes.extend(COOKIE.to_be_bytes());
        self.options.encode(self.kind, &mut bytes);
        bytes.push(END);
        bytes.resize(bytes.len().max(LEAST), 0);
        bytes
    }

    /// Answers a discovery with an address it could have.
    pub fn offer(&self, lease: &Lease) -> Self {
        self.reply(DhcpKind::Offer, Some(lease), lease.server)
    }

    /// Answers a request: the address is the client's. To an inform only the rest is told (RFC 2131 section 4.3.5).
    pub fn ack(&self, lease: &Lease) -> Self {
        let mut ack = self.reply(DhcpKind::Ack, Some(lease), lease.server);
        ack.client = self.client;
        if self.kind == DhcpKind::Inform {
            ack.yours = Ipv4Addr::UNSPECIFIED;
            ack.options.lease_secs = None;
            ack.options.renewal_secs = None;
            ack.options.rebinding_secs = None;
        }
        ack
    }

    /// Answers a request for an address that is not the client's.
    pub fn nak(&self, server: Ipv4Addr) -> Self {
        Self { broadcast: true, ..self.reply(DhcpKind::Nak, None, server) }
    }

    /// The address that a request is about: a new lease names it in an option, a renewal has it already.
    pub fn asked_address(&self) -> Option<Ipv4Addr> {
        self.options.requested.or((!self.client.is_unspecified()).then_some(self.client))
    }

    /// Where a reply goes that no relay carries: MAC and address (RFC 2131 section 4.1).
    pub fn reply_destination(&self) -> (MacAddr, Ipv4Addr) {
        if self.kind == DhcpKind::Nak {
            (MacAddr::BROADCAST, Ipv4Addr::BROADCAST)
        } else if !self.client.is_unspecified() {
            (self.mac, self.client)
        } else if self.broadcast {
            (MacAddr::BROADCAST, Ipv4Addr::BROADCAST)
        } else {
            (self.mac, self.yours)
        }
    }

    fn reply(&self, kind: DhcpKind, lease: Option<&Lease>, server: Ipv4Addr) -> Self {
        let mut options = DhcpOptions {
            server: Some(server),
            client_id: self.options.client_id.clone(),
            ..DhcpOptions::default()
        };
        if let Some(lease) = lease {
            options.lease_secs = Some(lease.secs);
            options.renewal_secs = Some(lease.secs / 2);
            options.rebinding_secs = Some(lease.secs / 8 * 7);
            let ones = u32::MAX.checked_shl(32 - u32::from(lease.prefix_length.min(32))).unwrap_or(0);
            options.mask = Some(ones.into());
            options.routers = lease.router.into_iter().collect();
            options.mtu = Some(lease.mtu);
        }
        Self {
            kind,
            hops: 0,
            transaction: self.transaction,
            seconds: 0,
            broadcast: self.broadcast,
            client: Ipv4Addr::UNSPECIFIED,
            yours: lease.map_or(Ipv4Addr::UNSPECIFIED, |lease| lease.address),
            next_server: Ipv4Addr::UNSPECIFIED,
            relay: self.relay,
            mac: self.mac,
            options,
        }
    }
}

impl DhcpKind {
    const ALL: [Self; 8] = [
        Self::Discover,
        Self::Offer,
        Self::Request,
        Self::Decline,
        Self::Ack,
        Self::Nak,
        Self::Release,
        Self::Inform,
    ];

    fn of(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.number() == number)
    }

    fn number(self) -> u8 {
        self as u8 + 1
    }

    /// 1 for what clients send, 2 for what servers send.
    fn operation(self) -> u8 {
        if matches!(self, Self::Offer | Self::Ack | Self::Nak) { 2 } else { 1 }
    }
}

impl DhcpOptions {
    fn encode(&self, kind: DhcpKind, bytes: &mut Vec<u8>) {
        let mut put = |code: u8, data: &[u8]| {
            // Longer ones go in pieces (RFC 3396).
            for piece in data.chunks(255) {
                bytes.extend([code, piece.len() as u8]);
                bytes.extend(piece);
            }
        };
        put(53, &[kind.number()]);
        let addresses = |list: &[Ipv4Addr]| list.iter().flat_map(Ipv4Addr::octets).collect::<Vec<u8>>();
        let one = |address: Option<Ipv4Addr>| addresses(address.as_slice());
        let long = |number: Option<u32>| number.map(u32::to_be_bytes).unwrap_or_default();
        let short = |number: Option<u16>| number.map(u16::to_be_bytes).unwrap_or_default();
        put(54, &one(self.server));
        put(50, &one(self.requested));
        for (code, number) in [(51, self.lease_secs), (58, self.renewal_secs), (59, self.rebinding_secs)] {
            put(code, &long(number)[..if number.is_some() { 4 } else { 0 }]);
        }
        put(1, &one(self.mask));
        put(3, &addresses(&self.routers));
        put(6, &addresses(&self.name_servers));
        for (code, number) in [(26, self.mtu), (57, self.max_size)] {
            put(code, &short(number)[..if number.is_some() { 2 } else { 0 }]);
        }
        put(61, &self.client_id);
        put(12, &self.host_name);
        put(55, &self.wanted);
    }
}

const PAD: u8 = 0;
const END: u8 = 255;

/// Options by code, pieces joined, in the order of first appearance.
#[derive(Default)]
struct RawOptions(Vec<(u8, Vec<u8>)>);

impl RawOptions {
    fn read(&mut self, bytes: &[u8]) -> Result<(), DecodeError> {
        let mut reader = Reader::new("a DHCP option", bytes);
        // A message without an end is read to its last byte, as other servers do.
        while !reader.rest().is_empty() {
            let code = reader.u8()?;
            match code {
                PAD => continue,
                END => break,
                _ => {}
            }
            let length = usize::from(reader.u8()?);
            let data = reader.slice(length)?;
            match self.0.iter_mut().find(|(known, _)| *known == code) {
                Some((_, joined)) => joined.extend(data),
                None => self.0.push((code, data.to_vec())),
            }
        }
        Ok(())
    }

    fn of(&self, code: u8) -> &[u8] {
        self.0.iter().find(|(known, _)| *known == code).map_or(&[], |(_, data)| data)
    }

    fn number<const N: usize>(&self, code: u8) -> Result<Option<[u8; N]>, DecodeError> {
        match self.of(code) {
            [] => Ok(None),
            data => match data.try_into() {
                Ok(number) => Ok(Some(number)),
                Err(_) => Err(DecodeError::wrong("the length of a DHCP option", data.len() as u64)),
            },
        }
    }

    fn addresses(&self, code: u8) -> Result<Vec<Ipv4Addr>, DecodeError> {
        match self.of(code).as_chunks::<4>() {
            (addresses, []) => Ok(addresses.iter().map(|&octets| octets.into()).collect()),
            _ => Err(DecodeError::wrong("the length of a DHCP option", self.of(code).len() as u64)),
        }
    }

    fn into_options(self) -> Result<DhcpOptions, DecodeError> {
        let address = |code| Ok(self.number::<4>(code)?.map(Ipv4Addr::from));
        let long = |code| Ok(self.number(code)?.map(u32::from_be_bytes));
        let short = |code| Ok(self.number(code)?.map(u16::from_be_bytes));
        Ok(DhcpOptions {
            requested: address(50)?,
            server: address(54)?,
            lease_secs: long(51)?,
            renewal_secs: long(58)?,
            rebinding_secs: long(59)?,
            mask: address(1)?,
            routers: self.addresses(3)?,
            name_servers: self.addresses(6)?,
            mtu: short(26)?,
            client_id: self.of(61).to_vec(),
            host_name: self.of(12).to_vec(),
            wanted: self.of(55).to_vec(),
            max_size: short(57)?,
        })
    }
}
