//! Errors of programs that stand where an answer should. Main functions: [`of_a_program`], [`of_the_cli`].

use super::form::{ASK, Foreign, foreign};

/// The error of the AWS CLI that `text` holds, as its name and what was asked.
pub(super) fn of_the_cli(text: &str) -> Option<String> {
    const KNOWN: [(&str, &str); 23] = [
        ("Unable to locate credentials", "it found no credentials"),
        ("Partial credentials found", "it found a part of its credentials"),
        ("You must specify a region", "it had no region"),
        ("Could not connect to the endpoint URL", "it could not connect"),
        ("Unable to parse config file", "its configuration is broken"),
        ("Error loading SSO Token", "its SSO session is over"),
        ("The SSO session associated with this profile", "its SSO session is over"),
        ("Error when retrieving token from sso", "its SSO session is over"),
        ("Token has expired and refresh failed", "its SSO session is over"),
        ("Your session has expired. Please reauthenticate", "its session is over"),
        ("The security token included in the request is", "its credentials are expired or invalid"),
        ("The config profile (", "its profile does not exist"),
        ("SSL validation failed", "it did not trust the certificate"),
        ("Connect timeout on endpoint URL", "AWS did not answer it"),
        ("Read timeout on endpoint URL", "AWS did not answer it"),
        ("Parameter validation failed", "it did not understand its arguments"),
        ("Error parsing parameter", "it did not understand its arguments"),
        ("Found invalid choice", "it did not understand its arguments"),
        ("Bad value for --query", "it did not understand --query"),
        ("aws: [ERROR]", "it failed"),
        ("aws: error: ", "it did not understand its arguments"),
        ("usage: aws [options]", "it did not understand its arguments"),
        ("To see help text, you can run:", "it did not understand its arguments"),
    ];
    if let Some((code, rest)) = text.split_once("An error occurred (").and_then(|(_, rest)| rest.split_once(')')) {
        let operation =
            rest.split_once("when calling the ").map(|(_, rest)| word(rest)).filter(|name| !name.is_empty());
        let operation = operation.map_or(String::new(), |name| format!(" of {name}"));
        return Some(format!("{}{operation}", word(code)));
    }
    if not_installed(text) == Some("aws") {
        return Some("it is not installed".to_owned());
    }
    KNOWN.iter().find(|(sign, _)| text.contains(sign)).map(|(_, why)| (*why).to_owned())
}

/// What went wrong, where a program says so.
pub(super) fn of_a_program(text: &str) -> Option<Foreign> {
    let has = |sign: &str| text.contains(sign);
    let succeed = |then: &str| format!("the command has to succeed first; then {then}");
    if has("Traceback (most recent call last)") {
        let of_aws = has("An error occurred (").then(|| of_the_cli(text)).flatten();
        let name = of_aws.or_else(|| raised(text)).map_or(String::new(), |name| format!(": {name}"));
        let hint = "the program has to succeed first; then print(json.dumps(answer, default=str))";
        return Some(foreign(format!("a traceback of Python, not an answer{name}"), hint));
    }
    if let Some(name) = of_an_sdk(text) {
        return Some(foreign(format!("an error of an AWS SDK, not an answer: {name}"), succeed(ASK)));
    }
    if let Some(error) = of_the_cli(text) {
        return Some(foreign(format!("the AWS CLI's own error, not an answer: {error}"), succeed(ASK)));
    }
    if let Some(name) = not_installed(text) {
        return Some(foreign(format!("what a shell says, not an answer: {name} is not installed there"), ASK));
    }
    let begins = |signs: &[&str]| text.lines().any(|line| signs.iter().any(|sign| line.starts_with(sign)));
    if begins(&["jq: ", "parse error: "]) {
        let hint = format!("jq could not read what it got, or not do what it was asked: {ASK}, without jq");
        return Some(foreign("jq's own error, not an answer", hint));
    }
    let what =
        if begins(&["ssh: ", "kex_exchange_identification", "Host key verification failed", "Connection closed by"])
            || has("Permission denied (publickey")
        {
            "what ssh says, not an answer"
        } else if begins(&["The connection to the server ", "error: You must be logged in", "Error from server"]) {
            "what kubectl says of Kubernetes, not of Amazon ECS"
        } else if has("Cannot connect to the Docker daemon")
            || begins(&["docker: ", "Error response from daemon", "Error: No such object", "Error: No such container"])
        {
            "what docker says, not an answer"
        } else if begins(&["curl: ("]) {
            "what curl says, not an answer"
        } else {
            return None;
        };
    Some(foreign(what, succeed(ASK)))
}

/// What the last line of a traceback names.
fn raised(text: &str) -> Option<String> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_');
    let name = |line: &str| {
        let end = line.find(|c| !is_name(c)).unwrap_or(line.len());
        let name = line.get(..end).filter(|name| name.len() <= 120)?;
        let is_one = name.ends_with("Error") || name.ends_with("Exception") || name.ends_with("Interrupt");
        (is_one && line.get(end..).is_some_and(|rest| rest.is_empty() || rest.starts_with(':')))
            .then(|| name.to_owned())
    };
    text.lines().rev().find_map(name)
}

/// The name of an error as the SDKs of Java, Go and JavaScript print it.
fn of_an_sdk(text: &str) -> Option<String> {
    let before = |sign: &str| {
        let (before, _) = text.split_once(sign)?;
        before.split(|c: char| !c.is_ascii_alphanumeric()).rfind(|word| is_error_name(word)).map(str::to_owned)
    };
    let first = || text.split(|c: char| !c.is_ascii_alphanumeric()).find(|word| is_error_name(word)).map(str::to_owned);
    let is_of_go = text.contains("operation error ") || text.contains("https response error StatusCode:");
    let is_of_js = text.contains("$fault") && text.contains("$metadata");
    let is_of_java = text.contains("(Service: ") && text.contains("Status Code: ");
    let any = || Some("it does not say which".to_owned());
    match (is_of_java, is_of_go || is_of_js) {
        (true, _) => before("(Service: ").or_else(any),
        (_, true) => first().or_else(any),
        _ => None,
    }
}

fn is_error_name(word: &str) -> bool {
    (word.ends_with("Exception") || word.ends_with("Error")) && word.len() > "Exception".len() && word.len() <= 80
}

/// The program that a shell did not find.
fn not_installed(text: &str) -> Option<&str> {
    const BEFORE: [&str; 3] = ["command not found: ", "Unknown command: ", "The term '"];
    const BEHIND: [&str; 4] = [": command not found", ": not found", "' is not recognized as", "' not found, "];
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let begin_of = |text: &'_ str| text.find(|c| !is_name(c)).unwrap_or(text.len());
    let end_of = |text: &'_ str| text.rfind(|c| !is_name(c)).map_or(0, |at| at + 1);
    let named = |line| -> Option<&str> {
        let line: &str = line;
        let rest = BEFORE.iter().find_map(|sign| line.split_once(sign)).map(|(_, rest)| rest);
        if let Some(rest) = rest {
            return rest.get(..begin_of(rest));
        }
        let is_file = line.starts_with("env: ").then_some(": No such file or directory");
        let before =
            BEHIND.into_iter().chain(is_file).find_map(|sign| line.split_once(sign)).map(|(before, _)| before)?;
        before.get(end_of(before)..)
    };
    text.lines().filter(|line| !line.contains('{')).find_map(named).filter(|name| !name.is_empty() && name.len() < 80)
}

fn word(text: &str) -> String {
    text.chars().take_while(char::is_ascii_alphanumeric).take(80).collect()
}
