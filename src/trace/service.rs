//! What a task is called: `service.name` and what comes with it. Main types: [`ServiceName`], [`OtelService`].

use super::semconv as name;
use crate::model::TaskLife;
use crate::model::observation::{ContainerDefinition, TracedEnv};
use crate::percent::percent_decoded;

/// Where `service.name` comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ServiceName {
    /// The ECS service, else the family.
    #[default]
    Ecs,
    /// This one.
    Given(String),
    /// What the task's own OpenTelemetry settings say, else as [`ServiceName::Ecs`].
    Otel,
}

impl From<Option<&str>> for ServiceName {
    /// As it is typed: `otel` or a name.
    fn from(typed: Option<&str>) -> Self {
        match typed {
            None => Self::Ecs,
            Some("otel") => Self::Otel,
            Some(name) => Self::Given(name.to_owned()),
        }
    }
}

/// What the environment of a container says of its service.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OtelService {
    /// `OTEL_SERVICE_NAME`, else `service.name` in `OTEL_RESOURCE_ATTRIBUTES`.
    pub name: Option<String>,
    /// `service.namespace`, `deployment.environment` and `deployment.environment.name` in `OTEL_RESOURCE_ATTRIBUTES`; no
    /// others, since nobody knows what they hold.
    pub(super) attributes: Vec<(&'static str, String)>,
}

impl OtelService {
    /// Of the first essential container, in the order of the task definition, that names a service. Overrides of
    /// RunTask outrank the definition variable by variable, as in the container itself. Without a definition only overrides
    /// are known, and nobody says what is essential: the first that names a service, by container name.
    pub fn of(life: &TaskLife) -> Self {
        let overrides = &life.task.overrides;
        let services: Vec<Self> = match &life.definition {
            Some(definition) => {
                let essential = definition.containers.iter().filter(|container| container.essential);
                essential.map(|container| Self::of_container(container, overrides.get(&container.name))).collect()
            }
            None => overrides.values().map(Self::from_env).collect(),
        };
        let named = services.iter().find(|service| service.name.is_some());
        named.or_else(|| services.iter().find(|service| !service.attributes.is_empty())).cloned().unwrap_or_default()
    }

    fn of_container(container: &ContainerDefinition, overridden: Option<&TracedEnv>) -> Self {
        let first = |of: fn(&TracedEnv) -> &Option<String>| {
            overridden.and_then(|env| of(env).clone()).or_else(|| of(&container.env).clone())
        };
        Self::from_env(&TracedEnv {
            otel_service_name: first(|env| &env.otel_service_name),
            otel_resource_attributes: first(|env| &env.otel_resource_attributes),
            ..TracedEnv::default()
        })
    }

    fn from_env(env: &TracedEnv) -> Self {
        let pairs: Vec<(&str, String)> = env.otel_resource_attributes.as_deref().map_or_else(Vec::new, pairs);
        let value = |key: &str| {
            let found = pairs.iter().find(|(given, value)| *given == key && !value.is_empty());
            found.map(|(_, value)| value.clone())
        };
        let carried = [name::SERVICE_NAMESPACE, name::DEPLOYMENT_ENVIRONMENT, name::DEPLOYMENT_ENVIRONMENT_NAME];
        Self {
            name: env.otel_service_name.clone().or_else(|| value(name::SERVICE_NAME)),
            attributes: carried.into_iter().filter_map(|key| Some((key, value(key)?))).collect(),
        }
    }
}

/// `KEY=VALUE,KEY=VALUE`, values percent-encoded, as the specification has it. What is no pair is passed by.
fn pairs(text: &str) -> Vec<(&str, String)> {
    let pairs = text.split(',').filter_map(|pair| pair.split_once('='));
    pairs.map(|(key, value)| (key.trim(), percent_decoded(value.trim()))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Time;
    use crate::model::merge::TaskObservations;
    use crate::model::observation::{DefinitionRecord, TaskRecord};

    fn env(service: Option<&str>, attributes: Option<&str>) -> TracedEnv {
        TracedEnv {
            otel_service_name: service.map(str::to_owned),
            otel_resource_attributes: attributes.map(str::to_owned),
            ..TracedEnv::default()
        }
    }

    fn defined(name: &str, essential: bool, env: TracedEnv) -> ContainerDefinition {
        ContainerDefinition { name: name.to_owned(), essential, env, ..ContainerDefinition::default() }
    }

    fn named(overrides: &[(&str, TracedEnv)], containers: Option<Vec<ContainerDefinition>>) -> Option<String> {
        OtelService::of(&life(overrides, containers)).name
    }

    fn life(overrides: &[(&str, TracedEnv)], containers: Option<Vec<ContainerDefinition>>) -> TaskLife {
        let overrides = overrides.iter().map(|(name, env)| ((*name).to_owned(), env.clone())).collect();
        let observed = TaskObservations {
            task: TaskRecord { id: "a".to_owned(), overrides, ..TaskRecord::default() },
            definition: containers.map(|containers| DefinitionRecord { containers, ..DefinitionRecord::default() }),
            ..TaskObservations::default()
        };
        TaskLife::new(observed, Time::from_unix_nanos(0), 0)
    }

    #[test]
    fn the_first_essential_container_that_names_a_service_counts() {
        let containers = vec![
            defined("init", false, env(Some("no"), None)),
            defined("envoy", true, env(None, Some("team=x"))),
            defined("app", true, env(Some("shop"), Some("service.name=other"))),
            defined("more", true, env(Some("later"), None)),
        ];
        assert_eq!(named(&[], Some(containers)), Some("shop".to_owned()));
        assert_eq!(
            named(&[], Some(vec![defined("app", true, env(None, Some("a=b, service.name = a%20b%2Cc")))])),
            Some("a b,c".to_owned())
        );
        assert_eq!(named(&[], Some(vec![defined("app", true, TracedEnv::default())])), None);
    }

    #[test]
    fn an_override_outranks_the_definition_variable_by_variable() {
        let definition = || Some(vec![defined("app", true, env(Some("shop"), Some("service.namespace=eu")))]);
        assert_eq!(named(&[("app", env(Some("job"), None))], definition()), Some("job".to_owned()));
        // As in the container: OTEL_SERVICE_NAME of the definition is still set.
        assert_eq!(named(&[("app", env(None, Some("service.name=job")))], definition()), Some("shop".to_owned()));
        assert_eq!(named(&[("other", env(Some("job"), None))], definition()), Some("shop".to_owned()));
        assert_eq!(
            named(&[("b", env(Some("two"), None)), ("a", env(Some("one"), None))], None),
            Some("one".to_owned())
        );
    }

    #[test]
    fn three_attributes_come_along_and_no_others() {
        let text =
            "service.namespace=eu,deployment.environment.name=prod,deployment.environment=old,token=s3cret,host.name=h";
        let service = OtelService::of(&life(&[], Some(vec![defined("app", true, env(None, Some(text)))])));
        let pairs: Vec<String> = service.attributes.iter().map(|(key, value)| format!("{key}={value}")).collect();
        assert_eq!(pairs, ["service.namespace=eu", "deployment.environment=old", "deployment.environment.name=prod"]);
    }
}
