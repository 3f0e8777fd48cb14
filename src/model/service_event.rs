//! A message of a service's event list, and what it says in words that no field has. Pure. Main type: [`ServiceEvent`].

use super::time::Time;

/// A message of a service's event list. They are in the order of time.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ServiceEvent {
    /// `createdAt`.
    pub at: Time,
    /// `id`.
    pub id: Option<String>,
    /// `message`.
    pub message: String,
}

impl ServiceEvent {
    /// Whether it is about this service.
    pub fn is_of(&self, service: &str) -> bool {
        let rest = self.message.strip_prefix("(service ").and_then(|rest| rest.strip_prefix(service));
        rest.is_some_and(|rest| rest.starts_with([')', ',']))
    }

    /// What it says, without the service that says it.
    pub fn text(&self) -> &str {
        without(&self.message, "(service ")
    }

    /// What it says as a sentence, without where to read more.
    pub fn sentence(&self) -> String {
        let text = self.text();
        let said = text.split(" For more information").next().unwrap_or(text);
        match self.message.strip_prefix("(service ").and_then(|rest| rest.split_once(')')) {
            Some((service, _)) => format!("service {service} {said}"),
            None => said.to_owned(),
        }
    }

    /// Whether it names a task.
    pub fn names_a_task(&self) -> bool {
        task_ids(&self.message).next().is_some()
    }

    /// Whether it says that no place was found for a task.
    pub fn says_no_place(&self) -> bool {
        ["unable to place a task", "failed to launch a task", "unable to start a task"]
            .iter()
            .any(|words| self.message.contains(words))
    }

    /// What finding it is in words of its own, of those that ECS also tells by name.
    pub fn finding(&self) -> Option<&'static str> {
        const SAID: [(&str, &str); 2] =
            [("unable to consistently start tasks", "start-impaired"), ("operations are being throttled", "throttled")];
        let said = SAID.iter().find(|(words, _)| self.message.contains(words)).map(|(_, finding)| *finding);
        said.or_else(|| self.says_no_place().then_some("placement-failed"))
    }

    /// Whether it says that targets are taken out of a target group.
    pub fn says_draining(&self) -> bool {
        self.message.contains("draining connections")
    }

    /// The target group's name and the reason, of an event that calls a target unhealthy.
    pub fn unhealthy_target(&self) -> Option<(&str, &str)> {
        let (_, rest) = self.message.split_once("is unhealthy in ")?;
        let (group, rest) = rest.split_once(" due to ").unwrap_or((rest, "no reason is said"));
        let group = inside(group);
        let of_arn = group.split_once(":targetgroup/").and_then(|(_, rest)| rest.split('/').next());
        Some((of_arn.unwrap_or(group), inside(rest)))
    }
}

/// Why a deployment ended, without what an event says before it: `(service web) (deployment ecs-svc/7) deployment failed: `.
pub(super) fn bare(reason: &str) -> &str {
    let said = without(reason, "(service ");
    let of_deployment = without(said, "(deployment ");
    let why = of_deployment.strip_prefix("deployment failed: ").filter(|why| !why.is_empty());
    why.unwrap_or(of_deployment)
}

/// A text without the bracket that it begins with, where that begins so.
fn without<'a>(text: &'a str, bracket: &str) -> &'a str {
    text.strip_prefix(bracket).and_then(|rest| rest.split_once(") ")).map_or(text, |(_, said)| said)
}

/// `(reason Health checks failed)` without its brackets and its first word.
fn inside(text: &str) -> &str {
    let bare = || {
        let text = text.strip_prefix('(')?;
        let (_, said) = text.get(..text.rfind(')')?)?.split_once(' ')?;
        Some(said)
    };
    bare().unwrap_or_else(|| text.trim_end_matches('.'))
}

/// The tasks that an event names: `(task ID)`, or ids of 32 hex digits (or UUIDs) alone.
pub(super) fn task_ids(message: &str) -> impl Iterator<Item = &str> {
    let is_id = |word: &&str| word.len() >= 32 && word.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-');
    let named = message.split("(task ").skip(1).filter_map(|rest| rest.split(')').next());
    named.chain(message.split(|c: char| !c.is_ascii_alphanumeric() && c != '-').filter(is_id))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(message: &str) -> ServiceEvent {
        ServiceEvent { id: None, at: Time::from_unix_nanos(0), message: message.to_owned() }
    }

    #[test]
    fn of_a_reason_nothing_is_left_out_but_what_an_event_says_before_it() {
        for (reason, said) in [
            (
                "(service web) (deployment ecs-svc/7) deployment failed: tasks failed to start.",
                "tasks failed to start.",
            ),
            ("(service web) (deployment ecs-svc/7) deployment failed.", "deployment failed."),
            ("(service web, taskSet ecs-svc/7) was unhappy (twice) today", "was unhappy (twice) today"),
            (
                "ECS deployment circuit breaker: (deployment ecs-svc/7) is no prefix",
                "ECS deployment circuit breaker: (deployment ecs-svc/7) is no prefix",
            ),
            ("(service web)", "(service web)"),
        ] {
            assert_eq!(bare(reason), said);
        }
    }

    #[test]
    fn what_an_event_says_of_a_target_is_read_in_each_of_its_forms() {
        let group = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/web/6d0ecf831eec9f09";
        let said = [
            format!(
                "(service web) (instance i-0a1b) (port 32768) is unhealthy in (target-group {group}) due to (reason Health checks failed with these codes: [502])"
            ),
            format!(
                "(service web, taskSet ecs-svc/7) (port 80) is unhealthy in (target-group {group}) due to (reason Request timed out (twice))."
            ),
            "(service web) (port 80) is unhealthy in target-group web due to an unknown reason.".to_owned(),
        ];
        let read: Vec<_> = said
            .iter()
            .map(|message| event(message).unhealthy_target().map(|(a, b)| (a.to_owned(), b.to_owned())))
            .collect();
        let expected = [
            ("web", "Health checks failed with these codes: [502]"),
            ("web", "Request timed out (twice)"),
            ("target-group web", "an unknown reason"),
        ];
        assert_eq!(read, expected.map(|(a, b)| Some((a.to_owned(), b.to_owned()))));
        assert_eq!(event("(service web) has reached a steady state.").unhealthy_target(), None);
        assert_eq!(event(&said[1]).text().split(' ').next(), Some("(port"));
    }

    #[test]
    fn what_ecs_also_tells_by_name_is_found_in_words() {
        let found = [
            (
                "was unable to place a task because no container instance met all of its requirements.",
                "placement-failed",
            ),
            ("is unable to consistently start tasks successfully.", "start-impaired"),
            ("operations are being throttled on elb. Will try again later.", "throttled"),
        ];
        for (said, finding) in found {
            let event = event(&format!("(service web) {said} For more information, see the guide."));
            assert_eq!((event.finding(), event.sentence()), (Some(finding), format!("service web {said}")));
        }
        assert_eq!(event("(service web) has reached a steady state.").finding(), None);
    }

    #[test]
    fn an_event_is_of_the_service_that_it_begins_with() {
        assert!(event("(service web) has reached a steady state.").is_of("web"));
        assert!(event("(service web, taskSet ecs-svc/7) registered 1 targets in (target-group x)").is_of("web"));
        assert!(!event("(service web-two) has reached a steady state.").is_of("web"));
    }
}
