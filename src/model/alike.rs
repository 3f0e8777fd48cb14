//! What is said alike of many is said once: reasons that differ in ids only, and containers that all ended in one way. Main
//! functions: [`alike`], [`together`], [`grouped`].

use std::collections::HashMap;
use std::hash::Hash;

use super::observation::ContainerRecord;

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
    /// What is said of them differs in their images.
    of_images: bool,
}

impl<'a> Together<'a> {
    fn new(group: Vec<(&'a ContainerRecord, String)>) -> Option<Self> {
        let names = group.iter().map(|(container, _)| container.name.as_str()).collect();
        let (first, rest) = group.split_first()?;
        let of_images = rest.iter().any(|(container, _)| container.image != first.0.image)
            && rest.iter().any(|(_, said)| alike(said) != alike(&first.1));
        Some(Self { names, of_images, said: group.into_iter().next()?.1 })
    }

    /// `app`, or `66 containers (a, b, c and 63 more)`.
    pub(super) fn who(&self) -> String {
        match self.names.as_slice() {
            [name] => one_line(name),
            names => {
                let each = if self.of_images { ", each with its own image" } else { "" };
                format!("{} containers ({}){each}", names.len(), few(names))
            }
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

/// Containers with what is said of them, in their order: where the same is said of many, that is once, at the first of them.
pub(super) fn together<'a>(said: impl IntoIterator<Item = (&'a ContainerRecord, String)>) -> Vec<Together<'a>> {
    let said: Vec<_> = said.into_iter().collect();
    let groups = match said.len() {
        0..=APART => said.into_iter().map(|one| vec![one]).collect(),
        _ => grouped(
            said.into_iter().map(|(container, said)| (key(container, &said), (container, said))).collect(),
            APART,
        ),
    };
    groups.into_iter().filter_map(Together::new).collect()
}

/// What is alike of containers that ended in one way: what is said of them without ids, their names and images.
pub(crate) fn key(container: &ContainerRecord, said: &str) -> String {
    let [repository, image] = container.image.as_deref().map_or([String::new(), String::new()], references);
    let own = [&container.name, &repository, &image];
    let is_own = |word: &str| own.iter().any(|own| names(word, own));
    let words: Vec<&str> = said.split_whitespace().map(|word| if is_own(word) { "#" } else { word }).collect();
    // An exit code of Windows is a long number, too, and no id.
    let exit = said.rsplit_once("exit").map_or("", |(_, code)| code);
    alike(&words.join(" ")) + exit
}

/// `team/app` and `team/app:tag` of `registry.example/team/app:tag@digest`: reasons have either.
fn references(image: &str) -> [String; 2] {
    let image = image.split_once('@').map_or(image, |(image, _)| image);
    let path = match image.split_once('/') {
        Some((host, path)) if host.contains(['.', ':']) => path,
        _ => image,
    };
    let (repository, tag) = path.rsplit_once(':').unwrap_or((path, "latest"));
    [repository.to_owned(), format!("{repository}:{tag}")]
}

/// Whether a word has this name in it, whole: neither `app-2` nor `app:2` is `app`.
fn names(word: &str, name: &str) -> bool {
    let is_inside = |c: char| c.is_alphanumeric() || c == '-' || c == '_';
    let goes_on = |after: &str| after.strip_prefix(':').unwrap_or(after).starts_with(is_inside);
    let around = |at: usize| Some((word.get(..at)?, word.get(at + name.len()..)?));
    let is_whole = |(before, after): (&str, &str)| !before.ends_with(is_inside) && !goes_on(after);
    !name.is_empty() && word.match_indices(name).filter_map(|(at, _)| around(at)).any(is_whole)
}

/// What has one key, where that is more than so many, at the first of them.
pub(crate) fn grouped<K: Eq + Hash, T>(keyed: Vec<(K, T)>, apart: usize) -> Vec<Vec<T>> {
    let mut counts: HashMap<&K, usize> = HashMap::new();
    keyed.iter().for_each(|(key, _)| *counts.entry(key).or_default() += 1);
    let is_many: Vec<bool> = keyed.iter().map(|(key, _)| counts.get(key).is_some_and(|count| *count > apart)).collect();
    drop(counts);
    let mut begun: HashMap<K, usize> = HashMap::new();
    let mut all: Vec<Vec<T>> = vec![];
    for ((key, one), is_many) in keyed.into_iter().zip(is_many) {
        match begun.get(&key).and_then(|at| all.get_mut(*at)).filter(|_| is_many) {
            Some(group) => group.push(one),
            None => {
                begun.insert(key, all.len());
                all.push(vec![one]);
            }
        }
    }
    all
}

/// `a, b, c and 63 more`.
pub(crate) fn few(names: &[&str]) -> String {
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

    fn of_images(said: &[(&str, &str, &str)]) -> Vec<String> {
        let record = |(name, image, _): &(&str, &str, &str)| ContainerRecord {
            name: (*name).to_owned(),
            image: Some((*image).to_owned()),
            ..ContainerRecord::default()
        };
        let records: Vec<ContainerRecord> = said.iter().map(record).collect();
        let said = records.iter().zip(said).map(|(record, (.., said))| (record, (*said).to_owned()));
        together(said).iter().map(|group| format!("{}: {}", group.containers(), group.said)).collect()
    }

    fn told(said: &[(&str, &str)]) -> Vec<String> {
        of_images(&said.iter().map(|(name, said)| (*name, "web", *said)).collect::<Vec<_>>())
    }

    #[test]
    fn reasons_that_differ_in_image_and_name_only_are_one() {
        let said = [
            ("a", "nginx", "CannotPull: no manifest of docker.io/library/nginx:latest: container a"),
            ("b", "r.example/t/b:1", "CannotPull: no manifest of r.example/t/b:1: container b"),
            ("c", "r.example:5000/t/c@sha256:0", "CannotPull: no manifest of r.example:5000/t/c@sha256:0: container c"),
            ("d", "t/d:v1", "CannotPull: no manifest of docker.io/t/d:v1: container d"),
            ("e", "t/e:v1", "CannotPull: no credentials for docker.io/t/e:v1: container e"),
        ];
        assert_eq!(
            of_images(&said),
            [
                "4 containers (a, b, c and 1 more), each with its own image: CannotPull: no manifest of docker.io/library/nginx:latest: container a",
                "container e: CannotPull: no credentials for docker.io/t/e:v1: container e",
            ]
        );
    }

    #[test]
    fn a_name_is_no_part_of_a_word() {
        assert!(names("docker.io/t/app:1,", "t/app:1") && names("t/app:", "t/app") && names("\"app\"", "app"));
        assert!(!["application", "app-2", "app:2"].iter().any(|word| names(word, "app")) && !names("x", ""));
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
