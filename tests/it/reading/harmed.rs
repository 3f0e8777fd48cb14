//! Whatever harm comes to an answer, reading it ends with a word and without a panic.

use super::*;

/// What is done to a text on its way.
#[derive(Clone, Debug)]
enum Harm {
    Cut(usize),
    Drop(usize, usize),
    Insert(usize, &'static str),
    Repeat(usize, usize),
    Flip(usize, u8),
}

fn harm() -> impl Strategy<Value = Harm> {
    const BITS: [&str; 24] = [
        "{",
        "}",
        "[",
        "]",
        "\"",
        "'",
        "\\",
        ",",
        ":",
        "...",
        "\n",
        "//",
        "/*",
        "#",
        "“",
        "\u{feff}",
        "\u{1b}[0m",
        "&quot;",
        "None",
        "- ",
        "| ",
        "> ",
        "An error occurred (",
        "\0",
    ];
    let at = || any::<usize>();
    prop_oneof![
        at().prop_map(Harm::Cut),
        (at(), 1_usize..40).prop_map(|(at, length)| Harm::Drop(at, length)),
        (at(), proptest::sample::select(&BITS[..])).prop_map(|(at, text)| Harm::Insert(at, text)),
        (at(), 1_usize..200).prop_map(|(at, length)| Harm::Repeat(at, length)),
        (at(), any::<u8>()).prop_map(|(at, byte)| Harm::Flip(at, byte)),
    ]
}

fn harmed(mut bytes: Vec<u8>, harms: &[Harm]) -> Vec<u8> {
    for harm in harms {
        let length = bytes.len();
        let place = |at: usize| at % (length + 1);
        match *harm {
            Harm::Cut(at) => bytes.truncate(place(at).max(length / 2)),
            Harm::Drop(at, count) => drop(bytes.drain(place(at)..(place(at) + count).min(length))),
            Harm::Insert(at, text) => drop(bytes.splice(place(at)..place(at), text.bytes())),
            Harm::Repeat(at, count) => {
                let piece = bytes[place(at)..(place(at) + count).min(length)].to_vec();
                bytes.splice(place(at)..place(at), piece);
            }
            Harm::Flip(at, byte) => {
                if let Some(target) = bytes.get_mut(place(at)) {
                    *target ^= byte;
                }
            }
        }
    }
    bytes
}

fn brought() -> Vec<String> {
    let (whole, event) = (pretty(&answer()), event().to_string());
    vec![
        answer().to_string(),
        format!("$ aws ecs describe-tasks\n{whole}\n$ "),
        format!("INFO {event}\nINFO {event}\n"),
        lines(&whole, |index| format!("{index} | ")),
        format!(
            "failures: []\ntasks:\n- taskArn: {ARN}\n  lastStatus: STOPPED\n  containers:\n  - name: app\n    exitCode: 1\n"
        ),
        json!({"Records": [{"kinesis": {"data": STANDARD.encode(gzip(&event))}}]}).to_string(),
        json!({"Error": "x", "Cause": task().to_string()}).to_string(),
        serde_json::to_string(&event).unwrap(),
        "{'tasks': [{'taskArn': 'a', 'createdAt': datetime.datetime(2026, 1, 1)}]}".to_owned(),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, ..ProptestConfig::default() })]

    /// Nothing panics, nothing is silent: of any input something is read or told, and what is told names the file.
    #[test]
    fn whatever_became_of_a_file_something_is_said(
        text in proptest::sample::select(brought()),
        harms in proptest::collection::vec(harm(), 0..6),
    ) {
        let bytes = harmed(text.into_bytes(), &harms);
        let contents = read(&bytes);
        let said = contents.observations.len() + contents.errors.len() + contents.missing.len() + contents.passed_by.len();
        prop_assert!(said > 0, "{:?}", String::from_utf8_lossy(&bytes));
        for error in &contents.errors {
            prop_assert!(error.to_string().starts_with('f') || error.to_string().contains("f: "), "{}", error);
        }
    }

    /// Text around a document changes nothing in it.
    #[test]
    fn words_around_a_document_change_nothing(before in "[a-zA-Z0-9 .,:;$>\\[\\]{}()\\n-]{0,60}", after in "[a-zA-Z0-9 .,:;$>\\])}\\n-]{0,60}") {
        let contents = read(format!("{before}\n{}\n{after}", pretty(&answer())));
        prop_assert_eq!(tasks(&contents), tasks(&read(answer().to_string())), "{:?}", contents.errors);
    }
}
