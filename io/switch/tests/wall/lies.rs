//! What can be said falsely: the rows of the matrix, each with what is counted.

mod address;
mod link;
mod outside;
mod six;
mod underlay;

use crate::aim::Aim;

/// One row.
pub struct Lie {
    pub what: &'static str,
    /// The far end of the cable that it comes by.
    pub from: &'static str,
    pub tell: Tell,
}

/// How it is told to somebody; not at all where it makes no sense.
pub type Tell = Box<dyn Fn(&Aim) -> Option<Told>>;

/// One cell: the frame, its reason, and what else is counted before it is found out.
pub struct Told {
    pub frame: Vec<u8>,
    pub reason: &'static str,
    pub besides: &'static [&'static str],
}

/// Every row.
pub fn lies() -> Vec<Lie> {
    [link::lies(), address::lies(), six::lies(), outside::lies(), underlay::lies()]
        .into_iter()
        .flatten()
        .collect()
}

/// Port 11 tells this lie to everybody, for one reason.
fn by_guest(what: &'static str, reason: &'static str, frame: impl Fn(&Aim) -> Vec<u8> + 'static) -> Lie {
    told(what, "p11x", move |aim| Some(because(reason, frame(aim))))
}

fn told(what: &'static str, from: &'static str, tell: impl Fn(&Aim) -> Option<Told> + 'static) -> Lie {
    Lie { what, from, tell: Box::new(tell) }
}

fn because(reason: &'static str, frame: Vec<u8>) -> Told {
    Told { frame, reason, besides: &[] }
}

impl Told {
    fn besides(self, besides: &'static [&'static str]) -> Self {
        Self { besides, ..self }
    }
}
