//! The memory of one port's connections: what the kernel keeps, as a pure machine.
//!
//! Connections lie in sets of eight, so a port has room for 8192 and no port takes any from another. A full set gives up
//! what is over, what nobody answered, and what has been silent for five minutes; never what is in use.

use havip_model::Direction;

/// Sets of one port.
pub const SETS: u32 = 1024;
/// Connections in a set.
pub const WAYS: usize = 8;

/// Instants are counted in 2^24 ns, 16.8 ms: 32 bits of them last for two years.
pub const fn ticks(seconds: u64) -> u32 {
    ((seconds * 1_000_000_000) >> 24) as u32
}

/// How long a TCP connection that nobody has answered is kept: as long as Linux repeats a SYN.
pub const NEW_TCP: u32 = ticks(120);
/// How long one in use may be silent: RFC 5382, REQ-5.
pub const ANSWERED_TCP: u32 = ticks(7440);
/// How long one is kept that was reset or closed from both ends.
pub const CLOSING: u32 = ticks(10);
/// How long one is kept that was cut: longer than the 120 s between two of TCP's repetitions.
pub const CUT_TCP: u32 = ticks(240);
/// The same of other protocols, and for those that nobody has answered.
pub const NEW: u32 = ticks(30);
/// How long an answered one of another protocol may be silent: RFC 4787, REQ-5 demands two minutes.
pub const ANSWERED: u32 = ticks(180);
/// A connection in use that was silent for so long may be given up where its set is full.
pub const IDLE: u32 = ticks(300);
/// After so long the rules are asked again: who has an address, and holds a VIP, may have changed.
pub const JUDGED_LASTS: u32 = ticks(10);

/// Both ends of a connection, as the port sees them; the bytes that the kernel compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tuple {
    /// The port's end.
    pub own: [u8; 16],
    /// The other end.
    pub peer: [u8; 16],
    /// The port's end's port; of a ping its identifier.
    pub own_port: u16,
    /// The other end's port; of a ping 1 if the port asks, 2 if it is asked.
    pub peer_port: u16,
    /// The protocol.
    pub protocol: u8,
}

impl Tuple {
    /// As it lies in the map: ports as on the wire.
    pub fn bytes(&self) -> [u8; 40] {
        let mut bytes = [0; 40];
        bytes[..16].copy_from_slice(&self.own);
        bytes[16..32].copy_from_slice(&self.peer);
        bytes[32..34].copy_from_slice(&self.own_port.to_be_bytes());
        bytes[34..36].copy_from_slice(&self.peer_port.to_be_bytes());
        bytes[36] = self.protocol;
        bytes
    }
}

/// The set in which a connection lies. The seed is a secret, so that nobody can aim at a set.
pub fn set_of(seed: u64, tuple: &Tuple) -> u32 {
    let mut hash = seed;
    for word in tuple.bytes().chunks_exact(8) {
        let word = u64::from_ne_bytes(word.try_into().expect("chunks have eight bytes"));
        hash = (hash ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        hash ^= hash >> 29;
    }
    (hash >> 40) as u32 % SETS
}

/// What a packet means to its connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// TCP's first.
    Syn,
    /// TCP's last of one direction.
    Fin,
    /// TCP's end.
    Reset,
    /// Any other.
    Data,
    /// Of no connection, such as ICMP messages that are neither pings nor errors.
    Alone,
    /// An ICMP error about a packet of this connection.
    Error(Tuple),
}

/// How far a connection is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// Only one end has sent.
    New,
    /// Both have.
    Answered,
    /// It was reset, or closed from both ends.
    Closing,
    /// The rules do not allow it any more.
    Cut,
}

/// What becomes of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It passes.
    Pass,
    /// The rules do not allow it.
    Forbidden(Direction),
    /// It would begin a connection for which there is no room.
    Full,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Flow {
    who: Tuple,
    opened: Direction,
    state: State,
    closed_by: [bool; 2],
    seen_at: u32,
    judged_at: u32,
    stamp: u32,
}

impl Flow {
    fn is_over(&self, now: u32) -> bool {
        let is_tcp = self.who.protocol == 6;
        let lasts = match self.state {
            State::New if is_tcp => NEW_TCP,
            State::Answered if is_tcp => ANSWERED_TCP,
            State::Cut if is_tcp => CUT_TCP,
            State::Answered => ANSWERED,
            State::New | State::Cut => NEW,
            State::Closing => CLOSING,
        };
        now.wrapping_sub(self.seen_at) > lasts
    }

    /// Which of a full set goes first; none: never.
    fn worth(&self, now: u32) -> Option<u8> {
        match self.state {
            _ if self.is_over(now) => Some(0),
            State::Closing => Some(1),
            State::New => Some(2),
            State::Cut => Some(3),
            State::Answered if now.wrapping_sub(self.seen_at) > IDLE => Some(4),
            State::Answered => None,
        }
    }
}

/// The connections of one port.
#[derive(Debug, Clone)]
pub struct Flows {
    seed: u64,
    sets: Vec<[Option<Flow>; WAYS]>,
}

impl Flows {
    /// None yet.
    pub fn new(seed: u64) -> Self {
        Self { seed, sets: vec![[None; WAYS]; SETS as usize] }
    }

    /// How many connections are remembered, and how far they are.
    pub fn states(&self, now: u32) -> Vec<(Tuple, State)> {
        let flows = self.sets.iter().flatten().flatten().filter(|flow| !flow.is_over(now));
        flows.map(|flow| (flow.who, flow.state)).collect()
    }

    /// Judges a packet of the port. `allows` is what the rules of the port, whose stamp is given, say of a first packet
    /// of the connection in this direction.
    pub fn judge(
        &mut self,
        now: u32,
        stamp: u32,
        direction: Direction,
        (who, kind): (Tuple, Kind),
        allows: impl Fn(Direction) -> bool,
    ) -> Verdict {
        let by_rules = if allows(direction) { Verdict::Pass } else { Verdict::Forbidden(direction) };
        match kind {
            Kind::Alone => return by_rules,
            Kind::Error(about) => {
                let known = self.set(&about).iter().flatten().find(|flow| flow.who == about);
                let lives = known.is_some_and(|flow| !flow.is_over(now) && flow.state != State::Cut);
                return if lives { Verdict::Pass } else { by_rules };
            }
            Kind::Syn | Kind::Fin | Kind::Reset | Kind::Data => {}
        }
        let known = self.set(&who).iter_mut().flatten().find(|flow| flow.who == who && !flow.is_over(now));
        if let Some(flow) = known {
            if flow.stamp != stamp || now.wrapping_sub(flow.judged_at) > JUDGED_LASTS {
                flow.stamp = stamp;
                flow.judged_at = now;
                match (allows(flow.opened), flow.state) {
                    (true, State::Cut) => flow.state = State::Answered,
                    (true, _) => {}
                    (false, _) => flow.state = State::Cut,
                }
            }
            let begins = kind == Kind::Syn && [State::Cut, State::Closing].contains(&flow.state);
            if !begins {
                flow.seen_at = now;
                return match flow.state {
                    State::Cut => Verdict::Forbidden(flow.opened),
                    _ => {
                        follow(flow, direction, kind);
                        Verdict::Pass
                    }
                };
            }
        }
        if by_rules != Verdict::Pass || kind == Kind::Reset {
            return by_rules;
        }
        self.begin(now, stamp, direction, who, kind)
    }

    fn begin(&mut self, now: u32, stamp: u32, direction: Direction, who: Tuple, kind: Kind) -> Verdict {
        let set = self.set(&who);
        let same = set.iter().position(|slot| slot.is_some_and(|flow| flow.who == who));
        let worth = |slot: &Option<Flow>| match slot {
            None => Some((0, u32::MAX)),
            Some(flow) => Some((flow.worth(now)?, now.wrapping_sub(flow.seen_at))),
        };
        let ranked = set.iter().enumerate().filter_map(|(at, slot)| Some((worth(slot)?, at)));
        let least = ranked.min_by_key(|((worth, age), at)| (*worth, u32::MAX - age, *at)).map(|(_, at)| at);
        let Some(at) = same.or(least) else { return Verdict::Full };
        let mut flow = Flow {
            who,
            opened: direction,
            state: State::New,
            closed_by: [false; 2],
            seen_at: now,
            judged_at: now,
            stamp,
        };
        follow(&mut flow, direction, kind);
        set[at] = Some(flow);
        Verdict::Pass
    }

    fn set(&mut self, who: &Tuple) -> &mut [Option<Flow>; WAYS] {
        &mut self.sets[set_of(self.seed, who) as usize]
    }
}

fn follow(flow: &mut Flow, direction: Direction, kind: Kind) {
    if flow.state == State::New && direction != flow.opened {
        flow.state = State::Answered;
    }
    match kind {
        Kind::Reset => flow.state = State::Closing,
        Kind::Fin => {
            flow.closed_by[usize::from(direction == Direction::Egress)] = true;
            if flow.closed_by == [true; 2] {
                flow.state = State::Closing;
            }
        }
        _ => {}
    }
}
