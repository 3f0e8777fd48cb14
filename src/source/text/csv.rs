//! Rows with commas, as queries and the console export them: back in the form of what was asked. Main function: [`rows`].

use serde_json::{Map, Value, json};

/// The rows of a text whose first line names columns of a log or of a task: as an answer of Logs Insights, or as log events.
pub(super) fn rows(text: &str) -> Option<Value> {
    let first = text.trim_start().lines().next()?;
    let separator = [',', '\t', ';'].into_iter().find(|separator| first.contains(*separator))?;
    let mut records = Records { rest: text.trim_start(), separator };
    let names = records.next()?;
    let has = |name: &str| names.iter().any(|own| own == name);
    let is_log = has("timestamp") && has("message");
    if !(is_log || has("@message") || has("@timestamp") || has("taskArn") || has("detail.taskArn")) {
        return None;
    }
    let cells = |record: Vec<String>| -> Vec<(String, String)> {
        names.iter().cloned().zip(record).filter(|(_, cell)| !cell.is_empty()).collect()
    };
    let found = records.map(cells).filter(|cells| !cells.is_empty());
    if is_log {
        return Some(
            found
                .map(|cells| cells.into_iter().map(|(name, cell)| (name, json!(cell))).collect::<Map<_, _>>())
                .collect(),
        );
    }
    let row = |cells: Vec<(String, String)>| -> Value {
        cells.into_iter().map(|(field, value)| json!({ "field": field, "value": value })).collect()
    };
    Some(json!({ "results": found.map(row).collect::<Value>(), "status": "Complete" }))
}

/// The records of a text, a cell a column (RFC 4180).
struct Records<'a> {
    rest: &'a str,
    separator: char,
}

impl Iterator for Records<'_> {
    type Item = Vec<String>;

    fn next(&mut self) -> Option<Vec<String>> {
        if self.rest.is_empty() {
            return None;
        }
        let (mut cells, mut cell, mut is_quoted) = (vec![], String::new(), false);
        let mut chars = self.rest.char_indices().peekable();
        let mut end = self.rest.len();
        while let Some((at, c)) = chars.next() {
            match c {
                '"' if is_quoted && chars.next_if(|(_, next)| *next == '"').is_some() => cell.push('"'),
                '"' if is_quoted || cell.is_empty() => is_quoted = !is_quoted,
                '\n' if !is_quoted => {
                    end = at + 1;
                    break;
                }
                c if c == self.separator && !is_quoted => cells.push(std::mem::take(&mut cell)),
                '\r' if !is_quoted => {}
                c => cell.push(c),
            }
        }
        cells.push(cell);
        self.rest = self.rest.get(end..).unwrap_or_default();
        Some(cells)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_a_query_and_of_a_log_are_what_aws_answers() {
        let field = |field: &str, value: &str| json!({ "field": field, "value": value });
        assert_eq!(
            rows("@timestamp,@message\r\n2026-11-20 10:00:00.1,\"a, \"\"b\"\"\nc\"\r\n\r\n2026-11-20 10:00:01.1,d\r\n"),
            Some(json!({"status": "Complete", "results": [
                [field("@timestamp", "2026-11-20 10:00:00.1"), field("@message", "a, \"b\"\nc")],
                [field("@timestamp", "2026-11-20 10:00:01.1"), field("@message", "d")]]}))
        );
        assert_eq!(
            rows("timestamp;message\n1795168800000;hello\n"),
            Some(json!([{"timestamp": "1795168800000", "message": "hello"}]))
        );
        for text in ["", "a,b\n1,2\n", "{\"timestamp\": 1, \"message\": 2}", "message\nx\n"] {
            assert_eq!(rows(text), None, "{text}");
        }
    }
}
