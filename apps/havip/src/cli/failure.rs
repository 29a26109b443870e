//! What went wrong, on one line with what to do, and as an exit code (told by `havip --help`).

use super::change::Unsettled;
use super::session::NotFound;
use havip_api::ClientError;
use std::io::ErrorKind;

/// A program inside an instance ended with this code.
#[derive(Debug)]
pub struct Ended(pub i32);

impl std::fmt::Display for Ended {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the program ended with exit code {}", self.0)
    }
}
impl std::error::Error for Ended {}

/// The exit code for an error.
pub fn exit_code(error: &anyhow::Error) -> u8 {
    if let Some(Ended(code)) = error.downcast_ref() {
        return u8::try_from(*code).unwrap_or(1);
    }
    if error.is::<NotFound>() {
        return 4;
    }
    if error.is::<Unsettled>() {
        return 6;
    }
    match error.downcast_ref::<ClientError>() {
        Some(error) if error.is_not_found() => 4,
        Some(ClientError::Refused(_)) => 3,
        Some(ClientError::Unreachable { .. }) => 5,
        _ => 1,
    }
}

/// One line, or nothing where nothing needs to be said.
pub fn line(error: &anyhow::Error) -> Option<String> {
    let is_silent = error.is::<Ended>()
        // Who reads our output has had enough, as `head` does.
        || error.downcast_ref::<std::io::Error>().is_some_and(|error| error.kind() == ErrorKind::BrokenPipe);
    if is_silent {
        return None;
    }
    // The server speaks of parameters; here they are flags.
    let mut text = format!("{error:#}").replace("unbind=true", "--unbind");
    if let Some(ClientError::Unreachable { .. }) = error.downcast_ref() {
        text.push_str(" (is it running? `havip up` starts one; --server or HAVIP_SERVER names another)");
    }
    Some(text.split_whitespace().collect::<Vec<_>>().join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use havip_api::Problem;

    fn refused(status: u16) -> anyhow::Error {
        let problem = Problem {
            kind: "about:blank".into(),
            title: "Conflict".into(),
            status,
            code: "vip-in-use".into(),
            detail: "vip-a is associated with i-b;\ndissociate it first, or delete with unbind=true".into(),
            field: None,
            blocked_by: vec![],
            request_id: String::new(),
        };
        ClientError::Refused(Box::new(problem)).into()
    }

    #[test]
    fn a_refusal_is_one_line_with_what_to_do_and_its_code() {
        assert_eq!(
            line(&refused(409)).unwrap(),
            "vip-a is associated with i-b; dissociate it first, or delete with --unbind (vip-in-use)"
        );
    }

    #[test]
    fn each_kind_of_failure_has_its_exit_code() {
        assert_eq!(exit_code(&refused(409)), 3);
        assert_eq!(exit_code(&refused(404)), 4);
        assert_eq!(exit_code(&NotFound("no".into()).into()), 4);
        assert_eq!(exit_code(&Unsettled("not yet".into()).into()), 6);
        assert_eq!(exit_code(&Ended(17).into()), 17);
        assert_eq!(exit_code(&anyhow::anyhow!("else")), 1);
    }

    #[test]
    fn the_end_of_a_program_and_of_a_reader_need_no_words() {
        assert_eq!(line(&Ended(17).into()), None);
        assert_eq!(line(&std::io::Error::from(ErrorKind::BrokenPipe).into()), None);
    }
}
