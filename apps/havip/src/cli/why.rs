//! `havip vip why`: an explanation as a page for people.

use super::session::{Session, print};
use super::show::{Format, json};
use anyhow::Result;
use havip_api::Why;

/// Shows an explanation.
pub fn show(session: &Session, why: &Why) -> Result<()> {
    match session.format {
        Format::Json => print(&json(why)?),
        Format::Yaml => print(&serde_yaml_ng::to_string(why)?),
        Format::Table | Format::Wide => print(&page(why, session.format == Format::Wide)),
    }
}

/// The summary, then a line for each reason with what to do below it; the words for programs where it is wide.
fn page(why: &Why, is_wide: bool) -> String {
    let mut text = format!("{}\n", capital(&why.summary));
    for reason in &why.reasons {
        let code = if is_wide { format!(" [{}]", reason.code) } else { String::new() };
        text.push_str(&format!("  - {}{code}\n", reason.text));
        if !reason.advice.is_empty() {
            text.push_str(&format!("    what to do: {}\n", reason.advice));
        }
    }
    text
}

/// A sentence begins with a capital letter, unless it begins with a name.
fn capital(sentence: &str) -> String {
    match sentence.strip_prefix("nobody ") {
        Some(rest) => format!("Nobody {rest}"),
        None => sentence.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use havip_api::WhyReason;

    #[test]
    fn a_page_has_the_summary_first_and_what_to_do_below_each_reason() {
        let reason = |code: &str, text: &str, advice: &str| WhyReason {
            code: code.into(),
            text: text.into(),
            advice: advice.into(),
        };
        let why = Why {
            vip: "vip-a".into(),
            address: "10.20.1.100".into(),
            situation: "candidates-down".into(),
            summary: "nobody holds 10.20.1.100: nobody has announced it yet".into(),
            reasons: vec![
                reason("never_held", "nobody has held it since it was made", ""),
                reason(
                    "candidate_down",
                    "web-1 on host h1 may claim it, but is stopped",
                    "start the instance",
                ),
            ],
            holder: None,
            candidates: vec![],
        };
        let lines = "Nobody holds 10.20.1.100: nobody has announced it yet\n\
                     \x20 - nobody has held it since it was made\n\
                     \x20 - web-1 on host h1 may claim it, but is stopped\n\
                     \x20   what to do: start the instance\n";
        assert_eq!(page(&why, false), lines);
        assert!(page(&why, true).contains("is stopped [candidate_down]\n"));
    }
}
