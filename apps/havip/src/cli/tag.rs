//! `havip tag`: what a project sorts its resources by.

use super::Verb;
use super::session::Session;
use super::show::{Column, Names, Row};
use anyhow::Result;
use clap::Subcommand;
use havip_api::{ChangeTags, Tag, TagFilter};

/// What can be done with tags.
#[derive(Debug, Subcommand)]
#[command(after_help = "Examples:
  havip tag set vip-aaaaaaaaaaaaaaaaaaaa team=shop tier=web
  havip tag list --key team --value shop
  havip tag remove vip-aaaaaaaaaaaaaaaaaaaa tier
  havip vip create --subnet web --tag team=shop --tag tier=web
  havip vip list --tag team=shop")]
pub enum TagVerb {
    /// Give a resource tags; a key that is there gets the new value
    Set {
        /// The resource's id
        resource: String,
        /// KEY=VALUE, or KEY alone for an empty value
        #[arg(required = true, value_parser = tag)]
        tags: Vec<(String, String)>,
    },
    /// Take tags from a resource
    Remove {
        /// The resource's id
        resource: String,
        /// Their keys
        #[arg(required_unless_present = "all", conflicts_with = "all")]
        keys: Vec<String>,
        /// All of them
        #[arg(long)]
        all: bool,
    },
    /// List tags
    List {
        /// Of the resource with this id
        #[arg(long, value_name = "ID")]
        resource: Option<String>,
        /// With this key
        #[arg(long)]
        key: Option<String>,
        /// With this value
        #[arg(long)]
        value: Option<String>,
    },
}

impl Verb for TagVerb {
    fn run(self, session: &Session) -> Result<()> {
        let client = &session.client;
        match self {
            Self::Set { resource, tags } => {
                let change = ChangeTags { set: tags.into_iter().collect(), ..ChangeTags::default() };
                session.show_all(&client.change_tags(&resource, &change)?.items)
            }
            Self::Remove { resource, keys, all } => {
                let change = ChangeTags { remove: keys, remove_all: all, ..ChangeTags::default() };
                session.show_all(&client.change_tags(&resource, &change)?.items)
            }
            Self::List { resource, key, value } => {
                let mut filter = TagFilter { resource, key, value, after: None, limit: Some(200) };
                let mut all = vec![];
                loop {
                    let page = client.tags(&filter)?;
                    all.extend(page.items);
                    match page.next {
                        Some(next) => filter.after = Some(next),
                        None => return session.show_all(&all),
                    }
                }
            }
        }
    }
}

/// A key with a value, or a key alone.
pub fn tag(text: &str) -> Result<(String, String)> {
    let (key, value) = text.split_once('=').unwrap_or((text, ""));
    Ok((key.into(), value.into()))
}

impl Row for Tag {
    const COLUMNS: &'static [Column] =
        &[Column::Always("RESOURCE"), Column::Always("KEY"), Column::Always("VALUE")];

    fn cells(&self, _: &dyn Names) -> Vec<String> {
        vec![self.resource.clone(), self.key.clone(), self.value.clone()]
    }
}
