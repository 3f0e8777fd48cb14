//! Sends again what receivers did not accept. Main function: [`run`].

use std::collections::HashMap;
use std::fmt;
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use super::delivery::retries;
use super::not_requests;
use super::notice::{Notice, Teller};
use super::stop::Stop;
use crate::hint::Hint;
use crate::sink::{
    DeliveryReport, Destination, DestinationReport, Held, LineError, Lost, MeantFor, Overrides, Resender, Settings,
    Signal, Target, Then, Undelivered, Waiting, XrayAccess, take_in_hand, waiting_in,
};

/// So many lines of a file that cannot be read are named one by one.
const NAMED: usize = 3;

/// What is sent again, and where to.
pub struct ResendConfig {
    /// Where requests wait.
    pub folder: Undelivered,
    /// Files of requests; none: all of the folder.
    pub files: Vec<PathBuf>,
    /// Where everything goes; `None`: each request to where it was meant for.
    pub target: Option<Target>,
    /// What was typed of the receiver.
    pub overrides: Overrides,
    /// The environment beneath it.
    pub env: fn(&str) -> Option<String>,
    /// For X-Ray.
    pub aws: Option<XrayAccess>,
    /// Also what a receiver did not take whole.
    pub partial: bool,
    /// Nothing is sent.
    pub dry_run: bool,
}

impl fmt::Debug for ResendConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResendConfig").field("files", &self.files).field("target", &self.target).finish_non_exhaustive()
    }
}

/// What became of what waited.
#[derive(Debug, Default)]
pub struct Resent {
    /// Requests that waited.
    pub waiting: u64,
    /// Those that were left in place, which a receiver did not take whole.
    pub set_aside: u64,
    /// Files of the folder that another process was sending.
    pub in_other_hands: u64,
    /// Files that were not opened, since the run was told to stop.
    pub unread: Vec<PathBuf>,
    /// Files and lines that could not be read, and requests without a destination. Each was told.
    pub lost: usize,
    /// What went where.
    pub report: DeliveryReport,
}

/// The folder cannot be listed.
#[derive(Debug, thiserror::Error)]
#[error("failed to list {}: {source}", folder.display())]
pub struct CannotList {
    folder: PathBuf,
    source: io::Error,
}

/// Sends again what waits.
pub async fn run(config: ResendConfig, stop: Stop, notices: Teller) -> Result<Resent, CannotList> {
    config.folder.tidy();
    let files = if config.files.is_empty() {
        let folder = config.folder.path().to_owned();
        config.folder.files().map_err(|source| CannotList { folder, source })?
    } else {
        config.files.clone()
    };
    let mut run =
        Run { config, stop, notices, resenders: HashMap::new(), lost: 0, set_aside: 0, in_other_hands: 0, waiting: 0 };
    let mut unread = vec![];
    for file in files {
        if run.stop.is_requested() {
            unread.push(file);
        } else {
            run.file(&file).await;
        }
    }
    Ok(Resent { unread, ..run.close() })
}

struct Run {
    config: ResendConfig,
    stop: Stop,
    notices: Teller,
    resenders: HashMap<(Option<MeantFor>, Signal, bool), Option<Resender>>,
    lost: usize,
    set_aside: u64,
    in_other_hands: u64,
    waiting: u64,
}

impl Run {
    async fn file(&mut self, path: &Path) {
        let is_ours = path.parent().is_some_and(|parent| is_same(parent, self.config.folder.path()));
        let opened =
            if is_ours && !self.config.dry_run { take_in_hand(path) } else { File::open(path).map(Held::Ours) };
        // Open until all of it is done: nobody else sends it meanwhile.
        let opened = opened.and_then(|held| match held {
            Held::Ours(file) => Ok(Some((file.try_clone()?, waiting_in(path, file)?))),
            Held::Theirs => {
                self.in_other_hands += 1;
                Ok(None)
            }
            // Another resend was quicker.
            Held::Gone if self.config.files.is_empty() => Ok(None),
            Held::Gone => Err(ErrorKind::NotFound.into()),
        });
        let (_held, lines) = match opened {
            Ok(Some(opened)) => opened,
            Ok(None) => return,
            Err(error) => {
                let hint = match error.kind() {
                    ErrorKind::IsADirectory => {
                        Some(format!("all that is in a folder: ecspan resend --undelivered {}", path.display()))
                    }
                    ErrorKind::NotFound => Some(format!(
                        "what waits is in {}: `ecspan resend --dry-run` lists it, and without a FILE all of it is sent",
                        self.config.folder.path().display()
                    )),
                    _ => None,
                };
                return self.lose(format!("failed to read {}: {error}", path.display()), hint);
            }
        };
        let mut then = Then::Done;
        let (mut readable, mut unreadable, mut told) = (0, 0_usize, 0);
        let mut first_error = None;
        for line in lines {
            match line {
                Ok(waiting) => {
                    readable += 1;
                    told += self.tell_line(first_error.take());
                    if self.one(waiting, is_ours).await == Then::Waits {
                        then = Then::Waits;
                    }
                }
                Err(error) => {
                    then = Then::Waits;
                    unreadable += 1;
                    match &first_error {
                        // Before a request was seen it may be no file of requests at all.
                        None if readable == 0 && unreadable == 1 => first_error = Some(error),
                        _ if told < NAMED && readable > 0 => told += self.tell_line(Some(error)),
                        _ => {}
                    }
                }
            }
        }
        if readable + unreadable == 0 && !is_ours {
            return self.lose(format!("{} is empty", path.display()), None);
        }
        if let Some(error) = first_error {
            let (error, hint) = not_requests::what_it_is(path, &error.to_string());
            return self.lose(error, hint);
        }
        if let Some(more) = unreadable.checked_sub(told).filter(|more| *more > 0) {
            let error = format!("{}: {more} more lines could not be read", path.display());
            self.notices.tell(&Notice::Lost { error, hint: None });
        }
        self.lost += unreadable;
        if is_ours
            && then == Then::Done
            && let Err(error) = fs::remove_file(path)
            && error.kind() != ErrorKind::NotFound
        {
            // Sending it again does no harm: the spans are identical.
            self.notices.tell(&Notice::NotRemoved { path: path.to_owned(), error: error.to_string() });
        }
    }

    /// Names a line, if there is one; how many it named.
    fn tell_line(&self, error: Option<LineError>) -> usize {
        let lost = error.map(|error| Notice::Lost { error: error.to_string(), hint: None });
        lost.iter().for_each(|lost| self.notices.tell(lost));
        usize::from(lost.is_some())
    }

    async fn one(&mut self, waiting: Waiting, is_ours: bool) -> Then {
        self.waiting += 1;
        let outcome = waiting.note.as_ref().map_or(Lost::Undelivered, |note| note.outcome);
        if !outcome.is_resent() && !self.config.partial {
            self.set_aside += 1;
            return Then::Waits;
        }
        let meant_for = waiting.note.as_ref().filter(|_| is_ours && self.config.target.is_none());
        let signal = match &self.config.target {
            // A file is opened once, whatever comes.
            Some(Target::File(_) | Target::Stdout) => Signal::Traces,
            _ => waiting.request.signal(),
        };
        let in_doubt = meant_for.is_some_and(|note| note.protocol_in_doubt);
        let key = (meant_for.map(|note| note.meant_for.clone()), signal, in_doubt);
        if !self.resenders.contains_key(&key) {
            let opened = self.open(key.0.as_ref(), signal, in_doubt).await;
            let opened = opened.map_err(|(error, hint)| self.lose(error, hint)).ok();
            self.resenders.insert(key.clone(), opened);
        }
        match self.resenders.get(&key) {
            Some(Some(resender)) => resender.send(waiting).await,
            // Told once, when it could not be opened.
            _ => Then::Waits,
        }
    }

    async fn open(
        &self,
        meant_for: Option<&MeantFor>,
        signal: Signal,
        in_doubt: bool,
    ) -> Result<Resender, (String, Option<String>)> {
        let aws = self.config.aws.as_ref();
        let settings = Settings { overrides: &self.config.overrides, env: &self.config.env, aws };
        let opened = match (meant_for, &self.config.target) {
            (Some(meant_for), None) if in_doubt && !self.config.dry_run => {
                Destination::meant_in_doubt(meant_for, signal, &settings).await.map(|(destination, spoken)| {
                    if let Some(spoken) = spoken {
                        self.notices.tell(&Notice::ProtocolMended {
                            endpoint: meant_for.endpoint.clone(),
                            saved: meant_for.protocol.clone(),
                            spoken: spoken.to_string(),
                        });
                    }
                    destination
                })
            }
            (Some(meant_for), None) if !self.config.dry_run => Destination::meant(meant_for, signal, &settings),
            (Some(meant_for), None) => Destination::meant(meant_for, signal, &settings).map(Destination::dry),
            (_, target) => {
                let target = target.as_ref().unwrap_or(&Target::Otlp);
                if signal == Signal::Logs && matches!(target, Target::Xray(_)) {
                    return Err(("X-Ray takes no log records".to_owned(), Some("--to otlp".to_owned())));
                }
                let open = if self.config.dry_run { Destination::dry_run } else { Destination::open };
                open(target, signal, &settings)
            }
        };
        let destination = opened.map_err(|error| (error.to_string(), error.hint()))?;
        // What comes from a named file is still there.
        let destination =
            if self.config.files.is_empty() { destination.keeping(&self.config.folder) } else { destination };
        let retries = retries(&self.notices);
        Ok(Resender::new(destination).on_retry(retries).until(self.stop.wait()).hurried(self.stop.hurried()))
    }

    fn lose(&mut self, error: String, hint: Option<String>) {
        self.notices.tell(&Notice::Lost { error, hint });
        self.lost += 1;
    }

    fn close(self) -> Resent {
        let mut destinations: Vec<DestinationReport> =
            self.resenders.into_values().flatten().map(Resender::report).collect();
        destinations.sort_by(|a, b| a.name.cmp(&b.name));
        let report = DeliveryReport { destinations, ..DeliveryReport::default() };
        let Self { waiting, set_aside, in_other_hands, lost, .. } = self;
        Resent { waiting, set_aside, in_other_hands, unread: vec![], lost, report }
    }
}

fn is_same(a: &Path, b: &Path) -> bool {
    match (a.canonicalize(), b.canonicalize()) {
        (Ok(a), Ok(b)) => a == b,
        _ => false,
    }
}
