//! Who asks: the signature and the time of a request, and the nonce where there is one.

use crate::{tc3, v1};
use havip_dialect::{Error, Gate, HttpRequest, Params, Seen, is_same};

/// The access key that signed the request.
pub fn authenticate(request: &HttpRequest, params: &Params, gate: &mut Gate) -> Result<String, Error> {
    match request.header("authorization") {
        Some(header) => by_header(request, header, gate),
        None => by_parameters(request, params, gate),
    }
}

fn by_header(request: &HttpRequest, header: &str, gate: &Gate) -> Result<String, Error> {
    let invalid = |what: &str| failure("InvalidAuthorization", format!("The Authorization header {what}."));
    let authorization = tc3::Authorization::read(header).ok_or_else(|| {
        invalid("must be like TC3-HMAC-SHA256 Credential=ID/DATE/SERVICE/tc3_request, SignedHeaders=content-type;host, Signature=HEX")
    })?;
    if !authorization.signs_enough() {
        return Err(invalid("must sign content-type and host"));
    }
    if request.header("x-tc-token").is_some_and(|token| !token.is_empty()) {
        return Err(no_tokens());
    }
    let timestamp = request.header("x-tc-timestamp").and_then(|text| text.parse().ok());
    let timestamp = timestamp.ok_or_else(|| {
        Error::new(200, "MissingParameter", "The header X-TC-Timestamp must be seconds since 1970.")
    })?;
    in_time(timestamp, gate.now)?;
    if authorization.date != tc3::day(timestamp) {
        return Err(failure(
            "SignatureFailure",
            "The credential's date is not the day of X-TC-Timestamp in UTC.",
        ));
    }
    let secret = (gate.secret_of)(authorization.key).ok_or_else(unknown_key)?;
    let text = tc3::string_to_sign(request, &authorization, timestamp);
    match is_same(&tc3::sign(&secret, &authorization, &text), authorization.signature) {
        true => Ok(authorization.key.into()),
        false => Err(mismatch()),
    }
}

fn by_parameters(request: &HttpRequest, params: &Params, gate: &mut Gate) -> Result<String, Error> {
    let get = |name: &str| {
        let missing = || {
            Error::new(
                200,
                "MissingParameter",
                format!("The request is missing a required parameter {name}."),
            )
        };
        params.text(name).ok_or_else(missing)
    };
    if params.text("Token").is_some() {
        return Err(no_tokens());
    }
    let number = |name: &str| {
        let wrong = |_| Error::new(200, "InvalidParameterValue", format!("{name} must be a whole number."));
        get(name)?.parse::<u64>().map_err(wrong)
    };
    let (timestamp, nonce) = (number("Timestamp")?, number("Nonce")?);
    in_time(timestamp, gate.now)?;
    let (key, presented) = (get("SecretId")?, get("Signature")?);
    let secret = (gate.secret_of)(key).ok_or_else(unknown_key)?;
    let text = v1::string_to_sign(request.method, request.header("host").unwrap_or_default(), params);
    let expected = v1::sign(params.text("SignatureMethod").unwrap_or_default(), &secret, &text);
    if !expected.is_some_and(|expected| is_same(&expected, presented)) {
        return Err(mismatch());
    }
    // A pair of time and nonce: this cloud's nonces are short numbers.
    match gate.nonces.take(key, &format!("{timestamp}/{nonce}"), timestamp, gate.now.saturating_sub(WINDOW)) {
        Seen::New => Ok(key.into()),
        Seen::Before => {
            Err(failure("SignatureFailure", "The request with this Timestamp and Nonce was sent before."))
        }
        Seen::TooLongAgo => Err(expired()),
    }
}

fn in_time(timestamp: u64, now: u64) -> Result<(), Error> {
    if timestamp.abs_diff(now) <= WINDOW { Ok(()) } else { Err(expired()) }
}

fn expired() -> Error {
    failure(
        "SignatureExpire",
        "The signature has expired; the timestamp must be within 5 minutes of the server's clock.",
    )
}

fn unknown_key() -> Error {
    failure("SecretIdNotFound", "The SecretId is not found; use the id of an access key of this server.")
}

fn mismatch() -> Error {
    failure(
        "SignatureFailure",
        "The provided credentials could not be validated. Please check your signature is correct.",
    )
}

/// Nobody hands out sessions here, so a token is somebody else's.
fn no_tokens() -> Error {
    failure("TokenFailure", "Temporary credentials are not known here; use an access key.")
}

fn failure(code: &str, message: impl Into<String>) -> Error {
    Error::new(200, format!("AuthFailure.{code}"), message)
}

/// How far the client's clock may be off; seconds.
const WINDOW: u64 = 300;
