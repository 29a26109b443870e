//! Errors: numbers, the vendor's where it publishes one, and ours below 2000, which its SDK does not repeat.

use havip_dialect::{Error, ParamError, WrongForm};

/// An error of this number.
pub fn error(code: u16, message: impl Into<String>) -> Error {
    Error::new(200, code.to_string(), message)
}

/// A parameter that is missing or wrong.
pub fn of_parameter(problem: ParamError) -> Error {
    match &problem {
        ParamError::Missing(name) => error(MISSING, format!("Missing params [{name}]")),
        ParamError::Wrong { name, .. } => {
            error(NOT_AVAILABLE, format!("Params [{name}] not available: {problem}"))
        }
    }
}

/// A parameter whose effect somebody would miss, or that there is not.
pub fn unsupported(name: &str) -> Error {
    error(
        NOT_AVAILABLE,
        format!("Params [{name}] not available: it is not supported here; see docs/ucloud.md"),
    )
}

/// A body that cannot be read.
pub fn of_form(problem: WrongForm) -> Error {
    error(NOT_AVAILABLE, problem.to_string())
}

/// Something that does not exist.
pub fn not_found(what: &str, id: &str) -> Error {
    let id: String = id.chars().take(64).collect();
    error(NOT_FOUND, format!("{what} {id:?} does not exist"))
}

/// A parameter is missing; the vendor's.
pub const MISSING: u16 = 220;
/// A parameter's value makes no sense; the vendor's.
pub const NOT_AVAILABLE: u16 = 230;
/// What is named does not exist; ours, as those below.
pub const NOT_FOUND: u16 = 301;
/// What is to go is still used.
pub const IN_USE: u16 = 302;
/// A limit is reached.
pub const LIMIT: u16 = 303;
/// It does not fit what is there: an address that somebody has, for instance.
pub const CONFLICT: u16 = 304;
/// An instance is not in a state for it.
pub const STATE: u16 = 305;
/// There is none of it here.
pub const UNSUPPORTED: u16 = 306;
