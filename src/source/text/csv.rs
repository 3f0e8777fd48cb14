//! Rows with commas, as queries and the console export them: back in the form of what was asked. Main function: [`rows`].

use serde_json::{Map, Value, json};

/// The rows of a text whose first line names columns of a log or of a task: as an answer of Logs Insights, or as log events. Where
/// such a line stands again, another export was put behind the first; one with other columns is a document of its own.
pub(super) fn rows(text: &str) -> Vec<Value> {
    let text = text.trim_start();
    let first = text.lines().next().unwrap_or_default();
    let Some(separator) = [',', '\t', ';'].into_iter().find(|separator| first.contains(*separator)) else {
        return vec![];
    };
    let mut tables: Vec<(Names, Vec<Vec<String>>)> = vec![];
    for record in (Records { rest: text, separator }) {
        match (Names::of(&record), tables.last_mut()) {
            (None, None) => return vec![],
            (None, Some((_, rows))) => rows.push(record),
            (Some(names), Some((own, _))) if *own == names => {}
            (Some(names), _) => tables.push((names, vec![])),
        }
    }
    tables.into_iter().map(|(names, rows)| names.table(rows)).collect()
}

/// The names of columns.
#[derive(PartialEq, Eq)]
struct Names {
    names: Vec<String>,
    is_log: bool,
}

impl Names {
    /// Those that a record has, where it is one of names.
    fn of(record: &[String]) -> Option<Self> {
        let names: Vec<String> = record.iter().map(|name| name.trim_start_matches('\u{feff}').to_owned()).collect();
        let has = |name: &str| names.iter().any(|own| own == name);
        let is_log = has("timestamp") && has("message");
        let is_one = is_log || has("@message") || has("@timestamp") || has("taskArn") || has("detail.taskArn");
        is_one.then_some(Self { names, is_log })
    }

    fn table(&self, rows: Vec<Vec<String>>) -> Value {
        let cells = |record: Vec<String>| -> Vec<(&str, String)> {
            self.names.iter().map(String::as_str).zip(record).filter(|(_, cell)| !cell.is_empty()).collect()
        };
        let found = rows.into_iter().map(cells).filter(|cells| !cells.is_empty());
        if self.is_log {
            let line = |cells: Vec<(&str, String)>| -> Map<String, Value> {
                cells.into_iter().map(|(name, cell)| (name.to_owned(), json!(cell))).collect()
            };
            return found.map(line).collect();
        }
        let row = |cells: Vec<(&str, String)>| -> Value {
            cells.into_iter().map(|(field, value)| json!({ "field": field, "value": value })).collect()
        };
        json!({ "results": found.map(row).collect::<Value>(), "status": "Complete" })
    }
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
            [json!({"status": "Complete", "results": [
                [field("@timestamp", "2026-11-20 10:00:00.1"), field("@message", "a, \"b\"\nc")],
                [field("@timestamp", "2026-11-20 10:00:01.1"), field("@message", "d")]]})]
        );
        assert_eq!(
            rows("timestamp;message\n1795168800000;hello\n"),
            [json!([{"timestamp": "1795168800000", "message": "hello"}])]
        );
        for text in ["", "a,b\n1,2\n", "{\"timestamp\": 1, \"message\": 2}", "message\nx\n"] {
            assert_eq!(rows(text), [Value::Null; 0], "{text}");
        }
    }

    #[test]
    fn exports_that_were_put_behind_one_another_are_all_read_and_their_names_are_no_rows() {
        let line = |message: &str| json!({"timestamp": "1", "message": message});
        assert_eq!(
            rows("\u{feff}timestamp,message\n1,a\n\n\u{feff}timestamp,message\n1,b\ntimestamp,message\n1,message\n"),
            [json!([line("a"), line("b"), line("message")])]
        );
        assert_eq!(
            rows("timestamp,message\n1,a\nmessage,timestamp,stream\nb,1,\n"),
            [json!([line("a")]), json!([line("b")])]
        );
    }
}
