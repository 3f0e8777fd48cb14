//! What CloudWatch Logs is asked for: filter patterns. Pure.
//!
//! They are of JSON fields, in an event and in a line that is its detail alone; what they cannot say is looked at when the line is there.

use crate::model::arn::last_part;
use crate::source::select::Selection;
use crate::source::target::is_whole_id;

/// A pattern may have so many characters.
const LONGEST: usize = 1_024;

/// The lines that speak of a task. A whole id is found wherever it stands in a line, one that is only begun where a task is named.
pub(super) fn of_task(id: &str) -> String {
    if is_whole_id(id) {
        return quoted(id);
    }
    let named = ["$.detail.taskArn", "$.resources[0]", "$.taskArn"].map(|field| format!("({field} = \"*/{id}*\")"));
    format!("{{ {} }}", named.join(" || "))
}

/// The last events of the tasks that are selected: each says all there is to say of its task.
pub(super) fn of_stopped(selection: &Selection) -> String {
    let Selection { service, family, started_by, .. } = selection;
    let wanted = [
        Some(("lastStatus", "STOPPED".to_owned())),
        service.as_ref().map(|service| ("group", format!("service:{}", last_part(service)))),
        family.as_ref().map(|family| ("taskDefinitionArn", format!("*task-definition/{family}:*"))),
        started_by.as_ref().map(|started_by| ("startedBy", started_by.clone())),
    ];
    let pattern = |wanted: &[(&str, String)]| {
        let within = ["$.detail.", "$."].map(|path| {
            let all: Vec<String> =
                wanted.iter().map(|(field, value)| format!("({path}{field} = {})", quoted(value))).collect();
            format!("({})", all.join(" && "))
        });
        format!("{{ {} }}", within.join(" || "))
    };
    let wanted: Vec<_> = wanted.into_iter().flatten().filter(|(_, value)| value.chars().all(is_plain)).collect();
    let whole = pattern(&wanted);
    if whole.len() <= LONGEST { whole } else { pattern(wanted.get(..1).unwrap_or_default()) }
}

/// Whether it means itself in a pattern.
fn is_plain(char: char) -> bool {
    !matches!(char, '"' | '\\' | '\n' | '\r')
}

fn quoted(text: &str) -> String {
    format!("\"{text}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_id_is_a_term_and_a_begun_one_a_field_that_begins_so() {
        let id = "0123456789abcdef0123456789abcdef";
        assert_eq!(of_task(id), format!("\"{id}\""));
        assert_eq!(
            of_task("012345"),
            r#"{ ($.detail.taskArn = "*/012345*") || ($.resources[0] = "*/012345*") || ($.taskArn = "*/012345*") }"#
        );
    }

    #[test]
    fn what_is_selected_is_asked_for_in_events_and_in_details_alone() {
        let selection = Selection { service: Some("web".to_owned()), ..Selection::default() };
        assert_eq!(
            of_stopped(&selection),
            r#"{ (($.detail.lastStatus = "STOPPED") && ($.detail.group = "service:web")) || (($.lastStatus = "STOPPED") && ($.group = "service:web")) }"#
        );
    }

    #[test]
    fn what_a_pattern_cannot_say_is_left_out_of_it() {
        let selection = |started_by: String| Selection { started_by: Some(started_by), ..Selection::default() };
        let all = of_stopped(&Selection::default());
        assert_eq!(of_stopped(&selection("a\"b".to_owned())), all);
        assert_eq!(of_stopped(&selection("a".repeat(LONGEST))), all);
        assert!(of_stopped(&selection("ecs-svc/1".to_owned())).contains("($.detail.startedBy = \"ecs-svc/1\")"));
    }
}
