//! Instants as the clouds write them.

use havip_model::Timestamp;

/// How a cloud writes an instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clock {
    /// `2024-01-02T03:04:05Z`.
    Seconds,
    /// `2024-01-02T03:04Z`.
    Minutes,
    /// `2024-01-02 03:04:05`.
    Plain,
    /// `2024-01-02`, the day in UTC.
    Day,
}

/// An instant in UTC; one that no calendar has is shown as its beginning.
pub fn format_time(at: Timestamp, clock: Clock) -> String {
    let millis = i64::try_from(at.0).unwrap_or(i64::MAX);
    let instant = jiff::Timestamp::from_millisecond(millis).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    let format = match clock {
        Clock::Seconds => "%Y-%m-%dT%H:%M:%SZ",
        Clock::Minutes => "%Y-%m-%dT%H:%MZ",
        Clock::Plain => "%Y-%m-%d %H:%M:%S",
        Clock::Day => "%Y-%m-%d",
    };
    instant.strftime(format).to_string()
}

/// Seconds since 1970 of `2024-01-02T03:04:05Z`, and of nothing else.
pub fn parse_utc(text: &str) -> Option<u64> {
    let bytes = text.as_bytes();
    let is_form = bytes.len() == 20
        && bytes.iter().enumerate().all(|(at, byte)| match at {
            4 | 7 => *byte == b'-',
            10 => *byte == b'T',
            13 | 16 => *byte == b':',
            19 => *byte == b'Z',
            _ => byte.is_ascii_digit(),
        });
    let instant: jiff::Timestamp = text.parse().ok().filter(|_| is_form)?;
    u64::try_from(instant.as_second()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_reads_back_what_it_shows() {
        let at = Timestamp(1_704_164_645_000);
        assert_eq!(format_time(at, Clock::Seconds), "2024-01-02T03:04:05Z");
        assert_eq!(format_time(at, Clock::Minutes), "2024-01-02T03:04Z");
        assert_eq!(format_time(at, Clock::Plain), "2024-01-02 03:04:05");
        assert_eq!(format_time(at, Clock::Day), "2024-01-02");
        assert_eq!(parse_utc("2024-01-02T03:04:05Z"), Some(at.0 / 1000));
    }

    #[test]
    fn another_form_is_no_instant() {
        for text in [
            "",
            "2024-01-02",
            "2024-01-02T03:04:05+08:00",
            "2024-13-02T03:04:05Z",
            "2024-01-02t03:04:05Z",
            "1969-01-02T03:04:05Z",
            "２024-01-02T03:04:05Z",
        ] {
            assert_eq!(parse_utc(text), None, "{text}");
        }
    }
}
