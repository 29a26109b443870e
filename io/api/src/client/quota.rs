//! Limits, asked for and changed.

use super::transport::segment;
use crate::{
    Client, ClientError, DecideQuota, Page, Quota, QuotaFilter, QuotaRequest, QuotaRequestFilter,
    RequestQuota, SetQuota,
};

impl Client {
    /// The limits of the project, and how much of them is used.
    pub fn quotas(&self, filter: &QuotaFilter) -> Result<Page<Quota>, ClientError> {
        self.list("/quotas", filter)
    }
    /// Sets a limit of the project, or takes back what was set.
    pub fn set_quota(&self, name: &str, body: &SetQuota) -> Result<Page<Quota>, ClientError> {
        self.change("PUT", &format!("/quotas/{}", segment(name)), Some(body), &[])
    }
    /// What was asked for, the oldest request first.
    pub fn quota_requests(&self, filter: &QuotaRequestFilter) -> Result<Page<QuotaRequest>, ClientError> {
        self.list("/quota-requests", filter)
    }
    /// One request.
    pub fn quota_request(&self, id: &str) -> Result<QuotaRequest, ClientError> {
        self.get(&format!("/quota-requests/{}", segment(id)))
    }
    /// Asks for a higher limit.
    pub fn request_quota(&self, body: &RequestQuota) -> Result<QuotaRequest, ClientError> {
        self.post("/quota-requests", body)
    }
    /// Decides a request.
    pub fn decide_quota(&self, id: &str, body: &DecideQuota) -> Result<QuotaRequest, ClientError> {
        self.post(&format!("/quota-requests/{}/decide", segment(id)), body)
    }
}
