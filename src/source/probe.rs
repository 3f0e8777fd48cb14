//! Asks AWS for as little as shows whether it may be asked: what `ecspan doctor` does. Main functions: [`identity`],
//! [`permissions`].

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use aws_config::Region;
use aws_sdk_ecs::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_sts::config::interceptors::BeforeDeserializationInterceptorContextRef;
use aws_sdk_sts::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_sts::error::BoxError;

use super::action_log::GROUP as ACTION_LOGS;
use super::aws::{Aws, AwsError};
use super::history::CAPTURED;
use crate::model::arn::Arn;

/// No task has this id, and a policy for a cluster's tasks covers it.
const NO_TASK: &str = "00000000000000000000000000000000";
/// Nothing has this name.
const NOTHING: &str = "ecspan-doctor-asks-for-nothing";

/// Who the credentials are.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Identity {
    /// Account id.
    pub account: String,
    /// The user or role.
    pub arn: String,
}

/// How this machine's clock differs from AWS's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Skew {
    /// By so much.
    pub by: Duration,
    /// Whether this machine's clock is ahead.
    pub is_ahead: bool,
}

/// What became of asking for one thing.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Probe {
    /// The IAM action; `cluster`, where the one that was named is not there.
    pub action: &'static str,
    /// What it was tried on.
    pub on: String,
    /// What alone needs it, where an export does without.
    pub only_for: Option<&'static str>,
    /// AWS knows no such call, in this region or yet.
    pub is_unknown: bool,
    /// Why it may not be asked.
    pub result: Result<(), AwsError>,
}

/// Who the credentials are, and what the clock of AWS said meanwhile. This call needs no permission.
pub async fn identity(aws: &Aws) -> (Result<Identity, AwsError>, Option<Skew>) {
    if let Err(error) = aws.region(None) {
        return (Err(error), None);
    }
    let clock = Clock::default();
    let client = aws_sdk_sts::Client::new(aws.config());
    let answer =
        client.get_caller_identity().customize().interceptor(clock.clone()).interceptor(aws.calls()).send().await;
    let identity = answer
        .map(|answer| Identity { account: answer.account.unwrap_or_default(), arn: answer.arn.unwrap_or_default() })
        .map_err(|error| AwsError::from_sdk("sts:GetCallerIdentity", "ask who the credentials are".to_owned(), &error));
    let skew = *clock.0.lock().unwrap_or_else(PoisonError::into_inner);
    (identity, skew)
}

/// Tries each action that ecspan uses, on a task of this cluster where there is one: a policy may allow log groups by name.
pub async fn permissions(aws: &Aws, cluster: Option<&str>) -> Result<Vec<Probe>, AwsError> {
    let region = aws.region(None)?;
    let mut probes = Probes(vec![]);
    let ecs = aws.ecs(&region);
    let clusters =
        probes.tried("ecs:ListClusters", "the clusters".to_owned(), ecs.list_clusters().max_results(1).send().await);
    let first = clusters.and_then(|answer| answer.cluster_arns?.pop());
    let is_named = cluster.is_some();
    let cluster = cluster.map(str::to_owned).or_else(|| first.clone()).unwrap_or_else(|| "default".to_owned());
    let name = crate::model::arn::last_part(&cluster).to_owned();
    let on = || format!("cluster {name}");
    probes.tried("ecs:DescribeClusters", on(), ecs.describe_clusters().clusters(&cluster).send().await);
    let mut task = None;
    for status in ["RUNNING", "STOPPED"] {
        let request = ecs.list_tasks().cluster(&cluster).desired_status(status.into()).max_results(1);
        let answer = request.send().await;
        if let Err(error) = &answer
            && status == "RUNNING"
            && is_named
        {
            let error = AwsError::from_sdk("ecs:ListTasks", format!("ask for {}", on()), error);
            probes.not_there(error.about_cluster(&cluster, &region));
        }
        if status == "RUNNING" || answer.is_ok() {
            let answer = if status == "RUNNING" { probes.tried("ecs:ListTasks", on(), answer) } else { answer.ok() };
            task = task.or_else(|| answer?.task_arns?.pop());
        }
    }
    let asked = task.clone().unwrap_or_else(|| NO_TASK.to_owned());
    let described = ecs.describe_tasks().cluster(&cluster).tasks(&asked).send().await;
    let described = probes.tried("ecs:DescribeTasks", on(), described).and_then(|answer| answer.tasks?.pop());
    probes.tried(
        "ecs:DescribeServices",
        on(),
        ecs.describe_services().cluster(&cluster).services(NOTHING).send().await,
    );
    // Of a service of the cluster where there is one, for a policy may name it.
    let service = described.as_ref().and_then(|task| task.group()?.strip_prefix("service:"));
    let arns = Names {
        cluster: &name,
        service: service.unwrap_or(NOTHING),
        region: &region,
        known: task.as_deref().or(first.as_deref()),
    };
    let on_service = format!("service {}", arns.service);
    let listed = ecs.list_service_deployments().cluster(&cluster).service(arns.service).max_results(1).send().await;
    let listed = probes.tried("ecs:ListServiceDeployments", on_service.clone(), listed);
    let listed = listed.and_then(|answer| answer.service_deployments?.pop());
    let (deployment, revision) =
        listed.map_or((None, None), |one| (one.service_deployment_arn, one.target_service_revision_arn));
    let deployment = deployment.unwrap_or_else(|| arns.made_up("service-deployment"));
    let answer = ecs.describe_service_deployments().service_deployment_arns(deployment).send().await;
    probes.tried("ecs:DescribeServiceDeployments", on_service.clone(), answer);
    let revision = revision.unwrap_or_else(|| arns.made_up("service-revision"));
    let answer = ecs.describe_service_revisions().service_revision_arns(revision).send().await;
    probes.tried("ecs:DescribeServiceRevisions", on_service, answer);
    let arn = described.as_ref().and_then(|task| task.task_definition_arn.clone());
    let definition = ecs.describe_task_definition().task_definition(arn.as_deref().unwrap_or(NOTHING)).send().await;
    let on = arn
        .as_deref()
        .map_or("a definition that does not exist".to_owned(), |arn| crate::model::arn::last_part(arn).to_owned());
    let definition =
        probes.tried("ecs:DescribeTaskDefinition", on, definition).and_then(|answer| answer.task_definition);
    let options = definition.and_then(|definition| {
        let mut configs =
            definition.container_definitions?.into_iter().filter_map(|one| one.log_configuration?.options);
        configs.find(|options| options.contains_key("awslogs-group"))
    });
    let option = |name: &str| options.as_ref().and_then(|options| options.get(name).cloned());
    let own_region = region.clone();
    let region = option("awslogs-region").map_or(region, Region::new);
    let group = option("awslogs-group");
    let on = group.as_ref().map_or("a log group that does not exist".to_owned(), |group| format!("log group {group}"));
    let group = group.unwrap_or_else(|| NOTHING.to_owned());
    let read = aws.logs(&region).get_log_events().log_group_name(group).log_stream_name(NOTHING).limit(1).send().await;
    probes.tried("logs:GetLogEvents", on, read);
    optional(aws, &own_region, &mut probes).await;
    Ok(probes.0)
}

/// What ARNs are made of.
struct Names<'a> {
    cluster: &'a str,
    service: &'a str,
    region: &'a Region,
    /// The ARN of a task or a cluster, which tells partition and account.
    known: Option<&'a str>,
}

impl Names<'_> {
    /// The ARN of something of the service that is not there, and that a policy for the service's covers.
    fn made_up(&self, kind: &str) -> String {
        let known = self.known.and_then(Arn::parse);
        let (partition, account) = known.map_or(("aws", "000000000000"), |arn| (arn.partition, arn.account));
        let Self { cluster, service, region, .. } = self;
        format!("arn:{partition}:ecs:{region}:{account}:{kind}/{cluster}/{service}/ecspandoctorasks")
    }
}

/// What history, statistics and action logs ask. Of groups that are not there: nothing is read, and a policy for their kind covers them.
async fn optional(aws: &Aws, region: &Region, probes: &mut Probes) {
    let logs = aws.logs(region);
    let captured = format!("{CAPTURED}{NOTHING}");
    let on = || format!("log groups of {CAPTURED}");
    let answer = logs.describe_log_groups().log_group_name_prefix(&captured).limit(1).send().await;
    probes.optional(HISTORY, "logs:DescribeLogGroups", on(), answer);
    let answer = logs.filter_log_events().log_group_name(&captured).limit(1).send().await;
    probes.optional(HISTORY, "logs:FilterLogEvents", on(), answer);
    let answer = logs.filter_log_events().log_group_name(format!("{ACTION_LOGS}{NOTHING}")).limit(1).send().await;
    probes.optional("the action log in deploy", "logs:FilterLogEvents", format!("log groups of {ACTION_LOGS}"), answer);
    let query = logs.start_query().log_group_name(&captured).query_string("limit 1").start_time(0).end_time(1);
    probes.optional(LARGE, "logs:StartQuery", on(), query.send().await);
    probes.optional(
        LARGE,
        "logs:GetQueryResults",
        QUERY.to_owned(),
        logs.get_query_results().query_id(NO_QUERY).send().await,
    );
    let answer = logs.stop_query().query_id(NO_QUERY).send().await;
    probes.optional(LARGE, "logs:StopQuery", QUERY.to_owned(), answer);
}

const HISTORY: &str = "history and stats of tasks that ECS has forgotten";
const LARGE: &str = "history and stats of large log groups";
const QUERY: &str = "a query that does not exist";
/// No query has this id.
const NO_QUERY: &str = "00000000-0000-0000-0000-000000000000";

struct Probes(Vec<Probe>);

impl Probes {
    /// Books an answer of what an export does without.
    fn optional<T, E>(
        &mut self,
        only_for: &'static str,
        action: &'static str,
        on: String,
        answer: Result<T, SdkError<E>>,
    ) where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        self.tried(action, on, answer);
        if let Some(last) = self.0.last_mut() {
            last.only_for = Some(only_for);
        }
    }

    /// Books that the cluster which was named is not there, if that is what AWS says.
    fn not_there(&mut self, error: AwsError) {
        if let AwsError::NoCluster { cluster, .. } = &error {
            let on = format!("cluster {cluster}");
            self.0.push(Probe { action: "cluster", on, only_for: None, is_unknown: false, result: Err(error) });
        }
    }

    /// Books an answer. Not to find what was made up is as good as an answer: it was allowed to be looked for.
    fn tried<T, E>(&mut self, action: &'static str, on: String, answer: Result<T, SdkError<E>>) -> Option<T>
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        let mut is_unknown = false;
        let (result, answer) = match answer {
            Ok(answer) => (Ok(()), Some(answer)),
            Err(error) => {
                let error = AwsError::from_sdk(action, format!("ask for {on}"), &error);
                is_unknown = error.code() == Some("UnknownOperationException");
                (if error.is_refusal() { Err(error) } else { Ok(()) }, None)
            }
        };
        self.0.push(Probe { action, on, only_for: None, is_unknown, result });
        answer
    }
}

/// Reads AWS's clock off an answer, also of one that is an error.
#[derive(Clone, Debug, Default)]
struct Clock(Arc<Mutex<Option<Skew>>>);

impl Intercept for Clock {
    fn name(&self) -> &'static str {
        "Clock"
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let theirs = context.response().headers().get("date").and_then(|date| httpdate::parse_http_date(date).ok());
        let skew = theirs.map(|theirs| skew(SystemTime::now(), theirs));
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = skew;
        Ok(())
    }
}

fn skew(ours: SystemTime, theirs: SystemTime) -> Skew {
    match ours.duration_since(theirs) {
        Ok(by) => Skew { by, is_ahead: true },
        Err(error) => Skew { by: error.duration(), is_ahead: false },
    }
}
