//! Frames as a file that Wireshark, tshark and capinfos read: the blocks of pcapng that a trace needs (the IETF's
//! draft-ietf-opsawg-pcapng), each as its bytes. All of them are little-endian; instants are in microseconds.

/// Where frames were seen: what programs show as the interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place<'a> {
    /// Its name.
    pub name: &'a str,
    /// More about it.
    pub description: &'a str,
}

/// A frame that was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Captured<'a> {
    /// The place, by the order in which their blocks stand in the file.
    pub place: u32,
    /// When, since 1970.
    pub at_us: u64,
    /// How long it was.
    pub length: u32,
    /// Its first bytes.
    pub frame: &'a [u8],
    /// What became of it; programs show it beside the frame.
    pub comment: &'a str,
}

/// How a file begins.
pub fn section(application: &str) -> Vec<u8> {
    let mut body = vec![];
    body.extend(0x1a2b_3c4d_u32.to_le_bytes());
    body.extend([1, 0, 0, 0]); // version 1.0
    body.extend(u64::MAX.to_le_bytes()); // as long as it is
    option(&mut body, USER_APPLICATION, application.as_bytes());
    block(SECTION, body)
}

/// A place; it stands before the first frame that was seen there.
pub fn place(place: &Place<'_>, longest: u32) -> Vec<u8> {
    let mut body = vec![ETHERNET, 0, 0, 0];
    body.extend(longest.to_le_bytes());
    option(&mut body, PLACE_NAME, place.name.as_bytes());
    option(&mut body, PLACE_DESCRIPTION, place.description.as_bytes());
    option(&mut body, RESOLUTION, &[6]);
    block(PLACE, body)
}

/// A frame.
pub fn captured(seen: &Captured<'_>) -> Vec<u8> {
    let mut body = vec![];
    body.extend(seen.place.to_le_bytes());
    instant(&mut body, seen.at_us);
    body.extend(size(seen.frame.len()).to_le_bytes());
    body.extend(seen.length.max(size(seen.frame.len())).to_le_bytes());
    pad(&mut body, seen.frame);
    option(&mut body, COMMENT, seen.comment.as_bytes());
    block(FRAME, body)
}

/// At the end: how many frames there were at a place, and how many of them are missing in the file.
pub fn statistics(place: u32, at_us: u64, frames: u64, lost: u64) -> Vec<u8> {
    let mut body = vec![];
    body.extend(place.to_le_bytes());
    instant(&mut body, at_us);
    option(&mut body, RECEIVED, &frames.to_le_bytes());
    option(&mut body, DROPPED, &lost.to_le_bytes());
    block(STATISTICS, body)
}

/// A block has its length on both ends, so that files are read backwards, too.
fn block(kind: u32, mut body: Vec<u8>) -> Vec<u8> {
    body.extend([0; 4]); // no more options
    let length = size(body.len() + 12).to_le_bytes();
    [&kind.to_le_bytes()[..], &length, &body, &length].concat()
}

fn option(body: &mut Vec<u8>, kind: u16, value: &[u8]) {
    let value = &value[..value.len().min(usize::from(u16::MAX))];
    if value.is_empty() {
        return;
    }
    body.extend(kind.to_le_bytes());
    body.extend((value.len() as u16).to_le_bytes());
    pad(body, value);
}

fn pad(body: &mut Vec<u8>, value: &[u8]) {
    body.extend(value);
    body.resize(body.len().next_multiple_of(4), 0);
}

/// The upper half first, whatever the order of bytes.
fn instant(body: &mut Vec<u8>, at_us: u64) {
    body.extend(((at_us >> 32) as u32).to_le_bytes());
    body.extend((at_us as u32).to_le_bytes());
}

/// No frame and no text comes near this.
fn size(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

const SECTION: u32 = 0x0a0d_0d0a;
const PLACE: u32 = 1;
const STATISTICS: u32 = 5;
const FRAME: u32 = 6;
const ETHERNET: u8 = 1;
/// Options.
const COMMENT: u16 = 1;
const PLACE_NAME: u16 = 2;
const PLACE_DESCRIPTION: u16 = 3;
const USER_APPLICATION: u16 = 4;
const RECEIVED: u16 = 4;
const DROPPED: u16 = 5;
const RESOLUTION: u16 = 9;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bytes_of_a_frame_are_those_of_the_draft() {
        let seen = Captured {
            place: 1,
            at_us: 0x0006_0102_0304_0506,
            length: 60,
            frame: &[1, 2, 3, 4, 5],
            comment: "used",
        };
        #[rustfmt::skip]
        let expected = [
            6, 0, 0, 0,  52, 0, 0, 0,
            1, 0, 0, 0,  2, 1, 6, 0,  6, 5, 4, 3,  5, 0, 0, 0,  60, 0, 0, 0,
            1, 2, 3, 4, 5, 0, 0, 0,
            1, 0, 4, 0,  b'u', b's', b'e', b'd',  0, 0, 0, 0,
            52, 0, 0, 0,
        ];
        assert_eq!(captured(&seen), expected);
    }

    #[test]
    fn every_block_says_its_length_on_both_ends_and_is_a_multiple_of_four() {
        for text in ["", "a", "abc", "abcd", "drop: é"] {
            let frame = text.as_bytes();
            let seen = Captured { place: 0, at_us: 1, length: 9, frame, comment: text };
            let where_it_was = Place { name: text, description: text };
            for block in [section(text), place(&where_it_was, 512), captured(&seen), statistics(0, 1, 2, 3)] {
                let length = (block.len() as u32).to_le_bytes();
                assert_eq!((block.len() % 4, &block[4..8]), (0, &length[..]));
                assert_eq!(&block[block.len() - 4..], length);
            }
        }
    }
}
