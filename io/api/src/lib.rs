//! Shapes of the native API and its client.
//!
//! JSON lives here and nowhere else. References are ids; instants are RFC 3339 in UTC; addresses are texts.
//! Every request may carry `Idempotency-Key`, every change of one resource `If-Match` with its ETag (its
//! generation in quotes); creations, changes and deletions take `?wait=10s` and then answer when the status is
//! settled. Lists page by `after`, `limit` (at most 200) and `next`. Errors are problem documents ([`Problem`]).
//!
//! | path under `/v1` | methods |
//! |---|---|
//! | `/vpcs`, `/vpcs/{id}` | GET, POST; GET, PATCH, DELETE |
//! | `/subnets`, `/subnets/{id}` | GET, POST; GET, PATCH, DELETE |
//! | `/interfaces`, `/interfaces/{id}` | GET, POST; GET, PATCH, DELETE |
//! | `/interfaces/{id}/attach`, `/detach`, `/plug`, `/unplug`, `/migrate`, `/finish-migration`, `/cancel-migration` | POST |
//! | `/interfaces/{id}/addresses`, `/interfaces/{id}/addresses/{address}` | POST; DELETE |
//! | `/instances`, `/instances/{id}` | GET, POST; GET, PATCH, DELETE |
//! | `/instances/{id}/start`, `/stop`, `/power-off`, `/migrate`, `/cancel-migration`, `/exec` | POST |
//! | `/instances/{id}/console` | GET |
//! | `/vips`, `/vips/{id}` | GET, POST; GET, PATCH, DELETE (`?unbind=true`) |
//! | `/vips/batch-delete` | POST |
//! | `/vips/{id}/associations`, `/vips/{id}/associations/{target}` | GET, POST; DELETE |
//! | `/vips/{id}/history`, `/vips/{id}/why` | GET |
//! | `/vips/{id}/renew`, `/vips/{id}/drill` | POST |
//! | `/eip-pools`, `/eip-pools/{id}` | GET, POST; GET, PATCH, DELETE |
//! | `/eips`, `/eips/{id}` | GET, POST; GET, PATCH, DELETE |
//! | `/eips/{id}/bind`, `/eips/{id}/unbind` | POST |
//! | `/routes`, `/routes/{id}` | GET, POST; GET, DELETE |
//! | `/security-groups`, `/security-groups/{id}` | GET, POST; GET, PATCH, DELETE |
//! | `/security-groups/{id}/rules`, `/security-groups/{id}/rules/{rule}` | POST, PUT; DELETE |
//! | `/hosts`, `/hosts/{id}`, `/hosts/{id}/drops` | GET; GET, PATCH, DELETE; GET |
//! | `/hosts/{id}/trace` | GET (server-sent events) |
//! | `/hosts/tokens`, `/hosts/keys` | POST; GET, POST |
//! | `/path` | GET |
//! | `/events`, `/events/watch` | GET; GET (server-sent events) |
//! | `/audit` | GET |
//! | `/tags`, `/tags/{id}` | GET; PATCH |
//! | `/deployment-sets`, `/deployment-sets/{id}` | GET, POST; GET, PATCH, DELETE |
//! | `/instances/{id}/deployment-set` | PUT, DELETE |
//! | `/resource-groups`, `/resource-groups/{id}` | GET, POST; GET, PATCH, DELETE |
//! | `/resource-groups/{id}/move` | POST |
//! | `/quotas`, `/quotas/{name}` | GET; PUT |
//! | `/quota-requests`, `/quota-requests/{id}`, `/quota-requests/{id}/decide` | GET, POST; GET; POST |
//! | `/projects`, `/projects/{id}` | GET, POST; GET, PATCH, DELETE |
//! | `/users`, `/users/{id}` | GET, POST; GET, PATCH, DELETE |
//! | `/users/{id}/policies`, `/users/{id}/policies/{policy}` | POST; DELETE |
//! | `/policies`, `/policies/{id}` | GET, POST; GET, PATCH, DELETE |
//! | `/policies/test` | POST |
//! | `/access-keys`, `/access-keys/{id}` | GET, POST; GET, PATCH, DELETE |
//! | `/access-keys/{id}/rotate` | POST |
//! | `/health`, `/openapi.json` | GET, without a key |
//!
//! Prometheus reads `/metrics`.

mod audit;
mod client;
mod deployment_set;
mod drill;
mod eip;
mod event;
mod filter;
mod flow;
mod group;
mod host;
mod identity;
mod instance;
mod interface;
mod key;
mod meta;
mod network;
mod path;
mod policy;
mod problem;
mod quota;
mod resource_group;
mod tag;
mod trace;
mod vip;
mod why;
mod words;

pub use audit::{AuditEntry, AuditOutcome};
pub use client::{Client, ClientError, Config, EventStream, FlowStream, Follow, TraceStream};
pub use deployment_set::{CreateDeploymentSet, DeploymentSet, JoinDeploymentSet};
pub use drill::{Drill, DrillVip};
pub use eip::{AllocateEip, BindEip, CreateEipPool, Eip, EipPool, UpdateEip, UpdateEipPool};
pub use event::Event;
pub use filter::{
    AuditFilter, DeploymentSetFilter, EipFilter, EipPoolFilter, EventFilter, HistoryFilter, HostFilter,
    InstanceFilter, InterfaceFilter, PathQuery, ResourceGroupFilter, RouteFilter, SecurityGroupFilter,
    SubnetFilter, TagFilter, TraceFilter, VipFilter, VpcFilter, WatchFilter,
};
pub use flow::{FlowFilter, FlowLoss, FlowTotal, Logged, LoggedFlow};
pub use group::{CreateSecurityGroup, Direction, NewRule, Rule, RuleAction, Rules, SecurityGroup};
pub use host::{DropCount, Drops, Host, HostKeys, HostToken, Unprogrammed, UpdateHost};
pub use identity::{
    AccessKey, AccessKeyFilter, CreateAccessKey, CreateProject, CreateUser, KeyStatus, NewAccessKey, Project,
    RotateAccessKey, UpdateAccessKey, UpdateUser, User,
};
pub use instance::{
    Console, ConsoleRange, Exec, ExecResult, Instance, InstanceInterface, MigrateInstance, RunInstance,
};
pub use interface::{
    AddAddresses, Attach, CreateInterface, Interface, Migrated, Migration, Plug, UpdateInterface,
};
pub use key::{Health, KeyFile};
pub use meta::{Meta, Page, Resource, Stop, Unbind, Update, Wait, WithWait};
pub use network::{
    CreateExternal, CreateRoute, CreateSubnet, CreateVpc, External, Route, Subnet, UpdateNetwork, Vpc,
};
pub use path::{FoundPath, LiveHop, LivePath, PathHop, PathRule, ProbePath};
pub use policy::{AttachPolicy, CreatePolicy, Policy, PolicyVerdict, TestPolicy, UpdatePolicy};
pub use problem::Problem;
pub use quota::{
    DecideQuota, Quota, QuotaDecision, QuotaFilter, QuotaRequest, QuotaRequestFilter, RequestQuota, SetQuota,
};
pub use resource_group::{CreateResourceGroup, MoveResources, ResourceGroup};
pub use tag::{ChangeTags, Tag};
pub use trace::{TraceEnd, TraceTotal, Traced, TracedFrame};
pub use vip::{
    Associate, Association, BatchDelete, BatchDeleted, BatchRow, BoundEip, CreateVip, Holder, Move,
    UpdateVip, Vip,
};
pub use why::{Why, WhyCandidate, WhyReason};
pub use words::{
    AssociationMode, Binding, Contention, Driver, Family, HostState, InitSystem, InstanceState, LiveOutcome,
    MoveCause, PathOutcome, PathProtocol, PortState, Power, Profile, Status, TraceHook, TraceVerdict,
};
