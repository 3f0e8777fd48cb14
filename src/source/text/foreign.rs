//! Names what a text is that holds no JSON, and says how to get some. Main functions: [`by_form`], [`by_sign`],
//! [`by_program`], [`by_print`], [`by_bytes`].
//!
//! A wrong name is worse than none: each needs a sign that nothing else has.

use super::errors;
pub(super) use super::form::{ASK, Foreign, foreign};
use super::scan::Odd;

/// So much of a text tells what it is.
const LOOKED_AT: usize = 64 * 1024;

/// What `text` is, where its form alone tells it: two versions of a file, say, of which neither can be read.
pub(super) fn by_form(text: &str) -> Option<Foreign> {
    let text = beginning(text);
    if is_plan(text) {
        return Some(foreign("a plan of Terraform, which knows no tasks", ASK));
    }
    if text.trim_start().starts_with("{\\rtf") {
        return Some(foreign("a document of a word processor (RTF)", "save it as plain text"));
    }
    is_diff(text).then(|| {
        foreign(
            "a diff: lines of two versions",
            "save the file that was compared, whole, or the answer itself, in JSON",
        )
    })
}

/// What bytes are that are no text.
pub(super) fn by_bytes(bytes: &[u8]) -> Option<Foreign> {
    const PACKED: [(&[u8], &str, &str); 7] = [
        (b"PK\x03\x04", "a zip archive", "unzip -p FILE | ecspan show -"),
        (b"BZh", "packed with bzip2", "bzip2 -dc FILE | ecspan show -"),
        (b"\xfd7zXZ\0", "packed with xz", "xz -dc FILE | ecspan show -"),
        (b"7z\xbc\xaf", "a 7z archive", "7z x -so FILE | ecspan show -"),
        (b"\x04\"M\x18", "packed with lz4", "lz4 -dc FILE | ecspan show -"),
        (b"\x1f\x8b", "packed with gzip once more", "gzip -dc FILE | ecspan show -"),
        (b"x\x9c", "packed with zlib", "zlib-flate -uncompress < FILE | ecspan show -"),
    ];
    const OTHER: [(&[u8], &str); 6] = [
        (b"%PDF", "a PDF"),
        (b"\x89PNG", "a picture"),
        (b"\xff\xd8\xff", "a picture"),
        (b"GIF8", "a picture"),
        (b"\x7fELF", "a program"),
        (b"SQLite format 3", "a database"),
    ];
    if let Some((_, what, how)) = PACKED.iter().find(|(sign, ..)| bytes.starts_with(sign)) {
        return Some(foreign(*what, format!("unpack it first: {how}")));
    }
    let is_columns = bytes.starts_with(b"PAR1");
    let other = OTHER.iter().find(|(sign, _)| bytes.starts_with(sign)).map(|(_, what)| *what);
    is_columns.then_some("Parquet, a table").or(other).map(|what| foreign(what, ASK))
}

/// What `text` is, where signs tell it that nothing else has.
pub(super) fn by_sign(text: &str) -> Option<Foreign> {
    let text = beginning(text);
    if let Some(form) = by_bytes(text.as_bytes()) {
        return Some(form);
    }
    let head: String = text.trim_start().chars().take(200).collect::<String>().to_ascii_lowercase();
    if ["<!doctype html", "<html", "<head>", "<body"].iter().any(|sign| head.contains(sign)) {
        let hint = format!("something between you and AWS may have answered, or a page was saved; {ASK}");
        return Some(foreign("HTML, a web page", hint));
    }
    if head.starts_with("<?xml") || head.starts_with('<') && head.trim_end().contains("</") {
        return Some(foreign("XML", ASK));
    }
    if let Some(dump) = hexadecimal(text) {
        return Some(dump);
    }
    if let Some(error) = errors::of_a_program(text) {
        return Some(error);
    }
    if let Some(listing) = listing(text) {
        return Some(listing);
    }
    if is_log(text) {
        let hint = "the answer of `aws logs get-log-events --log-group-name GROUP --log-stream-name STREAM --output json`, beside the \
                    task's, is drawn with it";
        return Some(foreign("lines of a log behind their times, not an answer", hint));
    }
    if is_hcl(text) {
        let hint = format!("Terraform knows no tasks: {ASK}");
        return Some(foreign("HCL, as Terraform reads and shows it", hint));
    }
    if is_powershell(text) {
        return Some(foreign("a list or table of PowerShell", "add `| ConvertTo-Json -Depth 10`"));
    }
    if is_table(text) {
        let is_of_cli = text.lines().any(|line| line.trim().starts_with("||") || is_title(line));
        let what = if is_of_cli { "a table of the AWS CLI (`--output table`)" } else { "a table, not an answer" };
        return Some(foreign(what, ASK));
    }
    is_cli_text(text).then(|| foreign("text of the AWS CLI (`--output text`), whose columns have no names", ASK))
}

/// What `text` is by signs of the program that printed it, where they are sure.
pub(super) fn by_program(text: &str) -> Option<Foreign> {
    let text = beginning(text);
    let any = |signs: &[&str]| signs.iter().any(|sign| text.contains(sign));
    let begins = |signs: &[&str]| signs.iter().any(|sign| text.trim_start().starts_with(sign));
    if any(&[": Some("]) || any(&["Task {", "Output {"]) && any(&[": None,"]) {
        return Some(foreign("Rust's debug print of an answer", ASK));
    }
    if is_go(text) {
        return Some(foreign("an object as Go prints it (%v, %+v, %#v)", as_json(" (json.Marshal)")));
    }
    if begins(&["$VAR1 ="]) {
        return Some(foreign("an object as Perl prints it (Data::Dumper)", as_json(" (encode_json)")));
    }
    if any(&["array(", "array (", "Array"]) && any(&["] =>", "]=>", "' =>"]) {
        return Some(foreign("an array as PHP prints it", as_json(" (echo json_encode($answer))")));
    }
    if any(&["%{\"", "%{:"]) && any(&["=>", ": "]) || any(&["%{\n", "%{\r\n"]) && any(&["=>"]) {
        return Some(foreign("a map as Elixir prints it", as_json(" (Jason.encode!)")));
    }
    if begins(&["@{"]) || any(&["=@{", "System.Object[]"]) {
        return Some(foreign("an object of PowerShell", "add `| ConvertTo-Json -Depth 10`"));
    }
    if begins(&["{:", "[{:"]) && !any(&["=>"]) {
        return Some(foreign("a map as Clojure prints it", as_json("")));
    }
    if text.lines().any(|line| matches!(line, "tasks {" | "task {" | "detail {")) {
        return Some(foreign("a message in the text format of protobuf", as_json("")));
    }
    if is_java(text) {
        let hint = as_json(" (in Ruby: puts answer.to_h.to_json)");
        return Some(foreign("an object as Java or Ruby prints it", hint));
    }
    if any(&["[Array]", "[Object]"]) && any(&[": ["]) {
        return Some(of_javascript());
    }
    if any(&["datetime.datetime(", "tzlocal()", "tzutc()"]) {
        return Some(of_python());
    }
    if any(&["Amazon.ECS.Model."]) {
        return Some(foreign("the name of a type of .NET", as_json(" (in PowerShell: `| ConvertTo-Json -Depth 10`)")));
    }
    if any(&["DescribeTasksResponse", "DescribeTasksOutput", "DescribeTasksResult"]) {
        return Some(foreign("an answer as a program prints it", as_json("")));
    }
    is_settings(text).then(|| foreign("a list of settings (NAME = VALUE), not an answer", ASK))
}

/// Whether what begins there with a bracket only looks like an object: a time, a tag, a word or two, closed in its line.
pub(super) fn is_prose(text: &str) -> bool {
    const LONGEST: usize = 80;
    // No more of it is looked at: it may be one long line of such.
    let near = text.get(..text.floor_char_boundary(LONGEST + 2)).unwrap_or_default();
    let inside = near.get(1..).and_then(|rest| rest.lines().next()).unwrap_or_default();
    let close = if text.starts_with('[') { ']' } else { '}' };
    let Some(inside) = inside.find(close).and_then(|end| inside.get(..end)).filter(|inside| inside.len() <= LONGEST)
    else {
        return false;
    };
    let names = ["Arn", "ontainers", "asks", "tatus", "topped"];
    let is_object = close == '}' && inside.matches(':').count() > 1;
    let quotes = ['"', '\'', '`', '“', '”', '„', '{', '[', '=', '\\'];
    !is_object && !inside.contains(quotes) && !inside.contains("...") && names.iter().all(|name| !inside.contains(name))
}

/// What `text` is by how it is written; `odd` is what stopped the reading that came furthest.
pub(super) fn by_print(text: &str, odd: Option<Odd>) -> Foreign {
    let text = beginning(text);
    if let Some(form) = by_program(text) {
        return form;
    }
    match odd {
        Some(Odd::Python) => return of_python(),
        Some(Odd::BareKey) if text.trim_start().starts_with(['{', '[', '(']) => return of_javascript(),
        _ => {}
    }
    if is_yaml(text) {
        return foreign(
            "YAML that breaks off, whose indentation is lost, or whose aliases grow",
            format!("save it again, whole; or {ASK}"),
        );
    }
    if is_csv(text) {
        let hint = "a query of Logs Insights gives whole events as `fields @timestamp, @message`; of tasks a column taskArn and those of the API's names are read";
        return foreign("a table (CSV) with none of the columns that are read: @message, or taskArn", hint);
    }
    if text.contains(":task/") && text.split_whitespace().all(|word| word.starts_with("arn:")) {
        return foreign("the names of tasks alone", format!("`ecspan show ARN` asks AWS for one; or {ASK}"));
    }
    let mut words = text.split(|c: char| c.is_whitespace() || "\"'`,;()[]<>|".contains(c));
    let arn = words.find(|word| word.starts_with("arn:") && word.contains(":task/") && word.len() < 300);
    let hint = arn.map_or_else(
        || ASK.to_owned(),
        |arn| format!("`ecspan show {arn}` asks AWS for the task that it names; or {ASK}"),
    );
    match first_word(text) {
        Some(word) => foreign(format!("text in which no JSON was found: it begins with `{word}`"), hint),
        None => foreign("text in which no JSON was found", hint),
    }
}

fn as_json(how: &str) -> String {
    format!("print it as JSON there{how}, or {ASK}")
}

fn of_python() -> Foreign {
    foreign("Python's repr of an answer", "in Python: print(json.dumps(answer, default=str))")
}

fn of_javascript() -> Foreign {
    foreign(
        "an object of JavaScript, Go or the like: its keys stand without double quotes",
        as_json(" (in JavaScript: JSON.stringify(answer, null, 2))"),
    )
}

/// The word that a text begins with, if it is one that nobody keeps secret: letters, and what programs put around them.
fn first_word(text: &str) -> Option<&str> {
    const LONGEST: usize = 24;
    let word = text.split_whitespace().next()?;
    let word = word.get(..word.find(['=', ',', ';', '"', '(']).unwrap_or(word.len()))?;
    let is_harmless = |c: char| c.is_ascii_alphabetic() || "#!/[]<>$%:._-".contains(c);
    ((2..=LONGEST).contains(&word.len()) && word.chars().all(is_harmless)).then_some(word)
}

fn beginning(text: &str) -> &str {
    text.get(..text.floor_char_boundary(LOOKED_AT)).unwrap_or_default()
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

fn is_plan(text: &str) -> bool {
    let is_sum = |line: &str| line.starts_with("Plan: ") && line.contains(" to add, ");
    text.lines().map(str::trim).any(|line| is_sum(line) || line == "Terraform will perform the following actions:")
}

/// Blocks of Terraform's language: `resource "aws_ecs_service" "web" {`.
fn is_hcl(text: &str) -> bool {
    const BLOCKS: [&str; 8] = ["resource", "data", "module", "variable", "output", "provider", "locals", "terraform"];
    let is_block = |line: &str| {
        let Some((name, rest)) = line.split_once(' ') else { return false };
        let rest = rest.trim();
        let needs_no_label = matches!(name, "locals" | "terraform");
        BLOCKS.contains(&name) && rest.ends_with('{') && (rest.starts_with('"') || needs_no_label && rest == "{")
    };
    let is_pair = |line: &str| line.trim_start().starts_with('"') && line.contains("\" = ");
    text.lines().any(is_block) || text.lines().filter(|line| is_pair(line)).count() > 1
}

/// Bytes as digits: a dump of `xxd` or `hexdump -C`, or the digits alone.
fn hexadecimal(text: &str) -> Option<Foreign> {
    let is_digits = |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_hexdigit());
    let is_row = |line: &str| {
        let (offset, rest) = line.split_once([' ', ':']).unwrap_or_default();
        let mut words = rest.split_whitespace();
        matches!(offset.len(), 7 | 8)
            && is_digits(offset)
            && words.next().is_some_and(|word| word.len() <= 4 && is_digits(word))
    };
    let mut rows = text.lines().filter(|line| !line.trim().is_empty()).take(3).peekable();
    if rows.peek().is_some() && rows.all(is_row) {
        return Some(foreign(
            "a dump of bytes in hexadecimal digits",
            "xxd -r FILE | ecspan show - (where xxd made it)",
        ));
    }
    let digits: String = text.split_whitespace().collect();
    let is_plain = is_digits(&digits)
        && ["7b", "5b", "1f8b", "efbbbf"].iter().any(|begin| digits.to_ascii_lowercase().starts_with(begin));
    (is_plain && digits.len() >= 32).then(|| foreign("bytes in hexadecimal digits", "xxd -r -p FILE | ecspan show -"))
}

/// Lines of as many cells, of which the first has names.
fn is_csv(text: &str) -> bool {
    const CELLS: usize = 2;
    let is_name = |cell: &str| {
        let cell = cell.trim().trim_matches('"');
        !cell.is_empty() && cell.chars().all(|c| c.is_ascii_alphanumeric() || " _.@-()*".contains(c))
    };
    let mut lines = text.lines().filter(|line| !line.trim().is_empty());
    let Some(first) = lines.next() else { return false };
    [',', ';', '\t'].into_iter().any(|separator| {
        let count = first.split(separator).count();
        // A cell in quotes may hold more of them.
        let mut rows = lines.clone().take(5).map(|line| line.split(separator).count() >= count).peekable();
        count >= CELLS && first.split(separator).all(is_name) && rows.peek().is_some() && rows.all(|is_row| is_row)
    })
}

/// Most lines begin with a time, as exports of CloudWatch Logs and `aws logs tail` write them.
fn is_log(text: &str) -> bool {
    let is_timed = |line: &&str| {
        let time = line.get(..19).map(str::as_bytes).unwrap_or_default();
        let is_right = |(at, byte): (usize, &u8)| match at {
            4 | 7 => *byte == b'-',
            10 => *byte == b'T',
            13 | 16 => *byte == b':',
            _ => byte.is_ascii_digit(),
        };
        time.len() == 19 && time.iter().enumerate().all(is_right)
    };
    let lines = || text.lines().filter(|line| !line.trim().is_empty());
    let (all, timed) = (lines().count(), lines().filter(is_timed).count());
    timed > 0 && timed * 2 > all
}

fn is_table(text: &str) -> bool {
    let is_row = |line: &&str| line.starts_with('|') && line.ends_with('|');
    let is_rule = |line: &&str| line.len() > 3 && line.chars().all(|c| matches!(c, '-' | '+' | '|' | ':' | ' '));
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    lines.iter().any(is_rule) && lines.iter().filter(|line| is_row(line)).count() >= 2
}

/// A row of one cell: the CLI puts the operation above its tables.
fn is_title(line: &str) -> bool {
    let cell = line.trim().strip_prefix('|').and_then(|line| line.strip_suffix('|'));
    cell.is_some_and(|cell| !cell.contains('|') && cell.contains(|c: char| c.is_ascii_alphabetic()))
}

/// What other programs list.
fn listing(text: &str) -> Option<Foreign> {
    let words = |line: &str, words: &[&str]| words.iter().all(|word| line.split_whitespace().any(|one| one == *word));
    let line = |all: &[&str]| text.lines().any(|line| words(line, all));
    let begins = |sign: &str| text.lines().any(|line| line.starts_with(sign));
    let what = if begins("CONTAINER ID") || begins("REPOSITORY") && line(&["TAG", "IMAGE", "ID"]) {
        let hint = "`docker inspect CONTAINER` prints what ecspan reads of a container that ECS started";
        return Some(foreign("a list of docker", hint));
    } else if line(&["NAME", "READY", "STATUS"]) || begins("Namespace:") && begins("Name:") {
        "what kubectl says of Kubernetes, not of Amazon ECS"
    } else if begins("Last login:") || begins("The authenticity of host") {
        "what ssh says, not an answer"
    } else if begins("Task Summary") && text.contains("desired tasks")
        || line(&["ID", "Last", "Status", "Started", "At"])
    {
        "what copilot says of a service, not an answer"
    } else if begins("Service: ") && begins("TaskDefinition: ") && begins("Deployments:") {
        "what ecspresso says of a service, not an answer"
    } else if line(&["Name", "State", "Ports", "TaskDefinition"]) {
        "a list of ecs-cli"
    } else if line(&["ID", "TASKDEFINITION"]) {
        "a list of tasks (ecsta, ecspresso)"
    } else if text
        .lines()
        .any(|line| line.starts_with("json") && (line.ends_with(" = {};") || line.ends_with(" = [];")))
    {
        return Some(foreign("what gron made of JSON", "gron --ungron FILE | ecspan show -"));
    } else if begins("[[\"") && text.lines().any(|line| line.ends_with("\"]]")) {
        let hint = "jq -n 'fromstream(inputs)' FILE | ecspan show -";
        return Some(foreign("what `jq --stream` made of JSON", hint));
    } else if text.lines().any(|line| line.contains("\tTASK\t")) {
        "a timeline of tracer or ecsta, which has no JSON"
    } else {
        return None;
    };
    Some(foreign(what, ASK))
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

/// Types and pointers as Go's verbs print them, or fields in capitals with nothing between a colon and its value.
fn is_go(text: &str) -> bool {
    const SIGNS: [&str; 6] =
        ["(*string)(", "ecs.Task{", "types.Task)", "types.Task{", "noSmithyDocumentSerde", "ResultMetadata:{"];
    let is_field = |after: &str| {
        let name = after.find(':').and_then(|end| Some((after.get(..end)?, after.get(end + 1..)?)));
        name.is_some_and(|(name, value)| {
            let is_name = name.starts_with(|c: char| c.is_ascii_uppercase())
                && name.len() < 40
                && name.chars().all(|c| c.is_ascii_alphanumeric());
            is_name && value.starts_with(|c: char| c.is_ascii_alphanumeric() || "[{<&".contains(c))
        })
    };
    SIGNS.iter().any(|sign| text.contains(sign))
        || text.trim_start().starts_with("map[")
        || text.split('{').skip(1).any(is_field)
}

/// `{taskArn=…`, with an equals sign behind a bracket or a comma, also of Ruby: `"task_arn"=>`, `:task_arn=>`, `task_arn: "…"`.
fn is_java(text: &str) -> bool {
    const SIGNS: [&str; 10] = [
        ":task_arn=>",
        "\"task_arn\"=>",
        "\"taskArn\"=>",
        "#<struct Aws::",
        "task_arn: \"arn:",
        "{tasks=[",
        "(Tasks=[",
        ",tasks=[",
        "{TaskArn: arn:",
        ",TaskArn: arn:",
    ];
    let keys = ["taskArn=", "TaskArn=", "task_arn="];
    let brackets = ["{", "(", ", ", ",", "[{"];
    SIGNS.iter().any(|sign| text.contains(sign))
        || keys.iter().any(|key| brackets.iter().any(|before| text.contains(&format!("{before}{key}"))))
}

/// `Name : value`, the colons under one another; or names in a row, each underlined for itself.
fn is_powershell(text: &str) -> bool {
    const KNOWN: [&str; 8] =
        ["Tasks", "Failures", "TaskArn", "Services", "ResponseMetadata", "LastStatus", "Containers", "ClusterArn"];
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    let is_rule = |line: &str| line.len() > 4 && line.contains("---") && line.chars().all(|c| matches!(c, '-' | ' '));
    let is_head = |pair: &[&str]| {
        matches!(pair, [names, rule] if is_rule(rule) && names.starts_with(|c: char| c.is_ascii_uppercase())
            && names.split_whitespace().count() == rule.split_whitespace().count()
            && names.split_whitespace().any(|name| KNOWN.contains(&name)))
    };
    if lines.windows(2).any(is_head) {
        return true;
    }
    let column = |line: &&str| line.find(" : ").filter(|_| line.starts_with(|c: char| c.is_ascii_uppercase()));
    let columns: Vec<usize> = lines.iter().filter_map(column).collect();
    let is_known = |line: &&str| line.split_once(" : ").is_some_and(|(name, _)| KNOWN.contains(&name.trim()));
    !columns.is_empty()
        && columns.iter().all(|column| Some(column) == columns.first())
        && (columns.len() >= 3 || lines.iter().any(is_known))
}

/// Whether lines begin as those of an answer in YAML.
pub(super) fn is_yaml(text: &str) -> bool {
    const KEYS: [&str; 4] = ["tasks:", "- taskArn:", "services:", "taskArn:"];
    text.lines().any(|line| KEYS.iter().any(|key| line.trim_start().starts_with(key)))
}

/// Lines of names and values, and little else: TOML, an .ini, a .tfvars or an .env.
fn is_settings(text: &str) -> bool {
    let lines = || text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with(['#', ';', '[']));
    let is_one = |line: &&str| {
        line.split_once('=').is_some_and(|(name, _)| {
            let name = name.trim().trim_start_matches("export ");
            !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c))
        })
    };
    let (all, such) = (lines().count(), lines().filter(is_one).count());
    such >= 2 && such * 2 > all
}
