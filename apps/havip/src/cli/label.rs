//! What resources are sorted by, as every noun's `create` and `list` have it.

use super::tag::tag;
use clap::Args;
use std::collections::BTreeMap;

/// What something that is made is sorted by.
#[derive(Debug, Args)]
pub struct Label {
    /// A tag, or KEY alone for one with an empty value; may be repeated
    #[arg(long = "tag", value_name = "KEY=VALUE", value_parser = tag)]
    tags: Vec<(String, String)>,
}

impl Label {
    /// The tags.
    pub fn tags(self) -> BTreeMap<String, String> {
        self.tags.into_iter().collect()
    }
}

/// What a list is narrowed by.
#[derive(Debug, Args)]
pub struct Labelled {
    /// With this tag, or KEY alone for any value
    #[arg(long, value_name = "KEY=VALUE")]
    pub tag: Option<String>,
}
