//! What a client of this cloud sends, for tests and benches: the older signature of everything in a form.

use crate::{name, v1};
use havip_dialect::{Asker, Params};
use havip_model::{SubnetId, VipId, VpcId};

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

/// Asks for one HAVIP; and its name, which the answer has.
pub fn read(vip: VipId) -> (Params, String) {
    let id = name::HAVIP.show(vip);
    (Params::of(&[("Action", "DescribeHaVips"), ("HaVipIds.0", &id)]), id)
}

/// Makes a HAVIP with an address of the server's choice.
pub fn create(vpc: VpcId, subnet: SubnetId) -> Params {
    let (vpc, subnet) = (name::VPC.show(vpc), name::SUBNET.show(subnet));
    Params::of(&[("Action", "CreateHaVip"), ("VpcId", &vpc), ("SubnetId", &subnet), ("HaVipName", "bench")])
}
