//! Tags, asked for and changed.

use super::transport::segment;
use crate::{ChangeTags, Client, ClientError, Page, Tag, TagFilter};

impl Client {
    /// Tags, page by page.
    pub fn tags(&self, filter: &TagFilter) -> Result<Page<Tag>, ClientError> {
        self.list("/tags", filter)
    }
    /// Changes the tags of a resource; the answer has all that it has then.
    pub fn change_tags(&self, resource: &str, body: &ChangeTags) -> Result<Page<Tag>, ClientError> {
        self.patch(&format!("/tags/{}", segment(resource)), body)
    }
}
