//! What a client of this cloud sends, for tests and benches: the older signature of everything in a form.

use crate::v1;
use havip_dialect::{Asker, Params};

/// The parameters of a request by `POST` to this host (as in its header), signed.
pub fn signed(params: Params, host: &str, asker: &Asker) -> Params {
    let (nonce, at) = (asker.nonce.to_string(), (asker.at.0 / 1000).to_string());
    let mut all = params.or(&[
        ("Version", "2017-03-12"),
        ("Region", "local"),
        ("SecretId", asker.key),
        ("Nonce", &nonce),
        ("Timestamp", &at),
    ]);
    let text = v1::string_to_sign("POST", host, &all);
    let signature = v1::sign("HmacSHA1", asker.secret, &text).expect("the method is known");
    all.extend([("Signature".to_owned(), signature)]);
    all
}
