//! What is said alike of many is said once: reasons that differ in ids only, and containers that all ended in one way. Main
//! functions: [`alike`], [`together`].

use std::collections::HashMap;

/// So many containers of which the same is said have a sentence each.
const APART: usize = 3;
/// Of more, so many are named.
const NAMED: usize = 3;

/// A reason without what tells one task from another: ids and long numbers.
pub(crate) fn alike(reason: &str) -> String {
    let is_id = |word: &str| word.len() >= 8 && word.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-');
    let words = reason.split(|c: char| !c.is_ascii_alphanumeric() && c != '-');
    words.filter(|word| !word.is_empty()).map(|word| if is_id(word) { "#" } else { word }).collect::<Vec<_>>().join(" ")
}

/// A container, or many of which the same is said.
#[derive(Debug)]
pub(super) struct Together<'a> {
    names: Vec<&'a str>,
    /// What is said of the first of them.
    pub(super) said: String,
}

impl Together<'_> {
    /// `app`, or `66 containers (a, b, c and 63 more)`.
    pub(super) fn who(&self) -> String {
        match self.names.as_slice() {
            [name] => one_line(name),
            names => format!("{} containers ({})", names.len(), few(names)),
        }
    }

    /// `container app`, or `66 containers (a, b, c and 63 more)`.
    pub(super) fn containers(&self) -> String {
        self.pick(format!("container {}", self.who()), self.who())
    }

    /// What suits one, or many.
    pub(super) fn pick<T>(&self, one: T, many: T) -> T {
        if self.names.len() == 1 { one } else { many }
    }

    /// How many they are.
    pub(super) const fn count(&self) -> usize {
        self.names.len()
    }
}

/// Containers by name with what is said of them, in their order: where the same is said of many, that is once, at the first of them.
pub(super) fn together<'a>(said: impl IntoIterator<Item = (&'a str, String)>) -> Vec<Together<'a>> {
    let said: Vec<(&str, String)> = said.into_iter().collect();
    if said.len() <= APART {
        return said.into_iter().map(|(name, said)| Together { names: vec![name], said }).collect();
    }
    // An exit code of Windows is a long number, too, and no id.
    let exit = |said: &str| said.rsplit_once("exit").map_or(String::new(), |(_, code)| code.to_owned());
    let key = |said: &str| alike(said) + &exit(said);
    let said: Vec<_> = said.into_iter().map(|(name, said)| (name, key(&said), said)).collect();
    let mut counts: HashMap<&str, usize> = HashMap::new();
    said.iter().for_each(|(_, key, _)| *counts.entry(key).or_default() += 1);
    let mut begun: HashMap<&str, usize> = HashMap::new();
    let mut all: Vec<Together<'a>> = vec![];
    for (name, key, said) in &said {
        let is_many = counts.get(key.as_str()).is_some_and(|count| *count > APART);
        match begun.get(key.as_str()).and_then(|at| all.get_mut(*at)).filter(|_| is_many) {
            Some(group) => group.names.push(name),
            None => {
                begun.insert(key, all.len());
                all.push(Together { names: vec![name], said: said.clone() });
            }
        }
    }
    all
}

/// `a, b, c and 63 more`.
pub(super) fn few(names: &[&str]) -> String {
    let told: Vec<String> = names.iter().take(NAMED).map(|name| one_line(name)).collect();
    match names.len().saturating_sub(NAMED) {
        0 => told.join(", "),
        more => format!("{} and {more} more", told.join(", ")),
    }
}

/// A name in a sentence: none of its own begins with it.
fn one_line(name: &str) -> String {
    name.replace(['\n', '\r'], " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(said: &[(&str, &str)]) -> Vec<String> {
        let said = said.iter().map(|(name, said)| (*name, (*said).to_owned()));
        together(said).iter().map(|group| format!("{}: {}", group.containers(), group.said)).collect()
    }

    #[test]
    fn many_of_which_the_same_is_said_are_told_once_and_counted() {
        let id = ["0123456789ab", "ba9876543210", "00000000aaaa", "ffffffff0000"].map(|id| format!("no such id {id}"));
        let said = [
            ("a", id[0].as_str()),
            ("b", "exit code 2"),
            ("c", &id[1]),
            ("d", &id[2]),
            ("e", "exit code 2"),
            ("f", &id[3]),
        ];
        assert_eq!(
            told(&said),
            [
                "4 containers (a, c, d and 1 more): no such id 0123456789ab",
                "container b: exit code 2",
                "container e: exit code 2"
            ]
        );
    }

    #[test]
    fn exit_codes_are_no_ids() {
        let said = ["a", "b", "c", "d"]
            .map(|name| (name, if name == "d" { "exit code 3221225786" } else { "exit code 3221225477" }));
        assert_eq!(told(&said).len(), 4);
    }

    #[test]
    fn few_stay_apart_and_a_name_is_one_line() {
        let said = [("a\nb", "exit code 1"), ("c", "exit code 1"), ("d", "exit code 1")];
        assert_eq!(told(&said), ["container a b: exit code 1", "container c: exit code 1", "container d: exit code 1"]);
    }
}
