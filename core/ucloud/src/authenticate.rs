//! Who asks: SHA-1 over all parameters and the secret. There is no time and no nonce, so nothing tells a repetition.

use crate::error::error;
use havip_dialect::{Error, Gate, Params, hex, is_same, sha1};

/// The access key that signed the request.
pub fn authenticate(params: &Params, gate: &Gate) -> Result<String, Error> {
    let presented = params.text("Signature").ok_or_else(|| error(170, "Missing Signature"))?;
    let key = params.text("PublicKey").ok_or_else(|| error(172, "Missing PublicKey"))?;
    let secret = (gate.secret_of)(key).ok_or_else(|| error(172, "User Not Exists"))?;
    match is_same(&sign(params, &secret), presented) {
        true => Ok(key.into()),
        false => Err(error(171, "Signature VerifyAC Error")),
    }
}

/// The signature of parameters: names and values in the order of the names, and the secret.
pub fn sign(params: &Params, secret: &str) -> String {
    let mut text = String::new();
    for (name, value) in params.iter().filter(|(name, _)| *name != "Signature") {
        text.push_str(name);
        text.push_str(value);
    }
    text.push_str(secret);
    hex(&sha1(text.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signed(pairs: &[(&str, &str)], secret: &str) -> String {
        sign(&Params::of(pairs), secret)
    }

    /// Of the vendor's documentation, and made by its Python SDK.
    #[test]
    fn the_vendors_signatures_are_ours() {
        let key = "ucloudsomeone@example.com1296235120854146120";
        let params =
            [("Action", "DescribeUHostInstance"), ("Region", "cn-bj2"), ("Limit", "10"), ("PublicKey", key)];
        let secret = "46f09bb9fab4f12dfc160dae12273d5332b5debe";
        assert_eq!(signed(&params, secret), "cba5cf5ec4d4233d206b1b54951e3787350a642f");

        let key = "1UxDcqTHEGGGviQFqlt870EbLuaSJPZOB8hZ74tL";
        let params = [("Action", "DescribeVMInstance"), ("Offset", "0"), ("Limit", "20"), ("PublicKey", key)];
        let secret = "tcgX3Xi_mAKpQayggnVLWzerkWB_fH1KXuk05hUrus8KSziLVyjWXwKZ80FOOldC";
        assert_eq!(signed(&params, secret), "2d86e5b4186ac6e42b628f258a7037c7636c9a81");
    }

    #[test]
    fn lists_booleans_whole_numbers_and_other_scripts_are_signed_as_they_are_sent() {
        let params = [
            ("Action", "AllocateVIP"),
            ("Region", "cn-test"),
            ("ProjectId", "org-1"),
            ("VPCId", "uvnet-1"),
            ("SubnetId", "subnet-1"),
            ("Count", "1"),
            ("Name", "名 a"),
            ("AssociatedResourceIDs.0", "vm-1"),
            ("AssociatedResourceIDs.1", "vm-2"),
            ("Flag", "true"),
            ("F", "2"),
            ("PublicKey", "PUBEXAMPLE"),
        ];
        assert_eq!(signed(&params, "PRIVEXAMPLE"), "321700578bd0ae2a1b3ca11f28a1f3994ff975fd");
    }
}
