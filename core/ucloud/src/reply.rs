//! Answers: a flat JSON object with a number that says how it went; always with status 200.

use havip_dialect::{Error, HttpAnswer, Reply};
use serde_json::{Value, json};

/// How an answer is written.
pub struct Writing {
    action: String,
}

impl Writing {
    /// To a request of this action, whether there is one or not.
    pub fn of(action: &str) -> Self {
        Self { action: action.chars().filter(char::is_ascii_alphanumeric).take(64).collect() }
    }
}

impl Reply for Writing {
    fn write(&self, outcome: Result<&Value, &Error>, request_id: &str) -> HttpAnswer {
        let (mut value, code, message) = match outcome {
            Ok(value) => (value.clone(), 0, ""),
            // Every error's code is a number, by `error`.
            Err(error) => (json!({}), error.code.parse().unwrap_or(130), error.message.as_str()),
        };
        if let Some(fields) = value.as_object_mut() {
            fields.insert("Action".into(), format!("{}Response", self.action).into());
            fields.insert("RetCode".into(), code.into());
            fields.insert("Message".into(), message.into());
            fields.insert("RequestUUID".into(), request_id.into());
        }
        HttpAnswer {
            status: 200,
            content_type: "application/json",
            headers: vec![],
            body: value.to_string().into_bytes(),
        }
    }
}
