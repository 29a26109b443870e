//! Every operation of the description, asked with whatever its shapes allow and with what they do not:
//! the answer is one that the description names, never a failure of the server.

mod support;

use serde_json::{Value, json};
use support::Scene;

/// A stream of numbers that one seed determines (xorshift).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }

    fn pick<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.roll(all.len() as u64) as usize]
    }
}

struct Contract {
    document: Value,
    /// Ids that exist, so that more than refusals are seen.
    known: Vec<String>,
}

impl Contract {
    fn resolve<'a>(&'a self, schema: &'a Value) -> &'a Value {
        match schema["$ref"].as_str() {
            Some(reference) => self.document.pointer(reference.trim_start_matches('#')).unwrap(),
            None => schema,
        }
    }

    /// A value of the schema, or now and then one that is not.
    fn value(&self, schema: &Value, dice: &mut Dice) -> Value {
        if dice.roll(12) == 0 {
            let odd = [
                json!(null),
                json!(-1),
                json!(1e99),
                json!("\u{0}\u{202e}"),
                json!([[]]),
                json!({"a": 1}),
                json!(""),
            ];
            return dice.pick(&odd).clone();
        }
        let schema = self.resolve(schema);
        if let Some(choice) = schema["oneOf"].as_array().or(schema["anyOf"].as_array()) {
            return self.value(dice.pick(choice), dice);
        }
        if let Some(words) = schema["enum"].as_array() {
            return dice.pick(words).clone();
        }
        let kind = match &schema["type"] {
            Value::Array(kinds) => dice.pick(kinds).as_str().unwrap(),
            kind => kind.as_str().unwrap_or("object"),
        };
        match kind {
            "string" => json!(self.text(dice)),
            "integer" | "number" => json!(*dice.pick(&[0u64, 1, 2, 10, 100, 512, 70_000, u64::MAX])),
            "boolean" => json!(dice.roll(2) == 0),
            "array" => (0..dice.roll(3)).map(|_| self.value(&schema["items"], dice)).collect(),
            "null" => json!(null),
            _ => self.object(schema, dice),
        }
    }

    fn object(&self, schema: &Value, dice: &mut Dice) -> Value {
        let required: Vec<&str> =
            schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let fields = schema["properties"].as_object().into_iter().flatten();
        let wanted = fields.filter(|(name, _)| required.contains(&name.as_str()) || dice.roll(3) == 0);
        let wanted: Vec<_> = wanted.collect();
        wanted
            .into_iter()
            .map(|(name, field)| (name.clone(), self.value(field, dice)))
            .collect::<serde_json::Map<_, _>>()
            .into()
    }

    fn text(&self, dice: &mut Dice) -> String {
        let fixed = [
            "",
            "web",
            "10.20.1.9",
            "10.20.1.0/24",
            "10.77.0.0/16",
            "::1",
            "02:00:00:00:00:07",
            "eth0",
            "ü\n",
            "%2e",
        ];
        match dice.roll(3) {
            0 => dice.pick(&fixed).to_string(),
            1 if !self.known.is_empty() => dice.pick(&self.known).clone(),
            _ => format!("t{}", dice.roll(1000)),
        }
    }

    /// What an answer misses of the schema that the description names for it.
    fn missing(&self, schema: &Value, value: &Value) -> Option<String> {
        let schema = self.resolve(schema);
        for part in schema["allOf"].as_array().into_iter().flatten() {
            if let Some(missing) = self.missing(part, value) {
                return Some(missing);
            }
        }
        let required = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
        let missing = required.filter(|name| value.get(name).is_none()).map(str::to_owned).next();
        missing.or_else(|| match (schema["properties"]["items"].get("items"), value["items"].as_array()) {
            (Some(schema), Some(items)) => items.iter().find_map(|item| self.missing(schema, item)),
            _ => None,
        })
    }
}

fn escape(text: &str) -> String {
    text.bytes().fold(String::new(), |out, byte| {
        match byte.is_ascii_alphanumeric() || b"-._".contains(&byte) {
            true => out + &(byte as char).to_string(),
            false => out + &format!("%{byte:02X}"),
        }
    })
}

#[test]
fn every_operation_answers_as_the_description_says_whatever_is_asked() {
    let scene = Scene::start();
    let member = scene.join("h1");
    let _live = scene.follow(&member).live(&scene);
    let (vpc, subnet) = scene.network();
    let known = vec![vpc.meta.id, subnet.meta.id, member.id];
    let mut contract = Contract { document: serde_json::from_str(&havip_server::openapi()).unwrap(), known };
    let bearer = scene.bearer();
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    let mut operations = vec![];
    for (path, methods) in contract.document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            // A stream has no end.
            if operation["responses"]["200"]["content"]["text/event-stream"].is_null() {
                operations.push((path.clone(), method.to_uppercase(), operation.clone()));
            }
        }
    }
    assert!(operations.len() > 50, "{}", operations.len());
    let mut good = 0;
    for round in 0..4000 {
        let (path, method, operation) = dice.pick(&operations).clone();
        let (mut target, mut query, mut headers) =
            (path.clone(), vec![], vec![("Authorization".into(), bearer.clone())]);
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            let name = parameter["name"].as_str().unwrap();
            let text = match contract.value(&parameter["schema"], &mut dice) {
                Value::String(text) => text,
                other => other.to_string(),
            };
            match parameter["in"].as_str().unwrap() {
                "path" => target = target.replace(&format!("{{{name}}}"), &escape(&text)),
                "query" if name != "wait" && dice.roll(3) == 0 => {
                    query.push(format!("{name}={}", escape(&text)))
                }
                "header" if dice.roll(8) == 0 => headers.push((name.to_string(), escape(&text))),
                _ => {}
            }
        }
        if !query.is_empty() {
            target = format!("{target}?{}", query.join("&"));
        }
        let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
        let body =
            if schema.is_null() { String::new() } else { contract.value(schema, &mut dice).to_string() };
        let headers: Vec<(&str, &str)> =
            headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();

        let (status, head, answer) = scene.raw(&method, &target, &headers, &body);

        let asked = format!("{round}: {method} {target} {body}: {status} {answer}");
        assert!(status < 500, "{asked}");
        let responses = &operation["responses"];
        let described = responses.get(status.to_string()).unwrap_or(&responses["default"]);
        assert!(described.is_object(), "not in the description: {asked}");
        if answer.is_empty() {
            continue;
        }
        let kind = if status < 400 { "application/json" } else { "application/problem+json" };
        assert!(head.contains(&format!("content-type: {kind}")), "{asked}");
        let answer: Value = serde_json::from_str(&answer).unwrap_or_else(|error| panic!("{error}: {asked}"));
        let missing = contract.missing(&described["content"][kind]["schema"], &answer);
        assert_eq!(missing, None, "{asked}");
        if status < 400 {
            good += 1;
            contract.known.extend(answer["id"].as_str().map(str::to_owned));
        }
    }
    assert!(good > 300, "only {good} of 4000 requests were good ones");
}
