//! Answers: JSON in an envelope, with status 200 whatever it says.

use havip_dialect::{Error, HttpAnswer, Reply};
use havip_model::Meta;
use serde_json::{Value, json};

/// How an answer is written.
pub struct Writing;

impl Reply for Writing {
    fn write(&self, outcome: Result<&Value, &Error>, request_id: &str) -> HttpAnswer {
        let id = uuid(request_id);
        let mut inner = match outcome {
            Ok(value) => value.clone(),
            Err(error) => json!({"Error": {"Code": error.code, "Message": error.message}}),
        };
        if let Some(fields) = inner.as_object_mut() {
            if fields.contains_key("TaskId") && fields["TaskId"].is_null() {
                fields.insert("TaskId".into(), task_number(request_id).to_string().into());
            }
            fields.insert("RequestId".into(), id.into());
        }
        // To the letter: the Python SDK does not look for an error in any other content type.
        HttpAnswer {
            headers: vec![],
            status: 200,
            content_type: "application/json",
            body: json!({"Response": inner}).to_string().into_bytes(),
        }
    }
}

/// Tags as every resource's answer has them.
pub fn tags(meta: &Meta) -> Vec<Value> {
    meta.tags.iter().map(|(key, value)| json!({"Key": key, "Value": value})).collect()
}

/// 32 digits as `8-4-4-4-12`.
pub fn uuid(request_id: &str) -> String {
    let digits: String = request_id.chars().filter(char::is_ascii_hexdigit).collect();
    let digits = format!("{digits:0<32}").to_ascii_lowercase();
    [0..8, 8..12, 12..16, 16..20, 20..32].map(|range| &digits[range]).join("-")
}

/// The task of a request by a number, as some actions have it: 48 bits, which every JSON reader keeps.
pub fn task_number(request_id: &str) -> u64 {
    let digits: String = request_id.chars().filter(char::is_ascii_hexdigit).take(12).collect();
    u64::from_str_radix(&digits, 16).unwrap_or(0)
}
