//! What resources are sorted by, as every noun's `create` and `list` have it.

use super::session::Session;
use super::tag::tag;
use anyhow::Result;
use clap::Args;
use havip_api::ResourceGroup;
use std::collections::BTreeMap;

/// What something that is made is sorted by.
#[derive(Debug, Args)]
pub struct Label {
    /// A tag, or KEY alone for one with an empty value; may be repeated
    #[arg(long = "tag", value_name = "KEY=VALUE", value_parser = tag)]
    tags: Vec<(String, String)>,
    /// The resource group that it is to be in, by id or name; the project's default one if absent
    #[arg(long, value_name = "GROUP")]
    resource_group: Option<String>,
}

impl Label {
    /// The tags.
    pub fn tags(&self) -> BTreeMap<String, String> {
        self.tags.iter().cloned().collect()
    }

    /// The id of the resource group.
    pub fn group(&self, session: &Session) -> Result<Option<String>> {
        session.id_of_any::<ResourceGroup>(self.resource_group.as_deref())
    }
}

/// What a list is narrowed by.
#[derive(Debug, Args)]
pub struct Labelled {
    /// With this tag, or KEY alone for any value
    #[arg(long, value_name = "KEY=VALUE")]
    pub tag: Option<String>,
    /// In this resource group, by id or name
    #[arg(long, value_name = "GROUP")]
    resource_group: Option<String>,
}

impl Labelled {
    /// The id of the resource group.
    pub fn group(&self, session: &Session) -> Result<Option<String>> {
        session.id_of_any::<ResourceGroup>(self.resource_group.as_deref())
    }
}
