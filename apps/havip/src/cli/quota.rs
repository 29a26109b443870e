//! `havip quota`: how much a project may have, and how to get more.

use super::Verb;
use super::session::Session;
use super::show::{Column, Names, Row};
use super::time;
use anyhow::Result;
use clap::Subcommand;
use havip_api::{
    DecideQuota, Profile, Quota, QuotaFilter, QuotaRequest, QuotaRequestFilter, RequestQuota, SetQuota,
};

/// What can be done with quotas.
#[derive(Debug, Subcommand)]
#[command(after_help = "Examples:
  havip quota list
  havip quota list --resource vpc-aaaaaaaaaaaaaaaaaaaa
  havip quota request vip_routes_per_vpc --limit 10 --reason \"one route for each of ten routers\"
  havip quota requests --all-projects --open
  havip quota approve quotareq-aaaaaaaaaaaaaaaaaaaa --limit 8
  havip quota set vips_per_vpc --limit 80 --project shop")]
pub enum QuotaVerb {
    /// List the limits of the project that is asked for, and how much of them is used
    List {
        /// The one of this name, a cloud's own included
        #[arg(long)]
        name: Option<String>,
        /// For VIPs of this profile: native, alibaba, tencent or ucloudstack
        #[arg(long)]
        profile: Option<Profile>,
        /// As far as they are about the resource with this id: how much it uses
        #[arg(long, value_name = "ID")]
        resource: Option<String>,
    },
    /// Set a limit of the project that is asked for (administrators)
    Set {
        /// The quota's name, a cloud's own included
        name: String,
        /// The limit from now on
        #[arg(long, required_unless_present = "usual", conflicts_with = "usual")]
        limit: Option<u64>,
        /// The usual limit again
        #[arg(long)]
        usual: bool,
        /// For VIPs of this profile; for all if absent
        #[arg(long)]
        profile: Option<Profile>,
    },
    /// Ask an administrator for a higher limit
    Request {
        /// The quota's name, a cloud's own included
        name: String,
        /// The limit
        #[arg(long)]
        limit: u64,
        /// For VIPs of this profile; for all if absent
        #[arg(long)]
        profile: Option<Profile>,
        /// Why
        #[arg(long, default_value = "", hide_default_value = true)]
        reason: String,
    },
    /// List what was asked for, and what was decided
    Requests {
        /// Only what is not decided yet
        #[arg(long)]
        open: bool,
        /// Of every project (administrators)
        #[arg(long)]
        all_projects: bool,
    },
    /// Give what was asked for (administrators)
    Approve {
        /// The request's id
        request: String,
        /// Another limit than was asked for
        #[arg(long)]
        limit: Option<u64>,
        /// Why
        #[arg(long, default_value = "", hide_default_value = true)]
        comment: String,
    },
    /// Refuse what was asked for (administrators)
    Refuse {
        /// The request's id
        request: String,
        /// Why
        #[arg(long, default_value = "", hide_default_value = true)]
        comment: String,
    },
}

impl Verb for QuotaVerb {
    fn run(self, session: &Session) -> Result<()> {
        let client = &session.client;
        match self {
            Self::List { name, profile, resource } => {
                session.show_all(&client.quotas(&QuotaFilter { name, profile, resource })?.items)
            }
            Self::Set { name, limit, usual: _, profile } => {
                session.show_all(&client.set_quota(&name, &SetQuota { profile, limit })?.items)
            }
            Self::Request { name: quota, limit, profile, reason } => {
                session.show(&client.request_quota(&RequestQuota { quota, profile, limit, reason })?)
            }
            Self::Requests { open, all_projects } => {
                let filter = QuotaRequestFilter {
                    open: open.then_some(true),
                    all_projects: all_projects.then_some(true),
                };
                session.show_all(&client.quota_requests(&filter)?.items)
            }
            Self::Approve { request, limit, comment } => {
                session.show(&client.decide_quota(&request, &DecideQuota { approve: true, limit, comment })?)
            }
            Self::Refuse { request, comment } => {
                let decision = DecideQuota { approve: false, limit: None, comment };
                session.show(&client.decide_quota(&request, &decision)?)
            }
        }
    }
}

impl Row for Quota {
    const COLUMNS: &'static [Column] = &[
        Column::Always("NAME"),
        Column::Always("PROFILE"),
        Column::Always("USED"),
        Column::Always("LIMIT"),
        Column::Always("FULLEST"),
        Column::Wide("USUAL"),
        Column::Wide("MOST"),
        Column::Wide("CLOUD NAME"),
    ];

    fn cells(&self, _: &dyn Names) -> Vec<String> {
        vec![
            self.name.clone(),
            self.profile.map(|profile| profile.to_string()).unwrap_or_default(),
            self.used.to_string(),
            self.limit.to_string(),
            self.fullest.clone().unwrap_or_default(),
            self.usual.to_string(),
            self.most.to_string(),
            self.cloud_name.clone().unwrap_or_default(),
        ]
    }
}

impl Row for QuotaRequest {
    const COLUMNS: &'static [Column] = &[
        Column::Always("ID"),
        Column::Wide("PROJECT"),
        Column::Always("QUOTA"),
        Column::Always("PROFILE"),
        Column::Always("LIMIT"),
        Column::Always("BY"),
        Column::Always("AGE"),
        Column::Always("DECISION"),
        Column::Wide("REASON"),
        Column::Wide("COMMENT"),
    ];

    fn cells(&self, _: &dyn Names) -> Vec<String> {
        let decision = match &self.decision {
            None => "open".into(),
            Some(decision) => match decision.limit {
                None => "refused".into(),
                Some(limit) => format!("given {limit}"),
            },
        };
        vec![
            self.id.clone(),
            self.project.clone(),
            self.quota.clone(),
            self.profile.map(|profile| profile.to_string()).unwrap_or_default(),
            self.limit.to_string(),
            self.user.clone(),
            time::age(&self.created_at),
            decision,
            self.reason.clone(),
            self.decision.as_ref().map(|decision| decision.comment.clone()).unwrap_or_default(),
        ]
    }
}
