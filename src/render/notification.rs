//! What people are told of a task or a deployment that went wrong: a few lines, as plain text or in Slack's `mrkdwn`. Main type:
//! [`Notification`].

use std::fmt::Write as _;

use super::report::{self, Report};
use crate::model::deployment::{FailureGroup, State};
use crate::model::duration::short;
use crate::model::log::LogLine;
use crate::model::phases::Phase;
use crate::model::{TaskLife, duration};

/// So many of the last lines of a container are told.
const LINES: usize = 5;

/// What is told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Notification {
    /// What happened to what, and why: `task prod/web: CannotPullContainerError: …`. The subject of a mail is its beginning.
    pub title: String,
    /// What is alike goes by the same name: more of it is counted.
    pub kind: String,
    /// One task, or one deployment.
    pub id: String,
    /// What else there is to say, a line each.
    pub facts: Vec<String>,
    /// The last lines of a container.
    pub lines: Vec<String>,
    /// What shows more of it: `ecspan show prod/84b5…`.
    pub command: Option<String>,
    /// Where its trace is.
    pub link: Option<String>,
}

impl Notification {
    /// Of a task.
    pub fn of_task(life: &TaskLife, link: Option<String>) -> Self {
        let task = &life.task;
        let whose = format!(
            "{}/{}",
            task.cluster_name().unwrap_or("?"),
            task.service().or_else(|| task.family()).unwrap_or("a task alone")
        );
        let why = match &life.outcome.failure {
            Some(failure) => failure.told().to_owned(),
            None => "a slow launch".to_owned(),
        };
        let phase = |phase: &Phase| Some(format!("{} {}", phase.kind.name(), short(phase.length()?)));
        let phases: Vec<String> = life
            .phases
            .iter()
            .flat_map(|phases| &phases.list)
            .filter(|phase| !phase.is_empty())
            .filter_map(phase)
            .collect();
        let findings = life.findings.iter().filter(|finding| finding.kind.is_problem());
        let facts = std::iter::once(phases.join(" · ")).chain(findings.map(|finding| finding.text.clone()));
        let facts: Vec<String> = facts.filter(|fact| !fact.is_empty() && !fact.ends_with(&why)).collect();
        let shown = || life.containers.iter().filter(|container| !container.is_hidden());
        let with_lines =
            |container: &&crate::model::container::Container| container.log.as_ref().is_some_and(|log| !log.is_empty());
        let said = shown().filter(with_lines).find(|container| container.failure.is_some());
        let said = said.or_else(|| shown().find(with_lines));
        let lines = said.map_or_else(Vec::new, |container| {
            last(container.name(), container.log.iter().flat_map(|log| log.lines()).collect())
        });
        Self {
            title: format!("task {whose}: {why}"),
            kind: format!("task {whose}: {}", crate::model::alike::alike(&why)),
            id: task.id.clone(),
            facts,
            lines,
            command: task.cluster_name().and_then(|cluster| show(cluster, &task.id)),
            link,
        }
    }

    /// Of a deployment.
    pub fn of_deployment(report: &Report<'_>) -> Self {
        let (life, deployment) = (report.life, &report.life.deployment);
        let whose = format!("{}/{}", deployment.cluster(), deployment.service);
        let took = deployment.created.zip(deployment.finished).map(|(from, finish)| finish.at.since(from));
        let took = took.map_or(String::new(), |took| format!(" after {}", duration::short(took)));
        let main = life.failures().into_iter().next();
        let said = main.and_then(FailureGroup::shown);
        let Told { headline, ecs, failure } = told(report, main);
        let ecs = ecs.map_or(String::new(), |reason| format!(": {reason}"));
        let facts = [
            Some(format!("{}{took}{ecs}", deployment.id)),
            Some(report::counts(report)),
            failure,
            report::path(report),
            report::slowest_phase(report),
        ];
        let failed = main.and_then(FailureGroup::to_look_at);
        Self {
            title: format!("deployment {whose} {headline}"),
            kind: format!("deployment {whose}: {}", deployment.outcome.state.name()),
            id: deployment.identity(),
            facts: facts.into_iter().flatten().chain(report::monitors(report)).collect(),
            lines: said.map_or_else(Vec::new, |said| last(&said.container, said.lines.iter().collect())),
            command: failed.and_then(|task| show(deployment.cluster(), task)),
            link: report.trace_url.map(str::to_owned),
        }
    }

    /// Of what is not told one by one: how often which kind came.
    pub fn of_more<'a>(more: impl IntoIterator<Item = (&'a str, usize)>) -> Self {
        let more: Vec<(&str, usize)> = more.into_iter().collect();
        let count: usize = more.iter().map(|(_, count)| count).sum();
        Self {
            title: format!("{count} more failed or were slow within a minute"),
            facts: more.into_iter().map(|(kind, count)| format!("{count} × {kind}")).collect(),
            ..Self::default()
        }
    }

    /// As plain text, each text through `mask` first.
    pub fn plain(&self, mask: &dyn Fn(&str) -> String) -> String {
        let mut out = format!("{}\n", mask(&self.title));
        for fact in &self.facts {
            let _ = writeln!(out, "{}", mask(fact));
        }
        for line in &self.lines {
            let _ = writeln!(out, "    {}", mask(line));
        }
        if let Some(command) = &self.command {
            let _ = writeln!(out, "{command}");
        }
        if let Some(link) = &self.link {
            let _ = writeln!(out, "{link}");
        }
        out
    }

    /// As Slack takes it: nothing in it is a mention, a link of somebody else's, or ends the block of lines.
    pub fn slack(&self, mask: &dyn Fn(&str) -> String) -> String {
        let shown = |text: &str| {
            let text = mask(text).replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
            text.replace('`', "'")
        };
        let mut out = format!("*{}*\n", shown(&self.title).replace('*', "∗"));
        for fact in &self.facts {
            let _ = writeln!(out, "{}", shown(fact));
        }
        if !self.lines.is_empty() {
            let lines: Vec<String> = self.lines.iter().map(|line| shown(line)).collect();
            let _ = writeln!(out, "```{}```", lines.join("\n"));
        }
        if let Some(command) = &self.command {
            let _ = writeln!(out, "`{command}`");
        }
        if let Some(link) = &self.link {
            let _ = writeln!(out, "<{}|trace>", shown(link).replace('|', "%7C"));
        }
        out
    }
}

/// What is said of a deployment's end: each cause once, and that of its tasks first, since ECS's own word is seldom one.
struct Told {
    headline: String,
    ecs: Option<String>,
    failure: Option<String>,
}

fn told(report: &Report<'_>, main: Option<&FailureGroup>) -> Told {
    let (outcome, ecs) = (report::outcome(report), report.life.deployment.outcome.why());
    if report.state() == State::Held {
        let headline = format!("{outcome}, with a slow launch");
        return Told { headline, ecs: None, failure: main.map(report::failure) };
    }
    let cause = match main {
        Some(main) => Some(report::failure(main)).filter(|_| !outcome.contains(main.told())),
        None => report::cause(report),
    };
    let Some(failure) = cause else { return Told { headline: outcome, ecs: None, failure: None } };
    let without_why = ecs.map_or(Some(outcome.as_str()), |why| outcome.strip_suffix(&format!(": {why}")));
    match without_why {
        Some(outcome) if report.bad.is_none() => {
            Told { headline: format!("{outcome}: {failure}"), ecs: ecs.map(str::to_owned), failure: None }
        }
        _ => Told { headline: outcome, ecs: None, failure: Some(failure) },
    }
}

/// The command that shows a task; none where a shell might read more than a name.
fn show(cluster: &str, task: &str) -> Option<String> {
    let is_name = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c));
    (is_name(cluster) && is_name(task)).then(|| format!("ecspan show {cluster}/{task}"))
}

/// The last lines that a container wrote.
fn last(container: &str, lines: Vec<&LogLine>) -> Vec<String> {
    let from = lines.len().saturating_sub(LINES);
    lines.into_iter().skip(from).map(|line| format!("{container}: {}", line.message)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_it_is_a_mention_or_ends_the_block_of_lines() {
        let notification = Notification {
            title: "task prod/web 84b5: *it* failed <!channel>".to_owned(),
            facts: vec!["a < b & c".to_owned()],
            lines: vec!["app: ```<https://evil|here>".to_owned()],
            command: show("prod", "84b5"),
            link: Some("http://jaeger/trace/1".to_owned()),
            ..Notification::default()
        };
        assert_eq!(
            notification.slack(&str::to_owned),
            "*task prod/web 84b5: ∗it∗ failed &lt;!channel&gt;*\na &lt; b &amp; c\n```app: '''&lt;https://evil|here&gt;```\n`ecspan show prod/84b5`\n<http://jaeger/trace/1|trace>\n"
        );
        let masked = notification.plain(&|text| text.replace("evil", "***"));
        assert!(
            masked.contains("    app: ```<https://***|here>\n") && masked.ends_with("http://jaeger/trace/1\n"),
            "{masked}"
        );
        assert_eq!(show("prod", "84b5; rm -rf ~"), None);
    }
}
