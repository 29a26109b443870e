//! Alibaba's words for what is wrong.

use havip_dialect::{Error, ParamError, WrongForm};

/// A parameter that is missing or wrong.
pub fn of_parameter(error: ParamError) -> Error {
    match &error {
        ParamError::Missing(name) => {
            let message = format!(
                "The input parameter {name} that is mandatory for processing this request is not supplied."
            );
            Error::new(400, "MissingParameter", message)
        }
        ParamError::Wrong { .. } => invalid(error.to_string()),
    }
}

/// A parameter whose effect somebody would miss.
pub fn unsupported(name: &str) -> Error {
    invalid(format!("The parameter {name} is not supported here; see docs/aliyun.md for those that are."))
}

/// A body that cannot be read.
pub fn of_form(error: WrongForm) -> Error {
    invalid(error.to_string())
}

/// A parameter that makes no sense.
pub fn invalid(message: impl Into<String>) -> Error {
    Error::new(400, "InvalidParameter", message)
}

/// Something that does not exist: 404, which clients take for "gone".
pub fn not_found(code: &'static str, what: &str, id: &str) -> Error {
    let id: String = id.chars().take(64).collect();
    Error::new(404, code, format!("The specified {what} {id:?} does not exist."))
}
