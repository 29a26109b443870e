//! One resource, several names: each dialect shows its own prefix and so many characters of the body.

use havip_model::{Body, Id, Map};
use std::collections::BTreeSet;

/// How a dialect names a kind of resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Naming {
    /// What every name begins with, dash included.
    pub prefix: &'static str,
    /// How many characters of the body follow: from [`Body::HEAD`], which nobody shares, to [`Body::LEN`].
    pub length: usize,
}

impl Naming {
    /// A name of a prefix and a length.
    pub const fn new(prefix: &'static str, length: usize) -> Self {
        assert!(length >= Body::HEAD && length <= Body::LEN, "a shorter name could be of two resources");
        Self { prefix, length }
    }

    /// The name of this resource.
    pub fn show(self, id: impl Id) -> String {
        format!("{}{}", self.prefix, &id.body_of().as_str()[..self.length])
    }

    /// What every such name begins with.
    pub fn prefix(self) -> &'static str {
        self.prefix
    }

    /// Whether a text could be such a name.
    pub fn fits(self, text: &str) -> bool {
        let body = text.strip_prefix(self.prefix);
        body.is_some_and(|body| {
            let is_of_body = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
            body.len() == self.length && body.bytes().all(is_of_body)
        })
    }

    /// The resource of this name.
    pub fn find<'a, K: Id, V>(self, all: &'a Map<K, V>, text: &str) -> Option<&'a V> {
        all.by_head(text.strip_prefix(self.prefix).filter(|_| self.fits(text))?)
    }

    /// The resources of these names, each once, or all if none is named; in the order of their ids.
    pub fn among<'a, K: Id, V>(self, all: &'a Map<K, V>, names: &[impl AsRef<str>]) -> Vec<&'a V> {
        if names.is_empty() {
            return all.values().collect();
        }
        let names: BTreeSet<&str> = names.iter().map(AsRef::as_ref).collect();
        names.into_iter().filter_map(|name| self.find(all, name)).collect()
    }
}

/// Writes ids of Havip's own API in a text as a dialect names them: a message of the rules, for the dialect's client.
pub fn rename(text: &str, names: &[(&str, Naming)]) -> String {
    let is_of_id = |c: char| c.is_ascii_alphanumeric() || c == '-';
    let mut renamed = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let word = rest.find(|c| !is_of_id(c)).map_or(rest, |end| &rest[..end]);
        let id = names.iter().find_map(|(prefix, naming)| {
            let body: Body = word.strip_prefix(prefix)?.parse().ok()?;
            Some(format!("{}{}", naming.prefix, &body.as_str()[..naming.length]))
        });
        renamed.push_str(id.as_deref().unwrap_or(word));
        rest = &rest[word.len()..];
        let between = rest.find(is_of_id).map_or(rest, |end| &rest[..end]);
        renamed.push_str(between);
        rest = &rest[between.len()..];
    }
    renamed
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trial::Trial;
    use havip_admission::{Request, request};
    use havip_model::{SubnetId, VipId};

    #[test]
    fn a_message_of_the_rules_names_things_as_the_dialect_does() {
        let (vip, subnet) =
            (VipId::of(Body::from_entropy([1; 16])), SubnetId::of(Body::from_entropy([2; 16])));
        let (vips, subnets) = (Naming::new("havip-", 20), Naming::new("subnet-", 8));
        let text = format!("VIP {vip} is in {subnet}, vip-short is not; 中");
        let shown = rename(&text, &[("vip-", vips), ("subnet-", subnets)]);
        assert_eq!(
            shown,
            format!("VIP {} is in {}, vip-short is not; 中", vips.show(vip), subnets.show(subnet))
        );
    }

    #[test]
    fn a_list_has_what_is_named_once_and_in_the_order_of_ids_or_everything() {
        let mut trial = Trial::new("z");
        let vpc = || request::CreateVpc {
            texts: request::Texts::default(),
            region: "local".into(),
            cidr: "10.0.0.0/8".parse().expect("a range"),
            cidr6: None,
        };
        (0..9).for_each(|_| _ = trial.change(&[Request::from(vpc()).into()]).expect("room"));
        let (naming, all) = (Naming::new("vpc-", 8), &trial.world.vpcs);
        let ids =
            |names: &[String]| -> Vec<_> { naming.among(all, names).iter().map(|vpc| vpc.id).collect() };
        let every: Vec<_> = all.keys().copied().collect();
        assert_eq!(ids(&[]), every);
        let shown = |at: usize| naming.show(every[at]);
        assert_eq!(ids(&[shown(5), "vpc-00000000".into(), shown(2), shown(5)]), [every[2], every[5]]);
        assert_eq!(ids(&["nonsense".into()]), []);
    }

    #[test]
    fn only_a_whole_name_fits() {
        let naming = Naming::new("havip-", 8);
        assert!(naming.fits("havip-0a1b2c3d"));
        for wrong in [
            "",
            "havip-",
            "havip-0a1b2c3",
            "havip-0a1b2c3d4",
            "havip-0A1b2c3d",
            "vip-0a1b2c3d",
            "havip-0a1b2c3中",
        ] {
            assert!(!naming.fits(wrong), "{wrong}");
        }
    }
}
