//! Two tasks beside one another, from a common zero: which phase takes how much longer, and what else differs. Main type:
//! [`Compared`]; drawn by [`text`] and [`markdown`] (and by a page).

use std::time::Duration;

use super::markup;
use super::style::{Style, Tone};
use super::wrap::wrapped;
use super::{escape, moment};
use crate::model::phases::{Phase, PhaseKind, Phases};
use crate::model::{TaskLife, Time, duration};

/// A difference matters from this on …
const LEAST: Duration = Duration::from_secs(1);
/// … where the longer takes so many times the shorter.
const RATIO: f64 = 1.25;
/// What is not a phase: all of the launch.
const LAUNCH: &str = "launch";

/// Two tasks, and what differs.
#[derive(Debug)]
pub struct Compared<'a> {
    /// The task in question, and the one it is compared with.
    pub(super) lives: [&'a TaskLife; 2],
    pub(super) lines: Vec<Line>,
    /// The longer of the two launches.
    pub(super) span: Duration,
    /// Sentences: what takes longer, what else differs.
    pub(super) said: Vec<String>,
}

/// A phase in both.
#[derive(Clone, Debug)]
pub(super) struct Line {
    pub(super) name: &'static str,
    pub(super) sides: [Option<Side>; 2],
    /// Inside of another phase.
    pub(super) is_inner: bool,
    /// Whether lengths say something of speed: not of a launch that never came to its end.
    pub(super) is_speed: bool,
}

/// A phase in one of them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Side {
    /// After the start of its task.
    pub(super) begins: Duration,
    /// None while it goes on.
    pub(super) length: Option<Duration>,
    pub(super) is_launch: bool,
}

impl Side {
    /// When its bar begins, and how long it is. What comes after the launch has none, it would hide that; nor has what took no time.
    pub(super) fn bar(self) -> Option<(Duration, Duration)> {
        let length = self.length.filter(|length| self.is_launch && !length.is_zero())?;
        Some((self.begins, length))
    }
}

impl Line {
    /// How much longer the first takes, in seconds.
    pub(super) fn difference(&self) -> Option<f64> {
        let [a, b] = self.lengths()?;
        Some(a.as_secs_f64() - b.as_secs_f64())
    }

    /// Whether that is worth a look, and in which words.
    pub(super) fn matters(&self) -> Option<String> {
        let [a, b] = self.lengths()?;
        let (long, short) = (a.max(b).as_secs_f64(), a.min(b).as_secs_f64());
        if !self.is_speed || a.abs_diff(b) < LEAST || long < short * RATIO {
            return None;
        }
        let times = match long / short {
            times if times < 100.0 => format!("{times:.1} times"),
            times => format!("{times:.0} times"),
        };
        Some(match (a > b, short > 0.0) {
            (true, true) => format!("{times} as long"),
            (true, false) => "slower".to_owned(),
            (false, true) => format!("{times} as fast"),
            (false, false) => "faster".to_owned(),
        })
    }

    pub(super) fn is_slower(&self) -> bool {
        self.difference().is_some_and(|difference| difference > 0.0) && self.matters().is_some()
    }

    fn lengths(&self) -> Option<[Duration; 2]> {
        let [a, b] = self.sides;
        Some([a?.length?, b?.length?])
    }
}

/// `+24.3 s`, `-3.5 s`.
pub(super) fn signed(seconds: f64) -> String {
    let length = duration::short(Duration::from_secs_f64(seconds.abs()));
    format!("{}{length}", if seconds < 0.0 { "-" } else { "+" })
}

impl<'a> Compared<'a> {
    /// `a` beside `b`.
    pub fn new(a: &'a TaskLife, b: &'a TaskLife) -> Self {
        let lives = [a, b];
        let never = lives.map(never_started);
        let phases = lives.map(|life| life.phases.as_ref());
        let mut kinds: Vec<PhaseKind> =
            phases.iter().flatten().flat_map(|phases| phases.all()).map(|phase| phase.kind).collect();
        kinds.sort_unstable();
        kinds.dedup();
        let side = |life: &TaskLife, kind: PhaseKind| {
            let phases = life.phases.as_ref()?;
            let phase = phases.all().find(|phase| phase.kind == kind)?;
            // It is where it would have started.
            if kind == PhaseKind::Starting && never_started(life) && phase.is_empty() {
                return None;
            }
            Some(Side {
                begins: phase.start.since(phases.start),
                length: phase.length(),
                is_launch: is_launch(phases, phase),
            })
        };
        let is_top = |kind: &PhaseKind| {
            phases.iter().flatten().any(|phases| phases.list.iter().any(|phase| phase.kind == *kind))
        };
        let mut lines: Vec<Line> = kinds
            .iter()
            .map(|kind| Line {
                name: kind.name(),
                sides: lives.map(|life| side(life, *kind)),
                is_inner: !is_top(kind),
                // How long it ran is no question of speed.
                is_speed: *kind != PhaseKind::Running,
            })
            .collect();
        let launch = Line {
            name: LAUNCH,
            sides: phases.map(|phases| launch(phases?)),
            is_inner: false,
            is_speed: never == [false; 2],
        };
        let span = launch.sides.iter().flatten().filter_map(|side| side.length).max().unwrap_or_default();
        lines.insert(0, launch);
        let mut compared = Self { lives, lines, span, said: vec![] };
        compared.said = compared.sentences();
        compared
    }

    fn sentences(&self) -> Vec<String> {
        let mut said = vec![];
        let [a, b] = self.lives;
        let launch = self.lines.first();
        if a.task.id == b.task.id {
            said.push("A and B are one task: name another one, or an earlier answer about it".to_owned());
        }
        let never = self.lives.map(never_started);
        match never {
            [true, true] => said.push("neither of them ever started".to_owned()),
            [true, false] => {
                said.push("A never started, B did: how long A tried says nothing of the launch".to_owned())
            }
            [false, true] => {
                said.push("B never started, A did: how long B tried says nothing of the launch".to_owned())
            }
            [false, false] => {}
        }
        if let Some(lengths) = launch.filter(|_| never == [false; 2]).and_then(Line::lengths) {
            let [mine, other] = lengths.map(duration::short);
            let more = match launch.and_then(Line::difference).unwrap_or_default() {
                difference if difference.abs() < 0.001 => "as long as B".to_owned(),
                difference if difference > 0.0 => {
                    format!("{} more", duration::short(Duration::from_secs_f64(difference)))
                }
                difference => format!("{} less", duration::short(Duration::from_secs_f64(-difference))),
            };
            said.push(format!("the launch of A took {mine}, that of B {other}: {more}"));
        }
        said.extend([(true, "slower in"), (false, "faster in")].into_iter().filter_map(|(is_slower, how)| {
            let phases = self.lines.iter().skip(1).filter(|line| !line.is_inner && line.is_slower() == is_slower);
            let mut phases: Vec<(f64, String)> = phases
                .filter_map(|line| {
                    let difference = line.difference()?;
                    let (word, more) = (line.matters()?, signed(difference));
                    // Of nothing there is no multiple.
                    let word = Some(word).filter(|word| word.contains("times"));
                    let said = [Some(more), word].into_iter().flatten().collect::<Vec<_>>().join(", ");
                    Some((difference, format!("{} ({said})", line.name)))
                })
                .collect();
            phases.sort_by(|(a, _), (b, _)| b.abs().total_cmp(&a.abs()));
            let phases: Vec<String> = phases.into_iter().map(|(_, said)| said).collect();
            (!phases.is_empty()).then(|| format!("A is {how} {}", phases.join(", ")))
        }));
        let outcome = |life: &TaskLife| {
            life.outcome.failure.as_ref().map_or_else(|| "no failure".to_owned(), |failure| failure.told().to_owned())
        };
        let mut differs = |what: &str, mine: Option<String>, other: Option<String>| {
            if mine != other {
                let [mine, other] = [mine, other].map(|value| value.unwrap_or_else(|| "not known".to_owned()));
                said.push(format!("{what} differs: A {mine}; B {other}"));
            }
        };
        differs("outcome", Some(outcome(a)), Some(outcome(b)));
        let definition = |life: &TaskLife| {
            life.task.task_definition_arn.as_deref().map(|arn| crate::model::arn::last_part(arn).to_owned())
        };
        differs("task definition", definition(a), definition(b));
        for container in &a.containers {
            let Some(other) = b.containers.iter().find(|other| other.name() == container.name()) else { continue };
            let name = container.name();
            differs(&format!("image of container {name}"), container.record.image.clone(), other.record.image.clone());
            if container.record.image == other.record.image {
                let digests = [&container.record.image_digest, &other.record.image_digest];
                differs(&format!("digest of container {name}"), digests[0].clone(), digests[1].clone());
            }
        }
        let capacity = |life: &TaskLife| life.task.capacity_provider.clone().or_else(|| life.task.launch_type.clone());
        differs("capacity", capacity(a), capacity(b));
        differs("availability zone", a.task.availability_zone.clone(), b.task.availability_zone.clone());
        differs("CPU", a.task.cpu.clone(), b.task.cpu.clone());
        differs("memory", a.task.memory.clone(), b.task.memory.clone());
        differs("platform version", a.task.platform_version.clone(), b.task.platform_version.clone());
        said
    }
}

/// Whether it failed before it was started.
fn never_started(life: &TaskLife) -> bool {
    life.task.times.started.is_none() && life.outcome.failure.is_some()
}

fn launched(phases: &Phases) -> Option<Time> {
    phases.launched.or(phases.end_began)
}

fn is_launch(phases: &Phases, phase: &Phase) -> bool {
    launched(phases).is_none_or(|launched| phase.end.is_some_and(|end| end <= launched))
}

fn launch(phases: &Phases) -> Option<Side> {
    let length = launched(phases).map(|launched| launched.since(phases.start));
    Some(Side { begins: Duration::ZERO, length, is_launch: true })
}

/// Columns of the longest name, and of a bar that still says something.
const NAME: usize = 24;
const BAR: usize = 4;

/// Where there is no room for all: the words go first, then the difference goes under its phase.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Words,
    Marks,
    Stacked,
}

/// Draws both for the terminal.
pub fn text(compared: &Compared<'_>, style: &Style) -> String {
    let mut out = String::new();
    for (mark, life) in ["A  ", "B  "].into_iter().zip(compared.lives) {
        wrapped(&mut out, mark, Tone::Title, &title(life, style), style);
    }
    out.push('\n');
    let length = |side: &Option<Side>| match side {
        Some(Side { length: Some(length), .. }) => duration::exact(*length),
        Some(Side { length: None, .. }) => "goes on".to_owned(),
        None => style.pick("–", "-").to_owned(),
    };
    let more = |line: &Line| line.difference().map_or(String::new(), signed);
    let widest = |texts: &mut dyn Iterator<Item = String>| texts.map(|text| escape::columns(&text)).max().unwrap_or(0);
    let lengths = 1 + widest(&mut compared.lines.iter().flat_map(|line| &line.sides).map(length));
    let words = 2 + widest(&mut compared.lines.iter().filter_map(Line::matters));
    // Two for what stands between, two for a mark.
    let mores = 4 + widest(&mut compared.lines.iter().map(more));
    let (stacked, marks) = (NAME + 2 + lengths, NAME + 2 + lengths + mores);
    let (form, taken) = match style.width {
        width if width >= marks + words + BAR => (Form::Words, marks + words),
        width if width >= marks + BAR => (Form::Marks, marks),
        _ => (Form::Stacked, stacked),
    };
    let name_width = NAME.min(style.width.saturating_sub(2 + lengths));
    let room = style.width.saturating_sub(taken);
    for line in &compared.lines {
        let tone = if line.is_slower() { Tone::Bad } else { Tone::Running };
        let matters = line.matters();
        let mark = if line.is_slower() && form != Form::Words { style.pick("▲ ", "! ") } else { "" };
        let tone = matters.as_ref().map_or(Tone::Plain, |_| tone);
        for (at, side) in line.sides.iter().enumerate() {
            let is_first = at == 0;
            let indent = if line.is_inner { "  " } else { "" };
            let (name, name_tone) = match form {
                _ if is_first => (format!("{indent}{}", line.name), Tone::Plain),
                Form::Stacked => (format!("{indent}  {mark}{}", more(line)), tone),
                _ => (String::new(), Tone::Plain),
            };
            let name = style.paint(name_tone, &style.pad(&name, name_width.saturating_sub(1))) + " ";
            let bar_tone = if line.is_slower() && is_first { Tone::Bad } else { Tone::Launch };
            let bar = style.paint(bar_tone, &bar(*side, compared.span, room, style));
            let mut row = format!("{name}{} {bar}{:>lengths$}", ["A", "B"][at], length(side));
            if is_first && form != Form::Stacked {
                let more = format!("{:>mores$}", format!("{mark}{}", more(line)));
                row.push_str(&if form == Form::Marks { style.paint(tone, &more) } else { more });
            }
            if let Some(word) = matters.as_ref().filter(|_| is_first && form == Form::Words) {
                row.push_str(&format!("  {}", style.paint(tone, word)));
            }
            out.push_str(row.trim_end());
            out.push('\n');
        }
    }
    out.push('\n');
    for said in &compared.said {
        wrapped(&mut out, style.pick("• ", "* "), Tone::Plain, said, style);
    }
    out
}

fn title(life: &TaskLife, style: &Style) -> String {
    let revision = life.task.revision().map_or(String::new(), |revision| format!(":{revision}"));
    let start =
        life.phases.as_ref().map_or(String::new(), |phases| format!("  {}", moment::spaced(phases.start, &style.zone)));
    let as_of = moment::as_of(life, &style.zone).map_or(String::new(), |as_of| format!("  {as_of}"));
    format!("task {}{revision}  {}{start}{as_of}", life.family(), life.task.id)
}

fn bar(side: Option<Side>, span: Duration, room: usize, style: &Style) -> String {
    let Some((begins, length)) = side.filter(|_| room >= BAR).and_then(Side::bar) else {
        return " ".repeat(room);
    };
    let column = |at: Duration| {
        if span.is_zero() { 0 } else { (at.as_secs_f64() / span.as_secs_f64() * room as f64).round() as usize }
    };
    let first = column(begins).min(room.saturating_sub(1));
    // However short, it can be seen.
    let last = column(begins + length).clamp(first + 1, room.max(first + 1));
    let fill = style.pick("█", "=").repeat(last - first);
    format!("{}{fill}{}", " ".repeat(first), " ".repeat(room.saturating_sub(last)))
}

/// Draws both as Markdown.
pub fn markdown(compared: &Compared<'_>, style: &Style) -> String {
    let mut out = String::new();
    let [a, b] = compared.lives;
    markup::push(&mut out, &format!("## Task {} beside {}", markup::text(a.family()), markup::text(b.family())));
    let titles = ["A", "B"].into_iter().zip(compared.lives);
    let titles: Vec<String> =
        titles.map(|(mark, life)| format!("- {mark}: {}", markup::text(&title(life, style)))).collect();
    markup::push(&mut out, &titles.join("\n"));
    let said: Vec<String> = compared.said.iter().map(|said| format!("- {}", markup::text(said))).collect();
    if !said.is_empty() {
        markup::push(&mut out, &said.join("\n"));
    }
    let mut rows = vec!["| phase | A | B | difference | |".to_owned(), "|---|---:|---:|---:|---|".to_owned()];
    for line in &compared.lines {
        let length = |side: Option<Side>| side.and_then(|side| side.length).map_or(String::new(), duration::exact);
        let [mine, other] = line.sides.map(length);
        let word =
            line.matters().map_or(String::new(), |word| if line.is_slower() { format!("**{word}**") } else { word });
        let indent = if line.is_inner { "– " } else { "" };
        let more = line.difference().map_or(String::new(), signed);
        rows.push(format!("| {indent}{} | {mine} | {other} | {more} | {word} |", escape::text(line.name)));
    }
    markup::push(&mut out, &rows.join("\n"));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(a: u64, b: u64) -> Line {
        let side = |millis| {
            Some(Side { begins: Duration::ZERO, length: Some(Duration::from_millis(millis)), is_launch: true })
        };
        Line { name: "image pull", sides: [side(a), side(b)], is_inner: false, is_speed: true }
    }

    #[test]
    fn what_matters_is_long_enough_and_large_enough() {
        for (a, b, word) in [
            (30_000, 10_000, Some("3.0 times as long")),
            (10_000, 30_000, Some("3.0 times as fast")),
            (1_900, 1_000, None),
            (101_000, 100_000, None),
            (30_000, 10, Some("3000 times as long")),
            (5_000, 0, Some("slower")),
            (0, 0, None),
        ] {
            assert_eq!(line(a, b).matters().as_deref(), word, "{a} {b}");
        }
        let [long, none] = line(5_000, 0).sides.map(|side| side.and_then(Side::bar));
        assert_eq!((long.map(|(_, length)| length.as_secs()), none), (Some(5), None));
        let never = Line { is_speed: false, ..line(30_000, 10_000) };
        assert_eq!((never.matters(), never.difference()), (None, Some(20.0)));
        assert_eq!([24.3, -3.5].map(signed), ["+24.3 s", "-3.5 s"]);
    }
}
