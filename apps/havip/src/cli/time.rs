//! Instants as people read them.

use jiff::Timestamp;

/// How long ago an instant of the API was: `12s`, `3m20s`, `4h05m`, `6d`; the text itself if it is none.
pub fn age(instant: &str) -> String {
    match instant.parse::<Timestamp>() {
        Ok(instant) => span(Timestamp::now().as_second() - instant.as_second()),
        Err(_) => instant.to_owned(),
    }
}

fn span(seconds: i64) -> String {
    match seconds.max(0) {
        seconds @ ..60 => format!("{seconds}s"),
        seconds @ 60..3600 => format!("{}m{:02}s", seconds / 60, seconds % 60),
        seconds @ 3600..86_400 => format!("{}h{:02}m", seconds / 3600, seconds % 3600 / 60),
        seconds => format!("{}d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_has_two_figures_at_most() {
        for (seconds, text) in [(-3, "0s"), (59, "59s"), (200, "3m20s"), (14_700, "4h05m"), (600_000, "6d")] {
            assert_eq!(span(seconds), text);
        }
    }

    #[test]
    fn what_is_no_instant_is_shown_as_it_is() {
        assert_eq!(age("soon"), "soon");
    }
}
