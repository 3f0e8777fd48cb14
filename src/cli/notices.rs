//! What engines tell, as it is printed on stderr: for a person, or as structured lines. Nothing else prints a notice.

use std::sync::{Arc, Mutex, PoisonError};

use ecspan::run::{Level, Notice, Teller};

use super::progress::Progress;
use super::{log, terminal};

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

fn print(notice: &Notice) {
    let label = match notice.level() {
        Level::Progress => return,
        Level::Note if matches!(notice, Notice::Waiting { .. } | Notice::LooksForTasks { .. }) => "waiting",
        Level::Note => "note",
        Level::Gap => "gap",
        Level::Warning => "warning",
        Level::Error => "error",
    };
    terminal::tell(label, &notice.to_string());
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
        let known = [("to", notice.to()), ("task", notice.task())];
        let mut fields: Vec<_> = known.map(|(name, value)| (name, value.unwrap_or_default().to_owned())).to_vec();
        fields.extend(notice.fields());
        fields.push(("hint", notice.hint().unwrap_or_default().to_owned()));
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        log::say(level, &format!("{gap}{}", notice.message()), &fields);
    })
}
