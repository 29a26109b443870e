//! Tencent's words for what is wrong; every answer has status 200.

use havip_dialect::{Error, ParamError, WrongForm};

/// An error of this code.
pub fn error(code: &'static str, message: impl Into<String>) -> Error {
    Error::new(200, code, message)
}

/// A parameter that is missing or wrong.
pub fn of_parameter(problem: ParamError) -> Error {
    match &problem {
        ParamError::Missing(_) => error("MissingParameter", format!("The request is wrong: {problem}.")),
        ParamError::Wrong { .. } => {
            error("InvalidParameterValue", format!("The request is wrong: {problem}."))
        }
    }
}

/// A parameter whose effect somebody would miss, or that there is not.
pub fn unsupported(name: &str) -> Error {
    error(
        "UnknownParameter",
        format!("The parameter {name} is not supported here; see docs/tencent.md for those that are."),
    )
}

/// A body that cannot be read.
pub fn of_form(problem: WrongForm) -> Error {
    error("InvalidParameter", problem.to_string())
}

/// Something that does not exist.
pub fn not_found(what: &str, id: &str) -> Error {
    let id: String = id.chars().take(64).collect();
    error("ResourceNotFound", format!("The {what} {id:?} does not exist."))
}

/// A text that cannot be an id of this kind.
pub fn malformed(name: &str, id: &str) -> Error {
    let id: String = id.chars().take(64).collect();
    error("InvalidParameterValue.Malformed", format!("{name} {id:?} is malformed."))
}
