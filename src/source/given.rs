//! What a task's overrides give its containers – values of the environment, arguments – may be secret: it is masked where a reason of
//! the same task repeats it. Pure. Main type: [`Given`].
//!
//! Only what the task says itself counts, for each of its senders says it: what is known beside, of the task definition above all, must
//! not change a span's bytes.

use serde_json::Value;

use super::json::{text, value_of, values_of};
use crate::model::observation::TracedEnv;
use crate::quote::MASK;

/// What is shorter stands in too many words.
const SHORTEST: usize = 8;
/// The same of what its name says is secret.
const SHORTEST_SECRET: usize = 4;
/// Words of a language have no more letters.
const LONGEST_WORD: usize = 16;

/// Texts that no reason may repeat, the longest first.
#[derive(Debug, Default)]
pub(super) struct Given(Vec<String>);

impl Given {
    /// Those of a task. Most give nothing: then nothing is made.
    pub(super) fn of(task: &Value) -> Self {
        let mut given = vec![];
        for container in value_of(task, "overrides").map_or(&[][..], |given| values_of(given, "containerOverrides")) {
            let is_traced =
                |pair: &Value| text(pair, "name").is_some_and(|name| TracedEnv::NAMES.contains(&name.as_str()));
            let environment = values_of(container, "environment").iter().filter(|pair| !is_traced(pair));
            environment.filter_map(|pair| Some((text(pair, "name"), text(pair, "value")?))).for_each(
                |(name, value)| {
                    given.extend(assigned_in(&value));
                    given.push(Word { is_secret: name.is_some_and(|name| is_secret(&name)), text: value });
                },
            );
            let command = value_of(container, "command").and_then(Value::as_array);
            let arguments = command.into_iter().flatten().filter_map(Value::as_str).enumerate();
            let mut before = "";
            for (number, argument) in arguments {
                let argument = argument.trim();
                given.extend(of_argument(argument, before, number == 0));
                before = argument;
            }
        }
        let mut values: Vec<String> = given.into_iter().filter(Word::may_be_secret).map(|value| value.text).collect();
        if !values.is_empty() {
            let open = in_the_open(task);
            values.retain(|value| !open.iter().any(|open| open.contains(value.as_str())));
        }
        // As programs quote it.
        let quoted = values.iter().map(|value| Value::from(value.as_str()).to_string());
        let quoted: Vec<String> = quoted.filter_map(|text| Some(text.get(1..text.len() - 1)?.to_owned())).collect();
        values.extend(quoted);
        values.sort_unstable_by(|one, other| other.len().cmp(&one.len()).then_with(|| one.cmp(other)));
        values.dedup();
        Self(values)
    }

    /// A reason without them.
    pub(super) fn masked(&self, reason: String) -> String {
        let masked = self.0.iter().fold(reason, |text, value| {
            if text.contains(value.as_str()) { text.replace(value.as_str(), MASK) } else { text }
        });
        // ECS cuts long reasons.
        let end = masked.trim_end_matches(['.', '…']);
        let begins = |value: &String| {
            let lengths = value.char_indices().map(|(at, _)| at).filter(|at| *at >= SHORTEST);
            lengths.filter(|at| value.get(..*at).is_some_and(|begin| end.ends_with(begin))).max()
        };
        match self.0.iter().filter_map(begins).max().and_then(|cut| masked.get(..end.len() - cut)) {
            Some(before) => format!("{before}{MASK}"),
            None => masked,
        }
    }

    /// The same of every reason in there.
    pub(super) fn mask_in(&self, value: &mut Value) {
        match value {
            _ if self.0.is_empty() => {}
            Value::Object(object) => object.iter_mut().for_each(|(key, value)| match value {
                Value::String(text) if key.to_ascii_lowercase().ends_with("reason") => {
                    *text = self.masked(std::mem::take(text));
                }
                inner => self.mask_in(inner),
            }),
            Value::Array(items) => items.iter_mut().for_each(|item| self.mask_in(item)),
            _ => {}
        }
    }
}

/// What is given, and whether the name that it has says that it is secret.
struct Word {
    text: String,
    is_secret: bool,
}

impl Word {
    fn may_be_secret(&self) -> bool {
        let length = self.text.chars().count();
        let is_switch = matches!(self.text.to_ascii_lowercase().as_str(), "true" | "false" | "none" | "null");
        if self.is_secret && !is_switch {
            length >= SHORTEST_SECRET
        } else {
            length >= SHORTEST && !is_word(&self.text)
        }
    }
}

/// Whether a name is one that secrets have.
fn is_secret(name: &str) -> bool {
    const WORDS: [&str; 10] =
        ["password", "passwd", "pwd", "passphrase", "secret", "token", "credential", "apikey", "api_key", "api-key"];
    let name = name.to_ascii_lowercase();
    WORDS.iter().any(|word| name.contains(word))
}

/// What may be secret of an argument, behind another one. A bare program and a bare option are none: they say what did not start.
fn of_argument(argument: &str, before: &str, is_first: bool) -> Vec<Word> {
    let is_bare = !argument.contains(char::is_whitespace);
    let mut found = assigned_in(argument);
    let tells_what_did_not_start = is_first || argument.starts_with("--") || !found.is_empty();
    if !is_bare || !tells_what_did_not_start {
        let is_named = before.starts_with('-') && !before.contains('=') && is_secret(before);
        found.push(Word { text: argument.to_owned(), is_secret: is_named });
    }
    found
}

/// The values in `KEY=value`, `--option=value`, alone or among other words.
fn assigned_in(text: &str) -> Vec<Word> {
    let whole = text.split_once('=').filter(|(name, _)| !name.contains(char::is_whitespace));
    let words = text.split_whitespace().filter_map(|word| word.split_once('='));
    let word = |(name, value): (&str, &str)| Word {
        text: value.trim_matches(['"', '\'', ';', ',']).to_owned(),
        is_secret: is_secret(name),
    };
    whole.into_iter().chain(words).map(word).collect()
}

/// A word of a language: reasons are made of such.
fn is_word(text: &str) -> bool {
    let rest = text.get(1..).unwrap_or_default();
    let is_even = |is: fn(&u8) -> bool| rest.bytes().all(|byte| is(&byte));
    text.len() <= LONGEST_WORD
        && text.starts_with(|c: char| c.is_ascii_alphabetic())
        && (is_even(u8::is_ascii_lowercase) || is_even(u8::is_ascii_uppercase))
}

/// What the task says of itself and nobody hides.
fn in_the_open(task: &Value) -> Vec<String> {
    const OF_TASK: [&str; 6] = ["taskArn", "clusterArn", "taskDefinitionArn", "group", "startedBy", "availabilityZone"];
    let own = OF_TASK.iter().filter_map(|key| text(task, key));
    let containers = values_of(task, "containers").iter();
    own.chain(containers.flat_map(|one| ["name", "image"].into_iter().filter_map(|key| text(one, key)))).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn masked(reason: &str) -> String {
        let task = json!({
            "taskArn": "arn:aws:ecs:eu-west-1:123456789012:task/prod/a1", "group": "service:checkout-api",
            "containers": [{"name": "app-main", "image": "repository/web:2026.11.3"}],
            "overrides": {"containerOverrides": [{"name": "app-main",
                "command": ["/app/run.sh", "--token=cmd-value-42", "--dry-run-only", "--password", "sesame-99", "-psesame-98", "--client-secret", "marigold", "--app-token=juniper",
                    "export KEY='word-in-argument'; go"],
                "environment": [
                    {"name": "DB_PASSWORD", "value": "hunter2-\"env\"-value"},
                    {"name": "DSN", "value": "host=db password=dsn-value-7"},
                    {"name": "STAGE", "value": "production"},
                    {"name": "ACCOUNT", "value": "123456789012"},
                    {"name": "SERVICE", "value": "checkout-api"},
                    {"name": "IMAGE", "value": "repository/web:2026.11.3"},
                    {"name": "SHORT", "value": "a1"},
                    {"name": "ADMIN_PASSWORD", "value": "opensesame"},
                    {"name": "API_TOKEN", "value": "blue"},
                    {"name": "OTEL_SERVICE_NAME", "value": "checkout-name"}]}]}});
        Given::of(&task).masked(reason.to_owned())
    }

    #[test]
    fn what_the_overrides_give_is_in_no_reason() {
        for (reason, said) in [
            ("exec: \"--token=cmd-value-42\": not found", "exec: \"--token=***\": not found"),
            ("DB_PASSWORD=hunter2-\"env\"-value", "DB_PASSWORD=***"),
            ("env: [\"DB_PASSWORD=hunter2-\\\"env\\\"-value\"]", "env: [\"DB_PASSWORD=***\"]"),
            ("no dsn-value-7, nor sesame-99 or -psesame-98", "no ***, nor *** or ***"),
            ("word-in-argument", "***"),
            ("login with opensesame failed, blue neither", "login with *** failed, *** neither"),
            ("no marigold, no juniper", "no ***, no ***"),
            ("it was cut: --token=cmd-value-", "it was cut: --token=***"),
            ("it was cut: hunter2-\"en...", "it was cut: ***"),
        ] {
            assert_eq!(masked(reason), said);
        }
    }

    #[test]
    fn what_is_known_of_the_task_anyway_stays() {
        for reason in [
            "exec: \"/app/run.sh\": no such file in production",
            "exec: \"--dry-run-only\": not found",
            "CannotPullContainerError: 123456789012.dkr.ecr.eu-west-1.amazonaws.com/repository/web:2026.11.3",
            "(service checkout-api) of checkout-name: task/prod/a1 ended with dsn-val",
        ] {
            assert_eq!(masked(reason), reason);
        }
    }
}
