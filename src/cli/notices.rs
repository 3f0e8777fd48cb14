//! What engines tell, as it is printed on stderr: for a person, or as structured lines. Nothing else prints a notice.

use std::sync::{Arc, Mutex, PoisonError};

use ecspan::model::deployment::DeploymentLife;
use ecspan::render::escape;
use ecspan::run::{Level, Notice, Teller};

use super::live::Live;
use super::progress::Progress;
use super::{log, style, terminal};

/// `label: sentence`, and a `hint:` where there is something to do; a line that counts tasks while they are read.
pub(super) fn for_a_person() -> Teller {
    let progress: Mutex<Option<Progress>> = Mutex::default();
    Arc::new(move |notice: &Notice| {
        let mut progress = progress.lock().unwrap_or_else(PoisonError::into_inner);
        match notice {
            Notice::ReadsTasks => *progress = Some(Progress::start("reading tasks")),
            Notice::TaskRead => progress.iter().for_each(Progress::advance),
            Notice::PastCovered { .. } => progress.iter().for_each(|progress| progress.tell(&notice.message())),
            Notice::TasksRead => drop(progress.take()),
            notice => print(notice),
        }
    })
}

/// The same for whoever waits for a deployment: on a terminal it is drawn at its foot, by `draw` of it, columns and lines.
pub(super) fn of_a_rollout(draw: impl Fn(&DeploymentLife, usize, usize) -> String + Send + Sync + 'static) -> Teller {
    let (told, draw) = (for_a_person(), Arc::new(draw));
    let live: Mutex<Option<Live>> = Mutex::new(Live::start());
    Arc::new(move |notice: &Notice| {
        let mut live = live.lock().unwrap_or_else(PoisonError::into_inner);
        match (notice, live.as_ref()) {
            (Notice::Watched(life), Some(live)) => {
                let (life, draw) = (life.clone(), draw.clone());
                live.set(move |width, height| draw(&life, width, height));
            }
            // They are in what is drawn.
            (Notice::Waiting { .. } | Notice::ServiceEvent { .. }, Some(_)) => {}
            (Notice::ReadsTasks, _) => {
                drop(live.take());
                told.tell(notice);
            }
            _ => told.tell(notice),
        }
    })
}

fn print(notice: &Notice) {
    let label = match notice.level() {
        Level::Progress => return,
        Level::Note
            if matches!(notice, Notice::Waiting { .. } | Notice::LooksForTasks { .. } | Notice::LooksInPast { .. }) =>
        {
            "waiting"
        }
        Level::Note if matches!(notice, Notice::ServiceEvent { .. }) => "event",
        _ if matches!(notice, Notice::Action { .. }) => "action",
        Level::Warning if matches!(notice, Notice::TaskFailed { .. }) => "failed",
        Level::Warning if matches!(notice, Notice::Paused { .. }) => "paused",
        Level::Note => "note",
        Level::Gap => "gap",
        Level::Warning => "warning",
        Level::Error => "error",
    };
    terminal::tell(label, &notice.sentence(&style::zone()));
    if let Notice::TaskFailed { container, lines, .. } = notice {
        let container = container.as_deref().unwrap_or_default();
        lines
            .iter()
            .for_each(|line| terminal::tell_line(&format!("    {}", escape::text(&format!("{container}: {line}")))));
    }
    notice.hint().into_iter().for_each(|hint| terminal::tell("hint", hint));
}

/// `level=… msg=… key=value`: for whoever collects the lines of many.
pub(super) fn for_a_log() -> Teller {
    Arc::new(|notice: &Notice| {
        let (level, gap) = match notice.level() {
            Level::Progress => return,
            Level::Note => ("info", ""),
            Level::Gap => ("warning", "gap: "),
            Level::Warning => ("warning", ""),
            Level::Error => ("error", ""),
        };
        let known = [("to", notice.to()), ("task", notice.task()), ("deployment", notice.deployment())];
        let mut fields: Vec<_> = known.map(|(name, value)| (name, value.unwrap_or_default().to_owned())).to_vec();
        fields.extend(notice.fields());
        fields.push(("hint", notice.hint().unwrap_or_default().to_owned()));
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        log::say(level, &format!("{gap}{}", notice.message()), &fields);
    })
}
