//! Names what a text is that holds no JSON, and says how to get some. Main functions: [`by_form`], [`by_sign`],
//! [`by_print`].

use super::scan::Odd;

/// How the AWS CLI gives what ecspan reads.
pub(super) const ASK: &str = "save the answer of `aws ecs describe-tasks --cluster CLUSTER --tasks ID --output json`";

/// What a text is, and what to do instead.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Foreign {
    pub(super) what: String,
    pub(super) hint: String,
}

fn foreign(what: impl Into<String>, hint: impl Into<String>) -> Foreign {
    Foreign { what: what.into(), hint: hint.into() }
}

/// So much of a text tells what it is.
const LOOKED_AT: usize = 64 * 1024;

/// What `text` is, where its form alone tells it: two versions of a file, say, of which neither can be read.
pub(super) fn by_form(text: &str) -> Option<Foreign> {
    let text = beginning(text);
    is_diff(text).then(|| {
        foreign(
            "a diff: lines of two versions",
            "save the file that was compared, whole, or the answer itself, in JSON",
        )
    })
}

/// The error of the AWS CLI that `text` holds, as its name and what was asked.
pub(super) fn cli_error(text: &str) -> Option<String> {
    const KNOWN: [(&str, &str); 18] = [
        ("Unable to locate credentials", "it found no credentials"),
        ("You must specify a region", "it had no region"),
        ("Could not connect to the endpoint URL", "it could not connect"),
        ("Unable to parse config file", "its configuration is broken"),
        ("Error loading SSO Token", "its SSO session is over"),
        ("The SSO session associated with this profile has expired", "its SSO session is over"),
        ("Error when retrieving token from sso", "its SSO session is over"),
        ("The config profile (", "its profile does not exist"),
        ("SSL validation failed", "it did not trust the certificate"),
        ("Connect timeout on endpoint URL", "AWS did not answer it"),
        ("Read timeout on endpoint URL", "AWS did not answer it"),
        ("Parameter validation failed", "it did not understand its arguments"),
        ("Error parsing parameter", "it did not understand its arguments"),
        ("Found invalid choice", "it did not understand its arguments"),
        ("aws: [ERROR]", "it failed"),
        ("aws: error: ", "it did not understand its arguments"),
        ("aws: command not found", "it is not installed"),
        ("'aws' is not recognized", "it is not installed"),
    ];
    if let Some((code, rest)) = text.split_once("An error occurred (").and_then(|(_, rest)| rest.split_once(')')) {
        let word = |text: &str| text.chars().take_while(char::is_ascii_alphanumeric).take(80).collect::<String>();
        let operation =
            rest.split_once("when calling the ").map(|(_, rest)| word(rest)).filter(|name| !name.is_empty());
        let operation = operation.map_or(String::new(), |name| format!(" of {name}"));
        return Some(format!("{}{operation}", word(code)));
    }
    KNOWN.iter().find(|(sign, _)| text.contains(sign)).map(|(_, why)| (*why).to_owned())
}

/// What `text` is, where signs tell it that nothing else has.
pub(super) fn by_sign(text: &str) -> Option<Foreign> {
    let text = beginning(text);
    let head: String = text.trim_start().chars().take(200).collect::<String>().to_ascii_lowercase();
    if ["<!doctype html", "<html", "<head>", "<body"].iter().any(|sign| head.contains(sign)) {
        let hint = format!("something between you and AWS may have answered, or a page was saved; {ASK}");
        return Some(foreign("HTML, a web page", hint));
    }
    if head.starts_with("<?xml") || head.starts_with('<') && head.trim_end().contains("</") {
        return Some(foreign("XML", ASK));
    }
    if let Some(error) = cli_error(text) {
        let what = format!("the AWS CLI's own error, not an answer: {error}");
        return Some(foreign(what, format!("the command has to succeed first; then {ASK}")));
    }
    if is_table(text) {
        return Some(foreign("a table of the AWS CLI (`--output table`)", ASK));
    }
    is_cli_text(text).then(|| foreign("text of the AWS CLI (`--output text`), whose columns have no names", ASK))
}

/// What `text` is by how a program printed it; `odd` is what stopped the reading that came furthest.
pub(super) fn by_print(text: &str, odd: Option<Odd>) -> Foreign {
    let text = beginning(text);
    if is_rust(text) {
        return foreign("Rust's debug print of an answer", ASK);
    }
    if text.contains("array(") && text.contains("=>") {
        return foreign(
            "an array as PHP prints it",
            format!("print it as JSON there (echo json_encode($answer)), or {ASK}"),
        );
    }
    if is_java(text) || odd == Some(Odd::Equals) {
        let hint = format!("print it as JSON there (in Ruby: puts answer.to_h.to_json), or {ASK}");
        return foreign("an object as Java or Ruby prints it", hint);
    }
    if is_python(text) {
        return foreign("Python's repr of an answer", "in Python: print(json.dumps(answer, default=str))");
    }
    if matches!(odd, Some(Odd::BareKey | Odd::Python)) {
        let hint = format!("print it as JSON there (in JavaScript: JSON.stringify(answer, null, 2)), or {ASK}");
        return foreign("an object of JavaScript, Go or the like: its keys stand without double quotes", hint);
    }
    if is_powershell(text) {
        return foreign("a list of PowerShell", "add `| ConvertTo-Json -Depth 10`");
    }
    let is_yaml =
        |line: &str| ["tasks:", "- taskArn:", "services:", "taskArn:"].iter().any(|key| line.starts_with(key));
    if text.lines().any(is_yaml) {
        return foreign(
            "YAML that breaks off, or whose indentation is lost",
            format!("save it again, whole; or {ASK}"),
        );
    }
    if text.contains(":task/") && text.split_whitespace().all(|word| word.starts_with("arn:")) {
        return foreign("the names of tasks alone", format!("`ecspan show ARN` asks AWS for one; or {ASK}"));
    }
    foreign("text in which no JSON was found", ASK)
}

fn beginning(text: &str) -> &str {
    let mut end = text.len().min(LOOKED_AT);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}

/// A hunk's head, or two files' names before lines that were added or taken away.
fn is_diff(text: &str) -> bool {
    let is_hunk = |line: &str| line.starts_with("@@ -") && line.matches("@@").count() >= 2;
    // `3c3`, `12,14d11`, and then the lines, marked: words around a document may look like the first.
    let is_change = |line: &str| {
        let is_numbers = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_digit() || c == ',');
        line.split_once(['a', 'c', 'd']).is_some_and(|(old, new)| is_numbers(old) && is_numbers(new))
    };
    let is_marked = |line: &&str| line.starts_with("< ") || line.starts_with("> ");
    let (mut old, mut new, mut added, mut taken) = (false, false, 0, 0);
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        if is_hunk(line) || (is_change(line) && lines.peek().is_some_and(is_marked)) {
            return true;
        }
        old |= line.starts_with("--- ");
        new |= old && line.starts_with("+++ ");
        let is_json = |line: &str| line.trim_start().starts_with(['"', '{', '}', '[', ']']);
        added += usize::from(line.strip_prefix('+').is_some_and(is_json));
        taken += usize::from(line.strip_prefix('-').is_some_and(is_json));
    }
    new && added + taken > 0 || added > 0 && taken > 0
}

fn is_table(text: &str) -> bool {
    let is_row = |line: &&str| line.starts_with('|') && line.ends_with('|');
    let is_rule = |line: &&str| line.len() > 3 && line.chars().all(|c| matches!(c, '-' | '+' | '|'));
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    lines.iter().any(is_rule) && lines.iter().filter(|line| is_row(line)).count() >= 2
}

/// Lines that begin with the name of what they hold, in capitals, and go on after a tab.
fn is_cli_text(text: &str) -> bool {
    const NAMES: [&str; 12] = [
        "TASKS",
        "TASK",
        "CONTAINERS",
        "ATTACHMENTS",
        "ATTRIBUTES",
        "DETAILS",
        "FAILURES",
        "SERVICES",
        "DEPLOYMENTS",
        "EVENTS",
        "TASKDEFINITION",
        "CONTAINERDEFINITIONS",
    ];
    let is_one = |line: &str| line.split_once(['\t', ' ']).is_some_and(|(name, _)| NAMES.contains(&name));
    let fields = |line: &str| line.split('\t').count();
    text.lines().any(is_one)
        || text.lines().any(|line| fields(line) >= 2 && line.contains("arn:aws") && !line.contains('{'))
}

/// Keys in single quotes right after a brace, or words that only Python has.
fn is_python(text: &str) -> bool {
    let words = ["datetime.datetime(", "tzlocal()", "tzutc()", ": None", ": True", ": False", "{'"];
    words.iter().any(|sign| text.contains(sign))
}

fn is_rust(text: &str) -> bool {
    text.contains(": Some(")
}

/// `TaskArn=…`, with an equals sign, also of Ruby: `"task_arn"=>`, `:task_arn=>`, `task_arn=`.
fn is_java(text: &str) -> bool {
    ["askArn=", "askArn: arn:", "task_arn=", "task_arn\"=>", "{tasks=[", "Response(Tasks="]
        .iter()
        .any(|sign| text.contains(sign))
}

/// `Name : value`, the colons under one another.
fn is_powershell(text: &str) -> bool {
    let column = |line: &str| line.find(" : ").filter(|_| line.starts_with(|c: char| c.is_ascii_uppercase()));
    let columns: Vec<usize> = text.lines().filter_map(column).collect();
    columns.len() >= 3 && columns.iter().all(|column| Some(column) == columns.first())
}
