//! Answers: JSON, or XML where a client of the older kind does not ask for JSON.

use havip_dialect::{Error, HttpAnswer, HttpRequest, Params, Reply};
use serde_json::{Map, Value, json};

/// How an answer is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Writing {
    action: String,
    host: String,
    is_xml: bool,
}

impl Writing {
    /// As the request wants it: by `Format`, else JSON for whoever accepts it or signs in the newer way, else XML.
    pub fn of(request: &HttpRequest, params: &Params) -> Self {
        let accepts = |header| request.header(header).is_some_and(|value| value.contains("json"));
        let is_new = request.header("x-acs-action").is_some();
        let is_xml = match params.text("Format") {
            Some(format) => format.eq_ignore_ascii_case("xml"),
            None => !accepts("accept") && !is_new,
        };
        let action = params.text("Action").or(request.header("x-acs-action")).unwrap_or_default();
        // It becomes an element's name.
        let is_name = !action.is_empty()
            && action.len() <= 64
            && action.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let action = if is_name { action } else { "Unknown" };
        Self { action: action.into(), host: request.header("host").unwrap_or_default().into(), is_xml }
    }
}

impl Reply for Writing {
    fn write(&self, outcome: Result<&Value, &Error>, request_id: &str) -> HttpAnswer {
        let request_id = uuid(request_id);
        let (status, root, value) = match outcome {
            Ok(value) => {
                let mut fields = value.as_object().cloned().unwrap_or_default();
                fields.insert("RequestId".into(), request_id.into());
                (200, format!("{}Response", self.action), Value::Object(fields))
            }
            Err(error) => {
                let value = json!({
                    "RequestId": request_id,
                    "HostId": self.host,
                    "Code": error.code,
                    "Message": error.message,
                    "Recommend": "",
                });
                (error.status, "Error".into(), value)
            }
        };
        // The SDK takes whatever has this header for throttled, and waits so long.
        let retry = outcome.err().and_then(|error| error.retry_after_ms);
        let headers = retry.map(|millis| ("x-acs-retry-after", millis.to_string())).into_iter().collect();
        match self.is_xml {
            false => HttpAnswer {
                status,
                headers,
                content_type: "application/json;charset=utf-8",
                body: value.to_string().into_bytes(),
            },
            true => HttpAnswer {
                status,
                headers,
                content_type: "text/xml;charset=utf-8",
                body: xml(&root, &value).into_bytes(),
            },
        }
    }
}

fn xml(root: &str, value: &Value) -> String {
    let mut text = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>");
    element(&mut text, root, value);
    text
}

fn element(text: &mut String, name: &str, value: &Value) {
    let mut wrap = |inner: String| text.push_str(&format!("<{name}>{inner}</{name}>"));
    match value {
        // A list is its members, each by the list's name.
        Value::Array(members) => members.iter().for_each(|member| element(text, name, member)),
        Value::Object(fields) => wrap(inside(fields)),
        Value::String(content) => wrap(escape(content)),
        Value::Null => wrap(String::new()),
        other => wrap(other.to_string()),
    }
}

fn inside(fields: &Map<String, Value>) -> String {
    let mut inner = String::new();
    fields.iter().for_each(|(name, value)| element(&mut inner, name, value));
    inner
}

/// XML 1.0 has no way to write control characters: they are left out.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\t' | '\n' | '\r' => escaped.push(c),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => {}
            c => escaped.push(c),
        }
    }
    escaped
}

/// 32 digits in capitals, as `8-4-4-4-12`.
fn uuid(request_id: &str) -> String {
    let digits: String = request_id.chars().filter(char::is_ascii_hexdigit).collect();
    let digits = format!("{digits:0<32}").to_ascii_uppercase();
    [0..8, 8..12, 12..16, 16..20, 20..32].map(|range| &digits[range]).join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn writing(is_xml: bool) -> Writing {
        Writing { action: "DescribeHaVips".into(), host: "127.0.0.1:1".into(), is_xml }
    }

    #[test]
    fn a_list_repeats_its_members_name_in_xml_and_is_an_array_in_json() {
        let value = json!({"HaVips": {"HaVip": [{"Name": "a<b>&\u{1}"}, {"Name": "c"}]}, "TotalCount": 2});
        let id = "0123456789abcdef0123456789abcdef";
        let answer = writing(true).write(Ok(&value), id);
        assert_eq!(
            String::from_utf8(answer.body).unwrap(),
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?><DescribeHaVipsResponse><HaVips><HaVip><Name>a&lt;b&gt;&amp;</Name></HaVip>\
             <HaVip><Name>c</Name></HaVip></HaVips><RequestId>01234567-89AB-CDEF-0123-456789ABCDEF</RequestId>\
             <TotalCount>2</TotalCount></DescribeHaVipsResponse>"
        );
        assert_eq!(answer.content_type, "text/xml;charset=utf-8");
        let answer = writing(false).write(Ok(&value), id);
        let read: Value = serde_json::from_slice(&answer.body).unwrap();
        assert_eq!(
            (&read["HaVips"], &read["RequestId"]),
            (&value["HaVips"], &json!("01234567-89AB-CDEF-0123-456789ABCDEF"))
        );
    }

    #[test]
    fn an_error_has_its_status_code_and_message_in_both() {
        let error = Error::new(404, "InvalidHaVipId.NotFound", "no");
        let answer = writing(true).write(Err(&error), "1");
        let text = String::from_utf8(answer.body).unwrap();
        assert!(
            answer.status == 404 && text.contains("<Error><Code>InvalidHaVipId.NotFound</Code>"),
            "{text}"
        );
        let answer = writing(false).write(Err(&error), "1");
        let read: Value = serde_json::from_slice(&answer.body).unwrap();
        assert_eq!(read["Code"], "InvalidHaVipId.NotFound");
        assert!(answer.headers.is_empty());
    }

    #[test]
    fn whoever_asks_too_often_is_told_when_to_ask_again() {
        let error =
            Error::new(400, "Throttling.User", "no").retry_after(std::time::Duration::from_micros(1500));
        for is_xml in [true, false] {
            let answer = writing(is_xml).write(Err(&error), "1");
            assert_eq!(answer.headers, [("x-acs-retry-after", "1".to_string())]);
        }
    }
}
