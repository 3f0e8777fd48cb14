//! What a file is that holds no requests to be sent again, and what to do with it instead. Main function: [`what_it_is`].

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use crate::source::packed::Packing;

/// So much of a file is looked at.
const LOOKED_AT: u64 = 64 * 1024;

/// What a file is of which no line is a request, and what to do; the second is `None` where there is nothing to say.
pub(super) fn what_it_is(path: &Path, first_error: &str) -> (String, Option<String>) {
    let mut begin = vec![];
    let read: io::Result<_> = File::open(path).and_then(|file| file.take(LOOKED_AT).read_to_end(&mut begin));
    let text = String::from_utf8_lossy(&begin);
    let (start, path) = (text.trim_start(), path.display());
    let has = |words: &[&str]| words.iter().any(|word| text.contains(word));
    let packed = Packing::of(&begin).map(Packing::name);
    let (what, hint) = match packed {
        _ if read.is_err() => (first_error.to_owned(), None),
        Some(how) => {
            (format!("it is packed ({how})"), Some(format!("unpack it first: {how} -dc {path} > requests.jsonl")))
        }
        None if begin.starts_with(b"\xff\xfe") || begin.starts_with(b"\xfe\xff") => {
            ("it is UTF-16, as some shells write it".to_owned(), Some("write it as UTF-8".to_owned()))
        }
        None if begin.contains(&0) => ("it is no text".to_owned(), Some(WANTED.to_owned())),
        None if start.starts_with('<') => ("it is a web page or XML".to_owned(), Some(WANTED.to_owned())),
        None if has(&["\"resourceSpans\"", "\"resourceLogs\""]) && start.starts_with(['{', '[']) => (
            "it is OTLP JSON, but not a request a line".to_owned(),
            Some(format!("put each on one line: jq -c . {path} > requests.jsonl; a line that was cut cannot be sent")),
        ),
        None if has(&["\"resourceMetrics\""]) => {
            ("it holds metrics, and spans and log records are sent".to_owned(), None)
        }
        None if has(&[
            "\"taskArn\"",
            "\"TaskARN\"",
            "\"taskArns\"",
            "\"taskDefinition",
            "\"detail-type\"",
            "\"com.amazonaws.ecs.",
        ]) =>
        {
            ("it holds what AWS says of tasks".to_owned(), Some(format!("send it: ecspan export {path}")))
        }
        None => (first_error.to_owned(), Some(WANTED.to_owned())),
    };
    (format!("{path} holds no requests: {what}"), hint)
}

/// What can be sent again.
const WANTED: &str =
    "what is sent again is OTLP JSON, a request a line: files of the undelivered folder or of --to file:PATH";

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_people_name_is_told_as_what_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        for (bytes, what, hint) in [
            (&b"\x1f\x8b\x08\0\0\0"[..], "packed (gzip)", "gzip -dc"),
            (b"\x28\xb5\x2f\xfd\0", "packed (zstd)", "zstd -dc"),
            (b"\xff\xfe{\0", "UTF-16", "UTF-8"),
            (b"\x7fELF\0", "no text", "the undelivered folder"),
            (b" <!doctype html>", "web page", "the undelivered folder"),
            (b"{\n \"resourceSpans\": [\n", "not a request a line", "jq -c ."),
            (b"{\"resourceMetrics\":[]}", "metrics", ""),
            (b"{\"tasks\":[{\"taskArn\":\"arn\"}]}", "what AWS says of tasks", "ecspan export "),
            (b"{\"detail-type\":\"ECS Task State Change\"}", "what AWS says of tasks", "ecspan export "),
            (b"hello", "the first error", "the undelivered folder"),
        ] {
            std::fs::write(&path, bytes).unwrap();
            let (told, said) = what_it_is(&path, "the first error");
            assert!(told.contains(what) && said.clone().unwrap_or_default().contains(hint), "{told}; {said:?}");
        }
    }
}
