//! VRRP adverts: version 2 (RFC 3768) and version 3 (RFC 9568), with both checksums that are in use.

use crate::{DecodeError, Protocol, checksum::Sum, checksum::put, known, reader::Reader};
use std::net::{IpAddr, Ipv4Addr};

/// A VRRP advert.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vrrp {
    /// Which virtual router; 1 to 255.
    pub vrid: u8,
    /// 1 to 254; 255 owns the addresses, 0 gives them up.
    pub priority: u8,
    /// What depends on the version.
    pub version: VrrpVersion,
    /// The VIPs, 1 to 255, all of the family of the packet.
    pub addresses: Vec<IpAddr>,
}

/// What depends on the version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VrrpVersion {
    /// Version 2: IPv4 only.
    V2 {
        /// The time between adverts.
        interval_secs: u8,
        /// The eight bytes behind the addresses.
        authentication: Authentication,
    },
    /// Version 3.
    V3 {
        /// The time between adverts, 12 bits.
        interval_centis: u16,
        /// How the checksum was made.
        checksum: ChecksumForm,
    },
}

/// How a version 2 advert says who made it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Authentication {
    /// Not at all; the eight bytes are there all the same.
    None,
    /// A password in clear text, filled up with zeros.
    Password([u8; 8]),
    /// An IPsec header stands before the advert; nobody else can make such an advert.
    Header([u8; 8]),
}

/// How the checksum of a version 3 advert in IPv4 was made; in IPv6 it is always [`Self::Pseudo`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChecksumForm {
    /// With a pseudo-header that holds the packet's own destination: keepalived, FRR.
    Pseudo,
    /// Over the advert alone: RFC 9568, Cisco, Juniper, holo.
    Plain,
    /// With a pseudo-header to 224.0.0.18 whatever the destination: keepalived up to 1.3.6 in unicast.
    PseudoMulticast,
}

impl Vrrp {
    /// The bytes before the addresses.
    pub const LEN: usize = 8;

    /// Reads the advert of a packet between these addresses: length, checksum and ranges are right.
    ///
    /// TTL 255 is the caller's to compare, as are password and addresses.
    pub fn decode(bytes: &[u8], source: IpAddr, destination: IpAddr) -> Result<Self, DecodeError> {
        let mut reader = Reader::new("a VRRP advert", bytes);
        let first = reader.u8()?;
        let version = match (first >> 4, source.is_ipv4()) {
            (2, true) | (3, _) => first >> 4,
            (other, _) => return Err(DecodeError::wrong("the version of VRRP", other)),
        };
        if first & 0xf != 1 {
            return Err(DecodeError::wrong("the type of VRRP", first & 0xf));
        }
        let (vrid, priority, count) = (reader.u8()?, reader.u8()?, reader.u8()?);
        if vrid == 0 {
            return Err(DecodeError::wrong("the virtual router of VRRP", vrid));
        }
        if count == 0 {
            return Err(DecodeError::wrong("the number of addresses of VRRP", count));
        }
        let timing = reader.array::<2>()?;
        reader.u16()?;
        let addresses = (0..count)
            .map(|_| Ok(if source.is_ipv4() { reader.ipv4()?.into() } else { reader.ipv6()?.into() }))
            .collect::<Result<_, DecodeError>>()?;
        let version = match (version, timing) {
            (2, [kind, interval_secs]) => {
                let authentication = match (kind, reader.array()?) {
                    (0, _) => Authentication::None,
                    (1, password) => Authentication::Password(password),
                    (2, data) => Authentication::Header(data),
                    (other, _) => return Err(DecodeError::wrong("the authentication of VRRP", other)),
                };
                if !Sum::default().plus(bytes).is_right() {
                    return Err(DecodeError::Checksum { what: "a VRRP advert" });
                }
                VrrpVersion::V2 { interval_secs, authentication }
            }
            (_, [high, low]) => {
                let forms = [ChecksumForm::Pseudo, ChecksumForm::Plain, ChecksumForm::PseudoMulticast];
                let forms = if source.is_ipv4() { &forms[..] } else { &forms[..1] };
                let right = |form: &&ChecksumForm| {
                    form.begin(source, destination, bytes.len()).plus(bytes).is_right()
                };
                let Some(&checksum) = forms.iter().find(right) else {
                    return Err(DecodeError::Checksum { what: "a VRRP advert" });
                };
                VrrpVersion::V3 { interval_centis: u16::from_be_bytes([high & 0xf, low]), checksum }
            }
        };
        if !reader.rest().is_empty() {
            return Err(DecodeError::wrong("the bytes behind a VRRP advert", reader.rest().len() as u64));
        }
        Ok(Self { vrid, priority, version, addresses })
    }

    /// Writes the advert as sent from one address to the other.
    ///
    /// # Panics
    /// If there are more than 255 addresses.
    pub fn encode(&self, source: IpAddr, destination: IpAddr) -> Vec<u8> {
        let count = u8::try_from(self.addresses.len()).expect("an advert names at most 255 addresses");
        let (version, [third, fourth]) = match self.version {
            VrrpVersion::V2 { interval_secs, authentication } => (2, [authentication.kind(), interval_secs]),
            VrrpVersion::V3 { interval_centis, .. } => (3, (interval_centis & 0xfff).to_be_bytes()),
        };
        let mut bytes = vec![version << 4 | 1, self.vrid, self.priority, count, third, fourth, 0, 0];
        for address in &self.addresses {
            match address {
                IpAddr::V4(v4) => bytes.extend(v4.octets()),
                IpAddr::V6(v6) => bytes.extend(v6.octets()),
            }
        }
        let sum = match self.version {
            VrrpVersion::V2 { authentication, .. } => {
                bytes.extend(authentication.data());
                Sum::default()
            }
            VrrpVersion::V3 { checksum, .. } => checksum.begin(source, destination, bytes.len()),
        };
        let sum = sum.plus(&bytes).finish();
        put(&mut bytes, 6, sum);
        bytes
    }

    /// The same advert with priority 0: what its sender sends when it stops.
    #[must_use]
    pub fn resigned(&self) -> Self {
        Self { priority: 0, ..self.clone() }
    }

    /// Its sender gives the addresses up.
    pub fn is_resignation(&self) -> bool {
        self.priority == 0
    }

    /// Whether somebody else could make this advert: it has no authentication, or a password in clear text.
    pub fn can_be_repeated(&self) -> bool {
        !matches!(self.version, VrrpVersion::V2 { authentication: Authentication::Header(_), .. })
    }

    /// The time between its sender's adverts, in hundredths of a second.
    pub fn interval_centis(&self) -> u16 {
        match self.version {
            VrrpVersion::V2 { interval_secs, .. } => u16::from(interval_secs) * 100,
            VrrpVersion::V3 { interval_centis, .. } => interval_centis,
        }
    }
}

impl Authentication {
    fn kind(self) -> u8 {
        match self {
            Self::None => 0,
            Self::Password(_) => 1,
            Self::Header(_) => 2,
        }
    }

    fn data(self) -> [u8; 8] {
        match self {
            Self::None => [0; 8],
            Self::Password(data) | Self::Header(data) => data,
        }
    }
}

impl ChecksumForm {
    /// The sum before the advert's own bytes.
    fn begin(self, source: IpAddr, destination: IpAddr, length: usize) -> Sum {
        let multicast: Ipv4Addr = known::VRRP_IPV4;
        match (self, source) {
            (Self::Plain, IpAddr::V4(_)) => Sum::default(),
            (Self::PseudoMulticast, IpAddr::V4(_)) => {
                Sum::default().pseudo_header(source, multicast.into(), Protocol::VRRP, length)
            }
            _ => Sum::default().pseudo_header(source, destination, Protocol::VRRP, length),
        }
    }
}
