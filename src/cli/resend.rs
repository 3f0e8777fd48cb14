//! `ecspan resend`: sends again what receivers did not accept.

use std::collections::HashMap;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use ecspan::sink::{
    Destination, DestinationReport, MeantFor, OpenError, Outcome, Overrides, Report, Resender, Settings, Signal,
    Target, Then, Undelivered, Verdict, Waiting, read_waiting,
};

use super::args::{Global, ResendArgs};
use super::exit::Exit;
use super::problem::Problem;
use super::{closing, destinations, env, signals, tasks, terminal};

/// So many lines of a file that cannot be read are named one by one.
const NAMED: usize = 3;

pub(super) async fn run(global: &Global, args: &ResendArgs) -> Result<Exit, Problem> {
    let folder = destinations::undelivered(args.undelivered.as_deref())
        .ok_or_else(|| Problem::usage("there is no undelivered folder").hint("--undelivered DIR".to_owned()))?;
    folder.tidy();
    let mut run = Run::new(global, args, &folder).await?;
    for file in run.files()? {
        if signals::received().is_some() {
            break;
        }
        run.file(&file).await;
    }
    run.close()
}

struct Run<'a> {
    args: &'a ResendArgs,
    folder: &'a Undelivered,
    overrides: Overrides,
    aws: Option<ecspan::source::aws::Aws>,
    /// Where flags send everything.
    target: Option<Target>,
    resenders: HashMap<(Option<MeantFor>, Signal), Option<Resender>>,
    /// Files and lines that could not be read, and requests without a destination.
    lost: usize,
    set_aside: u64,
    waiting: u64,
}

impl<'a> Run<'a> {
    async fn new(global: &Global, args: &'a ResendArgs, folder: &'a Undelivered) -> Result<Self, Problem> {
        let given = args.to.as_deref().map(destinations::target).transpose()?;
        if let Some(Target::File(path)) = &given {
            refuse_existing(path, args)?;
        }
        if args.undelivered.is_some() && !folder.path().is_dir() {
            return Err(Problem::failed(format!("{} is no folder", folder.path().display()))
                .hint("without --undelivered the folder in the state directory is read".to_owned()));
        }
        // An endpoint is a destination too.
        let target = given.or_else(|| args.otlp.endpoint.is_some().then_some(Target::Otlp));
        Ok(Self {
            args,
            folder,
            overrides: destinations::overrides(&args.otlp),
            // Configured once, asked only by X-Ray.
            aws: Some(tasks::aws(global).await),
            target,
            resenders: HashMap::new(),
            lost: 0,
            set_aside: 0,
            waiting: 0,
        })
    }

    fn files(&self) -> Result<Vec<PathBuf>, Problem> {
        if !self.args.files.is_empty() {
            return Ok(self.args.files.clone());
        }
        let listed = self.folder.files();
        listed.map_err(|error| Problem::failed(format!("failed to list {}: {error}", self.folder.path().display())))
    }

    async fn file(&mut self, path: &Path) {
        let is_ours = path.parent().is_some_and(|parent| is_same(parent, self.folder.path()));
        let lines = match read_waiting(path) {
            Ok(lines) => lines,
            // Another resend was quicker.
            Err(error) if is_ours && error.kind() == ErrorKind::NotFound && self.args.files.is_empty() => return,
            Err(error) => return self.lose(Problem::failed(format!("failed to read {}: {error}", path.display()))),
        };
        let mut then = Then::Done;
        let mut unreadable = 0;
        for line in lines {
            match line {
                Ok(waiting) => {
                    if self.one(waiting, is_ours).await == Then::Waits {
                        then = Then::Waits;
                    }
                }
                Err(error) => {
                    then = Then::Waits;
                    unreadable += 1;
                    if unreadable <= NAMED {
                        Problem::failed(error.to_string()).print();
                    }
                }
            }
        }
        if let Some(more) = unreadable.checked_sub(NAMED).filter(|more| *more > 0) {
            Problem::failed(format!("{}: {more} more lines could not be read", path.display())).print();
        }
        self.lost += unreadable;
        if is_ours
            && then == Then::Done
            && let Err(error) = fs::remove_file(path)
            && error.kind() != ErrorKind::NotFound
        {
            // Sending it again does no harm: the spans are identical.
            terminal::tell("warning", &format!("{} was sent and could not be removed: {error}", path.display()));
        }
    }

    async fn one(&mut self, waiting: Waiting, is_ours: bool) -> Then {
        self.waiting += 1;
        let outcome = waiting.note.as_ref().map_or(Outcome::Undelivered, |note| note.outcome);
        if !outcome.is_resent() && !self.args.partial {
            self.set_aside += 1;
            return Then::Waits;
        }
        let meant_for = waiting.note.as_ref().filter(|_| is_ours && self.target.is_none());
        let signal = match &self.target {
            // A file is opened once, whatever comes.
            Some(Target::File(_) | Target::Stdout) => Signal::Traces,
            _ => waiting.request.signal(),
        };
        let key = (meant_for.map(|note| note.meant_for.clone()), signal);
        if !self.resenders.contains_key(&key) {
            let opened = self.open(key.0.as_ref(), key.1);
            let opened = opened.map_err(|problem| self.lose(problem)).ok();
            self.resenders.insert(key.clone(), opened);
        }
        match self.resenders.get(&key) {
            Some(Some(resender)) => resender.send(waiting).await,
            // Told once, when it could not be opened.
            _ => Then::Waits,
        }
    }

    fn open(&self, meant_for: Option<&MeantFor>, signal: Signal) -> Result<Resender, Problem> {
        let aws = self.aws.as_ref().map(|aws| aws.config());
        let settings = Settings { overrides: &self.overrides, env: &env::get, aws };
        let opened = match (meant_for, &self.target) {
            (Some(meant_for), None) if !self.args.dry_run => Destination::meant(meant_for, signal, &settings),
            (Some(meant_for), None) => Destination::meant(meant_for, signal, &settings).map(Destination::dry),
            (_, target) => {
                let target = target.as_ref().unwrap_or(&Target::Otlp);
                if signal == Signal::Logs && matches!(target, Target::Xray(_)) {
                    return Err(Problem::failed("X-Ray takes no log records").hint("--to otlp".to_owned()));
                }
                let open = if self.args.dry_run { Destination::dry_run } else { Destination::open };
                open(target, signal, &settings)
            }
        };
        let destination = opened.map_err(|error: OpenError| destinations::problem(error))?;
        // What comes from a named file is still there.
        let destination = if self.args.files.is_empty() { destination.keeping(self.folder) } else { destination };
        Ok(Resender::new(destination).until(signals::wait()))
    }

    fn lose(&mut self, problem: Problem) {
        problem.print();
        self.lost += 1;
    }

    fn close(self) -> Result<Exit, Problem> {
        let mut destinations: Vec<DestinationReport> =
            self.resenders.into_values().flatten().map(Resender::report).collect();
        destinations.sort_by(|a, b| a.name.cmp(&b.name));
        destinations.iter().for_each(closing::tell_destination);
        if self.set_aside > 0 {
            let requests = closing::count(self.set_aside, "request");
            let note =
                format!("{requests} left in place, which a receiver did not take whole: --partial sends them too");
            terminal::tell("note", &note);
        }
        if self.waiting == 0 && self.lost == 0 {
            terminal::tell("note", &format!("nothing waits in {}", self.folder.path().display()));
        }
        let report = Report { destinations, ..Report::default() };
        Ok(match report.verdict() {
            _ if signals::received().is_some() => signals::received().unwrap_or(Exit::Interrupted),
            Verdict::Nothing => Exit::Failed,
            Verdict::Some => Exit::PartlyDelivered,
            Verdict::All if self.lost > 0 && report.destinations.is_empty() => Exit::Failed,
            Verdict::All if self.lost > 0 => Exit::Incomplete,
            Verdict::All => Exit::Success,
        })
    }
}

/// What leaves the folder must not replace what left it before, nor the file that it comes from.
fn refuse_existing(path: &Path, args: &ResendArgs) -> Result<(), Problem> {
    if args.dry_run || !path.is_file() {
        return Ok(());
    }
    Err(Problem::usage(format!("--to: {} exists, and a resend replaces no file", path.display()))
        .hint("name a new one".to_owned()))
}

fn is_same(a: &Path, b: &Path) -> bool {
    match (a.canonicalize(), b.canonicalize()) {
        (Ok(a), Ok(b)) => a == b,
        _ => false,
    }
}
