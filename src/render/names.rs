//! Names cut to a width in such a way that none looks like another. Main function: [`apart`].

use std::collections::HashMap;

use super::escape;
use super::style::Style;

/// Each round tells more of those apart that still look alike; a dozen containers take one or two.
const ROUNDS: usize = 8;

/// These names in at most so many columns each: the beginning, or of those whose beginnings are alike what comes after that.
pub(super) fn apart(names: &[&str], room: usize, style: &Style) -> Vec<String> {
    let whole: Vec<String> = names.iter().map(|name| style.fit(name, usize::MAX)).collect();
    let mut shown: Vec<String> = whole.iter().map(|name| escape::fit(name, room, style.cut())).collect();
    for _ in 0..ROUNDS {
        let mut looks: HashMap<&str, Vec<usize>> = HashMap::new();
        shown.iter().enumerate().for_each(|(at, name)| looks.entry(name).or_default().push(at));
        let names_of = |group: &[usize]| group.iter().filter_map(|at| whole.get(*at)).collect::<Vec<_>>();
        let alike: Vec<(Vec<usize>, usize)> = looks
            .into_values()
            .filter_map(|group| Some((common(&names_of(&group))?, group)))
            .map(|(common, group)| (group, common))
            .collect();
        if alike.is_empty() {
            break;
        }
        for (at, common) in alike.iter().flat_map(|(group, common)| group.iter().map(move |at| (*at, *common))) {
            if let (Some(shown), Some(whole)) = (shown.get_mut(at), whole.get(at)) {
                *shown = without(whole, common, room, style.cut());
            }
        }
    }
    shown
}

/// How many bytes these begin with alike; none where they are all the same.
fn common(names: &[&String]) -> Option<usize> {
    let (first, rest) = names.split_first()?;
    let with = |name: &&String| {
        let differs = first.char_indices().zip(name.chars()).find(|((_, one), other)| one != other);
        differs.map_or(first.len().min(name.len()), |((at, _), _)| at)
    };
    rest.iter().any(|name| name != first).then(|| rest.iter().map(with).min().unwrap_or_default())
}

/// A name without its beginning: its end, as much of it as there is room for, or what comes after so many bytes.
fn without(name: &str, bytes: usize, room: usize, cut: char) -> String {
    let room = room.saturating_sub(1);
    let fits = |at: &usize| name.get(*at..).is_some_and(|end| escape::columns(end) <= room);
    let from = name.char_indices().map(|(at, _)| at).find(fits).unwrap_or(name.len());
    let rest = name.get(from.min(bytes)..).unwrap_or_default();
    format!("{cut}{}", escape::fit(rest, room, cut))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Time;

    fn drawn(names: &[&str], room: usize, unicode: bool) -> Vec<String> {
        let zone = jiff::tz::TimeZone::UTC;
        let (now, all_containers) = (Time::from_unix_nanos(0), false);
        apart(names, room, &Style { width: 80, unicode, color: false, zone, now, all_containers, logs: false })
    }

    #[test]
    fn what_tells_names_apart_is_seen() {
        let names = ["pay-api-gateway-blue", "pay-api-gateway-green", "pay-api-worker-blue", "pay-api-cron"];
        assert_eq!(drawn(&names, 21, true), names);
        assert_eq!(drawn(&names, 12, true), ["…ateway-blue", "…teway-green", "pay-api-wor…", "pay-api-cron"]);
        assert_eq!(drawn(&names[..3], 8, false), [">ay-blue", ">y-green", ">worker>"]);
        assert_eq!(drawn(&["worker-1-of-the-service", "x"], 9, true), ["worker-1…", "x"]);
        assert_eq!(drawn(&["結帳服務容器一號", "結帳服務容器二號"], 9, true), ["…容器一號", "…容器二號"]);
        assert_eq!(drawn(&["the same name", "the same name"], 5, true), ["the …", "the …"]);
    }

    #[test]
    fn no_name_is_wider_than_its_room() {
        let long = ["a".repeat(255) + "1" + &"b".repeat(40), "a".repeat(255) + "2" + &"b".repeat(40)];
        for room in 0..40 {
            let drawn = drawn(&long.each_ref().map(String::as_str), room, true);
            assert!(drawn.iter().all(|name| escape::columns(name) <= room.max(1)), "{room}: {drawn:?}");
            assert_eq!(drawn.first() == drawn.last(), room < 3, "{room}: {drawn:?}");
        }
    }
}
